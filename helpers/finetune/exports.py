"""The same data and settings for other trainers: LLaMA-Factory and TRL. (For several processes: ``launching``.)

>>> print(llama_factory(config, train, "exported", processor=processor).notes)      # doctest: +SKIP
>>> trl(config, train, "exported")                                                   # doctest: +SKIP

Each writes a folder that can be carried elsewhere: data, pictures and settings, with relative paths only (a nano
model's weights stay in this repository). What the other trainer does differently, whatever it is told,
is in ``Export.notes``. Files are written whole or not at all.

What LLaMA-Factory does was read in its version 0.9.5 (``hparams``, ``data/template.py``,
``model/model_utils/quantization.py`` and ``misc.py``, https://github.com/hiyouga/LLaMA-Factory), what TRL does in 1.16
(``trainer/sft_trainer.py``, https://github.com/huggingface/trl). ``tests/external/check_llama_factory.py`` asks
LLaMA-Factory itself.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import CourseError
from ..files import write_text
from ..profiles import ModelSpec, spec
from .adapt import TOWERS, quantization
from .carrying import carried
from .collate import with_thinking
from .config import Config
from .formats import MESSAGES, Example, to_conversation, write

#: LLaMA-Factory's templates that write a reply as it is, thoughts included, and add none, by transformers' class.
TEMPLATES = {
    "Qwen3VLForConditionalGeneration": "qwen3_vl_nothink", "Qwen2_5_VLForConditionalGeneration": "qwen2_vl",
    "Qwen2_5OmniThinkerForConditionalGeneration": "qwen2_omni",
}  # fmt: skip
OPTIMIZERS = {"adamw": "adamw_torch", "adamw_8bit": "adamw_bnb_8bit", "paged_adamw_8bit": "paged_adamw_8bit"}
BOTH = (
    "The line break after a reply's end is trained on too, and the <think> that opens a thought.",
    "Examples come in an order of its own, so losses differ step by step.",
)
NO_CUT = 32_768  # tokens: without a limit of ours, LLaMA-Factory's 2,048 must not cut pictures either


@dataclass(frozen=True)
class Export:
    """What was written, and what the other trainer will do differently.

    Attributes:
        files: "data", "settings" and others → path.
        command: what to type in the folder.
        notes: differences that no setting removes.
    """

    files: dict[str, Path]
    command: str
    notes: tuple[str, ...]


def llama_factory(
    config: Config, train: Sequence[Example], folder: str | Path, *, processor=None, name: str = "course_train"
) -> Export:
    """Write ``NAME.json``, ``dataset_info.json``, ``images/`` and ``llama_factory.yaml``.

    The data are ShareGPT with OpenAI's tags; ``formats.read_dataset(folder, name)`` gives them back, and
    ``course finetune`` reads them with ``format: messages``.

    Args:
        processor: of the base; its limits of a picture's size are then written too (LLaMA-Factory has its own).

    Raises CourseError for a base that no template of LLaMA-Factory fits; FormatError for no examples; DiskFull.
    """
    chosen, folder = spec(config.base, config.profile), Path(folder)
    if chosen.model_class not in TEMPLATES:
        raise CourseError(
            f"No template of LLaMA-Factory is known here for {chosen.model_class}. Choose a Qwen-VL base."
        )
    data = folder / f"{name}.json"
    write(carried([with_thinking(e, config.thinking) for e in train], folder), data, MESSAGES, folder, name)
    settings = folder / "llama_factory.yaml"
    head = "# For LLaMA-Factory 0.9.5. In this folder: llamafactory-cli train llama_factory.yaml\n"
    write_text(settings, head + _yaml(_llama_factory(config, chosen, name, processor, folder)))
    files = {"data": data, "info": folder / "dataset_info.json", "settings": settings}
    return Export(files, "llamafactory-cli train llama_factory.yaml", tuple(_llama_factory_notes(config)))


def _llama_factory(config: Config, chosen: ModelSpec, name: str, processor, folder: Path) -> dict:
    """LLaMA-Factory's names for the settings."""
    targets = "all" if config.targets == "all-linear" else config.targets
    found: dict = {"model_name_or_path": _weights(chosen, folder)}
    if chosen.revision:
        found["model_revision"] = chosen.revision
    found |= {"trust_remote_code": False}
    if config.four_bit:
        found |= {"quantization_method": "bnb", "quantization_bit": 4, "quantization_type": "nf4",
                  "double_quantization": config.double_quant}  # fmt: skip
    found |= {
        "stage": "sft", "do_train": True, "finetuning_type": "lora", "lora_rank": config.rank,
        "lora_alpha": config.alpha, "lora_dropout": config.dropout,
        "lora_target": targets if isinstance(targets, str) else ",".join(targets),
        "freeze_vision_tower": config.vision == "freeze", "freeze_multi_modal_projector": config.vision == "freeze",
        "dataset": name, "dataset_dir": ".", "media_dir": ".", "template": TEMPLATES[chosen.model_class],
        "cutoff_len": config.max_length or NO_CUT, "train_on_prompt": False, "mask_history": False,
    }  # fmt: skip
    size = getattr(getattr(processor, "image_processor", None), "size", None) or {}
    limits = {"image_min_pixels": "shortest_edge", "image_max_pixels": "longest_edge"}
    found |= {name: size[theirs] for name, theirs in limits.items() if theirs in size}
    return found | {
        "output_dir": "saves", "max_steps": config.steps, "per_device_train_batch_size": config.batch_size,
        "gradient_accumulation_steps": config.accumulate, "learning_rate": config.learning_rate,
        "lr_scheduler_type": config.scheduler, "warmup_steps": round(config.warmup * config.steps),
        "optim": OPTIMIZERS[config.optimizer], "weight_decay": 0.0, "max_grad_norm": 1.0,
        "bf16": not chosen.is_local, "disable_gradient_checkpointing": not config.checkpointing, "seed": config.seed,
        "logging_steps": 1, "save_steps": config.save_steps, "report_to": "none",
    }  # fmt: skip


