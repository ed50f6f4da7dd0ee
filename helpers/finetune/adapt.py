"""A base in four bits, adapters on top of it, and an adapter that was saved, back on its base.

>>> model, processor, spec = load_base(Config(base="qwen3_vl"))     # doctest: +SKIP
>>> model = add_lora(model, config)                                 # doctest: +SKIP
>>> model, processor, spec = load_adapter("runs/medical/adapter")   # doctest: +SKIP

A model from here may be in ``train()`` or ``eval()`` mode, before, between and after training steps. A quantised model
from elsewhere may not: on CPUs with AVX512-BF16, bitsandbytes 0.50 repacks each layer for inference in the first
forward pass in ``eval()`` mode, and then neither trains nor passes gradients. ``load_base`` switches that off.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import CourseError, MissingModel
from ..models import Loaded, check_files, check_memory, memory_gb
from ..profiles import ModelSpec, device, root, spec
from .config import Config
from .formats import Example
from .speed import patches_as_matrix

#: Parts of names of the towers that are never quantised; the head and what is tied to it are not either.
TOWERS = {"image": "visual", "audio": "audio_tower"}
RECORD = "course.json"
# bitsandbytes would say, when it is first imported, that it has not found a faster kernel; it does without
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
BYTES_IN_FOUR_BITS = 0.75  # a parameter's share at loading time, with towers and embeddings in 16 bits; rather too much


class WrongAdapter(CourseError):
    """A folder that holds no adapter, or one that belongs to another base."""


def load_base(config: Config, download: bool = True) -> Loaded:
    """The base's model, its processor and its registry row, in NF4 unless ``config.four_bit`` is False.

    Towers and head keep their precision. On a GPU the weights are bfloat16 (nano: float32) and so is the arithmetic.
    Raises UnknownName, MissingModel and NotEnoughMemory as ``models.load`` does.
    """
    return _load(spec(config.base, config.profile), config.four_bit, config.double_quant, download)


def _load(chosen: ModelSpec, four_bit: bool, double_quant: bool, download: bool = True) -> Loaded:
    import torch
    import transformers

    small = memory_gb(chosen)
    if four_bit and chosen.parameters:
        small = min(small, 0.4 + BYTES_IN_FOUR_BITS * chosen.parameters / 1e9)
    check_memory(chosen, small)
    if chosen.is_local:
        check_files(chosen)
    transformers.utils.logging.disable_progress_bar()
    dtype = torch.bfloat16 if device() == "cuda" and not chosen.is_local else torch.float32
    options: dict = {"dtype": dtype, "use_safetensors": True}
    if four_bit:
        options["quantization_config"] = quantization(double_quant, dtype)
        if device() == "cuda":  # each process of several has a GPU of its own
            options["device_map"] = {"": int(os.environ.get("LOCAL_RANK", 0))}
    model_class = getattr(transformers, chosen.model_class)
    source = str(chosen.path) if chosen.is_local else chosen.id
    where: dict = {"revision": None if chosen.is_local else chosen.revision, "trust_remote_code": False}
    for local in (True, False):  # the hub is asked only for what the cache does not have
        try:
            processor = transformers.AutoProcessor.from_pretrained(source, local_files_only=local, **where)
            model = model_class.from_pretrained(source, local_files_only=local, **where, **options)
            break
        except OSError as error:
            if not local or chosen.is_local or not download:
                pull = f"With a network: `course models pull --profile {chosen.profile}`."
                raise MissingModel(f"{chosen.id} cannot be read here. {'' if chosen.is_local else pull}") from error
    if not four_bit:
        model = model.to(device())
    _keep_trainable(model)
    if device() == "cpu":
        patches_as_matrix(model)
    return Loaded(model.eval(), processor, chosen)


def quantization(double_quant: bool = True, dtype=None):
    """The settings for ``from_pretrained``: NF4, computed in ``dtype`` (float32 unless given), towers and head spared.

    The names to spare are patterns that transformers matches from the start of a layer's full name. FSDP shares out
    numbers of one type, so under it the packed bytes are stored as if they were numbers of ``dtype``.
    """
    import torch
    from transformers import BitsAndBytesConfig

    dtype = dtype or torch.float32
    storage = {"bnb_4bit_quant_storage": dtype} if os.environ.get("ACCELERATE_USE_FSDP") == "true" else {}
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=double_quant,
        bnb_4bit_compute_dtype=dtype, llm_int8_skip_modules=[*(f".*{tower}" for tower in TOWERS.values()), "lm_head"],
        **storage,
    )  # fmt: skip


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without notices that are for the authors of peft."""
    with warnings.catch_warnings(action="ignore", category=FutureWarning):
        yield


