"""Run one notebook through papermill, in a process of its own: ``python -m helpers.execution job.json``.

``helpers.runner`` starts one such process for every notebook, so that memory can be measured, a crash takes
nothing else down, and Ctrl-C can end it. It leaves ``executed.ipynb`` and ``result.json`` beside ``job.json``.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
from pathlib import Path

import psutil

START_TIMEOUT = 600  # seconds for a kernel to start: a busy machine is no reason to fail
TRACEBACK_LINES = 18


def main(job_file: str) -> int:
    """Execute the notebook that ``job_file`` describes; 0 when every cell ran, 1 when one failed."""
    folder = Path(job_file).parent
    threading.Thread(target=_end_with, args=(psutil.Process().parent(),), daemon=True).start()
    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    result = execute(job["source"], folder / "executed.ipynb", job["parameters"])
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
    return 0 if result["status"] == "ok" else 1


def _end_with(parent: psutil.Process | None) -> None:
    """End this process (its kernel notices and follows) once ``course run`` is gone, even if killed outright."""
    while parent is not None and parent.is_running():
        time.sleep(2)
    os._exit(1)


def execute(source: str, target: Path, parameters: dict) -> dict:
    """Run a notebook with this interpreter's own kernel; return what happened, with the failing cell named."""
    import logging

    from nbclient.exceptions import DeadKernelError
    from papermill import PapermillExecutionError, execute_notebook

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    try:
        execute_notebook(
            source, target, parameters, kernel_name="python3", kernel_manager_class=this_kernel_manager(),
            progress_bar=False, log_output=True, start_timeout=START_TIMEOUT, cwd=target.parent,
        )  # fmt: skip
    except PapermillExecutionError as error:
        return failure(error.cell_index, error.source, "\n".join(error.traceback), f"{error.ename}: {error.evalue}")
    except DeadKernelError:
        return {"status": "failed", "error": "the kernel died; most often the machine ran out of memory", "cell": None}
    return {"status": "ok"}


def this_kernel_manager() -> type:
    """A kernel manager that starts this very interpreter, whatever "python3" is registered as on the machine."""
    from ipykernel.kernelspec import RESOURCES, get_kernel_dict
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    class ThisInterpreter(AsyncKernelManager):
        @property
        def kernel_spec(self) -> KernelSpec:
            return KernelSpec(resource_dir=RESOURCES, **get_kernel_dict())

    return ThisInterpreter


def failure(cell: int, source: str, traceback: str, error: str) -> dict:
    """A failed run: which cell (counted from 1, as executed), its first line, and the end of its traceback."""
    lines = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", traceback).splitlines()
    if len(lines) > TRACEBACK_LINES:
        lines = [*lines[:3], "    …", *lines[-TRACEBACK_LINES:]]
    first_line = next((line for line in source.splitlines() if line.strip()), "")
    return {
        "status": "failed", "error": error, "cell": cell + 1, "first_line": first_line, "traceback": "\n".join(lines),
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
