"""Record the full grid of chapter 3's benchmark: ``python -m recipes.vision_grid``.

Twelve vision tasks × three sizes of Qwen2.5-VL, greedily, so that one sample says it all; and for the largest size,
description and questions with fewer pixels. Vision models answer one request after the other on this machine, so there
is one client, and every answer's time is a latency; asked by several clients, a hosted service gets a part of its own
for that. How a grid is run, resumed and kept is told in ``recipes.grids``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from helpers import vision_tasks
from helpers.errors import CourseError
from helpers.profiles import ModelSpec

from . import grids

ROLES = ("qwen2_5_vl-s", "qwen2_5_vl-m", "qwen2_5_vl-l")
ITEMS, CLIENTS, LATENCY_ITEMS = 100, 1, 20  # of a task; at a time; of a task, with one client where there are several
SHORT, LONG = 256, 1024  # tokens of an answer at most: of the nano models (the longest JSON has 240), of others
BUDGETS = (784, 3136, 7056)  # pixels: 1, 4 and 9 visual tokens of a scene, which has 16 otherwise
BUDGET_TASKS = ("description", "vqa")
#: These tasks expect the nano models' own wordings. Others are asked the questions in data/benchmark.
OWN_WORDS = ("description", "analysis", "vqa", "difference")
SETS = ("description_en", "description_zh", "analysis_en", "analysis_zh", "vqa_en", "vqa_zh")


def main(words: Sequence[str] | None = None) -> int:
    """Run every part, or go on with it; write the record. 1 where a request was left without an answer.

    Raises CourseError where several clients are to ask weights on this machine.
    """
    return grids.record(GRID, words)


def parts(models: Sequence[ModelSpec], options: argparse.Namespace) -> dict[str, list[str]]:
    """Name → the words of its ``course bench`` command, without the folder."""
    if options.clients > 1 and not models[0].is_hosted:
        raise CourseError("Vision models on this machine answer one request after the other. Leave --clients at 1.")
    nano = all(row.is_local for row in models)
    names = [task for task in vision_tasks.TASKS if nano or task not in OWN_WORDS]
    tasks = [*([] if nano else SETS), *(f"vision/{name}" for name in names)]
    common = ["--temperature", "0", "--max-tokens", str(SHORT if nano else LONG)]
    asked, limit = grids.asked(models), ["--limit", str(options.items)]
    clients = ["--concurrency", str(options.clients)]
    commands = {"accuracy": [*asked, "--tasks", *tasks, *limit, *clients, *common]}
    if options.clients > 1:
        commands["latency"] = [*asked, "--tasks", *tasks, "--limit", str(options.latency_items), *common]
    if nano:  # real models see more in a picture of more pixels than these drawings have
        fewer = [f"vision/{task}/max_pixels={most}" for task in BUDGET_TASKS for most in BUDGETS]
        commands["pixel budget"] = [*grids.asked(models[-1:]), "--tasks", *fewer, *limit, *clients, *common]
    return commands


PARSER = grids.make_parser("vision_grid", __doc__.partition("\n")[0], ITEMS, CLIENTS, LATENCY_ITEMS)
GRID = grids.Grid("vision_grid", ROLES, PARSER, parts)

if __name__ == "__main__":
    grids.run_as_script(main)
