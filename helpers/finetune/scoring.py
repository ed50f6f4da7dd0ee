"""Scores of a classification with their intervals, calibration, and comparisons on the same examples."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..errors import CourseError
from ..stats import Estimate, mcnemar, wilson
from ..vision import answer_of
from .formats import Example

BINS = 10
RESAMPLES = 2000


@dataclass(frozen=True)
class Report:
    """How well labels were told. ``print(report)`` shows it, ``plots.table(report.rows())`` on a page.

    Attributes:
        labels: the classes, in the order of all that follows.
        truth, predicted: numbers of labels, (n,); predicted is ``len(labels)`` where no label could be found.
        groups: the patient or person of each example; each example is its own where nobody knows.
        probabilities: (n, labels), or None for texts.
        accuracy, macro_f1: with 95 % intervals, bootstrapped over groups.
        recall: of each class, with its Wilson interval; None for a class that does not occur.
        confusion: counts, (labels, labels + 1): rows are the truth, columns what was said, last "no answer".
        ece: expected calibration error (Guo et al., 2017; ten bins of equal width), None for texts.
    """

    labels: tuple[str, ...]
    truth: np.ndarray = field(repr=False)
    predicted: np.ndarray = field(repr=False)
    groups: tuple[str, ...] = field(repr=False)
    probabilities: np.ndarray | None = field(repr=False)
    accuracy: Estimate
    macro_f1: Estimate
    recall: dict[str, Estimate | None]
    confusion: np.ndarray = field(repr=False)
    ece: float | None

    @property
    def correct(self) -> np.ndarray:
        """(n,), True where the label was told."""
        return self.truth == self.predicted

    def rows(self) -> list[dict]:
        """A row for each class: "class", "examples", "recall", "said" (how often it was the answer)."""
        return [
            {"class": name, "examples": int(self.confusion[i].sum()),
             "recall": "–" if self.recall[name] is None else str(self.recall[name]),
             "said": int(self.confusion[:, i].sum())}
            for i, name in enumerate(self.labels)
        ]  # fmt: skip

    def reliability(self) -> list[dict]:
        """A row for each bin of confidence that holds examples: "confidence", "accuracy", "examples"."""
        return [] if self.probabilities is None else _reliability(self.probabilities, self.correct)

    def summary(self) -> dict:
        """The numbers alone, as JSON has them."""
        found = {"examples": len(self.truth), "groups": len(set(self.groups)), "accuracy": list(self.accuracy),
                 "macro_f1": list(self.macro_f1), "ece": self.ece, "labels": list(self.labels),
                 "confusion": self.confusion.tolist()}  # fmt: skip
        return found | {"recall": {name: None if r is None else list(r) for name, r in self.recall.items()}}

    def __str__(self) -> str:
        width = max(len("macro-F1"), *map(len, self.labels))
        lines = [f"{len(self.truth):,} examples of {len(set(self.groups)):,} groups",
                 f"{'macro-F1':<{width}}  {self.macro_f1}", f"{'accuracy':<{width}}  {self.accuracy}"]  # fmt: skip
        lines += [f"{row['class']:<{width}}  recall {row['recall']} of {row['examples']}" for row in self.rows()]
        if silent := int(self.confusion[:, -1].sum()):
            lines.append(f"{'no answer':<{width}}  {silent}")
        return "\n".join(lines + ([f"{'ECE':<{width}}  {self.ece:.3f}"] if self.ece is not None else []))


def score(
    said: np.ndarray | Sequence[str], examples: Sequence[Example], labels: Sequence[str], *, seed: int = 0
) -> Report:
    """Score probabilities from ``choose`` or texts from ``answers`` against the examples' labels.

    A text that names no label, or several, counts as wrong. Macro-F1 is the mean over ``labels`` of sklearn's F1; a
    class that neither occurs nor is said does not count. Intervals resample whole groups, since slices of one patient
    resemble each other.

    Raises CourseError where there is nothing to score, where lengths differ, or where an example's label is no label.
    """
    labels = tuple(labels)
    if len(said) != len(examples) or not len(examples):
        raise CourseError(f"{len(said)} answers cannot be scored against {len(examples)} examples. Give one for each.")
    if strange := sorted({str(e.label) for e in examples if e.label not in labels}):
        raise CourseError(f"Some examples have a label that is not among those scored: {', '.join(strange)}. Add it.")
    truth = np.array([labels.index(example.label) for example in examples])
    probabilities = None
    if isinstance(said, np.ndarray) and said.ndim == 2:
        if said.shape[1] != len(labels):
            raise CourseError(f"There are {said.shape[1]} probabilities for each example, and {len(labels)} labels.")
        probabilities = said
        predicted = said.argmax(1)
    else:
        predicted = np.array([len(labels) if one is None else one for one in found_labels(said, labels)])
    groups = tuple(f"#{i}" if e.group is None else e.group for i, e in enumerate(examples))
    confusion = _confusion(truth, predicted, len(labels))
    by_group = _by_group(truth, predicted, groups, len(labels))
    resampled = _resampled(by_group, seed)
    correct = truth == predicted
    totals = confusion.sum(1)
    return Report(
        labels, truth, predicted, groups, probabilities,
        accuracy=_estimate(correct.mean(), _accuracies(resampled)),
        macro_f1=_estimate(_macro_f1(truth, predicted, len(labels)), macro_f1(resampled)),
        recall={name: wilson(int(confusion[i, i]), int(totals[i])) if totals[i] else None
                for i, name in enumerate(labels)},
        confusion=confusion,
        ece=None if probabilities is None else _ece(probabilities, correct),
    )  # fmt: skip


def found_labels(texts: Sequence[str], labels: Sequence[str]) -> list[int | None]:
    """The number of the label that each text gives as its answer, thoughts left aside; None for none or several.

    A text that is a label, but for case and punctuation, gives it. Otherwise the labels that occur in it as whole
    words count, a label inside a longer one that also occurs ("haematoma" in "subdural haematoma") aside.
    """
    plain = [_plain(label) for label in labels]
    found: list[int | None] = []
    for text in texts:
        said = _plain(answer_of(text))
        named = [i for i, label in enumerate(plain) if re.search(rf"(?<!\w){re.escape(label)}(?!\w)", said)]
        named = [i for i in named if not any(plain[i] in plain[j] for j in named if j != i)]
        found.append(plain.index(said) if said in plain else named[0] if len(named) == 1 else None)
    return found


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[^\w\s-]", " ", text.casefold()).split())


def difference(after: Report, before: Report, seed: int = 0) -> Estimate:
    """How much macro-F1 rose from one report to the other, with its interval: both resampled by the same groups.

    Raises CourseError unless both are about the same examples in the same order.
    """
    _same(after, before)
    n = len(after.labels)
    pairs = [_by_group(r.truth, r.predicted, r.groups, n) for r in (after, before)]
    a, b = (macro_f1(_resampled(counts, seed)) for counts in pairs)
    return _estimate(after.macro_f1.value - before.macro_f1.value, a - b)


def paired(a: Report, b: Report) -> float:
    """McNemar's exact p-value of two reports on the same examples. It takes examples for independent: use it where
    each group has one, and ``difference`` elsewhere. Raises CourseError as ``difference`` does."""
    _same(a, b)
    return mcnemar(a.correct, b.correct)


def _same(a: Report, b: Report) -> None:
    if a.labels != b.labels or a.groups != b.groups or not np.array_equal(a.truth, b.truth):
        raise CourseError(
            "The two reports are not about the same examples in the same order. Score the same list twice."
        )


def _confusion(truth: np.ndarray, predicted: np.ndarray, n: int) -> np.ndarray:
    counts = np.zeros((n, n + 1), int)
    np.add.at(counts, (truth, predicted), 1)
    return counts


def _by_group(truth: np.ndarray, predicted: np.ndarray, groups: Sequence[str], n: int) -> np.ndarray:
    """A confusion matrix for each group: (groups, n, n + 1)."""
    numbers = {name: i for i, name in enumerate(dict.fromkeys(groups))}
    counts = np.zeros((len(numbers), n, n + 1))
    np.add.at(counts, ([numbers[name] for name in groups], truth, predicted), 1)
    return counts


def _resampled(by_group: np.ndarray, seed: int) -> np.ndarray:
    """Confusion matrices of RESAMPLES draws of as many groups as there are, with replacement."""
    n = len(by_group)
    draws = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), RESAMPLES)
    return np.tensordot(draws, by_group, 1)


def macro_f1(confusions: np.ndarray) -> np.ndarray:
    """Macro-F1 of confusion matrices (…, labels, labels + 1): the mean over classes that occur or are said."""
    n = confusions.shape[-2]
    hits = np.diagonal(confusions[..., :n], axis1=-2, axis2=-1)
    both = confusions.sum(-1) + confusions[..., :n].sum(-2)  # how often it is true plus how often it is said
    each = np.divide(2 * hits, both, out=np.full(hits.shape, np.nan), where=both > 0)
    return np.nanmean(each, axis=-1)


def _macro_f1(truth: np.ndarray, predicted: np.ndarray, n: int) -> float:
    from sklearn.metrics import f1_score

    present = sorted(set(truth) | set(predicted) - {n})
    return float(f1_score(truth, predicted, labels=present, average="macro", zero_division=0))


def _accuracies(confusions: np.ndarray) -> np.ndarray:
    n = confusions.shape[-2]
    return np.trace(confusions[..., :n], axis1=-2, axis2=-1) / confusions.sum((-2, -1))


def _estimate(value: float, resampled: np.ndarray) -> Estimate:
    low, high = np.quantile(resampled, [0.025, 0.975])
    return Estimate(float(value), float(low), float(high))


def _reliability(probabilities: np.ndarray, correct: np.ndarray) -> list[dict]:
    top = probabilities.max(1)
    which = np.minimum((top * BINS).astype(int), BINS - 1)
    return [
        {"confidence": float(top[which == i].mean()), "accuracy": float(correct[which == i].mean()),
         "examples": int((which == i).sum())}
        for i in range(BINS) if (which == i).any()
    ]  # fmt: skip


def _ece(probabilities: np.ndarray, correct: np.ndarray) -> float:
    """The mean distance of confidence and accuracy, over examples, bin by bin."""
    bins = _reliability(probabilities, correct)
    return sum(b["examples"] * abs(b["confidence"] - b["accuracy"]) for b in bins) / len(correct)
