"""The base in four bits, its adapters, and adapters that are loaded again."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from tuning import adapted, config, examples

from helpers.errors import CourseError, UnknownName
from helpers.finetune import adapt
from helpers.finetune.adapt import WrongAdapter, add_lora, load_adapter, load_base, trainable
from helpers.finetune.collate import Collator
from helpers.finetune.config import Config
from helpers.finetune.saving import record_of, save_adapter
from helpers.finetune.speed import patches_as_matrix
from helpers.profiles import spec

FACTS = {"examples": 3, "data": "", "steps": 1, "step_examples": 2, "trainable": 1, "parameters": 9, "first_loss": 1.0,
         "last_loss": 1.0, "seconds": 1.0}  # fmt: skip


def in_four_bits(model) -> set[str]:
    return {name for name, module in model.named_modules() if type(module).__name__ == "Linear4bit"}


@pytest.fixture(scope="module")
def base():
    return load_base(Config())


@pytest.fixture(scope="module")
def batch(base):
    return Collator(base.processor)(list(examples()[:3]))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """An adapter on disk, the model it was saved from, and its processor."""
    settings = config(tmp_path_factory.mktemp("run"))
    model, processor = adapted()
    record = record_of(settings, spec("qwen3_vl"), FACTS)
    return save_adapter(model, processor, spec("qwen3_vl"), record, settings.folder / "adapter"), model, processor


def test_the_language_model_is_in_four_bits_and_towers_and_head_are_not(base):
    quantised = in_four_bits(base.model)
    layers = base.model.config.text_config.num_hidden_layers
    assert len(quantised) == 7 * layers and all("language_model.layers" in name for name in quantised)
    weights = base.model.model.visual.blocks[0].mlp.linear_fc1.weight
    assert weights.dtype == torch.float32 and base.model.lm_head.weight.dtype == torch.float32


def test_double_quantisation_can_be_left_out():
    nested = {double: next(p for p in load_base(Config(double_quant=double)).model.parameters()
                           if hasattr(p, "quant_state")).quant_state.nested for double in (True, False)}  # fmt: skip
    assert nested == {True: True, False: False}


def test_without_four_bits_nothing_is_quantised():
    model, _, chosen = load_base(Config(four_bit=False))
    assert not in_four_bits(model) and sum(p.numel() for p in model.parameters()) == chosen.parameters


def test_an_unknown_base_is_named():
    with pytest.raises(UnknownName, match="qwen3_vl"):
        load_base(Config(base="qwen3-vl"))


def test_an_answer_in_eval_mode_does_not_stop_the_training(batch):
    """bitsandbytes would repack the layers here, and no gradient would come through."""
    model, _ = adapted()
    stock = {key: value for key, value in batch.items() if key != "labels"}
    with adapt.inference(model):
        asleep = model(**stock).logits
    assert model.training
    with torch.no_grad():
        awake = model(**stock).logits
    torch.testing.assert_close(asleep, awake)
    model(**batch).loss.backward()
    first = [p for name, p in model.named_parameters() if "layers.0.self_attn.q_proj.lora_B" in name]
    assert first[0].grad.abs().max() > 0


@pytest.mark.parametrize("vision, n_visual", [("adapt", True), ("freeze", False)])
def test_the_vision_tower_is_adapted_or_frozen(vision, n_visual):
    model, _ = adapted(vision=vision)
    names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    assert all("lora_" in name for name in names) and any("language_model" in name for name in names)
    assert any("visual" in name for name in names) == n_visual


def test_a_tower_without_files_gets_no_adapters(base):
    from helpers.finetune.baselines import text_only

    model = add_lora(load_base(Config()).model, Config(), text_only(examples()))
    assert not [name for name, _ in model.named_parameters() if "lora_" in name and "visual" in name]


def test_trainable_counts_parameters_not_bytes():
    model, _ = adapted(rank=4, targets=["q_proj"])
    text = model.config.text_config
    per_layer = 4 * (text.hidden_size + text.num_attention_heads * text.head_dim)
    lora = text.num_hidden_layers * per_layer
    assert trainable(model) == (lora, spec("qwen3_vl").parameters + lora)


def test_the_start_is_drawn_with_the_seed():
    a, b, c = (add_lora(load_base(Config()).model, Config(seed=seed)) for seed in (1, 1, 2))
    starts = [next(p for name, p in m.named_parameters() if "lora_A" in name) for m in (a, b, c)]
    assert torch.equal(starts[0], starts[1]) and not torch.equal(starts[0], starts[2])


def test_targets_that_do_not_exist_are_named(base):
    with pytest.raises(CourseError, match=r"no layer for targets=\['qproj'\]"):
        add_lora(load_base(Config()).model, Config(targets=["qproj"]))


def test_an_adapter_comes_back_as_it_was(saved, batch):
    folder, model, _ = saved
    loaded, _, chosen = load_adapter(folder)
    assert chosen.role == "qwen3_vl" and not loaded.training and trainable(loaded)[0] == 0
    stock = {key: value for key, value in batch.items() if key != "labels"}
    with adapt.inference(model), adapt.inference(loaded):
        torch.testing.assert_close(loaded(**stock).logits, model(**stock).logits)
        with loaded.disable_adapter():
            assert (loaded(**stock).logits - model(**stock).logits).abs().max() > 1e-3


def test_the_folder_names_its_base_and_no_folder_of_this_machine(saved):
    folder = saved[0]
    said = "".join(path.read_text() for path in folder.glob("*.json")) + (folder / "README.md").read_text()
    assert str(spec("qwen3_vl").path.parent) not in said and str(folder.parent) not in said
    assert json.loads((folder / "course.json").read_text())["base"]["sha256"] == spec("qwen3_vl").sha256
    assert json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"] == "data/models/qwen3_vl"


@pytest.mark.parametrize("changes, says", [
    ({"sha256": "0" * 64}, "sha256"), ({"id": "another"}, "trained on another"), ({"revision": "abc"}, "revision: abc"),
    ({"base": "qwen2_5_vl-l"}, "qwen2_5_vl-l"),
])  # fmt: skip
def test_an_adapter_of_another_base_is_refused(saved, tmp_path, changes, says):
    folder = shutil.copytree(saved[0], tmp_path / "adapter")
    record = json.loads((folder / "course.json").read_text())
    record["base"] |= changes
    (folder / "course.json").write_text(json.dumps(record))
    with pytest.raises(WrongAdapter, match=says):
        load_adapter(folder)


def test_an_adapter_is_not_put_on_another_profiles_base(saved):
    with pytest.raises(WrongAdapter, match="was trained on qwen3_vl .*not on Qwen/Qwen3-VL-2B-Instruct"):
        load_adapter(saved[0], "laptop")


@pytest.mark.parametrize("name", ["course.json", "adapter_config.json", "adapter_model.safetensors"])
def test_a_folder_without_an_adapter_is_refused(saved, tmp_path, name):
    folder = shutil.copytree(saved[0], tmp_path / "adapter")
    (folder / name).unlink()
    with pytest.raises(WrongAdapter, match=f"holds no adapter.*{name} is missing"):
        load_adapter(folder)


@pytest.mark.parametrize(
    "name, text", [("course.json", "{"), ("course.json", "{}"), ("adapter_model.safetensors", "x")]
)
def test_a_damaged_adapter_is_refused(saved, tmp_path, name, text):
    folder = shutil.copytree(saved[0], tmp_path / "adapter")
    (folder / name).write_text(text)
    with pytest.raises(WrongAdapter, match="damaged"):
        load_adapter(folder)


def test_patches_as_a_matrix_are_the_convolution():
    from transformers import AutoModelForImageTextToText

    model = AutoModelForImageTextToText.from_pretrained(spec("qwen3_vl").path, dtype=torch.float32)
    patches = torch.randn(8, 3 * 2 * 16 * 16)
    before = model.model.visual.patch_embed(patches)
    patches_as_matrix(model)
    assert "forward" in vars(model.model.visual.patch_embed)
    torch.testing.assert_close(model.model.visual.patch_embed(patches), before, atol=1e-4, rtol=1e-4)
