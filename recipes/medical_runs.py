"""Record the longer fine-tunings of chapter 4's medical notebook: ``python -m recipes.medical_runs NAME …``.

``long`` trains on all of the notebook's questions for as long as there was time. ``answers``, ``traces`` and ``empty``
have the same pictures, question and number of steps, and differ in what the reply holds before its answer: nothing, a
thought, or the empty thought that preflight refuses, here allowed on purpose. ``base`` is measured as it is.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from helpers.finetune import adapt
from helpers.finetune.config import Config
from helpers.finetune.data import phantom_examples
from helpers.finetune.formats import Example

from . import finetune_runs, grids, medical_scores

ROLE = "qwen3_vl"
LESSON = {"steps": 400, "batch_size": 16, "learning_rate": 3e-3, "rank": 16, "alpha": 32}
LONG = LESSON | {"steps": 1500, "batch_size": 32, "scheduler": "cosine"}
LESSON_TRAIN, LONG_TRAIN, HELD_OUT, ASKED = 1200, 12000, 400, 100  # pictures; the last are asked with a thought
#: Name → the settings, how many pictures, and what is taught: "all" questions, or ``traces`` of ``phantom_examples``.
RUNS: dict[str, tuple[dict, int, object]] = {
    "long": (LONG, LONG_TRAIN, "all"),
    "answers": (LESSON, LESSON_TRAIN, False),
    "traces": (LESSON, LESSON_TRAIN, True),
    "empty": (LESSON | {"allow": ["empty thought"]}, LESSON_TRAIN, "empty"),
}


def lesson(taught: object, n: int, seed: int = 0) -> list[Example]:
    """The training examples about ``n`` pictures, each of another patient."""
    if taught != "all":
        return [with_reply(example) for example in phantom_examples("train", n, seed, traces=taught)]
    pictures = medical_scores.pictures("train", n, seed)
    findings = [medical_scores.talk(example, "finding") for example in pictures]
    return findings + [whole_talk(example) for example in pictures] + pictures[: n // 3]


def with_reply(example: Example) -> Example:
    """The conversation's first question, with the example's own reply."""
    question = medical_scores.talk(example, "finding").messages[0]
    return replace(example, messages=[question, example.messages[1]])


def whole_talk(example: Example) -> Example:
    """Everything that can be asked about a picture."""
    return medical_scores.talk(example, "region" if example.meta["side"] else "finding")


def config_of(name: str, profile: str, steps: int | None = None) -> Config:
    """The settings of a run."""
    settings, n, taught = RUNS[name]
    changes = {"steps": steps} if steps else {}
    return Config(
        base=ROLE, profile=profile, train_size=n, options={"taught": str(taught)},
        output=f"_build/finetune/medical_runs/{name}", **settings | changes,
    )  # fmt: skip


def measured(name: str, profile: str, steps: int | None = None, held_out: int = HELD_OUT) -> dict:
    """Train one run, or take the base as it is, and measure it: its entry in the record."""
    if name == "base":
        model, processor, chosen = adapt.load_base(Config(base=ROLE, profile=profile))
        return {"base": adapt.base_facts(chosen), "scores": {"thinking": thinking(model, processor, held_out)}}
    config = config_of(name, profile, steps)
    train = lesson(RUNS[name][2], config.train_size)
    model, processor, record = finetune_runs.trained(config, train)
    started = time.monotonic()
    scores = medical_scores.all_scores(model, processor, config.train_size, held_out)
    scores["thinking"] = thinking(model, processor, held_out)
    seconds = round(time.monotonic() - started, 1)
    return finetune_runs.told(config, train, record) | {"measuring_seconds": seconds, "scores": scores}


def thinking(model, processor, held_out: int) -> dict:
    """Asked to think, about phantoms and about scenes: ``ASKED`` each, or fewer."""
    n = min(held_out, ASKED)
    asked = [medical_scores.talk(example, "finding") for example in medical_scores.pictures("heldout", n)]
    return {"phantoms": medical_scores.thinking(model, processor, asked),
            "scenes": medical_scores.old_task(model, processor, n)}  # fmt: skip


def main(words: Sequence[str] | None = None) -> int:
    """Train, measure and record the runs that are named."""
    return finetune_runs.record("medical_runs", ROLE, ("base", *RUNS), measured, words)


if __name__ == "__main__":
    grids.run_as_script(main)
