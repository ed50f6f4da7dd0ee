"""What is sent, when its tokens came, and how many they were."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest
from asking import QUESTION, replies, reply_to, texts
from scripted_server import Response, Token, answer, choice, event, fault, scripted_server

from helpers.chat import Reply, ask, is_text_only, make_client
from helpers.chat.reply import Received
from helpers.errors import CourseError

PICTURE = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": "data:,"}}]


def test_the_request_holds_what_was_asked_for_and_no_more():
    with scripted_server(answer("42")) as server:
        replies(server, 1, temperature=0.0, top_p=0.95, max_tokens=8, seed=3, extra={"top_k": 20, "stream": False})
        replies(server, 1)
        asked, bare = (request.body for request in server.requests)
    fixed = {"model": "scripted", "messages": QUESTION, "stream": True, "stream_options": {"include_usage": True}}
    assert asked == fixed | {"temperature": 0.0, "top_p": 0.95, "max_tokens": 8, "seed": 3, "top_k": 20}
    assert bare == fixed


def test_what_json_cannot_hold_is_the_caller_s_mistake():
    with scripted_server(answer("42")) as server, pytest.raises(ValueError, match="JSON"):
        replies(server, temperature=float("nan"))


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_refuses_stream_options_is_asked_without_them(status):
    def strict(request):
        if "stream_options" in request.body:
            return fault(status, "x" * 400 + " unknown field: stream_options")
        return answer("42", usage=False)

    with scripted_server(strict) as server:
        both = replies(server, 2)
        offered = ["stream_options" in request.body for request in server.requests]
    assert [(reply.outcome, reply.answer, reply.tokens_from) for reply in both] == [("ok", "42", "chunks")] * 2
    assert offered == [True, False, False], "refused once, never offered to that server again"


def test_another_bad_request_is_not_asked_twice():
    with scripted_server(fault(400, "unknown model")) as server:
        assert replies(server)[0].outcome == "bad_request" and len(server.requests) == 1


@pytest.mark.parametrize(
    "model, text_only",
    [
        ("r1-s", True), ("data/models/r1-l", True), ("deepseek-r1-distill-qwen-7b", True), ("deepseek-reasoner", True),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", True), (r"C:\models\r1-m", True),
        ("models--deepseek-ai--DeepSeek-R1-Distill-Qwen-7B/snapshots/abc", True),
        ("qwen2.5-vl-7b-instruct", False), ("qwen3_vl", False), ("gpt-4o", False), ("r1-sees", False), ("vr1-s", False),
    ],
)  # fmt: skip
def test_models_that_read_text_only_are_known(model, text_only):
    assert is_text_only(model) == text_only


def test_a_text_only_model_is_never_sent_a_picture():
    async def shown(client, model, content):
        return await ask(
            client, model, [{"role": "system", "content": "Be brief."}, {"role": "user", "content": content}]
        )

    async def all_of_it(server):
        async with make_client(server.base_url) as client:
            for content in (PICTURE, PICTURE[1:]):
                with pytest.raises(CourseError, match="r1-s reads text only.*Qwen-VL"):
                    await shown(client, "r1-s", content)
            assert server.requests == []
            assert (await shown(client, "r1-s", PICTURE[:1])).outcome == "ok"
            assert (await shown(client, "qwen2.5-vl-7b-instruct", PICTURE)).outcome == "ok"

    with scripted_server(answer("42")) as server:
        asyncio.run(all_of_it(server))


@pytest.mark.parametrize("usage, tpot", [({"completion_tokens": 11}, 0.3), ({}, 0.75)])
def test_times_by_their_definition(usage, tpot):
    """The role at 1 s after sending, thinking at 2, 2.5 and 4, the answer at 5, the end at 8."""
    received = Received(starts_thinking=False, on_delta=None)
    received.sent = 100.0
    deltas = [{"role": "assistant"}, {"content": "<think>"}, {"content": "six"}, {"content": "</think>"}]
    for delta, at in zip([*deltas, {"content": "\n"}, {"content": "42"}], [1, 2, 2.5, 4, 4.5, 5]):
        received.take({"choices": [{"delta": delta}]}, 100.0 + at)
    received.take({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": usage}, 108.0)
    reply = Reply(model="m", **received.fields(None))
    assert (reply.ttft, reply.ttft_reasoning, reply.ttft_answer, reply.e2e) == (2, 2.5, 5, 8)
    assert reply.tpot == pytest.approx(tpot), "(5 - 2) / (n - 1), n being 11 by usage, 5 by chunks"


def test_times_agree_with_the_server_s_own_clock():
    """Loosely: on a busy machine either side may be late to look at its clock."""
    script = answer([f"{i} " for i in range(6)], reasoning=["a ", "b ", "c ", "d "], delay=0.04)
    with scripted_server(script) as server:
        reply = replies(server)[0]
        seen = server.requests[0]
    assert reply.ttft == reply.ttft_reasoning < reply.ttft_answer < reply.e2e
    assert reply.ttft == pytest.approx(seen.ttft, abs=0.3)
    assert reply.ttft_answer == pytest.approx(seen.token_times[4] - seen.received, abs=0.3)
    assert reply.tpot == pytest.approx((seen.token_times[-1] - seen.token_times[0]) / 9, abs=0.03)


def test_to_find_and_reach_the_server_is_not_its_time(monkeypatch):
    find = socket.getaddrinfo

    def slowly(*args, **kwargs):
        time.sleep(1)
        return find(*args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", slowly)
    with scripted_server(answer("42")) as server:
        server.base_url = server.base_url.replace("127.0.0.1", "localhost")
        start = time.perf_counter()
        (reply,) = replies(server)
        assert time.perf_counter() - start > 1 > reply.e2e


def test_a_first_token_without_anything_to_see_counts_as_a_token_only():
    steps = [
        Token(event(choices=[choice({"content": text})])) for text in ("<think>", "\n", "hm", "</think>", "\n\n", "42")
    ]
    spaced = tuple(part for step in steps for part in (0.1, step))
    reply = reply_to(Response((*spaced, event(choices=[choice({}, "stop")]))))
    assert reply.ttft + 0.1 < reply.ttft_reasoning and reply.ttft_reasoning + 0.2 < reply.ttft_answer
    assert (reply.reasoning_tokens, reply.answer_tokens) == (4, 2)


def test_the_role_an_empty_delta_and_a_keep_alive_are_no_token():
    idle = (
        event(choices=[choice({"role": "assistant", "content": None, "reasoning_content": ""})]),
        b": keep-alive\n\n",
    )
    reply = reply_to(Response((*idle, 0.15, *answer("42").steps)))
    assert reply.ttft > 0.14 and reply.answer_tokens == 1 and reply.ttft_reasoning is None


def test_an_answer_in_one_chunk_has_no_time_per_token():
    assert reply_to(answer(["all of it at once"], usage={"completion_tokens": 5})).tpot is None
    assert reply_to(answer("")).ttft is None


@pytest.mark.parametrize(
    "usage, counted",
    [
        (False, (None, 4, 2, "chunks")),
        ({"prompt_tokens": 9, "completion_tokens": 60}, (9, 40, 20, "usage+chunks")),
        ({"completion_tokens": 60, "completion_tokens_details": {"reasoning_tokens": 55}}, (None, 55, 5, "usage")),
        (
            {"completion_tokens": 60, "completion_tokens_details": {"reasoning_tokens": 0}},
            (None, 40, 20, "usage+chunks"),
        ),
        ({"completion_tokens": 60, "completion_tokens_details": None}, (None, 40, 20, "usage+chunks")),
        (
            {"completion_tokens": 60, "completion_tokens_details": {"reasoning_tokens": 90}},
            (None, 40, 20, "usage+chunks"),
        ),
        ({"prompt_tokens": "9", "completion_tokens": -1}, (None, 4, 2, "chunks")),
    ],
)
def test_tokens_come_from_usage_where_it_says(usage, counted):
    reply = reply_to(answer("It's 42", reasoning="6 times 7, so", usage=usage))
    assert (reply.prompt_tokens, reply.reasoning_tokens, reply.answer_tokens, reply.tokens_from) == counted


def test_one_kind_of_text_needs_no_division():
    reply = reply_to(answer("It is 42", usage={"completion_tokens": 8}))
    assert (reply.reasoning_tokens, reply.answer_tokens, reply.tokens_from) == (0, 8, "usage")


def test_the_course_s_own_server_is_read():
    """As `transformers serve` streams: empty fields are null, usage comes with the finish reason, and no [DONE]."""
    empty = {"content": None, "role": None, "tool_calls": None, "reasoning_content": None}
    deltas = [{"role": "assistant"}, {"reasoning_content": "hm"}, {"content": "\n\n4"}, {"content": "2"}]
    usage = {"prompt_tokens": 20, "completion_tokens": 6, "total_tokens": 26}
    steps = [event(choices=[choice(empty | delta)], usage=None) for delta in deltas]
    reply = reply_to(Response((*steps, event(choices=[choice(empty, "stop")], usage=usage))))
    assert (*texts(reply), reply.prompt_tokens) == ("ok", "hm", "42", 20)
    assert (reply.reasoning_tokens, reply.answer_tokens, reply.tokens_from) == (2, 4, "usage+chunks")
