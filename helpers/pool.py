"""Several notebooks at a time, each in a process of its own whose memory is watched and whose end is clean."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil

from .files import disk_full_is_an_answer, write_json

POLL = 0.5  # seconds between looks at memory and at who has finished


@dataclass(frozen=True)
class Job:
    """One notebook to run: name ("01_blip/01_captioning"), file, parameters, and the digest of all it depends on."""

    name: str
    source: Path
    parameters: dict
    source_hash: str


@dataclass
class Running:
    """A notebook's process, the folder it writes to, and the most memory its process tree was seen to hold."""

    job: Job
    process: subprocess.Popen
    folder: Path
    log: Path
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    clock: float = field(default_factory=time.monotonic)
    peak_bytes: int = 0

    def ended(self) -> bool:
        """Sample the memory; True once the process has ended."""
        self.peak_bytes = max(self.peak_bytes, sum(_resident(process) for process in tree(self.process.pid)))
        return self.process.poll() is not None


def tree(pid: int) -> list[psutil.Process]:
    """A process and all its descendants; empty when it is gone."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _resident(process: psutil.Process) -> int:
    """Bytes of memory; on Linux, pages that several processes share count once among them."""
    try:
        memory = process.memory_full_info()
        return getattr(memory, "pss", 0) or memory.rss
    except (psutil.NoSuchProcess, psutil.AccessDenied):  # it ended between the listing and the look
        return 0


def stop(running: list[Running]) -> None:
    """End processes together with their kernels, and remove what they left."""
    left = [process for one in running for process in tree(one.process.pid)]
    for end in (psutil.Process.terminate, psutil.Process.kill):
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                end(process)
        left = psutil.wait_procs(left, timeout=3)[1]
    for one in running:
        shutil.rmtree(one.folder, ignore_errors=True)


def run_all(jobs: list[Job], at_once: int, build: Path) -> Iterator[dict]:
    """Run jobs, ``at_once`` of them at any time; yield a result as each ends.

    A result holds name, status ("ok" or "failed"), seconds, peak_memory_mb, started, and for a finished notebook
    "executed": its file, to be moved before the next result is asked for. Left early (Ctrl-C, a full disk), every
    process is ended and its files are removed.
    """
    from tqdm import tqdm

    waiting, running = list(jobs), []
    bar = tqdm(total=len(jobs), unit="notebook", disable=None, leave=False)
    with _handling({"SIGTERM": _interrupt, "SIGHUP": _interrupt}), bar:
        try:
            while waiting or running:
                while waiting and len(running) < at_once:
                    running.append(start(waiting.pop(0), 1 if at_once > 1 else 2, build))
                bar.set_postfix_str(", ".join(one.job.name for one in running))
                time.sleep(POLL)
                for done in [one for one in running if one.ended()]:
                    yield result_of(done, build)
                    shutil.rmtree(done.folder, ignore_errors=True)
                    running.remove(done)  # last: whatever is still listed when this is left early gets cleaned up
                    bar.update()
        finally:
            with _handling({"SIGINT": signal.SIG_IGN}):  # an impatient second Ctrl-C must not leave kernels behind
                stop(running)


def start(job: Job, threads: int, build: Path) -> Running:
    """Start the process for a job; its output goes to ``_build/logs``."""
    log = build / "logs" / f"{job.name}.log"
    with disk_full_is_an_answer(build):
        (build / "tmp").mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{job.source.stem}-", dir=build / "tmp"))
        write_json(folder / "job.json", {"source": str(job.source), "parameters": job.parameters})
        log.parent.mkdir(parents=True, exist_ok=True)
    package = str(Path(__file__).resolve().parent.parent)
    defaults = {"OMP_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "false"}
    defaults["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # a warning about frozen modules that nobody can act on
    paths = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "helpers.execution", str(folder / "job.json")],
            cwd=folder, env=defaults | os.environ | {"PYTHONPATH": paths},
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches only this process, which then ends the others in order
        )  # fmt: skip
    return Running(job, process, folder, log)


def result_of(done: Running, build: Path) -> dict:
    """What came of a process that has ended; the output of a failed one is kept in ``_build/failed``."""
    answer, executed = done.folder / "result.json", done.folder / "executed.ipynb"
    if answer.is_file():
        came = json.loads(answer.read_text(encoding="utf-8"))
    else:
        status = done.process.returncode
        came = {"status": "failed", "error": f"its process ended with status {status}; see {done.log}"}
    failed = build / "failed" / f"{done.job.name}.ipynb"
    failed.unlink(missing_ok=True)
    if came["status"] == "ok":
        came["executed"] = executed
    elif executed.is_file():
        failed.parent.mkdir(parents=True, exist_ok=True)
        came["kept"] = str(shutil.move(executed, failed))
    return {
        "name": done.job.name, "parameters": done.job.parameters, "seconds": round(time.monotonic() - done.clock, 1),
        "peak_memory_mb": round(done.peak_bytes / 2**20), "started": done.started.isoformat(timespec="seconds"),
        "source_hash": done.job.source_hash, "log": str(done.log), **came,
    }  # fmt: skip


def _interrupt(number, frame):
    """A polite kill, or the terminal's window closing, does what Ctrl-C does."""
    raise KeyboardInterrupt


@contextlib.contextmanager
def _handling(handlers: dict) -> Iterator[None]:
    """Handle signals differently for a while. Only a main thread may; elsewhere the program around handles its own."""
    main = threading.current_thread() is threading.main_thread()
    known = {getattr(signal, name): what for name, what in handlers.items() if main and hasattr(signal, name)}
    before = {number: signal.signal(number, what) for number, what in known.items()}
    try:
        yield
    finally:
        for number, what in before.items():
            signal.signal(number, what)
