"""The documents: what is drawn, what is said about it, and what is asked, each checked by other means."""

from __future__ import annotations

import csv
import json
import random
import re
from collections import Counter
from dataclasses import replace
from functools import lru_cache
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import CourseError, UnknownName
from helpers.profiles import root
from helpers.worlds import documents
from helpers.worlds.documents.fonts import CAPITAL, EM, glyph
from helpers.worlds.documents.layout import SIZES

unhurried = settings(deadline=None)  # a busy machine is no bug
few = settings(deadline=None, max_examples=40)
seeds, splits, kinds = st.integers(0, 10**6), st.sampled_from(documents.SPLITS), st.sampled_from(list(documents.KINDS))
scales = st.sampled_from([0.5, 1.0, 1.37, 2.0, 3.0])


def document(kind: str, index: int, split: str = "heldout") -> documents.Document:
    return next(documents.documents(split, 1, start=index, kind=kind))


def drawn(split: str, n: int, seed: int = 0, kind: str | None = None) -> list[documents.Document]:
    return list(documents.documents(split, n, seed=seed, kind=kind))


def texts(found: documents.Document) -> list[str]:
    """Every text that a model is shown or told about a document."""
    asked = documents.questions(found, random.Random(0))
    said = [documents.transcription(found), documents.as_json(found), documents.json_prompt(found)]
    if found.kind == "table":
        said += [documents.as_html(found), documents.as_csv(found)]
    return said + [q.prompt for q in asked] + [q.answer for q in asked]


def words(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z]+|\d{4}", text.lower()))


# --- drawing ----------------------------------------------------------------------------------------------------------


@few
@given(seeds, splits, kinds, scales)
def test_same_seed_same_document_and_pixels(index, split, kind, scale):
    one, two = document(kind, index, split), document(kind, index, split)
    assert one == two
    image = documents.render(one, scale)
    assert image.size == documents.size(one, scale) and image.mode == "RGB"
    assert np.array_equal(image, documents.render(two, scale))


def test_all_kinds_come_in_turn_and_an_index_is_what_it_was():
    found = drawn("train", 10)
    assert [d.kind for d in found] == list(documents.KINDS) * 2
    assert next(documents.documents("train", 1, start=7)) == found[7]


@unhurried
@given(seeds, splits, kinds)
def test_a_document_has_few_lines_and_few_visual_tokens(index, split, kind):
    page = document(kind, index, split).page
    assert page.width % 16 == page.height % 16 == 0
    assert page.width * page.height <= 120 * 16 * 16
    assert 1 <= len(page.lines) <= 7


def test_capitals_are_eight_to_ten_pixels_high():
    assert all(8 <= CAPITAL * size <= 10 for size in SIZES)
    for face in documents.FACES:
        _, top, _, _ = glyph(face, "H", EM).ink.getbbox()
        assert -(glyph(face, "H", EM).dy + top) == pytest.approx(CAPITAL * EM, abs=0.07 * EM)
    assert all(span.size >= 11.5 for d in drawn("train", 200) for line in d.page.lines for span in line.spans)


@few
@given(seeds, splits, kinds, scales)
def test_a_box_holds_all_ink_of_its_line_and_nothing_else_changes(index, split, kind, scale):
    """Render with and without each line: pixels differ inside its box, near to each of its edges, and nowhere else."""
    found = document(kind, index, split)
    whole = np.asarray(documents.render(found, scale), int)
    height, width = whole.shape[:2]
    for k, (line, (text, (x1, y1, x2, y2))) in enumerate(zip(found.page.lines, documents.boxes(found, scale))):
        assert text == line.text and 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height
        lines = found.page.lines[:k] + found.page.lines[k + 1 :]
        without = np.asarray(documents.render(replace(found, page=replace(found.page, lines=lines)), scale), int)
        ys, xs = np.nonzero(np.abs(whole - without).max(-1))
        assert len(xs), text
        assert xs.min() >= x1 - 1 and xs.max() + 1 <= x2 + 1 and ys.min() >= y1 - 1 and ys.max() + 1 <= y2 + 1, text
        turn = 0.036 * (x2 - x1 + y2 - y1)  # an upright box round a turned line is looser
        loose = 1.5 + scale + turn
        assert xs.min() <= x1 + loose and xs.max() + 1 >= x2 - loose, text
        assert ys.min() <= y1 + loose and ys.max() + 1 >= y2 - loose, text


