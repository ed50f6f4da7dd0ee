"""Scenes: pictures of coloured shapes with exact captions, questions, boxes and hard negatives.

>>> from helpers.worlds import scenes
>>> scene = next(scenes.scenes("heldout", 1))
>>> image = scenes.render(scene)            # a PIL image, 96 × 96
>>> scenes.captions(scene)[0]               # doctest: +SKIP
"""

from .captions import PROMPT, captions, catalogue_caption, hard_negative, noun, short_captions, short_negatives
from .layout import BACKGROUNDS, COLOURS, NOVEL_PAIRS, SHAPES, Scene, Sign, Thing, sample_scene, scene_rng, scenes
from .prompts import (
    ANALYSE,
    DESCRIBE,
    LOCATE,
    LOCATE_ALL,
    POINT,
    SHORT,
    analysis,
    boxes_json,
    description,
    everything,
    points_json,
    reasoning,
    targets,
)
from .questions import ANSWER_LIST, ANSWERS, CHANCE, Question, questions, questions_about, sample_question
from .render import box, boxes, render

__all__ = [
    "ANALYSE", "ANSWERS", "ANSWER_LIST", "BACKGROUNDS", "CHANCE", "COLOURS", "DESCRIBE", "LOCATE", "LOCATE_ALL",
    "NOVEL_PAIRS", "POINT", "PROMPT", "SHAPES", "SHORT", "Question", "Scene", "Sign", "Thing", "analysis", "box",
    "boxes", "boxes_json", "captions", "catalogue_caption", "description", "everything", "hard_negative", "noun",
    "points_json", "questions", "questions_about", "reasoning", "render", "sample_question", "sample_scene",
    "scene_rng", "scenes", "short_captions", "short_negatives", "targets",
]  # fmt: skip
