"""transformers' Trainer with what the course adds: only answers are scored, the order is fixed, every loss is logged.

Importing this imports torch and transformers; ``train`` does so when a training begins.
"""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import Dataset, SequentialSampler
from tqdm.auto import tqdm
from transformers import Trainer, TrainerCallback

from ..files import disk_full_is_an_answer
from .collate import IGNORED, Collator
from .formats import Example


class Ordered(Dataset):
    """The examples in the order in which the steps take them, each with its weight."""

    def __init__(self, examples: Sequence[Example], order: Sequence[int], weights: Sequence[float] | None) -> None:
        self.examples, self.order, self.weights = examples, order, weights

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, i: int) -> tuple[Example, float]:
        return self.examples[self.order[i]], 1.0 if self.weights is None else self.weights[self.order[i]]


class Weighted:
    """A collator of (example, weight): the batch of a Collator, and ``weights`` (n,) where they are not all 1."""

    def __init__(self, collate: Collator) -> None:
        self.collate = collate

    def __call__(self, items: Sequence[tuple[Example, float]]) -> dict:
        examples, weights = zip(*items)
        batch = self.collate(list(examples))
        return batch if set(weights) == {1.0} else batch | {"weights": torch.tensor(weights)}


def answer_loss(logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
    """The summed cross entropy of the trained tokens.

    Args:
        logits: (n, k, vocabulary), those that predict the tokens of ``labels``.
        labels: (n, k), -100 where nothing is trained.
        weights: (n,), of the examples.
    """
    each = cross_entropy(logits.float().transpose(1, 2), labels, ignore_index=IGNORED, reduction="none")
    return (each if weights is None else each * weights[:, None]).sum()


class AnswerTrainer(Trainer):
    """Trainer whose loss is the mean over all trained tokens of a step, in all processes and accumulated batches.

    The head, the widest layer, is applied only where some example of the batch has a trained token.
    """

    def __init__(self, *arguments, **options) -> None:
        super().__init__(*arguments, **options)
        self.model_accepts_loss_kwargs = True  # Trainer counts the trained tokens of a step and hands them over
        self.loss_is_scaled_for_ga = True
        bare = self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model
        self.keeps = "logits_to_keep" in inspect.signature(bare.forward).parameters

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        inputs = dict(inputs)
        labels, weights = inputs.pop("labels")[:, 1:], inputs.pop("weights", None)
        columns = (labels != IGNORED).any(0).nonzero()[:, 0]  # where the next token is trained
        labels = labels[:, columns]
        outputs = model(**inputs, use_cache=False, **({"logits_to_keep": columns} if self.keeps else {}))
        logits = outputs.logits if self.keeps else outputs.logits[:, columns]
        if num_items_in_batch is None:
            num_items_in_batch = (labels != IGNORED).sum()
        loss = answer_loss(logits, labels, weights) / num_items_in_batch
        if self.args.average_tokens_across_devices:  # DDP takes the mean of the processes' gradients
            loss = loss * self.accelerator.num_processes
        return (loss, outputs) if return_outputs else loss

    def _get_train_sampler(self, train_dataset=None):
        return SequentialSampler(self.train_dataset)


class StepLog(TrainerCallback):
    """A line of JSON for every step, written at once: step, loss, learning rate, gradient norm, seconds."""

    def __init__(self, path: Path, start: int) -> None:
        self.path, self.tick = path, time.monotonic()
        kept = [row for row in read_log(path) if row["step"] <= start]
        with disk_full_is_an_answer(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")

    def on_step_begin(self, args, state, control, **_) -> None:
        if not state.global_step:
            self.tick = time.monotonic()

    def on_log(self, args, state, control, logs=None, **_) -> None:
        if not state.is_world_process_zero or "loss" not in (logs or {}):
            return
        now = time.monotonic()
        row = {"step": state.global_step, "loss": logs["loss"], "learning_rate": logs.get("learning_rate"),
               "grad_norm": logs.get("grad_norm"), "seconds": round(now - self.tick, 4)}  # fmt: skip
        self.tick = now
        with disk_full_is_an_answer(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def read_log(path: Path) -> list[dict]:
    """The rows of a log, one per step; a last line that a kill cut in two is left out."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    return rows


class Progress(TrainerCallback):
    """A bar with the loss of the last steps, in a terminal, in a notebook and in a log file."""

    def __init__(self, steps: int, start: int) -> None:
        self.bar, self.loss = tqdm(total=steps, initial=start, desc="fine-tuning", mininterval=2), None

    def on_log(self, args, state, control, logs=None, **_) -> None:
        if "loss" in (logs or {}):
            self.loss = logs["loss"] if self.loss is None else 0.9 * self.loss + 0.1 * logs["loss"]
            self.bar.set_postfix(loss=f"{self.loss:.3f}", refresh=False)
            self.bar.update()

    def on_train_end(self, args, state, control, **_) -> None:
        self.bar.close()
