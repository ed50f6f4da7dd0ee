"""A book of a few pages, built by the real ``helpers.book`` with the course's own configuration and extension."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
FIGURE = {"data": [{"type": "bar", "x": ["a", "b"], "y": [1, 2]}], "layout": {"title": {"text": "Two bars"}}}
PNG = (  # one grey pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNsaGj4DwAFhAKBvX7YEwAAAABJRU5ErkJggg=="
)


def make(folder: Path, pages: dict[str, str], notebooks: dict[str, list[dict]], url: str = "") -> Path:
    """Lay out a checkout: the real ``_config.yml`` and extension, the given Markdown pages, executed notebooks.

    The first page is the root. Executed notebooks go where ``course run`` puts them.
    """
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    config["repository"]["url"] = url
    (folder / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    shutil.copytree(ROOT / "book" / "_ext", folder / "book" / "_ext", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "book" / "_static", folder / "book" / "_static")
    shutil.copy(ROOT / "book" / "references.bib", folder / "book")
    for name, text in pages.items():
        (folder / "book" / f"{name}.md").write_text(text, encoding="utf-8")
    for name, cells in notebooks.items():
        write_executed(folder, name, cells)
    first, *others = pages
    chapters = [{"file": f"book/{name}"} for name in others] + [{"file": f"notebooks/{name}"} for name in notebooks]
    toc = {"format": "jb-book", "root": f"book/{first}", "parts": [{"caption": "All", "chapters": chapters}]}
    (folder / "_toc.yml").write_text(yaml.safe_dump(toc), encoding="utf-8")
    return folder


def write_executed(folder: Path, name: str, cells: list[dict]) -> Path:
    """An executed notebook as papermill leaves it."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    papermill = {"parameters": {"profile": "nano"}, "start_time": "2026-11-22T10:00:00+00:00", "duration": 12.3}
    for number, cell in enumerate(cells):
        cell.setdefault("id", f"cell-{number}")
    path = folder / "_build" / "executed" / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    notebook = {"cells": cells, "metadata": kernel | {"papermill": papermill}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def markdown(source: str) -> dict:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def code(source: str, *outputs: dict, **metadata) -> dict:
    return {
        "cell_type": "code", "execution_count": 1, "metadata": metadata, "source": source, "outputs": list(outputs)
    }  # fmt: skip


def shows(**data: object) -> dict:
    """An output with mime types written with ``_`` and ``__`` (``text_html``, or as keys of a dictionary)."""
    bundle = data.pop("bundle", {}) | {key.replace("_", "/", 1): value for key, value in data.items()}
    return {"output_type": "display_data", "data": bundle, "metadata": {}}


def alt(text: str) -> dict:
    return {"mystnb": {"image": {"alt": text}}}
