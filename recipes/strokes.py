"""Marks on a plate: lines, arcs, rings, dots and waves in any order, for the model that chapter 4 teaches faces to.

Faces are drawn with such marks. A tower that has seen large coloured shapes only does not tell an arc of three pixels
that bends up from one that bends down, as one that has seen the web would. Here the marks lie anywhere and mean
nothing.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

KINDS = (
    "flat line", "rising line", "falling line", "upward arc", "downward arc", "ring", "flat ring", "dot", "wave",
)  # fmt: skip
SIZES = ("small", "large")
THICKNESSES = ("thin", "thick")
PLACES = ("at the top", "at the bottom", "on the left", "on the right")
WHICH = "Which mark is {place}?"
DESCRIBE = "Describe the marks from top to bottom."
COUNT = "How many marks are there?"
#: How many classes each of the labels of a patch has: the mark's kind, size, thickness, and outside or on the plate.
LABEL_SIZES = [1 + len(KINDS), 1 + len(SIZES), 1 + len(THICKNESSES), 3]
FINER = 3  # drawn so many times larger, then made smaller


@dataclass(frozen=True)
class Mark:
    """A mark: its middle and half its width in shares of the side, its height, thickness (share) and colour."""

    kind: str
    x: float
    y: float
    half: float
    bend: float  # how high it rises, bends or is, as a share of its width
    thick: float
    colour: tuple[int, int, int]

    @property
    def size(self) -> str:
        return SIZES[self.half > 0.085]

    @property
    def thickness(self) -> str:
        return THICKNESSES[self.thick > 0.02]


@dataclass(frozen=True)
class StrokePicture:
    """A plate (an ellipse) on a background, and three to six marks that do not touch."""

    background: tuple[tuple[int, int, int], tuple[int, int, int]]
    plate: tuple[float, float, float, float]  # middle and half axes
    colour: tuple[int, int, int]
    marks: tuple[Mark, ...]
    noise: float
    seed: int


def _colour(rng: random.Random, low: int = 0, high: int = 255) -> tuple[int, int, int]:
    return tuple(rng.randint(low, high) for _ in range(3))


def sample_picture(rng: random.Random) -> StrokePicture:
    """Draw a picture; the marks are dark, light or of any colour, but never that of the plate."""
    plate = (rng.gauss(0.5, 0.04), rng.gauss(0.5, 0.04), rng.uniform(0.24, 0.44), rng.uniform(0.3, 0.46))
    colour, marks = _colour(rng, 40, 245), []
    wanted = rng.randint(3, 6)
    for _ in range(60):
        if len(marks) == wanted:
            break
        mark = _sample_mark(rng, plate, colour)
        if all(math.hypot(mark.x - m.x, 1.6 * (mark.y - m.y)) > mark.half + m.half + 0.03 for m in marks):
            marks.append(mark)
    return StrokePicture(
        (_colour(rng), _colour(rng)), plate, colour, tuple(marks), rng.choice((0, rng.uniform(1, 14))),
        rng.randrange(2**31),
    )  # fmt: skip


def _sample_mark(rng: random.Random, plate, colour) -> Mark:
    while True:
        ink = rng.choice(((20, 18, 24), (20, 18, 24), _colour(rng), (240, 240, 240), (150, 40, 50)))
        if sum(abs(a - b) for a, b in zip(ink, colour)) > 150:
            break
    kind, angle, out = rng.choice(KINDS), rng.uniform(0, 2 * math.pi), math.sqrt(rng.random()) * 0.75
    bend = rng.uniform(0.6, 1.0) if kind in ("ring", "dot") else rng.uniform(0.2, 0.5)
    half = rng.uniform(0.02, 0.045) if kind == "dot" else rng.uniform(0.045, 0.14)
    x, y = plate[0] + plate[2] * out * math.cos(angle), plate[1] + plate[3] * out * math.sin(angle)
    return Mark(kind, x, y, half, bend, rng.uniform(0.009, 0.032), ink)


def _path(mark: Mark) -> list[tuple[float, float]]:
    """The points of a line, an arc or a wave."""
    points = []
    for i in range(13):
        t = i / 6 - 1  # from -1 to 1
        rise = {
            "flat line": 0, "rising line": -t * 0.9, "falling line": t * 0.9, "upward arc": 1 - 2 * t * t,
            "downward arc": 2 * t * t - 1, "wave": math.sin(2 * math.pi * t),
        }[mark.kind]  # fmt: skip
        points.append((mark.x + mark.half * t, mark.y + mark.half * mark.bend * rise))
    return points


def render(picture: StrokePicture, side: int) -> np.ndarray:
    """The picture as a (side, side, 3) uint8 array."""
    n = FINER * side
    first, last = (np.array(colour, dtype=np.float32) for colour in picture.background)
    share = np.linspace(0, 1, n, dtype=np.float32)[:, None, None]
    image = Image.fromarray(np.broadcast_to(first + (last - first) * share, (n, n, 3)).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    x, y, a, b = (n * value for value in picture.plate)
    draw.ellipse((x - a, y - b, x + a, y + b), fill=picture.colour)
    for mark in picture.marks:
        width = max(FINER, round(n * mark.thick))
        box = tuple(
            n * v for v in (mark.x - mark.half, mark.y - mark.half * mark.bend, mark.x + mark.half,
                            mark.y + mark.half * mark.bend)
        )  # fmt: skip
        if mark.kind == "dot":
            draw.ellipse(box, fill=mark.colour)
        elif mark.kind in ("ring", "flat ring"):
            draw.ellipse(box, outline=mark.colour, width=width)
        else:
            draw.line([(n * px, n * py) for px, py in _path(mark)], fill=mark.colour, width=width, joint="curve")
    small = np.asarray(image.reduce(FINER), dtype=np.float32)
    rng = np.random.default_rng(picture.seed)
    return np.clip(small + picture.noise * rng.standard_normal(small.shape, dtype=np.float32), 0, 255).astype(np.uint8)


def labels(picture: StrokePicture, per_side: int) -> np.ndarray:
    """What each patch shows, (per_side, per_side, 4); a mark is on the patches that its box reaches into."""
    grid = np.zeros((per_side, per_side, len(LABEL_SIZES)), dtype=np.int64)
    centres = (np.arange(per_side) + 0.5) / per_side
    x, y, a, b = picture.plate
    grid[..., 3] = 1 + (((centres[None, :] - x) / a) ** 2 + ((centres[:, None] - y) / b) ** 2 < 1)
    for mark in picture.marks:
        wide, high = mark.half + 0.25 / per_side, mark.half * mark.bend + 0.3 / per_side
        covered = (np.abs(centres - mark.y) < high)[:, None] & (np.abs(centres - mark.x) < wide)[None, :]
        covered[min(per_side - 1, int(mark.y * per_side)), min(per_side - 1, int(mark.x * per_side))] = True
        grid[covered, :3] = (
            1 + KINDS.index(mark.kind), 1 + SIZES.index(mark.size), 1 + THICKNESSES.index(mark.thickness),
        )  # fmt: skip
    return grid


def outermost(picture: StrokePicture, place: str) -> Mark | None:
    """The mark at one end of the picture; None where two compete for it."""
    key = (lambda mark: mark.y) if place in PLACES[:2] else (lambda mark: mark.x)
    inner, outer = sorted(picture.marks, key=key, reverse=place in PLACES[::2])[-2:]
    return outer if abs(key(outer) - key(inner)) > 0.06 else None


def description(picture: StrokePicture) -> str:
    """Every mark with its size, from top to bottom."""
    return ", ".join(f"a {m.size} {m.kind}" for m in sorted(picture.marks, key=lambda m: m.y)) + "."