@unhurried
@given(seeds, splits, kinds)
def test_lines_and_spans_do_not_overlap_or_leave_the_page(index, split, kind):
    found = document(kind, index, split)
    straight = [span.box for line in found.page.lines for span in line.spans]
    for i, (a1, b1, a2, b2) in enumerate(straight):
        for c1, d1, c2, d2 in straight[:i]:
            assert min(a2, c2) <= max(a1, c1) or min(b2, d2) <= max(b1, d1), documents.transcription(found)
    for line in found.page.lines:
        for span in line.spans:
            x1, y1, x2, y2 = documents.box(found, span)
            assert x1 >= 0.5 and y1 >= 0.5 and x2 <= found.page.width - 0.5 and y2 <= found.page.height - 0.5, span.text


@few
@given(seeds, splits, kinds)
def test_lines_are_in_reading_order(index, split, kind):
    """From top to bottom, and the spans of a line from left to right."""
    for line in (lines := document(kind, index, split).page.lines):
        assert [s.x for s in line.spans] == sorted(s.x for s in line.spans)
    tops = [line.spans[0].y for line in lines]
    assert tops == sorted(tops)


@few
@given(seeds, kinds)
def test_turning_and_noise_are_slight(index, kind):
    found = document(kind, index, "train")
    assert abs(found.style.angle) <= documents.MAX_ANGLE
    empty = replace(found.page, lines=(), marks=())
    quiet = replace(found, page=empty, style=replace(found.style, angle=0.0))
    pixels = np.asarray(documents.render(quiet, 2.0), float)
    inner = pixels[..., np.argmin(np.abs(np.array(found.style.paper) - 128))]  # the channel that is clipped least
    assert inner.std() <= 1.1 * found.style.noise + 0.5 and found.style.noise <= 6
    assert np.abs(np.median(pixels, axis=(0, 1)) - found.style.paper).max() <= 2
    contrast = np.abs(np.array(found.style.paper) - found.style.ink).max()
    assert contrast >= 90


def test_looks_vary():
    looks = [d.style for d in drawn("train", 300)]
    assert {look.face for look in looks} == set(documents.FACES)
    assert len({look.paper for look in looks}) > 8 and len({look.ink for look in looks}) > 4
    assert min(look.angle for look in looks) < -1.5 and max(look.angle for look in looks) > 1.5


def test_every_character_has_a_glyph_of_its_own():
    """No character of any text is drawn as the box that stands for a missing one, or like another character."""
    chars = set("".join(documents.transcription(d) for split in documents.SPLITS for d in drawn(split, 400))) - {"\n"}
    assert {"A", "y", "0", ":", "."} <= chars
    for face in documents.FACES:
        missing = glyph(face, "\uffff", EM) if face != "printer" else None
        shapes = {}
        for char in sorted(chars - {" "}):
            found = glyph(face, char, EM)
            assert found.ink is not None, (face, char)
            shapes[char] = (found.ink.size, found.dy, found.ink.tobytes())
            assert missing is None or shapes[char][2] != missing.ink.tobytes(), (face, char)
        assert len(set(shapes.values())) == len(shapes)
        assert glyph(face, " ", EM).ink is None


@pytest.mark.parametrize("scale", [0, -1, 0.01, 1000, float("nan"), float("inf")])
def test_a_useless_scale_is_refused(scale):
    with pytest.raises(CourseError, match="scale"):
        documents.render(document("sign", 0), scale)


def test_larger_scales_show_more():
    """Drawn anew, not enlarged: at scale 2 the page is sharper than the page at scale 1 enlarged."""
    found = document("receipt", 3)
    found = replace(found, style=replace(found.style, noise=0.0, face="plain"))
    large = documents.render(found, 2.0)
    enlarged = documents.render(found, 1.0).resize(large.size)
    sharpness = [np.abs(np.diff(np.asarray(image, float).mean(-1), axis=1)).max() for image in (large, enlarged)]
    assert sharpness[0] > 1.1 * sharpness[1]


