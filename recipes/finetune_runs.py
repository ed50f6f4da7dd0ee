"""What the recorded fine-tunings of chapter 4 have in common: each is trained, or gone on with, measured, and kept.

A module of runs (``emotion_runs``, ``medical_runs``) says what each trains on and what is measured. Its record,
``data/measured/MODULE.json``, has name → profile → what was measured and all that is needed to tell how it was made:
command, date, commit, device, threads, versions, weights, settings, seconds. Stopped at any time, the same command
goes on from the last checkpoint.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import torch

from helpers import notebook, records
from helpers.errors import CourseError
from helpers.files import write_json
from helpers.finetune import adapt
from helpers.finetune.config import Config
from helpers.finetune.formats import Example
from helpers.finetune.train import data_hash, finetune, is_finished
from helpers.models import file_sha256
from helpers.profiles import PROFILES, root, set_seed, spec

from . import grids

CURVE = 20  # steps whose mean loss is one point of the curve


def record(
    module: str, role: str, names: Sequence[str], measured: Callable[[str, str, int | None], dict],
    words: Sequence[str] | None = None,
) -> int:  # fmt: skip
    """The command ``python -m recipes.MODULE NAME …``: make the runs that are named, and record each as it is done.

    Args:
        measured: name, profile and number of steps (None: as usual) → what to record of a run.

    Raises CourseError for a hosted model, and what the runs raise.
    """
    parser = argparse.ArgumentParser(prog=f"python -m recipes.{module}")
    parser.add_argument("names", nargs="+", choices=names, metavar="NAME", help=f"any of: {', '.join(names)}")
    parser.add_argument("--profile", choices=PROFILES, default="nano", help="whose weights (default: nano)")
    parser.add_argument("--steps", type=int, metavar="N", help="fewer or more steps than usual")
    options = parser.parse_args(words)
    if spec(role, options.profile).is_hosted:
        raise CourseError("A hosted model cannot be trained here. Choose another profile: nano, laptop or full.")
    notebook.start(module, options.profile, (role,))  # threads
    changed = [f"--{key} {value}" for key in ("profile", "steps")
               if (value := getattr(options, key)) != parser.get_default(key)]  # fmt: skip
    commit = grids.commit()  # only now: what is recorded below makes the checkout look changed
    for name in options.names:
        set_seed(0)
        made = provenance(" ".join([f"python -m recipes.{module}", name, *changed]), role, options.profile, commit)
        add(record_path(module), name, options.profile, made | measured(name, options.profile, options.steps))
        print(f"{name}: written to {record_path(module)}", flush=True)
    return 0


def record_path(module: str) -> Path:
    """Where the runs of a module are recorded."""
    return root() / "data" / "measured" / f"{module}.json"


def add(path: Path, name: str, profile: str, entry: dict) -> None:
    """Put one run's entry into a record, whole or not at all; the others stay."""
    runs = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    runs.setdefault(name, {})[profile] = entry
    write_json(path, dict(sorted(runs.items())))


def provenance(command: str, role: str, profile: str, commit: str) -> dict:
    """When, where, with what and from which weights."""
    chosen = spec(role, profile)
    weights = {"sha256": file_sha256(chosen.path / "model.safetensors")} if chosen.is_local else {}
    return {
        "command": command, "date": datetime.now(UTC).date().isoformat(), "commit": commit, "profile": profile,
        "device": records.device_name(), "threads": torch.get_num_threads(), "versions": records.versions(),
        "model": {"id": chosen.id, "revision": chosen.revision} | weights,
    }  # fmt: skip


def trained(config: Config, train: Sequence[Example]):
    """The model with its adapter, its processor, and what ``course.json`` says.

    It is trained, an unfinished training is gone on with, or it is there already. A finished run of other settings,
    examples or weights is trained anew.

    Raises what ``finetune`` and ``load_adapter`` raise, and CourseError for an unfinished run that began with others.
    """
    adapter = config.folder / "adapter"
    if is_finished(config.folder):
        record, base = adapt.read_record(adapter), adapt.base_facts(spec(config.base, config.profile))
        asked = _facts(dataclasses.asdict(config), base, data_hash(train))
        if _facts(record["settings"], record["base"], record["data"]) == asked:
            return *adapt.load_adapter(adapter)[:2], record
    run = finetune(config, train, resume=not is_finished(config.folder))
    return run.model, run.processor, run.record


def _facts(settings: dict, base: dict, data: str) -> list:
    return [{name: value for name, value in settings.items() if name not in ("output", "train")}, base, data]


def told(config: Config, train: Sequence[Example], record: dict) -> dict:
    """What to record of any training: settings, examples, parameters, losses, seconds."""
    names = ("settings", "base", "trainable", "parameters", "first_loss", "last_loss", "seconds")
    facts = {"train": {"examples": len(train), "data": record["data"]}, "curve": curve(config.folder / "log.jsonl")}
    return {name: record[name] for name in names} | facts


def curve(log: Path) -> list[float]:
    """Mean losses of ``CURVE`` steps each."""
    losses = [json.loads(line)["loss"] for line in log.read_text(encoding="utf-8").splitlines()]
    parts = [losses[i : i + CURVE] for i in range(0, len(losses), CURVE)]
    return [round(sum(part) / len(part), 4) for part in parts]
