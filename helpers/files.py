"""Write files whole or not at all, and say it plainly when a disk is full."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from .errors import CourseError


class DiskFull(CourseError):
    """There is no room left for what has to be written."""


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text: a reader sees the old file or the new one, never half of one. Raises DiskFull."""
    partial = path.with_name(f".{path.name}.partial")
    with disk_full_is_an_answer(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_text(text, encoding="utf-8", newline="\n")
            os.replace(partial, path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def write_json(path: Path, data: object) -> None:
    """Write JSON, whole or not at all. Raises DiskFull."""
    write_text(path, json.dumps(data, indent=1, ensure_ascii=False) + "\n")


class InUse(CourseError):
    """Another process is writing to the same folder."""


@contextlib.contextmanager
def locked(folder: Path, setting: str) -> Iterator[None]:
    """Hold a run's folder, making it if need be. The lock is the operating system's: it ends with the process.

    Args:
        setting: what names another folder, e.g. "--out"; the messages say so.

    Raises InUse when another run holds it, DiskFull, and CourseError where the folder cannot be made.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock", timeout=0)
    try:
        with disk_full_is_an_answer(folder):
            folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
    except Timeout as error:
        advice = f"Wait for it to end, or give this one another folder ({setting})."
        raise InUse(f"Another run is writing to {folder}. {advice}") from error
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise CourseError(f"{folder} cannot be written to ({error.strerror}). Choose another ({setting}).") from error
    try:
        yield
    finally:
        lock.release()


def check_disk(folder: Path, need_gb: float) -> None:
    """Raise DiskFull unless ``need_gb`` are free where ``folder`` is (or will be made)."""
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 1e9
    if free < need_gb:
        raise DiskFull(f"{need_gb:.1f} GB are needed on the disk of {folder} and {free:.1f} GB are free. {ADVICE}")


@contextlib.contextmanager
def disk_full_is_an_answer(where: Path) -> Iterator[None]:
    """Turn the operating system's "no space left" and "quota exceeded" into DiskFull."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskFull(f"The disk is full: {where} could not be written. {ADVICE}") from error


ADVICE = "Make room (`make clean` removes everything that can be built again) and run the same command again."
