"""What can be read off a document: text, keys and values, JSON, HTML and CSV, and the prompts that ask for them.

Values are texts, exactly as they are printed ("2.40", "18.03.2025"). Only the values of a chart, which nobody printed,
are numbers.
"""

from __future__ import annotations

import csv
import html
import io
import json

from ...errors import CourseError
from .contents import FORM_LABELS, Chart, Form, Receipt, Table, money
from .document import Document

TRANSCRIBE = ("Read all the text in the image.", "Transcribe the document exactly.", "Give the text line by line.")
EXTRACT = "Extract the key information as JSON with the keys {keys}. Use null where a value is missing."
TO_JSON = {"table": "Convert the table to JSON.", "chart": "Convert the chart to JSON."}
TO_HTML = "Convert the table to HTML."
TO_CSV = "Convert the table to CSV."
#: The keys of each kind's JSON, in their order. (Those of tables and charts are printed in them.)
KEYS = {
    "receipt": ("vendor", "date", "items", "total"),
    "form": tuple(FORM_LABELS),
    "sign": ("text", "number"),
}


def transcription(document: Document) -> str:
    """All text, line by line, in reading order."""
    return "\n".join(line.text for line in document.page.lines)


def key_values(document: Document) -> dict[str, str | None]:
    """Flat keys and values, in the order of KEYS, without a receipt's items.

    A value that is missing, and a key of KEYS that a form does not have, is None. A table's keys are "row column",
    a chart's its labels.
    """
    content = document.content
    if isinstance(content, Receipt):
        return {"vendor": content.vendor, "date": content.date, "total": money(content.total)}
    if isinstance(content, Form):
        values = {key: value for key, _, value in content.fields}
        return {key: values.get(key) for key in FORM_LABELS}
    if isinstance(content, Table):
        columns = content.header[1:]
        return {f"{row[0]} {column}": value for row in content.rows for column, value in zip(columns, row[1:])}
    if isinstance(content, Chart):
        return dict(zip(content.labels, map(str, content.values)))
    return {"text": " ".join(content.lines), "number": content.number}


def as_json(document: Document) -> str:
    """The document as JSON on one line, its keys in a fixed order.

    Receipts, forms and signs are objects with the keys of KEYS; a receipt's items are objects of name and price. A
    table is a list of rows, each an object with the keys of its header; a chart has "title" and "values".
    """
    content = document.content
    if isinstance(content, Table):
        return json.dumps([dict(zip(content.header, row)) for row in content.rows])
    if isinstance(content, Chart):
        return json.dumps({"title": content.title, "values": dict(zip(content.labels, content.values))})
    found = key_values(document)
    if isinstance(content, Receipt):
        items = [{"name": name, "price": money(price)} for name, price in content.items]
        found = {key: found.get(key, items) for key in KEYS["receipt"]}
    return json.dumps(found)


def json_prompt(document: Document) -> str:
    """The prompt whose answer is ``as_json(document)``. It says nothing about this document but its kind."""
    if document.kind in TO_JSON:
        return TO_JSON[document.kind]
    return EXTRACT.format(keys=", ".join(f'"{key}"' for key in KEYS[document.kind]))


def as_html(document: Document) -> str:
    """A table as HTML on one line. Raises CourseError for other kinds."""
    head, *rows = _rows(document)
    lines = ["".join(f"<th>{html.escape(cell)}</th>" for cell in head)]
    lines += ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows]
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def as_csv(document: Document) -> str:
    """A table as CSV, one line for each row, the last one without its line end. Raises CourseError for other kinds."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(_rows(document))
    return written.getvalue().removesuffix("\n")


def _rows(document: Document) -> list[tuple[str, ...]]:
    if not isinstance(document.content, Table):
        raise CourseError(f"Only a table has rows; this document is a {document.kind}.")
    return [document.content.header, *document.content.rows]
