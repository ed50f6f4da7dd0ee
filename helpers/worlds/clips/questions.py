"""Questions about clips with exact answers: what happens, in which direction, when, and in which order."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ...errors import unknown
from .. import drawing
from .clip import APPEARS, CHANGES, COLLIDES, DISAPPEARS, MOVES, Clip, Event, clip_rng
from .sample import sample_clip
from .texts import clause, predicate, seconds

NOTHING = "nothing"
#: What a question of each type ends with.
ANSWER = {
    "what": "Answer in a short phrase.",
    "direction": "Answer with one word.",
    "colour": "Answer with one word.",
    "when": "Answer with the start time and the end time.",
    "first": "Answer in a short phrase.",
    "last": "Answer in a short phrase.",
    "order": "Answer in a short phrase.",
}


@dataclass(frozen=True)
class Question:
    """A question about one clip. ``seconds`` are start and end where the question asks when; then the answer, too, says
    them ("0.5 to 2.0"), and is graded by temporal IoU. All other answers are graded by exact match.
    """

    type: str
    text: str
    answer: str
    seconds: tuple[float, float] | None = None

    @property
    def prompt(self) -> str:
        """The question together with how to answer."""
        return f"{self.text} {ANSWER[self.type]}"


def parse_seconds(text: str) -> tuple[float, float] | None:
    """Start and end of the first two numbers of a text, in order of time; None where there are fewer than two."""
    found = re.findall(r"\d+(?:\.\d+)?", text)
    return tuple(sorted(map(float, found[:2]))) if len(found) > 1 else None


def questions(clip: Clip, rng: random.Random) -> list[Question]:
    """Every type of question that this clip can be asked, in random order; of several of a type, one each."""
    return drawing.one_of_each_type(rng, questions_about(clip, rng))


def clip_questions(
    split: str, n: int | None = None, seed: int = 0, start: int = 0, type: str | None = None
) -> Iterator[tuple[Clip, Question]]:
    """Yield ``n`` (clip, question) pairs of a split, of one type or (None) all types in equal shares."""
    for index in drawing.indices(n, start):
        yield sample_question(clip_rng(split, seed, index), split, type or tuple(ANSWER)[index % len(ANSWER)])


def sample_question(rng: random.Random, split: str, type: str) -> tuple[Clip, Question]:
    """Draw a question of a type (a key of ANSWER) with a clip that it can be asked about."""
    if type not in ANSWER:
        raise unknown("type of question", type, list(ANSWER))
    while True:
        clip = sample_clip(rng, split)
        for question in questions(clip, rng):
            if question.type == type:
                return clip, question


def questions_about(clip: Clip, rng: random.Random) -> Iterator[Question]:
    """Every question that this clip can be asked, several of a type.

    Things go by their shapes, which differ. What happens twice is not asked about.
    """
    clauses = [clause(clip, i) for i in range(len(clip.events))]
    for i, thing in enumerate(clip.things):
        mine = [k for k, event in enumerate(clip.events) if i in (event.subject, event.other)]
        if not mine:
            yield Question("what", f"What does the {thing.shape} do?", NOTHING)
        elif len(mine) == 1 and clip.events[mine[0]].subject == i:
            yield Question("what", f"What does the {thing.shape} do?", predicate(clip, mine[0]))
    for k, event in enumerate(clip.events):
        shape, same = clip.things[event.subject].shape, [e for e in clip.events if _alike(e, event)]
        if len(same) > 1:
            continue
        yield Question("when", _when(clip, k), seconds(event.start, event.end), (event.start, event.end))
        if sum(e.type == event.type and e.subject == event.subject for e in clip.events) > 1:
            continue
        if event.type == MOVES:
            yield Question("direction", f"In which direction does the {shape} move?", event.detail)
        elif event.type == CHANGES:
            yield Question("colour", f"Which colour does the {shape} become?", event.detail)
    if len(clauses) > 1:
        yield Question("first", "What happens first?", clauses[0])
        yield Question("last", "What happens last?", clauses[-1])
        a, b = sorted(rng.sample(range(len(clauses)), 2))
        if clauses[a] != clauses[b]:
            options = [clauses[a], clauses[b]]
            rng.shuffle(options)
            yield Question("order", f"Which happens first: {options[0]} or {options[1]}?", clauses[a])


def _alike(a: Event, b: Event) -> bool:
    """Whether two events would be asked about in the same words."""
    return (a.type, a.detail, {a.subject, a.other}) == (b.type, b.detail, {b.subject, b.other})


def _when(clip: Clip, k: int) -> str:
    event = clip.events[k]
    shape = clip.things[event.subject].shape
    if event.type == COLLIDES:
        return f"When do the {shape} and the {clip.things[event.other].shape} collide?"
    does = {
        MOVES: f"move {event.detail}", APPEARS: "appear", DISAPPEARS: "disappear", CHANGES: f"become {event.detail}"
    }[event.type]  # fmt: skip
    return f"When does the {shape} {does}?"
