"""Checks that tell a student what is wrong, and claims that keep prose and results together.

Both show a small box in the notebook and leave machine-readable data in the output, so that the
test suite can assert that every stub is told what is missing, every solution passes, and every claim holds.
"""

from __future__ import annotations

import cmath
import html
import numbers
from collections.abc import Callable, Sequence
from typing import NamedTuple

CHECK_MIME = "application/vnd.course.check+json"
CLAIM_MIME = "application/vnd.course.claim+json"


class Case(NamedTuple):
    """One call of the student's function: its arguments, what should come back, and a hint for when it does not."""

    args: tuple
    expected: object
    hint: str = ""


class Verdict:
    """What a check or a claim found; renders itself as a box with a word, never by colour alone."""

    def __init__(self, mime: str, name: str, passed: bool, message: str) -> None:
        self.mime, self.name, self.passed, self.message = mime, name, passed, message

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        word = {
            (CHECK_MIME, True): "✓ Passed",
            (CHECK_MIME, False): "✗ Not yet",
            (CLAIM_MIME, True): "✓ Holds in this run",
            (CLAIM_MIME, False): "✗ Does not hold in this run",
        }[self.mime, self.passed]
        kind = "passed" if self.passed else "failed"
        box = f'<div class="course-verdict course-{kind}"><strong>{word}.</strong> {html.escape(self.message)}</div>'
        data = {"name": self.name, "passed": self.passed, "message": self.message}
        return {"text/html": box, "text/plain": f"{word}. {self.message}", self.mime: data}


def check(function: Callable, cases: Sequence[Case | tuple]) -> Verdict:
    """Call the student's function on each case; say what is wrong at the first one that fails.

    Never raises for what the student's code does: a stub, a crash and a wrong result are all verdicts. The function
    gets copies, so that one which changes its arguments in place spoils neither the cases nor the notebook's variables.
    """
    name = getattr(function, "__name__", str(function))
    for case in cases:
        case = Case(*case)
        call = f"{name}({', '.join(_short(arg) for arg in case.args)})"
        hint = f" Hint: {case.hint}" if case.hint else ""
        try:
            result = function(*map(_copied, case.args))
            is_right = same(result, case.expected)
        except NotImplementedError as todo:
            missing = f": {todo}" if str(todo) else ""
            return Verdict(CHECK_MIME, name, False, f"{name} is not written yet{missing}. Replace the `raise` line.")
        except Exception as error:  # whatever the student's code raises is what the student needs to see
            return Verdict(CHECK_MIME, name, False, f"{call} raised {type(error).__name__}: {error}.{hint}")
        if result is None and case.expected is not None:
            return Verdict(CHECK_MIME, name, False, f"{call} returned None: is a `return` missing?{hint}")
        if not is_right:
            wrong = f"{call} returned {_short(result)}; expected {_short(case.expected)}."
            return Verdict(CHECK_MIME, name, False, wrong + hint)
    return Verdict(CHECK_MIME, name, True, f"{name} is right on all {len(cases)} cases.")


def claim(text: str, holds: bool) -> Verdict:
    """State what the prose relies on and whether this run bears it out.

    A claim that fails does not stop the notebook: at another profile it may honestly not hold. At nano a test
    asserts that every claim of every notebook holds.
    """
    return Verdict(CLAIM_MIME, text, bool(holds), text)


def same(a: object, b: object) -> bool:
    """Equality as a teacher means it: numbers to 1e-4, arrays and tensors by value, sequences item by item."""
    if hasattr(a, "tolist"):
        a = a.tolist()
    if hasattr(b, "tolist"):
        b = b.tolist()
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b  # True is not 1 to a student
    if isinstance(a, numbers.Number) and isinstance(b, numbers.Number):
        return cmath.isclose(a, b, rel_tol=1e-4, abs_tol=1e-4)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if hasattr(a, "equals"):  # a DataFrame: == would compare its cells
        return a.equals(b)
    return bool(a == b)


def _copied(value: object) -> object:
    """A copy of a list, tuple, dict, tensor, array or picture; anything else, such as a model, as it is."""
    if type(value) in (list, tuple):
        return type(value)(map(_copied, value))
    if type(value) is dict:
        return {key: _copied(item) for key, item in value.items()}
    copies = getattr(value, "clone", None) or getattr(value, "copy", None)
    return copies() if copies and not isinstance(value, type) else value


def _short(value: object, limit: int = 90) -> str:
    text = repr(value).replace("\n", " ")
    return text if len(text) <= limit else text[: limit - 1] + "…"
