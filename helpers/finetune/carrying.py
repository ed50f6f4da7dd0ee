"""Bring the pictures and sounds of examples together in one folder, so that it can be carried to another machine."""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import CourseError
from ..files import disk_full_is_an_answer
from .formats import Example


def carried(examples: Sequence[Example], folder: Path) -> list[Example]:
    """The examples with their files in ``images/`` and ``audios/`` of the folder, linked or copied.

    Names are kept; of two different files with one name the second gets a number. A file that is there already is not
    written again. Raises CourseError for a missing file; DiskFull.
    """
    taken: dict[Path, str] = {}
    names: set[str] = set()

    def carry(path: str, kind: str) -> str:
        source = Path(path).resolve()
        if source in taken:
            return taken[source]
        number, target = 0, folder.resolve() / kind / source.name
        while str(target) in names or (target.exists() and not filecmp.cmp(source, target, shallow=False)):
            number += 1
            target = target.with_name(f"{source.stem}-{number}{source.suffix}")
        if not target.exists():
            _put(source, target)
        names.add(str(target))
        taken[source] = str(target)
        return str(target)

    return [
        replace(
            example,
            images=[carry(path, "images") for path in example.images],
            audios=[carry(path, "audios") for path in example.audios],
        )
        for example in examples
    ]


def _put(source: Path, target: Path) -> None:
    """A second name for a file, which takes no room, or a copy. Raises CourseError for a missing file; DiskFull."""
    if not source.is_file():
        raise CourseError(f"{source} is not there, and cannot be exported. Leave its example out, or restore it.")
    with disk_full_is_an_answer(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, target)
        except OSError:  # another disk, or one without links
            partial = target.with_name(f".{target.name}.partial")
            shutil.copyfile(source, partial)
            os.replace(partial, target)
