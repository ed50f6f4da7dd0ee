"""Tracking: people swap things, and one thing is asked for at the end.

A solution follows that one thing: "In March Ada and Cara swap, so Cara has it."
Pairs are drawn uniformly, so neither the first holder nor the last pair gives the answer away.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from .puzzle import COLOURS, NAMES, PLAIN, QUESTION_FIRST, Puzzle, arrange, months

STEPS, LONGER = range(2, 7), range(7, 9)
CHANCE = (1 / 3 + 1 / 4) / 2  # three or four people
ITEMS = ("key", "coin", "book", "cup", "ring", "map", "pen", "lamp")


@dataclass(frozen=True)
class Style:
    """The sentences of one kind of swapping; ``things`` are the nouns that are swapped."""

    things: tuple[str, ...]
    place: str
    swap: str
    question: str


_AND, _WITH = "In {month} {a} and {b} swap", "In {month} {a} swaps with {b}"
STYLES = {
    "balls": Style(tuple(f"{colour} ball" for colour in COLOURS), "the {thing} is with {who}", _AND,
                   "Who has the {thing} at the end?"),
    "things": Style(ITEMS, "the {thing} is with {who}", _WITH, "Who has the {thing} at the end?"),
    "hats": Style(tuple(f"{colour} hat" for colour in COLOURS), "the {thing} is on {who}", _AND,
                  "Who wears the {thing} at the end?"),
    "cards": Style(tuple(f"{colour} card" for colour in COLOURS), "the {thing} goes to {who}", _WITH,
                   "Who holds the {thing} at the end?"),
}  # fmt: skip
UNSEEN = (("things", QUESTION_FIRST), ("hats", QUESTION_FIRST))
TRAINED = tuple((s, f) for s in STYLES for f in (PLAIN, QUESTION_FIRST) if (s, f) not in UNSEEN)


def draw(rng: random.Random, steps: int, unseen: bool = False) -> Puzzle:
    """Draw a puzzle of so many swaps, worded as trained or as never trained."""
    name, frame = rng.choice(UNSEEN if unseen else TRAINED)
    style = STYLES[name]
    people = rng.sample(NAMES, rng.choice((3, 4)))
    things = rng.sample(style.things, len(people))
    thing, holder = rng.choice(list(zip(things, people)))
    places = [style.place.format(thing=t, who=w) for t, w in zip(things, people)]
    facts = [f"At first {', '.join(places)}."]
    solution = [f"At first {places[people.index(holder)]}."]
    swaps = [rng.sample(people, 2) for _ in range(steps)]
    for (a, b), month in zip(swaps, months(rng, steps)):
        swap = style.swap.format(month=month, a=a, b=b)
        facts.append(f"{swap}.")
        holder = {a: b, b: a}.get(holder, holder)
        solution.append(f"{swap}, so {holder} has it.")
    return Puzzle(
        family="tracking",
        template=f"{name}, {frame}",
        difficulty=steps,
        prompt=arrange(frame, "", facts, style.question.format(thing=thing)),
        trace=" ".join(solution),
        answer=f"Answer: {holder}",
        reference=holder,
        grader="exact",
        content=f"{people} {things.index(thing)} {swaps}",
        choices=tuple(people),
    )
