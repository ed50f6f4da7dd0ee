"""How fast to ask, and how long to wait before asking again."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ..chat import Timeouts
from ..errors import CourseError

#: Transport failures that may not happen again. The others (401, 403, 400 …) would: asking again is only rude.
RETRYABLE = frozenset(
    {"timeout", "rate_limited", "server_error", "broken_stream", "empty_choices", "connection"}
)  # fmt: skip
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds: the backoff before the second attempt, and its ceiling


@dataclass(frozen=True)
class Limits:
    """What a run may do to a server.

    Attributes:
        concurrency: requests in flight at most. 1 measures latency; more measure throughput.
        requests_per_minute, tokens_per_minute: the provider's limits (tokens read and written); inf for none.
        attempts: how often one request is sent at most, in one run.
        timeouts: how long to wait for one answer.
        longest_wait: seconds; a server that asks for a longer wait ends the run.
        failures_in_a_row: requests given up one after the other that end the run; the server is likely gone.
    """

    concurrency: int = 1
    requests_per_minute: float = math.inf
    tokens_per_minute: float = math.inf
    attempts: int = 5
    timeouts: Timeouts = Timeouts()
    longest_wait: float = 300.0
    failures_in_a_row: int = 20

    def __post_init__(self) -> None:
        for name in ("concurrency", "requests_per_minute", "tokens_per_minute", "attempts"):
            if not getattr(self, name) > 0:
                raise CourseError(f"{name.replace('_', ' ')} must be more than 0, not {getattr(self, name)}.")


class Pace:
    """Hands out a rate evenly: so much per minute, without bursts, since some providers count per second."""

    def __init__(self, per_minute: float) -> None:
        self.seconds_each = 60 / per_minute
        self.free_at = -math.inf

    def take(self, amount: float, now: float) -> float:
        """Reserve an amount; the seconds to wait before it may be used."""
        start = max(now, self.free_at)
        self.free_at = start + amount * self.seconds_each
        return start - now

    def correct(self, more: float) -> None:
        """An earlier reservation turned out so much larger (or, negative, smaller)."""
        self.free_at += more * self.seconds_each


class Limiter:
    """Lets a run's clients ask no faster than its limits, and none of them while the server has asked for a pause."""

    def __init__(
        self, limits: Limits, clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:  # fmt: skip
        self.requests, self.tokens = Pace(limits.requests_per_minute), Pace(limits.tokens_per_minute)
        self.clock, self.sleep = clock, sleep
        self.paused_until = -math.inf

    async def turn(self, tokens: float) -> None:
        """Wait until one more request of about so many tokens may be sent."""
        now = self.clock()
        wait = max(self.requests.take(1, now), self.tokens.take(tokens, now), self.paused_until - now)
        while wait > 0:
            await self.sleep(wait)
            wait = self.paused_until - self.clock()  # a pause may have been asked for in the meantime

    def pause(self, seconds: float) -> None:
        """Let nobody ask for so long."""
        self.paused_until = max(self.paused_until, self.clock() + seconds)


def backoff(attempt: int, rng: random.Random) -> float:
    """Seconds to wait after the ``attempt``-th failure: doubling, with jitter so that clients don't return as one."""
    ceiling = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempt - 1))
    return ceiling * rng.uniform(0.5, 1.0)
