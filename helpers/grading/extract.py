"""From a model's text to the part of it that answers: a number, a letter, a few words.

Several extractors for numbers exist on purpose. The same answers score differently under each, so a score means little
without the name of its extractor; the notebook "Is it right?" shows by how much. Each gives the text that it takes for
the answer, or None where it finds none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from . import mathematics
from .mathematics import NUMBER

MARKER = re.compile(
    r"^####(?=[ ]*[-+$]?[\d.,/]+\s*$)"  # GSM8K's; a Markdown heading is none
    r"|\banswer\s*(?:is\b|[:=])\s*:?|(?:答案|选项)\s*(?:是|为|:)\s*:?|(?:故|所以|因此|应|我)选择?\s*:?",
    re.IGNORECASE | re.MULTILINE,
)
SENTENCE_END = re.compile(r"[.;!?](?=\s|$)|[。\n]")
HAN = r"[\u3400-\u9fff]"
LATEX_SPACE = re.compile(r"\\[,;:! ]|\\quad\b|~")
POWER = r"(?:\^\{?-?\d\}?|[²³])"
#: What ends a number that counts something: \text{ km}^2, \mathrm{m/s^2}, \text{m}/\text{s}; m^2, km/h; 个, 千米. Words
#: that change the number (million, 万) are none.
UNIT = re.compile(
    r"(?<=[\w)}])(?:\s*(?:(?:/|\\cdot)\s*)?\\(?:text|textrm|mathrm|mbox)\s*"
    rf"\{{(?!\s*(?:hundred|thousand|[mb]illion|dozen))[^{{}}\d]*{POWER}?\}}{POWER}?)+\s*$"
    rf"|(?<=\d)\s*(?:[ckm]?m(?:{POWER}|/[hs]{POWER}?)|(?![百万亿]|千\s*$){HAN}+)\s*$"
)
FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " ", ord("−"): "-"}


def tidy(text: str) -> str:
    r"""Full-width characters in their plain form, a typographic minus as "-", no emphasis, and no ``\text{…}``."""
    text = re.sub(r"([，；：！？])", r"\1 ", text)  # a space after each, as after the plain ones
    text = re.sub(r"\\(?:text|mathrm|textbf|mathbf)\s*\{([^{}]*)\}", r"\1", text)
    return text.translate(FULL_WIDTH).replace("**", "").replace("`", "")


# Numbers


def first_number(answer: str) -> str | None:
    """The first number in the text, whatever it counts."""
    match = NUMBER.search(tidy(answer))
    return match[0] if match else None


def last_number(answer: str) -> str | None:
    """The last number in the text, whatever it counts."""
    numbers = NUMBER.findall(tidy(answer))
    return numbers[-1] if numbers else None


def boxed(answer: str) -> str | None:
    r"""What stands in the last ``\boxed{…}``, however deep its braces nest. None where it is cut off."""
    _, box, rest = answer.rpartition(r"\boxed{")
    depth = 1
    for brace in re.finditer(r"\\.|[{}]", rest if box else "", re.DOTALL):  # "\{" is a character, not a brace
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if depth == 0:
            return rest[: brace.start()].strip() or None
    return None


def announced(answer: str) -> str | None:
    """The boxed answer, else the number that is announced as the answer."""
    return boxed(answer) or _number((marked(answer) or "").partition(", ")[0])


def final_number(answer: str) -> str | None:
    """What the grader uses: the announced answer, else the last number. LaTeX is left to math-verify."""
    return announced(answer) or _number(answer)


def _number(text: str) -> str | None:
    return mathematics.parse(text) if "\\" in text else last_number(text)


def without_unit(number: str) -> str:
    r"""A number, or an expression, without the unit that ends it: ``24\,\text{km}^2``, ``24 m^2``, ``24个``."""
    return UNIT.sub("", LATEX_SPACE.sub(" ", number))


#: The extractors that the notebook compares, by name.
EXTRACTORS: dict[str, Callable[[str], str | None]] = {
    "first_number": first_number,
    "last_number": last_number,
    "announced": announced,
    "final_number": final_number,
}


# Words and letters


def marked(answer: str) -> str | None:
    """What follows the last "The answer is", "Answer:", "答案是" or "####", to the end of its sentence."""
    _, *rests = MARKER.split(tidy(answer))
    if not rests:
        return None
    sentence = SENTENCE_END.split(rests[-1].strip(" \t\n*"), maxsplit=1)[0]
    return sentence.strip(" *") or None


def last_line(answer: str) -> str | None:
    """The last line that is not blank."""
    lines = [line.strip() for line in answer.splitlines() if line.strip()]
    return lines[-1] if lines else None


def final_text(answer: str) -> str | None:
    """A short answer in words: what is boxed, else announced, else the last line."""
    return boxed(answer) or marked(answer) or last_line(answer)


def choice(answer: str) -> str | None:
    """The letter that was chosen, as a capital: boxed, announced, at the head of the last line, or last in brackets.

    None where two are announced ("A or B"): a hedge is no answer. A bare letter inside a sentence is not looked for;
    too often it is the article "a" or the pronoun "I".
    """
    for text in (boxed(answer), marked(answer), last_line(answer)):
        if letters := _leading_letters(tidy(text or "")):
            return letters[0].upper() if len(letters) == 1 else None
    bracketed = re.findall(r"\(([A-Z])\)", tidy(answer))
    return bracketed[-1] if bracketed else None


def _leading_letters(text: str) -> list[str]:
    """The letters that a tidy text opens with: one of "B", "(b)", "B) a falcon", "B选项"; two of "A or B"."""
    text = text.strip(" \"'$.:*")
    if re.fullmatch(r"[A-Za-z]", text):
        return [text]
    ends = rf"(?=$|[).:;,?!、/&]|\s*(?:or|and|because|since)\b|{HAN})"
    first = re.match(rf"(?:(?:option|choice|选项)\s*)?(?:\(([A-Za-z])\)|([A-Z]){ends})", text, re.ASCII)
    if not first:
        return []
    second = re.match(rf"\)?\s*(?:or|and|[,/&、或和])\s*\(?([A-Z]){ends}", text[first.end() :])
    return [first[1] or first[2], *([second[1]] if second else [])]


def normalise(text: str) -> str:
    """A text for comparison: case, spacing, punctuation and a leading article do not count."""
    plain = unicodedata.normalize("NFKC", tidy(text)).casefold()
    words = re.findall(r"(?<!\w)-?\d+(?:[.,:/]\d+)*|\w+", plain)  # numbers keep their sign, point or colon
    if len(words) > 1 and words[0] in ("a", "an", "the"):
        words = words[1:]
    words = re.sub(rf"(?<={HAN}) | (?={HAN})", "", " ".join(words))
    return words or "".join(plain.split())  # nothing but brackets, say, is compared as it is