def _llama_factory_notes(config: Config) -> list[str]:
    notes = list(BOTH)
    if config.four_bit:
        notes += ["The towers are quantised too: it hands bitsandbytes no layers to skip."]
    if config.vision == "adapt" and config.targets == "all-linear":
        notes += ["`lora_target: all` leaves out the layers that hand pictures to the language model (merger)."]
    return notes + _lost(config)


def _lost(config: Config) -> list[str]:
    lost = {"class_weights": "weigh", "sampling": "draw"}
    return [f"`{name}` is lost: it does not {what} classes. Repeat rare examples in the data instead."
            for name, what in lost.items() if getattr(config, name)]  # fmt: skip


def trl(config: Config, train: Sequence[Example], folder: str | Path, *, name: str = "trl_train") -> Export:
    """Write ``NAME.jsonl``, ``images/`` and the script ``trl_sft.py``.

    A line has ``prompt`` and ``completion`` (messages whose content is a list of parts) and ``images``. Of rows with
    ``messages`` alone TRL trains on every token, questions and pictures included, unless told otherwise.

    Raises CourseError for no examples and for sound, which TRL's trainer does not read; DiskFull.
    """
    if not train:
        raise CourseError("There are no examples to write.")
    if any(example.audios for example in train):
        raise CourseError("TRL's SFTTrainer reads pictures, not sound. Export to LLaMA-Factory instead.")
    folder = Path(folder)
    rows = [_trl_row(with_thinking(e, config.thinking), folder) for e in carried(train, folder)]
    files = {"data": folder / f"{name}.jsonl", "settings": folder / "trl_sft.py"}
    write_text(files["data"], "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    write_text(files["settings"], _script(config, spec(config.base, config.profile), f"{name}.jsonl", folder))
    notes = [*BOTH, *_lost(config)]
    if any(len(row["prompt"]) > 2 for row in rows):
        notes.append("Of a conversation with several replies only the last is trained on.")
    return Export(files, "python trl_sft.py", tuple(notes))


def _trl_row(example: Example, folder: Path) -> dict:
    *prompt, completion = to_conversation(example)
    images = [Path(path).relative_to(folder.resolve()).as_posix() for path in example.images]
    return {"prompt": prompt, "completion": [completion], "images": images}


def _script(config: Config, chosen: ModelSpec, data: str, folder: Path) -> str:
    """A program for TRL with the settings written out."""
    quantised = quantization(config.double_quant)
    towers = r"(.*\.)?({})\..*".format("|".join(TOWERS.values())) if config.vision == "freeze" else None
    where = f"BASE, revision={chosen.revision!r}" if chosen.revision else "BASE"
    dtype = "float32" if chosen.is_local else "bfloat16"
    bits = f"""BitsAndBytesConfig(
    load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant={config.double_quant},
    bnb_4bit_compute_dtype=torch.{dtype}, llm_int8_skip_modules={quantised.llm_int8_skip_modules!r},
)"""
    return f'''"""For TRL 1.16. In this folder: python trl_sft.py"""

import torch
from datasets import Image, Sequence, load_dataset
from peft import LoraConfig
from transformers import AutoProcessor, BitsAndBytesConfig, {chosen.model_class}
from trl import SFTConfig, SFTTrainer

BASE = {_weights(chosen, folder)!r}
in_four_bits = {bits if config.four_bit else None}
model = {chosen.model_class}.from_pretrained({where}, dtype=torch.{dtype}, quantization_config=in_four_bits)
processor = AutoProcessor.from_pretrained({where})
lora = LoraConfig(
    r={config.rank}, lora_alpha={config.alpha}, lora_dropout={config.dropout}, target_modules={config.targets!r},
    exclude_modules={towers!r}, task_type="CAUSAL_LM",
)
settings = SFTConfig(
    output_dir="saves", max_steps={config.steps}, per_device_train_batch_size={config.batch_size},
    gradient_accumulation_steps={config.accumulate}, learning_rate={config.learning_rate},
    lr_scheduler_type={config.scheduler!r}, warmup_steps={round(config.warmup * config.steps)},
    optim={OPTIMIZERS[config.optimizer]!r}, weight_decay=0.0, max_grad_norm=1.0, bf16={not chosen.is_local},
    gradient_checkpointing={config.checkpointing}, max_length={config.max_length},  # 1024 unless given: cuts pictures
    completion_only_loss=True, seed={config.seed}, logging_steps=1, save_steps={config.save_steps}, report_to="none",
)
data = load_dataset("json", data_files={data!r}, split="train").cast_column("images", Sequence(Image()))
SFTTrainer(model, args=settings, train_dataset=data, processing_class=processor, peft_config=lora).train()
'''


def _weights(chosen: ModelSpec, folder: Path) -> str:
    """The id on the hub, or where a nano model lies as seen from the folder."""
    return os.path.relpath(chosen.path, folder.resolve()) if chosen.is_local else chosen.id


def _yaml(settings: dict) -> str:
    import yaml

    return yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
