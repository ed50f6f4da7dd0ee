"""A run's folder: what was asked and answered, one JSON line per attempt, safe against being killed at any moment.

A folder holds ``log.jsonl`` (every attempt), ``grades.jsonl`` (a grade for every answer that could be graded) and
``runs.jsonl`` (when, with which command and on which machine). They only ever grow. A line counts once its line break
is on the disk: what a kill leaves after the last one is ignored by readers, and dropped when the file is next written
to.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import queue
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..chat import TRANSPORT_FAILURES, Reply
from ..errors import CourseError
from ..files import disk_full_is_an_answer
from .plan import Key, Settings

if TYPE_CHECKING:
    from ..grading import Grade

LOG, GRADES, RUNS = "log.jsonl", "grades.jsonl", "runs.jsonl"
KEY = ("task", "item", "sample", "model", "hash")  # how the fields of a Key are called in a line


class LogError(CourseError):
    """A log that another run holds, or that has been damaged."""


@dataclass(frozen=True)
class Attempt:
    """One request as it was sent once, and what it came to.

    Attributes:
        key: item, sample, model and digest of the settings.
        attempt: 1 for the first time the key was asked, counted over all runs into the same folder.
        run: when the run that made it began (ISO time, UTC).
        clients: how many requests that run had in flight at most; 1 where latency was measured.
        settings: what was sent beside the messages.
        reply: outcome, answer, times and tokens.
        grade: None where there is no answer to grade, or it has not been graded.
    """

    key: Key
    attempt: int
    run: str
    clients: int
    settings: Settings
    reply: Reply
    grade: Grade | None = None

    @property
    def finished(self) -> bool:
        """Whether the model has spoken: anything but a transport failure. What is finished is never asked again."""
        return self.reply.outcome not in TRANSPORT_FAILURES

    @property
    def line(self) -> dict:
        """The attempt as it is written: flat, but for the settings; the key's digest is "hash"."""
        about = {"attempt": self.attempt, "run": self.run, "clients": self.clients, "settings": asdict(self.settings)}
        return _key_line(self.key) | about | asdict(self.reply)  # the model is in both, and the same

    @classmethod
    def from_line(cls, line: dict) -> Attempt:
        """The attempt that a line of the log holds, ungraded. Raises KeyError or TypeError for a line that is none."""
        reply = Reply(**{field.name: line[field.name] for field in fields(Reply) if field.name in line})
        return cls(_key(line), line["attempt"], line["run"], line["clients"], Settings(**line["settings"]), reply)


class JsonLines:
    """An append-only file of JSON objects. ``append`` comes back when its line is on the disk (flushed and fsynced).

    Lines that arrive while the disk is busy are written together, by a thread, so that neither the disk nor the number
    of clients holds up the clocks of the requests in flight. Raises DiskFull.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def __enter__(self) -> JsonLines:
        with disk_full_is_an_answer(self.path):
            self._file = self.path.open("a+b")
            self._file.truncate(len(_whole_lines(self.path)))
        self._writer = ThreadPoolExecutor(1)
        return self

    def __exit__(self, *exception: object) -> None:
        self._writer.shutdown()  # waits: a line under way is finished before the file is closed
        self._file.close()

    async def append(self, record: dict) -> None:
        self._put(record)
        await asyncio.get_running_loop().run_in_executor(self._writer, self._flush)

    def write(self, record: dict) -> None:
        """``append`` where there is no event loop."""
        self._put(record)
        self._writer.submit(self._flush).result()

    def _put(self, record: dict) -> None:
        self._waiting.put(json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")

    def _flush(self) -> None:
        lines = []
        with contextlib.suppress(queue.Empty):
            while True:
                lines.append(self._waiting.get_nowait())
        if lines:  # else the flush before this one has taken them
            with disk_full_is_an_answer(self.path):
                self._file.write(b"".join(lines))
                self._file.flush()
                os.fsync(self._file.fileno())


def read(folder: str | Path) -> list[Attempt]:
    """Every attempt in a run's folder, in the order in which they ended, with its grade; none where there is no log.

    Raises LogError, naming file and line, for a line that is not what was written there.
    """
    grades = read_grades(folder)
    attempts = []
    for where, line in _read_lines(Path(folder) / LOG):
        with _damaged(where):
            attempt = Attempt.from_line(line)
            graded = grades.get(attempt.key) if attempt.reply.outcome == "ok" else None
            attempts.append(replace(attempt, grade=graded[0]) if graded else attempt)
    return attempts


def read_grades(folder: str | Path) -> dict[Key, tuple[Grade, str]]:
    """The grade of every answer, the last one where there are several, and the digest of what it was graded against."""
    from ..grading import Grade

    grades = {}
    for where, line in _read_lines(Path(folder) / GRADES):
        with _damaged(where):
            grades[_key(line)] = (Grade(**line["grade"]), line["against"])
    return grades


def read_runs(folder: str | Path) -> list[dict]:
    """What ``engine.run`` noted about each run into a folder, oldest first."""
    return [line for _, line in _read_lines(Path(folder) / RUNS)]


def grade_line(key: Key, grade: Grade, against: str) -> dict:
    """A grade as it is written."""
    return _key_line(key) | {"against": against, "grade": asdict(grade)}


def finished_keys(attempts: list[Attempt]) -> set[Key]:
    """What need not be asked again."""
    return {attempt.key for attempt in attempts if attempt.finished}


def current(attempts: list[Attempt]) -> list[Attempt]:
    """The attempts without those at an item's earlier wording, once it was asked in other words by its old name."""
    asked = [(attempt.key._replace(settings=""), attempt.settings) for attempt in attempts]
    newest = {name: attempt.key.settings for name, attempt in zip(asked, attempts)}
    return [attempt for name, attempt in zip(asked, attempts) if newest[name] == attempt.key.settings]


def _key_line(key: Key) -> dict:
    return dict(zip(KEY, key))


def _key(line: dict) -> Key:
    return Key(*(line[name] for name in KEY))


@contextlib.contextmanager
def _damaged(where: str) -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        advice = "Take the line out, or start afresh in another folder (--out)."
        raise LogError(f"{where} is not a line that `course bench` wrote ({error!r}). {advice}") from error


def _whole_lines(path: Path) -> bytes:
    """What stands in a file up to its last line break; nothing where there is no file."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return b""
    return data[: data.rfind(b"\n") + 1]


def _read_lines(path: Path) -> Iterator[tuple[str, dict]]:
    for number, line in enumerate(_whole_lines(path).splitlines(), 1):
        where = f"{path}, line {number},"
        with _damaged(where):
            yield where, json.loads(line)
