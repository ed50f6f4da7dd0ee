"""What all worlds share in drawing: which indices, what is kept for evaluation, one question of each type."""

from __future__ import annotations

import itertools
import random
import zlib
from collections.abc import Iterable
from typing import Any


def indices(n: int | None, start: int = 0) -> Iterable[int]:
    """``n`` indices from ``start`` on, endlessly many when ``n`` is None."""
    return itertools.count(start) if n is None else range(start, start + n)


def is_reserved(content: str) -> bool:
    """Whether a content is kept for evaluation: a quarter of all contents, by a hash, whatever the seed."""
    return zlib.crc32(content.encode()) % 4 == 0


def one_of_each_type(rng: random.Random, questions: Iterable[Any]) -> list[Any]:
    """Of several questions of a ``type`` one each, in random order."""
    found: dict[str, list[Any]] = {}
    for question in questions:
        found.setdefault(question.type, []).append(question)
    chosen = [rng.choice(options) for options in found.values()]
    rng.shuffle(chosen)
    return chosen
