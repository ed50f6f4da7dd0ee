"""Boxes and points out of whatever a model writes: an outcome each time, and never an exception."""

import json
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers.grounding import Box, Point, clip, parse_boxes, parse_points

A, B = Box("red star", 1, 2, 3, 4), Box("blue ring", 5, 6, 7, 8)
ONE = '{"bbox_2d": [1, 2, 3, 4], "label": "red star"}'
TWO = '{"bbox_2d": [5, 6, 7, 8], "label": "blue ring"}'


@pytest.mark.parametrize(
    "text",
    [
        f"[{ONE}, {TWO}]",
        f"Sure! Here they are:\n```json\n[\n  {ONE},\n  {TWO}\n]\n```\nAnything [else]?",
        f"{ONE}\n{TWO}",
        f"[{ONE}, {TWO},]",
        f"[{ONE}, {TWO}",
        f"[{ONE}, {TWO}, ",
        f"```json\n[{ONE}, {TWO}",
        "[{'bbox_2d': [1, 2, 3, 4,], 'label': 'red star',}, {'bbox_2d': [5, 6, 7, 8], 'label': 'blue ring'}]",
        "It's this: [{'bbox_2d': [1, 2, 3, 4], 'label': 'red star'}, " + TWO + "]",
        '[{"label": "red star", "bbox_2d": [1.0, 2.0, 3.0, 4.0]}, {"bbox": [5, 6, 7, 8], "label": " blue ring "}]',
        '{"objects": {"first": [' + ONE + '], "then": [[[' + TWO + "]]]}}",
        f'{{"a": {{"b": [ {ONE} ]}}, "bbox": {TWO}'.replace('"bbox": {', '"c": {'),
        f"{{{{{ONE}]]}}, [{TWO}",
        f'{ONE[:-1]}, "attributes": {{"size": [1, 2]}}}} and {TWO}',
    ],
)
def test_whole_objects_are_read_whatever_stands_around_them(text):
    parsed = parse_boxes(text)
    assert (parsed.found, parsed.outcome, parsed.dropped, parsed.reordered) == ([A, B], "found", 0, 0)


@pytest.mark.parametrize(
    "cut, dropped",
    [
        (', {"bbox_2d": [5, 6, 7, ', 1),
        (', {"bbox_2d": [5, 6, 7, 8], "label": "blue', 1),
        (', {"bb', 0),
    ],
)
def test_what_stands_before_a_cut_is_kept_and_the_cut_object_is_not_guessed(cut, dropped):
    parsed = parse_boxes(f"[{ONE}{cut}")
    assert (parsed.found, parsed.dropped) == ([A], dropped)


@pytest.mark.parametrize(
    "coordinates",
    [
        "[]", "[1, 2, 3]", "[1, 2, 3, 4, 5]", "[[1, 2], [3, 4]]", "[1, 2, NaN, 4]", "[1, 2, Infinity, 4]",
        "[-Infinity, 2, 3, 4]", "[1, 2, 3, 1e999]", '["1", "2", "3", "4"]', "[true, 2, 3, 4]", "[null, 2, 3, 4]",
        "null", '"1 2 3 4"', "{}", "[1, 2, 3, 1" + "0" * 400 + "]", "[1, 2, 3, " + "9" * 5000 + "]", "[1, 2, 3, 4",
    ],
)  # fmt: skip
def test_unusable_coordinates_are_dropped_and_counted(coordinates):
    bad = f'{{"bbox_2d": {coordinates}, "label": "?"}}'
    alone, beside = parse_boxes(f"[{bad}]"), parse_boxes(f"[{ONE}, {bad}, {TWO}]")
    assert (alone.found, alone.outcome, alone.dropped) == ([], "unparsed", 1)
    assert (beside.found, beside.outcome, beside.dropped) == ([A, B], "found", 1)


@pytest.mark.parametrize("text", ["[]", "```json\n[ ]\n```", "There are none: []", '{"objects": []}', "{}"])
def test_an_empty_list_says_that_there_is_nothing(text):
    assert parse_boxes(text).outcome == parse_points(text).outcome == "empty"


@pytest.mark.parametrize("text", ["", "There is no star.", "[", "null", "[1, 2, 3, 4]", '{"label": "star"}', "(1, 2)"])
def test_what_holds_no_box_is_unparsed(text):
    assert parse_boxes(text).outcome == parse_points(text).outcome == "unparsed"


def test_corners_in_the_wrong_order_are_sorted_and_counted():
    parsed = parse_boxes('[{"bbox_2d": [3, 4, 1, 2], "label": "red star"}, {"bbox_2d": [5, 8, 7, 6]}, ' + TWO + "]")
    assert parsed.found == [A, Box("", 5, 6, 7, 8), B] and parsed.reordered == 2


