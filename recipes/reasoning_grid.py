"""Record the full grid of chapter 2's benchmark: ``python -m recipes.reasoning_grid``.

Six puzzle families × three sizes, thinking and direct: accuracy with several clients at a time, latency with one client
on fewer items. The largest size also gets wordings and lengths that training never showed. How a grid is run, resumed
and kept is told in ``recipes.grids``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from helpers.profiles import ModelSpec
from helpers.worlds import puzzles

from . import grids

ROLES = ("r1-s", "r1-m", "r1-l")
ITEMS, SAMPLES, CLIENTS = 100, 2, 32  # of a family where accuracy is measured; per item; at a time
LATENCY_ITEMS = 20  # of a family, with one client
SHORT, LONG = 256, 16384  # tokens of an answer at most: of the nano models (the longest solution has 140), of others


def main(words: Sequence[str] | None = None) -> int:
    """Run every part, or go on with it; write the record. 1 where a request was left without an answer."""
    return grids.record(GRID, words)


def make_parser() -> argparse.ArgumentParser:
    parser = grids.make_parser("reasoning_grid", __doc__.partition("\n")[0], ITEMS, CLIENTS, LATENCY_ITEMS)
    parser.add_argument("--samples", type=int, default=SAMPLES, metavar="K", help=f"per item (default: {SAMPLES})")
    return parser


def parts(models: Sequence[ModelSpec], options: argparse.Namespace) -> dict[str, list[str]]:
    """Name → the words of its ``course bench`` command, without the folder."""
    most = SHORT if all(row.is_local for row in models) else LONG
    common = ["--run-code", "--max-tokens", str(most)]
    # one model after the other: a server that answers several clients at once holds one at a time
    accuracy = ["--limit", str(options.items), "--concurrency", str(options.clients), "--order", "blocks", *common]
    latency = ["--limit", str(options.latency_items), *common]
    # hosted reasoners have no switch for it: they think
    modes = {"thinking": []} if models[0].is_hosted else {"thinking": ["--think"], "direct": ["--no-think"]}
    commands = {}
    for mode, switch in modes.items():
        tasks = ["--tasks", *puzzles.FAMILIES]
        sampled = ["--samples", str(options.samples)]
        commands[f"{mode}, accuracy"] = [*grids.asked(models), *tasks, *switch, *accuracy, *sampled]
        commands[f"{mode}, latency"] = [*grids.asked(models), *tasks, *switch, *latency]
    tasks = [f"{family}/{split}" for family in puzzles.FAMILIES for split in ("templates", "longer")]
    commands["templates and longer"] = [*grids.asked(models[-1:]), "--tasks", *tasks, *modes["thinking"], *accuracy]
    return commands


GRID = grids.Grid("reasoning_grid", ROLES, make_parser(), parts)

if __name__ == "__main__":
    grids.run_as_script(main)
