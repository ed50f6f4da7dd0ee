"""A small course for tests that run ``course`` as a person does."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from courses import ROOT, write_notebook


@pytest.fixture
def tiny_course(tmp_path: Path) -> Path:
    """A checkout with the real registry and lock, and two notebooks that take a moment."""
    (tmp_path / "data").mkdir()
    shutil.copy(ROOT / "data" / "models.yaml", tmp_path / "data")
    shutil.copy(ROOT / "requirements.lock", tmp_path)
    write_notebook(tmp_path / "notebooks" / "01_first" / "01_adds.ipynb", "print(profile, n_items + 1)")
    write_notebook(tmp_path / "notebooks" / "02_second" / "01_says.ipynb", "print('hello')")
    return tmp_path
