"""Scores, intervals, votes, tests, times and costs, against values worked out by hand, by force or by others."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from benching import attempt
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.bench import (
    Settings,
    compare,
    cons_at_k,
    cost_of,
    host_of,
    latency,
    pass_at_k,
    price_of,
    sampling,
    summarise,
    throughput,
)
from helpers.bench.cost import prices
from helpers.bench.summary import holm, majority, mean_over_items
from helpers.errors import CourseError
from helpers.stats import bootstrap, wilson

QWEN = "deepseek-r1-distill-qwen-14b"
BEIJING = Settings("dashscope.aliyuncs.com")


def test_a_score_counts_what_it_says():
    attempts = [
        *(attempt(True, i, answer_tokens=10, reasoning_tokens=30, prompt_tokens=5) for i in range(6)),
        attempt(False, 6, answer_tokens=50, reasoning_tokens=70),
        attempt(item=7, outcome="truncated"), attempt(item=8, outcome="refused"),
        attempt(None, 9),  # an answer that nobody graded
        attempt(item=10, outcome="timeout"), attempt(item=10, outcome="timeout"),  # never answered
        attempt(item=0, outcome="rate_limited"),  # answered later
    ]  # fmt: skip
    (score,) = summarise(attempts)
    assert (score.items, score.n, score.correct, score.ungraded, score.unanswered) == (9, 9, 6, 1, 1)
    assert score.accuracy == wilson(6, 9)
    assert score.not_correct == {"incorrect": 1, "truncated": 1, "refused": 1}
    assert score.failures == {"timeout": 2, "rate_limited": 1}
    assert score.answer_tokens == pytest.approx((6 * 10 + 50) / 7)
    assert score.yuan == 0  # on this machine


def test_models_and_tasks_are_scored_apart_and_parts_of_a_point_are_shown():
    attempts = [attempt(model=m, task=t, score=s) for m, t, s in [("s", "x", 1), ("s", "y", 0.5), ("l", "y", 0.25)]]
    scores = [(s.name, s.task, s.score.value) for s in summarise(attempts)]
    assert scores == [("l", "y", 0.25), ("s", "x", 1), ("s", "y", 0.5)]


def test_scores_between_0_and_1_have_an_interval_over_items_and_a_model_outcome_scores_nothing():
    parts = [attempt(False, i, score=i / 10, sample=s) for i in range(10) for s in range(3)]
    (score,) = summarise(parts)
    assert score.correct == 0 and score.score == pytest.approx(bootstrap([i / 10 for i in range(10)]))
    (cut,) = summarise([attempt(True, 0, score=0.5), attempt(item=1, outcome="truncated")])
    assert cut.score.value == 0.25
    (whole,) = summarise([attempt(i < 3, i) for i in range(4)])
    assert whole.score == whole.accuracy == wilson(3, 4)


def test_nothing_but_failures_has_no_accuracy():
    (score,) = summarise([attempt(outcome="server_error")])
    assert (score.n, score.accuracy, score.unanswered) == (0, None, 1)


def test_samples_of_an_item_are_not_taken_for_items():
    same = [attempt(i < 5, i, sample=s) for i in range(10) for s in range(8)]
    assert summarise(same)[0].accuracy == wilson(5, 10)
    mixed = mean_over_items([0.5, 0.25, 0.75, 1.0, 0.0, 0.5])
    assert mixed.value == 0.5 and 0 < mixed.low < 0.5 < mixed.high < 1
    assert mean_over_items([0.3]) == (0.3, 0.0, 1.0)  # one item says nothing about items


@settings(deadline=None)
@given(st.integers(1, 7).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_pass_at_k_is_the_share_of_all_choices_of_k_samples_with_a_correct_one(numbers):
    n, correct, k = numbers
    choices = list(itertools.combinations([True] * correct + [False] * (n - correct), k))
    assert pass_at_k(n, correct, k) == pytest.approx(float(Fraction(sum(map(any, choices)), len(choices))))


@pytest.mark.parametrize("n, correct, k", [(3, 4, 1), (3, -1, 1), (3, 1, 4), (3, 1, 0)])
def test_pass_at_k_refuses_nonsense(n, correct, k):
    with pytest.raises(ValueError, match="pass@k needs"):
        pass_at_k(n, correct, k)


def test_a_majority_votes_and_no_answer_has_no_vote():
    assert majority(["4", "5", "5", None, None, None]) == "5"
    assert majority(["4", "5"]) == "4"  # of equals, the first
    assert majority([None]) is majority([]) is None
    votes = [("7", False), ("8", True), ("8", True), ("7", False), ("7", False)]
    samples = [attempt(right, sample=i, extracted=vote) for i, (vote, right) in enumerate(votes)]
    assert [cons_at_k(samples, k) for k in (1, 3, 5)] == [False, True, False]
    assert not cons_at_k([attempt(outcome="truncated")] * 3, 3)
    with pytest.raises(ValueError, match="at least 6"):
        cons_at_k(samples, 6)


def test_the_table_of_samples():
    right = {"a": [1, 1, 0, 1], "b": [0, 0, 1, 0], "c": [0, 0, 0, 0]}
    attempts = [attempt(bool(x), i, sample=s, extracted=str(x)) for i, xs in right.items() for s, x in enumerate(xs)]
    attempts.append(attempt(True, "d", sample=0))  # three of its four samples failed: it is left out
    rows = {row["k"]: row for row in sampling(attempts)}
    assert set(rows) == {1, 2, 4} and all(row["items"] == 3 for row in rows.values())
    assert rows[1]["pass@k"].value == pytest.approx(4 / 12) and rows[4]["pass@k"].value == pytest.approx(2 / 3)
    assert rows[4]["cons@k"].value == pytest.approx(1 / 3)


def test_models_are_compared_on_the_items_that_both_answered():
    s = [attempt(i < 2, i, "s") for i in range(10)] + [attempt(True, "only s", "s")]
    large = [attempt(i < 10, i, "l") for i in range(10)] + [attempt(item=11, model="l", outcome="timeout")]
    (comparison,) = compare(s + large)
    assert (comparison.a, comparison.b, comparison.items) == ("l", "s", 10)
    assert (comparison.only_a, comparison.only_b) == (8, 0)
    assert comparison.p == comparison.p_holm == pytest.approx(2 * 0.5**8)


def test_settings_are_compared_too():
    both = [Settings(think=True), Settings(think=False)]
    (comparison,) = compare([attempt(think.think, i, settings=think) for think in both for i in range(6)])
    assert {comparison.a, comparison.b} == {"adder (think True)", "adder (think False)"}
    assert comparison.p == pytest.approx(2 * 0.5**6)


def test_holm_against_a_worked_example():
    """0.01, 0.04, 0.03, 0.005 become 0.03, 0.06, 0.06, 0.02 (R: p.adjust(c(…), "holm"))."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == [] and holm([0.9, 0.8]) == pytest.approx([1, 1])


