"""Where the notebooks are and how the tests read them."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from helpers.profiles import root

SOURCES = sorted((root() / "notebooks").glob("*/*.ipynb"))
EXECUTED = root() / "_build" / "executed"


def name_of(path: Path) -> str:
    """ "01_blip/01_captioning" """
    return f"{path.parent.name}/{path.stem}"


each_notebook = pytest.mark.parametrize("path", SOURCES, ids=name_of)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def read_executed(path: Path) -> nbformat.NotebookNode:
    """The notebook as ``course run`` executed it; a clear failure where it did not."""
    executed = EXECUTED / path.parent.name / path.name
    assert executed.is_file(), f"{name_of(path)} was not executed: run `course run` first (make test does)"
    return read(executed)


def tags(cell) -> set[str]:
    return set(cell.metadata.get("tags", []))


def code(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
