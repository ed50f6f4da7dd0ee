"""One request, streamed: what is sent, how long to wait, and what is never sent."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from weakref import WeakSet

from ..errors import CourseError
from .endpoint import BEARER_ONLY, RequestFailed, mended, redact, redact_error
from .reply import Received, Reply

if TYPE_CHECKING:
    import openai


@dataclass(frozen=True)
class Timeouts:
    """How long to wait, in seconds: for a connection, while the server sends nothing, and for all of a request."""

    connect: float = 10.0
    silence: float = 120.0
    total: float = 1800.0


async def ask(
    client: openai.AsyncOpenAI,
    model: str,
    messages: list[dict],
    *,
    temperature: float | None = None,
    top_p: float | None = None,
    max_tokens: int | None = None,
    seed: int | None = None,
    timeout: Timeouts | float = Timeouts(),
    on_delta: Callable[[str, str, float], None] | None = None,
    extra: dict | None = None,
    starts_thinking: bool = False,
) -> Reply:
    """Send one request and read its stream to the end. What a server or a network does is a Reply, never an exception.

    Args:
        timeout: a number limits the whole request (s).
        on_delta: called with ("reasoning" or "answer", text, seconds) as text arrives.
        extra: more fields of the request's body, such as {"top_k": 20}.
        starts_thinking: the prompt's template ends in ``<think>``, and the server leaves tags in the text. Unsaid,
            such a stream reads the same in the end, but until ``</think>`` comes ``on_delta`` takes it for the answer.

    Raises CourseError, before anything is sent, for a picture shown to a model that reads text only.
    """
    if is_text_only(model) and _shows_more_than_text(messages):
        raise CourseError(f"{model} reads text only. Take the picture out, or ask a model that sees (Qwen-VL).")
    settings = {"temperature": temperature, "top_p": top_p, "max_tokens": max_tokens, "seed": seed}
    body = (extra or {}) | {name: value for name, value in settings.items() if value is not None}
    body |= {"model": model, "messages": messages, "stream": True}
    started = datetime.now(UTC).isoformat(timespec="milliseconds")
    received, failure = Received(starts_thinking, on_delta), None
    timeout = timeout if isinstance(timeout, Timeouts) else Timeouts(total=timeout)
    deadline = asyncio.timeout(timeout.total)
    try:
        async with deadline:
            await _receive(client, body, timeout, received)
    except RequestFailed as error:
        failure = error
    except TimeoutError:
        if not deadline.expired():  # on_delta's own
            raise
        failure = RequestFailed("timeout", f"no complete answer within {timeout.total:g} s")
    fields = received.fields(failure)
    fields["error"] = redact_error(fields["error"], client)
    texts = {name: mended(value) for name, value in fields.items() if isinstance(value, str)}
    for name in texts.keys() - {"outcome"}:  # servers that want any key are given words like "test"
        texts[name] = redact(texts[name], client, shortest=SHORTEST_SECRET)
    return Reply(model=model, started=started, **fields | texts)


def is_text_only(model: str) -> bool:
    """Whether this id, path or cache folder names a model known to read text only: DeepSeek-R1, and ours after it."""
    return bool(re.search(r"(^|[/\\]|--)(deepseek-(r1|reasoner)|r1-[sml]\b)", model.lower()))


def _shows_more_than_text(messages: list[dict]) -> bool:
    contents = [message.get("content") for message in messages]
    return any(part.get("type") != "text" for content in contents if isinstance(content, list) for part in content)


SHORTEST_SECRET = 12  # characters; what is shorter stays in answers
#: Clients whose server refused ``stream_options``: it is not offered to them again.
_without_usage: WeakSet[openai.AsyncOpenAI] = WeakSet()


async def _receive(client: openai.AsyncOpenAI, body: dict, timeout: Timeouts, received: Received) -> None:
    """Read the stream into ``received``; from a new start where the server does not know ``stream_options``."""
    offered = {} if client in _without_usage else {"stream_options": {"include_usage": True}}
    try:
        async with aclosing(_events(client, body | offered, timeout, received)) as events:
            async for event in events:
                received.take(event, time.perf_counter())
    except RequestFailed as failure:
        if not (offered and failure.status in (400, 422) and "stream_options" in failure.text):
            raise
        _without_usage.add(client)
        await _receive(client, body, timeout, received)


async def _events(
    client: openai.AsyncOpenAI, body: dict, timeout: Timeouts, received: Received
) -> AsyncIterator[object]:
    """The stream's events as plain JSON; ``received.sent`` is known before the first one.

    Raises RequestFailed for whatever a server or a network does.

    ``client.chat.completions.create`` would make a pydantic model of each event: several times the time per token, and
    no better for fields that the SDK does not know (``reasoning``) and for events of the wrong form.
    """
    import httpx2
    import openai

    patience = openai.Timeout(timeout.silence, connect=timeout.connect, pool=None)
    asked, stream = time.perf_counter(), None
    try:
        stream = await client.post(
            "/chat/completions",
            body=body,
            options={"timeout": patience, "security": BEARER_ONLY},
            cast_to=object,
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )
        received.sent = stream.response.request.extensions.get("sent", asked)  # make_client's clients know better
        async with stream:
            async for event in stream:
                yield event
    except (openai.OpenAIError, httpx2.HTTPError) as error:  # httpx2's own where the body of an error breaks off
        raise RequestFailed.from_error(error, streaming=stream is not None) from error
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, nested without end
        if stream is None:  # the caller's: a request that JSON cannot hold
            raise
        raise RequestFailed("broken_stream", f"malformed event ({type(error).__name__})") from error
