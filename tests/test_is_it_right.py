"""What notebook 02_reasoning/02_is_it_right writes out, against helpers.grading.

Functions and answers are taken from the notebook itself, so what is tested is what a reader runs.
"""

from __future__ import annotations

import ast
import asyncio
import math
import re
from dataclasses import dataclass
from itertools import product

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.grading import extract, grade_number, judge, mathematics
from helpers.profiles import root

NOTEBOOK = root() / "notebooks" / "02_reasoning" / "02_is_it_right.ipynb"
FUNCTIONS = {"first_number", "last_number", "boxed", "announced", "course", "errors", "normalise", "read_verdict",
             "both_orders", "settle", "kappa"}  # fmt: skip
VALUES = {"NUMBER", "MARKER", "in_a_box", "in_words", "in_passing", "letters"}
EXTRACTORS = dict(zip(("first_number", "last_number", "announced", "course"), extract.EXTRACTORS.values()))


@pytest.fixture(scope="module")
def notebook() -> dict:
    """The notebook's functions and answers; a solution comes after its stub and replaces it."""
    namespace = {"re": re, "tidy": extract.tidy, "mathematics": mathematics, "judge": judge}
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        if cell.cell_type == "code":
            tree = compile(cell.source, "cell", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            tree.body = [node for node in tree.body if _names(node) & (FUNCTIONS | VALUES)]
            exec(compile(tree, str(NOTEBOOK), "exec"), namespace)
    assert namespace.keys() >= FUNCTIONS | VALUES
    return namespace


def _names(node: ast.stmt) -> set[str]:
    """What a statement defines."""
    if isinstance(node, ast.Assign):
        return {target.id for target in node.targets if isinstance(target, ast.Name)}
    return {node.name} if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else set()


# Extraction


@pytest.mark.parametrize("name", EXTRACTORS)
def test_on_the_page_s_answers_the_extractors_are_the_course_s(notebook, name):
    for reference, answer, _ in notebook["in_a_box"] + notebook["in_words"] + notebook["in_passing"]:
        assert notebook[name](answer) == EXTRACTORS[name](answer)
        ours, theirs = (grade_number(answer, reference, extractor) for extractor in (notebook[name], EXTRACTORS[name]))
        assert ours == theirs


@pytest.mark.parametrize("name", EXTRACTORS)
@settings(deadline=None, max_examples=30)
@given(a=st.integers(0, 10**6), b=st.integers(-(10**6), 10**6))
def test_on_numbers_in_plain_sentences_too(notebook, name, a, b):
    for text in (
        f"{b}",
        f"It is {b:,}.",
        f"First {a}, then {b / 4}.",
        f"The answer is {b}.",
        f"The answer is {b}, not {a}. I checked {a} twice.",
        f"**Answer:** {b}/7 of {a}",
        f"{a} in all.\n#### {b:,}",
        f"共有{a}个。答案是{b}。",
        rf"\boxed{{{b}}} and {a} more",
        rf"\boxed{{\frac{{{a}}}{{\sqrt{{2}}}}}}",
        rf"cut off after {a}: \boxed{{{b}",
        f"v{a} m^2",
        "none",
    ):
        if name != "course" or "cut off" not in text:  # there the course asks math-verify, and so does the page
            assert notebook[name](text) == EXTRACTORS[name](text), text


def test_errors_are_the_two_off_diagonal_counts(notebook):
    for verdicts, truth in product(product((True, False), repeat=3), repeat=2):
        wrong = sum(v and not t for v, t in zip(verdicts, truth))
        assert notebook["errors"](verdicts, truth) == (wrong, sum(t and not v for v, t in zip(verdicts, truth)))


@given(st.text("abehntTA ,.;:!?“”'()-\n").filter(lambda text: re.search(r"\w", text)))
def test_normalise_is_the_course_s_where_there_are_no_numbers(notebook, text):
    assert notebook["normalise"](text) == extract.normalise(text)


# Judging


@dataclass
class Reply:
    answer: str
    outcome: str = "ok"


REPLIES = [Reply(text) for text in ("Verdict: 1", "**Verdict: 2.**", "a\nverdict: TIE", "Verdict: 1 or 2", "", "So 1.")]
REPLIES += [Reply("Verdict: 2\nNo:\nVerdict: 1"), Reply("Verdict: 1", "timeout"), Reply("Verdict: 1", "truncated")]


@pytest.mark.parametrize(("one", "other"), product(REPLIES, repeat=2))
def test_both_orders_are_judged_as_by_the_course(notebook, one, other):
    def scripted():
        async def ask(messages):
            content = messages[0]["content"]
            return one if content.index("poem") < content.index("soup") else other

        return ask, "the task", "a poem", "a soup", "the rubric"

    verdict = asyncio.run(judge.compare(*scripted()))
    a_first, b_first = asyncio.run(notebook["both_orders"](*scripted()))
    assert (a_first, b_first) == (verdict.a_first, verdict.b_first)
    assert notebook["settle"](a_first, b_first) == verdict.outcome


@given(st.lists(st.tuples(st.sampled_from(judge.LABELS), st.sampled_from(judge.LABELS)), min_size=1))
def test_kappa_is_the_course_s(notebook, pairs):
    x, y = zip(*pairs)
    expected = judge.cohen_kappa(x, y)
    if not math.isnan(expected):
        assert notebook["kappa"](x, y) == pytest.approx(expected)
