"""Pairs of scenes that are equal but for one change, with the sentence that names it and questions about both.

>>> from helpers.worlds import pairs
>>> pair = next(pairs.pairs("heldout", 1))
>>> first, second = pairs.render(pair)      # two PIL images, 96 × 96
>>> pair.sentence                           # doctest: +SKIP

The two pictures are two shots of the same things: the noise of the sensor, a few grey levels, is not the same.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from PIL import Image

from ..errors import unknown
from . import drawing, scenes
from .scenes import BACKGROUNDS, COLOURS, NOVEL_PAIRS, SHAPES, Scene, Thing
from .scenes.layout import DIGITS, SIZES, SPLITS, WORDS

#: Each change with the word that answers "What has changed?".
CHANGES = {
    "colour": "colour",
    "shape": "shape",
    "size": "size",
    "appears": "count",
    "disappears": "count",
    "sign": "sign",
    "background": "background",
}
NOTHING = "nothing"  # a change as well, where it is asked for by name: two shots of one scene
COMPARE = (
    "What is different?",
    "What has changed between the first picture and the second?",
    "Compare the two images.",
)
FIRST, SECOND, BOTH, NEITHER = "Picture 1", "Picture 2", "both", "neither"
#: The answers of each type that are drawn in equal shares; the sentences of "difference" are too many to list.
ANSWERS = {
    "difference": (*CHANGES, NOTHING),
    "kind": ("colour", "shape", "size", "count", "sign", "background", NOTHING),
    "which": (FIRST, SECOND, BOTH, NEITHER),
    "more": (FIRST, SECOND, NEITHER),
}
KIND = "What has changed: colour, shape, size, count, sign, background or nothing? Answer with one word."


@dataclass(frozen=True)
class Pair:
    """Two scenes. ``change`` is a key of CHANGES or NOTHING; ``sentence`` names it: "the red star became blue"."""

    first: Scene
    second: Scene
    change: str
    sentence: str


@dataclass(frozen=True)
class Question:
    """A question about a pair. ``type`` is a key of ANSWERS."""

    type: str
    text: str
    answer: str


def pair_rng(split: str, seed: int, index: int) -> random.Random:
    """The random stream of one pair. Raises UnknownName for a split that does not exist."""
    if split not in SPLITS:
        raise unknown("split", split, list(SPLITS))
    return random.Random(f"pairs/{split}/{seed}/{index}")


def pairs(split: str, n: int | None = None, seed: int = 0, start: int = 0, change: str | None = None) -> Iterator[Pair]:
    """Yield ``n`` pairs of a split (endlessly when ``n`` is None), of one change or (None) of all in turn."""
    for index in drawing.indices(n, start):
        yield sample_pair(pair_rng(split, seed, index), split, change or tuple(CHANGES)[index % len(CHANGES)])


def sample_pair(rng: random.Random, split: str = "train", change: str | None = None) -> Pair:
    """Draw one pair. ``change`` (a key of CHANGES, or NOTHING) is drawn from CHANGES unless given."""
    change = change or rng.choice(tuple(CHANGES))
    if change not in (*CHANGES, NOTHING):
        raise unknown("change", change, [*CHANGES, NOTHING])
    while True:
        scene = scenes.sample_scene(rng, split)
        changed = _change(scene, change, rng)
        if changed is None:
            continue
        second, sentence = changed
        shown = {thing.pair for thing in (*scene.things, *second.things)}
        if split != "novel" and shown & NOVEL_PAIRS:
            continue
        second = replace(second, pixel_seed=rng.getrandbits(32))
        if change == "appears":
            scene, second = second, scene
        return Pair(scene, second, change, sentence)


def render(pair: Pair, side: int = 96) -> list[Image.Image]:
    """Both pictures, as RGB images of ``side`` × ``side`` pixels."""
    return [scenes.render(pair.first, side), scenes.render(pair.second, side)]


def _single(scene: Scene) -> list[Thing]:
    """The things whose colour and shape no other thing has."""
    return [t for t in scene.things if sum(o.pair == t.pair for o in scene.things) == 1]


def _article(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"


def _change(scene: Scene, change: str, rng: random.Random) -> tuple[Scene, str] | None:
    """The changed scene (for "appears" the one before) and the sentence; None where the scene cannot change so."""
    if change == NOTHING:
        return scene, "nothing changed"
    if change == "background":
        new = rng.choice([b for b in BACKGROUNDS if b != scene.background])
        return replace(scene, background=new), f"the background became {new}"
    if change == "sign":
        if not scene.sign:
            return None
        new = rng.choice([w for w in (DIGITS if scene.sign.is_digit else WORDS) if w != scene.sign.text])
        sentence = f"the sign changed from {scene.sign.text} to {new}"
        return replace(scene, sign=replace(scene.sign, text=new)), sentence
    candidates = _single(scene)
    if not candidates:
        return None
    thing = rng.choice(candidates)
    name = f"{thing.colour} {thing.shape}"
    if change in ("appears", "disappears"):
        if len(scene.things) == 1:
            return None
        rest = replace(scene, things=tuple(t for t in scene.things if t != thing), relation="")
        return rest, f"the {name} disappeared" if change == "disappears" else f"{_article(name)} appeared"
    return _altered(scene, thing, name, change, rng)


def _altered(scene: Scene, thing: Thing, name: str, change: str, rng: random.Random) -> tuple[Scene, str] | None:
    """The scene with one thing of another colour, shape or size."""
    if change == "size":
        size = next(s for s in SIZES if s != thing.size)
        new, result = replace(thing, size=size, r=rng.uniform(*SIZES[size])), size
    elif change == "shape":
        shape = rng.choice([s for s in SHAPES if s != thing.shape])
        new, result = replace(thing, shape=shape), _article(shape)
    else:
        result = rng.choice([c for c in COLOURS if c != thing.colour])
        new = replace(thing, colour=result)
    others = [t for t in scene.things if t != thing]
    if any(o.pair == new.pair for o in others) or not _fits(new, others, scene):
        return None
    return replace(scene, things=tuple(new if t == thing else t for t in scene.things)), f"the {name} became {result}"


def _fits(thing: Thing, others: list[Thing], scene: Scene) -> bool:
    """Whether a thing lies in the picture and clear of all others and of the sign."""
    round_it = [(o.x, o.y, o.r) for o in others] + ([(scene.sign.x, scene.sign.y, 0.13)] if scene.sign else [])
    inside = all(thing.r < v < 1 - thing.r for v in (thing.x, thing.y))
    return inside and all(math.hypot(thing.x - x, thing.y - y) > 0.8 * (thing.r + r) for x, y, r in round_it)


def pair_questions(
    split: str, n: int | None = None, seed: int = 0, start: int = 0, type: str | None = None
) -> Iterator[tuple[Pair, Question]]:
    """Yield ``n`` (pair, question) pairs of a split, of one type or (None) all types in equal shares."""
    for index in drawing.indices(n, start):
        yield sample_question(pair_rng(split, seed, index), split, type or tuple(ANSWERS)[index % len(ANSWERS)])


def sample_question(rng: random.Random, split: str, type: str) -> tuple[Pair, Question]:
    """Draw a question of a type (a key of ANSWERS) with a pair to ask it about; all answers are equally likely."""
    if type not in ANSWERS:
        raise unknown("type of question", type, list(ANSWERS))
    target = rng.choice(ANSWERS[type])
    while True:
        change = {"difference": target, "kind": rng.choice([c for c, k in CHANGES.items() if k == target] or [NOTHING])}
        pair = sample_pair(rng, split, change.get(type) or rng.choice((*CHANGES, NOTHING)))
        for question in questions(pair, rng, split):
            if question.type == type and (type == "difference" or question.answer == target):
                return pair, question


def questions(pair: Pair, rng: random.Random, split: str = "train") -> list[Question]:
    """All that this world asks about a pair, in random order. (Only ``novel`` asks about novel pairs.)"""
    found = [Question("difference", rng.choice(COMPARE), pair.sentence)]
    found.append(Question("kind", KIND, CHANGES.get(pair.change, NOTHING)))
    there = [{t.pair for t in scene.things} for scene in (pair.first, pair.second)]
    asked = sorted(there[0] | there[1])
    absent = (rng.choice(COLOURS), rng.choice(asked)[1]), (rng.choice(asked)[0], rng.choice(SHAPES))
    asked += [p for p in absent if p not in asked and (split == "novel" or p not in NOVEL_PAIRS)]
    for wanted in asked:
        answer = {(True, False): FIRST, (False, True): SECOND, (True, True): BOTH, (False, False): NEITHER}
        text = f"In which picture is there {_article(' '.join(wanted))}?"
        found.append(Question("which", text, answer[wanted in there[0], wanted in there[1]]))
    n, m = len(pair.first.things), len(pair.second.things)
    found.append(
        Question("more", "Which picture shows more objects?", FIRST if n > m else SECOND if m > n else NEITHER)
    )
    rng.shuffle(found)
    return found
