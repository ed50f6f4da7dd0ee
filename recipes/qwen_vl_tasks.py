"""What the Qwen-VL models are shown and asked: pictures, and for each several short conversations about it.

The conversations of one picture are independent: each begins right after the picture and none sees another
(``qwen_vl_data``). So a picture is looked at once and asked about five times, as if it were five examples.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from PIL import Image
from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

from helpers import grounding
from helpers.worlds import clips, documents, pairs, scenes
from helpers.worlds.clips.clip import clip_rng
from helpers.worlds.documents.document import document_rng
from helpers.worlds.pairs import pair_rng

from . import grey_pictures

DRILLED = ("colour", "shape", "count", "yes/no")  # types of questions
CLIP_SIDE = 96  # what `clips.frames` draws
DOCUMENT_SCALES = {1.0: 1, 1.5: 3, 2.0: 6}  # with weights; at 2 a capital is 16 to 21 pixels high
BOXES = 5  # of a drill in places: longer lists of them make longer batches, and teach no more
PATCHES_PER_SIDE = {8: 7, 6: 1, 4: 1, 12: 1}  # of a scene, with weights: 112 pixels, and what other budgets leave


class Turn(NamedTuple):
    """A question with its answer, and what is thought before it (None: nothing, and no room for it)."""

    question: str
    answer: str
    reasoning: str | None = None


@dataclass
class Family:
    """What differs between Qwen2.5-VL and Qwen3-VL before the model: patches, coordinates, whether it can think."""

    patch: int
    convention: str
    thinks: bool

    @property
    def token(self) -> int:
        """Pixels of a visual token's side: two patches."""
        return 2 * self.patch


QWEN2_5, QWEN3 = Family(14, "absolute", thinks=False), Family(16, "relative", thinks=True)
LEAST, MOST = 16, 256  # visual tokens of a picture


@dataclass
class Example:
    """Pictures (or the frames of one clip) as uint8 (height, width, 3) arrays, and conversations about them.

    ``content`` is what patch labels are made of: a scene, a document, or a grey picture with its spots' masks.
    """

    pictures: list[np.ndarray]
    talks: list[list[Turn]]
    is_clip: bool = False
    numbered: bool = False
    content: scenes.Scene | documents.Document | tuple | None = None


def numbers(family: Family, width: int, height: int):
    """How a family writes a box given in shares of the sides: pixels of the picture it sees, or thousandths."""
    return lambda box: grounding.to_model(box, (1, 1), (width, height), family.convention)


def scene_example(family: Family, index: int, per_side: int) -> Example:
    """A scene, half of them drawn for a balanced question, with some seven conversations."""
    rng = random.Random(f"qwen_vl/scene/{index}")
    draw = scenes.scene_rng("train", 2, index)
    scene, first = scenes.sample_question(draw) if index % 2 else (scenes.sample_scene(draw), None)
    side = per_side * family.patch
    talks = [[_asked(scene, rng, family, first)], *([_asked(scene, rng, family)] for _ in range(4))]
    talks.append([_located(scene, rng, family, side)])
    talks.append([_told(scene, rng, family, side)])
    if rng.random() < 0.2:  # a conversation of two turns
        talks[0].append(talks.pop(1)[0])
    return Example([np.asarray(scenes.render(scene, side))], talks, content=scene)


def drill_example(family: Family, index: int) -> Example:
    """Several kinds of things, and questions that only a look at the right one answers.

    Over all scenes, naming what is in the picture without minding which was asked for answers two in three of the
    questions about colours and shapes, and models stayed there for thousands of steps. On these scenes a model learned
    within 400 steps to look where the question points.
    """
    rng = random.Random(f"qwen_vl/drill/{index}")
    draw = scenes.scene_rng("train", 3, index)
    while True:
        scene, first = scenes.sample_question(draw, type=draw.choice(DRILLED))
        if len({thing.pair for thing in scene.things}) > 1:
            break
    others = [q for q in scenes.questions_about(scene, rng) if q.type in DRILLED and q != first]
    asked, hasty = [first, *rng.sample(others, min(5, len(others)))], replace(family, thinks=False)
    talks = [[_asked(scene, rng, hasty, question)] for question in asked]
    talks.append([Turn(rng.choice(scenes.DESCRIBE), scenes.description(scene))])
    return Example([np.asarray(scenes.render(scene, 8 * family.patch))], talks, content=scene)


