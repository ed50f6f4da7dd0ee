"""What chapter 3's grounding notebook writes out agrees with ``helpers.grounding``, torchvision and brute force.

The functions are taken from the notebook itself, so what is tested is what a reader runs.
"""

from __future__ import annotations

import ast
import json
import re
from itertools import cycle, zip_longest
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

import helpers  # noqa: F401  makes torchvision importable
from helpers import grounding
from helpers.profiles import root

NOTEBOOK = root() / "notebooks" / "03_vision" / "03_grounding.ipynb"
FUNCTIONS = (
    "factors", "to_model", "to_picture", "usable", "read", "tidy", "area", "iou", "match", "mean_iou",
    "average_precision", "giou", "scales",
)  # fmt: skip


@pytest.fixture(scope="module")
def notebook() -> SimpleNamespace:
    """The notebook's own definitions (an exercise's from its solution cell) and its zoo of answers."""
    namespace = {"np": np, "json": json, "re": re, "cycle": cycle, "zip_longest": zip_longest,
                 "linear_sum_assignment": linear_sum_assignment}  # fmt: skip
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] != "code" or "exercise" in cell["metadata"].get("tags", []):
            continue
        for node in ast.parse("".join(cell["source"])).body:
            targets = [node.target] if isinstance(node, ast.AugAssign) else getattr(node, "targets", [])
            named = {target.id for target in targets if isinstance(target, ast.Name)}
            if (isinstance(node, ast.FunctionDef) and node.name in FUNCTIONS) or named & {"BOX", "ZOO"}:
                exec(compile(ast.Module([node], type_ignores=[]), str(NOTEBOOK), "exec"), namespace)
    assert namespace.keys() >= {*FUNCTIONS, "ZOO"}
    return SimpleNamespace(**namespace)


@pytest.fixture(scope="module")
def processors() -> dict:
    """By convention, the image processors of both families with the notebook's budget of 16 to 20 visual tokens."""
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import Qwen2VLImageProcessor

    made = {}
    for convention, patch in (("absolute", 14), ("relative", 16)):
        token = (2 * patch) ** 2
        images = Qwen2VLImageProcessor(patch_size=patch, size={"shortest_edge": 16 * token, "longest_edge": 20 * token})
        made[convention] = SimpleNamespace(image_processor=images)
    return made


SIDES = st.integers(20, 2000)
SHARES = st.tuples(*[st.floats(0, 1)] * 4)
SPAN = st.tuples(st.integers(0, 12), st.integers(1, 8))
BOXES = st.builds(lambda x, y: (x[0], y[0], sum(x), sum(y)), SPAN, SPAN)
SETS = st.lists(BOXES, max_size=4)


def as_boxes(several):
    return [grounding.Box("", *box) for box in several]


@settings(deadline=None)
@given(w=SIDES, h=SIDES, shares=SHARES, convention=st.sampled_from(grounding.CONVENTIONS))
def test_conversion_is_the_libraries_and_comes_back_within_half_a_unit(notebook, processors, w, h, shares, convention):
    resized = grounding.resized_size(w, h, processors[convention])
    box = [share * side for share, side in zip(shares, (w, h, w, h))]
    numbers = notebook.to_model(box, (w, h), resized, convention)
    assert numbers == grounding.to_model(box, (w, h), resized, convention)
    back = notebook.to_picture(numbers, (w, h), resized, convention)
    assert back == grounding.to_image(numbers, (w, h), resized, convention)
    half = [0.5 / f for f in notebook.factors((w, h), resized, convention)]
    assert all(abs(a - b) <= unit + 1e-9 for a, b, unit in zip(back, box, half * 2))


def test_the_corner_of_the_picture_is_the_end_of_the_ruler(notebook):
    assert notebook.to_model((0, 0, 640, 480), (640, 480), (140, 84), "absolute") == (0, 0, 140, 84)
    assert notebook.to_model((0, 0, 640, 480), (640, 480), (140, 84), "relative") == (0, 0, 1000, 1000)


ANSWERS = st.lists(st.tuples(*[st.integers(0, 1000)] * 4), max_size=4)
AROUND = st.text(st.characters(exclude_characters="{}[]'\"", codec="utf-8"), max_size=12)


@given(boxes=ANSWERS, before=AROUND, after=AROUND, cut=st.floats(0, 1))
def test_reading_agrees_with_the_longer_parser_also_when_cut_off(notebook, boxes, before, after, cut):
    text = json.dumps([{"bbox_2d": list(box), "label": "red star"} for box in boxes])
    found, outcome = notebook.read(f"{before}{text}{after}")
    assert [tuple(numbers) for numbers in found] == boxes and outcome == ("found" if boxes else "empty")
    part = text[: round(cut * len(text))]
    theirs = grounding.parse_boxes(part)
    assert len(notebook.read(part)[0]) == len(theirs.found) and notebook.read(part)[1] == theirs.outcome


