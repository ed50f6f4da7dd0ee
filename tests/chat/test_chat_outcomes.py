"""What a request comes to: every fault has its own outcome, and none has an answer or a time."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from asking import FAULTS, QUESTION, closed_port, replies, reply_to
from scripted_server import (
    CLOSE,
    HANG,
    HANGING,
    REFUSED,
    RESET,
    Response,
    answer,
    begun,
    choice,
    event,
    fault,
    scripted_server,
)

from helpers.chat import MODEL_OUTCOMES, TRANSPORT_FAILURES, Timeouts, ask, make_client

TIMES = ("ttft", "ttft_reasoning", "ttft_answer", "tpot", "e2e")


def test_every_kind_of_transport_failure_is_tried():
    assert {outcome for _, outcome in FAULTS.values()} == TRANSPORT_FAILURES
    assert not TRANSPORT_FAILURES & MODEL_OUTCOMES and "ok" not in TRANSPORT_FAILURES | MODEL_OUTCOMES


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_an_outcome_without_answer_or_time(name):
    script, outcome = FAULTS[name]
    heard = []
    with scripted_server(script) as server:
        reply = replies(server, on_delta=lambda *delta: heard.append(delta))[0]
        assert len(server.requests) == 1, "a failure is the caller's to retry"
    assert reply.outcome == outcome
    assert reply.answer == reply.reasoning == reply.tokens_from == ""
    assert all(getattr(reply, name) is None for name in TIMES)
    assert reply.prompt_tokens is reply.reasoning_tokens is reply.answer_tokens is None
    assert reply.error and "\n" not in reply.error and len(reply.error) <= 300
    assert (reply.status is not None) == reply.error.startswith(f"HTTP {script.status}:")
    assert datetime.now(UTC) - datetime.fromisoformat(reply.started) < timedelta(minutes=1)
    json.dumps(dataclasses.asdict(reply))


@pytest.mark.parametrize("code, outcome", [("Throttling.RateQuota", "rate_limited"), ("InternalError", "server_error")])
def test_an_error_in_dashscopes_own_form(code, outcome):
    reply = reply_to(begun(b'data: {"code": "%s", "message": "later"}\n\n' % code.encode()))
    assert reply.outcome == outcome and reply.error == f"in the stream: {code}: later"


def test_nobody_there():
    async def asked():
        async with make_client(f"http://127.0.0.1:{closed_port()}/v1") as client:
            return await ask(client, "m", QUESTION)

    assert asyncio.run(asked()).outcome == "connection"


def test_the_total_limit_ends_an_answer_that_drips_on():
    with scripted_server(answer(["x"] * 200, delay=0.05)) as server:
        start = time.perf_counter()
        (reply,) = replies(server, timeout=0.4)
    assert reply.outcome == "timeout" and reply.answer == "" and reply.e2e is None and "0.4 s" in reply.error
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize("script", [HANGING, begun(HANG)])
def test_silence_ends_a_request_long_before_its_total_limit(script):
    reply = reply_to(script, timeout=Timeouts(silence=0.5, total=10))
    assert reply.outcome == "timeout" and "did not answer in time" in reply.error


def test_slow_drips_are_no_failure():
    """Each pause is shorter than the silence allowed, all of them together are longer."""
    reply = reply_to(answer(["x"] * 15, delay=0.1), timeout=Timeouts(silence=1, total=30))
    assert reply.outcome == "ok" and reply.answer == "x" * 15 and reply.e2e > 1.4


@pytest.mark.parametrize(
    "header, seconds",
    [("7", 7.0), ("0.25", 0.25), ("-3", 0.0), ("soon", None), ("inf", None), ("nan", None), (None, None)],
)
def test_retry_after(header, seconds):
    assert reply_to(fault(429, retry_after=header)).retry_after == seconds


def test_retry_after_as_a_date():
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert 60 < reply_to(fault(503, retry_after=date)).retry_after <= 90


def test_one_bad_request_does_not_spoil_the_next():
    with scripted_server([begun(0.05, RESET), fault(500), begun(HANG), answer("42")]) as server:
        outcomes = [reply.outcome for reply in replies(server, 4)]
    assert outcomes == ["broken_stream", "server_error", "timeout", "ok"]


def test_many_at_once_get_each_their_own():
    async def asked(server):
        async with make_client(server.base_url) as client:
            return await asyncio.gather(*(ask(client, f"m{i}", QUESTION) for i in range(32)))

    with scripted_server(lambda request: answer(request.body["model"], delay=0.05)) as server:
        all_of_them = asyncio.run(asked(server))
    assert (
        [reply.answer for reply in all_of_them]
        == [reply.model for reply in all_of_them]
        == [f"m{i}" for i in range(32)]
    )


def test_a_request_that_is_cancelled_is_not_a_reply():
    async def cancelled(server):
        async with make_client(server.base_url) as client:
            asking = asyncio.create_task(ask(client, "scripted", QUESTION))
            while not server.requests:
                await asyncio.sleep(0.01)
            asking.cancel()
            await asking

    with scripted_server(begun(HANG)) as server, pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled(server))


def test_a_failure_after_the_finish_reason_costs_nothing():
    whole = answer("42", reasoning="6 times 7", usage=False, done=False)
    for end in (RESET, CLOSE, HANG):
        reply = reply_to(whole.then(0.05, end), timeout=Timeouts(silence=1.5))
        assert (reply.outcome, reply.answer, reply.reasoning) == ("ok", "42", "6 times 7")
        assert reply.e2e < 1.4, "what came after the last event is not the model's time"


UNUSABLE = {
    "refused, as DashScope says it": (REFUSED, "refused"),
    "refused by DashScope's own name": (
        begun(b'data: {"code": "DataInspectionFailed", "message": "no"}\n\n'), "refused"),
    "refused in the stream": (begun(b'data: {"error": {"code": "data_inspection_failed"}}\n\n'), "refused"),
    "refused, as Azure says it": (fault(400, "filtered", code="content_filter"), "refused"),
    "filtered at the end": (answer("all w", finish_reason="content_filter"), "refused"),
    "refused in words": (Response((event(choices=[choice({"refusal": "I can't."}, "stop")]),)), "refused"),
    "cut off": (answer("all w", finish_reason="length"), "truncated"),
    "cut off in the thinking": (answer("", reasoning="let me", finish_reason="length"), "truncated"),
    "nothing": (answer(""), "empty_answer"),
    "white space": (answer(" \n"), "empty_answer"),
    "thinking without an answer": (answer("", reasoning="let me see", named="inline"), "empty_answer"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_model_outcome(name):
    script, outcome = UNUSABLE[name]
    assert outcome in MODEL_OUTCOMES and reply_to(script).outcome == outcome


def test_a_truncated_answer_keeps_what_there_is():
    reply = reply_to(answer("The answer is", reasoning="let me think", finish_reason="length"))
    assert (reply.answer, reply.reasoning) == ("The answer is", "let me think")
    assert reply.finish_reason == "length" and reply.e2e and reply.answer_tokens == 3
