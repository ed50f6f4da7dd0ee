"""Grading answers that say where and when: boxes, points, spans of time.

Correct means usable: everything is found, at an IoU of 0.5 or more, and nothing else. How well it fits is the score.
"""

from __future__ import annotations

import collections
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .. import grounding
from ..grounding import Box, Parsed, Point
from ..tasks import TaskError
from .extract import normalise
from .scored import Grade, graded

IOU = 0.5


def grade_boxes(answer: str, reference: dict) -> Grade:
    """Grade boxes by their mean IoU with the true ones; a missing one counts 0, an additional one makes it incorrect.

    Where the true boxes have different labels, only boxes of the same label are compared (as ``extract.normalise`` sees
    them); where all have one label, the answer's labels do not count. What lies outside the picture is cut off.
    """
    target = _target(reference)
    parsed = grounding.parse_boxes(answer)
    found = [grounding.to_image_box(box, target.size, target.resized, target.convention) for box in parsed.found]
    found = [grounding.clip(box, target.size) or box for box in found]
    scores, all_right = [], not parsed.dropped
    for boxes, truth in target.by_label(found):
        scores.append((grounding.mean_iou(boxes, truth), len(truth)))
        taken = grounding.match(boxes, truth, IOU)
        all_right = all_right and None not in taken and len(taken) == len(truth)
    score = sum(share * n for share, n in scores) / len(target.boxes) if target.boxes else float(not found)
    written = [{"label": box.label, "bbox": [round(x, 1) for x in box.xyxy]} for box in found]
    return _located(parsed, written, all_right, score, len(target.boxes))


def grade_points(answer: str, reference: dict) -> Grade:
    """Grade points by the share that lies in a true box of its own (``grounding.point_hits``); labels as for boxes."""
    target = _target(reference)
    parsed = grounding.parse_points(answer)
    found = [grounding.to_image_point(point, target.size, target.resized, target.convention) for point in parsed.found]
    groups = [(grounding.point_hits(points, truth), max(len(points), len(truth)))
              for points, truth in target.by_label(found)]  # fmt: skip
    most = sum(n for _, n in groups)
    score = sum(share * n for share, n in groups) / most if most else 1.0
    written = [{"label": point.label, "point": [round(x, 1) for x in point.xy]} for point in found]
    return _located(parsed, written, score == 1 and not parsed.dropped, score, len(target.boxes))


def grade_seconds(answer: str, reference: Sequence[float]) -> Grade:
    """Grade a span of time by its temporal IoU with the true one; correct from 0.5 on."""
    if not _are_numbers(reference, 2) or not 0 <= reference[0] < reference[1]:
        raise TaskError(f"The reference of a span of time is [start, end] in seconds, not {reference!r}.")
    span = grounding.parse_span(answer)
    if span is None:
        return graded(None, False)
    fit = grounding.temporal_iou(span, tuple(reference))
    return graded(f"{span[0]:g} to {span[1]:g}", fit >= IOU, fit, f"temporal IoU {fit:.2f}")


@dataclass(frozen=True)
class _Target:
    """A reference of boxes or points, checked."""

    boxes: list[Box]
    size: tuple[float, float]
    resized: tuple[float, float]
    convention: str

    def by_label(self, found: Sequence[Box | Point]) -> list[tuple[list, list[Box]]]:
        """Found and true ones of each label; all together where there is only one label to be found."""
        labels = {normalise(box.label) for box in self.boxes}
        key: Callable = (lambda thing: normalise(thing.label)) if len(labels) > 1 else (lambda thing: "")
        groups = collections.defaultdict(lambda: ([], []))
        for place, things in enumerate((found, self.boxes)):
            for thing in things:
                groups[key(thing)][place].append(thing)
        return list(groups.values())


def _target(reference: object) -> _Target:
    """A reference as what it means. Raises TaskError, saying what it should be."""
    keys = {"boxes", "size", "convention", "resized"}
    if not isinstance(reference, dict) or not {"boxes", "size"} <= reference.keys() <= keys:
        raise TaskError(
            'The reference of boxes or points is {"boxes": [{"label": …, "bbox": [x1, y1, x2, y2]}, …], "size": '
            f'[width, height]}}, and perhaps "convention" and "resized"; not {reference!r}.'
        )
    size, boxes = reference["size"], reference["boxes"]
    resized, convention = reference.get("resized", size), reference.get("convention", "absolute")
    for name, value in (("size", size), ("resized", resized)):
        if not _are_numbers(value, 2) or min(value) <= 0:
            raise TaskError(f"`{name}` is [width, height] in pixels, not {value!r}.")
    if convention not in grounding.CONVENTIONS:
        raise TaskError(f"`convention` is one of {', '.join(grounding.CONVENTIONS)}, not {convention!r}.")
    if not isinstance(boxes, list):
        raise TaskError(f"`boxes` is a list, empty where nothing is to be found; not {boxes!r}.")
    return _Target([_box(box, size) for box in boxes], tuple(size), tuple(resized), convention)


def _box(value: object, size: Sequence[float]) -> Box:
    usable = isinstance(value, dict) and isinstance(value.get("label", ""), str) and _are_numbers(value.get("bbox"), 4)
    box = Box(value.get("label", ""), *value["bbox"]) if usable else None
    if box is None or not (0 <= box.x1 < box.x2 <= size[0] and 0 <= box.y1 < box.y2 <= size[1]):
        raise TaskError(
            f'A true box is {{"label": …, "bbox": [x1, y1, x2, y2]}} inside the picture, with x1 < x2 and y1 < y2; '
            f"not {value!r}."
        )
    return box


def _are_numbers(value: object, n: int) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) == n
        and all(type(x) in (int, float) and math.isfinite(x) for x in value)
    )


def _located(parsed: Parsed, written: list[dict], all_right: bool, score: float, n_true: int) -> Grade:
    if parsed.outcome == grounding.UNPARSED:
        return graded(None, False, 0.0, f"{parsed.dropped} without usable coordinates" if parsed.dropped else "")
    problems = {"without usable coordinates": parsed.dropped, "with corners in the wrong order": parsed.reordered}
    said = [f"{len(written)} found, {n_true} to be found, score {score:.2f}"]
    said += [f"{n} {problem}" for problem, n in problems.items() if n]
    return graded(json.dumps(written, ensure_ascii=False), all_right, score, "; ".join(said))
