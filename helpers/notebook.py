"""What every notebook does first: seed, threads, and the table of what it needs."""

from __future__ import annotations

import html
import json
import os
from typing import NamedTuple

from .models import memory_gb
from .profiles import PROFILES, check_profile, device, registry, root, set_seed, spec


class Html(str):
    """Markup that Jupyter and the book show as it is. Build it from escaped text only."""

    def _repr_html_(self) -> str:
        return str(self)


class Start(NamedTuple):
    """Where and how this notebook runs; displays as the opening table."""

    name: str
    profile: str
    device: str
    roles: tuple[str, ...]

    def _repr_html_(self) -> str:
        rows = "".join(_row(self, profile) for profile in PROFILES)
        head = "<tr><th>profile</th><th>weights</th><th>memory for them</th><th>whole notebook, measured</th></tr>"
        running = f"<p>This run: profile <code>{self.profile}</code> on <code>{self.device}</code>.</p>"
        return f'<table class="course-needs"><thead>{head}</thead><tbody>{rows}</tbody></table>{running}'

    def __repr__(self) -> str:
        return f"{self.name}: profile {self.profile} on {self.device}"


def start(name: str, profile: str, roles: tuple[str, ...] = (), seed: int = 0) -> Start:
    """Seed everything, keep PyTorch to the threads it was given, and return the opening table.

    Args:
        name: the notebook's path below ``notebooks/`` without ending, e.g. "01_blip/01_captioning".
        roles: the model roles the notebook uses (their weights fill the table).

    Raises UnknownName for a profile or role that does not exist.
    """
    import torch

    check_profile(profile)
    for role in roles:
        spec(role, profile)
    set_seed(seed)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or min(2, os.cpu_count() or 1)))
    return Start(name, profile, device(), tuple(roles))


def measured(name: str) -> dict[str, dict]:
    """What ``course run --record`` measured for a notebook: profile → {seconds, peak_memory_mb, device, date, …}."""
    path = root() / "data" / "measured" / "notebooks.json"
    return json.loads(path.read_text(encoding="utf-8")).get(name, {}) if path.is_file() else {}


def _row(start: Start, profile: str) -> str:
    present = [role for role in start.roles if profile in registry()[role]["profiles"]]
    specs = [spec(role, profile) for role in present]
    weights = ", ".join(sorted({html.escape(s.id) for s in specs}))
    if start.roles and not specs:
        weights = "none for this chapter: falls back to nano"
    elif len(present) < len(start.roles):
        weights += f"; the nano {html.escape(', '.join(r for r in start.roles if r not in present))} stands in"
    memory = f"{sum(map(memory_gb, specs)):.1f} GB" if specs else "–"
    took = measured(start.name).get(profile)
    if took:
        cost = f"{took['seconds'] / 60:.1f} min, {took['peak_memory_mb'] / 1024:.1f} GB ({html.escape(took['device'])})"
    else:
        cost = f"none recorded yet: <code>course run {html.escape(start.name)} --profile {profile} --record</code>"
    mark = " (this run)" if profile == start.profile else ""
    return f"<tr><td>{profile}{mark}</td><td>{weights or '–'}</td><td>{memory}</td><td>{cost}</td></tr>"
