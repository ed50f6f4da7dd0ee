"""The measurement at full size: its steps on small models of the same classes, and what it says without a GPU."""

from __future__ import annotations

import pytest
import torch

from helpers import models
from helpers.errors import CourseError
from recipes import full_size


@pytest.fixture
def small(monkeypatch):
    """Short samples: what is measured here is not the point."""
    for name, value in {"REPLY": 16, "NEW_TOKENS": 4, "SIDE": 8, "WARM_UP": 1, "STEPS": 1}.items():
        monkeypatch.setattr(full_size, name, value)


def text_model():
    from transformers import Qwen2Config, Qwen2ForCausalLM  # after helpers

    config = Qwen2Config(vocab_size=2048, hidden_size=64, intermediate_size=128, num_hidden_layers=2,
                         num_attention_heads=2, num_key_value_heads=1)  # fmt: skip
    return Qwen2ForCausalLM(config)


@pytest.mark.parametrize("role", ["qwen3_vl", "qwen2_5_omni", None])
def test_training_and_generating_are_measured(small, role):
    model = full_size.adapted(models.load(role).model if role else text_model())
    assert all(("lora_" in name) == p.requires_grad for name, p in model.named_parameters())
    kept = [name for name, p in model.named_parameters() if getattr(p, "quant_state", None) is not None]
    assert kept and not any(tower in name for name in kept for tower in full_size.TOWERS)
    found = full_size.measure(model, tokens=96)
    assert found.peak_gb is None and found.predicted_gb > 0
    assert min(found.step_seconds, found.ttft_seconds, found.tokens_per_second, found.train_tokens_per_second) > 0


def test_the_picture_costs_the_tokens_it_should(small):
    model = full_size.adapted(models.load("qwen3_vl").model)
    batch = full_size.sample(model, tokens=64)
    assert (batch["input_ids"] == model.config.image_token_id).sum() == 16
    assert batch["pixel_values"].shape == (64, 3 * 2 * 16 * 16)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_nothing_is_written():
    with pytest.raises(CourseError, match="24 GB"):
        full_size.main()
