"""From an item and an answer to a grade, for each grader; and what is wrong with an item is said, with its name."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import grading
from helpers.grading import Grade, allow, grade, grade_number
from helpers.tasks import Item, TaskError


def item(grader: str, reference: object) -> Item:
    return Item("x-1", "testing", [{"role": "user", "content": "?"}], reference, grader)


def outcome(grader: str, reference: object, answer: str) -> str:
    return grade(item(grader, reference), answer).outcome


@pytest.mark.parametrize(
    ("answer", "reference", "outcome_"),
    [
        (r"\boxed{42}", "42", "correct"),
        (r"\boxed{４２}", "42", "correct"),
        ("#### 2,125", "2125", "correct"),
        ("The answer is 0.75.", "3/4", "correct"),
        ("The answer is 43.", "42", "incorrect"),
        (r"\boxed{24\,\text{km}}", "24", "correct"),
        (r"\boxed{24\text{ km}^2}", "24", "correct"),
        (r"\boxed{24\text{ km}^2}", "576", "incorrect"),
        (r"\boxed{6\ \mathrm{m}^2}", "6", "correct"),
        (r"\boxed{10\sqrt{3}\,\text{cm}}", r"10\sqrt{3}", "correct"),
        (r"\boxed{\$1,024}", "1024", "correct"),
        ("The area is 24 m^2.", "24", "correct"),
        ("The area is 24 m^2.", "2", "incorrect"),
        (r"\boxed{24 m^2}", "24", "correct"),
        (r"\boxed{24 m^2}", "24m^2", "correct"),  # with an expression for the reference it is one
        (r"\boxed{x^2}", "x^2", "correct"),
        (r"\boxed{3x^2}", "3", "incorrect"),
        (r"\boxed{3\text{ or }4}", "3", "incorrect"),
        (r"\boxed{3\text{ h }20\text{ min}}", "20", "incorrect"),
        (r"\boxed{24\text{ million}}", "24", "incorrect"),
        (r"\boxed{5\text{ 个}}", "5", "correct"),
        (r"\boxed{0.333}", "1/3", "incorrect"),
        ("1/0", "1", "incorrect"),
        ("9" * 5000, "1", "incorrect"),
        (r"\boxed{1e999999999}", "3", "incorrect"),
        ("I give up.", "42", "no_answer"),
        ("", "42", "no_answer"),
    ],
)
def test_numbers(answer, reference, outcome_):
    assert outcome("number", reference, answer) == outcome_


def test_the_score_depends_on_the_extractor():
    answer = "The answer is 42, that is 3 more than 39."
    scores = {name: grade_number(answer, "42", extractor).score for name, extractor in grading.EXTRACTORS.items()}
    assert scores == {"first_number": 1.0, "last_number": 0.0, "announced": 1.0, "final_number": 1.0}


@settings(deadline=None)
@given(st.fractions(max_denominator=10**6))
def test_every_fraction_equals_itself_and_not_its_neighbour(x):
    assert outcome("number", str(x), rf"\boxed{{{x}}}") == "correct"
    assert outcome("number", str(x), rf"\boxed{{{x + 1}}}") == "incorrect"


def test_choices():
    assert [outcome("choice", "B", answer) for answer in ("So (B).", "(A)", "A or B?")] == [
        "correct",
        "incorrect",
        "no_answer",
    ]


@pytest.mark.parametrize(
    ("reference", "right", "wrong"),
    [
        (
            "Yes",
            ["yes", "Yes, because he did not.", "**Yes.**", r"\boxed{\text{Yes}}"],
            ["No", "Yes and no", "not yes"],
        ),
        ("No", ["No, she did not.", "Answer: no"], ["Yes", "I know"]),
        ("True", ["So the expression is True."], ["It is not true.", "False", "True or False?"]),
        ("否", ["不是，因为…", "答案：否"], ["是", "是的"]),
        ("对", ["正确。", "对的"], ["不对", "错误"]),
        ("Omar", ["omar.", "Answer: “Omar”", "Ｏｍａｒ"], ["Ben", "Omar and Ben"]),
        (["red ball", "ball"], ["The red ball.", "a ball"], ["the blue ball"]),
        ("北京", ["答案是北京。"], ["南京"]),
        ("apple bear cat", ["apple, bear, cat"], ["bear apple cat"]),
        ("] )", ["])"], ["] ("]),
    ],
)
def test_exact_answers(reference, right, wrong):
    assert {answer: outcome("exact", reference, answer) for answer in right} == dict.fromkeys(right, "correct")
    assert {answer: outcome("exact", reference, answer) for answer in wrong} == dict.fromkeys(wrong, "incorrect")
    assert outcome("exact", reference, " ") == "no_answer"


DOUBLE = "```python\ndef double(x):\n    return 2 * x\n```"


def test_code_is_run_with_its_tests():
    task = item("code", ["assert double(2) == 4", "assert double('a') == 'aa'"])
    with allow():
        assert grade(task, DOUBLE).score == 1.0
        wrong = grade(task, DOUBLE.replace("2 * x", "x + 2"))
        assert grade(task, "I cannot write that.") == Grade("no_answer", 0.0, None)
    assert (wrong.outcome, wrong.score) == ("incorrect", 0.0)
    assert "error: TypeError" in wrong.detail
    assert "x + 2" in wrong.extracted


def test_code_that_completes_a_function():
    task = item(
        "code",
        {
            "prompt": 'import math\n\ndef area(r):\n    """Area of a circle."""\n',
            "entry_point": "area",
            "tests": ["def check(f):\n    assert round(f(1), 2) == 3.14", "check(area)"],
        },
    )
    with allow():
        assert grade(task, "    return math.pi * r**2").outcome == "correct"
        assert grade(task, "    return r**2").detail == "failed: AssertionError at: assert round(f(1), 2) == 3.14"


def test_writing_scores_the_share_of_constraints_that_it_meets():
    task = item("constraints", [{"kind": "lines", "n": 2}, {"kind": "forbidden", "words": ["moon"]}])
    assert grade(task, "A sun\nB star") == Grade("correct", 1.0, "A sun\nB star")
    assert grade(task, "Here it is:\n```\nA sun\nB star\n```").outcome == "correct"
    half = grade(task, "The sun")
    assert (half.outcome, half.score) == ("incorrect", 0.5)
    assert "'lines'" in half.detail and "moon" not in half.detail
    assert grade(task, " \n").outcome == "no_answer"


@pytest.mark.parametrize(
    ("grader", "reference"),
    [
        ("number", 42),
        ("number", ""),
        ("choice", "(B)"),
        ("choice", None),
        ("exact", []),
        ("exact", [" "]),
        ("exact", {"a": 1}),
        ("code", "assert f(1)"),
        ("code", []),
        ("code", {"tests": ["assert 1"], "prompt": "def f():"}),
        ("constraints", []),
        ("constraints", ["lines"]),
        ("constraints", [{"kind": "rhyme"}]),
        ("constraints", [{"kind": "lines"}]),
        ("constraints", [{"kind": "lines", "n": "4"}]),
        ("constraints", [{"kind": "lines", "n": 4, "m": 4}]),
        ("constraints", [{"kind": "forbidden", "words": "moon"}]),
        ("judge", "Is it funny?"),
    ],
)
def test_a_reference_that_a_grader_cannot_use_is_an_error_that_names_the_item(grader, reference):
    with pytest.raises(TaskError, match="x-1"):
        grade(item(grader, reference), "```python\n42\n```")


@settings(deadline=None)
@given(st.text())
def test_no_answer_breaks_a_grader(text):
    for grader, reference in [
        ("number", "42"),
        ("choice", "B"),
        ("exact", "Omar"),
        ("constraints", [{"kind": "lines", "n": 1}]),
    ]:
        graded = grade(item(grader, reference), text)
        assert graded.outcome in ("correct", "incorrect", "no_answer")
        assert 0 <= graded.score <= 1
