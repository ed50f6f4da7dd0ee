"""Building: only what changed, never half a book, and one clear message for each thing that can be missing."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import pytest
from minibook import ROOT, code, make, markdown, write_executed

from helpers.book import BookError, build, libraries, toc_files
from helpers.book.staging import read_timings, stage

quiet = {"log": lambda line: None}
TWO = {"01_a/01_one": [markdown("# One")], "01_a/02_two": [markdown("# Two")]}


def test_a_second_build_renders_only_what_changed_and_a_broken_one_leaves_the_book_alone(tmp_path):
    pages = {"first": "# First\n\nOld words.\n", "second": "# Second\n\n[back](first.md)\n"}
    folder = make(tmp_path, pages, {"01_a/01_one": [markdown("# One")]})
    said = []
    index = build(source=folder, log=said.append)
    assert index == folder / "_build" / "html" / "index.html"
    assert "book/first.html" in index.read_text(encoding="utf-8")
    assert said[-1].startswith("Book: 3 pages in ") and str(index) in said[-1]

    rendered = folder / "_build" / "sphinx" / "html" / "book"
    before = {name: (rendered / f"{name}.html").stat().st_mtime_ns for name in pages}
    (folder / "book" / "first.md").write_text("# First\n\nNew words.\n", encoding="utf-8")
    build(source=folder, **quiet)
    assert "New words" in (index.parent / "book" / "first.html").read_text(encoding="utf-8")
    assert (rendered / "first.html").stat().st_mtime_ns != before["first"]
    assert (rendered / "second.html").stat().st_mtime_ns == before["second"]

    (folder / "book" / "second.md").write_text("# Second\n\n[nowhere](lost.md) {cite}`nobody1900`\n", encoding="utf-8")
    for _ in range(2):  # the warning must come again, although nothing has changed since
        with pytest.raises(BookError, match=r"book/second\.md:3") as failure:
            build(source=folder, **quiet)
        assert "lost.md" in str(failure.value) and "nobody1900" in str(failure.value)
        assert "New words" in (index.parent / "book" / "first.html").read_text(encoding="utf-8")


def test_staging_touches_only_what_changed_and_removes_what_is_gone(tmp_path):
    folder = make(tmp_path, {"first": "# First"}, TWO)
    staged = folder / "_build" / "src"
    executed = folder / "_build" / "executed"
    stage(folder, executed, staged)
    times = {path: path.stat().st_mtime_ns for path in staged.rglob("*") if path.is_file()}
    write_executed(folder, "01_a/01_one", [markdown("# One, again")])
    toc = (folder / "_toc.yml").read_text(encoding="utf-8").replace("- file: notebooks/01_a/02_two", "")
    (folder / "_toc.yml").write_text(toc, encoding="utf-8")
    stage(folder, executed, staged)
    changed = {path.name for path, time in times.items() if not path.exists() or path.stat().st_mtime_ns != time}
    assert changed == {"01_one.ipynb", "02_two.ipynb", "_toc.yml"}
    assert not (staged / "notebooks" / "01_a" / "02_two.ipynb").exists()


def test_a_notebook_that_was_not_executed_is_named(tmp_path):
    folder = make(tmp_path, {"first": "# First"}, TWO)
    (folder / "_build" / "executed" / "01_a" / "02_two.ipynb").unlink()
    with pytest.raises(BookError, match=r"Not executed yet: 01_a/02_two\. Run `course run`"):
        build(source=folder, **quiet)


def test_a_notebook_that_failed_is_not_published(tmp_path):
    error = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []}
    folder = make(tmp_path, {"first": "# First"}, {"01_a/01_one": [markdown("# One"), code("1 / 0", error)]})
    with pytest.raises(BookError, match=r"01_a/01_one stopped with an error.*course run 01_a/01_one"):
        build(source=folder, **quiet)


def test_an_older_success_does_not_stand_for_a_run_that_failed(tmp_path):
    folder = make(tmp_path, {"first": "# First"}, {"01_a/01_one": [markdown("# One")]})
    entry = {"name": "01_a/01_one", "status": "failed", "seconds": 3}
    (folder / "_build" / "executed" / "timings.json").write_text(json.dumps([entry]), encoding="utf-8")
    with pytest.raises(BookError, match=r"The last run failed: 01_a/01_one"):
        build(source=folder, **quiet)


def test_a_damaged_notebook_is_named(tmp_path):
    folder = make(tmp_path, {"first": "# First"}, {"01_a/01_one": [markdown("# One")]})
    (folder / "_build" / "executed" / "01_a" / "01_one.ipynb").write_text('{"cells": [', encoding="utf-8")
    with pytest.raises(BookError, match=r"01_one\.ipynb is damaged.*course run 01_a/01_one --force"):
        build(source=folder, **quiet)


def test_a_folder_that_is_no_book_is_not_replaced(tmp_path):
    folder = make(tmp_path, {"first": "# First"}, {})
    mine = tmp_path / "documents"
    mine.mkdir()
    (mine / "letter.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(BookError, match="holds something that is no book"):
        build(source=folder, output=mine, **quiet)
    assert (mine / "letter.txt").read_text(encoding="utf-8") == "dear"


def test_timings_are_read_as_the_runner_writes_them(tmp_path):
    path = tmp_path / "timings.json"
    assert read_timings(path) == {}
    path.write_text(json.dumps([{"name": "a/b", "seconds": 3}]), encoding="utf-8")
    assert read_timings(path) == {"a/b": {"name": "a/b", "seconds": 3}}
    path.write_text("[1, 2]", encoding="utf-8")
    with pytest.raises(BookError, match=r"no table of timings.*course run"):
        read_timings(path)


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """A stand-in for npm: counts its calls, and succeeds unless told not to."""
    calls = SimpleNamespace(number=0, problem="")

    def run(command, cwd, **options):
        calls.number += 1
        assert command[:2] == ["npm", "install"]
        (cwd / "node_modules" / "mathjax" / "es5").mkdir(parents=True)
        return SimpleNamespace(returncode=int(bool(calls.problem)), stderr=calls.problem)

    shutil.copy(ROOT / "package.json", tmp_path)
    monkeypatch.setattr(libraries.shutil, "which", lambda name: name)
    monkeypatch.setattr(libraries.subprocess, "run", run)
    return calls


def test_libraries_are_installed_once(tmp_path, npm):
    folder = tmp_path / "_build" / "npm"
    for _ in range(2):
        assert libraries.install_libraries(tmp_path, folder) == folder / "node_modules" / "mathjax" / "es5"
    assert npm.number == 1


def test_an_npm_that_fails_is_said_and_leaves_nothing_behind(tmp_path, npm):
    npm.problem = "no network"
    said = []
    assert libraries.install_libraries(tmp_path, tmp_path / "_build" / "npm", said.append) is None
    assert "no network" in said[0] and "MathML" in said[0]
    assert list((tmp_path / "_build").iterdir()) == []


def test_without_node_the_reader_is_told_what_falls_back(tmp_path, monkeypatch):
    shutil.copy(ROOT / "package.json", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    said = []
    assert libraries.install_libraries(tmp_path, tmp_path / "_build" / "npm", said.append) is None
    assert "Node is not installed" in said[0] and "MathML" in said[0]


def test_package_json_pins_exact_versions():
    package = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    assert all(version.replace(".", "").isdigit() for version in package["dependencies"].values())


def test_every_source_notebook_is_in_the_table_of_contents():
    sources = {path.relative_to(ROOT).with_suffix("").as_posix() for path in ROOT.glob("notebooks/*/*.ipynb")}
    assert sources == {page for page in toc_files(ROOT) if page.startswith("notebooks/")}
