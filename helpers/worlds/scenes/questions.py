"""Questions about scenes with exact answers, balanced so that the text alone gives nothing away.

For every type an answer is drawn first, uniformly, and scenes are drawn until one of them has
a question with that answer. Without this, "is there …" would mostly be answered "yes".
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .. import drawing
from .captions import plural
from .layout import (
    BACKGROUNDS,
    COLOURS,
    COMPOSITIONS,
    DIGITS,
    NOVEL_PAIRS,
    SHAPES,
    WORDS,
    Scene,
    Thing,
    sample_scene,
    scene_rng,
)  # fmt: skip


@dataclass(frozen=True)
class Question:
    """A question about one scene. ``type`` is a key of ANSWERS; the answer is one word."""

    type: str
    text: str
    answer: str


#: The answers of each type: the candidates for ranking, and 1 / len is what guessing gets.
#: ("comparison" names two shapes in the question itself or asks yes/no, so guessing there gets 1/2.)
ANSWERS: dict[str, tuple[str, ...]] = {
    "colour": COLOURS,
    "shape": SHAPES,
    "count": ("0", "1", "2", "3", "4", "5"),
    "position": ("left", "right", "above", "below"),
    "comparison": ("first", "second", "yes", "no"),  # first/second: which of the two named is larger
    "yes/no": ("yes", "no"),
    "sign": WORDS + DIGITS,
    "background": BACKGROUNDS,
}
#: What guessing gets per type.
CHANCE = {name: 1 / len(answers) for name, answers in ANSWERS.items()} | {"comparison": 1 / 2}
#: Every answer that occurs, for ranking.
ANSWER_LIST = tuple(sorted(set().union(*ANSWERS.values()) - {"first", "second"}))


def questions(split: str, n: int | None = None, seed: int = 0, start: int = 0) -> Iterator[tuple[Scene, Question]]:
    """Yield ``n`` (scene, question) pairs of a split, types in equal shares."""
    for index in drawing.indices(n, start):
        yield sample_question(scene_rng(split, seed, index), split)


def sample_question(rng: random.Random, split: str = "train", type: str | None = None) -> tuple[Scene, Question]:
    """Draw a question of a type (drawn too unless given) together with a scene it is about."""
    type = type or rng.choice(tuple(ANSWERS))
    target = rng.choice(ANSWERS[type])
    while True:
        scene = sample_scene(rng, split, rng.choice(_COMPOSITIONS_FOR.get(type, COMPOSITIONS)))
        candidates = [(text, answer) for text, key, answer in _ASK[type](scene, rng, split) if key == target]
        if candidates:
            return scene, Question(type, *rng.choice(candidates))


def questions_about(scene: Scene, rng: random.Random, split: str = "train") -> list[Question]:
    """Every question this world can ask about one scene (not balanced: for looking, not for scoring)."""
    return [Question(t, text, answer) for t, ask in _ASK.items() for text, _, answer in ask(scene, rng, split)]


def _names(scene: Scene) -> list[tuple[str, Thing]]:
    """Names that fit exactly one thing: "star" where there is one star, else "red star" if that is unique."""
    found = []
    for thing in scene.things:
        if sum(t.shape == thing.shape for t in scene.things) == 1:
            found.append((thing.shape, thing))
        elif sum(t.pair == thing.pair for t in scene.things) == 1:
            found.append((f"{thing.colour} {thing.shape}", thing))
    return found


# Every function below yields (question, key, answer); the key is the element of ANSWERS that is balanced.


def _colour(scene: Scene, rng: random.Random, split: str) -> Iterator[tuple[str, str, str]]:
    for shape in sorted({t.shape for t in scene.things}):  # sorted: a set's order changes from run to run
        colours = {t.colour for t in scene.things if t.shape == shape}
        if len(colours) == 1:
            many = sum(t.shape == shape for t in scene.things) > 1
            subject = f"are the {plural(shape)}" if many else f"is the {shape}"
            (colour,) = colours
            yield f"what colour {subject}?", colour, colour


def _shape(scene: Scene, rng: random.Random, split: str) -> Iterator[tuple[str, str, str]]:
    for colour in sorted({t.colour for t in scene.things}):
        shapes = {t.shape for t in scene.things if t.colour == colour}
        if len(shapes) == 1:
            (shape,) = shapes
            yield f"which shape is {colour}?", shape, shape


def _count(scene: Scene, rng: random.Random, split: str) -> Iterator[tuple[str, str, str]]:
    shape, colour = rng.choice(SHAPES), rng.choice(COLOURS)
    for s in sorted({t.shape for t in scene.things} | {shape}):
        n = sum(t.shape == s for t in scene.things)
        yield f"how many {plural(s)} are there?", str(n), str(n)
    for c in sorted({t.colour for t in scene.things} | {colour}):
        n = sum(t.colour == c for t in scene.things)
        yield f"how many {c} things are there?", str(n), str(n)


def _position(scene: Scene, rng: random.Random, split: str) -> Iterator[tuple[str, str, str]]:
    if scene.relation not in ("left", "above"):
        return
    names = {thing: name for name, thing in _names(scene)}
    first, second = scene.things
    opposite = {"left": "right", "above": "below"}
    if first in names and second in names:
        yield f"where is the {names[first]} from the {names[second]}?", scene.relation, scene.relation
        answer = opposite[scene.relation]
        yield f"where is the {names[second]} from the {names[first]}?", answer, answer


def _comparison(scene: Scene, rng: random.Random, split: str) -> Iterator[tuple[str, str, str]]:
    singles = [t for t in scene.things if sum(o.shape == t.shape for o in scene.things) == 1]
    for a in singles:
        for b in singles:
            if a.size != b.size:
                key = "first" if a.size == "large" else "second"
                yield f"which is larger, the {a.shape} or the {b.shape}?", key, a.shape if key == "first" else b.shape
    counts = {s: sum(t.shape == s for t in scene.things) for s in sorted({t.shape for t in scene.things})}
    for a, n in counts.items():
        for b, m in counts.items():
            if n != m:
                answer = "yes" if n > m else "no"
                yield f"are there more {plural(a)} than {plural(b)}?", answer, answer


def _yes_no(scene: Scene, rng: random.Random, split: str) -> Iterator[tuple[str, str, str]]:
    present = {t.pair for t in scene.things}
    for colour, shape in sorted(present):
        yield f"is there a {colour} {shape}?", "yes", "yes"
        # Hard negatives: the right colour on another shape, the right shape in another colour.
        for pair in ((colour, rng.choice(SHAPES)), (rng.choice(COLOURS), shape)):
            if pair not in present and (split == "novel" or pair not in NOVEL_PAIRS):
                yield f"is there a {pair[0]} {pair[1]}?", "no", "no"


def _sign(scene: Scene, rng: random.Random, split: str) -> Iterator[tuple[str, str, str]]:
    if scene.sign:
        yield "what does the sign say?", scene.sign.text, scene.sign.text


def _background(scene: Scene, rng: random.Random, split: str) -> Iterator[tuple[str, str, str]]:
    yield "what colour is the background?", scene.background, scene.background


_ASK: dict[str, Callable] = {
    "colour": _colour,
    "shape": _shape,
    "count": _count,
    "position": _position,
    "comparison": _comparison,
    "yes/no": _yes_no,
    "sign": _sign,
    "background": _background,
}
_COMPOSITIONS_FOR = {
    "count": ("group", "group", "two_groups", "row"),
    "position": ("pair",),
    "comparison": ("pair", "row", "two_groups", "two_groups"),
}
