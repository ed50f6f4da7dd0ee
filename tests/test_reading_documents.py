"""The scores that notebook 04_reading_documents writes out, against jiwer, rapidfuzz, jsonschema and the helpers."""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter

import jiwer
import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from page import define
from rapidfuzz.distance import Levenshtein

from helpers import tables, text_metrics
from helpers.profiles import root
from helpers.worlds import documents
from helpers.worlds.documents.layout import width_of

NOTEBOOK = root() / "notebooks" / "03_vision" / "04_reading_documents.ipynb"
FUNCTIONS = {
    "edit_table", "edits", "counted", "alignment", "word_f1", "problems", "outcome", "leaves", "key_value_f1", "cents",
    "adds_up", "cell_f1", "relaxed_match", "anls", "sort_of_word", "errors_by_sort", "with_total",
}  # fmt: skip
VALUES = {"RECEIPT", "TYPES", "name", "price", "item", "sorts_of_words"}


@pytest.fixture(scope="module")
def notebook() -> dict:
    """What the notebook defines, an exercise's function from its solution."""
    namespace = {
        "re": re, "json": json, "Counter": Counter, "one_line": text_metrics.one_line, "documents": documents,
        "dataclasses": dataclasses, "width_of": width_of, "seen": {"total", "tea"},
    }  # fmt: skip
    return define(NOTEBOOK, FUNCTIONS | VALUES, namespace)


texts = st.text(alphabet="aAb1 .\n", max_size=12)
some_text = texts.filter(str.strip)


# Edits


@given(texts, texts)
def test_edits_are_rapidfuzz_s_distance(notebook, reference, read):
    assert notebook["edits"](reference, read) == Levenshtein.distance(reference, read)


@given(some_text, texts)
def test_counted_gives_jiwer_s_rates(notebook, reference, read):
    one, other = text_metrics.one_line(reference), text_metrics.one_line(read)
    errors, characters = notebook["counted"](reference, read)
    assert errors / characters == pytest.approx(jiwer.cer(one, other))
    assert errors / characters == pytest.approx(text_metrics.cer(reference, read))
    errors, words = notebook["counted"](reference, read, split=str.split)
    assert errors / words == pytest.approx(jiwer.wer(one, other))
    assert errors / words == pytest.approx(text_metrics.wer(reference, read))


@given(texts, texts)
def test_an_alignment_spells_both_texts_and_costs_the_distance(notebook, reference, read):
    pairs = notebook["alignment"](reference, read)
    assert "".join(a for a, _ in pairs if a is not None) == reference
    assert "".join(b for _, b in pairs if b is not None) == read
    assert sum(a != b for a, b in pairs) == Levenshtein.distance(reference, read)


@given(texts, texts)
def test_word_f1_is_the_f1_of_word_counts(notebook, reference, text):
    counts = Counter(reference.split()), Counter(text.split())
    assert notebook["word_f1"](reference, text) == pytest.approx(text_metrics.counts_f1(*counts))


# Records

strings = st.sampled_from(["", "2.40", "2.4", "Tea", "Blue Shop", "12.00x"])
scalars = st.none() | strings | st.integers(0, 3) | st.booleans()
items = st.dictionaries(st.sampled_from(["name", "price", "size"]), scalars, max_size=3)
receipts = st.fixed_dictionaries(
    {}, optional={"vendor": scalars, "date": scalars, "total": scalars, "tip": scalars,
                  "items": scalars | st.lists(items | scalars, max_size=3)},
)  # fmt: skip


@given(receipts | scalars | st.lists(scalars, max_size=2))
def test_problems_are_found_where_jsonschema_finds_some(notebook, value):
    is_valid = jsonschema.Draft202012Validator(notebook["RECEIPT"]).is_valid(value)
    assert (notebook["problems"](value, notebook["RECEIPT"]) == []) == is_valid


@pytest.mark.parametrize("split", documents.SPLITS)
def test_the_schema_accepts_every_true_receipt_and_it_adds_up(notebook, split):
    for document in documents.documents(split, 100, seed=7, kind="receipt"):
        record = json.loads(documents.as_json(document))
        jsonschema.validate(record, notebook["RECEIPT"])
        assert notebook["problems"](record, notebook["RECEIPT"]) == []
        assert notebook["adds_up"](record)


