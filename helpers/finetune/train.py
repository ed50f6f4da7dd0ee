"""One function trains: from a notebook, from ``course finetune config.yaml``, and under ``accelerate launch``.

>>> run = finetune(Config(steps=100), phantom_examples("train", 2000))      # doctest: +SKIP
>>> run.losses[-1], run.adapter                                             # doctest: +SKIP

A run's folder (``config.output``) holds

| | |
| --- | --- |
| ``log.jsonl`` | a line for every step, written at once |
| ``checkpoints/`` | what a resumed run needs, every ``save_steps``; removed when the run is finished |
| ``run.json`` | the settings and a hash of the examples, so that nothing else is resumed |
| ``adapter/`` | the result: written whole or not at all |
| ``.lock`` | held while a run writes here |
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import CourseError
from ..files import check_disk, locked, write_json
from ..profiles import ModelSpec, device, set_seed, spec
from .adapt import RECORD, add_lora, load_base, trainable
from .config import Config
from .formats import Example
from .order import order, weights
from .saving import full_disk, record_of, save_adapter
from .speed import keep_freed_memory

#: What may differ between a run and its resumption.
FREE = ("output", "save_steps", "held_out", "held_out_size", "train", "roots")


@dataclass
class Run:
    """What came of a fine-tuning.

    Attributes:
        model: the base with its adapter, in ``eval()`` mode.
        log: a row per step: step, loss, learning_rate, grad_norm, seconds.
        adapter: the folder of the saved adapter.
        record: what ``course.json`` there says.
        preflight: the report of what was checked before.
        seconds: the training alone, this process's.
    """

    model: object
    processor: object
    spec: ModelSpec
    config: Config
    log: list[dict] = field(repr=False)
    adapter: Path
    record: dict = field(repr=False)
    preflight: object = field(repr=False)
    seconds: float = 0.0

    @property
    def losses(self) -> list[float]:
        """The loss of every step: the mean over its trained tokens, before the step was taken."""
        return [row["loss"] for row in self.log]


def finetune(
    config: Config, train: Sequence[Example], *, model=None, processor=None, callbacks: Sequence = (),
    resume: bool = False,
) -> Run:  # fmt: skip
    """Load the base, add adapters, check everything, train, and save the adapter.

    Args:
        train: the examples. ``config.train`` is only recorded.
        model, processor: a base from ``load_base``, or one that has its adapters, to train instead of a fresh one.
        callbacks: transformers' TrainerCallbacks.
        resume: go on from the last whole checkpoint in ``config.output``, on the same loss curve; from the start
            where there is none. Otherwise what the folder holds of an earlier run is replaced.

    Raises Refused for what preflight finds, InUse for a folder that another run is writing to, DiskFull, what
    ``load_base`` raises, and CourseError for a folder whose run had other settings or examples.
    """
    train = list(train)
    arguments = _arguments(config, train)
    is_main = arguments.distributed_state.is_main_process  # of one process, or several that accelerate started
    with locked(config.folder, "output") if is_main else contextlib.nullcontext():
        return _finetune(config, train, arguments, model, processor, callbacks, resume)


def _finetune(config: Config, train: list, arguments, model, processor, callbacks: Sequence, resume: bool) -> Run:
    from .collate import Collator
    from .preflight import preflight

    state = arguments.distributed_state
    mine = _facts(config, train, state)
    goes_on = resume and (config.folder / "run.json").is_file()
    checkpoint = _checkpoint(config.folder, mine) if goes_on else None
    if model is None:
        model, processor, _ = load_base(config)
    if not hasattr(model, "peft_config"):
        model = add_lora(model, config, train)
    if config.checkpointing:  # Trainer does it too late for preflight, which would run out of memory, or fear to
        model.activation_checkpointing_enable(activation_checkpointing_kwargs={"use_reentrant": False})
    collator = Collator(processor, max_length=config.max_length, thinking=config.thinking)
    checked = preflight(
        model, processor, train, batch_size=config.batch_size, collator=collator, allow=config.allow,
        optimizer={"paged_adamw_8bit": "paged"}.get(config.optimizer, config.optimizer),
    )  # fmt: skip
    if not goes_on:  # only now: a start that is refused leaves an earlier run's adapter where it is
        _start_anew(config.folder, mine, state)
    set_seed(config.seed)
    if device() == "cpu":
        keep_freed_memory()
    trainer = _trainer(config, train, model, collator, arguments, callbacks, checkpoint)
    started = time.monotonic()
    with full_disk(config.folder):
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    seconds = time.monotonic() - started
    return _finish(config, train, trainer, processor, checked, seconds, state)


def _trainer(config: Config, train: list, model, collator, arguments, callbacks, checkpoint: Path | None):
    """The Trainer of this run."""
    from transformers import PrinterCallback, ProgressCallback

    from .trainer import AnswerTrainer, Ordered, Progress, StepLog, Weighted

    state = arguments.distributed_state
    per_step = config.batch_size * config.accumulate * state.num_processes
    labels = [example.label for example in train] if config.sampling == "balanced" else None
    seen = order(len(train), config.steps * per_step, config.seed, labels)
    trainer = AnswerTrainer(
        model=model, args=arguments, data_collator=Weighted(collator),
        train_dataset=Ordered(train, seen, weights(train, config.class_weights)), callbacks=list(callbacks),
    )  # fmt: skip
    for unwanted in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(unwanted)
    if state.is_main_process:
        start = _step_of(checkpoint)
        trainer.add_callback(StepLog(config.folder / "log.jsonl", start))
        trainer.add_callback(Progress(config.steps, start))
    return trainer


def _arguments(config: Config, train: Sequence[Example]):
    """The settings as transformers has them."""
    from transformers import TrainingArguments

    on_cpu = device() == "cpu"
    optimizer = {"adamw": "adamw_torch", "adamw_8bit": "adamw_bnb_8bit", "paged_adamw_8bit": "paged_adamw_8bit"}
    some_lack_files = len({(bool(e.images), bool(e.audios)) for e in train}) > 1
    found = TrainingArguments(
        output_dir=str(config.folder / "checkpoints"), max_steps=config.steps,
        per_device_train_batch_size=config.batch_size, gradient_accumulation_steps=config.accumulate,
        learning_rate=config.learning_rate, warmup_steps=round(config.warmup * config.steps),
        lr_scheduler_type=config.scheduler,
        optim=optimizer[config.optimizer], weight_decay=0.0, max_grad_norm=1.0,
        activation_checkpointing=config.checkpointing, activation_checkpointing_kwargs={"use_reentrant": False},
        save_strategy="steps", save_steps=config.save_steps, save_total_limit=2,
        logging_strategy="steps", logging_steps=1, logging_nan_inf_filter=False, report_to=[], disable_tqdm=True,
        seed=config.seed, remove_unused_columns=False, label_names=["labels"], dataloader_num_workers=0,
        use_cpu=on_cpu, dataloader_pin_memory=not on_cpu, bf16=not on_cpu,
        ddp_backend="gloo" if on_cpu and "WORLD_SIZE" in os.environ else None,
        ddp_find_unused_parameters=some_lack_files,
    )  # fmt: skip
    if found.n_gpu > 1:  # one process, several GPUs: Trainer would load a batch for each, but the base lies on one
        found._n_gpu = 1
    return found


def _finish(config: Config, train, trainer, processor, checked, seconds: float, state) -> Run:
    """Save the adapter (one process does), remove the checkpoints, and put everything into a Run."""
    from .trainer import read_log

    model = trainer.accelerator.unwrap_model(trainer.model).eval()
    log = read_log(config.folder / "log.jsonl")
    if len(log) < config.steps and state.is_main_process:
        raise CourseError(
            f"Training stopped at step {len(log)} of {config.steps}; nothing was saved but the checkpoints in "
            f"{config.folder}. Go on with resume=True (`course finetune … --resume`)."
        )
    trained, total = trainable(model)
    losses = [row["loss"] for row in log]
    ends = min(10, len(losses))
    chosen = spec(config.base, config.profile)
    record = record_of(config, chosen, {
        "examples": len(train), "data": data_hash(train), "steps": config.steps,
        "step_examples": config.batch_size * config.accumulate * state.num_processes,
        "processes": state.num_processes, "trainable": trained, "parameters": total,
        "first_loss": sum(losses[:ends]) / max(1, ends), "last_loss": sum(losses[-ends:]) / max(1, ends),
        "seconds": round(sum(row["seconds"] for row in log), 1),
    })  # fmt: skip
    target = config.folder / "adapter"
    # Under FSDP no process has the whole: all of them take part in gathering it.
    weights = trainer.accelerator.get_state_dict(trainer.model) if trainer.is_fsdp_enabled else None
    if state.is_main_process:
        save_adapter(model, processor, chosen, record, target, weights)
        shutil.rmtree(config.folder / "checkpoints", ignore_errors=True)
    state.wait_for_everyone()
    return Run(model, processor, chosen, config, log, target, record, checked, seconds)


def _facts(config: Config, train: Sequence[Example], state) -> dict:
    """What a run that goes on must have begun with."""
    settings = {name: value for name, value in dataclasses.asdict(config).items() if name not in FREE}
    return {"settings": settings, "data": data_hash(train), "processes": state.num_processes}


def _checkpoint(folder: Path, mine: dict) -> Path | None:
    """The checkpoint to go on from, if there is a whole one. Raises CourseError for a finished run, or another one."""
    if is_finished(folder):
        raise CourseError(f"The run in {folder} is finished. Its adapter: {folder / 'adapter'}.")
    _compare(json.loads((folder / "run.json").read_text(encoding="utf-8")), mine, folder)
    return last_checkpoint(folder / "checkpoints")


def _start_anew(folder: Path, mine: dict, state) -> None:
    """Make a folder ready for a new run. Raises DiskFull."""
    state.wait_for_everyone()
    if state.is_main_process:
        check_disk(folder, 0.1)
        for name in ("checkpoints", "adapter"):
            shutil.rmtree(folder / name, ignore_errors=True)
        (folder / "log.jsonl").unlink(missing_ok=True)
        write_json(folder / "run.json", mine)
    state.wait_for_everyone()


def _compare(before: dict, now: dict, folder: Path) -> None:
    """Raise CourseError unless a run goes on with the settings and examples it began with."""
    was, is_now = before.get("settings", {}), now["settings"]
    changed = [f"{name} ({was.get(name)} → {is_now[name]})" for name in is_now if was.get(name) != is_now[name]]
    changed += [name for name in ("data", "processes") if before.get(name) != now[name]]
    if changed:
        raise CourseError(
            f"The run in {folder} cannot be resumed: it began with other {', '.join(changed)}. Set them back, or start "
            "a new run in another folder (`output`)."
        )


def is_finished(folder: Path) -> bool:
    """Whether a run's folder holds the adapter of its end."""
    return (folder / "adapter" / RECORD).is_file()


def last_checkpoint(folder: Path) -> Path | None:
    """The last whole checkpoint. Trainer writes the state last: one that a kill cut short has none, or half of it."""
    for path in sorted(folder.glob("checkpoint-*"), key=_step_of, reverse=True):
        try:
            json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
            return path
        except (OSError, ValueError):
            continue
    return None


def _step_of(checkpoint: Path | None) -> int:
    return int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0


def data_hash(examples: Sequence[Example]) -> str:
    """A hash of the texts and of the names of the files, in their order; folders of this machine are left out."""
    facts = [[e.messages, [Path(path).name for path in (*e.images, *e.audios)], e.label, e.group] for e in examples]
    return hashlib.sha256(json.dumps(facts, ensure_ascii=False).encode()).hexdigest()[:16]
