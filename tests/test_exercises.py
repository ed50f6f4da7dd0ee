"""The check tells a student what is wrong; it never lets the notebook stop and never passes by accident."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from helpers.exercises import CHECK_MIME, CLAIM_MIME, check, claim, same

CASES = [((2, 3), 5), ((0, 0), 0, "zero is a number too")]


def test_a_stub_is_told_that_it_is_not_written():
    def add(a, b):
        raise NotImplementedError("sum of a and b")

    verdict = check(add, CASES)
    assert not verdict.passed and "not written yet: sum of a and b" in verdict.message


def test_a_right_solution_passes():
    assert check(lambda a, b: a + b, CASES).passed


@pytest.mark.parametrize(
    "function, says",
    [
        (lambda a, b: None, "returned None: is a `return` missing?"),
        (lambda a, b: a * b, "returned 6; expected 5"),
        (lambda a, b: a + b if a else 1, "Hint: zero is a number too"),
        (lambda a, b: 1 / 0, "raised ZeroDivisionError"),
        (lambda a: a, "raised TypeError"),
        (lambda a, b: pd.DataFrame({"a": [a], "b": [b]}), "expected 5"),
        (lambda a, b: complex(a, b), "returned (2+3j); expected 5"),
    ],
)
def test_a_wrong_solution_is_told_why(function, says):
    verdict = check(function, CASES)
    assert not verdict.passed and says in verdict.message


@pytest.mark.parametrize(
    "given", [[3, 1, 2], ([3, 1],), {"a": [3, 1, 2]}, np.array([3, 1, 2]), torch.tensor([3, 1, 2])],
    ids=lambda x: type(x).__name__,
)  # fmt: skip
def test_a_function_that_changes_its_argument_does_not_spoil_the_case(given):
    def emptied(values):
        inner = values["a"] if isinstance(values, dict) else values[0] if isinstance(values, tuple) else values
        inner[0] = 0
        return 0

    before = repr(given)
    assert check(emptied, [((given,), 0)]).passed and repr(given) == before


def test_what_a_student_returns_is_escaped():
    bundle = check(lambda a, b: "<script>alert(1)</script>", CASES)._repr_mimebundle_()
    assert "<script>" not in bundle["text/html"] and bundle[CHECK_MIME]["passed"] is False


def test_a_claim_says_whether_it_holds():
    bundle = claim("beam is not worse", np.float64(0.9) > 0.8)._repr_mimebundle_()
    assert bundle[CLAIM_MIME] == {"name": "beam is not worse", "passed": True, "message": "beam is not worse"}
    assert "Does not hold" in claim("x", False)._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize(
    "a, b, equal",
    [
        (1.00001, 1, True), (1.1, 1, False), ([1, 2.0], (1, 2), True), ([1], [1, 2], False), (True, 1, False),
        (torch.tensor([1.0, 2.0]), [1, 2], True), (np.array([[1]]), [[1]], True), ({"a": 1}, {"a": 1.0}, True),
        ("a", "a", True), ("1", 1, False), (float("nan"), 1, False), ({"a": 1}, {"b": 1}, False),
    ],
)  # fmt: skip
def test_same(a, b, equal):
    assert same(a, b) is equal
