"""LLaMA-Factory's two formats, alpaca and ShareGPT, with the names that ``dataset_info.json`` may give their parts.

The rules are those of ``data/README.md``, ``src/llamafactory/data/parser.py`` and ``converter.py`` in
https://github.com/hiyouga/LLaMA-Factory (read in version 0.9.5): alpaca's ``instruction`` and ``input`` are
joined by a line break, ``history`` comes before them and is trained on too, an empty ``system`` is none; ``columns``
and ``tags``, once given, replace *all* their defaults. Preference data, tools and videos are not read.

Columns beside those: ``group``, ``label``, ``source`` and ``meta`` (JSON in a text, so that the column has one type in
every row, as Arrow wants it). LLaMA-Factory passes over them. Whatever else a row has goes into ``meta``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import unknown
from .example import Example, FormatError
from .media import Roots
from .reading import Note, Unusable, name_of, paths, read, text
from .report import REPAIRED, Report

INFO = "dataset_info.json"
DEFAULTS = {
    "alpaca": {"prompt": "instruction", "query": "input", "response": "output"},
    "sharegpt": {"messages": "conversations"},
    "openai": {"messages": "conversations"},  # ShareGPT again, but for how tools are called
}
TAGS = {
    "role_tag": "from", "content_tag": "value", "user_tag": "human", "assistant_tag": "gpt", "system_tag": "system",
    "observation_tag": "observation", "function_tag": "function_call",
}  # fmt: skip
OPENAI = {
    "role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant",
    "system_tag": "system",
}  # fmt: skip
FILES = {"images": "images", "audios": "audios"}
OWN = ("group", "label", "source", "meta")


@dataclass(frozen=True)
class Layout:
    """Which column holds what, and in ShareGPT, how speakers are called.

    Attributes:
        formatting: "alpaca", "sharegpt" or "openai".
        columns: LLaMA-Factory's name of a part to the name of the file's column.
        tags: the keys of a message, and who is who; of ShareGPT only.
    """

    formatting: str
    columns: dict[str, str]
    tags: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_info(cls, info: dict) -> Layout:
        """The layout that an entry of ``dataset_info.json`` describes. Raises FormatError for one not read here."""
        formatting = info.get("formatting", "alpaca")
        if formatting not in DEFAULTS:
            raise FormatError(f"There is no formatting {formatting!r}: LLaMA-Factory has {', '.join(DEFAULTS)}.")
        if info.get("ranking"):
            raise FormatError("This is preference data (`ranking`), and the course trains on answers alone.")
        columns, tags = info.get("columns", DEFAULTS[formatting]), info.get("tags", TAGS)
        for name, value in (("columns", columns), ("tags", tags)):
            if not isinstance(value, dict):
                raise FormatError(f"`{name}` must be an object, not {type(value).__name__}. Mend {INFO}.")
        if (needed := "response" if formatting == "alpaca" else "messages") not in columns:
            raise FormatError(f"`columns` does not name {needed!r}, and once given it replaces all defaults. Add it.")
        return cls(formatting, dict(columns), {} if formatting == "alpaca" else dict(tags))

    def draft(self, entry: dict, note: Note) -> dict:
        messages = self._alpaca(entry) if self.formatting == "alpaca" else self._sharegpt(entry)
        known = {*self.columns.values(), *OWN}
        rest = {key: value for key, value in entry.items() if key not in known}
        draft = {
            "messages": messages,
            "images": paths(entry, self.columns.get("images"), note),
            "audios": paths(entry, self.columns.get("audios"), note),
            "group": name_of(entry, "group", note),
            "label": name_of(entry, "label", note),
            "meta": _meta(entry.get("meta"), note) | rest,
        }
        return draft | ({"source": entry["source"]} if isinstance(entry.get("source"), str) else {})

    def _alpaca(self, entry: dict) -> list[dict]:
        column = self.columns.get
        turns = []
        for turn in _list(entry, column("history")):
            if not isinstance(turn, list) or len(turn) != 2 or not all(isinstance(said, str) for said in turn):
                raise Unusable("history is not pairs of question and answer", f"`{column('history')}`")
            turns += turn
        asked = [text(entry, column("prompt"), ""), text(entry, column("query"), "")]
        turns += ["\n".join(filter(None, asked)), text(entry, column("response"))]
        return _system(text(entry, column("system"), "")) + [
            {"role": role, "content": said} for role, said in zip(["user", "assistant"] * len(turns), turns)
        ]

    def _sharegpt(self, entry: dict) -> list[dict]:
        roles = {self.tags.get(f"{role}_tag"): role for role in ("system", "user", "assistant")}
        tools = (self.tags.get("observation_tag"), self.tags.get("function_tag"))
        messages = []
        for message in _list(entry, self.columns["messages"]):
            if not isinstance(message, dict):
                raise Unusable("a message is not an object", type(message).__name__)
            tag = text(message, self.tags.get("role_tag"))
            if tag not in roles:
                raise Unusable("tools are not read" if tag in tools else "a speaker that the tags do not name", tag)
            messages.append({"role": roles[tag], "content": text(message, self.tags.get("content_tag"))})
        if messages[:1] and messages[0]["role"] == "system":  # it comes before the column
            return messages
        return _system(text(entry, self.columns.get("system"), "")) + messages


def _system(said: str) -> list[dict]:
    return [{"role": "system", "content": said}] if said else []


def _list(entry: dict, key: str | None) -> list:
    value = entry.get(key) if key else None
    if value is None:
        return []
    if not isinstance(value, list):
        raise Unusable("not a list", f"`{key}` is {type(value).__name__}")
    return value


def _meta(value: object, note: Note) -> dict:
    """What a ``meta`` column says: an object, or JSON that holds one."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = {"meta": value}
    if value is None or isinstance(value, dict):
        return value or {}
    note("meta is not an object, and ignored", REPAIRED)
    return {}


