"""From the names on the command line to items."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import unknown
from ..profiles import root
from ..tasks import Item, load_items

PUZZLES = 100  # of a family, where no limit is given: there is no end to them


def load_tasks(names: Sequence[str], limit: int | None = None, seed: int = 0, think: bool | None = None) -> list[Item]:
    """The items of several tasks, at most ``limit`` of each, drawn with ``seed``. A task keeps the name it is asked by.

    A name is one of: a puzzle family ("tracking", held out; "tracking/templates", "tracking/longer"); a set in
    data/benchmark ("mathematics_en"); a public benchmark from the hub ("gsm8k", "humaneval", "bbh/navigate") or from
    its authors' file ("gsm8k=PATH"); or the path of a JSONL file of items, whose tasks are named in it.

    Raises UnknownName for another name, and TaskError for a file that cannot be used.
    """
    return [item for name in names for item in _load(name, limit, seed, think is not False)]


def _load(name: str, limit: int | None, seed: int, think: bool) -> list[Item]:
    from .. import public_benchmarks
    from ..worlds import puzzles

    first, _, rest = name.partition("/")
    sets = {path.stem: path for path in sorted((root() / "data" / "benchmark").glob("*.jsonl"))}
    public, _, file = name.partition("=")
    if name.endswith(".jsonl") and not file:
        return _draw(load_items(Path(name)), limit, seed)
    if name in sets:
        items = _draw(load_items(sets[name]), limit, seed)
    elif first in puzzles.FAMILIES:
        drawn = puzzles.puzzles(rest or "heldout", first, limit or PUZZLES, seed)
        items = [puzzle.item(think) for puzzle in drawn]
    elif public.partition("/")[0] in public_benchmarks.HUB:
        name, items = public, _draw(public_benchmarks.load_public(public, file or None), limit, seed)
    else:
        raise unknown("task", name, [*puzzles.FAMILIES, *sets, *public_benchmarks.HUB])
    return [replace(item, task=name) for item in items]


def _draw(items: list[Item], limit: int | None, seed: int) -> list[Item]:
    """At most ``limit`` of the items, in their own order."""
    if limit is None or limit >= len(items):
        return items
    chosen = sorted(random.Random(seed).sample(range(len(items)), limit))
    return [items[i] for i in chosen]
