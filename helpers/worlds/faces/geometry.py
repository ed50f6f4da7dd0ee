"""From action units to where everything in the face is: numbers only, in units of half the height of the head.

The origin is the middle of an upright head, x goes right and y down as in a picture, so that the top of the skull is at
-1 and the chin at rest at 1. "Left" is the left of the picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .face import SIDES, Face, action_units
from .identity import Identity

Point = tuple[float, float]
TURN = 0.07  # how far the features of a turned head are off its middle
OUTWARDS = {"left": -1, "right": 1}


@dataclass(frozen=True)
class Eye:
    """The lids' lines from the left to the right corner, the iris, and how far the lids are apart."""

    upper: tuple[Point, ...]
    lower: tuple[Point, ...]
    iris: Point
    radius: float
    opening: float


@dataclass(frozen=True)
class Mouth:
    """Four lines from the left to the right corner: the lips' outer edges and, where they part, their inner ones."""

    outer_upper: tuple[Point, ...]
    inner_upper: tuple[Point, ...]
    inner_lower: tuple[Point, ...]
    outer_lower: tuple[Point, ...]
    gap: float

    @property
    def corners(self) -> tuple[Point, Point]:
        return self.inner_upper[0], self.inner_upper[-1]


@dataclass(frozen=True)
class Geometry:
    """Where the features are. Brows go from the inner to the outer end. ``marks`` are folds and wrinkles: a line each
    with its strength, 0 to 1; ``nose`` is the tip's line from wing to wing.
    """

    brows: dict[str, tuple[Point, ...]]
    eyes: dict[str, Eye]
    nose: tuple[Point, ...]
    mouth: Mouth
    chin: float
    marks: tuple[tuple[tuple[Point, ...], float], ...]


def arc(start: Point, end: Point, middle: float, n: int = 13) -> tuple[Point, ...]:
    """A parabola between two points that passes at height ``middle`` half way between them."""
    bulge = middle - (start[1] + end[1]) / 2
    ts = [i / (n - 1) for i in range(n)]
    return tuple(
        (start[0] + t * (end[0] - start[0]), start[1] + t * (end[1] - start[1]) + 4 * bulge * t * (1 - t)) for t in ts
    )


def _with(unit: float, rest: float) -> float:
    """A unit on a face that looks at rest as if it had moved that far already (below 0 it is another unit's matter)."""
    return unit + (1 - unit) * max(0.0, rest)


def geometry(face: Face) -> Geometry:
    """Where everything in the face is."""
    units = action_units(face)
    sides = {side: {unit: both[i] for unit, both in units.items()} for i, side in enumerate(SIDES)}
    middle = {unit: max(both) for unit, both in units.items()}
    who, shift = face.identity, TURN * face.view.turn
    brows = {side: _brow(who, OUTWARDS[side], sides[side], shift) for side in SIDES}
    eyes = {side: _eye(who, OUTWARDS[side], sides[side], shift) for side in SIDES}
    nose = _nose(who, middle, shift)
    mouth = _mouth(who, sides, middle, shift)
    marks = [mark for side in SIDES for mark in _side_marks(who, side, sides[side], eyes[side], mouth, nose, shift)]
    marks += _middle_marks(who, middle, mouth, shift)
    return Geometry(brows, eyes, nose, mouth, 1 + 0.16 * middle.get(26, 0), tuple(marks))


def _brow(who: Identity, out: int, u: dict[int, float], shift: float) -> tuple[Point, ...]:
    lowered = _with(u.get(4, 0), who.brow_angle) + 0.4 * u.get(9, 0)
    raised = _with(u.get(1, 0), -who.brow_angle)
    lowered *= 1 - 0.85 * min(1, u.get(1, 0))  # together with AU1, AU4 draws the brows together but does not lower them
    inner, outer = -0.18 * raised + 0.13 * lowered, -0.16 * u.get(2, 0) + 0.02 * u.get(4, 0)
    half = 0.62 * (who.eye_size + 0.05)
    together = 0.055 * max(u.get(4, 0), 0.5 * u.get(9, 0))
    x, y = who.eye_distance, who.eye_height - who.brow_height
    points = (
        (x - half - together, y + inner),
        (x - 0.35 * half - 0.6 * together, y - 0.025 + 0.7 * inner + 0.3 * outer),
        (x + 0.35 * half, y - 0.035 + 0.2 * inner + 0.95 * outer),
        (x + half + 0.05, y + 0.03 + 0.9 * outer),
    )
    return tuple((shift + out * px, py) for px, py in points)


def _eye(who: Identity, out: int, u: dict[int, float], shift: float) -> Eye:
    size, x, y = who.eye_size, shift + out * who.eye_distance, who.eye_height
    raised, tight = _with(u.get(5, 0), who.lids), _with(u.get(7, 0), -who.lids)
    shut = 1 - u.get(43, 0)
    up = size * (0.44 + 0.36 * raised - 0.2 * tight - 0.1 * u.get(6, 0)) * shut
    down = size * (0.36 + 0.08 * raised - 0.22 * tight - 0.2 * u.get(6, 0)) * (0.4 + 0.6 * shut)
    sag = 0.02 * u.get(43, 0)
    start, end = (x - size, y + 0.01 + sag), (x + size, y + 0.01 + sag)
    upper, lower = arc(start, end, y - up + sag), arc(start, end, y + down + sag)
    return Eye(upper, lower, (x + 0.4 * shift, y), 0.5 * size, (up + down) / size)


