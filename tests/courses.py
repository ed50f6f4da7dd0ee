"""What tests need to use ``course`` as a person does: notebooks of their own and a way to run the command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
PARAMETERS = 'profile = "nano"\nn_items = 3'


def write_notebook(path: Path, *cells: str, parameters: str = PARAMETERS) -> Path:
    """A notebook with a parameters cell and the given code cells, as the course keeps them."""
    code = [nbformat.v4.new_code_cell(source, id=f"cell-{i}") for i, source in enumerate([parameters, *cells])]
    code[0].metadata["tags"] = ["parameters"]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=code, metadata=kernel), path)
    return path


def clean_environment(root: Path, **more: str) -> dict[str, str]:
    """This process's environment with another course, and without keys that a developer may have set."""
    env = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    return env | {"COURSE_ROOT": str(root), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | more


def interruptible() -> None:
    """For ``preexec_fn``: shells start background jobs deaf to Ctrl-C, and tests may run in one."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def course(*arguments: str, root: Path = ROOT, timeout: float = 500, **more: str) -> subprocess.CompletedProcess:
    """Run ``course …`` from a folder that is no checkout, as a person might."""
    return subprocess.run(
        [sys.executable, "-m", "helpers.cli", *arguments], cwd=root.parent, env=clean_environment(root, **more),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8", timeout=timeout,
    )  # fmt: skip
