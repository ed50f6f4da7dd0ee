"""From attempts to scores: what was right, how sure that is, and what failed on the way."""

from __future__ import annotations

import collections
import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from .cost import cost_of
from .log import Attempt
from .plan import Settings

if TYPE_CHECKING:
    from ..stats import Estimate


@dataclass(frozen=True)
class Score:
    """How one model, under one name for its settings, did on one task.

    Attributes:
        name: the model, with those settings that differ within the log.
        items: items with at least one answer that counts.
        n: answers that count, graded or known to be not correct, over all samples.
        correct: how many of them are.
        accuracy: the mean over items, with its interval (see ``mean_over_items``); None where nothing counts.
        score: the same of the graders' scores, for graders that give part of a point; else equal to the accuracy.
        not_correct: the other answers by outcome: incorrect, no_answer, refused, truncated, empty_answer.
        ungraded: answers without a grade; they count nowhere.
        unanswered: requests that no attempt got an answer to; they count nowhere.
        failures: failed attempts by outcome, also those that a later attempt made good.
        reasoning_tokens, answer_tokens: mean per answer; None where unknown.
        yuan: cost of all answers; None where a price or a number of tokens is unknown.
    """

    name: str
    task: str
    items: int
    n: int
    correct: int
    accuracy: Estimate | None
    score: Estimate | None
    not_correct: dict[str, int]
    ungraded: int
    unanswered: int
    failures: dict[str, int]
    reasoning_tokens: float | None
    answer_tokens: float | None
    yuan: float | None


@dataclass(frozen=True)
class Comparison:
    """Two models on the items of a task that both have answers to.

    ``p`` is McNemar's exact test; ``p_holm`` holds it against all comparisons made at once (Holm, 1979). With several
    samples to an item, each model's majority vote is compared.
    """

    task: str
    a: str
    b: str
    items: int
    only_a: int
    only_b: int
    p: float
    p_holm: float


def is_correct(attempt: Attempt) -> bool:
    return attempt.grade is not None and attempt.grade.outcome == "correct"


def points_of(attempt: Attempt) -> float:
    """An attempt's score, 0 to 1; a model outcome that was not graded has none."""
    return attempt.grade.score if attempt.grade else 0.0


def counts(attempt: Attempt) -> bool:
    """Whether an attempt enters the accuracy: it was graded, or ended in a model outcome, which is not correct."""
    return attempt.grade is not None or (attempt.finished and attempt.reply.outcome != "ok")


def summarise(attempts: Iterable[Attempt]) -> list[Score]:
    """A Score for every model × settings × task, in the order of their names."""
    return [score_group(name, task, group) for (name, task), group in grouped(attempts).items()]


def grouped(attempts: Iterable[Attempt]) -> dict[tuple[str, str], list[Attempt]]:
    """(name, task) → attempts. A name is the model's, with those settings that differ within ``attempts``."""
    attempts = list(attempts)
    names = _names({(attempt.key.model, attempt.settings) for attempt in attempts})
    groups = collections.defaultdict(list)
    for attempt in attempts:
        groups[names[attempt.key.model, attempt.settings], attempt.key.task].append(attempt)
    return dict(sorted(groups.items()))


def _names(pairs: set[tuple[str, Settings]]) -> dict[tuple[str, Settings], str]:
    every = [asdict(settings) for _, settings in pairs]
    differ = [field for field in asdict(Settings()) if len({settings[field] for settings in every}) > 1]

    def name(model: str, settings: Settings) -> str:
        told = ", ".join(f"{field} {getattr(settings, field)}" for field in differ)
        return f"{model} ({told})" if told else model

    return {pair: name(*pair) for pair in pairs}


def score_group(name: str, task: str, attempts: Sequence[Attempt]) -> Score:
    """How one model, under this name, did on one task: a group of ``grouped``."""
    counted = [attempt for attempt in attempts if counts(attempt)]
    shares = [fmean(map(is_correct, samples)) for samples in by_item(counted).values()]
    outcomes = collections.Counter(_outcome(attempt) for attempt in counted if not is_correct(attempt))
    failed = [attempt for attempt in attempts if not attempt.finished]
    answered = {attempt.key for attempt in attempts if attempt.finished}
    points = [fmean(map(points_of, samples)) for samples in by_item(counted).values()]
    return Score(
        name, task, len(shares), len(counted), sum(map(is_correct, counted)),
        accuracy=mean_over_items(shares) if shares else None,
        score=mean_over_items(points) if points else None,
        not_correct=dict(outcomes.most_common()),
        ungraded=sum(attempt.finished and not counts(attempt) for attempt in attempts),
        unanswered=len({attempt.key for attempt in failed} - answered),
        failures=dict(collections.Counter(attempt.reply.outcome for attempt in failed).most_common()),
        reasoning_tokens=_mean(attempt.reply.reasoning_tokens for attempt in attempts if attempt.finished),
        answer_tokens=_mean(attempt.reply.answer_tokens for attempt in attempts if attempt.finished),
        yuan=cost_of(attempts),
    )  # fmt: skip


