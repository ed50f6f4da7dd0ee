"""What the Qwen-VL models are asked about scenes: a mixture of everything, and drills in one skill at a time."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np

from helpers.worlds import scenes

from .qwen_vl_tasks import Example, Family, Turn, numbers

DRILLED = ("colour", "shape", "count", "yes/no")  # types of questions
BOXES = 5  # of a drill in places: longer lists of them make longer batches, and teach no more


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


def telling_example(family: Family, index: int) -> Example:
    """A whole scene, told in each way there is: described, analysed, and thought through where a model thinks."""
    rng = random.Random(f"qwen_vl/telling/{index}")
    scene, question = scenes.sample_question(scenes.scene_rng("train", 5, index))
    turns = [Turn(rng.choice(scenes.DESCRIBE), scenes.description(scene))]
    turns.append(Turn(rng.choice(scenes.ANALYSE), scenes.analysis(scene)))
    turns.append(Turn(question.text, question.answer, scenes.reasoning(scene) if family.thinks else None))
    return Example([np.asarray(scenes.render(scene, 8 * family.patch))], [[turn] for turn in turns], content=scene)


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
