"""When something happens: spans of time out of an answer, and how well two of them fit."""

from __future__ import annotations

import re

Span = tuple[float, float]

_TIME = r"(?<![\d.:])(?:(\d{1,3}):)?(\d{1,6}(?:\.\d{1,6})?)(?![\d:])"
_TIMES = re.compile(_TIME)
#: "0.5 to 2.0", "0.5 s - 2 s", "<0.5 seconds> and <2.0 seconds>", "00:01–00:02", "从0.5秒到2.0秒"
_UNIT = r"\W{0,3}(?:s|sec|seconds?|秒)?\W{0,3}"
_RANGE = re.compile(rf"{_TIME}{_UNIT}(?:to|and|until|till|到|至|[-–—~])\W{{0,3}}{_TIME}")


def parse_span(text: str) -> Span | None:
    """Start and end in seconds, in order of time: of the last range ("0.5 to 2.0"), else of the first two times.

    A time is a number of seconds, or minutes and seconds with a colon. None where there are fewer than two.
    """
    ranges = _RANGE.findall(text)
    times = [ranges[-1][:2], ranges[-1][2:]] if ranges else _TIMES.findall(text)[:2]
    if len(times) < 2:
        return None
    start, end = sorted(60 * int(minutes or 0) + float(seconds) for minutes, seconds in times)
    return start, end


def temporal_iou(a: Span, b: Span) -> float:
    """Intersection over union of two spans of time (start, end), 0 to 1; two equal moments give 1.

    Raises ValueError for a span that ends before it starts.
    """
    if a[0] > a[1] or b[0] > b[1]:
        raise ValueError(f"a span ends after it starts, unlike one of {a} and {b}")
    common = min(a[1], b[1]) - max(a[0], b[0])
    either = max(a[1], b[1]) - min(a[0], b[0])
    return max(common, 0.0) / either if either > 0 else 1.0
