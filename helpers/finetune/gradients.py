"""One backward pass before a training: does every parameter that is to learn get a gradient?

It may not, and nothing says so: LoRA on a layer that the batch never reaches, a tower whose output is detached,
gradient checkpointing whose inputs need no gradient, four-bit layers that were repacked for inference. The loss then
falls, but by the other adapters' work.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from . import refusals
from .formats import Example

TOWERS = {"visual": "images", "audio_tower": "audios"}  # part of a parameter's name: which files it needs to have work
AT_ONCE = 2  # examples of each kind


def check_gradients(model, examples: Sequence[Example], collator, findings) -> None:
    """Forward and backward on a few examples; ``findings.refuse`` where a trainable parameter learns nothing.

    A parameter fails without a gradient, or with one that is zero throughout. Only ``lora_A`` may have zeros: at the
    start ``lora_B`` is zero, and it stands between ``lora_A`` and the loss. Parameters of a tower that has no files to
    look at or listen to are warned of. The model, its gradients and random numbers come back as they were.
    """
    import torch

    few = _few(examples)
    unused = [tower for tower, files in TOWERS.items() if not any(getattr(e, files) for e in few)]
    batch = {key: value.to(model.device) for key, value in collator(few).items()}
    with _borrowed(model):
        loss = model(**batch).loss
        if not torch.isfinite(loss):
            findings.refuse(
                refusals.NO_GRADIENT,
                f"The loss of the first batch is {loss.item()}. Train in float32 or bfloat16, and check that every "
                "reply has a token left.",
            )
        loss.backward()
        idle = [name for name, p in model.named_parameters() if p.requires_grad and not _learns(name, p)]
    silent = [name for name in idle if any(f"{tower}." in name for tower in unused)]
    if silent:
        findings.warnings.append(f"{len(silent)} parameters are in a tower that these data have no files for.")
    if idle := sorted(set(idle) - set(silent)):
        findings.refuse(
            refusals.NO_GRADIENT,
            f"{len(idle)} trainable parameters get no gradient, the first is {idle[0]}. Take their layers out of the "
            "adapters' targets, or find out what detaches them: a tower run without gradients, gradient checkpointing "
            "without `enable_input_require_grads()`, or a four-bit model that has answered in `eval()` mode (load it "
            "again).",
        )


def _learns(name: str, parameter) -> bool:
    if parameter.grad is None:
        return False
    return "lora_A" in name or "lora_embedding_A" in name or bool(parameter.grad.count_nonzero())


def _few(examples: Sequence[Example]) -> list[Example]:
    """The first examples of each kind: with pictures, with sounds, with neither."""
    kinds: dict[tuple[bool, bool], list[Example]] = {}
    for example in examples:
        kinds.setdefault((bool(example.images), bool(example.audios)), []).append(example)
    return [example for members in kinds.values() for example in members[:AT_ONCE]]


@contextlib.contextmanager
def _borrowed(model) -> Iterator[None]:
    """The model in train mode, with no gradients, and afterwards as it was."""
    import torch

    modes = [(module, module.training) for module in model.modules()]
    before = [(parameter, parameter.grad) for parameter in model.parameters()]
    devices = [model.device] if model.device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices):
            for parameter, _ in before:
                parameter.grad = None
            model.train()
            yield
    finally:
        for parameter, gradient in before:
            parameter.grad = gradient
        for module, mode in modes:
            module.training = mode
