"""Scores for what was read, against values worked out by hand and slow textbook implementations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.text_metrics import anls, cer, key_value_f1, number, relaxed_accuracy, wer
from helpers.worlds import documents

LETTERS = st.text("ab c", max_size=8)


def edits(a, b) -> int:
    """Levenshtein's distance, by the recurrence."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row, above = [i], row
        for j, y in enumerate(b, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (x != y)))
    return row[-1]


@given(LETTERS.filter(str.strip), LETTERS)
def test_error_rates_are_edits_over_the_references_length(reference, read):
    a, b = " ".join(reference.split()), " ".join(read.split())
    assert cer(reference, read) == pytest.approx(edits(a, b) / len(a))
    assert wer(reference, read) == pytest.approx(edits(a.split(), b.split()) / len(a.split()))


def test_error_rates_by_hand():
    assert cer("TOTAL  2.40\nThank you", "TOTAL 2.40 Thank you") == wer("a\nb", "a b") == 0
    assert cer("2.40", "2.46") == 0.25 and wer("TOTAL 2.40", "TOTAL 2.46") == 0.5
    assert cer("abc", "ABC") == 1 and cer("ab", "") == wer("ab", "") == 1 and cer("ab", "abcdef") == 2
    assert cer("出口", "出口") == 0 and cer("出口", "入口") == 0.5
    assert cer("e\u0301", "\u00e9") == 0  # one letter, written in two ways
    for blank in ("", " \n"):
        with pytest.raises(ValueError, match="blank"):
            cer(blank, "a")
        with pytest.raises(ValueError, match="blank"):
            wer(blank, "a")


@given(st.lists(LETTERS, min_size=1, max_size=3), LETTERS)
def test_anls_is_the_papers_formula(references, answer):
    def similarity(reference):
        a, b = " ".join(reference.split()), " ".join(answer.split())
        distance = edits(a, b) / max(len(a), len(b), 1)
        return 1 - distance if distance <= 0.5 else 0

    assert anls(references, answer) == pytest.approx(max(map(similarity, references)))


def test_anls_by_hand():
    assert anls(["Blue Harbour"], " blue  harbour") == 1
    assert anls(["harbour"], "harbor") == pytest.approx(6 / 7)
    assert anls(["harbour"], "market") == 0 and anls(["abcd"], "abxy") == 0.5 and anls(["abcd"], "axyz") == 0
    assert anls(["quay", "harbour"], "harbour") == 1
    with pytest.raises(ValueError, match="at least one"):
        anls([], "x")


@pytest.mark.parametrize(
    "reference, answer, right",
    [
        ("100", "105", True), ("100", "95", True), ("100", "105.1", False), ("100", "94.9", False), ("0", "0.0", True),
        ("0", "0.01", False), ("-20", "-21", True), ("-20", "20", False), ("1,200", "1200", True), ("12 %", "12", True),
        ("12", "12%", True), ("$40", "40", True), ("Apples", " apples", True), ("Apples", "Apple", False),
        ("100", "about 100", False), ("2000", "1950", True), ("12", "", False), ("0.3", "0.315", True),
    ],
)  # fmt: skip
def test_relaxed_accuracy(reference, answer, right):
    assert relaxed_accuracy(reference, answer) is right


def test_numbers():
    read = {text: number(text) for text in ("7", "-3.5", "−3.5", "1,234,567.8", "$40", "12 %", "7.")}
    assert list(read.values()) == [7, -3.5, -3.5, 1234567.8, 40, 12, 7]
    assert {number(text) for text in ("", "x", "1 2", "1,23", "1/2", "nan", "inf", "1e5", "9" * 400)} == {None}


def test_key_values_by_hand():
    truth = {"vendor": "Blue Harbour", "date": None, "total": "2.40", "items": [{"name": "tea", "price": "2.40"}]}
    assert key_value_f1(truth, truth) == 1
    assert key_value_f1(truth, {key: value for key, value in truth.items() if key != "date"}) == 1
    # of 4 pairs one is wrong on both sides; one is missing; one is invented
    assert key_value_f1(truth, truth | {"total": "2.46"}) == pytest.approx(3 / 4)
    assert key_value_f1(truth, truth | {"vendor": None}) == pytest.approx(2 * 3 / (4 + 3))
    assert key_value_f1(truth, truth | {"date": "today"}) == pytest.approx(2 * 4 / (4 + 5))
    assert key_value_f1(truth, {}) == key_value_f1(truth, []) == key_value_f1(truth, "2.40") == 0
    assert key_value_f1({"a": None}, {}) == key_value_f1([], {}) == 1 and key_value_f1({"a": None}, {"a": 1}) == 0


def test_values_are_compared_as_text_and_lists_in_any_order():
    assert key_value_f1({"a": "12", "b": "true", "c": "x y"}, {"a": 12, "b": True, "c": " x\ny "}) == 1
    assert key_value_f1({"a": "2.40"}, {"a": 2.4}) == 0
    assert key_value_f1([{"a": 1, "b": 2}, {"a": 3, "b": 4}], [{"b": 4, "a": 3}, {"a": 1, "b": 2}]) == 1
    assert key_value_f1({"a": ["x", "x"]}, {"a": ["x"]}) == pytest.approx(2 / 3)  # twice is not once
    deep = "x"
    for _ in range(5000):
        deep = [deep]
    assert key_value_f1({"a": deep}, {"a": "x"}) == 1


def test_a_documents_keys_and_values_are_right_for_itself():
    for document in documents.documents("heldout", 10):
        values = documents.key_values(document)
        assert key_value_f1(values, values) == 1
        key = next(key for key, value in values.items() if value is not None)
        assert key_value_f1(values, values | {key: "☹"}) < 1
