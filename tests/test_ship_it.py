"""What notebook 04_finetuning/06_ship_it writes out, against PEFT, bitsandbytes and the course's own trainer."""

from __future__ import annotations

import json

import bitsandbytes as bnb
import nbformat
import pytest
import torch
from page import define

from helpers.profiles import root

NOTEBOOK = root() / "notebooks" / "04_finetuning" / "06_ship_it.ipynb"
FUNCTIONS = {"stored", "levels", "merged_weight", "step_loss"}


@pytest.fixture(scope="module")
def notebook():
    """The notebook's functions by name; an exercise's from its solution."""
    return define(NOTEBOOK, FUNCTIONS, {"torch": torch, "bnb": bnb})


@pytest.fixture(scope="module")
def quantised():
    torch.manual_seed(0)
    layer = bnb.nn.Linear4bit(128, 64, bias=False, quant_type="nf4", compute_dtype=torch.float32)
    plain = {"requires_grad": False, "quant_type": "nf4", "compress_statistics": False}  # scales as plain numbers
    layer.weight = bnb.nn.Params4bit(torch.randn(64, 128), **plain)
    return layer.to("cpu")


def test_stored_is_what_the_layer_multiplies_by(notebook, quantised):
    weight = notebook["stored"](quantised.weight)
    assert weight.shape == (64, 128)
    torch.testing.assert_close(quantised.train()(torch.eye(128)), weight.T, rtol=1e-4, atol=1e-4)
    plain = torch.randn(3, 4)
    assert torch.equal(notebook["stored"](plain), plain)


def test_levels_are_bitsandbytes_levels_in_order(notebook, quantised):
    """Each weight is its level times its block's scale: so all weights of one level and block are equal."""
    high, low = notebook["levels"](quantised.weight).flatten(1)
    numbers = torch.stack([high, low], dim=1).flatten()  # the first of a byte's two weights is in its upper half
    assert numbers.min() >= 0 and numbers.max() <= 15
    table = bnb.functional.get_4bit_type("nf4", device="cpu")
    scales = quantised.weight.quant_state.absmax.repeat_interleave(64)
    expected = (table[numbers.long()] * scales).view(64, 128)
    torch.testing.assert_close(notebook["stored"](quantised.weight), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("rank, alpha", [(1, 1), (4, 16), (8, 4)])
def test_merging_by_hand_is_pefts_merging(notebook, rank, alpha):
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(rank)
    model = torch.nn.Sequential(torch.nn.Linear(24, 12))
    adapted = get_peft_model(model, LoraConfig(r=rank, lora_alpha=alpha, target_modules=["0"], init_lora_weights=False))
    layer = adapted.base_model.model[0]
    found = notebook["merged_weight"](
        layer.base_layer.weight, layer.lora_A["default"].weight, layer.lora_B["default"].weight, alpha
    )
    torch.testing.assert_close(found, adapted.merge_and_unload()[0].weight)


def test_the_loss_of_a_step_is_the_trainers(notebook):
    """Two processes' parts, each divided by the tokens of both, as AnswerTrainer does it, sum to it."""
    from helpers.finetune.trainer import answer_loss

    torch.manual_seed(0)
    logits, labels = torch.randn(4, 6, 11), torch.randint(11, (4, 6))
    labels[0, 1:], labels[3, :4] = -100, -100
    parts = [(logits[:2], labels[:2]), (logits[2:], labels[2:])]
    sums = [answer_loss(*part).item() for part in parts]
    counts = [int((each != -100).sum()) for _, each in parts]
    whole = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten()).item()
    assert counts[0] != counts[1]
    assert notebook["step_loss"](sums, counts) == pytest.approx(whole, rel=1e-5)
    assert sum(s / c for s, c in zip(sums, counts)) / 2 != pytest.approx(whole, rel=1e-3)


def test_an_update_below_half_the_way_to_the_next_level_is_rounded_away(notebook, quantised):
    """What the page says happens in merging into four bits."""
    before = notebook["stored"](quantised.weight)
    scales = quantised.weight.quant_state.absmax.repeat_interleave(64).view(64, 128)
    table = bnb.functional.get_4bit_type("nf4", device="cpu")
    nearest = (table[1:] - table[:-1]).min().item() / 2
    inside = before.abs() < 0.99 * scales  # the largest weight sets the scale, and stays as it is
    update = torch.where(inside, 0.9 * nearest * scales, 0.0)
    again = bnb.functional.quantize_4bit(before + update, quant_type="nf4")
    torch.testing.assert_close(bnb.functional.dequantize_4bit(*again), before, rtol=1e-4, atol=1e-4)


def test_the_check_that_the_page_shows_found_no_problem():
    outcome = json.loads((root() / "data" / "measured" / "llama_factory.json").read_text(encoding="utf-8"))
    assert outcome["problems"] == [] and outcome["llamafactory"] == "0.9.5"
    assert outcome["examples"] > 0 and outcome["tokens"] > 100 * outcome["examples"]


def test_the_comparison_that_the_page_shows_is_of_equal_trainings():
    record = json.loads((root() / "data" / "measured" / "finetune_trl.json").read_text(encoding="utf-8"))
    ours, theirs = record["rows"]
    assert (ours["trainer"], theirs["trainer"]) == ("course", "trl")
    assert ours["losses"] == pytest.approx(theirs["losses"], rel=1e-3)
    assert len(ours["losses"]) == record["steps"] and {"device", "versions", "command", "date"} <= record.keys()
    assert ours["step_seconds"] <= theirs["step_seconds"]  # design, section 8


def test_the_settings_that_the_page_points_at_are_written():
    """ "Three lines are there because leaving them out trains something else": LLaMA-Factory's names for them."""
    prose = " ".join(c.source for c in nbformat.read(NOTEBOOK, as_version=4).cells if c.cell_type == "markdown")
    from helpers.finetune import exports
    from helpers.finetune.config import Config
    from helpers.profiles import spec

    config = Config()
    written = exports._llama_factory(config, spec(config.base, config.profile), "x", None, root())
    for name in ("cutoff_len", "template", "freeze_vision_tower"):
        assert f"`{name}`" in prose and name in written
