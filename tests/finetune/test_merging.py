"""Merging: onto the trained weights it is the measured model, logit by logit; and what must not be written."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file
from tuning import config, examples

from helpers.errors import CourseError, UnknownName
from helpers.files import DiskFull
from helpers.finetune import merging
from helpers.finetune.adapt import WrongAdapter, load_adapter
from helpers.finetune.merging import compare, merge, unquantised
from helpers.finetune.train import finetune


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return finetune(config(tmp_path_factory.mktemp("run") / "a", steps=3, learning_rate=1e-2), examples())


@pytest.fixture(scope="module")
def merged(run, tmp_path_factory):
    return merge(run.adapter, tmp_path_factory.mktemp("merged") / "phantoms")


def plain(folder):
    """The folder as anybody loads it."""
    import transformers

    return transformers.AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()


def test_onto_the_trained_weights_it_is_the_measured_model(run, merged):
    model = plain(merged)
    found = compare(run.model, model, run.processor, examples())
    assert found.largest < 1e-3 and found.tokens_flipped == found.replies_flipped == 0
    assert not [name for name, _ in model.named_parameters() if "lora" in name]


def test_the_folder_is_an_ordinary_checkpoint(run, merged):
    settings = json.loads((merged / "config.json").read_text())
    assert "quantization_config" not in settings
    assert settings["architectures"] == ["Qwen3VLForConditionalGeneration"]
    names = {path.name for path in merged.iterdir()}
    assert {"model.safetensors", "tokenizer.json", "chat_template.jinja", "generation_config.json"} <= names
    assert "adapter_config.json" not in names
    record = json.loads((merged / "course.json").read_text())
    assert record == run.record | {"merged": {"onto": "trained", "dtype": "float32"}}
    card = (merged / "README.md").read_text()
    assert "whose scores were measured" in card and "must not be used for diagnosis" in card


def test_onto_the_original_weights_it_is_the_adapter_on_them_and_not_the_measured_model(run, merged, tmp_path):
    folder = merge(run.adapter, tmp_path / "original", "original")
    beside = load_adapter(run.adapter, four_bit=False).model
    model = plain(folder)
    assert compare(beside, model, run.processor, examples()).largest < 1e-3
    assert compare(run.model, model, run.processor, examples()).mean > 1e-2
    assert "measured anew" in (folder / "README.md").read_text()


def test_merging_into_four_bits_is_not_what_merge_does(run):
    """What the notebook warns of: rounding the sum again puts the update's own size into errors."""
    import bitsandbytes as bnb

    name = "model.language_model.layers.0.mlp.up_proj"
    layer = run.model.get_base_model().get_submodule(name)
    before = bnb.functional.dequantize_4bit(layer.base_layer.weight.data, layer.base_layer.weight.quant_state)
    update = layer.get_delta_weight("default").detach()
    with pytest.warns(UserWarning, match="rounding errors"):
        rounded = load_adapter(run.adapter).model.merge_and_unload().get_submodule(name).weight
    after = bnb.functional.dequantize_4bit(rounded.data, rounded.quant_state)
    assert (after - before - update).norm() > 0.5 * update.norm()
    kept = unquantised(run.adapter).model.merge_and_unload().get_submodule(name).weight
    torch.testing.assert_close(kept, before + update, rtol=1e-5, atol=1e-6)


def test_a_base_that_was_never_quantised_has_one_way(tmp_path):
    run = finetune(config(tmp_path / "full", steps=1, four_bit=False), examples()[:8])
    ways = [merge(run.adapter, tmp_path / onto, onto) for onto in merging.ONTO]
    for folder in ways:
        assert compare(run.model, plain(folder), run.processor, examples()[:8]).largest < 1e-3
        assert "whose scores were measured" in (folder / "README.md").read_text()


def test_sixteen_bits_take_half_the_room(run, merged, tmp_path):
    half = merge(run.adapter, tmp_path / "half", dtype="bfloat16")
    assert {value.dtype for value in load_file(half / "model.safetensors").values()} == {torch.bfloat16}
    sizes = [(folder / "model.safetensors").stat().st_size for folder in (half, merged)]
    assert sizes[0] == pytest.approx(sizes[1] / 2, rel=0.02)
    assert "bfloat16" in (half / "README.md").read_text()


def test_what_does_not_exist_is_refused_before_anything_is_written(run, tmp_path):
    with pytest.raises(UnknownName, match="Did you mean 'original'"):
        merge(run.adapter, tmp_path / "x", "orignal")
    with pytest.raises(UnknownName, match="bfloat16"):
        merge(run.adapter, tmp_path / "x", dtype="bf16")
    with pytest.raises(WrongAdapter, match="holds no adapter"):
        merge(tmp_path, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_the_adapter_is_not_replaced_by_what_is_made_of_it(run):
    for target in (run.adapter, run.adapter.parent, run.adapter.parent.parent):
        with pytest.raises(CourseError, match="holds the adapter"):
            merge(run.adapter, target)
    assert (run.adapter / "adapter_model.safetensors").is_file()


def test_a_folder_with_other_things_is_not_emptied(run, tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(CourseError, match="holds other files"):
        merge(run.adapter, tmp_path)
    assert (tmp_path / "precious.txt").read_text() == "mine"


def test_a_full_disk_leaves_what_was_there(run, merged, tmp_path, monkeypatch):
    target = shutil.copytree(merged, tmp_path / "merged")
    before = {path.name: path.read_bytes() for path in target.iterdir()}

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(run.processor), "save_pretrained", full)
    with pytest.raises(DiskFull, match="The disk is full"):
        merge(run.adapter, target)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["merged"]


def test_comparing_counts_tokens_and_replies(run):
    import copy

    same = compare(run.model, run.model, run.processor, examples()[:6])
    lengths = [len(run.processor.tokenizer(e.messages[-1]["content"]).input_ids) + 1 for e in examples()[:6]]
    assert (same.largest, same.mean, same.tokens_flipped) == (0, 0, 0)
    assert (same.tokens, same.replies) == (sum(lengths), 6)

    class Contrary(torch.nn.Module):
        """The same logits with the sign turned."""

        def __init__(self):
            super().__init__()
            self.model = copy.deepcopy(run.model)

        def forward(self, **inputs):
            found = self.model(**inputs)
            found.logits = -found.logits
            return found

    for batch_size in (2, 6):
        found = compare(run.model, Contrary(), run.processor, examples()[:6], batch_size)
        assert found.tokens_flipped == found.tokens == sum(lengths) and found.replies_flipped == 6
        assert found.row()["replies flipped"] == "6 of 6"
    with pytest.raises(CourseError, match="no examples"):
        compare(run.model, run.model, run.processor, [])
