"""Held-out scores of ``qwen2_5_omni``: what its card states and ``course models check`` recomputes. Greedy."""

from __future__ import annotations

import random

from PIL import Image

from helpers import grading, vision, vision_tasks

from . import omni_data, qwen_vl_scores, strokes, tones

N = 100  # items per score
HELD_OUT = 50_000_000  # no training has seen an index from here on
MOST_TOKENS = 12

ABOUT = """trained for the course *Hands-On Multimodal LLMs* as the base of a fine-tuning: it has seen
synthetic scenes, marks and grey pictures, heard rows of tones, and read the words of the course, and has seen **no
face** and heard **no voice**. It is **not** a small version of a public model: it knows nothing but those worlds in
their own wordings, and what it says about a photograph or a recording means nothing. It began with the weights of
`qwen2_5_vl-m`, whose training is not counted in the minutes. (Nobody has run the recipe as it stands from start to end:
there were 3,400 steps of it as it was when the towers learned alone and no longer, then 900 of the towers alone and
2,200 of everything together.)"""
DATA = "`helpers.worlds.scenes` (train), `recipes.strokes`, `recipes.tones` and `recipes.grey_pictures`; synthetic"
WHERE = "on one CPU core with AVX-512, beside other work on the machine"
SCORES_NOTE = """Shares of exact answers to 100 held-out questions each, decoded greedily: "vqa" about scenes, "marks"
about marks in a picture (which one is at the top, is there such a one, how many), "tones" about rows of tones, and both
again where a picture and a sound come together."""


def all_scores(role: str, model, processor, n: int = N) -> dict[str, float]:
    """The share of exact answers by what is asked about."""
    asked = vision_tasks.items("vqa", "heldout", n)
    said = qwen_vl_scores.answers(model, processor, asked)
    right = sum(grading.grade(item, text).outcome == "correct" for item, text in zip(asked, said))
    scores = {"vqa": right / n}
    for name, make in (("marks", marks), ("tones", rows_of_tones)):
        for together in (False, True):
            asked = [make(random.Random(f"{name}/{HELD_OUT + i}"), together) for i in range(n)]
            right = sum(ask(model, processor, *item[:3]) == item[3] for item in asked)
            scores[f"{name}_together" if together else name] = right / n
    return scores


def marks(rng: random.Random, together: bool) -> tuple:
    """A picture of marks, perhaps a sound that does not matter, a question and its answer."""
    while True:
        picture = strokes.sample_picture(rng)
        turn = rng.choice([talk[0] for talk in omni_data.stroke_talks(picture, rng)[:-1]])
        if len(picture.marks) > 2:
            break
    sound = tones.render(tones.sample_tones(rng))[0] if together else None
    return strokes.render(picture, omni_data.SIDE), sound, turn.question, turn.answer


def rows_of_tones(rng: random.Random, together: bool) -> tuple:
    """A row of tones, perhaps a picture that does not matter, a question and its answer."""
    row = tones.sample_tones(rng)
    question, answer = rng.choice(list(tones.answers(row).items()))
    picture = strokes.render(strokes.sample_picture(rng), omni_data.SIDE) if together else None
    return picture, tones.render(row)[0], question, answer


def ask(model, processor, picture, sound, question: str) -> str:
    """The greedy answer to a question about a picture, a sound or both."""
    parts = [{"type": name} for name, what in (("image", picture), ("audio", sound)) if what is not None]
    text = processor.apply_chat_template(
        [{"role": "user", "content": [*parts, {"type": "text", "text": question}]}], add_generation_prompt=True
    )
    images = None if picture is None else [Image.fromarray(picture)]
    inputs = processor(text=[text], images=images, audio=None if sound is None else [sound], return_tensors="pt")
    return vision.generate(model, processor, inputs, MOST_TOKENS)[0]
