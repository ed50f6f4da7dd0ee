"""Tables out of answers: three notations, broken ones too."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.tables import cell_f1, parse_table
from helpers.text_metrics import one_line
from helpers.worlds import documents

ROWS = [["", "May", "June"], ["north", "12", "7"], ["south", "30", "4, or 5"]]
HTML = (
    "<table><tr><th></th><th>May</th><th>June</th></tr><tr><td>north</td><td>12</td><td>7</td></tr>"
    "<tr><td>south</td><td>30</td><td>4, or 5</td></tr></table>"
)
MARKDOWN = "|  | May | June |\n|---|:--:|---|\n| north | 12 | 7 |\n| south | 30 | 4, or 5 |"
CSV = ',May,June\nnorth,12,7\nsouth,30,"4, or 5"'


@pytest.mark.parametrize(
    "text",
    [
        HTML,
        f"Here it is:\n```html\n{HTML}\n```\nDone, I think, yes.",
        HTML.replace("</td>", "").replace("</tr>", "").replace("</th>", "").replace("</table>", ""),
        HTML.replace("<table>", "<table border=1>\n<!-- x --><thead>").replace("4, or 5", "4,<br>or&nbsp;<b>5</b>"),
        HTML.removesuffix("</td></tr></table>"),
        HTML + HTML.replace("12", "13"),
        HTML.upper().replace("NORTH", "north").replace("SOUTH", "south").replace("OR", "or").replace("MAY", "May")
        .replace("JUNE", "June"),
        MARKDOWN,
        f"The table, as asked:\n\n{MARKDOWN}\n\nThat is all.",
        CSV,
        f"```csv\n{CSV}\n```",
        f"```\n{CSV}",
        f"This is the table:\n\n{CSV}\n",
        CSV.replace(",M", ", M").replace("\n", "\r\n"),
    ],
)  # fmt: skip
def test_tables_are_read(text):
    assert parse_table(text) == ROWS


@pytest.mark.parametrize("text", ["", "none", "There is no table, sorry.", "<table></table>", "a\nb", "```\n```"])
def test_what_is_no_table(text):
    assert parse_table(text) is None


def test_the_documents_own_notations_are_read():
    for document in documents.documents("heldout", 10, kind="table"):
        rows = [list(document.content.header), *map(list, document.content.rows)]
        assert parse_table(documents.as_html(document)) == parse_table(documents.as_csv(document)) == rows


CELLS = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=6)
TABLES = st.integers(2, 4).flatmap(lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n), min_size=2, max_size=4))


@given(TABLES)
def test_every_table_that_csv_can_write_is_read(rows):
    written = io.StringIO()
    csv.writer(written, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    text = written.getvalue()
    if "<t" not in text.lower() and "|" not in text and "```" not in text:
        assert parse_table(text) == [[one_line(cell) for cell in row] for row in rows]


TAGS = st.sampled_from([
    "<table>", "</table>", "<tr>", "</tr>", "<td>", "</td>", "<th", "<![", "<!", "<![CDATA[", "<?", "<!--", "&#x", "|",
    "|---|", "\n", ",", '"', "```", "\x00", "\r", "\ud800", "x" * 200_000,
])  # fmt: skip


@settings(deadline=None)
@given(st.text() | st.lists(TAGS | st.text(max_size=2), max_size=20).map("".join))
def test_no_text_raises(text):
    rows = parse_table(text)
    assert rows is None or (rows and all(isinstance(cell, str) for row in rows for cell in row))


def test_cells_by_hand():
    assert cell_f1(ROWS, ROWS) == 1 and cell_f1(ROWS, []) == 0 and cell_f1([], []) == 1
    misread = [ROWS[0], ["north", "12", "1"], ROWS[2]]
    assert cell_f1(ROWS, misread) == pytest.approx(8 / 9)
    assert cell_f1(ROWS, ROWS[:2]) == pytest.approx(2 * 6 / (9 + 6))  # a row left out costs recall alone
    assert cell_f1(ROWS, [ROWS[0], ROWS[2], ROWS[1]]) == 1
    swapped = [[row[0], row[2], row[1]] for row in ROWS]
    assert cell_f1(ROWS, swapped) == 1  # columns go by their heads
    wrong_heads = [["", "June", "May"], *ROWS[1:]]
    assert cell_f1(ROWS, wrong_heads) == pytest.approx(5 / 9)  # the three row heads and the two heads, cells are none