ALPACA = Layout("alpaca", DEFAULTS["alpaca"] | {"system": "system", "history": "history"} | FILES)
SHAREGPT = Layout("sharegpt", DEFAULTS["sharegpt"] | {"system": "system"} | FILES, TAGS)
MESSAGES = Layout("sharegpt", {"messages": "messages"} | FILES, OPENAI)


def read_info(folder: Path) -> dict:
    """What ``dataset_info.json`` in a folder says, {} if there is none. Raises FormatError for a broken one."""
    path = folder / INFO
    if not path.exists():
        return {}
    try:
        info = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise FormatError(f"{path} cannot be read ({error}). Mend it, or move it away.") from error
    if not isinstance(info, dict) or not all(isinstance(entry, dict) for entry in info.values()):
        raise FormatError(f"{path} should hold an object, with one object for each data set. Mend it.")
    return info


def read_dataset(
    folder: str | Path, name: str, media_dir: str | Path | None = None, verify: bool = False
) -> tuple[list[Example], Report]:
    """The examples of a data set that ``dataset_info.json`` in ``folder`` describes, as LLaMA-Factory would find them.

    Args:
        media_dir: the folder that images and sounds lie in, as in LLaMA-Factory's settings; ``folder`` unless given.

    Raises UnknownName for a name that is not there, and FormatError for an entry that is not read here (preference
    data, data on a hub, a file outside the folder), and as ``read`` does.
    """
    folder = Path(folder)
    info = read_info(folder)
    if name not in info:
        raise unknown(f"data set in {folder / INFO} called", name, sorted(info) or ["(none there)"])
    layout = Layout.from_info(info[name])
    file_name = info[name].get("file_name")
    if not isinstance(file_name, str):
        raise FormatError(f"{name!r} in {folder / INFO} has no `file_name`. Download the data and name its file there.")
    found = Roots([folder]).find(file_name)
    if not found.is_there or found.moved:
        raise FormatError(f"There is no file {file_name} in {folder}. Check `file_name` of {name!r} in {INFO}.")
    return read(found.path, layout, [folder if media_dir is None else media_dir], verify)