def test_every_problem_says_where(notebook):
    record = {"vendor": "Shop", "date": None, "items": [{"name": "Tea", "price": "2.40"}, {"name": 3}], "total": "2"}
    found = "\n".join(notebook["problems"](record, notebook["RECEIPT"]))
    for place in ("$.items[1] lacks 'price'", "$.items[1].name is not", "$.total does not match"):
        assert place in found


good = '{"vendor": "Shop", "date": null, "items": [], "total": "0.00"}'


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (good, "valid"),
        (f"Here it is:\n```json\n{good}\n```\nAnything else?", "valid"),
        (good.replace('"0.00"', "0"), "breaks the schema"),
        ("[]", "breaks the schema"),
        ("null", "breaks the schema"),
        (good[:-1], "no JSON"),
        ("", "no JSON"),
        ("I can't read that.", "no JSON"),
        ("[" * 100_000, "no JSON"),  # deeper than Python's stack
    ],
)
def test_every_answer_has_an_outcome(notebook, answer, expected):
    assert notebook["outcome"](answer, notebook["RECEIPT"])[0] == expected


json_values = st.recursive(
    scalars | st.floats(allow_nan=False, allow_infinity=False, width=16),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c.d"]), inner, max_size=3),
    max_leaves=8,
)


@given(json_values, json_values)
def test_key_value_f1_is_the_helpers(notebook, reference, value):
    assert Counter(notebook["leaves"](value)) == Counter(text_metrics.pairs(value))
    assert notebook["key_value_f1"](reference, value) == pytest.approx(text_metrics.key_value_f1(reference, value))


def test_cents_are_not_floats(notebook):
    record = {"items": [{"price": "0.10"}, {"price": "0.20"}], "total": "0.30"}
    assert notebook["adds_up"](record) and 0.1 + 0.2 != 0.3
    assert not notebook["adds_up"](record | {"total": "0.31"})


# Cells and short answers

rows = st.lists(st.lists(st.sampled_from(["", "Tea", "Milk", "1", "2"]), max_size=3), max_size=4)


@given(rows, rows)
def test_cell_f1_is_the_helpers(notebook, reference, read):
    assert notebook["cell_f1"](reference, read) == pytest.approx(tables.cell_f1(reference, read))


@given(st.lists(texts, min_size=1, max_size=3), texts)
def test_anls_is_the_helpers(notebook, references, answer):
    assert notebook["anls"](references, answer) == pytest.approx(text_metrics.anls(references, answer))


numbers = st.integers(-300, 300).map(str) | st.sampled_from(["1,200", "1190", "12 %".replace(" ", ""), "0.5", "2.40"])


@given(numbers | st.sampled_from(["Tea", " tea", "Milk"]), numbers | st.sampled_from(["TEA ", "milk"]))
def test_relaxed_match_is_the_helpers(notebook, reference, answer):
    assert notebook["relaxed_match"](reference, answer) == text_metrics.relaxed_accuracy(reference, answer)


# Kinds of characters, and receipts that contradict themselves


def test_errors_are_booked_to_the_sort_of_their_word(notebook):
    errors = notebook["errors_by_sort"]("Tea 2.40\nSocks Total", "Tee 2.50\nSoks Total")
    assert errors == {"numbers": (1, 4), "words from training": (1, 8), "new words": (1, 5)}


@given(some_text, texts)
def test_every_character_but_spaces_is_of_one_sort(notebook, truth, text):
    counts = notebook["errors_by_sort"](truth, text)
    assert sum(n for _, n in counts.values()) == len("".join(truth.split()))
    assert all(0 <= wrong <= n for wrong, n in counts.values())


def test_a_false_receipt_differs_in_its_printed_total_only(notebook):
    for document, false in zip(documents.documents("heldout", 30, seed=3, kind="receipt"), ("8.75", "31.40") * 15):
        true = documents.money(document.content.total)
        changed = notebook["with_total"](document, false)
        before, after = (documents.transcription(d).splitlines() for d in (document, changed))
        assert before[:-1] == after[:-1] and after[-1] == before[-1].replace(true, false)
        spans = [d.page.lines[-1].spans[-1] for d in (document, changed)]
        ends = [span.x + width_of(span.text, span.face, span.size) for span in spans]
        assert ends[0] == pytest.approx(ends[1])  # flush right
        assert documents.render(changed, 2).size == documents.render(document, 2).size
