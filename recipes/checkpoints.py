"""Write a trained nano model with its card and its hash, whole or not at all."""

from __future__ import annotations

import copy
import importlib
import shutil
from pathlib import Path
from types import ModuleType

import torch
import yaml

from helpers.models import file_sha256
from helpers.profiles import root, spec

CARD = """---
{metadata}---

# {role}: a nano model

A `{model_class}` of {millions:.1f} M parameters, {about}

- **Trained by** `course models train {command}` (seed {seed}, {steps} steps; {minutes:.0f} minutes {where})
- **Data** {data}
- **Licence** Apache-2.0
- **Weights** float16 safetensors

| held-out score | value |
| --- | --- |
{rows}

{scores_note}
Scores are recomputed by `course models check`.
"""


def scorer(recipe: str) -> ModuleType:
    """What measures a recipe's checkpoints: ``all_scores(role, model, processor)``, of ``N`` items each, and what
    their card says of them."""
    return importlib.import_module(f".{recipe}_scores", __package__)


def save(role: str, model, processor, *, recipe: str, command: str, seed: int, steps: int, minutes: float) -> Path:
    """Save float16 safetensors and the processor, score what was saved, write the card, register the hash.

    ``command`` is what ``course models train`` is told to make it again.
    """
    target = root() / "data" / "models" / role
    partial = target.with_name(f".{role}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    copy.deepcopy(model).half().save_pretrained(partial)
    processor.save_pretrained(partial)
    measure = scorer(recipe)
    scores = measure.all_scores(role, type(model).from_pretrained(partial, dtype=torch.float32), processor)
    rounded = {name: round(value, 4) for name, value in scores.items()}
    course = {"recipe": recipe, "seed": seed, "steps": steps, "minutes": round(minutes, 1), "scores": rounded}
    metadata = {
        "license": "apache-2.0",
        "library_name": "transformers",
        "tags": ["nano", "synthetic"],
        "course": course,
    }
    card = CARD.format(
        metadata=yaml.safe_dump(metadata, sort_keys=False),
        role=role,
        model_class=type(model).__name__,
        millions=sum(p.numel() for p in model.parameters()) / 1e6,
        about=measure.ABOUT,
        data=measure.DATA,
        scores_note=measure.SCORES_NOTE,
        command=command,
        where=measure.WHERE,
        rows="\n".join(f"| {name} | {value:.3f} |" for name, value in rounded.items()),
        **course,
    )
    (partial / "README.md").write_text(card, encoding="utf-8")
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)
    register_hash(role)
    return target


def register_hash(role: str) -> None:
    """Put the hash of a role's weights into ``data/models/SHA256SUMS`` (the format of ``sha256sum -c``)."""
    sums = root() / "data" / "models" / "SHA256SUMS"
    name = f"{role}/model.safetensors"
    lines = sums.read_text(encoding="utf-8").splitlines() if sums.is_file() else []
    lines = [line for line in lines if not line.endswith(f" {name}")]
    lines.append(f"{file_sha256(sums.parent / name)}  {name}")
    partial = sums.with_suffix(".partial")
    partial.write_text("\n".join(sorted(lines, key=lambda line: line.split()[1])) + "\n", encoding="utf-8")
    partial.replace(sums)


def read_card(role: str) -> dict:
    """The ``course`` part of a nano card: recipe, seed, steps, minutes, scores."""
    text = (spec(role).path / "README.md").read_text(encoding="utf-8")
    return yaml.safe_load(text.split("---\n")[1])["course"]
