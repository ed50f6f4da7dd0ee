"""Training: the loss, the order, the log, a kill and its resumption, several processes, a full disk."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from courses import ROOT, clean_environment
from tuning import SMALL, adapted, config, examples

from helpers.errors import CourseError
from helpers.files import DiskFull, InUse, locked
from helpers.finetune import adapt
from helpers.finetune.collate import Collator
from helpers.finetune.order import order, weights
from helpers.finetune.refusals import Refused
from helpers.finetune.train import data_hash, finetune, last_checkpoint


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return finetune(config(tmp_path_factory.mktemp("run") / "a"), examples())


# the order


def test_every_epoch_shows_every_example_once():
    seen = order(10, 35, seed=3)
    assert all(sorted(seen[i : i + 10]) == list(range(10)) for i in (0, 10, 20)) and len(seen) == 35
    assert seen[:10] != seen[10:20] and seen == order(10, 35, seed=3) != order(10, 35, seed=4)


def test_a_longer_training_begins_like_a_shorter_one():
    assert order(7, 30, 0)[:20] == order(7, 20, 0)


def test_balanced_sampling_shows_every_class_equally_often():
    labels = ["common"] * 90 + ["rare"] * 8 + [None] * 2
    seen = Counter(labels[i] for i in order(100, 300, 0, labels))
    assert seen == {"common": 100, "rare": 100, None: 100}
    rare = Counter(i for i in order(100, 300, 0, labels) if labels[i] == "rare")
    assert len(rare) == 8 and max(rare.values()) - min(rare.values()) <= 1


def test_balanced_weights_give_every_class_the_same_sum():
    some = [replace(examples()[0], label=label) for label in "aaab"]
    found = weights(some, "balanced")
    assert sum(found) == pytest.approx(4) and sum(found[:3]) == pytest.approx(found[3])
    assert weights(some, {"a": 1, "b": 3}) == pytest.approx([2 / 3] * 3 + [2])
    assert weights(some, None) is None


@pytest.mark.parametrize("wanted, label, says", [
    ("balanced", None, "4 examples have no label"), ({"b": 1}, "a", "no weight for: a"), ({"a": 0}, "a", "all 0"),
])  # fmt: skip
def test_weights_that_do_not_fit_are_named(wanted, label, says):
    with pytest.raises(CourseError, match=says):
        weights([replace(examples()[0], label=label)] * 4, wanted)


# the loss


def trainer_of(tmp_path, **changes):
    """A Trainer as ``finetune`` makes it, with its data."""
    from helpers.finetune import train

    settings = config(tmp_path, **changes)
    model, processor = adapted()
    collator = Collator(processor)
    arguments = train._arguments(settings, examples())
    return train._trainer(settings, list(examples()), model, collator, arguments, (), None), model, collator


def test_the_loss_is_the_models_own(tmp_path):
    """The head on some positions alone changes neither loss nor gradients."""
    trainer, model, collator = trainer_of(tmp_path)
    batch = collator(list(examples()[:4]))
    model.train()
    grads = []
    for loss in (trainer.compute_loss(model, batch), model(**batch).loss):
        model.zero_grad()
        loss.backward()
        grads.append({n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None})
    assert trainer.keeps and grads[0].keys() == grads[1].keys()
    torch.testing.assert_close(trainer.compute_loss(model, batch), model(**batch).loss)
    for name, grad in grads[0].items():
        torch.testing.assert_close(grad, grads[1][name], atol=1e-5, rtol=1e-3)


def test_a_process_that_sees_several_gpus_trains_on_one(tmp_path, monkeypatch):
    from transformers import TrainingArguments

    from helpers.finetune import train

    made = TrainingArguments.__post_init__

    def with_two(self):
        made(self)
        self._n_gpu = 2

    monkeypatch.setattr(TrainingArguments, "__post_init__", with_two)
    assert train._arguments(config(tmp_path), examples()).n_gpu == 1


def test_a_start_that_is_refused_leaves_the_last_run_alone(tmp_path):
    settings = config(tmp_path, steps=1)
    done = finetune(settings, examples())
    with pytest.raises(Refused):
        finetune(settings.replace(max_length=5), examples())
    assert adapt.read_record(done.adapter) == done.record and (tmp_path / "log.jsonl").is_file()


def test_preflight_knows_that_activations_are_computed_twice(tmp_path, monkeypatch):
    from helpers.finetune import preflight

    seen, check = [], preflight.training_bytes

    def watched(model, *args, **settings):
        seen.append(model.is_activation_checkpointing)
        return check(model, *args, **settings)

    monkeypatch.setattr(preflight, "training_bytes", watched)
    finetune(config(tmp_path, steps=1, checkpointing=True), examples())
    assert seen == [True]


def test_a_weight_multiplies_its_examples_loss(tmp_path):
    trainer, model, collator = trainer_of(tmp_path)
    one, other = (collator([e]) for e in examples()[:2])
    alone = [trainer.compute_loss(model, b, num_items_in_batch=1) for b in (one, other)]
    both = collator(list(examples()[:2])) | {"weights": torch.tensor([3.0, 0.5])}
    torch.testing.assert_close(trainer.compute_loss(model, both, num_items_in_batch=1), 3 * alone[0] + 0.5 * alone[1])


# a run


def test_a_run_leaves_its_log_and_its_adapter(run):
    rows = [json.loads(line) for line in (run.config.folder / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == list(range(1, SMALL["steps"] + 1)) and rows == run.log
    assert run.losses[-1] < run.losses[0] and all(row["seconds"] > 0 for row in rows)
    assert {path.name for path in run.config.folder.iterdir()} == {"log.jsonl", "run.json", "adapter", ".lock"}
    assert run.preflight.samples == 20 and run.record["trainable"] == run.preflight.trainable
    assert not run.model.training


def test_the_adapter_on_disk_is_the_model(run):
    loaded, processor, _ = adapt.load_adapter(run.adapter)
    batch = Collator(processor)(list(examples()[:2]))
    with adapt.inference(run.model), adapt.inference(loaded):
        torch.testing.assert_close(loaded(**batch).loss, run.model(**batch).loss)


def test_the_card_says_what_is_true(run):
    card = (run.adapter / "README.md").read_text()
    assert "20 examples" in card and "6 steps" in card and "must not be used for diagnosis" in card
    assert f"{run.record['trainable']:,} of {run.record['parameters']:,}" in card and "nano" in card
    record = json.loads((run.adapter / "course.json").read_text())
    assert record == run.record and record["data"] == data_hash(examples()) and "torch" in record["versions"]


def test_the_same_seed_gives_the_same_curve(run, tmp_path):
    assert finetune(config(tmp_path), examples()).losses == run.losses


def test_accumulated_batches_are_one_large_batch(run, tmp_path):
    two = finetune(config(tmp_path, batch_size=2, accumulate=2), examples())
    assert two.losses == pytest.approx(run.losses, rel=1e-3)


@pytest.mark.parametrize("changes", [
    {"optimizer": "paged_adamw_8bit"}, {"optimizer": "adamw_8bit"}, {"vision": "freeze"}, {"checkpointing": True},
    {"class_weights": "balanced", "sampling": "balanced"},
])  # fmt: skip
def test_other_settings_train_too(tmp_path, changes):
    found = finetune(config(tmp_path, steps=3, batch_size=6, learning_rate=5e-3, **changes), examples()[:6])
    assert len(found.losses) == 3 and found.losses[-1] < found.losses[0]


def test_omni_is_trained_on_faces_and_voices(tmp_path):
    from omni import build_omni, load_omni_processor

    from helpers.finetune.data import face_examples

    processor = load_omni_processor()
    settings = config(tmp_path, base="qwen2_5_omni", train="faces", class_weights="balanced", sampling="balanced")
    some = face_examples("train", 12, modality="both")
    found = finetune(settings, some, model=build_omni(processor), processor=processor)
    assert found.losses[-1] < found.losses[0]
    assert any("audio_tower" in name for name, p in found.model.named_parameters() if p.requires_grad)


def test_a_model_that_is_given_is_trained(tmp_path):
    model, processor = adapted()
    found = finetune(config(tmp_path, steps=1), examples()[:4], model=model, processor=processor)
    assert found.model is model


# resuming

KILLED = """
import os, signal, sys
sys.path[:0] = {paths!r}
import helpers
import torch
from transformers import TrainerCallback
from tuning import config, examples
from helpers.finetune.train import finetune
from pathlib import Path