def test_labels_are_text_or_nothing():
    labels = ['"it\'s \\"red\\" {1}, [2]"', '"红色的星"', "3", "null", '["star"]', '""']
    text = ", ".join(f'{{"bbox_2d": [1, 2, 3, 4], "label": {label}}}' for label in labels)
    read = [box.label for box in parse_boxes(f"[{text}]").found]
    assert read == ['it\'s "red" {1}, [2]', "红色的星", "", "", "", ""]
    (single,) = parse_boxes("{'bbox_2d': [1, 2, 3, 4], 'label': 'it\\'s a \"star\"'}").found
    assert single.label == 'it\'s a "star"'


def test_points():
    parsed = parse_points('Here: [{"point_2d": [10, 20.5], "label": "star"}, {"point_2d": [1]}, {"point": [3, 4]}]')
    assert parsed.found == [Point("star", 10, 20.5), Point("", 3, 4)] and parsed.dropped == 1
    assert parse_points(ONE).outcome == "unparsed" and parse_boxes('{"point_2d": [1, 2]}').outcome == "unparsed"


COORDINATES = st.floats(-1e9, 1e9) | st.integers(-(10**9), 10**9)


@given(st.lists(st.tuples(st.text(), st.lists(COORDINATES, min_size=4, max_size=4))), st.booleans())
def test_every_list_of_boxes_that_json_can_write_is_read_whole(things, ascii_only):
    text = json.dumps([{"bbox_2d": xyxy, "label": label} for label, xyxy in things], ensure_ascii=ascii_only)
    parsed = parse_boxes(f"Well. {text} Yes.")
    assert [box.label for box in parsed.found] == [label.strip() for label, _ in things]
    for box, (_, xyxy) in zip(parsed.found, things):
        assert sorted(box.xyxy[::2] + box.xyxy[1::2]) == sorted(xyxy)
        assert box.x1 <= box.x2 and box.y1 <= box.y2
    assert parsed.outcome == ("found" if things else "empty")


PIECES = st.sampled_from([
    "{", "}", "[", "]", "'", '"', ",", ":", "\\", "\n", "```json", "bbox_2d", '"bbox_2d":', "point_2d", "label", ONE,
    "[1,2,3,4]", "NaN", "-Infinity", "1e999", "9" * 5000, "null", " ", "\x00", "\ud800", "[" * 300, '{"a":' * 300,
])  # fmt: skip


@settings(deadline=None)
@given(st.text() | st.lists(PIECES | st.text(max_size=3), max_size=30).map("".join))
@example("[" * 100_000)
@example("[" * 100_000 + "]" * 100_000)
@example('{"bbox_2d":' * 100_000)
def test_no_text_raises(text):
    for parse, thing in ((parse_boxes, Box), (parse_points, Point)):
        parsed = parse(text)
        assert (parsed.outcome == "found") == bool(parsed.found)
        assert all(isinstance(one, thing) for one in parsed.found) and parsed.dropped >= 0


@pytest.mark.parametrize("piece", ["[", '{"a":', "['", '"\\', "{'a", "[1,", '{"bbox_2d":[1,', "[{},", " ,", "[ '"])
def test_no_text_takes_long(piece):
    """Broken text as long as the longest answers (32,000 tokens) is read in seconds, not in hours."""
    text = piece * (100_000 // len(piece))
    began = time.process_time()
    parse_boxes(text)
    assert time.process_time() - began < 20


def test_clip():
    assert clip(Box("a", -5, 10, 50, 200), (40, 100)) == Box("a", 0, 10, 40, 100)
    assert clip(A, (40, 100)) == A
    for outside in (Box("", 40, 0, 50, 10), Box("", -9, 0, 0, 10), Box("", 0, 100, 9, 101), Box("", 0, -3, 9, -1)):
        assert clip(outside, (40, 100)) is None


@given(st.lists(COORDINATES, min_size=4, max_size=4), st.integers(1, 1000), st.integers(1, 1000))
def test_what_is_left_after_clipping_is_inside(xyxy, width, height):
    (x1, x2), (y1, y2) = sorted(xyxy[:2]), sorted(xyxy[2:])
    left = clip(Box("", x1, y1, x2, y2), (width, height))
    if left is None:
        assert x1 >= width or x2 <= 0 or y1 >= height or y2 <= 0
    else:
        assert 0 <= left.x1 <= left.x2 <= width and 0 <= left.y1 <= left.y2 <= height
