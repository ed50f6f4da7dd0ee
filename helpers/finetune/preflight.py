"""What to know before a training: what is in the data, what is trained, what it takes, and why it must not start.

>>> print(preflight(model, processor, examples, max_length=512))     # doctest: +SKIP

Everything that is refused here trains without an error otherwise, and is found out about at the end or not at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ..models import free_memory_gb
from . import refusals
from .collate import Collator
from .data_checks import check_files, check_tokens
from .formats import Example
from .gradients import check_gradients as run_backward
from .memory import Memory, training_bytes
from .refusals import Findings, Refused

MOST = 0.5  # of all parameters: more is no adapter
RESERVE = 1.2  # times the memory that is computed, for what is not
__all__ = ["Preflight", "Refused", "preflight"]


@dataclass(frozen=True)
class Preflight:
    """What was found. ``print`` shows it, ``rows`` is for ``plots.table``.

    Attributes:
        samples: how many examples there are.
        tokens: of all of them.
        trained_tokens: those with a label.
        longest: tokens of the longest one.
        cut: how many replies are cut at ``max_length``.
        classes: how often each label occurs.
        trainable, parameters: how many parameters are trained, and how many there are, adapters included.
        memory: what a training step needs at its peak, by part.
        free_gb: what is free, in GB.
        warnings: what was allowed, or is only to be known.
    """

    samples: int
    tokens: int
    trained_tokens: int
    longest: int
    cut: int
    classes: dict[str, int]
    trainable: int
    parameters: int
    memory: Memory
    free_gb: float
    warnings: tuple[str, ...] = ()

    def rows(self) -> list[dict]:
        """Rows of "what" and "value"."""
        classes = ", ".join(f"{name} {n}" for name, n in sorted(self.classes.items(), key=lambda c: -c[1]))
        values = {
            "samples": f"{self.samples:,}",
            "classes": classes or "none",
            "tokens": f"{self.tokens:,}, the longest sample {self.longest:,}",
            "tokens trained on": f"{self.trained_tokens:,} ({self.trained_tokens / self.tokens:.1%})",
            "replies cut": f"{self.cut:,}",
            "parameters trained": f"{self.trainable:,} of {self.parameters:,} ({self.trainable / self.parameters:.1%})",
            "memory of a step": f"{self.memory.total / 1e9:.2f} GB computed, {self.free_gb:.1f} GB free",
        }
        return [{"what": what, "value": value} for what, value in values.items()] + [
            {"what": "warning", "value": warning} for warning in self.warnings
        ]

    def __str__(self) -> str:
        return "\n".join(f"{row['what']}: {row['value']}" for row in self.rows())


def preflight(
    model, processor, examples: Sequence[Example], *, max_length: int | None = None, free_gb: float | None = None,
    batch_size: int = 1, check_gradients: bool = True, thinking: bool | None = None, collator: Collator | None = None,
    optimizer: str = "adamw", allow: Collection[str] = (),
) -> Preflight:  # fmt: skip
    """Look at the data, the model and the settings together, before anything is trained.

    Args:
        model: with its adapters, as it is going to be trained. It comes back as it was.
        max_length, thinking: as in ``collate.Collator``; of no account with a ``collator``.
        free_gb: memory in GB; what is free on the model's device unless given.
        batch_size: samples of one step.
        check_gradients: run one forward and one backward pass on a few examples.
        collator: the one that will train. What it encodes here, it need not encode again.
        optimizer: "adamw", "adamw_8bit" or "paged", as in ``memory.training_bytes``.
        allow: refusals to pass over, with a warning, by their names in ``refusals.ALLOWABLE``: for those who make a
            mistake on purpose, to measure it.

    Raises Refused (its ``reason`` says which of ``refusals.REASONS``), BadImage for a picture that cannot be read.
    """
    found = Findings(allow)
    check_files(examples, found)
    collator = collator or Collator(processor, max_length=max_length, thinking=thinking)
    tokens = check_tokens(examples, processor, collator, found)
    trainable, parameters = _check_parameters(model, found)
    free = free_memory_gb() if free_gb is None else free_gb
    needed = training_bytes(model, batch_size, tokens["longest"], image_tokens=tokens.pop("seen"), optimizer=optimizer)
    _check_memory(needed, free, batch_size, found)
    if check_gradients:
        run_backward(model, examples, collator, found)
    classes = dict(Counter(e.label for e in examples if e.label is not None))
    return Preflight(
        samples=len(examples), classes=classes, trainable=trainable, parameters=parameters, memory=needed, free_gb=free,
        warnings=tuple(found.warnings), **tokens,
    )  # fmt: skip


def _check_parameters(model, found: Findings) -> tuple[int, int]:
    trainable = parameters = 0
    for parameter in model.parameters():
        packed = getattr(parameter, "quant_state", None)  # two weights of four bits are one number
        n = packed.shape.numel() if packed is not None else parameter.numel()
        parameters += n
        trainable += n if parameter.requires_grad else 0
    if not trainable:
        found.refuse(
            refusals.NOTHING_TRAINABLE,
            "No parameter is trainable. Add adapters (`adapt.add_lora`), or load a saved adapter with "
            "`is_trainable=True`.",
        )
    if trainable > MOST * parameters:
        found.refuse(
            refusals.TOO_MUCH_TRAINABLE,
            f"{trainable:,} of {parameters:,} parameters ({trainable / parameters:.0%}) are trainable, which is no "
            "adapter. Freeze the base (`add_lora` does), or lower the rank.",
        )
    return trainable, parameters


def _check_memory(needed: Memory, free_gb: float, batch_size: int, found: Findings) -> None:
    """Weights and adapters are there already: what is to come has to fit into what is free."""
    to_come = RESERVE * (needed.total - needed.weights - needed.adapters) / 1e9
    if to_come > free_gb:
        largest = "activations" if needed.activations > needed.optimizer + needed.gradients else "optimizer"
        less = {
            "activations": f"a smaller batch_size than {batch_size} with more accumulation, smaller pictures, or "
            "gradient checkpointing",
            "optimizer": "a lower rank, or the 8-bit optimizer",
        }[largest]
        found.refuse(
            refusals.MEMORY,
            f"A step needs about {to_come:.3g} GB beside the loaded weights, and {free_gb:.3g} GB are free. Most of it "
            f"is {largest}: take {less}.",
        )
