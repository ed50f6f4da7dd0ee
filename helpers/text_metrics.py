"""Scores for what was read off a page: characters, words, short answers, numbers, keys and values."""

from __future__ import annotations

import collections
import re
import unicodedata
from collections.abc import Iterator, Sequence

ANLS_THRESHOLD = 0.5
TOLERANCE = 0.05


def one_line(text: str) -> str:
    """A text with every run of white space, line breaks included, as one space; composed characters (NFC)."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def cer(reference: str, read: str) -> float:
    """Character error rate by jiwer: edits (substitutions, deletions, insertions) / characters of the reference.

    Line breaks count as spaces, case counts. 0 is perfect; above 1 where much was added. Raises ValueError for a blank
    reference.
    """
    import jiwer

    return jiwer.cer(_not_blank(reference), one_line(read))


def wer(reference: str, read: str) -> float:
    """Word error rate by jiwer: the same for words between spaces. (Chinese has none: use ``cer``.)

    Raises ValueError for a blank reference.
    """
    import jiwer

    return jiwer.wer(_not_blank(reference), one_line(read))


def _not_blank(reference: str) -> str:
    if not reference.strip():
        raise ValueError("an error rate needs a reference that is not blank")
    return one_line(reference)


def anls(references: Sequence[str], answer: str, threshold: float = ANLS_THRESHOLD) -> float:
    """Normalised Levenshtein similarity of an answer to the nearest reference; 0 where it is less than the threshold.

    One term of ANLS, the average over questions (Biten et al., 2019, "Scene Text Visual Question Answering"): edits are
    divided by the longer text's length; case and spacing do not count. Raises ValueError for no references.
    """
    from rapidfuzz.distance import Levenshtein

    if not references:
        raise ValueError("ANLS needs at least one reference")
    said = one_line(answer).casefold()
    near = max(Levenshtein.normalized_similarity(one_line(text).casefold(), said) for text in references)
    return near if near >= threshold else 0.0


def relaxed_accuracy(reference: str, answer: str, tolerance: float = TOLERANCE) -> bool:
    """Whether an answer about a chart is right: a number within ``tolerance`` of the reference, a text exactly.

    As for ChartQA (Masry et al., 2022): |answer - reference| <= tolerance · |reference|, so 0 has to be hit. A per cent
    sign, a currency and commas between thousands do not count, nor do case and spacing. A year is a number like any
    other, and 1950 passes for 2000: ask for years by exact match.
    """
    expected, said = number(reference), number(answer)
    if expected is not None and said is not None:
        return abs(said - expected) <= tolerance * abs(expected) * (1 + 1e-9)  # 105 is within 5 % of 100
    return one_line(reference).casefold() == one_line(answer).casefold()


def number(text: str) -> float | None:
    """The number that a text is, or None: "1,200", "-3.5", "$40", "12 %" (12)."""
    match = re.fullmatch(r"[$€£¥]?\s*([-+−]?(?:\d{1,3}(?:,\d{3})+|\d{1,15})(?:\.\d{1,15})?)\s*[%$€£¥.]?", text.strip())
    return float(match[1].replace(",", "").replace("−", "-")) if match else None


def key_value_f1(reference: object, read: object) -> float:
    """F1 of the (key, value) pairs of two JSON values, 0 to 1.

    Nested keys are joined and places in a list are left out, as Donut's evaluation does (Kim et al., 2022): two items
    in another order cost nothing, nor do values that swapped items. A pair whose value is null or blank is none, so
    leaving out what is missing on the page is right, and inventing it costs precision. Values are compared as text:
    12 is "12", spacing does not count, case does. Two values without any pair are equal (1).
    """
    expected, found = collections.Counter(pairs(reference)), collections.Counter(pairs(read))
    return counts_f1(expected, found)


def pairs(value: object) -> Iterator[tuple[str, str]]:
    """The (key, value) pairs of a JSON value: ``{"items": [{"price": 2}]}`` has ("items.price", "2")."""
    stack: list[tuple[str, object]] = [("", value)]  # no recursion: the depth is the model's
    while stack:
        key, value = stack.pop()
        if isinstance(value, dict):
            stack += [(f"{key}.{name}" if key else str(name), inner) for name, inner in value.items()]
        elif isinstance(value, list):
            stack += [(key, inner) for inner in value]
        elif value is not None and (text := one_line(as_text(value))):
            yield key, text


def as_text(value: object) -> str:
    """A JSON value as the text that it is compared by: 12.0 is "12.0", true is "true"."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def counts_f1(expected: collections.Counter, found: collections.Counter) -> float:
    """F1 of two multisets; 1 where both are empty."""
    total = expected.total() + found.total()
    return 2 * (expected & found).total() / total if total else 1.0
