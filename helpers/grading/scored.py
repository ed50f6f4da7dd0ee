"""What every grader gives back, and what they share in making it."""

from __future__ import annotations

from dataclasses import dataclass

CORRECT, INCORRECT, NO_ANSWER = "correct", "incorrect", "no_answer"


@dataclass(frozen=True)
class Grade:
    """What an answer is worth.

    Attributes:
        outcome: "correct", "incorrect" or "no_answer" (nothing in the text could be taken for an answer).
        score: 0 to 1; between the two for graders that give part of a point, such as the share of constraints met or a
            mean IoU. An incorrect answer may well have some.
        extracted: the part of the text that was graded.
        detail: one line on why; may quote the answer, so escape it before it becomes HTML.
    """

    outcome: str
    score: float
    extracted: str | None
    detail: str = ""


def graded(extracted: str | None, correct: bool, score: float | None = None, detail: str = "") -> Grade:
    """A grade; without a score of its own, an answer has 1 point or none. Nothing extracted is no answer."""
    outcome = NO_ANSWER if extracted is None else CORRECT if correct else INCORRECT
    return Grade(outcome, float(correct if score is None else score), extracted, detail)


def is_text(value: object) -> bool:
    """Whether a part of a reference is a text that is not blank."""
    return isinstance(value, str) and bool(value.strip())


def are_texts(value: object) -> bool:
    """Whether a part of a reference is a list of such texts, one at least."""
    return isinstance(value, list) and bool(value) and all(map(is_text, value))
