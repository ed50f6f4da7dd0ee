"""Batches of anything (``itertools.batched`` comes with Python 3.12; the course supports 3.11)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of ``size`` items; the last may be shorter. Raises ValueError for a size below 1."""
    if size < 1:
        raise ValueError(f"a batch needs at least one item, not {size}")
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
