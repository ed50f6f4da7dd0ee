"""Ask LLaMA-Factory itself whether it takes what ``helpers.finetune.exports`` writes. Not part of ``make test``.

    python tests/external/check_llama_factory.py                        # some minutes, some GB in a temporary folder
    python tests/external/check_llama_factory.py --python VENV/bin/python    # where it is installed already

LLaMA-Factory 0.9.5 wants older libraries than this course, so it gets a virtual environment of its own, which pip fills
as it is configured to. There it

1. reads ``llama_factory.yaml`` with its own argument parser (``hparams.get_train_args``, which also refuses
   combinations of settings);
2. finds the data through ``dataset_info.json`` with its own data parser;
3. makes token ids and labels of every example with its own template, processor and ``get_dataset``.

This script then compares ids and labels with those of the course's own Collator, token by token. The two differences
that are known are asserted too: LLaMA-Factory also trains on the ``<think>`` that opens a thought (here the template
gives it), and on the line break after a reply's end.

With ``--record`` the outcome is written to ``data/measured/llama_factory.json``, which the notebook shows.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VERSION = "0.9.5"
EXAMPLES = 6

#: torchvision and torchaudio for CUDA do not load beside a torch for the CPU; what is needed here does.
WITHOUT_CUDA = """
import json, sys, types
import torch
from importlib.machinery import ModuleSpec
for name in ("nms", "qnms"):
    try:
        torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    except RuntimeError:
        pass
try:
    import torchaudio
except ImportError:
    pass
except OSError:
    sys.modules["torchaudio"] = types.ModuleType("torchaudio")
    sys.modules["torchaudio"].__spec__ = ModuleSpec("torchaudio", None)
"""

#: Runs in LLaMA-Factory's environment, in the exported folder; prints one line of JSON as the last.
DRIVER = (
    WITHOUT_CUDA
    + """
import transformers
from omegaconf import OmegaConf
from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
from llamafactory.data.parser import get_dataset_list
from llamafactory.hparams import get_train_args
from llamafactory.model import load_tokenizer

