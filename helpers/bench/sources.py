"""From the names on the command line to items, and from a log back to the items that it was about."""

from __future__ import annotations

import collections
import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CourseError, unknown
from ..profiles import registry, root
from ..tasks import Item, load_items

if TYPE_CHECKING:
    from .log import Attempt

DRAWN = 100  # of a puzzle family or a vision task, where no limit is given: there is no end to them
MAX_PIXELS = "max_pixels="
QWEN2_5_TOKEN = 28  # pixels of a side of Qwen2.5-VL's visual token: what it sees has sides of multiples of that


def load_tasks(names: Sequence[str], limit: int | None = None, seed: int = 0, think: bool | None = None) -> list[Item]:
    """The items of several tasks, at most ``limit`` of each, drawn with ``seed``. A task keeps the name it is asked by.

    A name is one of: a puzzle family ("tracking", held out; "tracking/templates", "tracking/longer"); a vision task of
    the worlds (see ``_vision``); a set in data/benchmark ("mathematics_en"); a public benchmark from the hub ("gsm8k",
    "humaneval", "bbh/navigate") or from its authors' file ("gsm8k=PATH"); or the path of a JSONL file of items, whose
    tasks are named in it.

    Raises UnknownName for another name, and TaskError for a file that cannot be used.
    """
    return [item for name in names for item in _load(name, limit, seed, think is not False)]


def _load(name: str, limit: int | None, seed: int, think: bool) -> list[Item]:
    from .. import public_benchmarks, vision_tasks
    from ..worlds import puzzles

    first, _, rest = name.partition("/")
    sets = _sets()
    public, _, file = name.partition("=")
    if name.endswith(".jsonl") and not file:
        return _draw(load_items(Path(name)), limit, seed)
    if name in sets:
        items = _draw(load_items(sets[name]), limit, seed)
    elif first in puzzles.FAMILIES:
        drawn = puzzles.puzzles(rest or "heldout", first, limit or DRAWN, seed)
        items = [puzzle.item(think) for puzzle in drawn]
    elif first == "vision":
        items = _vision(rest, limit or DRAWN, seed)
    elif public.partition("/")[0] in public_benchmarks.HUB:
        name, items = public, _draw(public_benchmarks.load_public(public, file or None), limit, seed)
    else:
        vision = [f"vision/{task}" for task in vision_tasks.TASKS]
        raise unknown("task", name, [*puzzles.FAMILIES, *vision, *sets, *public_benchmarks.HUB])
    return [replace(item, task=name) for item in items]


def _vision(name: str, n: int, seed: int) -> list[Item]:
    """Items of a vision task, by what stands after "vision/": a key of ``vision_tasks.TASKS``, and in any order

    - a split, held out unless said ("vqa/novel");
    - "relative", where boxes are written in thousandths as Qwen3-VL does it ("grounding/relative"), and not in pixels
      of the resized picture, Qwen2.5-VL's way;
    - the pixels that a picture may have at most ("vqa/max_pixels=3136").

    These stand in the name because they change what is asked or what is right.
    """
    from .. import vision_tasks
    from ..world_pictures import SPLITS

    task, *words = name.split("/")
    split, convention, limit = "heldout", "absolute", None
    for word in words:
        number = word.removeprefix(MAX_PIXELS)
        if word in SPLITS:
            split = word
        elif word == "relative":
            convention = word
        elif word.startswith(MAX_PIXELS) and number.isdecimal() and int(number):
            limit = int(number)
        else:
            raise unknown("kind of vision task", word, [*SPLITS, "relative", f"{MAX_PIXELS}3136"])
    items = vision_tasks.items(task, split, n, seed, convention)
    return [_limited(item, limit) for item in items] if limit else items


def _limited(item: Item, max_pixels: int) -> Item:
    """The item with a limit for each of its pictures; boxes in pixels are then those of the smaller picture."""
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

    shown = [part if part["type"] == "text" else part | {"max_pixels": max_pixels} for part in _parts(item)]
    reference = item.reference
    if _convention(item) == "absolute":
        width, height = reference["size"]
        height, width = smart_resize(height, width, QWEN2_5_TOKEN, min_pixels=1, max_pixels=max_pixels)
        reference = reference | {"resized": [width, height]}
    return replace(item, messages=[item.messages[0] | {"content": shown}], reference=reference)


def _parts(item: Item) -> list[dict]:
    return item.messages[0]["content"]


def _convention(item: Item) -> str | None:
    """How the places that an item asks for are to be written; None where it asks for none."""
    return item.reference.get("convention") if isinstance(item.reference, dict) else None


def check_conventions(items: Iterable[Item], models: Iterable[str]) -> None:
    """Raise CourseError where an item expects boxes or points in numbers that a model is known not to write.

    Known are the ids in data/models.yaml. Such an answer would be graded as if it pointed somewhere else.
    """
    from .. import grounding

    classes = {row["id"]: role["class"] for role in registry().values() for row in role["profiles"].values()}
    places = {_convention(item): item for item in items if _convention(item)}
    for model in models:
        if places and "VL" in classes.get(model, ""):
            theirs = grounding.convention(classes[model])
            for item in (item for convention, item in places.items() if convention != theirs):
                name = item.task.replace("/relative", "") + ("/relative" if theirs == "relative" else "")
                raise CourseError(f"{model} writes places as {theirs} numbers. Ask it {name}, not {item.task}.")


def items_of(attempts: Iterable[Attempt]) -> list[Item]:
    """The items that a log is about, for a look at them beside the answers.

    Those of puzzle families, vision tasks and the sets in data/benchmark are found by the names of task and item, and
    the seed of the run that drew them; others are left out.
    """
    from ..worlds import puzzles

    asked = collections.defaultdict(set)
    for attempt in attempts:
        asked[attempt.key.task, attempt.settings.seed or 0, attempt.settings.think].add(attempt.key.item)
    found = []
    for (task, seed, think), ids in asked.items():
        if task.partition("/")[0] in ("vision", *puzzles.FAMILIES):
            numbers = [int(id.rpartition("-")[2]) for id in ids if re.search(r"-\d+$", id)]  # others are somebody's own
            if numbers:  # the first ones stay the same however many follow
                found += load_tasks([task], max(numbers) + 1, seed, think)
        elif task in _sets():
            found += load_tasks([task])
    return [item for item in found if any(item.id in ids for (task, *_), ids in asked.items() if task == item.task)]


def _sets() -> dict[str, Path]:
    return {path.stem: path for path in sorted((root() / "data" / "benchmark").glob("*.jsonl"))}


def _draw(items: list[Item], limit: int | None, seed: int) -> list[Item]:
    """At most ``limit`` of the items, in their own order."""
    if limit is None or limit >= len(items):
        return items
    chosen = sorted(random.Random(seed).sample(range(len(items)), limit))
    return [items[i] for i in chosen]
