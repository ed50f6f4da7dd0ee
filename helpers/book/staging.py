"""What Sphinx reads: prose, configuration and executed notebooks, brought together in ``_build/src``."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

from ..errors import CourseError

STAGED = ("_config.yml", "_toc.yml", "book")  # beside the executed notebooks
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"
PROGRESS_BAR = re.compile(r"[^\n]*\d+%\|")
RUN_FACTS = ("profile", "started", "seconds", "peak_memory_mb", "device", "versions")  # what a page states


class BookError(CourseError):
    """The book cannot be built from what there is, or Sphinx found something wrong in it."""


def toc_files(source: Path) -> list[str]:
    """Every page of ``_toc.yml`` in reading order, without ending (e.g. "notebooks/01_blip/01_captioning")."""
    import yaml

    def walk(node: object) -> Iterator[str]:
        if isinstance(node, dict):
            for key, value in node.items():
                if key in ("root", "file"):
                    yield str(value).removesuffix(".md").removesuffix(".ipynb")
                else:
                    yield from walk(value)
        elif isinstance(node, list):
            for item in node:
                yield from walk(item)

    return list(walk(yaml.safe_load((source / "_toc.yml").read_text(encoding="utf-8"))))


def stage(source: Path, executed: Path, staged: Path) -> None:
    """Bring ``staged`` up to date with prose, configuration and executed notebooks; touch only what changed.

    Raises BookError for a notebook of the table of contents without an executed copy, or with one that failed.
    """
    wanted: dict[str, bytes] = {}
    for name in STAGED:
        path = source / name
        files = [path] if path.is_file() else [p for p in sorted(path.rglob("*")) if p.is_file()]
        wanted |= {p.relative_to(source).as_posix(): p.read_bytes() for p in files if "__pycache__" not in p.parts}
    timings = read_timings(executed / "timings.json")
    wanted["timings.json"] = json.dumps(timings, indent=1, sort_keys=True).encode()
    names = [p.removeprefix("notebooks/") for p in toc_files(source) if p.startswith("notebooks/")]
    missing = [name for name in names if not (executed / f"{name}.ipynb").is_file()]
    if missing:
        raise BookError(f"Not executed yet: {', '.join(missing)}. Run `course run` first, then `course book` again.")
    if failed := [name for name in names if timings.get(name, {}).get("status") == "failed"]:
        raise BookError(f"The last run failed: {', '.join(failed)}. Correct it, and `course run {failed[0]}` again.")
    for name in names:
        wanted[f"notebooks/{name}.ipynb"] = _staged_notebook(executed / f"{name}.ipynb", name, timings.get(name, {}))
    _mirror(wanted, staged)


def read_timings(path: Path) -> dict[str, dict]:
    """What ``course run`` measured: notebook name → {profile, seconds, peak_memory_mb, status, …}; empty if absent.

    Raises BookError for a file that is no such table.
    """
    if not path.is_file():
        return {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        rows = data.get("notebooks", data) if isinstance(data, dict) else {row["name"]: row for row in data}
        return {str(name): dict(row) for name, row in rows.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BookError(f"{path} is no table of timings ({error!r}). Delete it and run `course run` again.") from error


def _staged_notebook(path: Path, name: str, timing: dict) -> bytes:
    """The executed notebook as the book shows it: run facts in ``metadata.course``, papermill's own notes left out."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        cells = notebook["cells"]
    except (ValueError, KeyError, TypeError) as error:
        raise BookError(f"{path} is damaged ({error}). Run `course run {name} --force` again.") from error
    if any(out.get("output_type") == "error" for cell in cells for out in cell.get("outputs", [])):
        raise BookError(f"{name} stopped with an error when it was executed. Run `course run {name}` and see its log.")
    papermill = notebook["metadata"].get("papermill", {})
    facts = {"profile": papermill.get("parameters", {}).get("profile"), "started": papermill.get("start_time")}
    facts |= {"seconds": papermill.get("duration")} | {key: timing[key] for key in RUN_FACTS if key in timing}
    kept = {key: notebook["metadata"][key] for key in ("kernelspec", "language_info") if key in notebook["metadata"]}
    notebook["metadata"] = kept | {"course": {key: value for key, value in facts.items() if value is not None}}
    notebook["cells"] = [cell for cell in cells if not _repeats_defaults(cell, cells)]
    for cell in notebook["cells"]:
        for key in ("papermill", "execution"):
            cell["metadata"].pop(key, None)
        if "outputs" in cell:
            cell["outputs"] = [output for output in cell["outputs"] if not _is_progress_bar(output)]
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False).encode()


def _repeats_defaults(cell: dict, cells: list[dict]) -> bool:
    """Whether a cell that papermill injected sets nothing but what the parameters cell has already set."""
    if "injected-parameters" not in cell["metadata"].get("tags", []):
        return False
    defaults = next((_assigned(c) for c in cells if "parameters" in c["metadata"].get("tags", [])), set())
    return _assigned(cell) <= defaults


def _is_progress_bar(output: dict) -> bool:
    """Whether an output is a tqdm bar drawn as a widget: of no interest once the work is done."""
    data = output.get("data", {})
    return WIDGET_MIME in data and bool(PROGRESS_BAR.match("".join(data.get("text/plain", ""))))


def _assigned(cell: dict) -> set[str]:
    return {ast.unparse(node) for node in ast.parse("".join(cell["source"])).body if isinstance(node, ast.Assign)}


def _mirror(wanted: dict[str, bytes], folder: Path) -> None:
    """Make ``folder`` hold exactly ``wanted`` (relative path → content); files that are right keep their times."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file() and path.relative_to(folder).as_posix() not in wanted:
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    for name, content in wanted.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