def _nose(who: Identity, u: dict[int, float], shift: float) -> tuple[Point, ...]:
    up = 0.07 * u.get(9, 0) + 0.03 * u.get(10, 0)
    half = who.nose_width * (1 + 0.3 * u.get(9, 0))
    y = who.eye_height + who.nose_length - up
    tip = 1.4 * shift  # the tip stands out, so a turn moves it further
    return tuple((tip + half * px, y + py) for px, py in ((-1, -0.06), (-0.95, 0), (-0.4, 0.02), (0, 0.045))) + tuple(
        (tip + half * px, y + py) for px, py in ((0.4, 0.02), (0.95, 0), (1, -0.06))
    )


def _mouth(who: Identity, sides: dict[str, dict[int, float]], u: dict[int, float], shift: float) -> Mouth:
    ends = []
    for side in SIDES:
        s, out = sides[side], OUTWARDS[side]
        rest = who.mouth_curve + out * who.mouth_slant
        pulled, hangs = _with(s.get(12, 0), rest), _with(s.get(15, 0), -rest)
        x = who.mouth_width + 0.07 * s.get(12, 0) + 0.1 * s.get(20, 0) + 0.03 * s.get(14, 0) + 0.02 * s.get(15, 0)
        x -= 0.09 * s.get(26, 0) * (1 - s.get(20, 0)) + 0.04 * s.get(23, 0)
        y = who.mouth_height - 0.16 * pulled + 0.13 * hangs - 0.05 * s.get(14, 0) + 0.02 * s.get(20, 0)
        ends.append((shift + out * x, y + 0.06 * s.get(26, 0)))
    gap = 0.09 * u.get(25, 0) + 0.32 * u.get(26, 0) + 0.05 * u.get(16, 0)
    line = who.mouth_height - 0.06 * u.get(10, 0) - 0.05 * u.get(17, 0) - 0.12 * gap
    line += 0.025 * max(u.get(12, 0), u.get(25, 0))
    lip = who.lip * (1 - 0.75 * max(u.get(23, 0), u.get(24, 0)))
    bottom = line + gap
    return Mouth(
        outer_upper=arc(*ends, line - 0.9 * lip),
        inner_upper=arc(*ends, line),
        inner_lower=arc(*ends, bottom),
        outer_lower=arc(*ends, bottom + (1.3 + 0.5 * u.get(16, 0)) * lip),
        gap=gap,
    )


def _side_marks(
    who: Identity, side: str, u: dict[int, float], eye: Eye, mouth: Mouth, nose: tuple[Point, ...], shift: float
) -> list[tuple[tuple[Point, ...], float]]:
    """Crow's feet and cheek (AU6), lines beside the nose (AU9), the fold from nose to mouth, a dimple (AU14)."""
    out = OUTWARDS[side]
    x, y = eye.lower[-1 if out > 0 else 0]
    found = [(((x + out * 0.03, y + dy), (x + out * 0.11, y + 2.6 * dy)), u.get(6, 0)) for dy in (-0.03, 0.0, 0.03)]
    found.append((arc((x - out * 0.2, y + 0.15), (x + out * 0.03, y + 0.09), y + 0.17, 7), 0.8 * u.get(6, 0)))
    found += [
        (((shift + out * 0.03, who.eye_height + dy), (shift + out * 0.1, who.eye_height + dy + 0.05)), u.get(9, 0))
        for dy in (0.02, 0.09, 0.16)
    ]
    corner = mouth.corners[0 if out < 0 else 1]
    wing = nose[0 if out < 0 else -1]
    fold = max(who.folds, u.get(9, 0), 0.8 * u.get(10, 0), 0.75 * u.get(12, 0))
    path = ((wing[0] + out * 0.04, wing[1]), (corner[0], (wing[1] + corner[1]) / 2 - 0.02))
    found.append(((*path, (corner[0] + out * 0.06, corner[1] - 0.01)), fold))
    dimple = tuple(
        (corner[0] + out * (0.07 + 0.03 * math.cos(a)), corner[1] + 0.08 * math.sin(a))
        for a in (-1.2, -0.6, 0, 0.6, 1.2)
    )
    found.append((dimple, u.get(14, 0)))
    return [(line, min(1.0, strength)) for line, strength in found if strength > 0]


def _middle_marks(who: Identity, u: dict[int, float], mouth: Mouth, shift: float):
    """Furrows between the brows (AU4), wrinkles of the forehead (AU1 and AU2), the chin's dent (AU17)."""
    y = who.eye_height - who.brow_height
    found = [(((shift + dx, y + 0.02), (shift + 0.8 * dx, y + 0.14)), u.get(4, 0)) for dx in (-0.035, 0.035)]
    raised = (u.get(1, 0) + u.get(2, 0)) / 2
    for dy in (0.16, 0.24):
        left, right = (shift - 0.3, y - dy), (shift + 0.3, y - dy)
        found.append((arc(left, right, y - dy - 0.02, 7), max(raised, 0.5 * who.folds)))
    chin = mouth.outer_lower[len(mouth.outer_lower) // 2][1]
    found.append((arc((shift - 0.1, chin + 0.1), (shift + 0.1, chin + 0.1), chin + 0.05, 7), u.get(17, 0)))
    return [(line, min(1.0, strength)) for line, strength in found if strength > 0]
