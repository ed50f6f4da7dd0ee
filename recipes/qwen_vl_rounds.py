"""Go on with a trained Qwen-VL model: ``python -m recipes.qwen_vl_rounds qwen2_5_vl-l --steps 1400``.

A round is more of the curriculum's last stage, or of other ``--shares``, in which the learning rate rises and falls
once more. What is kept is the mean of the weights before and after it, which was on the whole better than either
(Wortsman et al., "Model soups", 2022); ``--after 1`` keeps those after it. The checkpoint, its card and its scores are
written anew: whether a round was worth it is what ``git diff data/models/ROLE/README.md`` says.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch

from helpers.profiles import root

from . import checkpoints, qwen_vl
from .cpu_speed import slow_down, speed_up
from .qwen_vl_data import CURRICULUM, MAKE, mixed_batch, vision_batch
from .training import train

PEAK_LR, WARMUP = 3e-3, 60
HEAD_STEPS = 150  # the heads of the labels are not part of a checkpoint: at first they alone learn


def trained_student(role: str) -> qwen_vl.Student:
    """The checkpoint of a role in full precision, with new heads."""
    model = qwen_vl.build_model(role)
    return qwen_vl.Student(role, type(model).from_pretrained(root() / "data" / "models" / role, dtype=torch.float32))


def state_paths(role: str, first: int) -> tuple[Path, Path]:
    """Where an interrupted round is gone on with: its heads' training and its own."""
    return qwen_vl.state_path(f"{role}-heads-{first}"), qwen_vl.state_path(f"{role}-round-{first}")


def teach_heads(student: qwen_vl.Student, steps: int, first: int) -> float:
    """Let the heads learn to read the labels off a tower that stays as it is; return minutes."""
    family = qwen_vl.family_of(student.role)
    student.model.requires_grad_(False)
    minutes = train(
        student, student.label_losses, partial(_later, partial(vision_batch, family), first), steps=steps,
        peak_lr=PEAK_LR, adamw_lr=PEAK_LR, warmup=20, state_path=state_paths(student.role, first)[0],
    )  # fmt: skip
    student.model.requires_grad_(True)
    return minutes


def _later(make: Callable[[int], dict], first: int, step: int) -> dict:
    """Batches ``first``, ``first + 1``, …: none that the training before has seen."""
    return make(first + step)


def go_on(student: qwen_vl.Student, steps: int, first: int, shares: dict[str, int], after: float = 0.5) -> float:
    """Train everything for ``steps``; leave ``after`` × the new weights + (1 - ``after``) × the old; return minutes."""
    family = qwen_vl.family_of(student.role)
    before = {name: value.clone() for name, value in student.model.state_dict().items()}
    speed_up(student.model)
    minutes = train(
        student, student.joint_losses, partial(_later, partial(mixed_batch, family, shares), first), steps=steps,
        peak_lr=PEAK_LR, adamw_lr=PEAK_LR / 2, warmup=WARMUP,
        state_path=state_paths(student.role, first)[1],
    )  # fmt: skip
    slow_down(student.model)
    now = student.model.state_dict()
    student.model.load_state_dict({name: torch.lerp(before[name], value, after) for name, value in now.items()})
    return minutes


def _shares(text: str) -> dict[str, int]:
    shares = json.loads(text)
    if unknown := [kind for kind in shares if kind not in MAKE]:
        raise argparse.ArgumentTypeError(f"there is no kind of batch called {unknown[0]!r}, only {', '.join(MAKE)}")
    return shares


def main(words: Sequence[str] | None = None) -> int:
    """One round: train, average, score, and write the checkpoint and its card."""
    parser = argparse.ArgumentParser(prog="python -m recipes.qwen_vl_rounds")
    parser.add_argument("role", choices=qwen_vl.SIZES)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--after", type=float, default=0.5, help="the share of the weights after it (default: half)")
    parser.add_argument("--shares", type=_shares, default=CURRICULUM[-1][1], help="JSON: kind of batch to its share")
    options = parser.parse_args(words)
    card, student = checkpoints.read_card(options.role), trained_student(options.role)
    minutes = card["minutes"] + teach_heads(student, HEAD_STEPS, card["steps"])
    minutes += go_on(student, options.steps, card["steps"], options.shares, options.after)
    student.model.generation_config = qwen_vl.generation_config(options.role, student.model)
    checkpoints.save(
        options.role, student.model, qwen_vl.build_processor(options.role), recipe="qwen_vl", command=options.role,
        seed=card["seed"], steps=card["steps"] + options.steps, minutes=minutes,
    )  # fmt: skip
    for path in state_paths(options.role, card["steps"]):
        path.unlink(missing_ok=True)  # or the same round, begun again with other shares, would be over at once
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
