"""What is written for LLaMA-Factory and TRL: the same examples, the same settings, and no path of this machine.

Whether LLaMA-Factory takes it is asked by ``tests/external/check_llama_factory.py``.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from PIL import Image
from tuning import examples

from helpers.errors import CourseError
from helpers.finetune import exports, formats
from helpers.finetune.config import Config
from helpers.finetune.data import phantom_examples
from helpers.finetune.train import data_hash

CONFIG = Config(rank=4, alpha=12, steps=50, warmup=0.1, learning_rate=3e-4, batch_size=8, accumulate=2, seed=3,
                optimizer="paged_adamw_8bit", scheduler="cosine", dropout=0.05, vision="freeze",
                save_steps=9)  # fmt: skip


def settings_of(config: Config, folder: Path, **options) -> dict:
    exported = exports.llama_factory(config, examples()[:4], folder, **options)
    return yaml.safe_load(exported.files["settings"].read_text(encoding="utf-8"))


# LLaMA-Factory


def test_the_same_examples_come_back(tmp_path):
    some = phantom_examples("train", 8, task="mixed", traces=True)
    exports.llama_factory(CONFIG, some, tmp_path)
    back, report = formats.read_dataset(tmp_path, "course_train", verify=True)
    assert data_hash(back) == data_hash(some) and not report.problems
    assert [e.meta for e in back] == [e.meta for e in some]


def test_the_folder_can_be_carried_elsewhere(tmp_path):
    import shutil

    exports.llama_factory(CONFIG, examples(), tmp_path / "here")
    moved = shutil.move(tmp_path / "here", tmp_path / "there")
    back, report = formats.read_dataset(moved, "course_train", verify=True)
    assert data_hash(back) == data_hash(examples()) and not report.problems
    for path in Path(moved).glob("*.*"):
        assert str(tmp_path) not in path.read_text(encoding="utf-8"), path.name


def test_every_setting_has_the_name_that_llama_factory_gives_it(tmp_path):
    found = settings_of(CONFIG, tmp_path)
    assert found | {
        "quantization_bit": 4, "quantization_method": "bnb", "quantization_type": "nf4", "double_quantization": True,
        "lora_rank": 4, "lora_alpha": 12, "lora_dropout": 0.05, "lora_target": "all", "freeze_vision_tower": True,
        "max_steps": 50, "warmup_steps": 5, "learning_rate": 3e-4, "per_device_train_batch_size": 8,
        "gradient_accumulation_steps": 2, "lr_scheduler_type": "cosine", "optim": "paged_adamw_8bit", "seed": 3,
        "save_steps": 9, "stage": "sft", "finetuning_type": "lora", "template": "qwen3_vl_nothink",
        "train_on_prompt": False, "dataset": "course_train", "disable_gradient_checkpointing": True, "bf16": False,
    } == found  # fmt: skip


def test_nothing_is_cut_unless_asked(tmp_path):
    assert settings_of(CONFIG, tmp_path)["cutoff_len"] > 10_000
    assert settings_of(CONFIG.replace(max_length=300), tmp_path)["cutoff_len"] == 300


def test_full_precision_and_named_layers(tmp_path):
    found = settings_of(Config(four_bit=False, targets=["q_proj", "v_proj"], vision="adapt"), tmp_path)
    assert not [name for name in found if "quantization" in name]
    assert found["lora_target"] == "q_proj,v_proj" and found["freeze_vision_tower"] is False


def test_the_processors_limits_of_a_picture_are_written(tmp_path):
    class Processor:
        class image_processor:
            size = {"shortest_edge": 1024, "longest_edge": 65536}

    found = settings_of(CONFIG, tmp_path, processor=Processor)
    assert (found["image_min_pixels"], found["image_max_pixels"]) == (1024, 65536)


def test_weights_are_named_as_they_can_be_found(tmp_path):
    found = settings_of(CONFIG, tmp_path)["model_name_or_path"]
    assert not Path(found).is_absolute() and (tmp_path / found / "model.safetensors").resolve().is_file()
    hub = settings_of(CONFIG.replace(profile="full"), tmp_path)
    assert hub["model_name_or_path"] == "Qwen/Qwen3-VL-8B-Thinking" and hub["bf16"] is True


def test_what_no_setting_carries_over_is_said(tmp_path):
    notes = exports.llama_factory(
        CONFIG.replace(class_weights="balanced", sampling="balanced"), examples()[:4], tmp_path
    ).notes
    assert any("class_weights" in note for note in notes) and any("sampling" in note for note in notes)
    assert any("towers are quantised" in note for note in notes)
    notes = exports.llama_factory(CONFIG.replace(four_bit=False), examples()[:4], tmp_path).notes
    assert not any("quantised" in note for note in notes)


def test_thoughts_are_treated_as_in_training(tmp_path):
    some = phantom_examples("train", 2, traces=True)
    exports.llama_factory(CONFIG.replace(thinking=False), some, tmp_path)
    back, _ = formats.read_dataset(tmp_path, "course_train")
    assert all("<think>" in e.messages[-1]["content"] for e in some)
    assert not any("think>" in e.messages[-1]["content"] for e in back)


def test_pictures_of_one_name_from_two_folders_stay_apart(tmp_path):
    some = []
    for folder, grey in (("a", 10), ("b", 200), ("c", 10)):
        (tmp_path / folder).mkdir()
        Image.new("L", (32, 32), grey).save(tmp_path / folder / "slice.png")
        some.append(replace(examples()[0], images=[str(tmp_path / folder / "slice.png")]))
    for _ in range(2):  # the second export finds the first one's pictures
        exports.llama_factory(CONFIG, some, tmp_path / "out")
        back, _ = formats.read_dataset(tmp_path / "out", "course_train")
        assert [Image.open(e.images[0]).getpixel((0, 0)) for e in back] == [10, 200, 10]
    assert len(list((tmp_path / "out" / "images").iterdir())) <= 3


def test_bad_requests(tmp_path):
    gone = replace(examples()[0], images=[str(tmp_path / "gone.png")])
    with pytest.raises(CourseError, match="is not there"):
        exports.llama_factory(CONFIG, [gone], tmp_path)
    with pytest.raises(CourseError, match="No template"):
        exports.llama_factory(CONFIG.replace(base="r1-s"), examples()[:2], tmp_path)
    with pytest.raises(CourseError, match="no examples"):
        exports.llama_factory(CONFIG, [], tmp_path)


# TRL


class Recorder(ModuleType):
    """A module whose names are callables that note how they are called."""

    def __init__(self, name: str, calls: dict) -> None:
        super().__init__(name)
        self.calls = calls

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        return Recorded(name, self.calls)


class Recorded:
    def __init__(self, name: str, calls: dict) -> None:
        self.name, self.calls = name, calls

    def __call__(self, *args, **options):
        self.calls[self.name] = (args, options)
        return Recorded(f"{self.name}()", self.calls)

    def __getattr__(self, name: str):
        return Recorded(f"{self.name}.{name}", self.calls)


def run_script(path: Path, monkeypatch) -> dict:
    """Run the script with recorders in place of the libraries: what was called with what."""
    calls: dict = {}
    for name in ("datasets", "peft", "transformers", "trl", "torch"):
        monkeypatch.setitem(sys.modules, name, Recorder(name, calls))
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), {})
    return calls


def test_the_script_trains_with_these_settings(tmp_path, monkeypatch):
    exported = exports.trl(CONFIG, examples()[:4], tmp_path)
    calls = run_script(exported.files["settings"], monkeypatch)
    lora, settings = calls["LoraConfig"][1], calls["SFTConfig"][1]
    assert (lora["r"], lora["lora_alpha"], lora["lora_dropout"]) == (4, 12, 0.05)
    assert lora["target_modules"] == "all-linear" and "visual" in lora["exclude_modules"]
    assert settings | {
        "max_steps": 50, "warmup_steps": 5, "learning_rate": 3e-4, "per_device_train_batch_size": 8, "seed": 3,
        "gradient_accumulation_steps": 2, "optim": "paged_adamw_8bit", "max_length": None, "completion_only_loss": True,
    } == settings  # fmt: skip
    bits = calls["BitsAndBytesConfig"][1]
    assert bits["bnb_4bit_quant_type"] == "nf4" and ".*visual" in bits["llm_int8_skip_modules"]
    assert calls["load_dataset"][1]["data_files"] == exported.files["data"].name
    assert "SFTTrainer().train" in calls


def test_full_precision_asks_for_no_quantisation(tmp_path, monkeypatch):
    exported = exports.trl(CONFIG.replace(four_bit=False, vision="adapt"), examples()[:2], tmp_path)
    calls = run_script(exported.files["settings"], monkeypatch)
    assert "BitsAndBytesConfig" not in calls
    assert calls["LoraConfig"][1]["exclude_modules"] is None
    assert calls["Qwen3VLForConditionalGeneration.from_pretrained"][1]["quantization_config"] is None


def test_only_the_answer_is_a_completion(tmp_path):
    some = phantom_examples("train", 5, task="mixed")
    exported = exports.trl(CONFIG, some, tmp_path)
    rows = [json.loads(line) for line in exported.files["data"].read_text(encoding="utf-8").splitlines()]
    for row, example in zip(rows, some, strict=True):
        assert row["prompt"] + row["completion"] == formats.to_conversation(example)
        assert [message["role"] for message in row["completion"]] == ["assistant"]
        assert [(tmp_path / name).read_bytes() for name in row["images"]] == [
            Path(p).read_bytes() for p in example.images
        ]


def test_trl_does_not_hear(tmp_path):
    turns = [{"role": "user", "content": "<audio>?"}, {"role": "assistant", "content": "Happy"}]
    sound = replace(examples()[0], images=[], audios=["a.wav"], messages=turns)
    with pytest.raises(CourseError, match="not sound"):
        exports.trl(CONFIG, [sound], tmp_path)
    with pytest.raises(CourseError, match="no examples"):
        exports.trl(CONFIG, [], tmp_path)
