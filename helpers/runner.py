"""``course run``: execute notebooks through papermill and keep book of what they took.

A file in the output folder is always a notebook that ran to its end: processes write elsewhere (see ``pool``), and only
finished notebooks are moved in. A notebook that nothing has changed for since is not run again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
import time
from pathlib import Path

from . import records
from .errors import CourseError, unknown
from .files import check_disk, write_json
from .profiles import check_profile, root

# Commands and their parts: no notebook's result depends on them, so changing them runs nothing again.
TOOLS = ("book", "cli", "execution", "pool", "runner", "serve_command")
TOOL_PATHS = {("helpers", name) for name in TOOLS}


def discover() -> dict[str, Path]:
    """Every notebook of the course by name, in reading order."""
    return {f"{path.parent.name}/{path.stem}": path for path in sorted((root() / "notebooks").glob("*/*.ipynb"))}


def select(wanted: list[str]) -> dict[str, Path]:
    """The notebooks meant by chapter ("01_blip"), name ("01_blip/01_captioning"), last part, or path; all for none.

    Raises UnknownName, suggesting the nearest name.
    """
    known = discover()
    if not known:
        raise CourseError(f"There are no notebooks below {root() / 'notebooks'}. Clone the repository again.")
    chosen = {}
    for word in wanted:
        plain = word.replace("\\", "/").rstrip("/").removesuffix(".ipynb").split("notebooks/")[-1]
        hits = {name: path for name, path in known.items() if plain in (name, *name.split("/"))}
        if not hits:
            raise unknown("notebook or chapter", word, sorted({part for name in known for part in name.split("/")}))
        chosen |= hits
    return {name: path for name, path in known.items() if name in chosen or not wanted}


def fit_parameters(notebooks: dict[str, Path], profile: str, parameters: dict) -> dict[str, dict]:
    """What each notebook is given: the profile, and those parameters that its ``parameters`` cell has.

    Raises UnknownName for a parameter that none of the notebooks has.
    """
    from papermill import inspect_notebook

    has = {name: list(inspect_notebook(path)) for name, path in notebooks.items()}
    known = sorted({parameter for of_one in has.values() for parameter in of_one})
    for parameter in parameters:
        if parameter not in known:
            raise unknown("parameter", parameter, known)
    given = {"profile": profile} | parameters
    return {name: {key: given[key] for key in given if key in has[name]} for name in notebooks}


def inputs_digest() -> bytes:
    """A digest of everything results depend on beside the notebook itself: code, data, locked versions, Python."""
    top = root()
    files = {file for folder in ("helpers", "recipes", "data") for file in (top / folder).rglob("*")}
    files = {file for file in files if file.relative_to(top).with_suffix("").parts[:2] not in TOOL_PATHS}
    files.add(top / "requirements.lock")
    files.discard(top / "data" / "measured" / "notebooks.json")  # recording a run must not invalidate it
    digest = hashlib.sha256(repr(sys.version_info[:2]).encode())
    for file in sorted(files):
        relative = file.relative_to(top)
        if file.is_file() and file.suffix != ".pyc" and not any(part.startswith(".") for part in relative.parts):
            digest.update(f"\n{relative.as_posix()}\n".encode() + file.read_bytes())
    return digest.digest()


def standing(target: Path, source_hash: str) -> dict | None:
    """The result of an earlier run that nothing has changed for since, or None."""
    if not target.is_file():
        return None
    try:
        result = json.loads(target.read_text(encoding="utf-8"))["metadata"]["course"]
    except (ValueError, KeyError):  # damaged, or not written by this command: run it again
        return None
    return result | {"status": "unchanged"} if result.get("source_hash") == source_hash else None


def run(
    wanted: list[str] | None = None, profile: str = "nano", jobs: int = 2, parameters: dict | None = None,
    force: bool = False, record: bool = False, out: Path | None = None,
) -> list[dict]:  # fmt: skip
    """Run notebooks, ``jobs`` at a time; print progress and a summary; return their results in reading order.

    A result has name, profile, parameters, status ("ok", "unchanged" or "failed"), seconds, peak_memory_mb, started,
    device, versions, source_hash and command. ``record`` keeps the measurements in ``data/measured/notebooks.json``.

    Raises UnknownName for a wrong notebook, profile or parameter, and DiskFull. After KeyboardInterrupt, which
    it lets through, finished notebooks are in place, the others' processes ended and their files removed.
    """
    from tqdm import tqdm

    from .pool import Job, run_all

    check_profile(profile)
    if jobs < 1:
        raise CourseError(f"--jobs needs at least 1, not {jobs}.")
    if record and parameters:
        raise CourseError("--record keeps what a notebook takes as it stands: leave -p out.")
    notebooks = select(wanted or [])
    out = Path(out).resolve() if out else root() / "_build" / "executed"
    check_disk(out, need_gb=0.3)
    inputs, results, waiting = inputs_digest(), {}, []
    for name, given in fit_parameters(notebooks, profile, parameters or {}).items():
        own = json.dumps(given, sort_keys=True).encode() + notebooks[name].read_bytes()
        job = Job(name, notebooks[name], given, hashlib.sha256(inputs + own).hexdigest())
        stands = None if force else standing(out / f"{name}.ipynb", job.source_hash)
        if stands:
            results[name] = stands
        else:
            waiting.append(job)
    measured = root() / "data" / "measured" / "notebooks.json"
    took = records.recorded_seconds(measured, profile)
    took |= {entry["name"]: entry["seconds"] for entry in records.read_timings(out)}
    waiting.sort(key=lambda job: -took.get(job.name, 0))  # the longest first, so that it does not end up alone
    about = {"profile": profile, "device": records.device_name(), "versions": records.versions()}
    about["command"] = " ".join(["course run", *(wanted or []), f"--profile {profile} --jobs {jobs}"])
    clock = time.monotonic()
    try:
        at_once = min(jobs, max(1, len(waiting)))
        with contextlib.closing(run_all(waiting, at_once, root() / "_build")) as outcomes:
            for result in outcomes:
                result |= about
                if result["status"] == "ok":
                    place(result.pop("executed"), out / f"{result['name']}.ipynb", result)
                results[result["name"]] = result
                tqdm.write(records.line(result))
    finally:
        ordered = [results[name] for name in notebooks if name in results]
        records.write_timings(out, ordered)
        if record:
            records.record(measured, ordered)
    print(records.report(ordered, out, time.monotonic() - clock), flush=True)
    return ordered


def place(executed: Path, target: Path, result: dict) -> None:
    """Put a finished notebook where it belongs, with its result in the metadata and without this machine's paths."""
    notebook = json.loads(executed.read_text(encoding="utf-8"))
    for key in ("input_path", "output_path"):
        notebook["metadata"].get("papermill", {}).pop(key, None)
    notebook["metadata"]["course"] = {key: value for key, value in result.items() if key != "log"}
    write_json(target, notebook)
