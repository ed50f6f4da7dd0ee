"""Questions about slices with exact answers, balanced so that the text alone gives nothing away.

For every type an answer is drawn first, uniformly, and then a slice that has it. "Is there …" asks about every finding
equally often, and is answered "yes" as often as "no" for each.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from ...errors import unknown
from .. import drawing
from .findings import FINDINGS, HAEMORRHAGE, INFARCT, NONE, REGIONS, SUBDURAL
from .head import SIDES
from .patient import Slice, patient_rng, regions, sample_slice

#: The answers of each type: the candidates for ranking, and 1 / len is what guessing gets.
ANSWERS: dict[str, tuple[str, ...]] = {
    "finding": FINDINGS,
    "side": tuple(SIDES),
    "region": REGIONS,
    "yes/no": ("yes", "no"),
}
#: What guessing gets per type.
CHANCE = {name: 1 / len(answers) for name, answers in ANSWERS.items()}
#: What a question of each type ends with.
ANSWER = {name: f"Answer with one of: {', '.join(answers)}." for name, answers in ANSWERS.items()}
TEXTS = {
    "finding": ("Which finding does the slice show?", "What is the diagnosis?", "What abnormality is shown?"),
    "side": ("On which side is the lesion?", "Which side of the patient is affected?"),
    "region": ("In which region is the lesion?", "Which region of the brain is affected?"),
}


@dataclass(frozen=True)
class Question:
    """A question about one slice. ``type`` is a key of ANSWERS; the answer is one of its answers, word for word."""

    type: str
    text: str
    answer: str

    @property
    def prompt(self) -> str:
        """The question together with how to answer."""
        return f"{self.text} {ANSWER[self.type]}"


def questions(slice: Slice, rng: random.Random) -> list[Question]:
    """A question of every type that this slice can be asked, in random order. (Not balanced: for looking.)"""
    return drawing.one_of_each_type(rng, _ask(slice))


def slice_questions(
    split: str, n: int | None = None, seed: int = 0, start: int = 0, type: str | None = None
) -> Iterator[tuple[Slice, Question]]:
    """Yield ``n`` (slice, question) pairs of a split, of one type or (None) all types in equal shares."""
    types = tuple(ANSWERS)
    for index in drawing.indices(n, start):
        yield sample_question(patient_rng(split, seed, index), split, type or types[index % len(types)])


def sample_question(rng: random.Random, split: str = "train", type: str | None = None) -> tuple[Slice, Question]:
    """Draw a question of a type (drawn too unless given) together with a slice that it is about."""
    type = type or rng.choice(tuple(ANSWERS))
    if type not in ANSWERS:
        raise unknown("type of question", type, list(ANSWERS))
    if type == "finding":
        slice = sample_slice(rng, split, rng.choice(FINDINGS))
        return slice, Question(type, rng.choice(TEXTS[type]), slice.kind)
    if type == "yes/no":
        asked = rng.choice(FINDINGS)
        answer = rng.choice(ANSWERS[type])
        others = [kind for kind in FINDINGS if _may_be_denied(asked, kind)]
        slice = sample_slice(rng, split, asked if answer == "yes" else rng.choice(others))
        return slice, Question(type, _is_there(asked), answer)
    side, region, kinds = None, None, list(FINDINGS[1:])
    if type == "side":
        side = rng.choice(tuple(SIDES))
    else:
        # In the novel split a region may have no finding at all; elsewhere all have several.
        region = rng.choice([r for r in REGIONS if any(r in regions(split, kind) for kind in kinds)])
        kinds = [kind for kind in kinds if region in regions(split, kind)]
    slice = sample_slice(rng, split, rng.choice(kinds), side, region)
    return slice, Question(type, rng.choice(TEXTS[type]), side or region)


def _may_be_denied(asked: str, kind: str) -> bool:
    """A subdural haematoma is blood, too: whether it is "a haemorrhage" is not asked."""
    return kind != asked and (asked, kind) != (HAEMORRHAGE, SUBDURAL)


def _is_there(kind: str) -> str:
    return "Is the scan normal?" if kind == NONE else f"Is there {'an' if kind == INFARCT else 'a'} {kind}?"


def _ask(slice: Slice) -> Iterator[Question]:
    for text in TEXTS["finding"]:
        yield Question("finding", text, slice.kind)
    if slice.finding:
        for type, answer in (("side", slice.finding.side), ("region", slice.finding.region)):
            for text in TEXTS[type]:
                yield Question(type, text, answer)
    for kind in FINDINGS:
        if kind == slice.kind or _may_be_denied(kind, slice.kind):
            yield Question("yes/no", _is_there(kind), "yes" if kind == slice.kind else "no")
