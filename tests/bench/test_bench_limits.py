"""How fast a run asks, on a clock that only moves when somebody sleeps."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.bench.limits import LONGEST_PAUSE, Limiter, Limits, Pace, backoff
from helpers.errors import CourseError


class Clock:
    """Seconds that pass only in ``sleep``."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


def turns(n: int, tokens: float = 0, **limits) -> list[float]:
    """When ``n`` requests, one after the other, were let through."""
    clock = Clock()
    limiter = Limiter(Limits(**limits), clock, clock.sleep)

    async def ask() -> list[float]:
        times = []
        for _ in range(n):
            await limiter.turn(tokens)
            times.append(clock() - 100)
        return times

    return asyncio.run(ask())


def test_requests_per_minute_are_spread_evenly():
    assert turns(5, requests_per_minute=30) == pytest.approx([0, 2, 4, 6, 8])


def test_tokens_per_minute_hold_back_large_requests():
    assert turns(4, tokens=500, tokens_per_minute=1000) == pytest.approx([0, 30, 60, 90])


def test_the_tighter_limit_counts_and_without_limits_nobody_waits():
    assert turns(3, tokens=10, requests_per_minute=60, tokens_per_minute=100) == pytest.approx([0, 6, 12])
    assert turns(100, tokens=1e9) == [0] * 100


@settings(deadline=None)
@given(
    st.floats(1, 10_000),
    st.lists(st.tuples(st.floats(0, 30), st.floats(0.01, 100)), min_size=1, max_size=60),
)
def test_no_minute_ever_holds_more_than_the_rate(per_minute, arrivals):
    """Whatever arrives when: in any minute that begins with a request, at most the rate, and one request's cost."""
    pace, now, granted = Pace(per_minute), 0.0, []
    for gap, cost in arrivals:
        now += gap
        granted.append((now + pace.take(cost, now), cost))
    largest = max(cost for _, cost in granted)
    for start, _ in granted:
        within = sum(cost for at, cost in granted if start <= at < start + 60 - 1e-6)
        assert within <= per_minute + largest + 1e-6


def test_a_reservation_is_corrected_when_the_answer_was_shorter():
    pace = Pace(600)  # ten a second
    assert pace.take(100, now=0) == 0
    pace.correct(-90)
    assert pace.take(100, now=0) == pytest.approx(1)


def test_a_pause_holds_for_everybody_also_for_those_already_waiting():
    clock = Clock()

    async def sleep(seconds: float) -> None:
        await clock.sleep(seconds)
        if clock.now == 101:  # while the second request waits for its turn, the server asks for a pause
            limiter.pause(30)

    limiter = Limiter(Limits(requests_per_minute=60), clock, sleep)

    async def ask() -> float:
        await limiter.turn(0)
        await limiter.turn(0)
        return clock()

    assert asyncio.run(ask()) == pytest.approx(131)


def test_backoff_doubles_has_jitter_and_a_ceiling():
    rng = random.Random(0)
    for attempt, ceiling in (1, 1.0), (2, 2.0), (3, 4.0), (20, LONGEST_PAUSE):
        pauses = [backoff(attempt, rng) for _ in range(200)]
        assert ceiling / 2 <= min(pauses) < max(pauses) <= ceiling
        assert max(pauses) - min(pauses) > ceiling / 4


@pytest.mark.parametrize("wrong", [{"concurrency": 0}, {"requests_per_minute": -1}, {"attempts": 0}])
def test_limits_that_let_nothing_through_are_refused(wrong):
    with pytest.raises(CourseError, match="must be more than 0"):
        Limits(**wrong)
