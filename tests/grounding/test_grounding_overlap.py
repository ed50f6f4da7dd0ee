"""Overlap, matching and average precision, against torchvision, COCO's own evaluation, and all pairings tried."""

import contextlib
import io
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import helpers  # noqa: F401  makes torchvision importable
from helpers.grounding import Box, Point, average_precision, iou, match, mean_iou, point_hits

SPAN = st.tuples(st.integers(0, 12), st.integers(1, 8))
BOXES = st.builds(lambda x, y: Box("", x[0], y[0], sum(x), sum(y)), SPAN, SPAN)
SETS = st.lists(BOXES, max_size=4)
SQUARE = Box("", 0, 0, 10, 10)


@settings(deadline=None)
@given(st.lists(BOXES, min_size=1, max_size=5), st.lists(BOXES, min_size=1, max_size=5))
def test_iou_is_torchvisions(a, b):
    from torchvision.ops import box_iou

    theirs = box_iou(*(torch.tensor([box.xyxy for box in boxes], dtype=torch.float64) for boxes in (a, b)))
    assert np.allclose([[iou(x, y) for y in b] for x in a], theirs.numpy())


def test_iou_of_boxes_without_an_area_is_none():
    assert iou(Box("", 1, 1, 1, 1), Box("", 1, 1, 1, 1)) == iou(Box("", 0, 5, 10, 5), SQUARE) == 0
    assert iou(SQUARE, Box("", 10, 0, 20, 10)) == 0 and iou(SQUARE, Box("", 5, 0, 15, 10)) == pytest.approx(1 / 3)


def test_matching_is_greedy_and_one_to_one():
    near, nearer = Box("", 0, 0, 10, 12), Box("", 0, 0, 10, 11)
    assert match([near, nearer], [SQUARE]) == [0, None]  # in the order given, not the best first
    assert match([near, near, near], [SQUARE, nearer]) == [1, 0, None]
    assert match([Box("", 5, 0, 15, 10)], [SQUARE], 0.5) == [None]
    assert match([Box("", 5, 0, 15, 10)], [SQUARE], 1 / 3) == [0]
    assert match([], [SQUARE]) == [] and match([SQUARE], []) == [None]


@given(SETS, SETS)
def test_mean_iou_is_that_of_the_best_pairing(found, truth):
    if not found or not truth:
        assert mean_iou(found, truth) == (not found and not truth)
        return
    pairings = itertools.permutations(found + [None] * len(truth), len(truth))
    best = max(sum(iou(a, b) for a, b in zip(pairing, truth) if a) for pairing in pairings)
    assert mean_iou(found, truth) == pytest.approx(best / len(truth))


def test_a_missing_box_counts_as_nothing():
    assert mean_iou([SQUARE], [SQUARE, Box("", 50, 50, 60, 60)]) == 0.5


def coco(found, truth, scores, threshold):
    """AP as pycocotools computes it, at recalls so dense that its sampled curve is the whole curve."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def rows(sets):
        return [
            {"id": f"{i}-{k}", "image_id": i, "category_id": 1, "bbox": [b.x1, b.y1, b.x2 - b.x1, b.y2 - b.y1],
             "area": b.area, "iscrowd": 0} for i, boxes in enumerate(sets, 1) for k, b in enumerate(boxes)
        ]  # fmt: skip

    true, said = COCO(), COCO()
    images, categories = [{"id": i} for i, _ in enumerate(truth, 1)], [{"id": 1}]
    true.dataset = {"images": images, "categories": categories, "annotations": numbered(rows(truth))}
    scored = [row | {"score": score} for row, score in zip(rows(found), itertools.chain(*scores))]
    said.dataset = {"images": images, "categories": categories, "annotations": numbered(scored)}
    with contextlib.redirect_stdout(io.StringIO()):
        true.createIndex()
        said.createIndex()
        evaluation = COCOeval(true, said, "bbox")
        evaluation.params.iouThrs = np.array([threshold])
        evaluation.params.recThrs = np.linspace(0, 1, 5001)
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation.eval["precision"][0, :, 0, 0, -1].mean()


def numbered(rows):
    return [row | {"id": i} for i, row in enumerate(rows, 1)]


IMAGES = st.lists(st.tuples(SETS, SETS), min_size=1, max_size=4)


@settings(deadline=None, max_examples=60)
@given(IMAGES, st.sampled_from([0.3, 0.5, 0.75]), st.randoms(use_true_random=False))
def test_average_precision_is_cocos(images, threshold, rng):
    found, truth = map(list, zip(*images))
    if not any(truth):
        truth[0] = [SQUARE]
    places = list(range(sum(map(len, found))))
    rng.shuffle(places)  # no two scores alike, since ties go as each implementation sorts them
    places = iter(places)
    scores = [[float(next(places)) for _ in boxes] for boxes in found]
    ours = average_precision(found, truth, threshold, scores)
    assert ours == pytest.approx(coco(found, truth, scores, threshold), abs=2e-3)


def test_average_precision_by_hand():
    miss, other = Box("", 50, 50, 60, 60), Box("", 20, 20, 30, 30)
    assert average_precision([[SQUARE], [other]], [[SQUARE], [other]]) == 1
    assert average_precision([[], []], [[SQUARE], [other]]) == 0
    assert average_precision([[SQUARE, miss]], [[SQUARE]]) == 1  # what comes after the last hit costs nothing
    assert average_precision([[miss, SQUARE]], [[SQUARE]]) == 0.5
    # first places: hit, miss; second places: miss, hit → precision 1 at recall ½, ½ at recall 1
    assert average_precision([[SQUARE, miss], [miss, other]], [[SQUARE], [other]]) == 0.75
    # the second hit lifts the precision of the first, which it is interpolated with: 2/3 at both
    assert average_precision([[miss, SQUARE, other]], [[SQUARE, other]]) == pytest.approx(2 / 3)


def test_average_precision_needs_something_to_find():
    with pytest.raises(ValueError, match="no true box"):
        average_precision([[SQUARE]], [[]])
    with pytest.raises(ValueError, match="same images"):
        average_precision([[SQUARE]], [[SQUARE], []])
    with pytest.raises(ValueError, match="score for every box"):
        average_precision([[SQUARE]], [[SQUARE]], scores=[[]])


def test_points_hit_boxes_of_their_own():
    left, right = Box("", 0, 0, 10, 10), Box("", 5, 0, 20, 10)
    assert point_hits([Point("", 7, 5), Point("", 2, 5)], [left, right]) == 1  # the shared place is given to the right
    assert point_hits([Point("", 2, 5), Point("", 3, 5)], [left, right]) == 0.5  # no box counts twice
    assert point_hits([Point("", 0, 10)], [left]) == 1 and point_hits([Point("", 11, 5)], [left]) == 0
    assert point_hits([Point("", 1, 1)], [left, right]) == point_hits([Point("", 1, 1)] * 2, [left]) == 0.5
    assert point_hits([], []) == 1 and point_hits([], [left]) == point_hits([Point("", 1, 1)], []) == 0
