"""Commonsense over stated facts: what kinds inherit, with and without exceptions, where things are, what is larger.

A solution starts at what is asked about and quotes one fact after another until one of them decides. Every prompt has
facts that lead elsewhere, to the opposite answer where the answer is yes or no.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from .puzzle import COLOURS, NAMES, NUMBERED, PLAIN, QUESTION_FIRST, Puzzle, arrange, capital, shuffled

STEPS, LONGER = range(1, 5), range(5, 7)
CHANCE = (4 * 1 / 2 + 2 * 1 / 3) / 6  # four styles ask for yes or no, two for one of three rooms
ROLES = ("baker", "painter", "singer", "runner", "farmer", "driver", "teacher", "reader", "writer", "dancer", "doctor",
         "sailor", "gardener", "cook")  # fmt: skip
#: What a kind can do or have, as a statement and as a question.
ABILITIES = (
    ("can swim", "Can {who} swim?"),
    ("can sing", "Can {who} sing?"),
    ("likes tea", "Does {who} like tea?"),
    ("likes milk", "Does {who} like milk?"),
    ("has a boat", "Does {who} have a boat?"),
    ("wears a hat", "Does {who} wear a hat?"),
)
#: From small to large: whatever stands before another fits into it.
THINGS = ("coin", "ring", "key", "pen", "cup", "jar", "tin", "box", "bag", "basket", "chest", "trunk")
ROOMS = ("kitchen", "garden", "hall", "office", "attic", "garage")
YES_NO = ("yes", "no")


@dataclass(frozen=True)
class Case:
    """What is known (in any order), what is asked, and the facts that lead to the answer."""

    facts: list[str]
    solution: list[str]
    question: str
    answer: str
    choices: tuple[str, ...]
    content: str


def draw(rng: random.Random, steps: int, unseen: bool = False) -> Puzzle:
    """Draw a puzzle of so many steps, worded as trained or as never trained."""
    style, frame = rng.choice(UNSEEN if unseen else TRAINED)
    case = STYLES[style](rng, steps)
    closing = [f"So {case.answer}."] if case.choices == YES_NO else []
    return Puzzle(
        family="commonsense",
        template=f"{style}, {frame}",
        difficulty=steps,
        prompt=arrange(frame, "Here are some facts.", shuffled(rng, case.facts), case.question),
        trace=" ".join(["Start:", *case.solution, *closing]),
        answer=f"Answer: {case.answer}",
        reference=case.answer,
        grader="exact",
        content=case.content,
        choices=case.choices,
    )


def _kinds(every: str) -> Callable[[random.Random, int], Case]:
    """Two people, each at the foot of a chain of kinds; at one top is an ability, at the other its absence."""

    def case(rng: random.Random, steps: int) -> Case:
        ability, question = rng.choice(ABILITIES)
        roles = rng.sample(ROLES, 2 * steps)
        asked, other = rng.sample(NAMES, 2)
        able = rng.random() < 0.5
        path = [*_links([asked, *roles[:steps]], every), _rule(roles[steps - 1], ability, able, every)]
        away = [*_links([other, *roles[steps:]], every), _rule(roles[-1], ability, not able, every)]
        content = f"kinds {asked} {other} {roles} {ability} {able}"
        return Case(path + away, path, question.format(who=asked), YES_NO[not able], YES_NO, content)

    return case


def _exception(rng: random.Random, steps: int) -> Case:
    """Two people of one kind, one of them by way of the kind that is the exception."""
    ability, question = rng.choice(ABILITIES)
    top, *roles = rng.sample(ROLES, 2 * steps)
    odd_one, other = rng.sample(NAMES, 2)
    usual, about_odd_one = rng.random() < 0.5, rng.random() < 0.5
    odd, normal = _links([odd_one, *roles[:steps], top], "Every"), _links([other, *roles[steps:], top], "Every")
    exception = _rule(roles[steps - 1], ability, not usual, "Every")
    general = _rule(f"{top} who is not a {roles[steps - 1]}", ability, usual, "Every")
    solution = [*odd[:-1], exception] if about_odd_one else [*normal, general]
    question = question.format(who=odd_one if about_odd_one else other)
    content = f"exception {odd_one} {other} {top} {roles} {ability} {usual} {about_odd_one}"
    answer = YES_NO[usual == about_odd_one]
    return Case([*odd, *normal, exception, general], solution, question, answer, YES_NO, content)


def _links(chain: list[str], every: str) -> list[str]:
    """The sentences "Ada is a baker." "Every baker is a painter." and so on."""
    subjects = [chain[0], *(f"{every} {role}" for role in chain[1:-1])]
    return [f"{subject} is a {role}." for subject, role in zip(subjects, chain[1:])]


def _rule(role: str, ability: str, able: bool, every: str) -> str:
    return f"{every if able else 'No'} {role} {ability}."


def _places(inside: str, question: str) -> Callable[[random.Random, int], Case]:
    """A thing in a thing in … in a room, and shorter chains to two other rooms."""

    def case(rng: random.Random, steps: int) -> Case:
        free, chains = list(range(len(THINGS))), []
        for length, room in zip([steps, rng.randint(1, 2), rng.randint(1, 2)], rng.sample(ROOMS, 3)):
            chosen = sorted(rng.sample(free, length))
            free = [i for i in free if i not in chosen]
            chains.append([*(THINGS[i] for i in chosen), room])
        told = [[capital(inside.format(a=a, b=b)) for a, b in zip(chain, chain[1:])] for chain in chains]
        rooms = tuple(chain[-1] for chain in chains)
        return Case(sum(told, []), told[0], question.format(thing=chains[0][0]), rooms[0], rooms, f"places {chains}")

    return case


def _sizes(rng: random.Random, steps: int) -> Case:
    """Boxes in a row of sizes. Both boxes asked about have a neighbour on either side, so neither gives itself away."""
    row = rng.sample(COLOURS, steps + 3)  # from small to large
    yes = rng.random() < 0.5
    a, b = (1, 1 + steps) if yes else (2, 1)
    smaller = [f"The {x} box is smaller than the {y} box." for x, y in zip(row, row[1:])]
    larger = [f"The {y} box is larger than the {x} box." for x, y in zip(row, row[1:])]
    solution = smaller[a:b] if yes else [*smaller[a:], f"No box is larger than the {row[-1]} box."]
    question = f"Is the {row[a]} box smaller than the {row[b]} box?"
    facts = [rng.choice(pair) for pair in zip(smaller, larger)]
    return Case(facts, solution, question, YES_NO[not yes], YES_NO, f"sizes {row} {yes}")


STYLES: dict[str, Callable[[random.Random, int], Case]] = {
    "every": _kinds("Every"),
    "each": _kinds("Each"),
    "exception": _exception,
    "in": _places("the {a} is in the {b}.", "In which room is the {thing}?"),
    "lies in": _places("the {a} lies in the {b}.", "Which room has the {thing}?"),
    "sizes": _sizes,
}
UNSEEN = (("every", NUMBERED), ("each", QUESTION_FIRST), ("exception", NUMBERED), ("in", QUESTION_FIRST),
          ("lies in", NUMBERED), ("sizes", QUESTION_FIRST))  # fmt: skip
TRAINED = tuple((s, f) for s in STYLES for f in (PLAIN, QUESTION_FIRST, NUMBERED) if (s, f) not in UNSEEN)
