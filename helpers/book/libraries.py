"""The browser libraries that only the npm registry has, installed once from the pinned ``package.json``."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path


def install_libraries(source: Path, folder: Path, log: Callable[[str], None] = print) -> Path | None:
    """Install what ``package.json`` names with npm, once; return MathJax's folder, or None where there is none.

    Without Node, or offline, the book is still built: its formulas are then MathML, which browsers draw themselves.
    """
    package = source / "package.json"
    mathjax = folder / "node_modules" / "mathjax" / "es5"
    done = folder / "package.json"
    if not package.is_file():
        return None
    if done.is_file() and done.read_bytes() == package.read_bytes() and mathjax.is_dir():
        return mathjax
    fallback = "Formulas are shown as MathML instead of MathJax, and the accessibility tests need Node too."
    npm = shutil.which("npm")
    if npm is None:
        log(f"Node is not installed (no npm). {fallback} Install Node 18 or later and build again to change that.")
        return None
    attempt = folder.with_name(folder.name + ".new")
    shutil.rmtree(attempt, ignore_errors=True)
    attempt.mkdir(parents=True)
    shutil.copy(package, attempt)
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
    command = [npm, "install", *quiet, "--fetch-retries=1", "--fetch-timeout=60000"]
    try:
        result = subprocess.run(command, cwd=attempt, capture_output=True, text=True, timeout=300)
        problem = (result.stderr.strip() or f"exit status {result.returncode}") if result.returncode else ""
    except (subprocess.TimeoutExpired, OSError) as error:
        problem = str(error)
    if problem:
        shutil.rmtree(attempt, ignore_errors=True)
        log(f"npm could not install the browser libraries ({problem.splitlines()[0]}). {fallback}")
        return None
    shutil.rmtree(folder, ignore_errors=True)
    attempt.replace(folder)
    return mathjax
