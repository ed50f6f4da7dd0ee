"""Spans of time, read and compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.grounding import parse_span, temporal_iou
from helpers.worlds.clips import clip_questions
from helpers.worlds.clips.questions import parse_seconds

SPANS = st.tuples(st.integers(0, 20), st.integers(1, 20)).map(lambda span: (span[0], sum(span)))


@pytest.mark.parametrize(
    "text, span",
    [
        ("0.5 to 2.0", (0.5, 2)),
        ("From 0.5 s to 2 s.", (0.5, 2)),
        ("2.0 to 0.5", (0.5, 2)),
        ("between 0.5 seconds and 2.0 seconds", (0.5, 2)),
        ("<0.5 seconds> - <2.0 seconds>", (0.5, 2)),
        ("00:01–01:02.5", (1, 62.5)),
        ("从0.5秒到2.0秒", (0.5, 2)),
        ('{"start": 0.5, "end": 2.0}', (0.5, 2)),
        ("[0.5, 2.0]", (0.5, 2)),
        ("The 2 stars collide from 1.0 to 2.5 seconds.", (1, 2.5)),
        ("At first 0 to 1, no: 3 to 4.", (3, 4)),
        ("3.0 to 3.0", (3, 3)),
        ("at 3 seconds", None),
        ("never", None),
        ("", None),
    ],
)
def test_spans_are_read(text, span):
    assert parse_span(text) == span


def test_the_world_of_clips_is_read_as_it_reads_itself():
    spans = [question for _, question in clip_questions("heldout", 20, type="when")]
    assert all(parse_span(question.answer) == parse_seconds(question.answer) == question.seconds for question in spans)


@given(st.text() | st.lists(st.sampled_from(["1", ":", ".", "-", " to ", "s", "9" * 400, "−"])).map("".join))
def test_no_text_raises(text):
    span = parse_span(text)
    assert span is None or 0 <= span[0] <= span[1]


@given(SPANS, SPANS)
def test_temporal_iou_counts_the_seconds_they_share(a, b):
    in_a, in_b = set(range(*a)), set(range(*b))
    assert temporal_iou(a, b) == pytest.approx(len(in_a & in_b) / (max(a[1], b[1]) - min(a[0], b[0])))
    assert temporal_iou(a, b) == temporal_iou(b, a)


def test_moments_and_wrong_spans():
    assert temporal_iou((1, 1), (1, 1)) == 1 and temporal_iou((1, 1), (0, 2)) == temporal_iou((1, 1), (2, 2)) == 0
    with pytest.raises(ValueError, match=r"\(2, 1\)"):
        temporal_iou((2, 1), (0, 1))
