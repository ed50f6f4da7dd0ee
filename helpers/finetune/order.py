"""Which example is seen when: a function of the seed and the step alone, so that a resumed run sees what it would have.

The order does not depend on the number of processes either: with two processes of half the batch, each step sees the
same examples as with one.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from ..errors import CourseError
from .formats import Example


def order(n: int, length: int, seed: int, labels: Sequence[str | None] | None = None) -> list[int]:
    """The numbers of the examples to see, ``length`` in all.

    Every epoch (all ``n`` once) is shuffled anew. With ``labels``, classes take turns instead, in an order shuffled
    for each round, and each class goes through its own examples, shuffled for each time round; those without a label
    are a class of their own.
    """
    if labels is None:
        return _rounds(list(range(n)), length, f"finetune/order/{seed}")
    members: dict[str | None, list[int]] = {}
    for i, label in enumerate(labels):
        members.setdefault(label, []).append(i)
    classes = sorted(members, key=str)
    turns = _rounds(list(range(len(classes))), length, f"finetune/turns/{seed}")
    counts = Counter(turns)
    streams = [
        iter(_rounds(members[name], counts[k], f"finetune/class/{seed}/{name}")) for k, name in enumerate(classes)
    ]
    return [next(streams[k]) for k in turns]


def _rounds(items: list[int], length: int, seed: str) -> list[int]:
    """``length`` items: all of them once, shuffled, as often as needed."""
    found: list[int] = []
    epoch = 0
    while len(found) < length:
        found += random.Random(f"{seed}/{epoch}").sample(items, len(items))
        epoch += 1
    return found[:length]


def weights(examples: Sequence[Example], wanted: str | dict | None) -> list[float] | None:
    """The weight of each example in the loss, 1.0 on average; None where nothing is weighed.

    Args:
        wanted: "balanced": the inverse of its class's share (so that all classes weigh the same in sum); or a weight
            for each label.

    Raises CourseError for examples without a label, and for labels without a weight.
    """
    if wanted is None:
        return None
    counts = Counter(example.label for example in examples)
    if None in counts:
        raise CourseError(
            f"{counts[None]} examples have no label to weigh. Set class_weights to nothing, or label them."
        )
    if isinstance(wanted, dict) and (missing := sorted(counts.keys() - wanted.keys())):
        raise CourseError(f"class_weights has no weight for: {', '.join(missing)}. Add one for each label.")
    given = wanted if isinstance(wanted, dict) else {label: 1 / n for label, n in counts.items()}
    raw = [float(given[example.label]) for example in examples]
    if min(raw) < 0 or not sum(raw):
        raise CourseError("class_weights should not be below 0, nor all 0. Correct them.")
    return [weight * len(raw) / sum(raw) for weight in raw]
