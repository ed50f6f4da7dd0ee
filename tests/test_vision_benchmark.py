"""What notebook 06_the_benchmark of chapter 3 writes out, against libraries, by force, and against the engine."""

from __future__ import annotations

import ast
import json
import math
import random
from statistics import fmean, median, stdev

import nbformat
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import permutation_test

from helpers import bench, stats
from helpers.bench import Attempt, Settings
from helpers.bench.plan import Key
from helpers.bench.summary import points_of
from helpers.chat import Reply
from helpers.grading import Grade
from helpers.profiles import root

NOTEBOOK = root() / "notebooks" / "03_vision" / "06_the_benchmark.ipynb"
DEFINED = {
    "sign_flip", "differences", "scores_of", "share", "times_of", "frontier", "pictures_needed", "weighted",
    "read_grid", "on_mmmu", "ms", "message", "picture_part", "whiskers",
}  # fmt: skip


@pytest.fixture(scope="module")
def notebook():
    """The functions as the notebook defines them; a solution comes after its stub and replaces it."""
    sources = [cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    nodes = [node for source in sources for node in compile(source, str(NOTEBOOK), "exec", flags).body]
    wanted = [node for node in nodes if isinstance(node, ast.FunctionDef) and node.name in DEFINED]
    namespace = {
        "json": json, "math": math, "random": random, "mean": fmean, "median": median, "stdev": stdev, "stats": stats,
        "points_of": points_of, "bench": bench, "root": root, "full": log(), "QUESTIONS": 900,
    }  # fmt: skip
    exec(compile(ast.Module(wanted, type_ignores=[]), str(NOTEBOOK), "exec"), namespace)
    assert namespace.keys() >= DEFINED
    return namespace


def attempt(model, item, score=None, outcome="ok", task="ocr", clients=1, **reply) -> Attempt:
    grade = None if score is None else Grade("correct" if score == 1 else "incorrect", score, str(score))
    key = Key(task, str(item), 0, model, "settings")
    return Attempt(key, 1, "", clients, Settings(), Reply(outcome=outcome, model=model, **reply), grade)


def log() -> list[Attempt]:
    """Two models on ten items, of which the second has nine; one answer was cut off."""
    rng = random.Random(0)
    times = {"ttft": 0.1, "tpot": 0.01, "e2e": 0.5, "prompt_tokens": 40, "answer_tokens": 41}
    of_a = [attempt("a", i, rng.random(), **times) for i in range(10)]
    of_b = [attempt("b", i, rng.random(), **times) for i in range(8)]
    return [*of_a, *of_b, attempt("b", 8, outcome="truncated", e2e=1.0), attempt("b", 3, 0.5, task="vqa", clients=8)]


@settings(deadline=None, max_examples=30)
@given(values=st.lists(st.integers(-4, 4), min_size=2, max_size=10))
def test_the_sign_flip_test_is_scipys_paired_permutation_test(notebook, values):
    exact = permutation_test((values,), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue
    assert notebook["sign_flip"](values) == pytest.approx(exact, abs=0.035)  # four standard errors of 4,000 draws


def test_the_sign_flip_test_counts_the_signs_that_were_seen_and_is_never_zero(notebook):
    assert 0 < notebook["sign_flip"]([1.0] * 60) < 0.001
    assert notebook["sign_flip"]([0.0] * 5) == 1.0


def test_scores_and_differences_are_the_engines(notebook):
    by_name = {(s.name, s.task): s for s in bench.summarise(log()[:-1])}
    for model in ("a", "b"):
        assert fmean(notebook["scores_of"](model, "ocr").values()) == pytest.approx(by_name[model, "ocr"].score.value)
    assert notebook["scores_of"]("b", "ocr")["8"] == 0.0  # cut off: no grade, and no point
    differences, of_a, of_b = (
        notebook["differences"]("a", "b", "ocr"), notebook["scores_of"]("a", "ocr"), notebook["scores_of"]("b", "ocr")
    )  # fmt: skip
    assert differences == [of_b[str(i)] - of_a[str(i)] for i in range(9)]  # the items that both have


@given(values=st.lists(st.floats(0, 1), min_size=1, max_size=40), at_least=st.floats(0, 1))
def test_a_share_is_a_count_with_wilsons_interval(notebook, values, at_least):
    assert notebook["share"](values, at_least) == stats.wilson(sum(v >= at_least for v in values), len(values))


def test_times_are_the_engines_medians_with_one_client(notebook):
    (row,) = [row for row in bench.latency(log(), clients=1) if (row.name, row.task) == ("a", "ocr")]
    times = notebook["times_of"]("a", "ocr")
    assert {name: times[name] for name in ("ttft", "tpot", "e2e")} == {
        name: row.percentile(name, 50) for name in ("ttft", "tpot", "e2e")
    }
    assert (times["read"], times["written"]) == (40, 41)
    assert times["e2e"] == pytest.approx(times["ttft"] + (times["written"] - 1) * times["tpot"])
    assert math.isnan(notebook["times_of"]("b", "vqa")["e2e"])  # asked by eight clients: no latency


@given(values=st.lists(st.floats(-1, 1), min_size=2, max_size=20), width=st.floats(0.05, 1))
def test_so_many_pictures_are_enough_and_one_fewer_is_not(notebook, values, width):
    n, s = notebook["pictures_needed"](values, width), stdev(values)
    assert n == 0 or 2 * 1.96 * s / math.sqrt(n) <= width * (1 + 1e-9)
    assert n <= 1 or 2 * 1.96 * s / math.sqrt(n - 1) > width * (1 - 1e-9)


def test_the_rule_for_pictures_agrees_with_the_bootstrap(notebook):
    rng = np.random.default_rng(0)
    population = rng.normal(0.1, 0.3, 4000)
    drawn = stats.bootstrap(rng.choice(population, notebook["pictures_needed"](population, 0.1)))
    assert drawn.high - drawn.low == pytest.approx(0.1, rel=0.15)


@given(weights=st.dictionaries(st.sampled_from(["vqa", "ocr", "video"]), st.integers(0, 5)))
def test_a_weighted_mean_is_numpys(notebook, weights):
    scores = {"vqa": 0.9, "ocr": 0.2}
    used = [weights.get(task, 0) for task in scores]
    expected = np.average(list(scores.values()), weights=used) if sum(used) else None
    assert notebook["weighted"](scores, weights) == (None if expected is None else pytest.approx(float(expected)))


@given(points=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12))
def test_the_frontier_is_what_no_point_beats(notebook, points):
    def beats(a, b):
        return a[0] <= b[0] and a[1] >= b[1] and a != b

    unbeaten = {point for point in points if not any(beats(other, point) for other in points)}
    assert notebook["frontier"](points) == sorted(unbeaten)


def test_a_grid_is_read_where_one_was_recorded(notebook, tiny_course, monkeypatch):
    monkeypatch.setenv("COURSE_ROOT", str(tiny_course))
    assert notebook["read_grid"]("api") is None
    path = tiny_course / "data" / "measured" / "vision_grid-api.json"
    bench.write_archive(path.with_suffix(".jsonl.gz"), log())
    path.write_text('{"date": "2026-01-01"}', encoding="utf-8")
    attempts, about = notebook["read_grid"]("api")
    assert len(attempts) == len(log()) and about["date"] == "2026-01-01"


def test_a_message_has_its_pictures_before_its_text(notebook):
    parts = notebook["message"]("What?", "data:a", "data:b")["content"]
    assert [part["type"] for part in parts] == ["image_url", "image_url", "text"]
    assert parts[1] == {"type": "image_url", "image_url": {"url": "data:b"}}


def test_published_shares_get_the_interval_of_so_many_questions(notebook):
    low, high = notebook["on_mmmu"](58.6)[1:]
    assert low < 0.586 < high and 0.06 < high - low < 0.07


def test_whiskers_reach_from_the_value_to_the_ends(notebook):
    bars = notebook["whiskers"]([stats.Estimate(0.5, 0.2, 0.9)])
    assert bars == {"array": [pytest.approx(0.4)], "arrayminus": [pytest.approx(0.3)]}