# --- splits -----------------------------------------------------------------------------------------------------------


def test_splits_share_no_content():
    """Not even where the look differs: what a held-out document says was never said in training."""
    said = {}
    for split in documents.SPLITS:
        found = [d for kind in documents.KINDS for d in drawn(split, 400, kind=kind)]
        said[split] = {documents.as_json(d).upper() for d in found if d.kind != "sign"}
        said[split] |= {" ".join(d.content.lines).upper() for d in found if d.kind == "sign"}
    assert not said["train"] & said["heldout"]
    assert not said["novel"] & (said["train"] | said["heldout"])


@unhurried
@given(seeds, kinds)
def test_reserved_contents_are_never_trained_on(index, kind):
    assert not documents.is_reserved(document(kind, index, "train").content)
    assert documents.is_reserved(document(kind, index, "heldout").content)


def test_the_two_sets_of_words_are_disjoint():
    def flat(value):
        return set().union(*map(flat, value)) if isinstance(value, tuple) else words(value)

    known, novel = (flat(tuple(vars(w).values())) for w in (documents.KNOWN, documents.NOVEL))
    assert not {w for w in novel if len(w) > 1} & known
    assert not set("wxyz") & known  # the bars' letters


def test_no_training_document_has_a_novel_word_and_every_novel_one_has():
    def flat(value):
        return set().union(*map(flat, value)) if isinstance(value, tuple) else words(value)

    novel = flat(tuple(vars(documents.NOVEL).values()))
    printed = [words(documents.transcription(d)) for d in drawn("train", 1500)]
    years = {w for w in novel if w.isdigit()}  # a form's number may be 1998 by chance
    assert not novel - years & set().union(*printed)
    assert all(words(documents.transcription(d)) & novel for d in drawn("novel", 500))


def test_wrong_names_are_answered_by_the_right_ones():
    with pytest.raises(UnknownName, match="train, heldout, novel"):
        next(documents.documents("test", 1))
    with pytest.raises(UnknownName, match="receipt"):
        next(documents.documents("train", 1, kind="reciept"))
    with pytest.raises(UnknownName, match="receipt"):
        next(documents.document_questions("train", 1, kind="letter"))
    with pytest.raises(UnknownName, match="total"):
        documents.sample_question(random.Random(0), "train", "receipt", "sum")


# --- what is said about a document ------------------------------------------------------------------------------------


@unhurried
@given(seeds, splits)
def test_the_total_of_a_receipt_is_the_sum_of_its_prices(index, split):
    lines = documents.transcription(document("receipt", index, split)).split("\n")
    prices = [round(100 * float(line.split()[-1])) for line in lines if re.search(r" \d+\.\d\d$", line)]
    assert sum(prices[:-1]) == prices[-1] and 2 <= len(prices) - 1 <= 4
    assert re.match(r"Total|TOTAL|Sum", lines[-1])


@unhurried
@given(seeds, splits, kinds)
def test_every_value_is_printed(index, split, kind):
    """As a text of the page: all values of receipts, forms and tables, and the labels of charts."""
    found = document(kind, index, split)
    text, values = documents.transcription(found), documents.key_values(found)
    printed = values if kind == "chart" else [v for v in values.values() if v is not None]
    assert all(value in text.replace("\n", " ") for value in printed)


@unhurried
@given(seeds, splits)
def test_forms_say_null_where_nothing_is_printed(index, split):
    found = document("form", index, split)
    values = documents.key_values(found)
    assert list(values) == list(documents.KEYS["form"])
    lines = documents.transcription(found).split("\n")
    for key, label, value in found.content.fields:
        assert values[key] == value
        assert any(line.replace(":", "") == f"{label.replace(':', '')} {value or ''}".strip() for line in lines)
    assert all(values[key] is None for key in set(values) - {key for key, _, _ in found.content.fields})
    assert any(values.values())


