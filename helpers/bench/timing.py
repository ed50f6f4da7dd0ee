"""Latency, which is measured with one client, and throughput, which is measured with several. They never mix."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import quantiles

from ..errors import CourseError
from .cost import output_tokens
from .log import Attempt
from .summary import grouped

PERCENTILES = (50, 90, 95, 99)
TIMES = {
    "ttft": "time to the first token of any kind",
    "ttft_answer": "time to the first token of the answer, after the thinking",
    "tpot": "time per output token: (last - first) / (n - 1), the first token excluded",
    "e2e": "end-to-end time",
}


@dataclass(frozen=True)
class Latency:
    """How long one model took on one task, with so many clients. Transport failures are not in it.

    Attributes:
        times: name of a time (see TIMES) → its values in seconds, sorted; model outcomes included.
    """

    name: str
    task: str
    clients: int
    times: dict[str, list[float]]

    @property
    def label(self) -> str:
        """What these times are. Under load they tell of the server's queue as much as of the model."""
        return "latency, 1 client" if self.clients == 1 else f"times under load, {self.clients} clients; not latency"

    def percentile(self, time: str, q: int) -> float | None:
        """A percentile in seconds; None where too few answers lie beyond it to tell (n · (100 - q) < 100)."""
        values = self.times[time]
        told = len(values) * (100 - q) >= 100
        return quantiles(values, n=100, method="inclusive")[q - 1] if told else None


@dataclass(frozen=True)
class Throughput:
    """What a server and a run with several clients got done together, waiting for rate limits included.

    Attributes:
        seconds: from the first request sent to the last answer's end.
        tokens: tokens written, reasoning included; None where one answer's number is unknown.
    """

    run: str
    clients: int
    models: tuple[str, ...]
    answers: int
    seconds: float
    tokens: int | None


def latency(attempts: Iterable[Attempt], clients: int | None = None) -> list[Latency]:
    """Times by name and task, from answers got with so many clients.

    Raises CourseError where ``clients`` is not given and the answers come from runs with different numbers of them.
    """
    attempts = [attempt for attempt in attempts if attempt.finished]
    numbers = sorted({attempt.clients for attempt in attempts})
    if clients is None and len(numbers) > 1:
        some = " and ".join(map(str, numbers))
        raise CourseError(f"These answers were got with {some} clients, and their times don't mix. Say clients=….")
    wanted = {key: [a for a in group if clients in (None, a.clients)] for key, group in grouped(attempts).items()}
    return [_latency(name, task, group) for (name, task), group in wanted.items() if group]


def _latency(name: str, task: str, attempts: list[Attempt]) -> Latency:
    values = {time: [getattr(attempt.reply, time) for attempt in attempts] for time in TIMES}
    known = {time: sorted(value for value in column if value is not None) for time, column in values.items()}
    return Latency(name, task, attempts[0].clients, known)


def throughput(attempts: Iterable[Attempt]) -> list[Throughput]:
    """What each run with several clients got done; runs with one client measure latency and are left out."""
    runs = collections.defaultdict(list)
    for attempt in attempts:
        if attempt.finished and attempt.clients > 1 and attempt.reply.e2e is not None:
            runs[attempt.run].append(attempt)
    return [_throughput(run, group) for run, group in sorted(runs.items())]


def _throughput(run: str, attempts: list[Attempt]) -> Throughput:
    written = [output_tokens(attempt) for attempt in attempts]
    tokens = None if None in written else sum(written)
    models = tuple(sorted({attempt.key.model for attempt in attempts}))
    return Throughput(run, attempts[0].clients, models, len(attempts), span(attempts), tokens)


def span(attempts: Sequence[Attempt]) -> float:
    """Seconds from the first request sent to the last answer's end. Raises ValueError for no attempts."""
    begun = [datetime.fromisoformat(attempt.reply.started) for attempt in attempts]
    ended = [start + timedelta(seconds=attempt.reply.e2e) for start, attempt in zip(begun, attempts)]
    return (max(ended) - min(begun)).total_seconds()
