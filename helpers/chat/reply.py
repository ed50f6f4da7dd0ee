"""What one request came to, put together from the events of its stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from .endpoint import RequestFailed
from .reasoning import Reading

#: What a model did that is no answer: these count as not correct.
MODEL_OUTCOMES = frozenset({"refused", "truncated", "empty_answer"})
#: What says nothing about the model: these enter neither its accuracy nor its latency.
TRANSPORT_FAILURES = frozenset({
    "timeout", "unauthorized", "forbidden", "rate_limited", "bad_request", "server_error", "broken_stream",
    "empty_choices", "connection",
})  # fmt: skip
#: What a finish reason says about the answer. The last one is how api.deepseek.com interrupts itself.
FINISHED = {"content_filter": "refused", "length": "truncated", "insufficient_system_resource": "server_error"}


@dataclass(frozen=True)
class Reply:
    """What one request came to.

    Times are seconds from when the request had gone out (connecting is over) to when a chunk arrived at the client.
    A transport failure has no text, no time and no token count, only an ``error``.

    Attributes:
        outcome: "ok", one of MODEL_OUTCOMES, or one of TRANSPORT_FAILURES.
        model: the id that was asked.
        answer: the text after the thinking.
        reasoning: the thinking, whichever way it was marked (``helpers.chat.reasoning``).
        started: when the request was sent, ISO 8601, UTC.
        ttft: time to the first token of any kind, be it a tag or white space.
        ttft_reasoning: time to the first visible character of the thinking.
        ttft_answer: time to the first visible character of the answer.
        tpot: time per output token, (last - first) / (n - 1), the first token excluded. n is what ``usage`` says,
            with the tokens that a server does not show, else the number of chunks. None for fewer than two chunks.
        e2e: time to the last event of the stream.
        prompt_tokens: from ``usage`` only.
        reasoning_tokens: tokens of the thinking, with its tags where they are in the text.
        answer_tokens: all other tokens that were generated.
        tokens_from: "usage" where the server counted; "usage+chunks" where it gave only the sum, here divided as the
            chunks are; "chunks" where it counted nothing (too low if it sends several tokens in one chunk).
        finish_reason: as the server gave it.
        error: one line, without keys.
        retry_after: seconds that the server asks to wait.
        status: the HTTP status of an error.
    """

    outcome: str
    model: str
    answer: str = ""
    reasoning: str = ""
    started: str = ""
    ttft: float | None = None
    ttft_reasoning: float | None = None
    ttft_answer: float | None = None
    tpot: float | None = None
    e2e: float | None = None
    prompt_tokens: int | None = None
    reasoning_tokens: int | None = None
    answer_tokens: int | None = None
    tokens_from: str = ""
    finish_reason: str | None = None
    error: str = ""
    retry_after: float | None = None
    status: int | None = None


class Received:
    """What has arrived of one stream, and when."""

    def __init__(self, starts_thinking: bool, on_delta: Callable[[str, str, float], None] | None) -> None:
        self.reading = Reading(starts_thinking)
        self.on_delta = on_delta
        self.sent = 0.0
        self.first = self.last = self.end = None  # the first and the last event with text, and the last of all
        self.has_choice = False
        self.refusal = ""
        self.finish_reason: str | None = None
        self.usage: dict = {}

    def take(self, event: object, at: float) -> None:
        """Take in one event that arrived at ``at``. Raises RequestFailed where it is not of this protocol."""
        chunk = _parsed(event)
        self.end = at
        self.has_choice |= chunk.has_choice
        self.refusal += chunk.refusal
        self.usage = chunk.usage or self.usage
        if chunk.reasoning or chunk.text:
            self.first = self.first or at
            self.last = at
        deltas = self.reading.add_reasoning(chunk.reasoning, at) if chunk.reasoning else []
        deltas += self.reading.add_text(chunk.text, at) if chunk.text else []
        if chunk.finish_reason:
            self.finish_reason = chunk.finish_reason
            deltas += self.reading.finish()
        if self.on_delta:
            for kind, text, arrived in deltas:
                self.on_delta(kind, text, arrived - self.sent)

    def fields(self, failure: RequestFailed | None) -> dict:
        """The fields of a Reply. After the finish reason the answer is complete, and a failure does not matter."""
        failure = self._interrupted() if self.finish_reason else failure or self._unfinished()
        if failure:
            names = ("outcome", "status", "retry_after")
            return {name: getattr(failure, name) for name in names} | {"error": failure.text}
        answer, reasoning = self.reading.answer.text, self.reading.reasoning.text
        outcome = "refused" if self.refusal else FINISHED.get(self.finish_reason, "ok" if answer else "empty_answer")
        told = {"outcome": outcome, "finish_reason": self.finish_reason, "error": self.refusal}
        return told | {"answer": answer, "reasoning": reasoning} | self._tokens() | self._times()

    def _interrupted(self) -> RequestFailed | None:
        outcome = FINISHED.get(self.finish_reason)
        return RequestFailed(outcome, f"finish reason {self.finish_reason}") if outcome in TRANSPORT_FAILURES else None

    def _unfinished(self) -> RequestFailed:
        if self.end and not self.has_choice:
            return RequestFailed("empty_choices", "no event of the stream had a choice")
        return RequestFailed("broken_stream", "the stream ended without a finish reason")

    def _tokens(self) -> dict:
        reasoning, answer = self.reading.reasoning, self.reading.answer
        prompt, total = _count(self.usage, "prompt_tokens"), _count(self.usage, "completion_tokens")
        if total is None:
            thought, total, source = reasoning.chunks, reasoning.chunks + answer.chunks, "chunks"
        else:
            thought, source = _count(self.usage.get("completion_tokens_details"), "reasoning_tokens"), "usage"
            if thought is None or thought > total or (thought == 0 and reasoning.text):  # not said, or not true
                thought = round(total * reasoning.chunks / max(1, reasoning.chunks + answer.chunks))
                source = "usage+chunks" if reasoning.chunks and answer.chunks else "usage"
        counts = {"prompt_tokens": prompt, "reasoning_tokens": thought, "answer_tokens": total - thought}
        return counts | {"tokens_from": source}

    def _times(self) -> dict:
        reasoning, answer = self.reading.reasoning, self.reading.answer
        arrivals = {"ttft": self.first, "ttft_reasoning": reasoning.first, "ttft_answer": answer.first, "e2e": self.end}
        times = {name: at and at - self.sent for name, at in arrivals.items()}
        chunks = reasoning.chunks + answer.chunks
        n = _count(self.usage, "completion_tokens") or chunks
        return times | {"tpot": (self.last - self.first) / (n - 1) if min(n, chunks) > 1 else None}


class _Chunk(NamedTuple):
    """What matters in one event of a stream."""

    has_choice: bool
    text: str
    reasoning: str
    refusal: str
    finish_reason: str | None
    usage: dict


def _named_outcome(code: str) -> str:
    """What DashScope's own names of errors come to: DataInspectionFailed, Throttling.RateQuota, InternalError, …"""
    return "refused" if "Inspection" in code else "rate_limited" if "Throttling" in code else "server_error"


def _parsed(event: object) -> _Chunk:
    try:
        if "choices" not in event and "code" in event and "message" in event:  # DashScope's own form of an error
            code, message = event["code"], event["message"]
            raise RequestFailed(_named_outcome(str(code)), f"in the stream: {code}: {message}")
        choices = event.get("choices") or []
        choice = choices[0] if choices else {}
        delta = choice.get("delta") or {}
        reasoning = delta.get("reasoning_content") or delta.get("reasoning") or ""
        texts = [delta.get("content") or "", reasoning, delta.get("refusal") or ""]
        finish_reason, usage = choice.get("finish_reason"), event.get("usage") or {}
        if not all(isinstance(text, str) for text in [*texts, finish_reason or ""]) or not isinstance(usage, dict):
            raise TypeError("a value of the wrong type")
        return _Chunk(bool(choices), *texts, finish_reason, usage)
    except (AttributeError, KeyError, TypeError) as error:  # valid JSON, but not of this protocol
        raise RequestFailed("broken_stream", "an event in an unknown form") from error


def _count(data: object, name: str) -> int | None:
    value = data.get(name) if isinstance(data, dict) else None
    return value if isinstance(value, int) and value >= 0 else None