def _keep_trainable(model) -> None:
    """Keep bitsandbytes from repacking layers for inference on the CPU (this module's docstring says why)."""
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def add_lora(model, config: Config, examples: Sequence[Example] = ()):
    """The model with LoRA on the layers that ``config.targets`` and ``config.vision`` name; all else is frozen.

    Of the towers, only those get adapters that ``examples`` (all of them unless given) have files for: an ear that
    hears nothing would get no gradient. LoRA's numbers are float32; its start is drawn with ``config.seed``.

    Raises CourseError where no layer has a name among the targets.
    """
    from peft import LoraConfig, get_peft_model

    from ..profiles import set_seed

    for parameter in model.parameters():
        parameter.requires_grad_(False)
    used = {"image": not examples or any(e.images for e in examples),
            "audio": not examples or any(e.audios for e in examples)}  # fmt: skip
    there = [kind for kind, tower in TOWERS.items() if any(tower in name for name, _ in model.named_modules())]
    spared = [TOWERS[kind] for kind in there if config.vision == "freeze" or not used[kind]]
    set_seed(config.seed)
    lora = LoraConfig(
        r=config.rank, lora_alpha=config.alpha, lora_dropout=config.dropout, target_modules=config.targets,
        exclude_modules=rf"(.*\.)?({'|'.join(spared)})\..*" if spared else None, task_type="CAUSAL_LM", bias="none",
    )  # fmt: skip
    try:
        with _quiet():
            adapted = get_peft_model(model, lora)
    except ValueError as error:
        raise CourseError(
            f"LoRA found no layer for targets={config.targets!r}, vision={config.vision!r} ({error}). "
            'Set targets to "all-linear", or to names that the model has, such as ["q_proj", "v_proj"].'
        ) from error
    return adapted.train()


def trainable(model) -> tuple[int, int]:
    """How many parameters are trained, and how many there are; those in four bits are counted, not their bytes."""
    trained = total = 0
    for parameter in model.parameters():
        packed = getattr(parameter, "quant_state", None)
        n = packed.shape.numel() if packed is not None else parameter.numel()
        total += n
        trained += n if parameter.requires_grad else 0
    return trained, total


def base_facts(chosen: ModelSpec) -> dict:
    """What identifies a base: role, profile, id, and the revision on the hub or the hash of nano weights."""
    return {"base": chosen.role, "profile": chosen.profile, "id": chosen.id, "revision": chosen.revision,
            "sha256": chosen.sha256}  # fmt: skip


def read_record(folder: str | Path) -> dict:
    """What ``course.json`` beside an adapter says. Raises WrongAdapter where it or the adapter is not there."""
    folder = Path(folder)
    missing = [name for name in ("adapter_config.json", "adapter_model.safetensors", RECORD)
               if not (folder / name).is_file()]  # fmt: skip
    if missing:
        raise WrongAdapter(
            f"{folder} holds no adapter of this course: {', '.join(missing)} is missing. Give the folder `adapter` "
            "of a run. (Adapters from elsewhere: `peft.PeftModel.from_pretrained`.)"
        )
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        record["base"]["id"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WrongAdapter(f"{folder / RECORD} is damaged. Train the adapter again.") from error
    return record


def load_adapter(folder: str | Path, profile: str | None = None, four_bit: bool | None = None) -> Loaded:
    """The base that an adapter was trained on, with the adapter: ``model, processor, spec``.

    Args:
        profile: asserts that the adapter belongs to this profile's base; None takes what the adapter says.
        four_bit: whether the base is in NF4; None as it was in training.

    Raises WrongAdapter for a folder without an adapter, and where the base of today is not the one it was trained on:
    another profile's, another revision or other weights under the same name.
    """
    from peft import PeftModel
    from safetensors import SafetensorError

    record = read_record(folder)
    trained_on = record["base"]
    chosen = spec(trained_on.get("base", ""), profile or trained_on.get("profile", ""))
    for key, now in base_facts(chosen).items():
        if trained_on.get(key) != now:
            raise WrongAdapter(
                f"The adapter in {folder} was trained on {trained_on.get('id')} ({key}: {trained_on.get(key)}), not on "
                f"{chosen.id} as it is here ({key}: {now}). Load it with its own base, or train it again on this one."
            )
    four_bit = record.get("four_bit", True) if four_bit is None else four_bit
    model, processor, _ = _load(chosen, four_bit, record.get("double_quant", True))
    try:
        with _quiet():
            adapted = PeftModel.from_pretrained(model, str(folder))
    except (SafetensorError, RuntimeError, OSError, ValueError, TypeError, KeyError) as error:
        raise WrongAdapter(f"The adapter in {folder} does not fit its base or is damaged ({error}).") from error
    return Loaded(adapted.eval(), processor, chosen)


def base_name(chosen: ModelSpec) -> str:
    """What an adapter's files call its base: an id on the hub, or the folder in this repository."""
    return str(chosen.path.relative_to(root())) if chosen.is_local else chosen.id


@contextlib.contextmanager
def inference(model) -> Iterator[None]:
    """Without gradients and dropout; afterwards the model is in the mode it was in."""
    import torch

    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)
