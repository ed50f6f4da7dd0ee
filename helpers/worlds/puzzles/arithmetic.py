"""Arithmetic: chains of +, - and * as instructions, stories, comparisons and equations.

A solution does one operation per sentence and names whose value it is: "Day 3: 12 - 4 = 8."
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from .puzzle import NAMES, PLAIN, QUESTION_FIRST, Puzzle, arrange, capital, counted, shuffled

STEPS, LONGER = range(2, 7), range(7, 9)
CHANCE = 1 / 100  # answers are drawn uniformly from 0 to 99
THINGS = ("apples", "pens", "coins", "books", "cards", "shells", "eggs", "stones")
LETTERS = "BCDGHKMNPRTW"


@dataclass(frozen=True)
class Style:
    """The sentences of one kind of problem.

    ``labels`` says whose values the steps compute: a counted word ("day" gives "day 1", "day 2", …), or "names" or
    "letters", whose sentences refer to the one before and can therefore stand in any order.
    """

    labels: str
    start: str
    operations: dict[str, str]
    question: str
    opening: str = ""


STYLES = {
    "steps": Style(
        "step",
        "Start with {n}.",
        {"+": "{Label}: add {n}.", "-": "{Label}: subtract {n}.", "*": "{Label}: multiply by {n}."},
        "What is the result?",
    ),
    "days": Style(
        "day",
        "At the start {who} has {n} {things}.",
        {"+": "On {label} {who} finds {n}.", "-": "On {label} {who} loses {n}.",
         "*": "By {label} {who} has {n} times as many."},
        "How many {things} does {who} have at the end?",
    ),
    "weeks": Style(
        "week",
        "At the start a shop has {n} {things}.",
        {"+": "In {label} the shop buys {n}.", "-": "In {label} the shop sells {n}.",
         "*": "By {label} the shop has {n} times as many."},
        "How many {things} does the shop have at the end?",
    ),
    "bus": Style(
        "stop",
        "At the start there are {n} people on a bus.",
        {"+": "At {label}, {n} people get on.", "-": "At {label}, {n} people get off."},
        "How many people are on the bus at the end?",
    ),
    "names": Style(
        "names",
        "{label} has {n} {things}.",
        {"+": "{label} has {n} more than {previous}.", "-": "{label} has {n} fewer than {previous}.",
         "*": "{label} has {n} times as many as {previous}."},
        "How many {things} does {label} have?",
        "These people have some {things}.",
    ),
    "letters": Style(
        "letters",
        "Let {label} = {n}.",
        {op: "Let {label} = {previous} " + op + " {n}." for op in "+-*"},
        "What is {label}?",
    ),
}  # fmt: skip
UNSEEN = (("days", QUESTION_FIRST), ("bus", QUESTION_FIRST), ("names", QUESTION_FIRST))
TRAINED = tuple((s, f) for s in STYLES for f in (PLAIN, QUESTION_FIRST) if (s, f) not in UNSEEN)
_APPLY = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b}


def draw(rng: random.Random, steps: int, unseen: bool = False) -> Puzzle:
    """Draw a puzzle of so many steps, worded as trained or as never trained."""
    name, frame = rng.choice(UNSEEN if unseen else TRAINED)
    style = STYLES[name]
    start, operations, result = _chain(rng, steps, tuple(style.operations))
    labels = _labels(rng, style.labels, steps)
    filling = {"who": rng.choice(NAMES), "things": rng.choice(THINGS)}
    facts = [style.start.format(n=start, label=labels[0], **filling)]
    solution, value = [f"{capital(labels[0])}: {start}."], start
    for (op, n), label, previous in zip(operations, labels[1:], labels):
        words = {"n": n, "label": label, "Label": capital(label), "previous": previous}
        facts.append(style.operations[op].format(**words, **filling))
        after = _APPLY[op](value, n)
        solution.append(f"{capital(label)}: {value} {op} {n} = {after}.")
        value = after
    if style.labels in ("names", "letters"):
        facts = shuffled(rng, facts)
    question = style.question.format(label=labels[-1], **filling)
    return Puzzle(
        family="arithmetic",
        template=f"{name}, {frame}",
        difficulty=steps,
        prompt=arrange(frame, style.opening.format(**filling), facts, question),
        trace=" ".join(solution),
        answer=rf"\boxed{{{result}}}",
        reference=str(result),
        grader="number",
        content=f"{start}{''.join(f'{op}{n}' for op, n in operations)}",
    )


def _chain(rng: random.Random, steps: int, operators: tuple[str, ...]) -> tuple[int, list[tuple[str, int]], int]:
    """A first value, operations and the result, all values within 0..99.

    Drawn backwards from a uniform result: drawn forwards, small results would be frequent and easy to guess.
    """
    result = value = rng.randrange(100)
    operations: list[tuple[str, int]] = []
    while len(operations) < steps:
        op = rng.choice(operators)
        if op == "+" and value > 0:
            n = rng.randint(1, min(9, value))
            value -= n
        elif op == "-" and value < 99:
            n = rng.randint(1, min(9, 99 - value))
            value += n
        elif op == "*" and (factors := [m for m in (2, 3, 4, 5) if value and value % m == 0]):
            n = rng.choice(factors)
            value //= n
        else:
            continue
        operations.append((op, n))
    return value, operations[::-1], result


def _labels(rng: random.Random, kind: str, steps: int) -> list[str]:
    if kind == "names":
        return rng.sample(NAMES, steps + 1)
    if kind == "letters":
        return rng.sample(LETTERS, steps + 1)
    if kind == "step":  # numbered from 1, as instructions are
        return ["start", *(f"step {i}" for i in range(1, steps + 1))]
    return ["start", *counted(rng, kind, steps)]
