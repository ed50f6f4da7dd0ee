"""Questions about faces with exact answers, balanced so that the text alone gives nothing away.

For every type a wording and an answer are drawn first, uniformly, and then faces until one of them has that answer.
Without this, "is the nose wrinkled?" would mostly be answered "no". What is neither plain to see nor plainly absent is
not asked about.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ...errors import unknown
from .. import drawing
from .emotions import EMOTIONS, INTENSITIES, NEUTRAL, NOT_PLEASANT, NOUNS, PLEASANT, VALENCE
from .face import Face, action_units, face_rng, sample_face
from .geometry import geometry

YES_NO = ("yes", "no")
PLAIN, ABSENT = 0.38, 0.12  # a unit at least so strong is plain to see; one at most so strong is not to be seen

#: The answers of each type; 1 / len is what guessing gets.
ANSWERS: dict[str, tuple[str, ...]] = {
    "emotion": EMOTIONS,
    "valence": (PLEASANT, NEUTRAL, NOT_PLEASANT),
    "intensity": tuple(INTENSITIES),
    "yes/no": YES_NO,
    "eyebrows": YES_NO,
    "eyes": YES_NO,
    "nose": YES_NO,
    "mouth": YES_NO,
}
#: What guessing gets per type.
CHANCE = {name: 1 / len(answers) for name, answers in ANSWERS.items()}
#: What a question of each type ends with.
ANSWER = dict.fromkeys(ANSWERS, "Answer with one word.") | {"valence": "Answer in a short phrase."}


def _units(*numbers: int, both: bool = False) -> Callable[[Face], float]:
    """How strong the strongest of some units is, on the stronger or (``both``) on the weaker side."""

    def strength(face: Face) -> float:
        found = action_units(face)
        return max((min if both else max)(found.get(number, (0.0, 0.0))) for number in numbers)

    return strength


def _wide(face: Face) -> float:
    """How wide the eyes are open: lids that are raised (AU5) and tightened (AU7) are not."""
    found = action_units(face)
    return max(found.get(5, (0.0, 0.0))) - max(found.get(7, (0.0, 0.0)))


def _open(face: Face) -> float:
    """How far the lips are apart, on the scale of an action unit."""
    return 4 * geometry(face).mouth.gap


def _uneven(face: Face) -> float:
    """How much more a unit moves on one side than on the other."""
    return max((abs(a - b) for a, b in action_units(face).values()), default=0.0)


#: For each type the questions about what is seen, each with how strongly it is so.
FEATURES: dict[str, dict[str, Callable[[Face], float]]] = {
    "eyebrows": {
        "Are the eyebrows raised?": _units(1, 2),
        "Are the eyebrows drawn together?": _units(4),
    },
    "eyes": {
        "Are the eyes wide open?": _wide,
        "Are the cheeks raised?": _units(6),
    },
    "nose": {"Is the nose wrinkled?": _units(9)},
    "mouth": {
        "Is the mouth open?": _open,
        "Are both corners of the mouth pulled up?": _units(12, both=True),
        "Are the corners of the mouth pulled down?": _units(15, both=True),
        "Are the lips pressed tightly?": _units(23, 24),
        "Are the lips stretched?": _units(20),
        "Is the expression asymmetric?": _uneven,
    },
}


@dataclass(frozen=True)
class Question:
    """A question about one face. ``type`` is a key of ANSWERS."""

    type: str
    text: str
    answer: str

    @property
    def prompt(self) -> str:
        """The question together with how to answer."""
        return f"{self.text} {ANSWER[self.type]}"


def questions(face: Face, rng: random.Random) -> list[Question]:
    """Every type of question that this face can be asked, in random order; of several of a type, one each."""
    return drawing.one_of_each_type(rng, _ask(face))


def _ask(face: Face) -> Iterator[Question]:
    for type, texts in TEXTS.items():
        for text in texts:
            answer = _answer(face, type, text)
            if answer:
                yield Question(type, text, answer)


def face_questions(
    split: str, n: int | None = None, seed: int = 0, start: int = 0, type: str | None = None
) -> Iterator[tuple[Face, Question]]:
    """Yield ``n`` (face, question) pairs of a split, of one type or (None) all types in equal shares."""
    for index in drawing.indices(n, start):
        yield sample_question(face_rng(split, seed, index), split, type or tuple(ANSWERS)[index % len(ANSWERS)])


def sample_question(rng: random.Random, split: str = "train", type: str | None = None) -> tuple[Face, Question]:
    """Draw a question of a type (a key of ANSWERS, drawn too unless given) with a face that it can be asked about."""
    type = type or rng.choice(tuple(ANSWERS))
    if type not in ANSWERS:
        raise unknown("type of question", type, list(ANSWERS))
    text, answer = rng.choice(TEXTS[type]), rng.choice(ANSWERS[type])
    while True:
        face = sample_face(rng, split)
        if _answer(face, type, text) == answer:
            return face, Question(type, text, answer)


def _does_it_show(emotion: str) -> str:
    return "Is the face neutral?" if emotion == "Neutral" else f"Does the face show {NOUNS[emotion]}?"


_SHOWS = {_does_it_show(emotion): emotion for emotion in EMOTIONS}
#: All questions of each type.
TEXTS: dict[str, tuple[str, ...]] = {
    "emotion": ("Which emotion does the face show?",),
    "valence": (f"Is the emotion {PLEASANT}, {NEUTRAL} or {NOT_PLEASANT}?",),
    "intensity": ("How strong is the expression: weak, moderate or strong?",),
    "yes/no": tuple(_SHOWS),
    **{type: tuple(asked) for type, asked in FEATURES.items()},
}


def _answer(face: Face, type: str, text: str) -> str | None:
    """The answer, or None where the face should not be asked this."""
    if type == "emotion":
        return face.emotion
    if type == "valence":
        valence = VALENCE.get(face.emotion)
        return valence if not face.second or VALENCE.get(face.second) == valence else None
    if type == "intensity":
        return None if face.emotion == "Neutral" else intensity_word(face)
    if type == "yes/no":
        asked = _SHOWS[text]
        if asked == face.second:  # a mixed expression shows some of it
            return None
        return "yes" if asked == face.emotion else "no"
    amount = FEATURES[type][text](face)
    return "yes" if amount >= PLAIN else "no" if amount <= ABSENT else None


def intensity_word(face: Face) -> str:
    """The key of INTENSITIES that is nearest to the face's intensity."""
    return min(INTENSITIES, key=lambda word: abs(face.intensity - sum(INTENSITIES[word]) / 2))