@given(st.text() | st.text(alphabet='{}[]",:bbox_2d 0123456789eE-+.nNaI'))
def test_no_answer_makes_the_reader_raise(notebook, text):
    found, outcome = notebook.read(text)
    assert (outcome == "found") == bool(found)


@pytest.mark.parametrize(
    "numbers", ["[1, 2, 3]", "[1, 2, 3, 4, 5]", "[1, 2, 3, true]", "[1, 2, 3, NaN]", "[1, 2, 3, 1e999]", "null", '"1"']
)
def test_unusable_numbers_are_no_box_and_not_nothing(notebook, numbers):
    text = f'[{{"bbox_2d": {numbers}, "label": "star"}}]'
    assert notebook.read(text) == ([], "unparsed") and grounding.parse_boxes(text).outcome == "unparsed"


def test_deep_and_long_answers_are_read_or_refused(notebook):
    for depth in (400, 100_000):
        assert notebook.read('{"bbox_2d": ' + "[" * depth + "1" + "]" * depth + "}") == ([], "unparsed")
    assert notebook.read('{"bbox_2d": [' + "9" * 5000 + ", 1, 2, 3]}") == ([], "unparsed")


def test_the_zoo_has_every_outcome_and_only_the_longer_parser_mends_json(notebook):
    ours = {name: notebook.read(text)[1] for name, text in notebook.ZOO.items()}
    theirs = {name: grounding.parse_boxes(text).outcome for name, text in notebook.ZOO.items()}
    assert set(ours.values()) == {"found", "empty", "unparsed"}
    assert {name for name in ours if ours[name] != theirs[name]} == {"Python's quotes", "a comma too many"}


@given(st.tuples(*[st.integers(-20, 40)] * 4))
def test_tidying_is_sorting_and_clipping(notebook, box):
    (parsed,) = grounding.parse_boxes(json.dumps({"bbox_2d": box})).found
    clipped = grounding.clip(parsed, (20, 30))
    tidied = notebook.tidy(box, (20, 30))
    assert tidied == (clipped.xyxy if clipped and clipped.area > 0 else None)


@settings(deadline=None)
@given(a=BOXES, b=BOXES)
def test_iou_and_the_exercises_giou_are_torchvisions(notebook, a, b):
    from torchvision.ops import box_iou, generalized_box_iou

    pair = [torch.tensor([box], dtype=torch.float64) for box in (a, b)]
    assert notebook.iou(a, b) == pytest.approx(float(box_iou(*pair)))
    assert notebook.iou(a, b) == grounding.iou(*as_boxes([a, b]))
    assert notebook.giou(a, b) == pytest.approx(float(generalized_box_iou(*pair)))


@given(found=SETS, truth=SETS, threshold=st.sampled_from([0.1, 0.5, 0.75]))
def test_matching_and_mean_iou_are_the_libraries(notebook, found, truth, threshold):
    assert notebook.match(found, truth, threshold) == grounding.match(as_boxes(found), as_boxes(truth), threshold)
    if truth:
        assert notebook.mean_iou(found, truth) == pytest.approx(grounding.mean_iou(as_boxes(found), as_boxes(truth)))


@settings(deadline=None)
@given(pictures=st.lists(st.tuples(SETS, SETS), min_size=1, max_size=4), threshold=st.sampled_from([0.3, 0.5]))
def test_average_precision_is_the_libraries(notebook, pictures, threshold):
    n_true = sum(len(truth) for _, truth in pictures)
    if not n_true:
        return
    hits = [[i is not None for i in notebook.match(*picture, threshold)] for picture in pictures]
    found, truth = ([as_boxes(picture[k]) for picture in pictures] for k in (0, 1))
    expected = grounding.average_precision(found, truth, threshold)
    assert notebook.average_precision(hits, n_true) == pytest.approx(expected)


def test_average_precision_worked_by_hand(notebook):
    # In line: first boxes True, False, then second boxes True. Precision 1, 1/2, 2/3; recall rises at 1 and at 3.
    assert notebook.average_precision([[True, True], [False]], 3) == pytest.approx((1 + 2 / 3) / 3)
    assert notebook.average_precision([[], []], 2) == 0


@given(boxes=st.lists(BOXES, min_size=1, max_size=5), x=st.floats(0.1, 9), y=st.floats(0.1, 9))
def test_scales_finds_the_factors_that_were_missed(notebook, boxes, x, y):
    truth = [(a * x, b * y, c * x, d * y) for a, b, c, d in boxes]
    assert notebook.scales(boxes, truth) == pytest.approx((x, y))


def test_scales_is_least_squares(notebook):
    rng = np.random.default_rng(0)
    found, truth = rng.random((9, 4)), rng.random((9, 4))
    for axis, factor in enumerate(notebook.scales(found.tolist(), truth.tolist())):
        f, t = found[:, axis::2].ravel(), truth[:, axis::2].ravel()
        assert factor == pytest.approx(np.linalg.lstsq(f[:, None], t, rcond=None)[0][0])
