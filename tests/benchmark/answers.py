"""What the modules that compute the question sets' answers share."""

from __future__ import annotations

from collections.abc import Callable, Iterable


class Answers(dict[str, Callable[[], object]]):
    """Functions that compute an item's answer, by the item's id. Calling it with an id gives a decorator."""

    def __call__(self, item_id: str) -> Callable[[Callable], Callable]:
        def register(function: Callable) -> Callable:
            assert item_id not in self, f"{item_id} is computed twice"
            self[item_id] = function
            return function

        return register


def the_only(candidates: Iterable) -> object:
    """An item whose conditions leave two answers, or none, is a faulty item."""
    found = set(candidates)
    assert len(found) == 1, f"expected one answer, found {found}"
    return found.pop()


def letter(options: Iterable[bool]) -> str:
    """The letter of the only option that holds, of A to D."""
    return the_only(name for name, holds in zip("ABCD", options, strict=True) if holds)
