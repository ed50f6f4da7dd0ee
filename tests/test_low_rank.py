"""What "Low rank" writes out, against PEFT, against the singular value decomposition and against real optimizers."""

from __future__ import annotations

import copy

import bitsandbytes as bnb
import pytest
import torch
from page import define

from helpers import models
from helpers.finetune import configurations, memory
from helpers.profiles import root

NOTEBOOK = root() / "notebooks" / "04_finetuning" / "02_low_rank.ipynb"
NAMES = {"LoRALinear", "best_possible", "imitate", "known_words", "share_of_largest", "adapt", "sizes_at", "held",
         "trained_numbers", "smallest_rank"}  # fmt: skip


@pytest.fixture(scope="module")
def page():
    """The notebook's functions and its class by name, over the nano Qwen3-VL. Of an exercise, the solution."""
    import peft  # after helpers, which make torchvision importable

    model, processor, _ = models.load("qwen3_vl")
    names = {"torch": torch, "copy": copy, "memory": memory, "model": model, "processor": processor, "seed": 0}
    names |= {"LoraConfig": peft.LoraConfig, "get_peft_model": peft.get_peft_model, "height": 48, "width": 64}
    return define(NOTEBOOK, NAMES, names)


def pair(page, rank, alpha):
    """The page's layer and PEFT's over the same weights, with the same adapters as if they had been trained."""
    torch.manual_seed(rank)
    layer = torch.nn.Linear(64, 48)
    ours = page["LoRALinear"](copy.deepcopy(layer), rank, alpha)
    config = page["LoraConfig"](r=rank, lora_alpha=alpha, target_modules=["0"])
    wrapped = page["get_peft_model"](torch.nn.Sequential(layer), config)
    theirs = wrapped.base_model.model[0]
    with torch.no_grad():
        ours.B.normal_(std=0.1)
        theirs.lora_A["default"].weight.copy_(ours.A)
        theirs.lora_B["default"].weight.copy_(ours.B)
    return ours, theirs, wrapped


@pytest.mark.parametrize("rank, alpha", [(1, 1), (4, 16), (16, 8), (64, 128)])
def test_outputs_gradients_and_merged_weights_are_pefts(page, rank, alpha):
    ours, theirs, wrapped = pair(page, rank, alpha)
    x, wanted = torch.randn(7, 64), torch.randn(7, 48)
    torch.testing.assert_close(ours(x), theirs(x))
    for layer in (ours, theirs):
        (layer(x) - wanted).square().sum().backward()
    torch.testing.assert_close(ours.A.grad, theirs.lora_A["default"].weight.grad, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(ours.B.grad, theirs.lora_B["default"].weight.grad, rtol=1e-4, atol=1e-4)
    assert all(p.grad is None for p in ours.base.parameters())
    merged = ours.base.weight + ours.scale * ours.B @ ours.A
    torch.testing.assert_close(merged, wrapped.merge_and_unload()[0].weight)


def test_it_begins_as_pefts_does(page):
    torch.manual_seed(3)
    layer = torch.nn.Linear(640, 480)
    ours = page["LoRALinear"](layer, 64, 64)
    theirs = page["get_peft_model"](
        torch.nn.Sequential(copy.deepcopy(layer)), page["LoraConfig"](r=64, target_modules=["0"])
    )
    weight = theirs.base_model.model[0].lora_A["default"].weight
    assert ours.B.abs().max() == 0
    for statistic in (torch.std, torch.amax, torch.amin):
        assert statistic(ours.A.detach()).item() == pytest.approx(statistic(weight.detach()).item(), rel=0.05)


@pytest.mark.parametrize("rank", [1, 3, 8])
def test_training_reaches_the_best_approximation_and_none_is_better(page, rank):
    torch.manual_seed(rank)
    change = torch.randn(48, 64)
    change /= change.norm()
    u, s, v = torch.linalg.svd(change)
    cut = (change - u[:, :rank] @ torch.diag(s[:rank]) @ v[:rank]).square().sum().item()
    bound = page["best_possible"](change, rank)
    assert bound == pytest.approx(cut, abs=1e-5)
    assert bound - 1e-5 <= page["imitate"](change, rank) <= bound + 0.05


def test_the_share_of_the_largest_singular_values(page):
    assert page["share_of_largest"](torch.diag(torch.tensor([3.0, 4.0, 0.0])), 1) == pytest.approx(16 / 25)
    assert page["share_of_largest"](torch.eye(10), 8) == pytest.approx(0.8)


def test_words_of_the_code_book_are_told_apart(page):
    words = ["red", "blue", "green", "circle", "square", "triangle", "star", "left", "right", "large", "small"]
    chosen = page["known_words"]([*words, "red", "haemorrhage-like"])
    assert len(set(chosen.tolist())) == len(chosen) >= 8
    table = page["model"].get_input_embeddings().weight.detach()[chosen]
    table = table / table.norm(dim=1, keepdim=True)
    assert ((table @ table.T) - torch.eye(len(chosen))).max() < 0.8


@pytest.mark.parametrize("targets", ["all-linear", ["q_proj", "v_proj"]])
def test_adapters_are_in_the_language_model_only_and_as_many_as_counted(page, targets):
    before = {name: tensor.clone() for name, tensor in page["model"].state_dict().items()}
    adapted = page["adapt"](4, 8, targets)
    trained = {name: p for name, p in adapted.named_parameters() if p.requires_grad}
    assert trained and all("language_model" in name and "lora_" in name for name in trained)
    shapes = [
        (layer.out_features, layer.in_features)
        for name, layer in memory.linear_layers(page["model"])
        if "language_model" in name and (targets == "all-linear" or name.rpartition(".")[2] in targets)
    ]
    assert sum(p.numel() for p in trained.values()) == page["trained_numbers"](4, shapes)
    assert all(torch.equal(tensor, before[name]) for name, tensor in page["model"].state_dict().items())


@pytest.mark.parametrize("rank", [1, 16])
def test_sizes_written_out_are_the_calculators(page, rank):
    real = configurations.build("Qwen/Qwen3-VL-8B-Thinking")
    assert page["sizes_at"](real, rank) == memory.lora_sizes(real, rank)
    assert min(memory.lora_sizes(real, 16)) >= memory.SMALLEST_8BIT  # the page says that none is left in 32 bits


@pytest.mark.parametrize("make, kind", [(torch.optim.AdamW, "adamw"), (bnb.optim.AdamW8bit, "adamw_8bit")])
def test_what_an_optimizer_holds_is_counted_once(page, make, kind):
    parameters = [torch.nn.Parameter(torch.randn(n)) for n in (5000, 8192, 100)]
    optimizer = make(parameters, lr=1e-3)
    for parameter in parameters:
        parameter.grad = torch.randn_like(parameter)
    optimizer.step()
    assert page["held"](optimizer) == memory.optimizer_bytes([5000, 8192, 100], kind)


def test_the_smallest_rank_is_the_smallest_that_is_enough(page):
    values = torch.linalg.svdvals(torch.randn(30, 20)).tolist()
    for share in (0.1, 0.5, 0.9, 0.999):
        rank = page["smallest_rank"](values, share)
        squares = [value**2 for value in values]
        assert sum(squares[:rank]) >= share * sum(squares) > sum(squares[: rank - 1])
