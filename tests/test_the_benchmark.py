"""What notebook 03_the_benchmark writes out, against the library that the course uses for the same, and by force."""

from __future__ import annotations

import ast
import asyncio
import math
import random
from collections import Counter, defaultdict
from statistics import fmean, median

import nbformat
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import bench, stats
from helpers.bench import Attempt, Settings
from helpers.bench.cost import prices
from helpers.bench.plan import Key
from helpers.bench.summary import holm, mean_over_items
from helpers.chat import TRANSPORT_FAILURES, Reply
from helpers.grading import Grade
from helpers.profiles import root
from helpers.worlds import puzzles

NOTEBOOK = root() / "notebooks" / "02_reasoning" / "03_the_benchmark.ipynb"
DEFINED = {
    "is_right", "naive", "wilson", "honest", "bounds", "item_shares", "bootstrap", "mcnemar", "holm", "items_needed",
    "percentile", "ecdf", "yuan", "frontier", "torn", "over_items", "written", "steps_of",
}  # fmt: skip
COUNTS = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.fixture(scope="module")
def notebook():
    """The functions as the notebook defines them; a solution comes after its stub and replaces it."""
    sources = [cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    trees = [
        compile(source, str(NOTEBOOK), "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT) for source in sources
    ]
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    wanted = [node for tree in trees for node in tree.body if isinstance(node, functions) and node.name in DEFINED]
    namespace = {
        "math": math, "random": random, "mean": fmean, "median": median, "Counter": Counter, "stats": stats,
        "defaultdict": defaultdict, "TRANSPORT_FAILURES": TRANSPORT_FAILURES, "puzzles": puzzles,
    }  # fmt: skip
    exec(compile(ast.Module(wanted, type_ignores=[]), str(NOTEBOOK), "exec"), namespace)
    assert namespace.keys() >= DEFINED
    return namespace


def attempt(item, correct=None, outcome="ok", sample=0, **reply) -> Attempt:
    grade = None if correct is None else Grade("correct" if correct else "incorrect", float(correct), str(correct))
    key = Key("sums", str(item), sample, "adder", "settings")
    return Attempt(key, 1, "", 1, Settings(), Reply(outcome=outcome, model="adder", **reply), grade)


def bad_day() -> list[Attempt]:
    """Six answers, four of them right; one cut off; two failures, of which one was made good."""
    answers = [attempt(i, i < 4, e2e=1.0 + i, ttft=0.1) for i in range(6)]
    cut_off = attempt(6, outcome="truncated", e2e=9.0)
    return [attempt(0, outcome="rate_limited"), *answers, cut_off, attempt(7, outcome="timeout")]


def test_the_honest_row_is_what_the_engine_reports(notebook):
    row, (score,), (times,) = notebook["honest"](bad_day()), bench.summarise(bad_day()), bench.latency(bad_day())
    assert (row["answers"], row["failed"], row["attempts"]) == (score.n, score.failures, 9)
    assert row["accuracy"] == pytest.approx(score.accuracy, abs=1e-6)
    assert row["median seconds"] == times.percentile("e2e", 50)


def test_the_naive_row_falls_into_every_trap(notebook):
    row, (score,) = notebook["naive"](bad_day()), bench.summarise(bad_day())
    assert row["accuracy"] == 4 / 9 < score.accuracy.value
    assert row["mean seconds"] == pytest.approx((1 + 2 + 3 + 4 + 5 + 6 + 9 + 0 + 0) / 9)
    assert row["excellent"] == 2 / 9  # the two failures, and nothing else


@given(counts=COUNTS)
def test_wilson_is_scipys(notebook, counts):
    assert notebook["wilson"](*counts) == pytest.approx(stats.wilson(*counts), abs=1e-6)


@given(counts=st.tuples(*[st.integers(0, 9)] * 3))
def test_bounds_are_the_least_and_the_most_that_can_be(notebook, counts):
    right, wrong, failed = counts
    if sum(counts):
        possible = [(right + more) / sum(counts) for more in range(failed + 1)]
        answered = right / (right + wrong) if right + wrong else None
        assert notebook["bounds"](*counts) == pytest.approx((min(possible), answered, max(possible)))


def test_samples_of_an_item_count_once_and_the_interval_is_over_items(notebook):
    rng = np.random.default_rng(0)
    attempts = [attempt(i, bool(rng.random() < i / 80), sample=s) for i in range(80) for s in range(3)]
    shares = list(notebook["item_shares"](attempts).values())
    by_hand, (score,) = notebook["bootstrap"](shares), bench.summarise(attempts)
    assert by_hand.value == pytest.approx(score.accuracy.value)
    assert by_hand == pytest.approx(score.accuracy, abs=0.02)  # other random draws


@pytest.mark.parametrize("right", [[0] * 30, [1] * 30, [0, 1] * 15, [0, 0.5, 1] * 10])
def test_the_interval_over_items_is_the_engines_and_never_of_no_width(notebook, right):
    attempts = [attempt(i, sample < 2 * share, sample=sample) for i, share in enumerate(right) for sample in range(2)]
    by_hand = notebook["over_items"](attempts)
    assert by_hand == pytest.approx(mean_over_items(right), abs=0.02 if 0.5 in right else 1e-6)
    assert by_hand.low < by_hand.high


@pytest.mark.parametrize("split", ["heldout", "longer"])
@pytest.mark.parametrize("family", puzzles.FAMILIES)
def test_a_puzzle_is_found_again_by_its_name(notebook, family, split):
    drawn = list(puzzles.puzzles(split, family, 5, seed=3))
    assert [notebook["steps_of"](attempt(puzzle.id)) for puzzle in drawn] == [puzzle.difficulty for puzzle in drawn]


@given(counts=st.tuples(st.integers(0, 60), st.integers(0, 60)))
def test_mcnemar_is_the_librarys(notebook, counts):
    only_a, only_b = counts
    a, b = [True] * only_a + [False] * only_b, [False] * only_a + [True] * only_b
    assert notebook["mcnemar"](*counts) == pytest.approx(stats.mcnemar(a, b))


@given(ps=st.lists(st.floats(0, 1), max_size=12))
def test_holm_is_the_librarys(notebook, ps):
    assert notebook["holm"](ps) == pytest.approx(holm(ps))


@pytest.mark.parametrize("share, width", [(0.5, 0.2), (0.9, 0.1), (0.0, 0.3), (1.0, 0.05)])
def test_so_many_items_are_enough_and_one_fewer_is_not(notebook, share, width):
    n = notebook["items_needed"](share, width)
    widths = [e.high - e.low for e in (notebook["wilson"](share * m, m) for m in (n - 1, n))]
    assert widths[0] > width >= widths[1]


@given(values=st.lists(st.floats(0, 1e3), min_size=1, max_size=50), q=st.integers(0, 100))
def test_percentiles_are_numpys(notebook, values, q):
    assert notebook["percentile"](values, q) == pytest.approx(float(np.percentile(values, q)), abs=1e-9)


def test_percentiles_are_the_engines(notebook):
    values = [1.7**i for i in range(100)]
    (row,) = bench.latency([attempt(i, True, e2e=value) for i, value in enumerate(values)])
    assert [row.percentile("e2e", q) for q in (50, 90, 99)] == pytest.approx(
        [notebook["percentile"](values, q) for q in (50, 90, 99)]
    )


@given(values=st.lists(st.integers(0, 9), min_size=1))
def test_a_point_of_the_ecdf_is_the_share_that_is_at_most_so_large(notebook, values):
    steps = dict(zip(*notebook["ecdf"](values)))  # of equal values the last, the top of the step
    assert steps == {x: sum(value <= x for value in values) / len(values) for x in values}


def test_an_answers_price_is_the_engines(notebook):
    model, host = next(iter(prices()))
    priced = attempt(0, True, prompt_tokens=70, reasoning_tokens=1500, answer_tokens=40)
    key, settings = priced.key._replace(model=model), Settings(host)
    hosted = Attempt(key, 1, "", 1, settings, priced.reply, priced.grade)
    assert notebook["yuan"](priced, bench.price_of(model, host)) == pytest.approx(bench.cost_of([hosted]))


@given(points=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12))
def test_the_frontier_is_what_no_point_beats(notebook, points):
    def beats(a, b):
        return a[0] <= b[0] and a[1] >= b[1] and a != b

    unbeaten = {point for point in points if not any(beats(other, point) for other in points)}
    assert notebook["frontier"](points) == sorted(unbeaten)


@pytest.mark.parametrize("sizes", [(100, 100, 1000), (5000,), (399, 1, 1)])
def test_a_torn_stream_ends_after_its_first_bytes(notebook, sizes):
    data = [bytes(size) for size in sizes]

    async def stream():
        for chunk in data:
            yield chunk

    async def received():
        return b"".join([chunk async for chunk in notebook["torn"](stream())])

    assert asyncio.run(received()) == b"".join(data)[:400]
