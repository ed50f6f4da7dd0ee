"""What the tests of the training side share: a few phantoms, and settings for a training of seconds."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from helpers.finetune.adapt import add_lora, load_base
from helpers.finetune.config import Config
from helpers.finetune.data import phantom_examples

SMALL = {"steps": 6, "batch_size": 4, "rank": 4, "alpha": 8, "save_steps": 2}


@lru_cache
def examples(n: int = 20, split: str = "train"):
    return tuple(phantom_examples(split, n))


def config(folder: Path, **changes) -> Config:
    return Config(**({"output": str(folder)} | SMALL | changes))


def adapted(**changes):
    """The nano base in four bits with fresh adapters that already do something, and its processor."""
    import torch

    settings = Config(**(SMALL | changes))
    model, processor, _ = load_base(settings)
    model = add_lora(model, settings)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.02)
    return model, processor


def asked(example, question: str, answer: str | None = None):
    """The example with another question, and perhaps another answer."""
    content = example.messages[-1]["content"] if answer is None else answer
    turns = [{"role": "user", "content": f"<image>{question}"}, {"role": "assistant", "content": content}]
    return replace(example, messages=turns)
