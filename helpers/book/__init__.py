"""Build the book: stage prose and executed notebooks, fetch the browser libraries once, run Sphinx, swap the result in.

``course book`` calls ``build``. What Sphinx needs to know about figures, alt texts and timings is in ``book/_ext``.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ..files import disk_full_is_an_answer
from ..profiles import root
from .libraries import install_libraries
from .staging import BookError, stage, toc_files

__all__ = ["BookError", "build", "toc_files"]


def build(
    executed: Path | None = None,
    output: Path | None = None,
    *,
    source: Path | None = None,
    log: Callable[[str], None] = print,
) -> Path:
    """Build the book and return the path of its ``index.html``.

    Only what changed is staged and rendered again. Every Sphinx warning (a broken link, a missing alt text, an unknown
    citation) fails the build; ``output`` is replaced as a whole, and only when the build succeeded.

    Args:
        executed: folder with ``<chapter>/<name>.ipynb`` as ``course run`` wrote them, and its ``timings.json``
            (default ``_build/executed``).
        output: folder for the finished pages (default ``_build/html``).
        source: the checkout to build (default: this one).
        log: where the few lines about what was done go.

    Raises BookError when a notebook of the table of contents was not executed or failed, and when Sphinx warns.
    """
    source = (source or root()).resolve()
    executed = (executed or source / "_build" / "executed").resolve()
    output = (output or source / "_build" / "html").resolve()
    work = source / "_build" / "sphinx"
    begun = time.perf_counter()
    _refuse_foreign(output)
    with disk_full_is_an_answer(source / "_build"):
        stage(source, executed, source / "_build" / "src")
        mathjax = install_libraries(source, source / "_build" / "npm", log)
        _sphinx(source, source / "_build" / "src", work, mathjax)
        _swap(work / "html", output)
    log(f"Book: {len(toc_files(source))} pages in {time.perf_counter() - begun:.0f} s → {output / 'index.html'}")
    return output / "index.html"


def _sphinx(source: Path, staged: Path, work: Path, mathjax: Path | None) -> None:
    """Run Sphinx in a process of its own: it changes global state, and its output is only of interest when it fails.

    What Sphinx remembers in ``work`` is trusted only after a build that succeeded with the same configuration and
    extension: after a failure it would not repeat its warnings, and a changed extension it would not notice.
    """
    stamp, digest = work / "stamp", _digest(source)
    if not stamp.is_file() or stamp.read_text() != digest:
        shutil.rmtree(work, ignore_errors=True)
    stamp.unlink(missing_ok=True)
    command = [sys.executable, "-m", "helpers.book", str(staged), str(work), str(mathjax or "")]
    env = os.environ | {"PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run(
        command, cwd=Path(__file__).parents[2], env=env, capture_output=True, text=True, encoding="utf-8"
    )
    if result.returncode:
        said = (result.stdout + result.stderr).replace(str(staged) + os.sep, "").strip()
        raise BookError(f"The book has problems. Correct these and build again:\n{said}")
    stamp.write_text(digest)


def _digest(source: Path) -> str:
    extension = [p for p in (source / "book" / "_ext").rglob("*") if p.suffix in (".py", ".js")]
    own = Path(__file__).parent.glob("*.py")
    digest = hashlib.sha256()
    for path in [source / "_config.yml", source / "_toc.yml", *sorted(extension), *sorted(own)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _refuse_foreign(output: Path) -> None:
    """The output folder is replaced as a whole, so it must be an old book or nothing."""
    if output.exists() and any(output.iterdir()) and not (output / "searchindex.js").is_file():
        raise BookError(f"{output} holds something that is no book. Choose another folder, or empty it first.")


def _swap(built: Path, output: Path) -> None:
    """Replace ``output`` by a copy of ``built`` in one move; Sphinx keeps ``built`` for the next, shorter build."""
    fresh, old = output.with_name(output.name + ".new"), output.with_name(output.name + ".old")
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    shutil.copytree(built, fresh, ignore=shutil.ignore_patterns(".buildinfo*", "*.inv"))
    if output.exists():
        output.replace(old)
    fresh.replace(output)
    shutil.rmtree(old, ignore_errors=True)
