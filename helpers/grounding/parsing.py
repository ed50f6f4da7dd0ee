"""Boxes and points out of a model's answer. Whatever the answer is, the result is an outcome and never an exception.

Expected is ``[{"bbox_2d": [x1, y1, x2, y2], "label": "…"}]``, or ``point_2d`` with [x, y]. Text and fences around it, a
lone object, single quotes, trailing commas, missing labels and a cut-off end are survived: whole objects are kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from .. import loose_json

FOUND, EMPTY, UNPARSED = "found", "empty", "unparsed"
BOX_KEYS = ("bbox_2d", "bbox")
POINT_KEYS = ("point_2d", "point")
LARGEST = 1e9  # no picture has so many pixels; beyond it, arithmetic on areas would lose its digits


@dataclass(frozen=True)
class Box:
    """A rectangle from (x1, y1), its upper left corner, to (x2, y2). ``label`` is "" where none was given."""

    label: str
    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        return self.x1, self.y1, self.x2, self.y2

    @property
    def area(self) -> float:
        return (self.x2 - self.x1) * (self.y2 - self.y1)


@dataclass(frozen=True)
class Point:
    """A place. ``label`` is "" where none was given."""

    label: str
    x: float
    y: float

    @property
    def xy(self) -> tuple[float, float]:
        return self.x, self.y


Thing = TypeVar("Thing", Box, Point)


@dataclass(frozen=True)
class Parsed(Generic[Thing]):
    """What an answer holds.

    Attributes:
        found: boxes or points, in the answer's order and in the model's numbers.
        outcome: "found" (at least one), "empty" (the answer is an empty list: there is nothing to be found), or
            "unparsed" (nothing usable).
        dropped: objects that name coordinates which cannot be used: too few or too many, no finite numbers, cut off.
        reordered: boxes among ``found`` whose corners came in the wrong order and were sorted.
    """

    found: list[Thing] = field(default_factory=list)
    outcome: str = UNPARSED
    dropped: int = 0
    reordered: int = 0


def parse_boxes(text: str) -> Parsed[Box]:
    """The boxes of an answer. Corners in the wrong order are sorted, and counted in ``reordered``."""
    parsed = _parse(text, BOX_KEYS, 4, Box)
    ordered = [_ordered(box) for box in parsed.found]
    return replace(parsed, found=ordered, reordered=sum(a != b for a, b in zip(ordered, parsed.found)))


def parse_points(text: str) -> Parsed[Point]:
    """The points of an answer."""
    return _parse(text, POINT_KEYS, 2, Point)


def clip(box: Box, size: tuple[float, float]) -> Box | None:
    """The part of a box inside a picture of (width, height); None where no part of it is."""
    width, height = size
    if box.x1 >= width or box.y1 >= height or box.x2 <= 0 or box.y2 <= 0:
        return None
    return replace(box, x1=max(box.x1, 0), y1=max(box.y1, 0), x2=min(box.x2, width), y2=min(box.y2, height))


def _parse(text: str, keys: tuple[str, ...], n: int, make: Callable[..., Thing]) -> Parsed[Thing]:
    text = loose_json.repaired(text)
    found, dropped, is_empty_list, end = [], 0, False, 0
    for value, start, after in loose_json.values(text):
        dropped += _mentions(text[end:start], keys)
        is_empty_list = is_empty_list or value in ([], {}) or (isinstance(value, dict) and [] in value.values())
        end = after
        for thing in _objects(value, keys):
            numbers = _numbers(next(thing[key] for key in keys if key in thing), n)
            if numbers is None:
                dropped += 1
            else:
                found.append(make(_label(thing.get("label")), *numbers))
    dropped += _mentions(text[end:], keys)
    is_empty = is_empty_list and not dropped
    return Parsed(found, FOUND if found else EMPTY if is_empty else UNPARSED, dropped)


def _mentions(text: str, keys: tuple[str, ...]) -> int:
    """How many objects that could not be read name coordinates."""
    return len(re.findall(rf"[\"'](?:{'|'.join(keys)})[\"']\s{{0,20}}:", text))


def _objects(value: object, keys: tuple[str, ...]) -> Iterator[dict]:
    """The objects with coordinates within a JSON value, in order, however deep. (A stack: depth is the model's.)"""
    stack = [value]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            if any(key in value for key in keys):
                yield value
            else:
                stack += reversed(value.values())
        elif isinstance(value, list):
            stack += reversed(value)


def _numbers(value: object, n: int) -> list[float] | None:
    """``n`` finite numbers of a usable size; None for anything else. A Boolean is no number."""
    if not isinstance(value, list) or len(value) != n or any(type(x) not in (int, float) for x in value):
        return None
    return value if all(abs(x) <= LARGEST for x in value) else None  # false for NaN and Infinity, too


def _label(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _ordered(box: Box) -> Box:
    (x1, x2), (y1, y2) = sorted((box.x1, box.x2)), sorted((box.y1, box.y2))
    return replace(box, x1=x1, y1=y1, x2=x2, y2=y2)
