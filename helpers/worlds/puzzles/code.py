"""Code: a one-line Python function of a number, or of a list of numbers, and tests for it.

A solution builds the expression from the inside: "Step 1: x + 3. Step 2: (x + 3) * 2." Nothing is executed here: the
values that the tests expect are computed beside the expression, operation by operation.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from .puzzle import Puzzle

STEPS, LONGER = range(1, 4), range(4, 6)
CHANCE = 0.0
NUMBERS = (0, 1, 2, 5, 10, -3)
LISTS = ([4, 1, 3], [2, 9, -5, 2, 6], [7], [8, -1, 0, 5, 3, 12])


@dataclass(frozen=True)
class Operation:
    """One step: what it does ("adds 3"), the instruction ("add 3"), the expression around another, and the value."""

    does: str
    do: str
    around: Callable[[str], str]
    value: Callable


#: The prompts. ``{f}`` is f(x) or f(xs).
FRAMES: dict[str, Callable[[str, list[Operation]], str]] = {
    "that": lambda f, ops: f"Write a function {f} that {', then '.join(op.does for op in ops)}.",
    "steps": lambda f, ops: f"Write a function {f}. {_listed(ops)}",
    "steps first": lambda f, ops: f"{_listed(ops)} Write this as a function {f}.",
    "given": lambda f, ops: f"Given {f[2:-1]}, {', then '.join(op.do for op in ops)}. Write this as a function {f}.",
}
UNSEEN = (("number", "given"), ("list", "steps first"))
TRAINED = tuple((s, f) for s in ("number", "list") for f in FRAMES if (s, f) not in UNSEEN)


def draw(rng: random.Random, steps: int, unseen: bool = False) -> Puzzle:
    """Draw a task of so many operations, worded as trained or as never trained."""
    style, frame = rng.choice(UNSEEN if unseen else TRAINED)
    name, inputs, program = ("x", NUMBERS, _on_number) if style == "number" else ("xs", LISTS, _on_list)
    operations = program(rng, steps)
    expression, values, solution = name, list(inputs), [f"Start: {name}."]
    for i, operation in enumerate(operations, 1):
        expression = operation.around(expression)
        values = [operation.value(value) for value in values]
        solution.append(f"Step {i}: {expression}.")
    return Puzzle(
        family="code",
        template=f"{style}, {frame}",
        difficulty=steps,
        prompt=FRAMES[frame](f"f({name})", operations),
        trace=" ".join(solution),
        answer=f"def f({name}): return {expression}",
        reference=[f"assert f({given}) == {expected}" for given, expected in zip(inputs, values)],
        grader="code",
        content=expression,
    )


def _listed(operations: list[Operation]) -> str:
    return " ".join(f"Step {i}: {operation.do}." for i, operation in enumerate(operations, 1))


def _operand(expression: str) -> str:
    """The expression in brackets, unless it is a name or a call."""
    is_call = expression[0].isalpha() and expression.endswith(")")
    return expression if expression.isidentifier() or is_call else f"({expression})"


def _on_number(rng: random.Random, steps: int) -> list[Operation]:
    """Operations on a number, at most one of them a square."""
    kinds = rng.choices("+-*", k=steps)
    if rng.random() < 0.3:
        kinds[rng.randrange(steps)] = "square"
    return [_number_operation(kind, rng.randint(2, 9)) for kind in kinds]


def _number_operation(kind: str, n: int) -> Operation:
    if kind == "+":
        return Operation(f"adds {n}", f"add {n}", lambda e: f"{_operand(e)} + {n}", lambda v: v + n)
    if kind == "-":
        return Operation(f"subtracts {n}", f"subtract {n}", lambda e: f"{_operand(e)} - {n}", lambda v: v - n)
    if kind == "*":
        return Operation(f"multiplies by {n}", f"multiply by {n}", lambda e: f"{_operand(e)} * {n}", lambda v: v * n)
    return Operation("squares it", "square it", lambda e: f"{_operand(e)} ** 2", lambda v: v**2)


def _on_list(rng: random.Random, steps: int) -> list[Operation]:
    """Some of: keep certain numbers, change each, make one number of them; then operations on that number."""
    shapes = [(keep, change, join, steps - keep - change - join)
              for keep in (0, 1) for change in (0, 1) for join in (0, 1)]  # fmt: skip
    keep, change, join, more = rng.choice([s for s in shapes if s[3] == 0 or (s[3] in (1, 2) and s[2])])
    operations = [_keep(rng)] * keep + [_change(rng)] * change
    if join:
        operations.append(rng.choice(JOINS[:2] if keep else JOINS))  # nothing may be left to take the largest of
    return operations + [_number_operation(rng.choice("+-*"), rng.randint(2, 9)) for _ in range(more)]


def _keep(rng: random.Random) -> Operation:
    n = rng.randint(1, 9)
    words, condition, test = rng.choice(
        (
            (f"the numbers above {n}", f"x > {n}", lambda x: x > n),
            (f"the numbers below {n}", f"x < {n}", lambda x: x < n),
            ("the even numbers", "x % 2 == 0", lambda x: x % 2 == 0),
        )
    )
    return Operation(f"keeps {words}", f"keep {words}", lambda e: f"[x for x in xs if {condition}]",
                     lambda xs: [x for x in xs if test(x)])  # fmt: skip


def _change(rng: random.Random) -> Operation:
    n = rng.randint(2, 9)
    does, do, changed, of = rng.choice(
        (
            (f"adds {n} to each", f"add {n} to each", f"x + {n}", lambda x: x + n),
            (f"multiplies each by {n}", f"multiply each by {n}", f"x * {n}", lambda x: x * n),
        )
    )
    return Operation(does, do, lambda e: f"[{changed} {'for x in xs]' if e == 'xs' else e.removeprefix('[x ')}",
                     lambda xs: [of(x) for x in xs])  # fmt: skip


JOINS = (
    Operation("takes the sum", "take the sum", lambda e: f"sum({e})", sum),
    Operation("counts them", "count them", lambda e: f"len({e})", len),
    Operation("takes the largest", "take the largest", lambda e: f"max({e})", max),
    Operation("takes the smallest", "take the smallest", lambda e: f"min({e})", min),
)
