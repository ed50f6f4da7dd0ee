"""Questions about documents with exact answers, each of a type, and each with how its answer is graded."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ...errors import unknown
from .. import drawing
from .contents import Chart, Form, Receipt, Sign, Table, money
from .document import Document, document_rng, sample_document

TEXT, NUMBER, WORD = "text", "number", "word"
NONE = "none"  # the answer where a document does not say
#: What a question ends with, by how its answer is graded.
ANSWER = {
    TEXT: "Answer in a short phrase.",  # ANLS
    NUMBER: "Answer with a number.",  # relaxed accuracy: within 5 percent
    WORD: "Answer with one word.",  # exact match, also of prices, dates and counts
}
#: The types of each kind.
TYPES = {
    "receipt": ("total", "vendor", "date", "price", "count", "most expensive", "cheapest"),
    "form": ("field", "missing", "empty"),
    "table": ("cell", "highest row", "lowest row", "rows", "sum"),
    "chart": ("value", "highest bar", "lowest bar", "bars", "difference", "title"),
    "sign": ("sign", "number"),
}
FIELD_QUESTIONS = {
    "name": ("What is the name?", TEXT),
    "city": ("Which city is given?", WORD),
    "date": ("What is the date?", WORD),
    "number": ("What is the number?", WORD),
    "seat": ("Which seat is given?", WORD),
}


@dataclass(frozen=True)
class Question:
    """A question about one document. ``grading`` is a key of ANSWER."""

    type: str
    text: str
    answer: str
    grading: str

    @property
    def prompt(self) -> str:
        """The question together with how to answer."""
        return f"{self.text} {ANSWER[self.grading]}"


def questions(document: Document, rng: random.Random) -> list[Question]:
    """Every type of question that this document can be asked, in random order; of several of a type, one each."""
    return drawing.one_of_each_type(rng, _ASK[document.kind](document.content))


def document_questions(
    split: str, n: int | None = None, seed: int = 0, start: int = 0, kind: str | None = None
) -> Iterator[tuple[Document, Question]]:
    """Yield ``n`` (document, question) pairs of a split, all types of a kind (or of all kinds) in equal shares."""
    if kind is not None and kind not in TYPES:
        raise unknown("kind of document", kind, list(TYPES))
    types = [(k, type) for k, types in TYPES.items() for type in types if kind in (None, k)]
    for index in drawing.indices(n, start):
        yield sample_question(document_rng(split, seed, index), split, *types[index % len(types)])


def sample_question(rng: random.Random, split: str, kind: str, type: str) -> tuple[Document, Question]:
    """Draw a question of a kind and type, with a document that it can be asked about."""
    if type not in TYPES.get(kind, ()):
        raise unknown("type of question", type, list(TYPES.get(kind, ())))
    while True:
        document = sample_document(rng, split, kind)
        for question in questions(document, rng):
            if question.type == type:
                return document, question


def _receipt(content: Receipt) -> Iterable[Question]:
    yield Question("total", "What is the total?", money(content.total), WORD)
    yield Question("vendor", "What is the store called?", content.vendor, TEXT)
    yield Question("date", "What is the date?", content.date or NONE, WORD)
    for name, price in content.items:
        yield Question("price", f"What is the price of {name}?", money(price), WORD)
    yield Question("count", "How many items were bought?", str(len(content.items)), WORD)
    by_price = sorted(content.items, key=lambda item: item[1])
    yield Question("most expensive", "Which item is the most expensive?", by_price[-1][0], WORD)
    yield Question("cheapest", "Which item is the cheapest?", by_price[0][0], WORD)


def _form(content: Form) -> Iterable[Question]:
    values = {key: value for key, _, value in content.fields}
    for key, (text, grading) in FIELD_QUESTIONS.items():
        value = values.get(key)
        yield Question("field" if value else "missing", text, value or NONE, grading)
    empty = [label for _, label, value in content.fields if value is None]
    if len(empty) < 2:
        yield Question("empty", "Which field is empty?", empty[0] if empty else NONE, TEXT)


def _table(content: Table) -> Iterable[Question]:
    for i, column in enumerate(content.header[1:], 1):
        ranked = sorted(content.rows, key=lambda row: int(row[i]))
        for row in content.rows:
            yield Question("cell", f"What is the value of {row[0]} in {column}?", row[i], WORD)
        yield Question("highest row", f"Which row has the highest value in {column}?", ranked[-1][0], WORD)
        yield Question("lowest row", f"Which row has the lowest value in {column}?", ranked[0][0], WORD)
        total = sum(int(row[i]) for row in content.rows)
        yield Question("sum", f"What is the sum of all values in {column}?", str(total), WORD)
    yield Question("rows", "How many rows are below the header?", str(len(content.rows)), WORD)


def _chart(content: Chart) -> Iterable[Question]:
    ranked = sorted(zip(content.values, content.labels))
    for value, label in ranked:
        yield Question("value", f"What is the value of {label}?", str(value), NUMBER)
    yield Question("highest bar", "Which bar is the highest?", ranked[-1][1], WORD)
    yield Question("lowest bar", "Which bar is the lowest?", ranked[0][1], WORD)
    yield Question("bars", "How many bars are there?", str(len(ranked)), WORD)
    difference = "What is the difference between the highest and the lowest value?"
    yield Question("difference", difference, str(ranked[-1][0] - ranked[0][0]), NUMBER)
    yield Question("title", "What is the title of the chart?", content.title, TEXT)


def _sign(content: Sign) -> Iterable[Question]:
    yield Question("sign", "What does the sign say?", " ".join(content.lines), TEXT)
    yield Question("number", "Which number is on the sign?", content.number or NONE, WORD)


_ASK = {"receipt": _receipt, "form": _form, "table": _table, "chart": _chart, "sign": _sign}
