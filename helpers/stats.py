"""Intervals and paired tests, so that no score stands alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np


class Estimate(NamedTuple):
    """A value with its interval. Prints as "0.930 [0.886, 0.958]"."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def wilson(successes: int, n: int, confidence: float = 0.95) -> Estimate:
    """A proportion with its Wilson score interval (Wilson, 1927). Raises ValueError unless 0 <= successes <= n > 0."""
    if n <= 0 or not 0 <= successes <= n:
        raise ValueError(f"a proportion needs 0 <= successes <= n and n > 0, not {successes} of {n}")
    from scipy.stats import binomtest

    interval = binomtest(int(successes), int(n)).proportion_ci(confidence, method="wilson")
    return Estimate(successes / n, float(interval.low), float(interval.high))


def accuracy(correct: Sequence[bool]) -> Estimate:
    """The share of True with its Wilson interval."""
    return wilson(int(np.sum(np.asarray(correct))), len(correct))  # asarray: a tensor of booleans will do


def bootstrap(
    values: Sequence[float],
    statistic: Callable = np.mean,
    confidence: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Estimate:
    """A statistic of a sample with its percentile bootstrap interval (Efron, 1979), resampling items.

    Raises ValueError for fewer than two values.
    """
    if len(values) < 2:
        raise ValueError("a bootstrap interval needs at least two values")
    values = np.asarray(values)
    rng = np.random.default_rng(seed)
    resampled = [statistic(values[rng.integers(0, len(values), len(values))]) for _ in range(n_resamples)]
    low, high = np.quantile(resampled, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Estimate(float(statistic(values)), float(low), float(high))


def mcnemar(a_correct: Sequence[bool], b_correct: Sequence[bool]) -> float:
    """The exact McNemar p-value of two models on the same items: only items where they differ count."""
    from scipy.stats import binomtest

    a, b = np.asarray(a_correct, bool), np.asarray(b_correct, bool)
    if a.shape != b.shape:
        raise ValueError("a paired test needs both models' results on the same items, in the same order")
    only_a, only_b = int((a & ~b).sum()), int((~a & b).sum())
    return 1.0 if only_a + only_b == 0 else float(binomtest(only_a, only_a + only_b).pvalue)