def place_example(family: Family, index: int) -> Example:
    """Several kinds of things, and where they are; two short questions keep what drills taught.

    Lists of boxes came to little while they were one conversation in seven: models wrote likely boxes. And where only
    things that occur once were asked for, a model stopped after its first point.
    """
    rng = random.Random(f"qwen_vl/place/{index}")
    draw = scenes.scene_rng("train", 4, index)
    while True:
        scene = scenes.sample_scene(draw)
        if len({thing.pair for thing in scene.things}) > 1:
            break
    side = 8 * family.patch
    write = numbers(family, side, side)
    targets, left, talks = scenes.targets(scene), BOXES, []
    for name in rng.sample(list(targets), len(targets)):
        found = [(name, box) for box in targets[name]]
        if len(found) > left:
            continue
        left -= len(found)
        ask, answer = rng.choice(((scenes.LOCATE, scenes.boxes_json), (scenes.POINT, scenes.points_json)))
        talks.append([Turn(ask.format(name=name), answer(found, write))])
    if rng.random() < 0.3:
        talks.append([_located(scene, rng, family, side)])
    talks += [[_asked(scene, rng, replace(family, thinks=False))] for _ in range(2)]
    return Example([np.asarray(scenes.render(scene, side))], talks, content=scene)


def _asked(scene: scenes.Scene, rng: random.Random, family: Family, question: scenes.Question | None = None) -> Turn:
    """A question of a random type, half of the time told how to answer."""
    if question is None:
        about = scenes.questions_about(scene, rng)
        type = rng.choice(sorted({q.type for q in about}))
        question = rng.choice([q for q in about if q.type == type])
    text = f"{question.text} {scenes.SHORT}" if rng.random() < 0.5 else question.text
    thinks = family.thinks and rng.random() < 0.3
    return Turn(text, question.answer, scenes.reasoning(scene) if thinks else None)


def _told(scene: scenes.Scene, rng: random.Random, family: Family, side: int) -> Turn:
    """The whole scene: described, analysed, or as a list of boxes."""
    draw = rng.random()
    if draw < 0.6:
        return Turn(rng.choice(scenes.DESCRIBE), scenes.description(scene))
    if draw < 0.85:
        return Turn(rng.choice(scenes.ANALYSE), scenes.analysis(scene))
    found = scenes.boxes_json(scenes.everything(scene), numbers(family, side, side))
    return Turn(scenes.LOCATE_ALL, found)


def _located(scene: scenes.Scene, rng: random.Random, family: Family, side: int) -> Turn:
    """Boxes or points of what has a name; of what is not there, an empty list."""
    targets = scenes.targets(scene)
    name = rng.choice(list(targets))
    if rng.random() < 0.2:
        absent = [*scenes.SHAPES, *(f"{colour} thing" for colour in scenes.COLOURS), "sign"]
        name = rng.choice([name for name in absent if name not in targets])
    found = [(name, box) for box in targets.get(name, [])]
    if rng.random() < 0.3:
        return Turn(scenes.POINT.format(name=name), scenes.points_json(found, numbers(family, side, side)))
    return Turn(scenes.LOCATE.format(name=name), scenes.boxes_json(found, numbers(family, side, side)))


def grey_example(family: Family, index: int) -> Example:
    """A grey picture, what its spots are and where, and a few words to read (chapter 4's bases)."""
    rng = random.Random(f"qwen_vl/grey/{index}")
    picture = grey_pictures.sample_picture(rng)
    side = 8 * family.patch
    pixels, masks = grey_pictures.render(picture, side)
    found = [(spot.kind, grey_pictures.box(mask)) for spot, mask in zip(picture.spots, masks)]
    turns = [Turn(rng.choice(grey_pictures.DESCRIBE), grey_pictures.description(picture))]
    asked = rng.choice([kind for kind, _ in found] or grey_pictures.KINDS) if rng.random() < 0.5 else None
    asked = asked or rng.choice(grey_pictures.KINDS)
    there = [box for kind, box in found if kind == asked]
    turns.append(Turn(f"Is there a {asked}?", "yes" if there else "no"))
    listed = scenes.boxes_json([(asked, box) for box in there], numbers(family, side, side))
    turns.append(Turn(scenes.LOCATE.format(name=asked), listed))
    if len(found) < 2:
        turns.append(Turn(rng.choice(grey_pictures.SHOWS), found[0][0] if found else "nothing"))
    if len(found) == 1:
        turns.append(Turn(rng.choice(grey_pictures.SIDE), grey_pictures.side(picture.spots[0], picture)))
    turns.append(Turn(grey_pictures.READ, grey_pictures.read_aloud(rng)))
    return Example([pixels], [[turn] for turn in turns], content=(picture, masks))


