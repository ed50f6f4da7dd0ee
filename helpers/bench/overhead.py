"""``make bench``: what the engine itself costs, against a bare asyncio loop and against the server's own clock.

A server in a process of its own sends a token every DELAY seconds, and the tokens are its clock: each is the time in
seconds, since the request was read, at which it was written. The bare loop reads the same streams without looking into
them. Writes ``data/measured/bench_overhead.json``.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from statistics import median, quantiles

from ..chat import make_client
from ..files import write_json
from ..profiles import root
from ..records import device_name, versions
from ..tasks import Item
from . import engine
from .limits import Limits
from .log import Attempt, read
from .plan import Settings, host_of, make_plan
from .timing import span

CLIENTS = (1, 8, 32)
REQUESTS = 4  # of every client
TOKENS, DELAY = 100, 0.02  # in a reply; seconds between them
MESSAGES = [{"role": "user", "content": "Count."}]
END = b"0\r\n\r\n"


def main() -> None:
    """Measure with each number of clients, print the figures and write them down with where they come from."""
    rows = []
    for clients in CLIENTS:
        rows.append(measure(clients, REQUESTS, TOKENS, DELAY))
        print(json.dumps(rows[-1]), flush=True)
    path = root() / "data" / "measured" / "bench_overhead.json"
    about = {"command": "make bench", "date": datetime.now(UTC).date().isoformat(), "device": device_name()}
    about["versions"] = versions() | {"openai": version("openai")}
    write_json(path, about | {"tokens_per_reply": TOKENS, "seconds_per_token": DELAY, "rows": rows})
    print(f"Written to {path}.")


def measure(clients: int, requests: int, tokens: int, delay: float) -> dict:
    """One row: tokens per second of both, and how far the engine's clock is from the server's, in milliseconds."""
    command = [sys.executable, "-m", f"{__package__}.overhead", str(tokens), str(delay)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            port = int(server.stdout.readline())
            bare = asyncio.run(_bare(port, clients, requests))
            attempts = asyncio.run(_engine(f"http://127.0.0.1:{port}/v1", clients, requests))
        finally:
            server.kill()
    return {
        "clients": clients, "requests": clients * requests, "answered": len(attempts),
        "bare_tokens_per_s": clients * requests * tokens / bare,
        "engine_tokens_per_s": len(attempts) * tokens / span(attempts), **_clock_errors(attempts),
    }  # fmt: skip


def _clock_errors(attempts: list[Attempt]) -> dict:
    """Median, 95th percentile and largest distance of two of the engine's times from the server's, in milliseconds."""
    errors: dict[str, list[float]] = {"ttft_error_ms": [], "tpot_error_ms": []}
    for attempt in attempts:
        written = [float(token) for token in attempt.reply.answer.split()]
        errors["ttft_error_ms"].append(1000 * abs(attempt.reply.ttft - written[0]))
        tpot = (written[-1] - written[0]) / (len(written) - 1)
        errors["tpot_error_ms"].append(1000 * abs(attempt.reply.tpot - tpot))
    return {
        name: {"p50": median(values), "p95": quantiles(values, n=20, method="inclusive")[-1], "max": max(values)}
        for name, values in errors.items()
    }


async def _engine(base_url: str, clients: int, requests: int) -> list[Attempt]:
    """The answers that a whole run of the engine logged."""
    items = [Item(str(i), "overhead", MESSAGES, "", "exact") for i in range(clients * requests)]
    plan = make_plan(items, ["clock"], settings=Settings(host_of(base_url)))
    with tempfile.TemporaryDirectory() as folder:
        async with make_client(base_url) as client:
            await engine.run(plan, client, folder, Limits(concurrency=clients))
        return [attempt for attempt in read(folder) if attempt.reply.outcome == "ok"]


async def _bare(port: int, clients: int, requests: int) -> float:
    """Seconds that so many clients take to read the same replies, each over one connection, and do nothing else."""
    body = json.dumps({"model": "clock", "messages": MESSAGES, "stream": True}).encode()
    request = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(requests):
            writer.write(request)
            await reader.readuntil(END)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return time.perf_counter() - began


async def serve(tokens: int, delay: float) -> None:
    """Answer every chat completion on a free port, which is printed, until killed."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await _head(reader):
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            await reader.readexactly(int(length[1]) if length else 0)
            if head.startswith(b"GET"):  # the list of models, asked for to open the connection
                writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
                continue
            read_at = time.perf_counter()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            for i in range(1, tokens + 1):
                await asyncio.sleep(read_at + i * delay - time.perf_counter())
                writer.write(_event({"content": f"{time.perf_counter() - read_at:.6f} "}))
            writer.write(_event({}, "stop") + _chunk(b"data: [DONE]\n\n") + END)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):  # the client has left
        return b""


def _event(delta: dict, finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return _chunk(b"data: %b\n\n" % json.dumps({"choices": [choice]}).encode())


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


if __name__ == "__main__":
    if sys.argv[1:]:
        asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
    else:
        main()
