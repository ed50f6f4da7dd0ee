"""A chat completion server that does what a test tells it to, faults included.

    with scripted_server([fault(429, retry_after=2), answer("42", reasoning="6 times 7")]) as server:
        ...                       # ask at server.base_url, twice
    server.requests[0].headers    # what it saw

It is a real HTTP server on 127.0.0.1 with a port of its own, in a thread of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

HANG, RESET, CLOSE = "hang", "reset", "close"  # say nothing more; end the connection with a TCP reset; or just end it


class Token(bytes):
    """An event that carries text: its time goes into ``Request.token_times``."""


@dataclass(frozen=True)
class Response:
    """What the server does with one request: a status and headers, then the steps of the body, one after the other.

    A step is bytes (written at once, as one HTTP chunk), a number (seconds to wait), HANG, RESET or CLOSE.
    """

    steps: tuple = ()
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "text/event-stream"})

    def then(self, *steps: bytes | float | str) -> Response:
        return Response(self.steps + steps, self.status, self.headers)


@dataclass
class Request:
    """What the server saw of one request, and when: perf_counter, the clock that the tests' own process reads."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict
    received: float
    token_times: list[float] = field(default_factory=list)
    ended: bool = False  # the response was written whole

    @property
    def ttft(self) -> float:
        """Seconds from having read the request to writing its first token."""
        return self.token_times[0] - self.received


def answer(
    text: str | Sequence[str], *, reasoning: str | Sequence[str] = "", named: str = "reasoning_content",
    delay: float = 0.0, finish_reason: str = "stop", usage: dict | bool = True, done: bool = True,
) -> Response:  # fmt: skip
    """A streamed answer, a chunk per word or per string of a sequence, each after ``delay`` seconds.

    ``named`` is how the reasoning comes: "reasoning_content", "reasoning", "inline" (``<think>…</think>`` in the text)
    or "unopened" (the same, with the opening tag in the prompt). ``usage`` may be the server's own count, or False.
    """
    thought, said = _words(reasoning), _words(text)
    if thought and named in ("inline", "unopened"):
        thought, said, named = [], (["<think>"] if named == "inline" else []) + thought + ["</think>"] + said, ""
    count = {"prompt_tokens": 7, "completion_tokens": len(thought) + len(said)}
    steps = [event(choices=[choice({"role": "assistant", "content": ""})])]
    for delta in [{named: word} for word in thought] + [{"content": word} for word in said]:
        steps += [delay] if delay else []
        steps.append(Token(event(choices=[choice(delta)])))
    steps.append(event(choices=[choice({}, finish_reason)]))
    if usage:
        steps.append(event(choices=[], usage=count if usage is True else usage))
    return Response((*steps, b"data: [DONE]\n\n") if done else tuple(steps))


def fault(
    status: int, message: str = "no", *, code: str | None = None, retry_after: float | str | None = None
) -> Response:
    """An HTTP error in OpenAI's form."""
    headers = {"content-type": "application/json"}
    if retry_after is not None:
        headers["retry-after"] = str(retry_after)
    error = {"message": message, "type": code, "param": None, "code": code}
    return Response((json.dumps({"error": error}).encode(),), status, headers)


def begun(*steps: bytes | float | str) -> Response:
    """An answer of two words that then goes wrong: ``begun(RESET)``, ``begun(b"data: {\\n\\n")``."""
    return Response(answer("all well", finish_reason="stop").steps[:3]).then(*steps)


def event(**fields: object) -> bytes:
    """One server-sent event of a chat completion."""
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "scripted", **fields}
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"


def choice(delta: dict, finish_reason: str | None = None) -> dict:
    return {"index": 0, "delta": delta, "finish_reason": finish_reason}


def _words(text: str | Sequence[str]) -> list[str]:
    return re.findall(r"\S+\s*|\s+", text) if isinstance(text, str) else list(text)


HANGING = Response((HANG,))  # the connection is taken, and no byte comes back
EMPTY_CHOICES = Response((event(choices=[]), event(choices=[], usage={"completion_tokens": 0}), b"data: [DONE]\n\n"))
REFUSED = fault(
    400, "<400> InternalError.Algo.DataInspectionFailed: Output data may contain inappropriate content.",
    code="data_inspection_failed",
)  # fmt: skip

Script = Response | Sequence[Response] | Callable[[Request], Response]


class ScriptedServer:
    """Answers by its ``script``: one Response, one for each request (the last for all further ones), or a function.

    ``requests`` holds what it saw, without those for the list of ``models`` (ids, or a Response of its own).
    """

    def __init__(self, script: Script, models: Sequence[str] | Response = ("scripted",)) -> None:
        self.script, self.models = script, models
        self.requests: list[Request] = []
        self.base_url = ""

    def response_to(self, request: Request) -> Response:
        if request.path.endswith("/models"):
            return self.models if isinstance(self.models, Response) else self._listing()
        self.requests.append(request)
        if callable(self.script):
            return self.script(request)
        script = [self.script] if isinstance(self.script, Response) else self.script
        return script[min(len(self.requests), len(script)) - 1]

    def _listing(self) -> Response:
        listing = {"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]}
        return Response((json.dumps(listing).encode(),), headers={"content-type": "application/json"})

    async def listen(self, listening: threading.Event) -> None:
        """Serve until ``stop``; ``asyncio.run`` then cancels what still hangs."""
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        self.stop = lambda: loop.call_soon_threadsafe(stopped.set)
        listener = await asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=256)
        self.base_url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1"
        listening.set()
        await stopped.wait()
        listener.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, with as many requests as the client sends over it."""
        # the client leaves, or the server is stopped
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while request := await _read(reader):
                response = self.response_to(request)
                if not await _write(response, request, writer):
                    break
        writer.close()


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, path, headers, json.loads(body or b"{}"), time.perf_counter())


async def _write(response: Response, request: Request, writer: asyncio.StreamWriter) -> bool:
    """Carry out the steps; whether the connection can take another request."""
    head = [f"HTTP/1.1 {response.status} Scripted", *(f"{name}: {value}" for name, value in response.headers.items())]
    head = "\r\n".join([*head, "transfer-encoding: chunked", "", ""]).encode()
    for step in response.steps:
        if step == HANG:
            await asyncio.sleep(3600)
        if step == RESET:  # no lingering: what is unsent is dropped, and the other side gets a reset
            linger = struct.pack("hh" if hasattr(socket, "SO_EXCLUSIVEADDRUSE") else "ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        if step in (RESET, CLOSE):
            writer.transport.abort() if step == RESET else writer.close()
            return False
        if not isinstance(step, bytes):
            await asyncio.sleep(step)
            continue
        if isinstance(step, Token):
            request.token_times.append(time.perf_counter())
        writer.write(head + b"%x\r\n%b\r\n" % (len(step), step))
        head = b""
        await writer.drain()
    writer.write(head + b"0\r\n\r\n")
    await writer.drain()
    request.ended = True
    return True


@contextlib.contextmanager
def scripted_server(script: Script, models: Sequence[str] | Response = ("scripted",)) -> Iterator[ScriptedServer]:
    """A ScriptedServer that listens at ``base_url`` while the block lasts."""
    server = ScriptedServer(script, models)
    listening = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(server.listen(listening)))
    thread.start()
    assert listening.wait(10), "the scripted server did not start"
    try:
        yield server
    finally:
        server.stop()
        thread.join(10)