torch.set_num_threads({threads})

class Kill(TrainerCallback):
    def on_step_end(self, args, state, control, **_):
        if state.global_step == 5:
            os.kill(os.getpid(), signal.SIGKILL)

finetune(config(Path({folder!r})), examples(), callbacks=[Kill()])
"""


def test_a_killed_run_goes_on_on_the_same_curve(run, tmp_path):
    """Killed in step 5, after the checkpoint of step 4: what a resumed run computes is equal to the last digit.

    Sums are rounded otherwise by other numbers of threads, and an earlier test may have set this process's.
    """
    paths = [str(ROOT), str(ROOT / "tests" / "finetune")]
    program = KILLED.format(threads=torch.get_num_threads(), paths=paths, folder=str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", program], env=clean_environment(ROOT), capture_output=True, timeout=300
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]
    checkpoint = last_checkpoint(tmp_path / "checkpoints")
    assert checkpoint.name == "checkpoint-4" and not (tmp_path / "adapter").exists()
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) >= 4
    half = tmp_path / "checkpoints" / "checkpoint-5"  # as if the kill had come while one was written
    half.mkdir()
    (half / "trainer_state.json").write_text('{"global_st')
    resumed = finetune(config(tmp_path), examples(), resume=True)
    assert resumed.losses == run.losses
    torch.testing.assert_close(_lora(resumed.model), _lora(run.model), rtol=0, atol=0)


def _lora(model) -> dict:
    return {name: p.detach() for name, p in model.named_parameters() if "lora_" in name}


def interrupted(folder: Path, **changes) -> None:
    """A run that stops after step 3, as by Ctrl-C."""
    from transformers import TrainerCallback

    class Stop(TrainerCallback):
        def on_step_end(self, args, state, control, **_):
            if state.global_step == 3:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finetune(config(folder, **changes), examples(), callbacks=[Stop()])


def test_nothing_else_is_resumed(tmp_path):
    interrupted(tmp_path)
    with pytest.raises(CourseError, match=r"began with other learning_rate \(0.002 → 0.1\)"):
        finetune(config(tmp_path, learning_rate=0.1), examples(), resume=True)
    with pytest.raises(CourseError, match="began with other data"):
        finetune(config(tmp_path), examples()[:-1], resume=True)


def test_within_one_process_a_resumed_run_is_equal_to_the_last_digit(run, tmp_path):
    interrupted(tmp_path)
    assert finetune(config(tmp_path), examples(), resume=True).losses == run.losses


def test_two_trainings_cannot_write_into_one_folder(tmp_path):
    with locked(tmp_path, "output"), pytest.raises(InUse, match=r"Another run is writing to .*\(output\)"):
        finetune(config(tmp_path), examples())
    assert not (tmp_path / "log.jsonl").exists()


def test_a_finished_run_is_not_resumed(run):
    with pytest.raises(CourseError, match="is finished. Its adapter"):
        finetune(run.config, examples(), resume=True)


def test_without_a_checkpoint_a_resumed_run_begins_at_the_start(run, tmp_path):
    resumed = finetune(config(tmp_path), examples(), resume=True)
    assert resumed.losses == run.losses


# several processes


def test_two_processes_train_as_one(tmp_path):
    """``accelerate launch`` with two processes of two examples each: the curve of one process with four."""
    from helpers.finetune import formats

    some = list(examples())
    for example in some:
        os.link(example.images[0], tmp_path / Path(example.images[0]).name)
    some = [replace(e, images=[str(tmp_path / Path(e.images[0]).name)]) for e in some]
    formats.write(some, tmp_path / "train.json", formats.MESSAGES, root=tmp_path)
    settings = {**SMALL, "steps": 3, "batch_size": 2, "train": "train.json", "output": "two"}
    (tmp_path / "config.yaml").write_text(json.dumps(settings))  # JSON is YAML
    command = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2",
               "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0",
               "-m", "helpers.finetune", str(tmp_path / "config.yaml")]  # fmt: skip
    done = subprocess.run(
        command, cwd=tmp_path, env=clean_environment(ROOT), capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("Adapter:") == 1
    record = json.loads((tmp_path / "two" / "adapter" / "course.json").read_text())
    assert record["processes"] == 2 and record["step_examples"] == 4
    one = finetune(config(tmp_path / "one", steps=3), some)
    two = [json.loads(line)["loss"] for line in (tmp_path / "two" / "log.jsonl").read_text().splitlines()]
    assert two == pytest.approx(one.losses, rel=1e-3)


# a full disk


@pytest.mark.parametrize("fails", ["checkpoint", "adapter", "log"])
def test_a_full_disk_is_said_and_leaves_no_half_adapter(run, tmp_path, monkeypatch, fails):
    """The messages are those that torch, safetensors and the system gave on a full file system."""

    def full_torch(*_, **__):
        raise RuntimeError("[enforce fail at inline_container.cc:672] . PytorchStreamWriter failed writing file data/0")

    def full_safetensors(*_, **__):
        raise RuntimeError("I/O error: No space left on device (os error 28)")

    if fails == "checkpoint":
        monkeypatch.setattr(torch, "save", full_torch)
    elif fails == "adapter":
        monkeypatch.setattr("peft.peft_model.PeftModel.save_pretrained", full_safetensors)
    settings = config(tmp_path, steps=2, save_steps=2 if fails == "checkpoint" else 50)
    if fails == "log":
        monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
        (tmp_path / "log.jsonl").symlink_to("/dev/full")
    with pytest.raises(DiskFull, match="The disk is full: .*make clean"):
        finetune(settings, examples())
    assert not (tmp_path / "adapter").exists() and not list(tmp_path.glob(".adapter*"))


def test_an_old_adapter_survives_a_failed_save(run, tmp_path, monkeypatch):
    from helpers.finetune.saving import save_adapter

    target = tmp_path / "adapter"
    save_adapter(run.model, run.processor, run.spec, run.record, target)
    before = {path.name: path.read_bytes() for path in target.iterdir()}
    monkeypatch.setattr(type(run.processor), "save_pretrained", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(DiskFull):
        save_adapter(run.model, run.processor, run.spec, run.record, target)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]


def test_the_record_of_settings_is_whole(run):
    names = {each.name for each in dataclasses.fields(run.config)}
    assert set(run.record["settings"]) == names
