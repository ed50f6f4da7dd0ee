"""Ask a scripted server in a test, and every way a server can fail."""

from __future__ import annotations

import asyncio
import contextlib
import socket

from scripted_server import (
    CLOSE,
    EMPTY_CHOICES,
    HANG,
    HANGING,
    RESET,
    Response,
    Script,
    ScriptedServer,
    answer,
    begun,
    choice,
    event,
    fault,
    scripted_server,
)

from helpers.chat import Reply, Timeouts, ask, make_client

QUESTION = [{"role": "user", "content": "What is 6 times 7?"}]
SHORT = Timeouts(connect=2, silence=1, total=20)


def replies(server: ScriptedServer, n: int = 1, key: str | None = None, **more) -> list[Reply]:
    """``n`` replies, asked one after the other by one client."""

    async def asked():
        async with make_client(server.base_url, key) as client:
            return [await ask(client, "scripted", QUESTION, **{"timeout": SHORT} | more) for _ in range(n)]

    return asyncio.run(asked())


def reply_to(script: Script, **more) -> Reply:
    """One reply of a server of its own."""
    with scripted_server(script) as server:
        return replies(server, **more)[0]


def closed_port() -> int:
    """A port of this machine where nobody listens."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def texts(reply: Reply) -> tuple[str, str, str]:
    return reply.outcome, reply.reasoning, reply.answer


#: What goes wrong, and what it is called.
FAULTS = {
    "401": (fault(401, "Incorrect API key provided"), "unauthorized"),
    "403": (fault(403, "Free allocated quota exceeded."), "forbidden"),
    "429": (fault(429, "Requests rate limit exceeded"), "rate_limited"),
    "429 with Retry-After": (fault(429, "slow down", retry_after=7), "rate_limited"),
    "400": (fault(400, "Access denied, overdue payment", code="Arrearage"), "bad_request"),
    "402": (fault(402, "Insufficient Balance"), "bad_request"),
    "404": (fault(404, "no such model"), "bad_request"),
    "413": (Response((b"<html>\n" + b"too large " * 99,), 413, {"content-type": "text/html"}), "bad_request"),
    "422": (Response((b'{"detail": [{"loc": ["body"]}]}',), 422, {"content-type": "application/json"}), "bad_request"),
    "307": (Response((b"",), 307, {"location": "http://127.0.0.1:9/v1/chat/completions"}), "bad_request"),
    "500": (fault(500), "server_error"),
    "502": (Response((b"<html>Bad Gateway</html>",), 502, {"content-type": "text/html"}), "server_error"),
    "an error without a body": (Response((b"",), 503, {}), "server_error"),
    "an error whose body breaks off": (Response((b'{"error"', 0.05, RESET), 500, {}), "connection"),
    "hang before the answer": (HANGING, "timeout"),
    "hang in the answer": (begun(HANG), "timeout"),
    "hang in the body of an error": (Response((b'{"error"', HANG), 500, {}), "timeout"),
    "closed before the answer": (Response((CLOSE,)), "connection"),
    "reset before the answer": (Response((RESET,)), "connection"),
    "reset in the answer": (begun(0.05, RESET), "broken_stream"),
    "closed in the answer": (begun(CLOSE), "broken_stream"),
    "no finish reason": (begun(b"data: [DONE]\n\n"), "broken_stream"),
    "no event at all": (Response((b"\n",)), "broken_stream"),
    "a page instead of a stream": (Response((b"<html>Log in first</html>",)), "broken_stream"),
    "malformed JSON": (begun(b'data: {"choices": [\n\n'), "broken_stream"),
    "not UTF-8": (begun(b'data: {"choices": "\xff\xfe"}\n\n'), "broken_stream"),
    "endless nesting": (begun(b"data: " + b"[" * 200_000 + b"\n\n"), "broken_stream"),
    "an event that is no object": (begun(b"data: 42\n\n"), "broken_stream"),
    "choices that are no list": (begun(event(choices={"a": 1})), "broken_stream"),
    "a choice that is no object": (begun(event(choices=["a"])), "broken_stream"),
    "content that is no text": (begun(event(choices=[choice({"content": 3})])), "broken_stream"),
    "usage that is no object": (begun(event(choices=[], usage="much")), "broken_stream"),
    "empty choices": (EMPTY_CHOICES, "empty_choices"),
    "an error in the stream": (begun(b'data: {"error": "out of memory"}\n\n'), "server_error"),
    "a 429 in the stream": (begun(b'data: {"error": {"code": 429, "message": "slow down"}}\n\n'), "rate_limited"),
    "an interrupted answer": (answer("all w", finish_reason="insufficient_system_resource"), "server_error"),
}  # fmt: skip
