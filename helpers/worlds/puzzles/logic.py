"""Logic: who comes out on top of several comparisons, and who tells the truth.

Comparisons form a tree with the answer at its root, in which everyone else has exactly one person above. A solution
climbs from the first person named: "Ben is shorter than Dan. Dan is the tallest."

Of truth-tellers, one is known at the start (or found from what he or she says about himself or herself), and each
says something about the next: "Ada lies. Ada says Ben lies, so Ben tells the truth."
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from .puzzle import NAMES, NUMBERED, PLAIN, QUESTION_FIRST, Puzzle, arrange, shuffled

STEPS, LONGER = range(1, 5), range(5, 7)
CHANCE = 0.37  # half of them yes or no (1/2), half of them three to six names (about 1/4)


@dataclass(frozen=True)
class Scale:
    """A comparison, how its end is told, and its two ends: (comparative, opposite, superlative)."""

    compare: str
    is_most: str
    ends: tuple[tuple[str, str, str], tuple[str, str, str]]


_THAN, _IS = "{a} is {word} than {b}", "{a} is the {most}"
SCALES = {
    "height": Scale(_THAN, _IS, (("taller", "shorter", "tallest"), ("shorter", "taller", "shortest"))),
    "age": Scale(_THAN, _IS, (("older", "younger", "oldest"), ("younger", "older", "youngest"))),
    "speed": Scale(_THAN, _IS, (("faster", "slower", "fastest"), ("slower", "faster", "slowest"))),
    "race": Scale("{a} came {word} {b}", "{a} came {most}",
                  (("before", "after", "first"), ("after", "before", "last"))),
}  # fmt: skip


@dataclass(frozen=True)
class Claims:
    """How it is said that somebody is truthful (index 1) or not (index 0)."""

    rule: str
    states: tuple[str, str]
    infinitives: tuple[str, str]
    plural: str
    not_both: str
    question: str


CLAIMS = {
    "lies": Claims(
        "Each person always lies or always tells the truth.",
        ("lies", "tells the truth"), ("lie", "tell the truth"), "lie", "do not both lie",
        "Does {who} tell the truth?",
    ),
    "liar": Claims(
        "Each person is a liar or is honest.",
        ("is a liar", "is honest"), ("be a liar", "be honest"), "are liars", "are not both liars",
        "Is {who} honest?",
    ),
}  # fmt: skip
_FRAMES = (PLAIN, QUESTION_FIRST, NUMBERED)
UNSEEN = (("height", QUESTION_FIRST), ("age", NUMBERED), ("race", NUMBERED), ("lies", NUMBERED),
          ("liar", QUESTION_FIRST))  # fmt: skip
TRAINED_SCALES = tuple((s, f) for s in SCALES for f in _FRAMES if (s, f) not in UNSEEN)
TRAINED_CLAIMS = tuple((s, f) for s in CLAIMS for f in _FRAMES if (s, f) not in UNSEEN)


def draw(rng: random.Random, steps: int, unseen: bool = False) -> Puzzle:
    """Draw a puzzle of so many steps, half of them comparisons, worded as trained or as never trained."""
    if rng.random() < 0.5:
        return _ordering(rng, steps, *rng.choice([t for t in UNSEEN if t[0] in SCALES] if unseen else TRAINED_SCALES))
    return _truth(rng, steps, *rng.choice([t for t in UNSEEN if t[0] in CLAIMS] if unseen else TRAINED_CLAIMS))


def _ordering(rng: random.Random, steps: int, style: str, frame: str) -> Puzzle:
    scale = SCALES[style]
    more, less, most = rng.choice(scale.ends)
    people = rng.sample(NAMES, rng.randint(max(3, steps + 1), max(5, steps + 2)))
    path, others = people[:steps], people[steps:]  # from the first person named up to the answer
    above = list(zip(path, path[1:]))
    for i, person in enumerate(others, steps):
        above.append((person, rng.choice(people[:i])))
    first = rng.choice([pair for pair in above if path[0] in pair])
    rest = shuffled(rng, (pair for pair in above if pair != first))
    facts = [_compared(scale, first, more, less, lower_first=first[0] == path[0])]
    facts += [_compared(scale, pair, more, less, lower_first=rng.random() < 0.5) for pair in rest]
    solution = [scale.compare.format(a=lower, word=less, b=upper) + "." for lower, upper in zip(path, path[1:])]
    solution.append(scale.is_most.format(a=path[-1], most=most) + ".")
    question = scale.is_most.format(a="Who", most=most) + "?"
    return Puzzle(
        family="logic",
        template=f"{style}, {frame}",
        difficulty=steps,
        prompt=arrange(frame, "Compare these people.", facts, question),
        trace=" ".join(["Start:", *solution]),
        answer=f"Answer: {path[-1]}",
        reference=path[-1],
        grader="exact",
        content=f"{above} {most}",
        choices=tuple(people),
    )


def _compared(scale: Scale, pair: tuple[str, str], more: str, less: str, lower_first: bool) -> str:
    lower, upper = pair
    if lower_first:
        return scale.compare.format(a=lower, word=less, b=upper) + "."
    return scale.compare.format(a=upper, word=more, b=lower) + "."


def _truth(rng: random.Random, steps: int, style: str, frame: str) -> Puzzle:
    words = CLAIMS[style]
    people = rng.sample(NAMES, steps + 1 + rng.randrange(2))  # one more than needed, half of the time
    truthful = [rng.random() < 0.5 for _ in people]
    solution, facts = [], []
    says = {a: f"{a} says {b} {words.states[truthful[i] == truthful[i + 1]]}"
            for i, (a, b) in enumerate(zip(people, people[1:]))}  # fmt: skip
    self_referring = truthful[0] != truthful[1] and rng.random() < 0.6
    if self_referring:
        first, found = _about_oneself(words, *people[:2], truthful[0])
        says.pop(people[0])
        facts.append(first)
        solution += found
    else:
        facts.append(f"We know that {people[0]} {words.states[truthful[0]]}.")
        solution.append(f"{people[0]} {words.states[truthful[0]]}.")
    facts += [claim + "." for claim in says.values()]
    for i in range(self_referring, steps):
        solution.append(f"{says[people[i]]}, so {people[i + 1]} {words.states[truthful[i + 1]]}.")
    result = "yes" if truthful[steps] else "no"
    return Puzzle(
        family="logic",
        template=f"{style}, {frame}",
        difficulty=steps,
        prompt=arrange(frame, words.rule, shuffled(rng, facts), words.question.format(who=people[steps])),
        trace=f"Start: {' '.join(solution)} So {result}.",
        answer=f"Answer: {result}",
        reference=result,
        grader="exact",
        content=f"{people} {steps} {truthful} {self_referring}",
        choices=("yes", "no"),
    )


def _about_oneself(words: Claims, a: str, b: str, a_is_truthful: bool) -> tuple[str, list[str]]:
    """A statement that settles both people, and how: a liar cannot call both liars, nor truthfully deny that one is."""
    lying, honest = words.states
    if a_is_truthful:
        said = f"{a} says at least one of {a} and {b} {lying}."
        return said, [f"{a} cannot {words.infinitives[0]}, so {a} {honest}.", f"At least one {lying}, so {b} {lying}."]
    said = f"{a} says both {a} and {b} {words.plural}."
    return said, [f"{a} cannot {words.infinitives[1]}, so {a} {lying}.", f"They {words.not_both}, so {b} {honest}."]
