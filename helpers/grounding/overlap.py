"""How well boxes fit: intersection over union, matching, average precision, points inside boxes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .parsing import Box, Point


def iou(a: Box, b: Box) -> float:
    """Intersection over union (Jaccard index) of two boxes, 0 to 1; 0 where neither has an area."""
    width = min(a.x2, b.x2) - max(a.x1, b.x1)
    height = min(a.y2, b.y2) - max(a.y1, b.y1)
    common = max(width, 0) * max(height, 0)
    either = a.area + b.area - common
    return common / either if either > 0 else 0.0


def match(found: Sequence[Box], truth: Sequence[Box], threshold: float = 0.5) -> list[int | None]:
    """For each found box the index of the true box it stands for, or None.

    Greedy, as COCO's evaluation does it (Lin et al., 2014): in the order given, each found box takes the best of the
    true boxes that are left, if their IoU reaches the threshold. Two found boxes never share a true one. Labels are not
    compared: match them class by class.
    """
    left = set(range(len(truth)))
    taken: list[int | None] = []
    for box in found:
        best = max(left, key=lambda i: (iou(box, truth[i]), -i), default=None)
        if best is not None and iou(box, truth[best]) >= threshold:
            left.discard(best)
            taken.append(best)
        else:
            taken.append(None)
    return taken


def mean_iou(found: Sequence[Box], truth: Sequence[Box]) -> float:
    """Mean IoU over the true boxes, each paired with a found one so that the mean is largest; a missing one counts 0.

    Found boxes without a partner cost nothing here (precision is ``average_precision``'s). Where there is nothing to be
    found: 1 if nothing was found, else 0.
    """
    from scipy.optimize import linear_sum_assignment

    if not truth or not found:
        return float(not truth and not found)
    table = np.array([[iou(a, b) for b in truth] for a in found])
    return float(table[linear_sum_assignment(table, maximize=True)].sum() / len(truth))


def average_precision(
    found: Sequence[Sequence[Box]],
    truth: Sequence[Sequence[Box]],
    threshold: float = 0.5,
    scores: Sequence[Sequence[float]] | None = None,
) -> float:
    """Average precision of one class over several images, at an IoU threshold: the area under precision over recall.

    All points are interpolated, each with the best precision at its recall or beyond (PASCAL VOC since 2010; COCO
    samples the same curve at 101 recalls). Boxes are ranked by ``scores``, the highest first; a language model gives
    none, and then by their places in their answers: first every image's first box, then every second. Raises
    ValueError where there is no true box in any image, since recall is then not defined, and for unequal lengths.
    """
    if len(found) != len(truth) or (scores is not None and [*map(len, scores)] != [*map(len, found)]):
        raise ValueError("average precision needs found and true boxes of the same images, and a score for every box")
    total = sum(map(len, truth))
    if not total:
        raise ValueError("average precision is not defined where there is no true box at all")
    ranked = []
    for image, (boxes, true) in enumerate(zip(found, truth)):
        rank = scores[image] if scores is not None else [-place for place in range(len(boxes))]
        order = sorted(range(len(boxes)), key=lambda i: -rank[i])
        hits = [taken is not None for taken in match([boxes[i] for i in order], true, threshold)]
        ranked += [(rank[i], hit) for i, hit in zip(order, hits)]
    ranked.sort(key=lambda pair: -pair[0])  # stable: of equals, the earlier image's first
    hit = np.array([hit for _, hit in ranked], dtype=float)
    precision = np.cumsum(hit) / np.arange(1, len(hit) + 1)
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    return float((best_from_here * hit).sum() / total)  # recall grows by 1 / total at every hit, and only there


def point_hits(points: Sequence[Point], boxes: Sequence[Box]) -> float:
    """Share of points that lie in a box of their own: hits / max(points, boxes), so that too many and too few cost.

    A box's edges belong to it, and no box takes two points. 1 where there are neither points nor boxes.
    """
    from scipy.optimize import linear_sum_assignment

    if not points or not boxes:
        return float(not points and not boxes)
    inside = np.array([[b.x1 <= p.x <= b.x2 and b.y1 <= p.y <= b.y2 for b in boxes] for p in points], dtype=float)
    hits = inside[linear_sum_assignment(inside, maximize=True)].sum()
    return float(hits / max(len(points), len(boxes)))
