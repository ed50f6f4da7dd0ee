"""What is in a scene and where: the ground truth that everything else is derived from.

A scene is drawn from ``random.Random(f"{split}/{seed}/{index}")``, so item 17 of the
held-out split is the same scene on every machine, and no training run can have seen it.

Positions and radii are shares of the image side, which makes a scene renderable at any size.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from .. import drawing

COLOURS = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink")
SHAPES = ("circle", "square", "triangle", "star", "cross", "ring", "diamond", "heart")
FILLS = ("plain", "striped", "dotted")
SIZES = {"small": (0.09, 0.1), "large": (0.15, 0.165)}
GRID = 24  # things and signs stand on a grid of 24 × 24 points
BACKGROUNDS = ("white", "grey", "black")
TEXTURES = ("flat", "gradient", "grainy", "checked")
WORDS = ("go", "stop", "exit", "open", "shop", "taxi", "hot", "cold")
DIGITS = tuple("0123456789")
COMPOSITIONS = ("single", "pair", "group", "two_groups", "row")

#: Colour-shape pairs that no training image or training text ever contains.
#: They are scored separately: does a model that knows "red" and "star" know "red star"?
NOVEL_PAIRS = frozenset(
    {
        ("red", "star"),
        ("orange", "diamond"),
        ("yellow", "cross"),
        ("green", "heart"),
        ("blue", "triangle"),
        ("purple", "ring"),
    }
)

#: Splits differ in their random streams. ``novel`` scenes hold at least one novel pair.
SPLITS = ("train", "heldout", "novel")


@dataclass(frozen=True)
class Thing:
    """One coloured shape. ``x``, ``y`` (centre) and ``r`` (radius) are shares of the image side."""

    colour: str
    shape: str
    size: str
    fill: str
    x: float
    y: float
    r: float
    angle: float

    @property
    def kind(self) -> tuple[str, str, str, str]:
        return self.colour, self.shape, self.size, self.fill

    @property
    def pair(self) -> tuple[str, str]:
        return self.colour, self.shape


@dataclass(frozen=True)
class Sign:
    """A small plate with a word or a digit on it."""

    text: str
    x: float
    y: float

    @property
    def is_digit(self) -> bool:
        return self.text.isdigit()


@dataclass(frozen=True)
class Scene:
    """A whole picture. ``relation`` is "left" (things[0] is left of things[1]), "above", "row" or ""."""

    composition: str
    things: tuple[Thing, ...]
    relation: str
    background: str
    texture: str
    sign: Sign | None
    pixel_seed: int

    @property
    def groups(self) -> list[tuple[tuple[str, str, str, str], int]]:
        """The kinds of things with how many there are, in order of first appearance."""
        counts: dict[tuple[str, str, str, str], int] = {}
        for thing in self.things:
            counts[thing.kind] = counts.get(thing.kind, 0) + 1
        return list(counts.items())


def scene_rng(split: str, seed: int, index: int) -> random.Random:
    """The random stream of one item. Raises ValueError for a split that does not exist."""
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}: choose one of {', '.join(SPLITS)}")
    return random.Random(f"scenes/{split}/{seed}/{index}")


def scenes(split: str, n: int | None = None, seed: int = 0, start: int = 0) -> Iterator[Scene]:
    """Yield ``n`` scenes of a split (endlessly when ``n`` is None)."""
    for index in drawing.indices(n, start):
        yield sample_scene(scene_rng(split, seed, index), split)


def sample_scene(rng: random.Random, split: str = "train", composition: str | None = None) -> Scene:
    """Draw one scene. ``composition`` (one of COMPOSITIONS) is drawn too unless given."""
    composition = composition or rng.choices(COMPOSITIONS, weights=(20, 30, 15, 20, 15))[0]
    kinds = _sample_kinds(rng, split, {"single": 1, "pair": 2, "group": 1, "two_groups": 2, "row": 3}[composition])
    counts = [1] * len(kinds)
    if composition == "group":
        counts = [rng.randint(2, 5)]
    elif composition == "two_groups":
        counts = rng.choice([[2, 1], [1, 2], [2, 2], [3, 1], [1, 3], [3, 2], [2, 3], [4, 1], [1, 4]])
    relation = {"pair": rng.choice(("left", "above")), "row": "row"}.get(composition, "")
    sign_text = rng.choice((rng.choice(WORDS), rng.choice(DIGITS))) if rng.random() < 0.3 else ""
    things, sign = _place(rng, [k for k, c in zip(kinds, counts) for _ in range(c)], relation, sign_text)
    return Scene(
        composition, things, relation, rng.choice(BACKGROUNDS), rng.choice(TEXTURES), sign, rng.getrandbits(32)
    )


def _sample_kinds(rng: random.Random, split: str, n: int) -> list[tuple[str, str, str, str]]:
    """Draw ``n`` kinds that differ in colour or shape, respecting the split's novel-pair rule."""
    pairs: list[tuple[str, str]] = []
    if split == "novel":
        pairs.append(rng.choice(sorted(NOVEL_PAIRS)))
    while len(pairs) < n:
        pair = (rng.choice(COLOURS), rng.choice(SHAPES))
        # Half of the time the kinds share a colour or a shape: then colour or shape alone cannot tell them apart.
        if pairs and rng.random() < 0.3:
            pair = (pairs[0][0], pair[1]) if rng.random() < 0.5 else (pair[0], pairs[0][1])
        if pair not in pairs and (split == "novel" or pair not in NOVEL_PAIRS):
            pairs.append(pair)
    rng.shuffle(pairs)
    return [(*pair, rng.choice(tuple(SIZES)), rng.choices(FILLS, weights=(2, 1, 1))[0]) for pair in pairs]


