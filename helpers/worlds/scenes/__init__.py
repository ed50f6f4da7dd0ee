"""Scenes: pictures of coloured shapes with exact captions, questions, boxes and hard negatives.

>>> from helpers.worlds import scenes
>>> scene = next(scenes.scenes("heldout", 1))
>>> image = scenes.render(scene)            # a PIL image, 96 × 96
>>> scenes.captions(scene)[0]               # doctest: +SKIP
"""

from .captions import PROMPT, captions, catalogue_caption, hard_negative, noun, short_captions, short_negatives
from .layout import BACKGROUNDS, COLOURS, NOVEL_PAIRS, SHAPES, Scene, Sign, Thing, sample_scene, scene_rng, scenes
from .questions import ANSWER_LIST, ANSWERS, CHANCE, Question, questions, questions_about, sample_question
from .render import box, boxes, render

__all__ = [
    "ANSWERS", "ANSWER_LIST", "BACKGROUNDS", "CHANCE", "COLOURS", "NOVEL_PAIRS", "PROMPT", "SHAPES",
    "Question", "Scene", "Sign", "Thing", "box", "boxes", "captions", "catalogue_caption", "hard_negative", "noun",
    "questions", "questions_about", "render", "sample_question", "sample_scene", "scene_rng", "scenes",
    "short_captions", "short_negatives",
]  # fmt: skip
