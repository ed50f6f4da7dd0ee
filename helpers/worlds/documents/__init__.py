"""Documents: receipts, forms, tables, bar charts and signs whose text, layout, values and answers are known exactly.

>>> from helpers.worlds import documents
>>> document = next(documents.documents("heldout", 1, kind="receipt"))
>>> image = documents.render(document, scale=2)      # a PIL image; at scale 1 a capital is 8 to 9.5 pixels high
>>> documents.transcription(document)                # doctest: +SKIP

What is not in here: handwriting, photographs of paper, more than one column of text, and fonts beyond the two that PIL
brings along (in seven variations).
"""

from .contents import AXES, KINDS, Chart, Form, Receipt, Sign, Table, money
from .document import SPLITS, Document, document_rng, documents, is_reserved, sample_document, set_out
from .fonts import FACES
from .layout import MAX_ANGLE, Line, Span
from .questions import ANSWER, NONE, TYPES, Question, document_questions, questions, sample_question
from .render import box, boxes, render, size
from .texts import (
    EXTRACT,
    KEYS,
    TO_CSV,
    TO_HTML,
    TO_JSON,
    TRANSCRIBE,
    as_csv,
    as_html,
    as_json,
    json_prompt,
    key_values,
    transcription,
)
from .vocabulary import KNOWN, NOVEL

__all__ = [
    "ANSWER", "AXES", "EXTRACT", "FACES", "KEYS", "KINDS", "KNOWN", "MAX_ANGLE", "NONE", "NOVEL", "SPLITS", "TO_CSV",
    "TO_HTML", "TO_JSON", "TRANSCRIBE", "TYPES", "Chart", "Document", "Form", "Line", "Question", "Receipt", "Sign",
    "Span", "Table", "as_csv", "as_html", "as_json", "box", "boxes", "document_questions", "document_rng", "documents",
    "is_reserved", "json_prompt", "key_values", "money", "questions", "render", "sample_document", "sample_question",
    "set_out", "size", "transcription",
]  # fmt: skip
