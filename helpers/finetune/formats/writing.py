"""Write examples so that LLaMA-Factory trains on them: the data and its entry in ``dataset_info.json``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ...files import write_json, write_text
from .example import Example, FormatError
from .llama_factory import INFO, MESSAGES, OWN, Layout, read_info
from .media import relative


def write(
    examples: Sequence[Example],
    path: str | Path,
    layout: Layout = MESSAGES,
    root: str | Path | None = None,
    name: str | None = None,
) -> dict:
    """Write a .json or .jsonl file, and its entry into the ``dataset_info.json`` beside it, which is also returned.

    Each file is written whole or not at all, the data first, and other entries of ``dataset_info.json`` stay as they
    are. Reading with the same layout and ``roots=[root]`` gives equal examples.

    Args:
        layout: MESSAGES, SHAREGPT, ALPACA, or one with other columns and tags. Columns that no example needs are left
            out of file and entry.
        root: the folder that paths are written relative to: the file's own unless given. LLaMA-Factory has to be told
            another one as ``media_dir``.
        name: what LLaMA-Factory's ``dataset:`` calls it; the file's name without its ending unless given.

    Raises FormatError, before anything is written, for no examples, another ending, files outside the root, and a name
    that ``dataset_info.json`` has for another file; DiskFull.
    """
    path = Path(path)
    root, name = path.parent if root is None else Path(root), name or path.stem
    if path.suffix not in (".json", ".jsonl"):
        raise FormatError(f"{path.name} should end in .json or .jsonl.")
    if not examples:
        raise FormatError("There are no examples to write.")
    info = read_info(path.parent)
    if info.get(name, {}).get("file_name", path.name) != path.name:
        raise FormatError(f"{path.parent / INFO} has another data set called {name!r}. Choose another `name`.")
    rows = [_parts(example, layout, root) for example in examples]
    keys = _keys(rows, layout)
    table = [{key: parts[part] for part, key in keys.items()} for parts in rows]
    if path.suffix == ".json":
        write_json(path, table)
    else:
        write_text(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in table))
    columns = {part: key for part, key in keys.items() if part not in OWN}
    entry = {"file_name": path.name, "formatting": layout.formatting, "columns": columns}
    entry |= {"tags": layout.tags} if layout.tags else {}
    write_json(path.parent / INFO, info | {name: entry})
    return entry


def _parts(example: Example, layout: Layout, root: Path) -> dict:
    """All of an example by LLaMA-Factory's names of its parts. Raises FormatError for a file outside the root."""
    said = _turns(example) if layout.formatting == "alpaca" else {"messages": _tagged(example, layout.tags)}
    return said | {
        "images": [relative(file, root) for file in example.images],
        "audios": [relative(file, root) for file in example.audios],
        "group": example.group,
        "label": example.label,
        "source": example.source,
        "meta": json.dumps(example.meta, ensure_ascii=False) if example.meta else None,
    }


def _turns(example: Example) -> dict:
    has_system = example.messages[0]["role"] == "system"
    said = [message["content"] for message in example.messages]
    turns = said[has_system:]
    return {
        "system": said[0] if has_system else None,
        "history": [turns[i : i + 2] for i in range(0, len(turns) - 2, 2)],
        "prompt": turns[-2],
        "response": turns[-1],
    }


def _tagged(example: Example, tags: dict[str, str]) -> list[dict]:
    try:
        return [
            {tags["role_tag"]: tags[f"{message['role']}_tag"], tags["content_tag"]: message["content"]}
            for message in example.messages
        ]
    except KeyError as error:
        raise FormatError(f"The layout has no {error.args[0]!r}, and these examples need it. Add it.") from error


def _keys(rows: list[dict], layout: Layout) -> dict[str, str]:
    """Which parts some example needs, and the column of each. Raises FormatError where the layout has none."""
    always = ("prompt", "response", "messages", "source")
    needed = [p for p in rows[0] if p in always or any(parts[p] not in (None, []) for parts in rows)]
    keys = layout.columns | {part: part for part in OWN}
    if missing := [part for part in needed if part not in keys]:
        raise FormatError(f"The layout has no column for {', '.join(missing)}, and these examples need it. Add one.")
    return {part: keys[part] for part in needed}