def _place(rng: random.Random, kinds: list, relation: str, sign_text: str) -> tuple[tuple[Thing, ...], Sign | None]:
    """Find positions by rejection: restart until everything fits and the relation is unmistakable."""
    while True:
        radii = [rng.uniform(*SIZES[kind[2]]) for kind in kinds]
        overlap = 0.8 if rng.random() < 0.15 else 1.08  # some scenes have things that overlap a little
        spots: list[tuple[float, float, float]] = []
        for r in radii + ([0.13] if sign_text else []):
            for _ in range(12):
                x, y = (_grid_point(rng, r + 0.01, 0.99 - r) for _ in range(2))
                if all(math.hypot(x - a, y - b) > overlap * (r + c) for a, b, c in spots):
                    spots.append((x, y, r))
                    break
            else:
                break
        if len(spots) < len(radii) + bool(sign_text):
            continue
        spot_of_sign = spots.pop() if sign_text else None
        placed = list(zip(spots, kinds))
        if relation == "row":
            placed.sort(key=lambda item: item[0][0])
        if not _related([spot for spot, _ in placed], relation):
            continue
        things = tuple(Thing(*kind, x=x, y=y, r=r, angle=rng.uniform(-6, 6)) for (x, y, r), kind in placed)
        return things, Sign(sign_text, *spot_of_sign[:2]) if spot_of_sign else None


def _grid_point(rng: random.Random, low: float, high: float) -> float:
    return rng.randint(math.ceil(low * GRID), math.floor(high * GRID)) / GRID


def _related(spots: list[tuple[float, float, float]], relation: str) -> bool:
    """Whether the relation is plain to see: far apart along its axis, and near along the other for a pair."""
    if not relation:
        return True
    if relation == "row":
        return all(b[0] - a[0] > 0.12 for a, b in zip(spots, spots[1:]))
    dx, dy = spots[1][0] - spots[0][0], spots[1][1] - spots[0][1]
    along, across = (dx, dy) if relation == "left" else (dy, dx)
    return along > 0.22 and abs(across) < 0.6 * along
