"""Puzzles: six families of small problems in plain English with exact answers, worked solutions and a difficulty.

>>> from helpers.worlds import puzzles
>>> puzzle = next(puzzles.puzzles("heldout", "tracking", 1))
>>> puzzles.target(puzzle, think=True)      # doctest: +SKIP

Splits differ in their random streams, and in more: what the training split asks is never asked again.

- ``train``: contents that are not reserved, in trained wordings.
- ``heldout``: reserved contents, in trained wordings and of trained lengths.
- ``templates``: reserved contents, in wordings that no training text has (but all of whose words it has).
- ``longer``: more steps than any training puzzle, in trained wordings.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from ...errors import CourseError, unknown
from .. import drawing
from ..drawing import is_reserved
from . import arithmetic, code, commonsense, logic, tracking, writing
from .puzzle import Puzzle, messages, target
from .vocabulary import VOCABULARY

FAMILIES = {
    "arithmetic": arithmetic,
    "logic": logic,
    "tracking": tracking,
    "commonsense": commonsense,
    "code": code,
    "writing": writing,
}
SPLITS = ("train", "heldout", "templates", "longer")
#: The share of right answers that guessing gets, on average over a family's training lengths.
CHANCE = {name: family.CHANCE for name, family in FAMILIES.items()}

__all__ = [
    "CHANCE", "FAMILIES", "SPLITS", "VOCABULARY", "Puzzle", "is_reserved", "lengths", "messages", "puzzles", "sample",
    "target",
]  # fmt: skip


def lengths(family: str, split: str) -> range:
    """The numbers of steps that a family's puzzles have in a split. Raises UnknownName for names that do not exist."""
    if family not in FAMILIES:
        raise unknown("puzzle family", family, list(FAMILIES))
    if split not in SPLITS:
        raise unknown("split", split, list(SPLITS))
    return FAMILIES[family].LONGER if split == "longer" else FAMILIES[family].STEPS


def sample(rng: random.Random, family: str, split: str = "train", steps: int | None = None) -> Puzzle:
    """Draw one puzzle, with so many steps or (None) any number that the split has.

    Raises UnknownName for a family or split that does not exist, CourseError for a number of steps outside the split.
    """
    allowed = lengths(family, split)
    if steps is not None and steps not in allowed:
        raise CourseError(
            f"{family} has no puzzles of {steps} steps in the split {split!r}. "
            f"Choose from {allowed[0]} to {allowed[-1]}."
        )
    n = rng.choice(allowed) if steps is None else steps
    while True:
        puzzle = FAMILIES[family].draw(rng, n, unseen=split == "templates")
        if split == "longer" or is_reserved(puzzle.content) == (split != "train"):
            return puzzle


def puzzles(split: str, family: str, n: int | None = None, seed: int = 0, start: int = 0) -> Iterator[Puzzle]:
    """Yield ``n`` puzzles of a split and family (endlessly when ``n`` is None), the same on every machine."""
    for index in drawing.indices(n, start):
        rng = random.Random(f"puzzles/{split}/{family}/{seed}/{index}")
        yield replace(sample(rng, family, split), id=f"{family}-{split}-{seed}-{index}")
