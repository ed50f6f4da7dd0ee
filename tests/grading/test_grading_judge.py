"""A judge that follows a script: both orders are asked, places don't count, and what is no verdict is not made one."""

import asyncio
import math
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import CourseError
from helpers.grading.judge import LABELS, agreement, cohen_kappa, compare, preference

GOOD, BAD = "a poem about the sea", "a recipe for soup"


@dataclass
class Reply:
    answer: str
    outcome: str = "ok"


def judged(judge) -> object:
    """The verdict of a judge, a function of the prompt, on a good answer (a) and a bad one (b)."""
    prompts = []

    async def ask(messages):
        prompts.append(messages[0]["content"])
        reply = judge(prompts[-1])
        return reply if isinstance(reply, Reply) else Reply(reply)

    verdict = asyncio.run(compare(ask, "Write about {the sea}.", GOOD, BAD, "Which is about the sea?"))
    assert len(prompts) == 2
    for prompt in prompts:
        assert all(text in prompt for text in (GOOD, BAD, "{the sea}", "Which is about the sea?"))
    assert prompts[0].index(GOOD) < prompts[0].index(BAD)
    assert prompts[1].index(BAD) < prompts[1].index(GOOD)
    return verdict


def first_is_good(prompt: str) -> bool:
    return prompt.index(GOOD) < prompt.index(BAD)


def test_a_judge_that_reads_prefers_the_same_answer_in_both_places():
    verdict = judged(lambda prompt: f"It is.\nVerdict: {1 if first_is_good(prompt) else 2}")
    assert (verdict.outcome, verdict.is_consistent) == ("a", True)
    verdict = judged(lambda prompt: f"It is.\n**Verdict: {2 if first_is_good(prompt) else 1}.**")
    assert (verdict.outcome, verdict.is_consistent) == ("b", True)


def test_a_judge_that_always_takes_the_first_decides_nothing():
    verdict = judged(lambda prompt: "Verdict: 1")
    assert (verdict.a_first, verdict.b_first, verdict.outcome, verdict.is_consistent) == ("a", "b", "tie", False)


def test_ties():
    assert judged(lambda prompt: "verdict: TIE").is_consistent
    half = judged(lambda prompt: "Verdict: 1" if first_is_good(prompt) else "Verdict: tie")
    assert (half.outcome, half.is_consistent) == ("tie", False)


@pytest.mark.parametrize(
    "reply", ["", "Both are nice.", "Verdict: 3", "Verdict: 1 or 2", "My verdict: 1 because", "Answer 1 is better"]
)
def test_a_reply_without_a_verdict_is_an_outcome_of_its_own(reply):
    verdict = judged(lambda prompt: "Verdict: 1" if first_is_good(prompt) else reply)
    assert (verdict.outcome, verdict.b_first, verdict.is_consistent) == ("unparsed", "unparsed", False)


def test_the_last_verdict_counts():
    assert judged(lambda prompt: f"Verdict: 2\nNo:\nVerdict: {1 if first_is_good(prompt) else 2}").outcome == "a"


@pytest.mark.parametrize("outcome", ["rate_limited", "truncated", "timeout"])
def test_a_reply_that_did_not_come_is_a_failure_whatever_the_other_said(outcome):
    replies = iter([Reply("Verdict: 1", outcome), Reply("no verdict")])
    assert judged(lambda prompt: next(replies)).outcome == "failed"


def test_preferences():
    assert [preference(1.0, 0.5), preference(0.5, 1.0), preference(0.5, 0.5)] == ["a", "b", "tie"]


def test_agreement_leaves_out_what_was_not_judged_and_corrects_for_chance():
    judged_ = ["a", "a", "b", "b", "tie", "unparsed", "failed"]
    checked = ["a", "b", "b", "b", "tie", "a", "a"]
    result = agreement(judged_, checked)
    assert (result.n, result.left_out) == (5, 2)
    assert result.raw.value == pytest.approx(0.8) and result.raw.low < 0.8 < result.raw.high
    # by hand: chance agreement (2·1 + 2·3 + 1·1) / 25 = 0.36; (0.8 - 0.36) / 0.64
    assert result.kappa == pytest.approx(0.6875)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1))
def test_kappa_is_what_scikit_learn_computes(pairs):
    import warnings

    from sklearn.metrics import cohen_kappa_score

    x, y = zip(*pairs)
    with warnings.catch_warnings(action="ignore"):  # of an undefined kappa
        expected = cohen_kappa_score(x, y, labels=LABELS)
    kappa = cohen_kappa(x, y)
    assert kappa == pytest.approx(expected) or (math.isnan(kappa) and len({*x, *y}) == 1)


def test_a_judge_of_one_habit_shows_no_agreement_beyond_chance():
    result = agreement(["a"] * 10, ["a", "b"] * 5)
    assert (result.raw.value, result.kappa) == (0.5, 0.0)


def test_no_pair_to_compare_is_an_error():
    with pytest.raises(CourseError, match="No pair"):
        agreement(["unparsed", "failed"], ["a", "b"])
    with pytest.raises(ValueError, match="same pairs"):
        agreement(["a"], ["a", "b"])