def document_example(family: Family, index: int) -> Example:
    """A document as the processor would hand it on, with some five conversations."""
    rng = random.Random(f"qwen_vl/document/{index}")
    document = documents.sample_document(document_rng("train", 2, index))
    scale = rng.choices(list(DOCUMENT_SCALES), list(DOCUMENT_SCALES.values()))[0]
    talks = [[Turn(q.prompt, q.answer)] for q in documents.questions(document, rng)[:4]]
    if rng.random() < 0.7:
        talks.append([Turn(rng.choice(documents.TRANSCRIBE), documents.transcription(document))])
    if rng.random() < 0.4 or len(talks) < 3:
        talks.append([_converted(document, rng)])
    image = documents.render(document, scale)
    return Example([as_seen(image, family)], talks, content=document)


def reading_example(family: Family, index: int) -> Example:
    """A short document, in full size: its text, and questions about it."""
    rng = random.Random(f"qwen_vl/reading/{index}")
    document = documents.sample_document(document_rng("train", 3, index), kind=rng.choice(("sign", "form", "receipt")))
    talks = [[Turn(rng.choice(documents.TRANSCRIBE), documents.transcription(document))]]
    talks += [[Turn(q.prompt, q.answer)] for q in documents.questions(document, rng)[:4]]
    return Example([as_seen(documents.render(document, 2), family)], talks, content=document)


def _converted(document: documents.Document, rng: random.Random) -> Turn:
    if document.kind == "table":
        return rng.choice((
            Turn(documents.TO_HTML, documents.as_html(document)), Turn(documents.TO_CSV, documents.as_csv(document)),
            Turn(documents.json_prompt(document), documents.as_json(document)),
        ))  # fmt: skip
    return Turn(documents.json_prompt(document), documents.as_json(document))


def as_seen(image: Image.Image, family: Family) -> np.ndarray:
    """A picture resized to whole visual tokens, as the processor does it."""
    height, width = smart_resize(
        image.height, image.width, family.token, min_pixels=LEAST * family.token**2, max_pixels=MOST * family.token**2
    )
    resized = image if image.size == (width, height) else image.resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(resized)


def clip_example(family: Family, index: int) -> Example:
    """A clip, some six conversations about what happens and when."""
    rng = random.Random(f"qwen_vl/clip/{index}")
    clip = clips.sample_clip(clip_rng("train", 2, index), "train")
    talks = [[Turn(q.prompt, q.answer)] for q in clips.questions(clip, rng)[:5]]
    if rng.random() < 0.5:
        talks.append([Turn(rng.choice(clips.DESCRIBE), clips.describe(clip))])
    if rng.random() < 0.25:
        talks.append([Turn(clips.LIST_EVENTS, clips.as_json(clip))])
    side = CLIP_SIDE // family.token * family.token
    frames = list(clips.frames(clip, side))
    return Example(frames + frames[-1:] * (len(frames) % 2), talks, is_clip=True)


def pair_example(family: Family, index: int) -> Example:
    """Two pictures, what differs, and four questions about both."""
    rng = random.Random(f"qwen_vl/pair/{index}")
    draw = pair_rng("train", 2, index)
    kinds = tuple(pairs.ANSWERS)
    pair, first = pairs.sample_question(draw, "train", kinds[index % len(kinds)])
    others = [q for q in pairs.questions(pair, rng) if q.text != first.text]
    talks = [[Turn(q.text, q.answer)] for q in (first, *others[:4])]
    pictures = [np.asarray(picture) for picture in pairs.render(pair, 8 * family.patch)]
    return Example(pictures, talks, numbered=rng.random() < 0.7)
