"""The real models as shapes without numbers: ``data/configurations`` on PyTorch's meta device.

>>> model = build("Qwen/Qwen3-VL-8B-Thinking")         # a second; no download and next to no memory
>>> sum(p.numel() for p in model.parameters())         # doctest: +SKIP

A tensor on the meta device knows its shape and its type and stores nothing, so that a model of 72 billion parameters
can be counted on a laptop. ``helpers.finetune.memory`` does the counting.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from ..errors import unknown
from ..profiles import root
from .memory import Memory, inference_bytes, training_bytes


@dataclass(frozen=True)
class Configuration:
    """One file of ``data/configurations``.

    Attributes:
        id: the model's name on the Hugging Face hub.
        model_class: name of the transformers class.
        parts: "text", "vision", "audio", "top_level" → fields of the configuration.
        unverified: fields that nobody saw for this very repository.
        published: parameters as somebody else states them: a number, words ("8.8B"), or None.
    """

    id: str
    model_class: str
    parts: dict[str, dict]
    unverified: tuple[str, ...] = ()
    published: int | str | None = None


def known() -> list[str]:
    """The ids of all models that have a configuration here."""
    return sorted(json.loads(path.read_text("utf-8"))["id"] for path in _folder().glob("*.json"))


def read(model_id: str) -> Configuration:
    """The configuration of a model, by its id on the hub. Raises UnknownName."""
    path = _folder() / f"{model_id.rpartition('/')[2]}.json"
    row = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    if row.get("id") != model_id:
        raise unknown("configuration of", model_id, known())
    parts = {part: row[part] for part in ("text", "vision", "audio", "top_level") if part in row}
    return Configuration(row["id"], row["class"], parts, tuple(row["unverified"]), row["published"]["parameters"])


def build(model_id: str, dtype: str = "bfloat16"):
    """The model on the meta device, in eval mode. Raises UnknownName."""
    import accelerate
    import torch
    import transformers

    model_class = getattr(transformers, read(model_id).model_class)
    config = model_config(read(model_id))
    with accelerate.init_empty_weights(include_buffers=True):
        model = model_class(config)
    model.tie_weights()
    return model.to(getattr(torch, dtype)).eval()


def model_config(configuration: Configuration):
    """transformers' configuration object of one of ours."""
    import transformers

    parts = {part: dict(fields) for part, fields in configuration.parts.items()}
    text = parts["text"]
    theta, sections = text.pop("rope_theta", None), text.pop("mrope_section", None)
    if theta is not None:  # as transformers 5 writes it
        text["rope_parameters"] = {"rope_type": "default", "rope_theta": theta}
        if sections is not None:
            text["rope_parameters"] |= {"mrope_section": sections}
        if "mrope_interleaved" in text:
            text["rope_parameters"] |= {"mrope_interleaved": text.pop("mrope_interleaved")}
    config_class = getattr(transformers, configuration.model_class).config_class
    if "vision" not in parts:
        return config_class(**text)
    rest = parts.get("top_level", {})
    if "Blip" not in configuration.model_class:
        rest["tie_word_embeddings"] = text.get("tie_word_embeddings", False)
    if "audio" in parts:
        rest["audio_config"] = parts["audio"]
    return config_class(text_config=text, vision_config=parts["vision"], **rest)


def predict(model, train: bool = True, **how) -> Memory:
    """Memory of a model, or of the one with this id: ``training_bytes(model, **how)``, or ``inference_bytes``."""
    model = build(model) if isinstance(model, str) else model
    return training_bytes(model, **how) if train else inference_bytes(model, **how)


def _folder():
    return root() / "data" / "configurations"