def test_some_values_are_missing():
    forms = [f for d in drawn("train", 300, kind="form") for f in d.content.fields]
    assert 0.1 < sum(value is None for _, _, value in forms) / len(forms) < 0.25
    dates = [d.content.date for d in drawn("train", 300, kind="receipt")]
    assert 0.08 < dates.count(None) / len(dates) < 0.25


@unhurried
@given(seeds, splits, kinds)
def test_json_parses_back_to_what_is_known(index, split, kind):
    found = document(kind, index, split)
    text = documents.as_json(found)
    read = json.loads(text)
    assert json.dumps(read) == text and "\n" not in text
    if kind == "table":
        assert [tuple(row.values()) for row in read] == list(found.content.rows)
        assert all(tuple(row) == found.content.header for row in read)
    elif kind == "chart":
        assert read["values"] == dict(zip(found.content.labels, found.content.values))
    else:
        assert tuple(read) == documents.KEYS[kind]
        assert {key: read[key] for key in documents.key_values(found)} == documents.key_values(found)
        assert all(f'"{key}"' in documents.json_prompt(found) for key in read)
    if kind == "receipt":
        assert [(i["name"], i["price"]) for i in read["items"]] == [
            (name, f"{cents / 100:.2f}") for name, cents in found.content.items
        ]


class _Cells(HTMLParser):
    def __init__(self, text: str):
        super().__init__()
        self.rows: list[list[tuple[str, str]]] = []
        self.tag = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tag = tag
        if tag == "tr":
            self.rows.append([])

    def handle_data(self, data):
        self.rows[-1].append((self.tag, data))


@unhurried
@given(seeds, splits)
def test_html_and_csv_have_the_rows_of_the_table(index, split):
    found = document("table", index, split)
    rows = [found.content.header, *found.content.rows]
    cells = _Cells(documents.as_html(found)).rows
    assert [tuple(text for _, text in row) for row in cells] == rows
    assert [{tag for tag, _ in row} for row in cells] == [{"th"}] + [{"td"}] * (len(rows) - 1)
    assert [tuple(row) for row in csv.reader(documents.as_csv(found).split("\n"))] == rows
    assert documents.transcription(found) == "\n".join(" ".join(row) for row in rows)


def test_only_tables_have_rows():
    with pytest.raises(CourseError, match="a sign"):
        documents.as_csv(document("sign", 0))
    with pytest.raises(CourseError, match="a chart"):
        documents.as_html(document("chart", 0))


@few
@given(seeds, splits)
def test_bars_are_as_high_as_their_values(index, split):
    """Measured in the picture: the column of a bar is coloured from the axis up to its value, within a tick's fifth."""
    found = document("chart", index, split)
    found = replace(found, style=replace(found.style, angle=0.0, noise=0.0))
    scale = 4
    pixels = np.asarray(documents.render(found, scale), int)
    _, *ticks, names = found.page.lines
    values = [int(line.text) for line in ticks]
    middles = [(line.spans[0].box[1] + line.spans[0].box[3]) / 2 * scale for line in ticks]
    slope, foot = np.polyfit(values, middles, 1)
    for span, value in zip(names.spans, found.content.values):
        x = round((span.box[0] + span.box[2]) / 2 * scale)
        column = pixels[: round(foot), x]
        bar = next(m.colour for m in found.page.marks if m.x1 * scale < x < m.x2 * scale and m.y2 - m.y1 > 2)
        top = np.nonzero(np.abs(column - bar).max(-1) < 30)[0].min()
        assert abs((top - foot) / slope - value) < found.content.tick / 5 + 0.02 * found.content.top
    top, tick = found.content.top, found.content.tick
    assert values == list(range(top, -1, -tick)) and max(found.content.values) <= top
    assert len(set(found.content.values)) == len(found.content.values) >= 3


# --- questions --------------------------------------------------------------------------------------------------------


@unhurried
@given(seeds, splits, kinds)
def test_answers_follow_from_the_text_of_the_page(index, split, kind):
    found = document(kind, index, split)
    asked = documents.questions(found, random.Random(index))
    assert len({q.type for q in asked}) == len(asked) and {q.type for q in asked} <= set(documents.TYPES[kind])
    for question in asked:
        assert question.grading in documents.ANSWER and question.prompt.startswith(question.text)
        assert question.answer == SOLVERS[kind](found, question), question


