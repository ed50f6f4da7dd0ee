"""Logs in one small file that a repository can keep: every attempt with its grade and its times, without its texts.

    write_archive("data/measured/reasoning_grid.jsonl.gz", read("runs/a") + read("runs/b"))
    attempts = read_archive("data/measured/reasoning_grid.jsonl.gz")
    summarise(attempts), latency(attempts, clients=1)           # as from the logs themselves

How a file was made is told beside it, in a ``.json`` of the same name.
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ..files import disk_full_is_an_answer
from .log import KEY, Attempt, LogError

TEXTS = ("answer", "reasoning")  # what makes a log large
DIGITS = 5  # of seconds: ten microseconds, less than clocks are off by


def write_archive(path: str | Path, attempts: Iterable[Attempt]) -> None:
    """Write attempts into a ``.jsonl.gz``: the same ones always make the same bytes. Raises DiskFull."""
    lines = [json.dumps(_packed(attempt), ensure_ascii=False, separators=(",", ":")) for attempt in attempts]
    data = "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")
    path = Path(path)
    partial = path.with_name(f".{path.name}.partial")
    with disk_full_is_an_answer(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(gzip.compress(data, mtime=0))
        os.replace(partial, path)


def read_archive(path: str | Path) -> list[Attempt]:
    """The attempts that ``write_archive`` wrote, in order, with their grades. Raises LogError for any other file."""
    try:
        lines = gzip.decompress(Path(path).read_bytes()).splitlines()
        return [_unpacked(json.loads(line)) for line in lines]
    except FileNotFoundError as error:
        raise LogError(f"There is no {path}: nothing has been recorded there.") from error
    except (OSError, EOFError, KeyError, TypeError, ValueError, zlib.error) as error:
        raise LogError(f"{path} is not what `write_archive` wrote ({error!r}). Record it again.") from error


def _packed(attempt: Attempt) -> dict:
    line = attempt.line
    line["settings"] = {name: value for name, value in line["settings"].items() if value is not None}
    if attempt.grade:
        line["grade"] = {name: getattr(attempt.grade, name) for name in ("outcome", "score", "extracted")}
    told = {name: value for name, value in line.items() if name in KEY or value not in (None, "")}
    return {
        name: round(value, DIGITS) if isinstance(value, float) else value
        for name, value in told.items() if name not in TEXTS
    }  # fmt: skip


def _unpacked(line: dict) -> Attempt:
    from ..grading import Grade

    attempt = Attempt.from_line({"run": ""} | line)
    return replace(attempt, grade=Grade(**line["grade"])) if "grade" in line else attempt
