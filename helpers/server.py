"""A local OpenAI-compatible server over the course's models.

    with serve(["r1-s", "r1-m"]) as server:
        client = openai.OpenAI(base_url=server.base_url, api_key="none")

What answers is ``transformers serve``, in a process of its own (``server_process``) that only this machine can reach.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import CourseError, MissingModel
from .files import disk_full_is_an_answer
from .profiles import root, spec

HOST = "127.0.0.1"
READY = "The models are loaded; listening on port"  # how the server's process says it, in its log
READY_SECONDS = 180.0  # ten are usual; a busy machine is no reason to fail, and a server that ends is noticed at once
LOG_LINES = 8  # of the log, in an error message
SECRET = re.compile(r"_(API_?KEY|TOKEN|SECRET)$")  # environment variables that a local server has no use for


class ServerFailed(CourseError):
    """The local server did not start."""


class Server:
    """A running server: ``base_url`` for a client, the ids of its ``models``, the path of its ``log``.

    It ends with ``close()``, with its ``with`` block, when nothing refers to it any more (a notebook's cell that is run
    again), and when this process ends, however it ends.
    """

    def __init__(self, process: subprocess.Popen, port: int, models: list[str], log: Path) -> None:
        self.base_url = f"http://{HOST}:{port}/v1"
        self.models = models
        self.log = log
        self.process = process
        self.close = weakref.finalize(self, _end, process)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Server {self.base_url} serving {', '.join(self.models)}>"


def serve(
    models: Sequence[str | Path], profile: str = "nano", *, port: int | None = None,
    continuous_batching: bool = False, ready_seconds: float = READY_SECONDS,
) -> Server:  # fmt: skip
    """Start a server and return it once it answers, every model loaded.

    Args:
        models: roles ("r1-s"), or paths of folders with a checkpoint. Clients ask for a model by its id in ``.models``:
            the id of the weights, or the folder's name.
        profile: whose weights play the roles. Nothing is downloaded.
        port: a fixed port; without one the system picks a free one.
        continuous_batching: answer several clients at once and not one after the other (text models only). All
            requests to a model are then sampled as its first one asked (temperature, top_p): transformers 5.23.
        ready_seconds: how long to wait. Large weights may need more.

    Raises:
        UnknownName: a role or a profile does not exist.
        MissingModel: a checkpoint is absent, damaged or not downloaded.
        NotEnoughMemory: a hub model does not fit.
        CourseError: the port is taken.
        ServerFailed: the server ended, or was not ready in time; the message has the end of its log.
    """
    if port is not None:
        from .apps import free_port

        free_port(port)
    sources = dict(_source(model, profile) for model in models)
    options = {"models": sources, "port": port or 0, "continuous_batching": continuous_batching}
    log = _new_log()
    process = _start(options, log)
    try:
        return Server(process, _wait_until_ready(process, log, ready_seconds), list(sources), log)
    except BaseException:
        _end(process)
        raise


@dataclass(frozen=True)
class Hosted:
    """Somebody's server: ``base_url`` for a client, and the ids of its ``models``. There is nothing to end."""

    base_url: str
    models: list[str]

    def close(self) -> None:
        """Nothing: the same cell works for a server of one's own."""

    def __enter__(self) -> Hosted:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def connect(roles: Sequence[str], profile: str = "nano", **options) -> Server | Hosted:
    """Whatever answers for the roles at a profile: a local server over their weights, or the service that hosts them.

    ``options`` are those of ``serve``. Of several roles those are left out that no model plays at the profile (two of
    three sizes at most laptops); where there is none for any of them, the nano models stand in. Raises what ``serve``
    raises, and CourseError where the roles are hosted in more than one place.
    """
    playing = {role: spec(role, profile) for role in roles}
    present = [role for role, row in playing.items() if row.profile == profile] or list(roles)
    hosts = {playing[role].base_url for role in present}
    if len(hosts) > 1:
        raise CourseError(f"{', '.join(present)} do not answer at one place under {profile!r}. Connect to each alone.")
    (base_url,) = hosts
    if base_url:
        return Hosted(base_url, [playing[role].id for role in present])
    return serve(present, profile, **options)


def _source(model: str | Path, profile: str) -> tuple[str, str]:
    """The id that clients use, and where transformers finds the weights: a path, or a hub id with its revision."""
    from .models import check_files, check_memory

    if isinstance(model, Path):
        if not (model / "config.json").is_file():
            raise MissingModel(f"{model} is no checkpoint: it has no config.json. Save one there, or name another.")
        return model.name, str(model.resolve())
    chosen = spec(model, profile)
    if chosen.is_local:
        check_files(chosen)
        return chosen.id, str(chosen.path.resolve())
    from .zoo import present

    if not (chosen.is_hosted or present(chosen)):
        raise MissingModel(f"{chosen.id} is not on this machine. Fetch it: `course models pull --profile {profile}`.")
    check_memory(chosen)
    return chosen.id, f"{chosen.id}@{chosen.revision or 'main'}"


def _new_log() -> Path:
    folder = root() / "_build" / "logs"
    with disk_full_is_an_answer(folder):
        folder.mkdir(parents=True, exist_ok=True)
        handle, path = tempfile.mkstemp(prefix="server-", suffix=".log", dir=folder)
    os.close(handle)
    return Path(path)


def _start(options: dict, log: Path) -> subprocess.Popen:
    """Start the server's process. It ends when its standard input does: when this process closes it, or dies."""
    package = str(Path(__file__).resolve().parent.parent)
    env = {name: value for name, value in os.environ.items() if not SECRET.search(name)}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    env |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    with log.open("w", encoding="utf-8") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "helpers.server_process", json.dumps(options)],
            env=env, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True,  # interrupting a notebook's cell must not end the server that others ask
        )  # fmt: skip


def _wait_until_ready(process: subprocess.Popen, log: Path, seconds: float) -> int:
    """Wait for the line that says so in the log; return the port in it. Raises ServerFailed."""
    deadline = time.monotonic() + seconds
    while True:
        ended = process.poll() is not None  # before reading, so that nothing written is missed
        text = log.read_text(encoding="utf-8", errors="replace")
        if ready := re.search(f"^{READY} ([0-9]+)$", text, re.MULTILINE):
            return int(ready[1])
        if ended or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    what = "ended before it was ready" if ended else f"was not ready after {seconds:.0f} s"
    tail = "\n".join(text.splitlines()[-LOG_LINES:])
    raise ServerFailed(f"The local server {what}. Its whole log is {log}; it ends:\n{tail}")


def _end(process: subprocess.Popen) -> None:
    """End the server at once: it holds nothing that is worth saving."""
    process.kill()
    process.wait()
    process.stdin.close()