def test_percentiles_are_given_only_where_answers_lie_beyond():
    (row,) = latency([attempt(item=i, e2e=float(i)) for i in range(1, 21)])
    assert row.percentile("e2e", 50) == pytest.approx(10.5) and row.percentile("e2e", 95) == pytest.approx(19.05)
    assert row.percentile("e2e", 99) is None and row.percentile("ttft", 50) is None


def test_failures_have_no_latency_and_a_cut_off_answer_has():
    cut_off, failed = attempt(item=1, outcome="truncated", e2e=9.0), attempt(item=2, outcome="timeout")
    (row,) = latency([attempt(e2e=2.0), cut_off, failed])
    assert row.times["e2e"] == [2.0, 9.0]


def test_latency_of_one_client_and_times_under_load_do_not_mix():
    attempts = [attempt(e2e=1.0), attempt(item=1, e2e=7.0, clients=8)]
    with pytest.raises(CourseError, match="1 and 8 clients, and their times don't mix"):
        latency(attempts)
    alone, loaded = latency(attempts, clients=1)[0], latency(attempts, clients=8)[0]
    assert (alone.times["e2e"], alone.label) == ([1.0], "latency, 1 client")
    assert loaded.times["e2e"] == [7.0] and "under load, 8 clients; not latency" in loaded.label
    assert latency(attempts[1:])[0].label == loaded.label  # alone they may be shown, under their own name


def test_throughput_is_that_of_runs_with_several_clients():
    def at(second, item, run, clients):
        started = f"2026-01-01T00:00:{second:02}.000+00:00"
        return attempt(item=item, started=started, e2e=4.0, answer_tokens=60, run=run, clients=clients)

    attempts = [at(0, 0, "one", 2), at(2, 1, "one", 2), at(6, 2, "one", 2), at(0, 3, "two", 1)]
    (run,) = throughput(attempts)
    assert (run.run, run.clients, run.answers, run.seconds, run.tokens) == ("one", 2, 3, 10.0, 180)
    assert throughput([attempt(e2e=4.0, clients=2, started="2026-01-01T00:00:00.000+00:00")])[0].tokens is None


def test_cost_is_that_of_the_answers_by_the_published_prices():
    """14B, February 2025: 0.001 yuan for 1,000 tokens read, 0.003 written."""
    counts = dict(prompt_tokens=1000, reasoning_tokens=1500, answer_tokens=500)
    one = attempt(model=QWEN, settings=BEIJING, **counts)
    assert cost_of([one, one]) == pytest.approx(2 * (0.001 + 2 * 0.003))
    assert cost_of([one, attempt(model=QWEN, settings=BEIJING, outcome="timeout")]) == cost_of([one])


def test_what_is_not_known_has_no_price():
    known = attempt(model=QWEN, settings=BEIJING, prompt_tokens=1, answer_tokens=1)
    assert cost_of([known, attempt(model="another", settings=BEIJING, prompt_tokens=1, answer_tokens=1)]) is None
    assert cost_of([known, attempt(model=QWEN, settings=BEIJING, answer_tokens=1)]) is None  # no usage
    assert price_of(QWEN, "dashscope-intl.aliyuncs.com") is None
    assert price_of(QWEN, host_of("http://127.0.0.1:8000/v1")).of(1e6, 1e6) == 0


def test_every_price_says_where_and_when_it_was_seen():
    assert prices() and all(row.source and row.date for row in prices().values())


def test_a_row_that_is_no_price_is_named(tmp_path):
    (tmp_path / "prices.yaml").write_text("- {model: m, host: h, input: 1, output: cheap, source: s, date: 2025}\n")
    with pytest.raises(CourseError, match="Row 1 of .*prices.yaml should have model, host"):
        prices(tmp_path / "prices.yaml")
