"""Writing whose form can be checked: lines, words, acrostics, forbidden words. Whether it is good, no rule can say.

A constraint is a JSON object such as ``{"kind": "lines", "n": 4}``. The kinds are the functions registered below; each
gets the text and the constraint's other keys, and says whether the text meets it. A line is one that is not blank; a
word is a run of letters and digits ("it's" and "well-known" are one); case does not count, nor does Unicode's form
(full-width letters are letters).
"""

from __future__ import annotations

import inspect
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from ..tasks import TaskError

WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")

CONSTRAINTS: dict[str, Callable[..., bool]] = {}


@dataclass(frozen=True)
class Check:
    """What became of one constraint."""

    constraint: dict
    met: bool


def check(text: str, constraints: list[dict]) -> list[Check]:
    """Check a text against each constraint, in order. Raises TaskError for a constraint that does not exist."""
    calls = [_prepared(constraint) for constraint in constraints]
    text = unicodedata.normalize("NFKC", text).strip()
    return [Check(constraint, rule(text, **keys)) for constraint, (rule, keys) in zip(constraints, calls)]


def _prepared(constraint: object) -> tuple[Callable[..., bool], dict]:
    """The rule and the arguments that a constraint names."""
    if not isinstance(constraint, dict) or constraint.get("kind") not in list(CONSTRAINTS):
        kinds = ", ".join(CONSTRAINTS)
        raise TaskError(f'A constraint is an object with a "kind" among {kinds}; this is not one: {constraint!r}.')
    rule = CONSTRAINTS[constraint["kind"]]
    keys = {name: value for name, value in constraint.items() if name != "kind"}
    expected = [name for name in inspect.signature(rule).parameters if name != "text"]
    if sorted(keys) != sorted(expected) or not all(_fits(name, value) for name, value in keys.items()):
        raise TaskError(
            f"The constraint {constraint!r} should have, beside its kind: {', '.join(expected)}. "
            "n is a whole number from 1, words is a list of texts, anything else a text."
        )
    return rule, keys


def _fits(name: str, value: object) -> bool:
    def is_text(x: object) -> bool:
        return isinstance(x, str) and bool(x.strip())

    if name == "n":
        return type(value) is int and value > 0
    if name == "words":
        return isinstance(value, list) and bool(value) and all(map(is_text, value))
    return is_text(value)


def constraint(rule: Callable[..., bool]) -> Callable[..., bool]:
    """Register a rule under its own name."""
    CONSTRAINTS[rule.__name__] = rule
    return rule


@constraint
def lines(text: str, n: int) -> bool:
    """Exactly n lines."""
    return len(_lines(text)) == n


@constraint
def words(text: str, n: int) -> bool:
    """Exactly n words in all."""
    return len(WORD.findall(text)) == n


@constraint
def min_words(text: str, n: int) -> bool:
    """At least n words in all."""
    return len(WORD.findall(text)) >= n


@constraint
def max_words(text: str, n: int) -> bool:
    """At most n words in all, and at least one."""
    return 0 < len(WORD.findall(text)) <= n


@constraint
def words_per_line(text: str, n: int) -> bool:
    """Exactly n words in every line."""
    return _every_line(text, lambda line: len(WORD.findall(line)) == n)


@constraint
def han_per_line(text: str, n: int) -> bool:
    """Exactly n Chinese characters in every line; punctuation does not count."""
    return _every_line(text, lambda line: len(HAN.findall(line)) == n)


@constraint
def max_characters(text: str, n: int) -> bool:
    """At most n characters, and at least one; white space does not count."""
    return 0 < len("".join(text.split())) <= n


@constraint
def acrostic(text: str, word: str) -> bool:
    """The first letters of the lines spell the word; quotation marks and bullets before them do not count."""
    firsts = [next(filter(str.isalnum, line), "") for line in _lines(text)]
    return "".join(firsts).casefold() == "".join(_plain(word).split())


@constraint
def contains(text: str, words: list[str]) -> bool:
    """Every one of the words occurs, as whole words (in Chinese: anywhere)."""
    return all(_occurs(word, text) for word in words)


@constraint
def forbidden(text: str, words: list[str]) -> bool:
    """None of the words occurs as a whole word (in Chinese: anywhere), in a text that is not empty."""
    return bool(text) and not any(_occurs(word, text) for word in words)


@constraint
def ends_with(text: str, ending: str) -> bool:
    """The text ends with these whole words; punctuation after them does not count."""
    return re.search(_whole(ending) + r"[\W_]*\Z", text.casefold()) is not None


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def _every_line(text: str, holds: Callable[[str], bool]) -> bool:
    return bool(_lines(text)) and all(map(holds, _lines(text)))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


def _occurs(word: str, text: str) -> bool:
    return re.search(_whole(word), text.casefold()) is not None


def _whole(word: str) -> str:
    """A pattern for whole words. Chinese is written without spaces, so there the neighbours say nothing."""
    pattern = re.escape(_plain(word)).replace(r"\ ", r"\s+")  # words may stand on two lines
    letter = r"[^\W\u3400-\u9fff]"  # not Chinese: Chinese neighbours do not make a word longer
    return pattern if HAN.search(word) else rf"(?<!{letter}){pattern}(?!{letter})"
