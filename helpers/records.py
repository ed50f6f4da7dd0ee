"""What notebooks took: ``timings.json`` beside them, ``data/measured/notebooks.json``, and the lines that say it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .files import write_json

PACKAGES = ("torch", "transformers", "peft", "bitsandbytes", "jupyter-book", "papermill", "plotly", "numpy")
RECORDED = ("seconds", "peak_memory_mb", "device", "command", "versions")


@lru_cache(maxsize=1)
def device_name() -> str:
    """The processor and its cores, and the GPU where there is one, e.g. "AMD EPYC 7B13, 2 cores"."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        models = [line for line in cpuinfo.read_text(errors="replace").splitlines() if line.startswith("model name")]
        name = models[0].split(":", 1)[1].strip() if models else name
    elif sys.platform == "darwin":
        name = _first_line("sysctl", "-n", "machdep.cpu.brand_string") or name
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    gpu = _first_line("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
    return f"{name}, {cores} cores" + (f", {gpu}" if gpu else "")


def _first_line(*command: str) -> str:
    if not shutil.which(command[0]):
        return ""
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    return done.stdout.strip().splitlines()[0] if done.returncode == 0 and done.stdout.strip() else ""


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Python's version and those of the packages that results depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def read_timings(folder: Path) -> list[dict]:
    """The entries of ``folder/timings.json`` whose executed notebook is there; none when there is no such file."""
    path = folder / "timings.json"
    entries = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    return [entry for entry in entries if (folder / f"{entry['name']}.ipynb").is_file()]


def write_timings(folder: Path, results: list[dict]) -> None:
    """Put this run's results into ``folder/timings.json``; notebooks it did not touch keep their entries."""
    entries = {entry["name"]: entry for entry in [*read_timings(folder), *results]}
    write_json(folder / "timings.json", [entries[name] for name in sorted(entries)])


def record(path: Path, results: list[dict]) -> None:
    """Merge finished runs into ``data/measured/notebooks.json``: name → profile → measurement."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for result in results:
        if result["status"] != "failed":
            row = {key: result[key] for key in RECORDED} | {"date": result["started"][:10]}
            known.setdefault(result["name"], {})[result["profile"]] = row
    write_json(path, dict(sorted(known.items())))


def recorded_seconds(path: Path, profile: str) -> dict[str, float]:
    """What notebooks took by ``data/measured/notebooks.json`` at a profile; nothing where there is no such file."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {name: rows[profile]["seconds"] for name, rows in known.items() if profile in rows}


def line(result: dict) -> str:
    """What is said when a notebook ends: its time and memory, or which cell failed, how, and where to look."""
    cost = f"{duration(result['seconds'])}, {result['peak_memory_mb']} MB"
    if result["status"] == "ok":
        return f"✓ {result['name']}: {cost}"
    cell = f" in cell {result['cell']} (`{result['first_line']}`)" if result.get("cell") else ""
    lines = [f"✗ {result['name']} failed after {duration(result['seconds'])}{cell}: {result['error']}"]
    lines += [f"    {text}" for text in result.get("traceback", "").splitlines()]
    lines += [f"    log: {result['log']}"] + ([f"    output so far: {result['kept']}"] if "kept" in result else [])
    return "\n".join(lines)


def report(results: list[dict], out: Path, seconds: float) -> str:
    """The table that ends a run, and what was made, where, and in which time."""
    width = max([len("notebook"), *(len(result["name"]) for result in results)])
    rows = [f"{'notebook':<{width}}  {'status':<9}  {'time':>6}  {'memory':>8}"]
    for r in results:
        rows.append(f"{r['name']:<{width}}  {r['status']:<9}  {duration(r['seconds']):>6}  {r['peak_memory_mb']:>5} MB")
    count = {status: sum(r["status"] == status for r in results) for status in ("ok", "unchanged", "failed")}
    counted = f"{count['ok']} executed, {count['unchanged']} unchanged, {count['failed']} failed"
    return "\n".join(["", *rows, "", f"{counted} in {duration(seconds)}; notebooks and timings.json are in {out}"])


def duration(seconds: float) -> str:
    """Seconds for a person: "42 s", or "3:07" minutes."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60}:{whole % 60:02d}"
