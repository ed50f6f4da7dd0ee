"""From the entries of a file to examples: each problem is reported, repaired where there is one way to, never fatal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from ...errors import BadImage
from ...images import open_image
from .entries import entries
from .example import AUDIO, IMAGE, PLACEHOLDER, Example, count, fault
from .media import Roots, is_path
from .report import KEPT, LEFT_OUT, REPAIRED, Report

NO_INSTRUCTION, NO_ANSWER = "no instruction", "empty answer"
OUTSIDE, MOVED, MISSING = "path leads out of the data folder", "file found under another folder", "file not found"
UNREADABLE = "image cannot be read"


class Unusable(Exception):
    """An entry that no example can be made of: the problem, one text for all of its kind, and the detail."""

    def __init__(self, problem: str, detail: str = "") -> None:
        super().__init__(problem, detail)
        self.problem, self.detail = problem, detail


class Note(Protocol):
    """``Report.add`` with the place filled in."""

    def __call__(self, problem: str, done: str, *, detail: str = "") -> None: ...


class Format(Protocol):
    """How one entry of a file is laid out."""

    def draft(self, entry: dict, note: Note) -> dict:
        """The arguments of an Example, its paths as they are named. Raises Unusable."""


def read(
    path: str | Path, layout: Format, roots: Sequence[str | Path] | None = None, verify: bool = False
) -> tuple[list[Example], Report]:
    """All examples of a .json, .jsonl, .csv or .parquet file, and what was wrong with it.

    Args:
        layout: ALPACA, SHAREGPT, MESSAGES, ``Layout.from_info(…)``, ``MedTrinity()`` or ``AffectNet()``.
        roots: the folders that files may lie in; the file's own folder unless given. A path that leads out of them is
            looked for inside them by its last parts, and nothing outside is ever opened.
        verify: also decode every picture that is there, and leave out examples whose picture is broken.

    What is left out: entries that are no JSON, lack a text, have the roles in a wrong order, or fewer or more files
    than placeholders (files without any placeholder are put before the first question). What is kept and reported: a
    missing instruction or answer, a file that is not there. Raises FormatError as ``entries`` does, and for a missing
    root.
    """
    report = Report(str(path))
    return list(stream(path, layout, report, roots, verify)), report


def stream(
    path: str | Path,
    layout: Format,
    report: Report,
    roots: Sequence[str | Path] | None = None,
    verify: bool = False,
) -> Iterator[Example]:
    """``read``, one example at a time, and of JSON Lines and CSV one line in memory; the report grows as it goes."""
    path = Path(path)
    folders = Roots([path.parent] if roots is None else roots)
    yield from examples(entries(path, report), layout, report, folders, verify)


def examples(
    found: Iterable[tuple[str, dict]], layout: Format, report: Report, roots: Roots, verify: bool
) -> Iterator[Example]:
    """The examples that can be made of entries and their places. What has no source of its own gets the report's."""
    source = Path(report.source).name
    for where, entry in found:
        note = partial(report.add, where=where)
        try:
            example = _finished({"source": source} | layout.draft(entry, note), roots, verify, note)
        except Unusable as error:
            note(error.problem, LEFT_OUT, detail=error.detail)
        else:
            report.kept += 1
            yield example


def _finished(draft: dict, roots: Roots, verify: bool, note: Note) -> Example:
    messages, images, audios = draft["messages"], draft.get("images", []), draft.get("audios", [])
    if messages[:1] == [{"role": "system", "content": ""}]:
        note("empty system message", REPAIRED)  # a template would print it, where it may have a better one of its own
        messages = messages[1:]
    messages = _with_placeholders(messages, IMAGE, images, note)
    messages = _with_placeholders(messages, AUDIO, audios, note)
    if found := fault(messages, images, audios):
        raise Unusable(*found)
    _remark_on_texts(messages, note)
    images = [_placed(name, roots, note) for name in images]
    audios = [_placed(name, roots, note) for name in audios]
    if verify:
        _verify(images)
    return Example(**(draft | {"messages": messages, "images": images, "audios": audios}))


def _with_placeholders(messages: list[dict], placeholder: str, files: list[str], note: Note) -> list[dict]:
    """The messages; where there are files and no placeholder at all, with all of them before the first question."""
    if not files or count(messages, placeholder):
        return messages
    first = next((i for i, message in enumerate(messages) if message["role"] == "user"), None)
    if first is None:
        return messages
    note("files without a placeholder", REPAIRED, detail=f"{len(files)} {placeholder} put before the question")
    question = messages[first] | {"content": placeholder * len(files) + messages[first]["content"]}
    return [*messages[:first], question, *messages[first + 1 :]]


def _remark_on_texts(messages: list[dict], note: Note) -> None:
    for message in messages:
        if not PLACEHOLDER.sub("", message["content"]).strip():
            note(NO_INSTRUCTION if message["role"] == "user" else NO_ANSWER, KEPT)


def _placed(name: str, roots: Roots, note: Note) -> str:
    """The path as an Example has it."""
    if not is_path(name):
        raise Unusable("not the path of a file", name[:60])
    found = roots.find(name)
    if found.strays:
        note(OUTSIDE, REPAIRED if found.is_there else KEPT, detail=name)
    elif found.moved:
        note(MOVED, REPAIRED, detail=f"{name} as {found.path}")
    if not found.is_there:
        note(MISSING, KEPT, detail=found.path)
    return found.path


def _verify(images: list[str]) -> None:
    """Decode each picture that is there, at a small size. Raises Unusable.

    Pillow's own ``verify`` would be quicker, but it looks at PNG alone: it lets JPEGs through that are cut off.
    """
    for path in images:
        if not Path(path).is_absolute():
            continue  # not found, and reported as such
        try:
            open_image(path, largest_side=64)
        except BadImage as error:
            raise Unusable(UNREADABLE, str(error)) from error


# What several layouts need to take an entry apart


def text(entry: dict, key: str | None, default: str | None = None) -> str:
    """The text under a key. Raises Unusable for another type, and where there is none unless a default is given."""
    value = entry.get(key) if key else None
    if value is None and default is not None:
        return default
    if value is None:
        raise Unusable("a text is missing", f"`{key}`")
    if not isinstance(value, str):
        raise Unusable("not a text", f"`{key}` is {type(value).__name__}")
    return value


def paths(entry: dict, key: str | None, note: Note) -> list[str]:
    """The paths under a key, none if there is no such key. A single path is taken for a list of one."""
    value = entry.get(key) if key else None
    if value is None:
        return []
    if isinstance(value, str):
        note("a single path instead of a list", REPAIRED, detail=f"`{key}`")
        return [value]
    if not isinstance(value, list) or not all(isinstance(path, str) for path in value):
        raise Unusable("not a list of paths", f"`{key}`")
    return value


def name_of(entry: dict, key: str, note: Note) -> str | None:
    """A group or label: texts as they are, whole numbers as texts, nothing else."""
    value = entry.get(key)
    if value is None or isinstance(value, str):
        return value
    if type(value) is int:
        return str(value)
    note("not a name, and ignored", REPAIRED, detail=f"`{key}` is {type(value).__name__}")
    return None
