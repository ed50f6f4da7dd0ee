"""``course doctor``: what state the installation is in, and what to do about each problem.

Looks at this machine only: nothing is asked of the network, and the values of keys are never read into a message.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version

from .errors import CourseError
from .files import ADVICE
from .profiles import PROFILES, ModelSpec, device, registry, root, spec

PYTHONS = ((3, 11), (3, 13))  # oldest and newest supported
KEYS = ("DASHSCOPE_API_KEY", "OPENAI_API_KEY")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BUILD_GB = 1.0  # executed notebooks, logs and the book, with room to spare
INSTALL = "`make book` (or `pip install -r requirements.lock`) installs it"
WORD = {"ok": "✓ ok", "note": "· note", "problem": "✗ problem"}


@dataclass(frozen=True)
class Check:
    """One thing looked at.

    Attributes:
        name: what was looked at, e.g. "Python".
        status: "ok"; "note" (the course runs, something optional is missing or worth knowing); or "problem".
        detail: what was found.
        advice: what to do about it; empty where there is nothing to do.
    """

    name: str
    status: str
    detail: str
    advice: str = ""


def checks() -> list[Check]:
    """Look at everything; about three seconds, most of it importing PyTorch."""
    installed = [python(), packages(), torchvision(), *checkpoints()]
    return [*installed, *hardware(), *profile_needs(), revisions(), *programs(), *keys()]


def main(as_json: bool = False) -> int:
    """Print the checks; 1 when one of them is a problem."""
    found = checks()
    healthy = not any(check.status == "problem" for check in found)
    if as_json:
        print(json.dumps({"ok": healthy, "checks": [asdict(check) for check in found]}, indent=1, ensure_ascii=False))
        return 0 if healthy else 1
    width = max(len(check.name) for check in found)
    for check in found:
        print(f"{WORD[check.status]:<9}  {check.name:<{width}}  {check.detail}")
        if check.advice:
            print(f"{'':<9}  {'':<{width}}  → {check.advice}")
    print("\nReady: `course run` executes the notebooks." if healthy else "\nMend the problems above, then look again.")
    return 0 if healthy else 1


def python() -> Check:
    (oldest, newest), found = PYTHONS, sys.version_info[:2]
    if oldest <= found <= newest:
        return Check("Python", "ok", platform.python_version())
    advice = "Make the virtual environment with Python 3.11, 3.12 or 3.13."
    return Check("Python", "problem", f"{platform.python_version()} is not supported", advice)


def locked() -> dict[str, str]:
    """What requirements.lock asks for on this platform: name → exact version. Raises CourseError without a lock."""
    from packaging.requirements import Requirement

    lock = root() / "requirements.lock"
    if not lock.is_file():
        raise CourseError("requirements.lock is missing. Restore it with `git checkout -- requirements.lock`.")
    lines = [line.split("#")[0].strip() for line in lock.read_text(encoding="utf-8").splitlines()]
    wanted = [Requirement(line) for line in lines if line]
    return {r.name: str(r.specifier).removeprefix("==") for r in wanted if r.marker is None or r.marker.evaluate()}


def packages() -> Check:
    """Installed versions against the lock. A missing package is a problem; another version is worth knowing."""
    try:
        wanted = locked()
    except CourseError as error:
        return Check("Packages", "problem", "no list of locked versions", str(error))
    found = {name: _version(name) for name in wanted}
    missing = [name for name, installed in found.items() if installed is None]
    other = [f"{n} {v} (locked: {wanted[n]})" for n, v in found.items() if v and v.split("+")[0] != wanted[n]]
    if missing:
        return Check("Packages", "problem", f"not installed: {_some(missing)}", f"{INSTALL}.")
    if other:
        advice = "Results were checked with the locked versions: `pip install -r requirements.lock` restores them."
        return Check("Packages", "note", f"{len(other)} of {len(wanted)} differ from the lock: {_some(other)}", advice)
    return Check("Packages", "ok", f"all {len(wanted)} at their locked versions")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _some(names: list[str], n: int = 4) -> str:
    return ", ".join(names[:n]) + (f" and {len(names) - n} more" if len(names) > n else "")


def torchvision() -> Check:
    """Whether torchvision imports: beside a CPU build of PyTorch that takes the hook in helpers/torchvision_hook."""
    try:
        import torch
        import torchvision
    except (ImportError, RuntimeError, OSError) as error:  # OSError: a shared library is missing
        pins = " ".join(f"{name}=={locked()[name]}" for name in ("torch", "torchvision"))
        advice = f"Install both again: `pip install --force-reinstall --no-deps {pins}`."
        return Check("PyTorch", "problem", f"does not import: {error}", advice)
    return Check("PyTorch", "ok", f"torch {torch.__version__} with torchvision {torchvision.__version__}")


def nano_specs() -> list[ModelSpec]:
    return [spec(role) for role in registry()]


def checkpoints() -> Iterator[Check]:
    """Each nano checkpoint: is it there, whole, and the one that is registered?"""
    from .models import check_files

    for row in nano_specs():
        if row.awaits_training:
            advice = f"What needs it says so. `course models train {row.recipe}` makes it."
            yield Check(f"Model {row.role}", "note", "not trained yet", advice)
            continue
        try:
            check_files(row)
        except CourseError as error:
            yield Check(f"Model {row.role}", "problem", "missing or damaged", str(error))
        else:
            size = f"{row.parameters / 1e6:.1f} M parameters" if row.parameters else "of unregistered size"
            if row.sha256:
                yield Check(f"Model {row.role}", "ok", f"{size}, hash as registered")
            else:
                advice = "Restore it: `git checkout -- data/models/SHA256SUMS`."
                yield Check(f"Model {row.role}", "problem", f"{size}, no hash is registered", advice)


def hardware() -> Iterator[Check]:
    import psutil
    import torch

    from .records import device_name

    gpu = torch.cuda.get_device_name() if device() == "cuda" else "no GPU used"
    yield Check("Device", "ok", f"{device_name()}; {gpu}")
    memory = psutil.virtual_memory()
    enough = memory.available > 2e9
    yield Check(
        "Memory", "ok" if enough else "problem", f"{memory.available / 1e9:.1f} of {memory.total / 1e9:.1f} GB free",
        "" if enough else "A notebook needs up to 2 GB: close other programs, or run with --jobs 1.",
    )  # fmt: skip
    free = shutil.disk_usage(root()).free / 1e9
    enough = free > BUILD_GB
    advice = "" if enough else f"A build needs {BUILD_GB:.0f} GB. {ADVICE}"
    yield Check("Disk", "ok" if enough else "problem", f"{free:.1f} GB free", advice)


def profile_needs() -> Iterator[Check]:
    """What the largest model of each profile needs to be loaded, against what is free (see models.check_memory)."""
    from .models import free_memory_gb, memory_gb

    free = free_memory_gb()
    for profile in PROFILES:
        rows = [spec(role, profile) for role in registry() if profile in registry()[role]["profiles"]]
        if not rows:
            yield Check(f"Profile {profile}", "note", "no model is registered; nano models stand in, and are named")
            continue
        if hosts := sorted({row.base_url for row in rows if row.is_hosted}):
            yield Check(f"Profile {profile}", "note", f"{len(rows)} models answer at {', '.join(hosts)}, with a key")
            continue
        largest = max(rows, key=memory_gb)
        fits = memory_gb(largest) <= free
        detail = f"needs up to {memory_gb(largest):.1f} GB ({largest.id}); {free:.1f} GB free"
        local = all(row.is_local for row in rows)
        advice = "" if local else f"`course models pull --profile {profile}` downloads the weights."
        if not fits:
            advice = "Close other programs." if local else "Use a machine with more memory, or a smaller profile."
        status = "ok" if fits else "problem" if local else "note"
        yield Check(f"Profile {profile}", status, detail, advice)


def revisions() -> Check:
    """Hub models: their revisions come from other repositories' pins (see data/models.yaml); none was verified live."""
    specs = [spec(role, profile) for role in registry() for profile in PROFILES]
    rows = {row.id: row.revision for row in specs if not (row.is_local or row.is_hosted)}
    unpinned = sorted(name for name, revision in rows.items() if revision is None)
    detail = f"{len(rows)} hub models are pinned to revisions seen elsewhere, not verified live on the hub"
    if unpinned:
        detail += f"; without any revision: {', '.join(unpinned)}"
    return Check("Hub revisions", "note", detail, "Nothing to do at nano. A wrong pin fails clearly on download.")


def programs() -> Iterator[Check]:
    """Optional programs."""
    node = shutil.which("node") and shutil.which("npm")
    advice = "" if node else "Optional: install Node.js for mathematics and accessibility checks without another host."
    detail = "found" if node else "not found: the book is built without what needs it, and says so"
    yield Check("Node.js", "ok" if node else "note", detail, advice)
    browser = next((name for name in BROWSERS if shutil.which(name)), None)
    advice = "" if browser else "Optional: install Chromium to run the browser tests of the book."
    detail = browser or "no Chromium found: browser tests are left out"
    yield Check("Browser", "ok" if browser else "note", detail, advice)


def keys() -> Iterator[Check]:
    """Keys of hosted models: set or not, nothing more."""
    for name in KEYS:
        present = bool(os.environ.get(name))
        advice = "" if present else "Only the api profile needs one."
        yield Check(name, "ok" if present else "note", "set" if present else "not set", advice)
