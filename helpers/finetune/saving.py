"""An adapter's folder: PEFT's files, the processor, ``course.json`` and a model card, written whole or not at all."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from ..files import ADVICE, DiskFull, disk_full_is_an_answer
from ..profiles import ModelSpec
from ..records import device_name, versions
from .adapt import RECORD, base_facts, base_name
from .config import PATHS, WORLDS, Config

NOT_FOR_USE = {
    "phantoms": "It was trained on drawings in the manner of head CT. It must not be used for diagnosis, for triage, "
    "for training or testing a medical device, or as evidence that a method works on patients.",
    "faces": "It was trained on schematic drawings of faces. What a face shows is not what a person feels: it must not "
    "be used to judge people.",
}  # fmt: skip


@contextlib.contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A folder to write into; it takes the place of ``target`` when everything is written, and is removed otherwise.

    Raises DiskFull.
    """
    partial, old = target.with_name(f".{target.name}.partial"), target.with_name(f".{target.name}.old")
    with full_disk(target):
        for leftover in (partial, old):
            shutil.rmtree(leftover, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            yield partial
            if target.exists():
                os.replace(target, old)
            os.replace(partial, target)
            shutil.rmtree(old, ignore_errors=True)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise


@contextlib.contextmanager
def full_disk(where: Path) -> Iterator[None]:
    """DiskFull for what the operating system, safetensors and torch say when there is no room left."""
    try:
        with disk_full_is_an_answer(where):
            yield
    except DiskFull:
        raise
    except Exception as error:
        said = str(error).lower()
        signs = ("no space left", "os error 28", "os error 122", "quota exceeded", "pytorchstreamwriter failed writing")
        if not any(sign in said for sign in signs):
            raise
        raise DiskFull(f"The disk is full: {where} could not be written. {ADVICE}") from error


def record_of(config: Config, chosen: ModelSpec, facts: dict) -> dict:
    """What ``course.json`` says: the base, the settings without folders of this machine, and how training went."""
    settings = dataclasses.asdict(config)
    for name in PATHS:
        if settings[name] not in (None, *WORLDS):
            settings[name] = Path(settings[name]).name
    settings["roots"] = None
    return {
        "base": base_facts(chosen), "four_bit": config.four_bit, "double_quant": config.double_quant,
        "settings": settings, **facts, "date": datetime.date.today().isoformat(), "device": device_name(),
        "versions": dict(versions()),
    }  # fmt: skip


def save_adapter(model, processor, chosen: ModelSpec, record: dict, target: Path, weights: dict | None = None) -> Path:
    """Write the adapter's folder, whole or not at all; the model's own weights unless given. Raises DiskFull."""
    for settings in model.peft_config.values():
        settings.base_model_name_or_path = base_name(chosen)
        settings.revision = chosen.revision
    with whole_folder(target) as folder:
        # With save_embedding_layers peft would look the base up on the hub.
        model.save_pretrained(folder, state_dict=weights, save_embedding_layers=False)
        processor.save_pretrained(folder)
        (folder / RECORD).write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        (folder / "README.md").write_text(card(record, chosen), encoding="utf-8")
    return target


def card(record: dict, chosen: ModelSpec) -> str:
    """The model card: what it is, what it was trained on and how, and what it must not be used for."""
    settings = record["settings"]
    trained, total = record["trainable"], record["parameters"]
    data = settings["train"]
    what = f"the drawn {data} of the course *Hands-On Multimodal LLMs*" if data in WORLDS else f"`{data}`"
    stored = "NF4" + (" with double quantisation" if record["double_quant"] else "") if record["four_bit"] else "full"
    licence = chosen.licence if chosen.licence.lower() == "apache-2.0" else "other"
    lines = [
        "---", f"license: {licence.lower()}", "library_name: peft", f"base_model: {base_name(chosen)}",
        "pipeline_tag: image-text-to-text", "---", "", f"# An adapter for {chosen.id}", "",
        f"LoRA on {chosen.label}, trained on {record['examples']:,} examples of {what}"
        f" for {record['steps']:,} steps of {record['step_examples']}.",
        NOT_FOR_USE.get(data, "It has been tested on nothing but what the table below names."), "",
        "| | |", "| --- | --- |",
        f"| base | {chosen.id}, {f'revision {chosen.revision}' if chosen.revision else f'sha256 {chosen.sha256}'} |",
        f"| base stored in | {stored} |",
        f"| LoRA | rank {settings['rank']}, alpha {settings['alpha']}, on {settings['targets']}; "
        f"towers: {settings['vision']} |",
        f"| trained parameters | {trained:,} of {total:,} ({trained / total:.1%}) |",
        f"| loss | {record['first_loss']:.3f} at the first steps, {record['last_loss']:.3f} at the last |",
        f"| took | {record['seconds']:.0f} s on {record['device']}, {record['date']} |",
        f"| licence of the base | {chosen.licence or 'not verified'} |",
        *(f"| held out: {name} | {value} |" for name, value in record.get("scores", {}).items()), "",
        "Load it with `helpers.finetune.adapt.load_adapter(folder)`, or anywhere with",
        "`peft.PeftModel.from_pretrained(base, folder)`. All settings are in `course.json`.", "",
    ]  # fmt: skip
    return "\n".join(lines)
