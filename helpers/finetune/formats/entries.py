"""Entries out of .json, .jsonl, .csv and .parquet files, one after the other, with their places.

Whatever makes a single entry unreadable is reported and passed over; a FormatError comes only where there is no way
into the file at all.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

from .example import FormatError
from .report import KEPT, LEFT_OUT, REPAIRED, Report

Entries = Iterator[tuple[str, dict]]

HALF = re.compile(r"\\u[dD][89a-fA-F]")  # half a character outside the basic plane, escaped; mostly both halves come
SPACE = re.compile(r"[ \t\r\n]*")
BROKEN = "broken JSON"


def entries(path: Path, report: Report) -> Entries:
    """The objects (or rows, as dicts) in a file, each with its place: "line 7", or "entry 7" in a list, from 1.

    JSON Lines and CSV are read line by line, a .json list as a whole; of a list that breaks off, what stands before the
    break is read. Counts into ``report.read``. Raises FormatError for a missing, empty or foreign file, one that is not
    UTF-8 (of JSON Lines, only the lines that are not are left out), and a list broken in its first entry.
    """
    readers = {".json": _json, ".jsonl": _lines, ".csv": _csv, ".parquet": _parquet}
    _check(path, report)
    if path.suffix.lower() not in readers:
        raise FormatError(f"{path} is none of {', '.join(readers)}. Convert it to one of these.")
    for where, entry in readers[path.suffix.lower()](path, report):
        report.read += 1
        if isinstance(entry, dict):
            yield where, entry
        else:
            report.add("not an object", LEFT_OUT, where, type(entry).__name__)
    if not report.read:
        raise FormatError(f"{path} holds no entries. Check that it is the right file, and whole.")


def _check(path: Path, report: Report) -> None:
    """Look at the file's first bytes. Raises FormatError for a file that cannot be opened or is in UTF-16."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        reason = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise FormatError(f"{path} {reason}. Check the path; relative paths start at {Path.cwd()}.") from error
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise FormatError(f"{path} is UTF-16 text. Save it as UTF-8.")
    if start.startswith(codecs.BOM_UTF8):
        report.add("byte order mark", REPAIRED, "line 1")


def _not_utf8(path: Path, error: UnicodeDecodeError) -> FormatError:
    return FormatError(f"{path} is not UTF-8 text ({error.reason} at byte {error.start:,}). Save it as UTF-8.")


class _Parser:
    """JSON's decoder, which also notes keys that come twice and characters of which half is missing."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.twice: list[str] = []
        self.decoder = json.JSONDecoder(object_pairs_hook=self._pairs)

    def _pairs(self, pairs: list[tuple[str, object]]) -> dict:
        entry = dict(pairs)
        if len(entry) < len(pairs):
            names = [name for name, _ in pairs]
            self.twice += sorted({name for name in names if names.count(name) > 1})
        return entry

    def parse(self, text: str, start: int, where: str) -> tuple[object, int]:
        """The value that begins at ``start``, and where it ends. Raises ValueError or RecursionError."""
        self.twice.clear()
        entry, end = self.decoder.raw_decode(text, start)
        if self.twice:
            self.report.add("a key twice, the last one counts", KEPT, where, ", ".join(self.twice))
        if HALF.search(text, start, end):
            whole = _whole_characters(entry)
            if whole != entry:
                self.report.add("half a character (a lone surrogate)", REPAIRED, where)
            entry = whole
        return entry, end


def _whole_characters(entry: object) -> object:
    """The same with U+FFFD for lone surrogates, which no tokenizer takes and no UTF-8 file can hold."""
    if isinstance(entry, str):
        return entry.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(entry, list):
        return [_whole_characters(part) for part in entry]
    if isinstance(entry, dict):
        return {_whole_characters(key): _whole_characters(value) for key, value in entry.items()}
    return entry


def _lines(path: Path, report: Report) -> Iterator[tuple[str, object]]:
    parser = _Parser(report)
    ends = False
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            where = f"line {number}"
            line = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
            if line.endswith(b"\r\n") and not ends:
                ends = True
                report.add("Windows line ends", REPAIRED, where)
            if not line.strip():
                continue
            try:
                text = line.decode().strip()
                entry, end = parser.parse(text, 0, where)
                if end != len(text):
                    raise json.JSONDecodeError("Extra data", text, end)
            except (ValueError, RecursionError) as error:  # a UnicodeDecodeError is a ValueError
                report.read += 1
                problem = "not UTF-8" if isinstance(error, UnicodeDecodeError) else BROKEN
                report.add(problem, LEFT_OUT, where, _brief(error))
            else:
                yield where, entry


def _brief(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at column {error.colno}"
    return error.reason if isinstance(error, UnicodeDecodeError) else str(error)


def _json(path: Path, report: Report) -> Iterator[tuple[str, object]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf8(path, error) from error
    if "\r\n" in text:
        report.add("Windows line ends", REPAIRED, f"line {text.count(chr(10), 0, text.index(chr(13))) + 1}")
    start = _skip(text, 0)
    if text.startswith("{", start):
        raise FormatError(f"{path} holds an object, not a list. If it has one object per line, name it .jsonl.")
    if start < len(text) and text[start] != "[":
        raise FormatError(f"{path} is not JSON: it begins with {text[start : start + 20]!r}. Check that it is whole.")
    return _list(path, text, start + 1, report)


def _list(path: Path, text: str, at: int, report: Report) -> Iterator[tuple[str, object]]:
    """The members of a list, parsed one by one, so that each has a place and a break costs only what follows it."""
    parser = _Parser(report)
    at, number = _skip(text, at), 0
    while at < len(text) and text[at] != "]":
        number += 1
        where = f"entry {number}"
        try:
            entry, at = parser.parse(text, at, where)
            at = _skip(text, at)
            if text[at : at + 1] not in (",", "]"):
                raise json.JSONDecodeError("Expecting ',' or ']'", text, at)
        except (ValueError, RecursionError) as error:
            line = getattr(error, "lineno", text.count("\n", 0, at) + 1)
            if number == 1:
                raise FormatError(f"{path}, line {line}: this is not JSON ({_brief(error)}). Mend it there.") from error
            report.read += 1
            report.add(f"{BROKEN}, and all that follows is lost", LEFT_OUT, where, f"line {line}: {_brief(error)}")
            return
        yield where, entry
        at = _skip(text, at + 1) if text[at] == "," else at


def _skip(text: str, at: int) -> int:
    return SPACE.match(text, at).end()


def _csv(path: Path, report: Report) -> Entries:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            for row in rows:
                yield f"line {rows.line_num}", row
    except UnicodeDecodeError as error:
        raise _not_utf8(path, error) from error
    except csv.Error as error:
        report.add("broken CSV, and all that follows is lost", LEFT_OUT, f"line {rows.line_num}", str(error))


def _parquet(path: Path, report: Report) -> Entries:
    from ...public_benchmarks import read_rows

    for number, row in enumerate(read_rows(path), 1):
        yield f"row {number}", row
