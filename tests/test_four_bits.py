"""What "Four bits" writes out, against bitsandbytes and against the memory calculator, on weights of every kind."""

from __future__ import annotations

import contextlib
import copy

import bitsandbytes as bnb
import pytest
import torch
from page import define

from helpers import models
from helpers.finetune import memory
from helpers.profiles import root

NOTEBOOK = root() / "notebooks" / "04_finetuning" / "01_four_bits.ipynb"
FUNCTIONS = {"count", "normal_float", "quantise", "dequantise", "pack", "error", "bits", "four_bit", "rounded"}


@pytest.fixture(scope="module")
def page():
    """The notebook's functions by name, over the nano Qwen3-VL."""
    model, _, _ = models.load("qwen3_vl")
    names = {"torch": torch, "bnb": bnb, "contextmanager": contextlib.contextmanager, "model": model}
    return define(NOTEBOOK, FUNCTIONS | {"NF4"}, names)


@pytest.fixture(params=["normal", "uniform", "outlier", "zero block", "tiny"])
def weight(request):
    """Weights that are easy, and weights that are not."""
    torch.manual_seed(0)
    weight = torch.randn(128, 192)
    if request.param == "uniform":
        weight = torch.rand(128, 192) - 0.5
    elif request.param == "outlier":
        weight[5, 7] = 1000.0
    elif request.param == "zero block":
        weight.view(-1, 64)[3] = 0.0
    return weight * 1e-6 if request.param == "tiny" else weight


def test_the_levels_are_bitsandbytes(page):
    theirs = bnb.functional.get_4bit_type("nf4", device="cpu")
    torch.testing.assert_close(page["NF4"], theirs, atol=1e-6, rtol=0)
    assert page["NF4"][7] == 0 and page["NF4"].abs().max() == 1


@pytest.mark.parametrize("block", [32, 64])  # rows of 192: bitsandbytes' CPU code misreads blocks that cross rows
def test_blocks_and_bytes_are_bitsandbytes(page, weight, block):
    codes, scales = page["quantise"](weight, block=block)
    packed, state = bnb.functional.quantize_4bit(weight, blocksize=block, quant_type="nf4")
    assert (page["pack"](codes) == packed.flatten()).float().mean() > 0.999
    nonzero = scales.flatten() > 1e-30  # bitsandbytes and the page note a block of zeros differently
    torch.testing.assert_close(scales.flatten()[nonzero], state.absmax[nonzero], rtol=1e-6, atol=0)
    restored = page["dequantise"](codes, scales).reshape(weight.shape)
    theirs = bnb.functional.dequantize_4bit(packed, state)
    widest = 0.31 * scales.max().item()  # a byte may differ where a weight lies between two levels
    assert (restored - theirs).abs().max() <= widest
    assert (restored - theirs).abs().mean() < 1e-4 * weight.abs().mean()


def test_each_value_goes_to_its_nearest_level(page, weight):
    codes, scales = page["quantise"](weight)
    blocks = weight.reshape(-1, 64)
    distance = (blocks[..., None] / scales[..., None] - page["NF4"]).abs()
    chosen = distance.gather(2, codes[..., None]).squeeze(2)
    assert (chosen - distance.amin(2)).max() < 1e-5


def test_packing_loses_nothing(page):
    codes = torch.randint(0, 16, (7, 64))
    packed = page["pack"](codes)
    assert packed.dtype == torch.uint8 and len(packed) == codes.numel() // 2
    assert torch.equal(torch.stack([packed >> 4, packed & 15], 1).flatten().long(), codes.flatten())


def test_bits_per_weight_are_those_that_are_stored(page):
    n = 64 * 256 * 32
    stored = 8 * memory.nf4_bytes(n) / n
    assert page["bits"]() == pytest.approx(stored, rel=0.01)
    assert 8 * memory.nf4_bytes(n, double_quant=False) / n == pytest.approx(4.5, rel=0.01)


def test_a_four_bit_layer_is_close_to_its_original_and_holds_a_byte_for_two_weights(page):
    layer = torch.nn.Linear(192, 128)
    quantised = page["four_bit"](copy.deepcopy(layer))
    assert quantised.weight.numel() == layer.weight.numel() // 2 and quantised.weight.dtype == torch.uint8
    inputs = torch.randn(50, 192)
    with torch.no_grad():
        off = quantised(inputs) - layer(inputs)
    assert 0 < off.std() < 0.2 * layer(inputs).std()


def test_counting_leaves_the_head_out_and_counts_all(page):
    linear, other = page["count"](page["model"])
    assert linear == sum(layer.weight.numel() for _, layer in memory.linear_layers(page["model"]))
    assert linear + other == sum(p.numel() for p in page["model"].parameters())


def test_rounded_weights_come_back_exactly(page):
    layers = [name for name, _ in memory.linear_layers(page["model"])]
    before = {name: tensor.clone() for name, tensor in page["model"].state_dict().items()}
    with torch.no_grad(), page["rounded"](layers[:3]):
        changed = [name for name, tensor in page["model"].state_dict().items() if not torch.equal(tensor, before[name])]
        assert changed == [f"{name}.weight" for name in layers[:3]]
        assert page["error"](page["model"].get_submodule(layers[0]).weight) < 1e-5  # rounded already
    assert all(torch.equal(tensor, before[name]) for name, tensor in page["model"].state_dict().items())
