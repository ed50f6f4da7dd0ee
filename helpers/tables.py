"""Tables out of a model's answer, as HTML, Markdown or CSV, and how many of their cells are right."""

from __future__ import annotations

import collections
import csv
import re
from collections.abc import Sequence
from html.parser import HTMLParser

from .text_metrics import counts_f1, one_line

Rows = list[list[str]]

FENCE = re.compile(r"```[^\n]*\n(.*?)(?:```|\Z)", re.DOTALL)
RULE = re.compile(r"\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?")  # the line under the head of a table in Markdown


def parse_table(text: str) -> Rows | None:
    """The rows of the first table in an answer; None where there is none. Cells are text, white space collapsed.

    HTML is known by its tags, Markdown by the line under its head, and all else is read as CSV: there every line with
    at least two cells is a row, and two rows make a table. Cells that span several are one cell. Never raises.
    """
    fenced = FENCE.search(text)
    text = fenced[1] if fenced else text
    if re.search(r"<t(?:able|r|[dh])\b", text, re.IGNORECASE):
        rows = _from_html(text)
    elif any("|" in line and RULE.fullmatch(line.strip()) for line in text.splitlines()):
        rows = _from_markdown(text)
    else:
        rows = _from_csv(text)
    return [[one_line(cell) for cell in row] for row in rows] or None


def cell_f1(reference: Sequence[Sequence[str]], read: Sequence[Sequence[str]]) -> float:
    """F1 of the cells of two tables, 0 to 1. A cell is its text with the heads of its row and its column.

    So a row or column that is left out costs its own cells only, and their order costs nothing; a misread head costs
    all cells under it.
    """
    return counts_f1(_cells(reference), _cells(read))


def _cells(rows: Sequence[Sequence[str]]) -> collections.Counter:
    head = rows[0] if rows else []
    return collections.Counter(
        (row[0], head[i] if i < len(head) else "", cell) for row in rows if row for i, cell in enumerate(row)
    )


def _from_html(text: str) -> Rows:
    parser = _Table()
    parser.feed(text.replace("<!", "&lt;!"))  # some Pythons' parsers give up on declarations that are none
    parser.close()
    return [row for row in parser.rows if row]


class _Table(HTMLParser):
    """Collects the cells of the first table; closing tags may be missing."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: Rows = []
        self.in_cell = self.is_over = False

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag == "table" and self.rows:
            self.is_over = True
        elif tag == "tr" or (tag in ("td", "th") and not self.rows):
            self.rows.append([])
        if tag in ("tr", "td", "th"):
            self.in_cell = tag != "tr"
        if self.in_cell and tag in ("td", "th") and not self.is_over:
            self.rows[-1].append("")
        elif tag == "br":
            self.handle_data(" ")

    def handle_endtag(self, tag: str) -> None:
        self.in_cell = self.in_cell and tag not in ("td", "th", "tr", "table")
        self.is_over = self.is_over or tag == "table"

    def handle_data(self, data: str) -> None:
        if self.in_cell and not self.is_over:
            self.rows[-1][-1] += data


def _from_markdown(text: str) -> Rows:
    """The lines with bars around the first rule, up to the first line without a bar."""
    lines = [line.strip() for line in text.splitlines()]
    rule = next(i for i, line in enumerate(lines) if "|" in line and RULE.fullmatch(line))
    body = []
    for line in lines[rule + 1 :]:
        if "|" not in line:
            break
        body.append(line)
    head = [lines[rule - 1]] if rule and "|" in lines[rule - 1] else []
    return [re.split(r"(?<!\\)\|", line.removeprefix("|").removesuffix("|")) for line in head + body]


def _from_csv(text: str) -> Rows:
    lines = text.strip().splitlines(keepends=True)  # a quoted cell may hold a line break
    try:
        rows = [row for row in csv.reader(lines, skipinitialspace=True) if len(row) > 1]
    except csv.Error:  # a cell of more than 128 KB
        return []
    return rows if len(rows) > 1 else []
