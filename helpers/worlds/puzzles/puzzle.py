"""What a puzzle is, how it becomes a conversation, and what all families share."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from ...tasks import Item

NAMES = ("Ada", "Ben", "Cara", "Dan", "Eva", "Finn", "Gus", "Hana", "Ivo", "Joy", "Kim", "Leo", "Mia", "Noor", "Omar",
         "Pia")  # fmt: skip
COLOURS = ("red", "blue", "green", "black", "white", "pink", "grey", "brown", "yellow", "orange")
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")  # fmt: skip

#: How the sentences of a prompt are arranged. A template is a style (the sentences) in a frame.
PLAIN, QUESTION_FIRST, NUMBERED = "plain", "question first", "numbered"


@dataclass(frozen=True)
class Puzzle:
    """One puzzle with its worked solution.

    ``difficulty`` is the number of steps of the solution. ``content`` says what is asked in a form that does not
    depend on the wording: puzzles of equal content have the same solution. ``choices`` are the answers that the
    prompt leaves open (empty where there are too many to list); a guess among them is right with 1 / len(choices).
    """

    family: str
    template: str
    difficulty: int
    prompt: str
    trace: str
    answer: str
    reference: str | list
    grader: str
    content: str
    choices: tuple[str, ...] = ()
    id: str = ""

    def item(self, think: bool) -> Item:
        """The puzzle as a benchmark's item; ``meta["think"]`` says how it is to be answered."""
        return Item(
            id=self.id,
            task=self.family,
            messages=[{"role": "user", "content": self.prompt}],
            reference=self.reference,
            grader=self.grader,
            difficulty=self.difficulty,
            source="written for this course",
            meta={"template": self.template, "think": think, "choices": list(self.choices), "solution": self.answer},
        )


def target(puzzle: Puzzle, think: bool) -> str:
    """What the assistant is trained to say: reasoning and answer, or the answer alone."""
    return f"<think>\n{puzzle.trace}\n</think>\n\n{puzzle.answer}" if think else puzzle.answer


def messages(puzzle: Puzzle, think: bool) -> list[dict[str, str]]:
    """The conversation to train on: the prompt and its target. (To ask a model, take ``puzzle.item(think)``.)"""
    return [{"role": "user", "content": puzzle.prompt}, {"role": "assistant", "content": target(puzzle, think)}]


def arrange(frame: str, opening: str, facts: Iterable[str], question: str) -> str:
    """The prompt: the sentences in the order of the frame."""
    if frame == NUMBERED:
        facts = [f"Fact {i}: {fact}" for i, fact in enumerate(facts, 1)]
    if opening:
        facts = [opening, *facts]
    return " ".join([question, *facts] if frame == QUESTION_FIRST else [*facts, question])


def months(rng: random.Random, n: int) -> list[str]:
    """``n`` months in a row.

    They begin anywhere, so that the short problems of the training split show every month that a longer one needs.
    """
    first = rng.randrange(len(MONTHS))
    return [MONTHS[(first + i) % len(MONTHS)] for i in range(n)]


def capital(text: str) -> str:
    """The text with its first letter as a capital (``str.capitalize`` would make the others small)."""
    return text[0].upper() + text[1:]


def shuffled(rng: random.Random, items: Iterable) -> list:
    items = list(items)
    rng.shuffle(items)
    return items
