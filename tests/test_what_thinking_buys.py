"""What the notebook "What thinking buys" writes out, against the benchmark's own votes and against brute force.

The functions are taken from the notebook itself, so what is tested is what a reader runs.
"""

from __future__ import annotations

import ast
import itertools
import json
import math
import random
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import bench
from helpers.bench import Attempt, Settings
from helpers.bench.plan import Key
from helpers.bench.summary import majority
from helpers.chat import Reply
from helpers.grading import Grade
from helpers.profiles import root
from helpers.worlds import puzzles

NOTEBOOK = root() / "notebooks" / "02_reasoning" / "04_what_thinking_buys.ipynb"
FUNCTIONS = {"majority", "cons_at_k", "pass_at_k", "parts", "sentences", "whole_sentences"}
FUNCTIONS |= {"examine", "follow", "plant", "carry"}
CONSTANTS = {"SWAP", "INSIDE", "PLACES", "CLOSE"}


@pytest.fixture(scope="module")
def notebook() -> dict:
    """The notebook's own definitions (an exercise's from its solution cell), in one namespace."""
    namespace = {"Counter": Counter, "math": math, "re": re}
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] != "code" or "exercise" in cell["metadata"].get("tags", []):
            continue
        for node in ast.parse("".join(cell["source"])).body:
            constant = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) in CONSTANTS
            if constant or isinstance(node, ast.FunctionDef) and node.name in FUNCTIONS:
                exec(compile(ast.Module([node], type_ignores=[]), str(NOTEBOOK), "exec"), namespace)
    assert namespace.keys() >= FUNCTIONS | CONSTANTS
    return namespace


def attempts(answers: list[str | None], right: str) -> list[Attempt]:
    """Samples of one item as the benchmark logs and grades them."""

    def grade(answer: str | None) -> Grade:
        outcome = "no_answer" if answer is None else "correct" if answer == right else "incorrect"
        return Grade(outcome, float(outcome == "correct"), answer)

    return [
        Attempt(Key("tracking", "a", i, "m", "0"), 1, "", 1, Settings(), Reply("ok", "m"), grade(answer))
        for i, answer in enumerate(answers)
    ]


votes = st.lists(st.sampled_from(["Ada", "Ben", "Cara", None]), min_size=1, max_size=12)


@given(answers=votes, data=st.data())
def test_the_vote_is_the_benchmarks(notebook, answers, data):
    k = data.draw(st.integers(1, len(answers)))
    right = [answer == "Ada" for answer in answers]
    assert notebook["majority"](answers) == majority(answers)
    assert notebook["cons_at_k"](answers, right, k) == bench.cons_at_k(attempts(answers, "Ada"), k)


