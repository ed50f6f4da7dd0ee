"""Arithmetic: chains of +, - and * as instructions, stories and equations.

A solution quotes one operation per sentence and does it: "In March Ada loses 4, so 12 - 4 = 8."
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from .puzzle import NAMES, PLAIN, QUESTION_FIRST, Puzzle, arrange, months, shuffled

STEPS, LONGER = range(2, 7), range(7, 9)
CHANCE = 1 / 100  # answers are drawn uniformly from 0 to 99
THINGS = ("apples", "pens", "coins", "books", "cards", "shells", "eggs", "stones")
LETTERS = "BCDGHKMNPRTW"


@dataclass(frozen=True)
class Style:
    """The sentences of one kind of problem, and what its steps are called: "Step 1", months, or (equations) letters."""

    labels: str
    start: str
    operations: dict[str, str]
    question: str


STYLES = {
    "steps": Style(
        "steps",
        "Start with {n}.",
        {"+": "{label}: add {n}.", "-": "{label}: subtract {n}.", "*": "{label}: multiply by {n}."},
        "What is the result?",
    ),
    "finds": Style(
        "months",
        "At first {who} has {n} {things}.",
        {"+": "In {label} {who} finds {n}.", "-": "In {label} {who} loses {n}.",
         "*": "In {label} {who} has {n} times as many."},
        "How many {things} does {who} have at the end?",
    ),
    "shop": Style(
        "months",
        "At first a shop has {n} {things}.",
        {"+": "In {label} the shop buys {n}.", "-": "In {label} the shop sells {n}.",
         "*": "In {label} the shop has {n} times as many."},
        "How many {things} does the shop have at the end?",
    ),
    "club": Style(
        "months",
        "At first a club has {n} people.",
        {"+": "In {label} {n} people come.", "-": "In {label} {n} people go."},
        "How many people does the club have at the end?",
    ),
    "letters": Style(
        "letters",
        "{label} = {n}.",
        {op: "{previous} " + op + " {n} = {label}." for op in "+-*"},
        "What is {label}?",
    ),
}  # fmt: skip
UNSEEN = (("finds", QUESTION_FIRST), ("club", QUESTION_FIRST))
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
    solution, value = [facts[0] if name == "letters" else f"Start: {start}."], start
    for (op, n), label, previous in zip(operations, labels[1:], labels):
        facts.append(style.operations[op].format(n=n, label=label, previous=previous, **filling))
        after = _APPLY[op](value, n)
        if name == "letters":
            solution.append(f"{previous} {op} {n} = {after}, so {label} = {after}.")
        else:
            solution.append(f"{facts[-1].removesuffix('.')}, so {value} {op} {n} = {after}.")
        value = after
    if name == "letters":
        facts = shuffled(rng, facts)
    question = style.question.format(label=labels[-1], **filling)
    return Puzzle(
        family="arithmetic",
        template=f"{name}, {frame}",
        difficulty=steps,
        prompt=arrange(frame, "", facts, question),
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
    """What the start and the steps are called."""
    if kind == "letters":
        return rng.sample(LETTERS, steps + 1)
    return ["Start", *(months(rng, steps) if kind == "months" else (f"Step {i}" for i in range(1, steps + 1)))]
