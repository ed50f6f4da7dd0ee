"""Intervals and paired tests against published values and their own definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import stats


def test_wilson_against_a_published_value():
    """81 of 263: Newcombe (1998), table I, method 3, gives 0.2553 to 0.3662."""
    estimate = stats.wilson(81, 263)
    assert estimate.low == pytest.approx(0.2553, abs=5e-5) and estimate.high == pytest.approx(0.3662, abs=5e-5)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_its_value_and_stays_in_range(pair):
    estimate = stats.wilson(*pair)
    assert 0 <= estimate.low <= estimate.value + 1e-12 and estimate.value - 1e-12 <= estimate.high <= 1


@pytest.mark.parametrize("successes, n", [(1, 0), (3, 2), (-1, 2)])
def test_wilson_refuses_nonsense(successes, n):
    with pytest.raises(ValueError, match="proportion"):
        stats.wilson(successes, n)


def test_bootstrap_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for i in range(200):
        estimate = stats.bootstrap(rng.normal(size=60), n_resamples=300, seed=i)
        covered += estimate.low <= 0 <= estimate.high
    assert 0.88 <= covered / 200 <= 0.99


def test_bootstrap_needs_two_values():
    with pytest.raises(ValueError, match="two values"):
        stats.bootstrap([1.0])


def test_mcnemar_counts_only_disagreements():
    a = [True] * 50 + [True] * 8 + [False] * 2
    b = [True] * 50 + [False] * 8 + [True] * 2
    assert stats.mcnemar(a, b) == pytest.approx(0.109375)  # binomial, 8 of 10, two-sided
    assert stats.mcnemar(a, a) == 1.0
    with pytest.raises(ValueError, match="same items"):
        stats.mcnemar(a, b[:-1])
