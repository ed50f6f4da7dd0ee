"""What the tests of the benchmark share: items with a number for an answer, a server that adds, logged attempts."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

from scripted_server import Request, Response, answer

from helpers.bench import Attempt, Limits, Settings, host_of, make_plan, run
from helpers.bench.plan import Key
from helpers.chat import Reply, Timeouts, make_client
from helpers.grading import Grade
from helpers.tasks import Item

START = "2026-01-01T00:00:00.000+00:00"
IMPATIENT = Timeouts(connect=5, silence=2, total=10)


def sums(n: int, task: str = "sums", first: int = 0) -> list[Item]:
    """Items that ask for i + 1."""
    ask = [{"role": "user", "content": f"What is {i} + 1?"} for i in range(first, first + n)]
    return [Item(f"{task}-{i}", task, [message], str(i + 1), "number") for i, message in enumerate(ask, first)]


def asked(request: Request) -> int:
    """Which sum a request asks for."""
    return int(re.search(r"What is (\d+)", request.body["messages"][-1]["content"])[1])


def adds(request: Request) -> Response:
    """Answer every sum, and right."""
    return answer(f"The answer is {asked(request) + 1}.", reasoning="add one")


def now_and_then(wrong: Callable[[int, int], Response | None]) -> Callable[[Request], Response]:
    """A server that adds, but does ``wrong(sum, times asked before)`` where that is something."""
    times: dict[int, int] = {}

    def respond(request: Request) -> Response:
        i = asked(request)
        times[i] = times.get(i, -1) + 1
        return wrong(i, times[i]) or adds(request)

    return respond


def bench(
    base_url: str, folder: Path, items: list[Item], models=("adder",), limits: Limits | None = None,
    samples: int = 1, order: str = "interleaved", **settings,
) -> None:  # fmt: skip
    """Run a plan to its end."""
    plan = make_plan(items, models, samples, Settings(host_of(base_url), **settings), order)

    async def ask() -> None:
        async with make_client(base_url) as client:
            await run(plan, client, folder, limits or Limits(timeouts=IMPATIENT))

    asyncio.run(ask())


def attempt(
    correct: bool | None = True, item: int | str = 0, model: str = "adder", sample: int = 0, outcome: str = "ok",
    task: str = "sums", extracted: str | None = None, clients: int = 1, settings: Settings | None = None,
    run: str = START, score: float | None = None, **reply,
) -> Attempt:  # fmt: skip
    """An attempt as a log would hold it; ``correct`` None leaves it without a grade."""
    grade = None
    if outcome == "ok" and correct is not None:
        name = "correct" if correct else "incorrect"
        grade = Grade(name, float(correct) if score is None else score, extracted or name)
    settings = settings or Settings()
    reply = {"started": START} | reply
    key = Key(task, str(item), sample, model, repr(settings))
    return Attempt(key, 1, run, clients, settings, Reply(outcome=outcome, model=model, **reply), grade)
