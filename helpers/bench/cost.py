"""What answers cost, from ``data/prices.yaml``. Where no price is known, none is made up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..errors import CourseError
from ..profiles import root
from .log import Attempt
from .plan import LOCAL


@dataclass(frozen=True)
class Price:
    """Yuan per 1,000 tokens, and where and when that was seen ("" for what runs on this machine)."""

    input: float
    output: float
    source: str = ""
    date: str = ""

    def of(self, prompt_tokens: float, output_tokens: float) -> float:
        """Yuan for so many tokens read and written."""
        return (prompt_tokens * self.input + output_tokens * self.output) / 1000


FREE = Price(0.0, 0.0)


@lru_cache
def prices(path: Path | None = None) -> dict[tuple[str, str], Price]:
    """(model, host) → price, as ``data/prices.yaml`` has them. Raises CourseError, naming a row that is none."""
    import yaml

    path = path or root() / "data" / "prices.yaml"
    found = {}
    for number, row in enumerate(yaml.safe_load(path.read_text(encoding="utf-8")), 1):
        try:
            price = Price(float(row["input"]), float(row["output"]), row["source"], str(row["date"]))
            found[row["model"], row["host"]] = price
        except (KeyError, TypeError, ValueError) as error:
            expected = "model, host, input, output (numbers), source and date"
            raise CourseError(f"Row {number} of {path} should have {expected}; mend it ({error!r}).") from error
    return found


def price_of(model: str, host: str) -> Price | None:
    """The price of a model at a host: FREE on this machine, None where it is unknown."""
    return FREE if host == LOCAL else prices().get((model, host))


def cost_of(attempts: Iterable[Attempt]) -> float | None:
    """Yuan for the answers among ``attempts``; None where a price or a number of tokens is unknown.

    Failed attempts are left out: what a provider charges for them, it does not say with the failure.
    """
    total = 0.0
    for attempt in attempts:
        if not attempt.finished:
            continue
        each, reply = price_of(attempt.key.model, attempt.settings.host), attempt.reply
        written = output_tokens(attempt)
        if each is FREE:
            continue
        if each is None or reply.prompt_tokens is None or written is None:
            return None
        total += each.of(reply.prompt_tokens, written)
    return total


def output_tokens(attempt: Attempt) -> int | None:
    """Tokens of reasoning and answer together; None where neither the server nor the stream told."""
    counts = [n for n in (attempt.reply.reasoning_tokens, attempt.reply.answer_tokens) if n is not None]
    return sum(counts) if counts else None
