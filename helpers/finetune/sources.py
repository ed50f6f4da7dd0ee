"""The examples that settings name: a world's, drawn now, or a file's, with what was wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import CourseError
from ..vision import answer_of
from . import formats
from .config import FORMATS, WORLDS, BadConfig, Config
from .formats import Example

MOST_CLASSES = 20  # more different replies are texts


def examples_of(config: Config, which: str = "train") -> tuple[list[Example], formats.Report | None]:
    """The examples of ``config.train`` or ``config.held_out``, and a file's report (None for a world).

    Held out of a world are its held-out patients or identities, whatever else ``held_out`` says of the world's name;
    without ``held_out`` there are none for a file. Raises BadConfig for options that the world's function does not
    take, CourseError and FormatError as ``formats.read`` does.
    """
    named = config.train if which == "train" else config.held_out
    if named is None and config.train in WORLDS:
        named = config.train
    if named is None:
        return [], None
    n = config.train_size if which == "train" else config.held_out_size
    if named in WORLDS:
        return world_examples(named, "train" if which == "train" else "heldout", n, config.seed, config.options), None
    return file_examples(named, config.format, config.roots)


def world_examples(world: str, split: str, n: int, seed: int = 0, options: dict | None = None) -> list[Example]:
    """``n`` examples of "phantoms" or "faces". Raises BadConfig for options that do not exist."""
    from . import data

    make = {"phantoms": data.phantom_examples, "faces": data.face_examples}[world]
    try:
        return make(split, n, seed, **(options or {}))
    except TypeError as error:
        raise BadConfig(f"`options` does not fit {world}: {error}. See `helpers.finetune.data`.") from error


def file_examples(
    path: str | Path, format: str = "messages", roots: Sequence[str | Path] | None = None
) -> tuple[list[Example], formats.Report]:
    """The examples of a data file, and what was wrong with it; labelled by their replies where these are classes."""
    if format not in FORMATS:
        raise BadConfig(f"There is no format {format!r}. Choose one of: {', '.join(FORMATS)}.")
    if not Path(path).exists():
        raise CourseError(f"There is no file {path}. Name a data file, or one of: {', '.join(WORLDS)}.")
    if format == "affectnet":
        found, report = formats.read_affectnet(path, roots=roots)
    else:
        layouts = {"alpaca": formats.ALPACA, "sharegpt": formats.SHAREGPT, "messages": formats.MESSAGES}
        found, report = formats.read(path, layouts.get(format) or formats.MedTrinity(), roots)
    return labelled(found), report


def reply(example: Example) -> str:
    """The last reply without thoughts."""
    return answer_of(example.messages[-1]["content"])


def labelled(examples: list[Example]) -> list[Example]:
    """The examples with their replies for labels, where none has a label and the replies are few and short."""
    if any(example.label is not None for example in examples):
        return examples
    replies = {reply(example) for example in examples}
    if len(replies) > min(MOST_CLASSES, len(examples) / 2) or any(not r or len(r) > 40 for r in replies):
        return examples
    return [replace(example, label=reply(example)) for example in examples]


def labels_of(examples: Sequence[Example]) -> list[str]:
    """The labels that occur, in the worlds' order where they are the worlds', else sorted. Raises CourseError."""
    from ..worlds import faces, phantoms

    found = {example.label for example in examples}
    if None in found or len(found) < 2:
        raise CourseError("Only labelled examples of at least two classes can be scored. Add `label` to the data.")
    for known in (phantoms.FINDINGS, faces.EMOTIONS):
        if found <= set(known):
            return list(known)
    return sorted(found)
