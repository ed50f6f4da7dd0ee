r"""The library math-verify (Hugging Face), in a process of its own: ``\frac{1}{2}`` equals 0.5, and ``x = 42`` is 42.

Why a process: an answer may be ``2^{10^{10}}``, which sympy would compute for hours. math-verify's own time limits use
signals, which work in the main thread only, and which long arithmetic does not hear. A process can be ended, from any
thread. It is started by the first call (about a second) and kept.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import re
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path

from ..errors import CourseError

#: 42, -3, 1,234.50, .5, 2/3, 6e23. Digits that are part of a name or of another number ("v2", "3.4.5") are none, nor
#: are the powers of a unit or a letter ("m^2", "s^-1").
NUMBER = re.compile(
    r"(?<![A-Za-z0-9_.])(?<![A-Za-z]\^)(?<![A-Za-z]\^-)[-+]?"
    r"(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)"
    r"(?:[eE][-+]?\d{1,3})?(?:/\d+)?"
)
COMMAND = [sys.executable, "-P", str(Path(__file__).with_name("math_worker.py"))]
TIMEOUT_S = 10.0
START_TIMEOUT_S = 60.0


def parse(answer: str) -> str | None:
    """What math-verify takes for the answer in a text, or None: nothing found, or not within TIMEOUT_S seconds."""
    return _worker.ask("parse", answer)


def equal(reference: str, answer: str) -> bool:
    """Whether two numbers or expressions are equal. False, too, when that is not settled within TIMEOUT_S seconds.

    Plain numbers are compared exactly, as fractions: 0.5 is 1/2, and 0.333 is not 1/3. Anything else is left to
    math-verify, which knows LaTeX, units and per cent, and compares decimals to six places.
    """
    ours, theirs = to_number(reference), to_number(answer)
    if ours is not None and theirs is not None:
        return ours == theirs
    return _worker.ask("equal", reference, answer) is True


def to_number(text: str) -> Fraction | None:
    """A plain number as an exact fraction; None for anything else. Commas between thousands and "$" do not count."""
    match = NUMBER.fullmatch(text.lstrip(" \\$€£¥").rstrip(" \\$."))
    try:
        return Fraction(match[0].replace(",", "")) if match else None
    except (ValueError, ZeroDivisionError):  # thousands of digits; 1/0
        return None


class _Worker:
    """The process, one request at a time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.process: subprocess.Popen[str] | None = None

    def ask(self, *request: str) -> object:
        """The reply, or None if there was none in time: then the process is ended, and the next call starts another."""
        with self.lock:
            if self.process is None or self.process.poll() is not None:
                self._start()
            line = ""
            try:
                with contextlib.suppress(OSError):  # it died; there is no reply to read either
                    self.process.stdin.write(json.dumps(request) + "\n")
                    self.process.stdin.flush()
                line = self._reply(TIMEOUT_S)
            finally:
                if not line:  # out of time, or interrupted: a late reply must not answer the next question
                    self.stop()
            return json.loads(line) if line else None

    def _start(self) -> None:
        self.process = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        if self._reply(START_TIMEOUT_S) != "ready\n":
            self.process.kill()
            why = self.process.communicate()[1].strip().splitlines()
            raise CourseError(
                f"math-verify could not be started ({why[-1] if why else 'it did not answer'}). Install it again: "
                "pip install 'math-verify[antlr4_13_2]'"
            )

    def _reply(self, timeout_s: float) -> str:
        """One line, or "" when the process ended, by itself or by the clock."""
        clock = threading.Timer(timeout_s, self.process.kill)
        clock.start()
        try:
            return self.process.stdout.readline()
        finally:
            clock.cancel()

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()  # close its pipes
            self.process = None


_worker = _Worker()
atexit.register(_worker.stop)
