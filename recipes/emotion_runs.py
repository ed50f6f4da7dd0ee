"""Record the fine-tunings of chapter 4's emotion notebook: ``python -m recipes.emotion_runs NAME …``.

The notebook itself trains on faces in AffectNet's shares, re-sampled. ``plain`` and ``weighted`` see the same faces for
as many steps, as they come, without and with weights; ``audio`` and ``both`` hear the voice instead of seeing the face,
or beside it. ``long`` is shown faces and voices of more people for more steps. All are measured on the same held-out
identities, in AffectNet's shares too.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from helpers.finetune.config import Config
from helpers.finetune.data import face_examples
from helpers.finetune.evaluate import choose, score
from helpers.finetune.train import data_hash
from helpers.worlds import faces

from . import finetune_runs, grids

ROLE = "qwen2_5_omni"
TRAIN, LONG_TRAIN, HELD_OUT = 8000, 40000, 1200  # faces, six of each identity
#: The notebook's own settings.
LESSON = {
    "steps": 650, "batch_size": 16, "learning_rate": 2e-3, "rank": 16, "alpha": 32, "sampling": "balanced"
}  # fmt: skip
LONG = LESSON | {"steps": 2000, "batch_size": 32}
#: Name → the settings, what of a face is given ("image", "audio" or "both"), and how many there are.
RUNS: dict[str, tuple[dict, str, int]] = {
    "plain": (LESSON | {"sampling": None}, "image", TRAIN),
    "weighted": (LESSON | {"sampling": None, "class_weights": "balanced"}, "image", TRAIN),
    "audio": (LESSON, "audio", TRAIN),
    "both": (LESSON, "both", TRAIN),
    "long": (LONG, "both", LONG_TRAIN),
}


def config_of(name: str, profile: str, steps: int | None = None) -> Config:
    """The settings of a run."""
    settings, modality, n = RUNS[name]
    changes = {"steps": steps} if steps else {}
    return Config(
        base=ROLE, profile=profile, train="faces", train_size=n, held_out_size=HELD_OUT, options={"modality": modality},
        output=f"_build/finetune/emotion_runs/{name}", **settings | changes,
    )  # fmt: skip


def measured(name: str, profile: str, steps: int | None = None, held_out: int = HELD_OUT) -> dict:
    """Train one run and measure it: its entry in the record.

    "truth" and "said" are the numbers of the emotions, a digit for each held-out example, in their order. "adjusted" is
    what would have been said with each probability divided by its emotion's share of the training faces.
    """
    config = config_of(name, profile, steps)
    modality = config.options["modality"]
    train = face_examples("train", config.train_size, config.seed, modality=modality)
    model, processor, record = finetune_runs.trained(config, train)
    asked, started = face_examples("heldout", held_out, modality=modality), time.monotonic()
    chances = choose(model, processor, asked, faces.EMOTIONS)
    report = score(chances, asked, faces.EMOTIONS)
    shares = [max(1, sum(example.label == emotion for example in train)) / len(train) for emotion in faces.EMOTIONS]
    return finetune_runs.told(config, train, record) | {
        "modality": modality, "held_out": {"examples": held_out, "data": data_hash(asked)},
        "truth": digits(report.truth), "said": digits(report.predicted),
        "adjusted": digits((chances / shares).argmax(1)),
        "measuring_seconds": round(time.monotonic() - started, 1), "scores": report.summary(),
    }  # fmt: skip


def digits(numbers: Sequence[int]) -> str:
    return "".join(str(number) for number in numbers)


def main(words: Sequence[str] | None = None) -> int:
    """Train, measure and record the runs that are named."""
    return finetune_runs.record("emotion_runs", ROLE, tuple(RUNS), measured, words)


if __name__ == "__main__":
    grids.run_as_script(main)
