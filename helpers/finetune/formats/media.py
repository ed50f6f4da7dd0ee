"""Find the files that data names, and only inside the folders that somebody gave."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .example import FormatError

DRIVE = re.compile(r"[A-Za-z]:[\\/]")
ADDRESS = re.compile(r"[A-Za-z][\w+.-]+:|//")  # two letters at least: C: is a drive
DEPTH = 16  # of a long path, how many last parts are tried


class Found(NamedTuple):
    """What became of a path.

    Attributes:
        path: absolute if the file is there, else relative and without "..".
        is_there: whether the file is inside one of the roots.
        strays: whether the path as it was named leads out of the roots.
        moved: whether the file was found by the last parts of its path.
    """

    path: str
    is_there: bool
    strays: bool
    moved: bool


class Roots:
    """Folders that data files may name files in. Nothing outside them is opened, or even looked for.

    A link inside a root that leads out of all of them counts as not there: give the folder it leads to as well.
    Raises FormatError for a root that is no folder.
    """

    def __init__(self, folders: Sequence[str | Path]) -> None:
        if missing := [str(folder) for folder in folders if not Path(folder).is_dir()]:
            raise FormatError(f"There is no folder {missing[0]}. Relative paths start at {Path.cwd()}.")
        self.folders = [os.path.realpath(folder) for folder in folders]

    def find(self, name: str) -> Found:
        """Where a file is that data calls ``name``: as named, or else by the longest end of its path that exists.

        So ``/somebody/else/set/images/7.jpg`` is found as ``images/7.jpg`` or ``7.jpg`` where a root has one of them.
        """
        is_absolute = name.startswith(("/", "\\")) or DRIVE.match(name) is not None
        for candidate in [name] if is_absolute else [os.path.join(folder, name) for folder in self.folders]:
            if path := self._inside(candidate):
                return Found(path, True, False, False)
        parts = [part for part in re.split(r"[\\/]+", DRIVE.sub("", name)) if part not in ("", ".")]
        strays = is_absolute or ".." in parts
        while ".." in parts:
            parts = parts[parts.index("..") + 1 :]
        for start in range(max(0, len(parts) - DEPTH), len(parts)):
            for folder in self.folders:
                if path := self._inside(os.path.join(folder, *parts[start:])):
                    return Found(path, True, strays, True)
        return Found("/".join(parts) or "?" if strays else name, False, strays, False)

    def _inside(self, path: str) -> str | None:
        """The path, normalised, of a file inside a root; None for anything else."""
        normal = os.path.normpath(path)
        # in this order, so that the disk is not even asked about a path that is elsewhere; links come last
        is_file = self._holds(normal) and os.path.isfile(normal) and self._holds(os.path.realpath(normal))
        return normal if is_file else None

    def _holds(self, path: str) -> bool:
        return any(path.startswith(os.path.join(folder, "")) for folder in self.folders)


def is_path(name: object) -> bool:
    """Whether something can be a path at all: a text that is neither empty nor an address on the web."""
    return isinstance(name, str) and bool(name) and "\0" not in name and not ADDRESS.match(name)


def relative(path: str, root: Path) -> str:
    """A path as a data file should have it: relative to ``root``, with slashes.

    Raises FormatError for a path that leads out of the root.
    """
    if not os.path.isabs(path):
        inside = path
    else:
        real = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        ways = [os.path.relpath(way, os.path.realpath(root)) for way in (path, real)]
        inside = Path(next((way for way in ways if ".." not in Path(way).parts), "..")).as_posix()
    if ".." in Path(inside).parts:
        raise FormatError(f"{path} is not inside {root}. Copy it there, or give a root that holds all the files.")
    return inside