settings = OmegaConf.to_container(OmegaConf.load("llama_factory.yaml"))
model, data, training, finetuning, _ = get_train_args(settings)
(found,) = get_dataset_list(data.dataset, data.dataset_dir)
module = load_tokenizer(model)
template = get_template_and_fix_tokenizer(module["tokenizer"], data)
rows = get_dataset(template, model, data, training, stage="sft", **module)["train_dataset"]
print(json.dumps({
    "parsed": {"quantization_bit": model.quantization_bit, "double_quantization": model.double_quantization,
               "lora_rank": finetuning.lora_rank, "lora_alpha": finetuning.lora_alpha,
               "lora_target": finetuning.lora_target, "freeze_vision_tower": finetuning.freeze_vision_tower,
               "cutoff_len": data.cutoff_len, "max_steps": training.max_steps, "warmup_steps": training.warmup_steps,
               "learning_rate": training.learning_rate, "template": data.template},
    "dataset": {"name": found.dataset_name, "formatting": found.formatting, "images": found.images},
    "rows": [{"input_ids": row["input_ids"], "labels": row["labels"]} for row in rows],
    "versions": {"transformers": transformers.__version__, "torch": torch.__version__},
}))
"""
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--python", type=Path, help="of an environment that has LLaMA-Factory, instead of a new one")
    parser.add_argument("--record", action="store_true", help="write data/measured/llama_factory.json")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as folder:
        python = options.python or install(Path(folder) / "venv", f"llamafactory=={VERSION}")
        exported = Path(folder) / "exported"
        expected, settings = export(exported)
        said = ask(python, exported, DRIVER)
    problems = compare(said, expected, settings)
    print(json.dumps(said["parsed"] | said["dataset"] | said["versions"], indent=1))
    tokens = sum(len(one["input_ids"]) for one in expected)
    print("\n".join(problems) or f"LLaMA-Factory {VERSION} reads the settings as meant, and makes the same "
          f"{tokens:,} ids and labels of {len(expected)} examples, but for the known differences.")  # fmt: skip
    if options.record:
        from helpers.files import write_json

        outcome = {"llamafactory": VERSION, **said["versions"], "settings_read_as_meant": len(settings),
                   "examples": len(expected), "tokens": tokens, "problems": problems,
                   "date": datetime.date.today().isoformat(),
                   "command": "python tests/external/check_llama_factory.py --record"}  # fmt: skip
        write_json(ROOT / "data" / "measured" / "llama_factory.json", outcome)
    return 1 if problems else 0


def install(folder: Path, package: str) -> Path:
    """A new environment with the package, and torch in the version that the course has; its Python."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    torch = [line.split(";")[0].strip() for line in lock if line.startswith(("torch==", "torchvision=="))]
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    print(f"Installing {package} with {', '.join(torch)} …", flush=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", package, *torch], check=True)
    return python


def export(folder: Path) -> tuple[list[dict], dict]:
    """Write an export into the folder; the course's own ids and labels, and the settings that were meant."""
    from helpers import notebook  # noqa: F401 - makes torchvision importable
    from helpers.finetune import collate, data, exports
    from helpers.finetune.config import Config
    from helpers.models import load

    config = Config(steps=7, warmup=0.3, rank=4, alpha=8, learning_rate=3e-4)
    _, processor, _ = load(config.base)
    half = EXAMPLES // 2
    some = data.phantom_examples("train", half, task="mixed")
    some += data.phantom_examples("train", half, seed=1, task="mixed", traces=True)
    exports.llama_factory(config, some, folder, processor=processor)
    exports.trl(config, some, folder)
    encoded = []
    opening = processor.tokenizer("<think>\n").input_ids
    for example in some:
        one = collate.encode(example, processor)
        ids, labels = one["input_ids"].tolist(), one["labels"].tolist()
        start = next(k for k, label in enumerate(labels) if label != collate.IGNORED)
        if ids[start - len(opening) : start] == opening:  # given by the template here, and trained on there
            labels[start - len(opening) : start] = opening
        encoded.append({"input_ids": ids, "labels": labels})
    meant = {"quantization_bit": 4, "double_quantization": True, "lora_rank": 4, "lora_alpha": 8,
             "lora_target": ["all"], "freeze_vision_tower": False, "max_steps": 7, "warmup_steps": 2,
             "learning_rate": 3e-4, "template": "qwen3_vl_nothink"}  # fmt: skip
    return encoded, meant


def ask(python: Path, folder: Path, driver: str, *arguments: str) -> dict:
    """What the program prints as its last line; ends this one with its error where it fails."""
    done = subprocess.run([python, "-c", driver, *arguments], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"The files are refused:\n{done.stderr[-4000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def compare(said: dict, expected: list[dict], settings: dict) -> list[str]:
    """What is not as it should be, in sentences."""
    parsed = said["parsed"]
    wrong = {name: value for name, value in settings.items() if parsed[name] != value}
    problems = [f"{name} is {parsed[name]!r}, not {value!r}" for name, value in wrong.items()]
    return problems + compare_rows(said["rows"], expected)


def compare_rows(rows: list[dict], expected: list[dict]) -> list[str]:
    """The same for token ids and labels."""
    if len(rows) != len(expected):
        return [f"{len(rows)} examples, not {len(expected)}"]
    problems = []
    for i, (theirs, ours) in enumerate(zip(rows, expected)):
        n = len(ours["input_ids"])
        while n and ours["labels"][n - 1] == -100:  # the template's own line break, which is not trained on here
            n -= 1
        for key in ("input_ids", "labels"):
            pairs = zip(theirs[key][:n], ours[key][:n])
            if differ := [(k, a, b) for k, (a, b) in enumerate(pairs) if a != b]:
                problems.append(f"example {i}: {key} differ (place, theirs, ours): {differ[:5]}")
        if len(theirs["labels"]) != n + 1 or theirs["labels"][n] == -100:
            problems.append(f"example {i}: expected one trained token after the reply, found {theirs['labels'][n:]}")
    return problems


if __name__ == "__main__":
    sys.exit(main())