@given(st.integers(1, 30).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_pass_at_k_is_the_benchmarks(notebook, numbers):
    assert notebook["pass_at_k"](*numbers) == bench.pass_at_k(*numbers)


@pytest.mark.parametrize("n, c, k", [(6, 2, 3), (7, 1, 2), (5, 5, 1), (5, 0, 5), (6, 4, 4)])
def test_pass_at_k_is_the_share_of_all_sets_with_a_right_sample(notebook, n, c, k):
    sets = list(itertools.combinations([True] * c + [False] * (n - c), k))
    assert notebook["pass_at_k"](n, c, k) == pytest.approx(sum(map(any, sets)) / len(sets))


@pytest.mark.parametrize(
    "text, thought, answer",
    [
        ("q<think>\na b.\n</think>\n\nAnswer: x", "a b.", "Answer: x"),
        ("q<think>\n\n</think>\n\nAnswer: x", "", "Answer: x"),
        ("q<think>\na b. Answer: x", "a b. Answer: x", ""),
    ],
)
def test_a_conversation_falls_into_three_parts(notebook, text, thought, answer):
    assert notebook["parts"](text) == ("q<think>\n", thought, answer)


@given(st.lists(st.sampled_from(["a", "b", "c."]), max_size=12), st.integers(0, 14))
def test_whole_sentences_is_the_longest_beginning_that_ends_a_sentence(notebook, words, budget):
    fitting = [n for n in range(min(budget, len(words)) + 1) if n == 0 or words[n - 1].endswith(".")]
    assert notebook["whole_sentences"](words, budget) == words[: max(fitting)]


def about_places(notebook, split: str, n: int) -> list[puzzles.Puzzle]:
    """Puzzles about what lies in what, with the notebook's own filter."""
    drawn = puzzles.puzzles(split, "commonsense", n)
    return [puzzle for puzzle in drawn if puzzle.template.startswith(notebook["PLACES"])]


@pytest.mark.parametrize("family", ["arithmetic", "tracking", "commonsense"])
def test_the_sentences_of_a_solution_are_its_start_and_its_steps(notebook, family):
    for split in ("heldout", "longer"):
        for puzzle in puzzles.puzzles(split, family, 60):
            sentences = notebook["sentences"](puzzle.trace)
            assert "".join(sentences) == puzzle.trace
            if family != "commonsense":
                assert len(sentences) == puzzle.difficulty + 1


def test_a_true_solution_passes_the_examination_of_its_steps(notebook):
    for split in ("heldout", "templates", "longer"):
        for puzzle in puzzles.puzzles(split, "tracking", 60):
            first, follows, last = notebook["examine"](puzzle.trace)
            assert f" {first}." in notebook["sentences"](puzzle.trace)[0]
            assert follows == [True] * puzzle.difficulty
            assert last == puzzle.reference


def test_one_false_holder_fails_its_own_step_and_no_other_that_follows_from_it(notebook):
    start = "At first the cup is with Ada. "
    thought = start + "In May Ada and Ben swap, so {} has it. In June Ben and Eva swap, so {} has it."
    examine = notebook["examine"]
    assert examine(thought.format("Ben", "Eva")) == ("Ada", [True, True], "Eva")
    assert examine(thought.format("Ada", "Ada")) == ("Ada", [False, True], "Ada")
    assert examine(thought.format("Eva", "Eva")) == ("Ada", [False, False], "Eva")
    assert examine(start + "In May Ada swaps with Ben, so Eva has it.")[1] == [False]


@pytest.mark.parametrize("split", ["heldout", "templates", "longer"])
def test_following_the_facts_leads_to_the_answer(notebook, split):
    asked = about_places(notebook, split, 200)
    assert len(asked) > 20
    for puzzle in asked:
        inside = dict(notebook["INSIDE"].findall(puzzle.prompt))
        thing = notebook["INSIDE"].search(puzzle.trace)[1]
        assert re.search(rf"\b{thing}\?", puzzle.prompt), "the solution starts with what is asked about"
        assert notebook["follow"](thing, inside) == puzzle.reference


def test_a_planted_error_changes_one_word_and_leads_to_another_room(notebook):
    rng = random.Random(0)
    for split in ("heldout", "longer"):
        for puzzle in about_places(notebook, split, 200):
            for step in range(1, puzzle.difficulty + 1):
                thought, follows = notebook["plant"](puzzle, step, rng)
                true = "".join(notebook["sentences"](puzzle.trace)[:step]).split()
                false = thought.split()
                assert [a == b for a, b in zip(true, false, strict=True)] == [True] * (len(true) - 1) + [False]
                assert follows in puzzle.choices and follows != puzzle.reference


def test_carrying_a_true_value_leads_to_the_answer(notebook):
    for split in ("heldout", "longer"):
        for puzzle in puzzles.puzzles(split, "arithmetic", 60):
            sentences = notebook["sentences"](puzzle.trace)
            for step in range(1, puzzle.difficulty + 1):
                value = int(re.search(r"= (\d+)[.,]", sentences[step])[1])
                assert str(notebook["carry"](value, sentences[step + 1 :])) == puzzle.reference
