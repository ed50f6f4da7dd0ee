"""Ask TRL itself what it makes of what ``helpers.finetune.exports`` writes. Not part of ``make test``.

    python tests/external/check_trl.py                              # some minutes, some GB in a temporary folder
    python tests/external/check_trl.py --python VENV/bin/python     # where trl and datasets are installed already

TRL is no part of the course's environment, so it gets one of its own, which pip fills as it is configured to. There
``datasets`` reads the JSONL, TRL's own collator for pictures makes token ids and labels of every example, and
``SFTConfig`` takes the script's settings. This script compares ids and labels with those of the course's Collator,
token by token. Known, and asserted: TRL also trains on the ``<think>`` that opens a thought, and on the line break
after a reply's end.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import check_llama_factory as llama_factory

VERSION = "1.16.0"

#: Runs in TRL's environment, in the exported folder; prints one line of JSON as the last.
DRIVER = (
    llama_factory.WITHOUT_CUDA
    + """
import transformers, trl
from datasets import Image, Sequence, load_dataset
from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

processor = transformers.AutoProcessor.from_pretrained(sys.argv[1])
data = load_dataset("json", data_files="trl_train.jsonl", split="train", cache_dir="cache")
data = data.cast_column("images", Sequence(Image()))
collate = DataCollatorForVisionLanguageModeling(processor, max_length=None, completion_only_loss=True)
batches = [collate([row]) for row in data]
print(json.dumps({
    "rows": [{key: batch[key][0].tolist() for key in ("input_ids", "labels")} for batch in batches],
    "versions": {"trl": trl.__version__, "transformers": transformers.__version__, "torch": torch.__version__},
}))
"""
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--python", type=Path, help="of an environment that has TRL, instead of a new one")
    options = parser.parse_args()
    sys.path.insert(0, str(llama_factory.ROOT))
    with tempfile.TemporaryDirectory() as folder:
        python = options.python or llama_factory.install(Path(folder) / "venv", f"trl=={VERSION}")
        exported = Path(folder) / "exported"
        expected, _ = llama_factory.export(exported)
        said = llama_factory.ask(python, exported, DRIVER, str(weights()))
    problems = llama_factory.compare_rows(said["rows"], expected)
    tokens = sum(len(one["input_ids"]) for one in expected)
    print(json.dumps(said["versions"]))
    print("\n".join(problems) or f"TRL makes the same {tokens:,} ids and labels of {len(expected)} examples, but for "
          "the known differences.")  # fmt: skip
    return 1 if problems else 0


def weights() -> Path:
    from helpers.profiles import spec

    return spec("qwen3_vl").path


if __name__ == "__main__":
    sys.exit(main())
