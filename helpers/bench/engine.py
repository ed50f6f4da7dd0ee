"""Ask what a plan asks, several requests at a time, and log every attempt the moment it ends."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from .. import chat, records, world_pictures
from ..errors import CourseError
from ..files import locked
from .cost import output_tokens
from .estimate import prompt_tokens
from .limits import RETRYABLE, Limiter, Limits, backoff
from .log import LOG, RUNS, Attempt, JsonLines, finished_keys, read
from .plan import Key, Request

if TYPE_CHECKING:
    import openai
    from tqdm import tqdm


UNLIMITED = 1024  # tokens reserved for the first answers where neither they nor the settings say how long one may be


class RunStopped(CourseError):
    """Going on would be in vain. What was answered is kept; the same run goes on from there."""


class _Stop(Exception):
    """Inside a run: this client is done."""


async def run(
    plan: list[list[Request]], client: openai.AsyncOpenAI, folder: str | Path, limits: Limits | None = None,
    command: str = "",
) -> None:  # fmt: skip
    """Ask everything in ``plan`` (see ``make_plan``) that ``folder`` holds no answer to yet, and log it there.

    ``client`` comes from ``chat.make_client``. Transport failures are logged too, asked again up to
    ``limits.attempts`` times, and again when the same plan is run into the same folder. ``command`` is noted down.

    Raises InUse while another run holds the folder, RunStopped when the server refuses the key, asks for a very long
    wait or answers nothing any more, DiskFull, and CourseError for a request no model could take.
    """
    folder, limits = Path(folder), limits or Limits()
    with locked(folder, "--out"):
        attempts = read(folder)
        done = finished_keys(attempts)
        left = [[request for request in block if request.key not in done] for block in plan]
        tried = collections.Counter(attempt.key for attempt in attempts)
        began = datetime.now(UTC).isoformat(timespec="milliseconds")
        with JsonLines(folder / RUNS) as runs:
            runs.write({"run": began, "command": command} | _about(plan, left, limits))
        with contextlib.suppress(CourseError):  # not every server lists its models; this is to open the connection
            await chat.models(client)
        with JsonLines(folder / LOG) as log, _progress(plan, left) as bar:
            asking = _Run(began, client, limits, tried, log, bar)
            for block in left:
                await asking.ask_all(block)
    if asking.stopped:
        raise RunStopped(f"{asking.stopped} The answers are kept in {folder}; the same command goes on from there.")


def _about(plan: list[list[Request]], left: list[list[Request]], limits: Limits) -> dict:
    """What a reader of the log will want to know about a run."""
    requests = [request for block in plan for request in block]
    return {
        "host": requests[0].settings.host, "clients": limits.concurrency,
        "requests": len(requests), "answered": len(requests) - sum(map(len, left)),
        "device": records.device_name(), "versions": records.versions(),
    }  # fmt: skip


def _progress(plan: list[list[Request]], left: list[list[Request]]) -> tqdm:
    """A bar over the whole plan, on a terminal only, that starts where an earlier run got to."""
    from tqdm import tqdm

    total = sum(map(len, plan))
    return tqdm(total=total, initial=total - sum(map(len, left)), unit="request", disable=None)


class _Run:
    """The clients of one run and what they share."""

    def __init__(
        self, began: str, client: openai.AsyncOpenAI, limits: Limits, tried: collections.Counter[Key], log: JsonLines,
        bar: tqdm,
    ) -> None:  # fmt: skip
        self.began, self.client, self.limits, self.tried, self.log, self.bar = began, client, limits, tried, log, bar
        self.limiter = Limiter(limits, sleep=self._sleep)
        self.lengths: dict[str, list[int]] = collections.defaultdict(list)  # tokens written, per model
        self.rng = random.Random()  # jitter should differ from run to run
        self.failed: list[str] = []  # outcomes of the requests given up since the last one that was answered
        self.given_up = 0
        self.stopped = ""  # why nothing more is asked
        self.stop = asyncio.Event()

    async def ask_all(self, block: list[Request]) -> None:
        """Ask a block's requests, ``concurrency`` at a time."""
        waiting = iter(block)
        try:
            async with asyncio.TaskGroup() as clients:
                for _ in range(self.limits.concurrency):
                    clients.create_task(self._work(waiting))
        except ExceptionGroup as group:  # one client's error has ended the others
            raise group.exceptions[0] from group

    async def _work(self, waiting: Iterator[Request]) -> None:
        with contextlib.suppress(_Stop):
            for request in waiting:
                if self.stopped:
                    return
                reply = await self._answer(request)
                if reply.outcome in chat.TRANSPORT_FAILURES:
                    self._give_up(reply)
                else:
                    self.failed.clear()
                self.bar.update()

    async def _answer(self, request: Request) -> chat.Reply:
        """Ask until there is an answer, or no hope of one; the last reply."""
        for attempt in range(1, self.limits.attempts + 1):
            reply = await self._ask_once(request)
            asked_for = reply.retry_after or 0.0
            if asked_for > self.limits.longest_wait:
                self._stop(f"{request.settings.host} asks to be left alone for {asked_for:.0f} s.")
            self.limiter.pause(asked_for)  # the server means every client
            if reply.outcome not in RETRYABLE or attempt == self.limits.attempts:
                break
            await self._sleep(asked_for + backoff(attempt, self.rng))
        return reply

    async def _sleep(self, seconds: float) -> None:
        """Sleep; raise _Stop as soon as nothing more is to be asked."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stop.wait(), seconds)
            raise _Stop

    def _stop(self, why: str) -> None:
        """Let nobody ask any more; what is in flight may end."""
        self.stopped = self.stopped or why
        self.stop.set()

    async def _ask_once(self, request: Request) -> chat.Reply:
        reserved = prompt_tokens(request.item.messages) + self._expected_output(request)
        messages = request.item.messages
        if request.shows_a_picture:  # drawn in a thread, and before the clock starts: the others' clocks are running
            messages = await asyncio.to_thread(world_pictures.to_data_urls, messages)
        await self.limiter.turn(reserved)
        reply = await chat.ask(
            self.client, request.model, messages,
            timeout=self.limits.timeouts, **request.settings.arguments(request.sample),
        )  # fmt: skip
        self.tried[request.key] += 1
        attempt = Attempt(
            request.key, self.tried[request.key], self.began, self.limits.concurrency, request.settings, reply
        )
        if attempt.finished:
            written = output_tokens(attempt) or 0
            self.lengths[request.model].append(written)
            self.limiter.tokens.correct((reply.prompt_tokens or 0) + written - reserved)
        await self.log.append(attempt.line)
        return reply

    def _expected_output(self, request: Request) -> float:
        """Tokens to reserve for an answer: as many as the last ones had; before the first, as many as it may have."""
        last = self.lengths[request.model][-20:]
        return fmean(last) if last else request.settings.max_tokens or UNLIMITED

    def _give_up(self, reply: chat.Reply) -> None:
        """Count a request that came to nothing, and end the run where the next ones would too."""
        self.given_up += 1
        self.bar.set_postfix(failed=self.given_up)
        self.failed.append(reply.outcome)
        if reply.outcome == "unauthorized":
            self._stop("The server did not accept the key (401). Check the environment variable that holds it.")
        elif len(self.failed) >= self.limits.failures_in_a_row:
            kinds = ", ".join(f"{kind} × {n}" for kind, n in collections.Counter(self.failed).items())
            self._stop(f"{len(self.failed)} requests in a row came to nothing ({kinds}). The last: {reply.error}.")
