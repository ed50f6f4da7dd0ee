"""What a step costs here and with TRL's SFTTrainer, on the same model, the same mask and the same batches.

    pip install --target /tmp/trl --no-deps trl datasets pyarrow dill multiprocess xxhash
    PYTHONPATH=/tmp/trl python tests/external/compare_with_trl.py

TRL is not in the course's environment: it moves fast, and nothing else needs it. Each trainer runs in processes of its
own, by turns. Time is that of the processor too, which other programs on the machine disturb less than the clock. What
TRL does not get is ``speed.keep_freed_memory``, since nobody who calls SFTTrainer has it; that it puts the adapters of
a quantised base into bfloat16 is undone, so that both train the same numbers.
Writes ``data/measured/finetune_trl.json``.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

from helpers.files import write_json
from helpers.finetune.config import Config
from helpers.profiles import root
from helpers.records import device_name, versions

STEPS, WARM_UP, BATCH, TURNS, EXAMPLES = 16, 4, 32, 3, 256
TRAINERS = ("course", "trl")


def main() -> None:
    """Measure both by turns, print the figures and write them down with where they come from."""
    runs: dict[str, list[dict]] = {name: [] for name in TRAINERS}
    for _ in range(TURNS):
        for name in TRAINERS:
            command = [sys.executable, __file__, name]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(f"{name} failed:\n{done.stderr[-2000:]}")
            runs[name].append(json.loads(done.stdout.splitlines()[-1]))
            print(name, {key: value for key, value in runs[name][-1].items() if key != "losses"}, flush=True)
    pairs = [pair for a, b in zip(*runs.values()) for pair in zip(a["losses"], b["losses"])]
    rows = [{"trainer": name, **_summary(found)} for name, found in runs.items()]
    about = {"command": "python tests/external/compare_with_trl.py", "date": datetime.now(UTC).date().isoformat(),
             "device": device_name(), "versions": versions() | {"trl": version("trl")}}  # fmt: skip
    about |= {"model": "qwen3_vl (nano, NF4, LoRA on all linear layers)", "batch_size": BATCH, "steps": STEPS,
              "largest_relative_difference_of_losses": max(abs(a - b) / b for a, b in pairs), "rows": rows}  # fmt: skip
    path = root() / "data" / "measured" / "finetune_trl.json"
    write_json(path, about)
    print(json.dumps(rows), f"Written to {path}.", sep="\n")


def _summary(runs: list[dict]) -> dict:
    """The least of each, over the turns: what disturbs a measurement makes it larger."""
    return {key: min(run[key] for run in runs) for key in ("step_seconds", "step_cpu_seconds", "peak_mb")} | {
        "losses": runs[0]["losses"]
    }


def measure(name: str) -> dict:
    """One training of STEPS steps: medians of seconds, by the clock and the processor's, peak memory, losses."""
    from transformers import TrainerCallback

    from helpers.finetune import adapt, train
    from helpers.finetune.collate import Collator
    from helpers.finetune.data import phantom_examples
    from helpers.finetune.speed import keep_freed_memory

    class Clock(TrainerCallback):
        def __init__(self) -> None:
            self.wall, self.cpu = [], []

        def on_step_end(self, *_, **__) -> None:
            self.wall.append(time.monotonic())
            self.cpu.append(time.process_time())

    clock = Clock()
    examples = phantom_examples("train", EXAMPLES)
    with tempfile.TemporaryDirectory() as folder:
        config = Config(steps=STEPS, batch_size=BATCH, output=folder, save_steps=10**6)
        model, processor, _ = adapt.load_base(config)
        model = adapt.add_lora(model, config, examples)
        arguments = train._arguments(config, examples)
        collator = Collator(processor)
        if name == "course":
            keep_freed_memory()
            trainer = train._trainer(config, examples, model, collator, arguments, [clock], None)
        else:
            trainer = sft_trainer(config, examples, model, processor, collator, arguments, clock)
        trainer.train()
    took = lambda ticks: median(b - a for a, b in zip(ticks[WARM_UP:], ticks[WARM_UP + 1 :]))  # noqa: E731
    return {
        "step_seconds": round(took(clock.wall), 4), "step_cpu_seconds": round(took(clock.cpu), 4),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "losses": [row["loss"] for row in trainer.state.log_history if "loss" in row],
    }  # fmt: skip


def sft_trainer(config: Config, examples: list, model, processor, collator, arguments, clock):
    """TRL's trainer with our settings, our collator, and the examples in our order."""
    import pyarrow
    from datasets import Dataset
    from datasets.table import InMemoryTable
    from torch.utils.data import SequentialSampler
    from trl import SFTConfig, SFTTrainer

    from helpers.finetune.order import order

    class InOrder(SFTTrainer):
        def _get_train_sampler(self, *_):
            return SequentialSampler(self.train_dataset)

    seen = order(len(examples), config.steps * config.batch_size, config.seed)
    same = ("output_dir", "max_steps", "per_device_train_batch_size", "learning_rate", "warmup_steps", "optim",
            "lr_scheduler_type", "weight_decay", "max_grad_norm", "save_strategy", "save_steps", "logging_strategy",
            "logging_steps", "report_to", "disable_tqdm", "seed", "remove_unused_columns", "use_cpu", "bf16",
            "dataloader_pin_memory", "dataloader_num_workers")  # fmt: skip
    settings = SFTConfig(
        **{key: getattr(arguments, key) for key in same}, max_length=None, packing=False,
        gradient_checkpointing=False, dataset_kwargs={"skip_prepare_dataset": True},
    )  # fmt: skip
    none = [[0]] * len(seen)
    table = pyarrow.table({"input_ids": none, "labels": none, "number": seen})
    rows = Dataset(InMemoryTable(table), fingerprint="order")
    trainer = InOrder(
        model=model, args=settings, train_dataset=rows, processing_class=processor, callbacks=[clock],
        data_collator=lambda batch: collator([examples[row["number"]] for row in batch]),
    )  # fmt: skip
    for parameter in model.parameters():  # SFTTrainer has put the adapters of a quantised base into bfloat16
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return trainer


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(measure(sys.argv[1])))
    else:
        os.chdir(Path(root()))
        main()