def _receipt(found, question):
    vendor, *rest = documents.transcription(found).split("\n")
    *items, (_, total) = [line.rsplit(" ", 1) for line in rest if re.search(r" \d+\.\d\d$", line)]
    date = [line for line in rest if re.fullmatch(r"[\d.-]{10}", line)]
    ranked = sorted(items, key=lambda item: float(item[1]))
    answers = {"total": total, "vendor": vendor, "date": (date or ["none"])[0], "count": str(len(items)),
               "most expensive": ranked[-1][0], "cheapest": ranked[0][0]}  # fmt: skip
    answers |= {"price": dict(items)[question.text.rstrip("?").split()[-1]]} if question.type == "price" else {}
    return answers[question.type]


LABELS = {"name": ("Name", "Full name"), "city": ("City", "Place"), "date": ("Date", "Due date"),
          "number": ("Number", "No."), "seat": ("Seat",)}  # fmt: skip


def _form(found, question):
    lines = [line.replace(":", "") for line in documents.transcription(found).split("\n")]
    labels = [label for options in LABELS.values() for label in options]
    if question.type == "empty":
        return next((line for line in lines if line in labels), "none")
    key = next(key for key in LABELS if key in question.text)
    for label in sorted(LABELS[key], key=len, reverse=True):
        for line in lines:
            if line == label or line.startswith(f"{label} "):
                return line.removeprefix(label).strip() or "none"
    return "none"


def _table(found, question):
    header, *rows = [line.split() for line in documents.transcription(found).split("\n")]
    if question.type == "rows":
        return str(len(rows))
    column = header.index(question.text.rstrip("?").split()[-1])
    values = {row[0]: int(row[column]) for row in rows}
    if question.type == "sum":
        return str(sum(values.values()))
    if question.type == "cell":
        return str(values[re.search(r"value of (\w+) in", question.text)[1]])
    return (max if question.type == "highest row" else min)(values, key=values.get)


def _chart(found, question):
    values = json.loads(documents.as_json(found))["values"]
    low, high = min(values, key=values.get), max(values, key=values.get)
    answers = {"highest bar": high, "lowest bar": low, "bars": str(len(values)), "title": found.page.lines[0].text,
               "difference": str(values[high] - values[low])}  # fmt: skip
    return answers.get(question.type) or str(values[question.text.rstrip("?").split()[-1]])


def _sign(found, question):
    text = documents.transcription(found).replace("\n", " ")
    return text if question.type == "sign" else (re.findall(r"\d+", text) or ["none"])[0]


SOLVERS = {"receipt": _receipt, "form": _form, "table": _table, "chart": _chart, "sign": _sign}


def test_all_types_are_asked_in_equal_shares():
    n = sum(map(len, documents.TYPES.values()))
    asked = Counter((d.kind, q.type) for d, q in documents.document_questions("heldout", 2 * n))
    assert asked == {(kind, type): 2 for kind, types in documents.TYPES.items() for type in types}
    assert {d.kind for d, _ in documents.document_questions("novel", 10, kind="chart")} == {"chart"}


def test_what_does_not_say_is_answered_by_none():
    missing = [q for _, q in documents.document_questions("heldout", 60, kind="form") if q.type == "missing"]
    assert missing and all(q.answer == documents.NONE for q in missing)


@lru_cache(maxsize=1)
def tokenizer():
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(root() / "data" / "tokenizer" / "qwen")


def test_all_texts_go_through_the_tokenizer_and_back():
    said = {text for split in documents.SPLITS for d in drawn(split, 150) for text in texts(d)}
    said |= {*documents.TRANSCRIBE, documents.TO_HTML, documents.TO_CSV, *documents.TO_JSON.values()}
    for text in sorted(said):
        ids = tokenizer()(text).input_ids
        assert tokenizer().decode(ids) == text
        assert tokenizer().unk_token_id is None or tokenizer().unk_token_id not in ids
        assert len(ids) <= 200