def _outcome(attempt: Attempt) -> str:
    return attempt.grade.outcome if attempt.grade else attempt.reply.outcome


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def by_item(attempts: Iterable[Attempt]) -> dict[tuple[str, str], list[Attempt]]:
    """(task, item) → its attempts, by sample."""
    groups = collections.defaultdict(list)
    for attempt in sorted(attempts, key=lambda attempt: attempt.key.sample):
        groups[attempt.key.task, attempt.key.item].append(attempt)
    return dict(groups)


def mean_over_items(shares: Sequence[float]) -> Estimate:
    """The mean of each item's share of correct samples (or of its mean score), with a 95 % interval over items.

    Samples of one item are not independent, so items are what is counted: Wilson's interval where every item is all
    right or all wrong (always so with one sample), else a bootstrap that draws items. Raises ValueError for no items.
    """
    from ..stats import Estimate, bootstrap, wilson

    if all(share in (0, 1) for share in shares):
        return wilson(int(sum(shares)), len(shares))
    return bootstrap(shares) if len(shares) > 1 else Estimate(shares[0], 0.0, 1.0)


def majority(extracted: Sequence[str | None]) -> str | None:
    """The answer given most often; of equals, the one given first. None (no answer) has no vote."""
    votes = collections.Counter(answer for answer in extracted if answer is not None)
    return votes.most_common(1)[0][0] if votes else None


def cons_at_k(samples: Sequence[Attempt], k: int) -> bool:
    """Whether the majority vote of an item's first ``k`` samples is correct (self-consistency, Wang et al., 2022).

    Votes are compared as the grader extracted them, letter by letter. Raises ValueError for fewer than ``k`` samples.
    """
    if not 1 <= k <= len(samples):
        raise ValueError(f"cons@{k} needs at least {k} samples, and 1; there are {len(samples)}")
    voters = samples[:k]
    votes = [sample.grade.extracted if sample.grade else None for sample in voters]
    winner = majority(votes)
    return winner is not None and any(is_correct(s) for s, vote in zip(voters, votes) if vote == winner)


def pass_at_k(n: int, correct: int, k: int) -> float:
    """The chance that one of ``k`` samples is correct, from ``n`` samples of which ``correct`` are.

    The unbiased estimator 1 - C(n - c, k) / C(n, k) (Chen et al., 2021, "Evaluating Large Language Models Trained on
    Code"). Raises ValueError unless 0 <= correct <= n and 1 <= k <= n.
    """
    if not (0 <= correct <= n and 1 <= k <= n):
        raise ValueError(f"pass@k needs 0 <= correct <= n and 1 <= k <= n, not {correct} of {n} with k = {k}")
    return 1 - math.comb(n - correct, k) / math.comb(n, k)


def sampling(attempts: Iterable[Attempt]) -> list[dict]:
    """cons@k and pass@k for k = 1, 2, 4 … by name and task, over the items that have all their samples."""
    from ..stats import wilson

    rows = []
    for (name, task), group in grouped(attempts).items():
        samples = by_item(filter(counts, group))
        most = max(map(len, samples.values()), default=0)
        complete = [of_item for of_item in samples.values() if len(of_item) == most]
        for k in (2**i for i in range(most.bit_length())):
            votes = [cons_at_k(of_item, k) for of_item in complete]
            passes = [pass_at_k(most, sum(map(is_correct, of_item)), k) for of_item in complete]
            rows.append({
                "name": name, "task": task, "k": k, "items": len(complete), "samples": most,
                "cons@k": wilson(sum(votes), len(votes)), "pass@k": mean_over_items(passes),
            })  # fmt: skip
    return rows


def compare(attempts: Iterable[Attempt]) -> list[Comparison]:
    """Every two models (or settings) on the same items, task by task."""
    from ..stats import mcnemar

    votes: dict[str, dict[str, dict]] = collections.defaultdict(dict)  # task → name → item → correct
    for (name, task), group in grouped(attempts).items():
        votes[task][name] = {key: cons_at_k(s, len(s)) for key, s in by_item(filter(counts, group)).items()}
    found = []
    for task, by_name in votes.items():
        for a, b in itertools.combinations(by_name, 2):
            both = sorted(by_name[a].keys() & by_name[b].keys())
            right_a, right_b = [by_name[a][key] for key in both], [by_name[b][key] for key in both]
            only_a = sum(x and not y for x, y in zip(right_a, right_b))
            only_b = sum(y and not x for x, y in zip(right_a, right_b))
            if both:
                found.append((task, a, b, len(both), only_a, only_b, mcnemar(right_a, right_b)))
    return [Comparison(*row, p_holm) for row, p_holm in zip(found, holm([row[-1] for row in found]))]


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for being several (Holm, 1979), in the order given."""
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = largest
    return adjusted
