"""Run a program that a model wrote, and its tests, where they can do little harm, and only when that is wanted.

Model output is not to be trusted: it may delete files by mistake or never end. ``run_code`` runs it in a process of its
own, and only inside ``with allow():`` or with COURSE_SANDBOX=on in the environment.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..errors import CourseError

HARNESS = Path(__file__).with_name("harness.py")
MAX_OUTPUT = 10_000  # bytes kept of what a program prints; the rest is read and thrown away
FILE_MB = 1  # largest file that a program may write
START_TIMEOUT_S = 60.0
POSIX = os.name == "posix"

_allowed = 0
_lock = threading.Lock()


class SandboxOff(CourseError):
    """Code was to be run, and nobody has said that it may be."""


@dataclass(frozen=True)
class SandboxResult:
    """What became of a program and its tests.

    Attributes:
        outcome: "passed" (the program and every test ran to the end), "failed" (a test's assertion does not hold),
            "error" (an exception, a syntax error, too much memory), "timeout", or "ended" (the process was left or
            died before its tests were done).
        detail: one line about it; may hold text from the program, so escape it before it becomes HTML.
        output: what the program printed, at most MAX_OUTPUT bytes of it.
        seconds: wall-clock time from when the program began.
        missing: limits that this machine could not set, of ``harness.LIMITS``.
    """

    outcome: str
    detail: str
    output: str
    seconds: float
    missing: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return self.outcome == "passed"

    @property
    def network_blocked(self) -> bool:
        return "network" not in self.missing


@contextlib.contextmanager
def allow() -> Iterator[None]:
    """While this context is open, programs may be run in the sandbox, from any thread of this process."""
    global _allowed
    with _lock:
        _allowed += 1
    try:
        yield
    finally:
        with _lock:
            _allowed -= 1


def allowed() -> bool:
    """Whether the reader has switched the sandbox on."""
    return _allowed > 0 or os.environ.get("COURSE_SANDBOX", "").strip().lower() == "on"


def run_code(code: str, tests: str, *, timeout_s: float = 10.0, memory_mb: int = 512) -> SandboxResult:
    """Run a Python program and then its tests (statements that use its names, ``assert`` first of all).

    The process is an isolated interpreter (standard library only), with an empty environment, in a temporary folder
    that is deleted, without standard input, killed with its whole process group ``timeout_s`` seconds after the program
    began. Where the platform can do it (``SandboxResult.missing`` says what it could not): ``timeout_s`` + 1 seconds of
    processor time, ``memory_mb`` MB of address space, files of at most 1 MB, no further processes or threads, no
    signals to other processes, no writing outside the folder, no network. A recent Linux has all of it, though not
    inside every container; macOS has some of the first four; Windows has none.

    What it does NOT stop:

    - reading any file that you can read, and printing it: the output comes back here (on Linux, where both "writes" and
      "signals" are missing, the environment of your other programs is such a file, with the keys in it);
    - where "writes" is missing, changing and deleting your files; where "signals" is, ending your other programs; where
      "processes" is, programs that go on after the time limit in a session of their own;
    - filling the disk with many small files for as long as it runs;
    - attacks on bugs of the interpreter or the system;
    - a program that is out to cheat: it shares a process with its tests, so it can search the memory for the token that
      a verdict carries, change a module that the tests use, or return an object that equals everything. Leaving early,
      printing "passed" and replacing builtins do not count as passing.

    For programs by people who mean harm, rather than by models that make mistakes, use a virtual machine.

    Raises SandboxOff unless it was switched on, and CourseError for tests that are not Python, for limits that leave no
    room (64 MB is the least), and where the process could not be started.
    """
    if not allowed():
        raise SandboxOff(
            "This would run code that a model wrote, on this machine. To allow it, write "
            "`with helpers.grading.allow():` around the call, or set COURSE_SANDBOX=on in the environment. The risk: "
            "the code runs as you. It is limited, but it can read your files, and some systems lack some of the limits "
            "(see help(helpers.grading.run_code))."
        )
    if timeout_s <= 0 or memory_mb < 64:
        raise CourseError(f"A program needs more than 0 s and at least 64 MB, not {timeout_s} s and {memory_mb} MB.")
    token = secrets.token_hex(16)
    run = _execute(dict(code=code, tests=tests, token=token, timeout_s=timeout_s, memory_mb=memory_mb, file_mb=FILE_MB))
    said = [line.split(" ", 2)[1:] for line in run.said.splitlines() if line.startswith(f"{token} ")]
    if not said:
        why = "it took too long" if run.timed_out else run.output.strip()[-300:] or f"status {run.status}"
        raise CourseError(f"The sandbox could not start ({why}). Nothing was run; try again.")
    (first, about), *verdict = [(word, ast.literal_eval(detail)) for word, detail in said[:2]]
    if first == "unusable":
        raise CourseError(f"The tests are not valid Python ({about}). Correct the item, not the answer.")
    if verdict:
        outcome, detail = verdict[0]
    elif run.timed_out:
        outcome, detail = "timeout", f"not finished after {timeout_s} s"
    else:
        outcome, detail = "ended", f"the process ended with status {run.status} before its tests were done"
    return SandboxResult(outcome, detail, run.output, run.seconds, tuple(filter(None, about.split(","))))


class _Run(NamedTuple):
    """What a process left behind: the harness's lines, the program's prints, and its end."""

    said: str
    output: str
    status: int  # as a shell says it: 128 and more for a signal
    timed_out: bool
    seconds: float


def _execute(order: dict) -> _Run:
    with tempfile.TemporaryDirectory(prefix="course-sandbox-", ignore_cleanup_errors=True) as folder:
        process = _start(folder)
        said, output = _Drain(process.stdout), _Drain(process.stderr)
        try:
            with contextlib.suppress(OSError), process.stdin as pipe:  # if it died, what it printed says why
                pipe.write(json.dumps(order).encode())
            said.began.wait(START_TIMEOUT_S)  # a busy machine's slow start is not the program's
            start = time.perf_counter()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(order["timeout_s"])
            timed_out = process.poll() is None
        finally:
            _kill(process)
        seconds = time.perf_counter() - start
        status = process.returncode if process.returncode >= 0 else 128 - process.returncode
        return _Run(said.text(), output.text(), status, timed_out, seconds)


def _start(folder: str) -> subprocess.Popen:
    """Start the harness. Windows cannot start Python without SYSTEMROOT; nothing else is in the environment."""
    environment = {} if POSIX else {"SYSTEMROOT": os.environ.get("SYSTEMROOT", "")}
    group = {"start_new_session": True} if POSIX else {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-B", "-X", "utf8", str(HARNESS)],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **group,
    )


def _kill(process: subprocess.Popen) -> None:
    """End the process and what it started. Of Windows' processes only the first is reached."""
    if POSIX:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody left; a zombie on macOS
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


class _Drain(threading.Thread):
    """Read a pipe to its end, so that a writer never blocks, and keep its beginning."""

    def __init__(self, pipe) -> None:
        super().__init__(daemon=True)
        self.pipe, self.kept = pipe, b""
        self.began = threading.Event()  # something came, or nothing ever will
        self.start()

    def run(self) -> None:
        while block := self.pipe.read1(65_536):
            self.kept += block[: max(0, MAX_OUTPUT - len(self.kept))]
            self.began.set()
        self.began.set()
        self.pipe.close()

    def text(self) -> str:
        self.join(1.0)  # a process that escaped from the group may hold the pipe open for ever
        return self.kept.decode("utf-8", "replace")
