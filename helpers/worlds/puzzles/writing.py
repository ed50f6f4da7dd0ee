"""Writing under constraints that can be checked: an acrostic, a number of words, a word to use and one to avoid.

A solution writes line after line and says why each begins as it does; the answer is those lines. The constraints are
those of ``helpers.grading.constraints``.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from .puzzle import Puzzle

STEPS, LONGER = range(1, 4), range(4, 5)
CHANCE = 0.0
#: Words to spell, by their number of letters, and the subjects that begin with those letters.
ACROSTICS = {
    1: tuple("abcdemnoprst"),
    2: ("at", "be", "do", "me", "no", "on", "or", "so", "to"),
    3: ("and", "arm", "bad", "bed", "cap", "car", "cat", "end", "map", "men", "net", "not", "one", "pen", "pot", "red",
        "sad", "sea", "ten", "top"),
    4: ("boat", "card", "coat", "date", "moon", "nest", "note", "rest", "road", "rose", "star", "team", "tree"),
}  # fmt: skip
SUBJECTS = {
    "a": ("Ants", "Apples", "Artists"), "b": ("Birds", "Boats", "Bakers"), "c": ("Cats", "Clouds", "Cooks"),
    "d": ("Dogs", "Ducks", "Dancers"), "e": ("Eagles", "Elephants", "Engines"), "m": ("Mice", "Monkeys", "Men"),
    "n": ("Nurses", "Neighbours", "Nets"), "o": ("Owls", "Otters", "Oranges"), "p": ("Painters", "Pigs", "Pilots"),
    "r": ("Rabbits", "Robins", "Runners"), "s": ("Sailors", "Sheep", "Singers"), "t": ("Teachers", "Tigers", "Trains"),
}  # fmt: skip
VERBS = ("sing", "run", "sleep", "wait", "play", "dance", "rest", "meet")
#: What follows the verb, by the number of words in the line.
ENDINGS = {
    2: ("",),
    3: (" well", " here", " today", " now"),
    4: (" at noon", " at night", " at home", " at work"),
    5: (" in the garden", " by the river", " near the sea", " under the moon"),
}


def _task(word: str) -> list[str]:
    if len(word) == 1:
        return ["Write 1 line.", f"The first letter is {word.upper()}."]
    return [f"Write {len(word)} lines.", f"The first letters spell {_spelled(word)}."]


def _task_in_one(word: str) -> list[str]:
    if len(word) == 1:
        return [f"Write 1 line with the first letter {word.upper()}."]
    return [f"Write {len(word)} lines with the first letters {_spelled(word)}."]


def _spelled(word: str) -> str:
    """The word as single letters: a model reads words, and would have to know how each is spelt."""
    return " ".join(word.upper())


STYLES: dict[str, Callable[[str], list[str]]] = {"spell": _task, "with": _task_in_one}
#: The order of the sentences, given the task's and the other rules.
FRAMES: dict[str, Callable[[list[str], list[str]], list[str]]] = {
    "plain": lambda task, rules: [*task, *rules],
    "rules first": lambda task, rules: [*rules, *task],
    "numbered": lambda task, rules: [*task, *(f"Rule {i}: {rule}" for i, rule in enumerate(rules, 1))],
}
UNSEEN = (("with", "rules first"), ("spell", "numbered"))
TRAINED = tuple((s, f) for s in STYLES for f in FRAMES if (s, f) not in UNSEEN)


def draw(rng: random.Random, steps: int, unseen: bool = False) -> Puzzle:
    """Draw a task of so many lines, worded as trained or as never trained."""
    style, frame = rng.choice(UNSEEN if unseen else TRAINED)
    word, length = rng.choice(ACROSTICS[steps]), rng.choice(tuple(ENDINGS))
    required, avoided = _required_and_avoided(rng, length)
    rules = [f"Use {length} words in each line."]
    rules += [f"Use the word {required}."] if required else []
    rules += [f"Do not use the word {avoided}."] if avoided else []
    # the last line holds the required word; any other rule would leave the model guessing which one does
    lines = [_line(rng, letter, length, required if i == steps else "", avoided) for i, letter in enumerate(word, 1)]
    solution = [f"Line {i}: {letter.upper()}, so {line}." for i, (letter, line) in enumerate(zip(word, lines), 1)]
    return Puzzle(
        family="writing",
        template=f"{style}, {frame}",
        difficulty=steps,
        prompt=" ".join(FRAMES[frame](STYLES[style](word), rules)),
        trace=" ".join([f"Start: {length} words in each line.", *solution]),
        answer="\n".join(lines),
        reference=_constraints(word, length, required, avoided),
        grader="constraints",
        content=f"{word} {length} {required} {avoided}",
    )


def _required_and_avoided(rng: random.Random, length: int) -> tuple[str, str]:
    """Two different words that lines of this length may hold; one of them is left out two times in three."""
    pool = [*VERBS, *(ending.split()[-1] for ending in ENDINGS[length] if ending)]
    required, avoided = rng.sample(pool, 2)
    return rng.choice(((required, avoided), (required, ""), ("", avoided)))


def _line(rng: random.Random, letter: str, length: int, required: str, avoided: str) -> str:
    """A line that begins with the letter and uses the required word, if any, and not the avoided one."""
    while True:
        line = f"{rng.choice(SUBJECTS[letter])} {rng.choice(VERBS)}{rng.choice(ENDINGS[length])}"
        words = line.split()
        if (not required or required in words) and avoided not in words:
            return line


def _constraints(word: str, length: int, required: str, avoided: str) -> list[dict]:
    constraints = [
        {"kind": "lines", "n": len(word)},
        {"kind": "acrostic", "word": word},
        {"kind": "words_per_line", "n": length},
    ]
    constraints += [{"kind": "contains", "words": [required]}] if required else []
    return constraints + ([{"kind": "forbidden", "words": [avoided]}] if avoided else [])
