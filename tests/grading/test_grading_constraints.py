"""Constraints on writing: each is met by what it describes, missed by what it does not, in English and in Chinese."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.grading.constraints import CONSTRAINTS, check
from helpers.tasks import TaskError

POEM = "Silver light,\nUnder the hill\n\nNight is well-known, it's still."
CHINESE = "春眠不觉晓，\n处处闻啼鸟。"

MET = [
    ({"kind": "lines", "n": 3}, POEM),
    ({"kind": "lines", "n": 2}, CHINESE),
    ({"kind": "words", "n": 10}, POEM),
    ({"kind": "words", "n": 3}, "**Bold** ‘it’s’ — 3!"),
    ({"kind": "min_words", "n": 10}, POEM),
    ({"kind": "max_words", "n": 10}, POEM),
    ({"kind": "words_per_line", "n": 3}, "One two three\nfour five six."),
    ({"kind": "han_per_line", "n": 5}, CHINESE),
    ({"kind": "max_characters", "n": 12}, CHINESE),
    ({"kind": "acrostic", "word": "sun"}, POEM),
    ({"kind": "acrostic", "word": "Sun"}, "- “Silver\n- *Under\n- night"),
    ({"kind": "acrostic", "word": "春处"}, CHINESE),
    ({"kind": "contains", "words": ["NIGHT", "the hill"]}, POEM),
    ({"kind": "contains", "words": ["啼鸟"]}, CHINESE),
    ({"kind": "contains", "words": ["ABC"]}, "ａｂｃ"),
    ({"kind": "contains", "words": ["AI", "2"]}, "我用AI写2首诗"),
    ({"kind": "forbidden", "words": ["moon", "ill"]}, POEM),
    ({"kind": "ends_with", "ending": "it's still"}, POEM),
    ({"kind": "ends_with", "ending": "啼鸟"}, CHINESE),
    ({"kind": "ends_with", "ending": "the end."}, "It is the end."),
    ({"kind": "ends_with", "ending": "Yours, the lighthouse"}, "I stay.\nYours,\nthe lighthouse"),
]
MISSED = [
    ({"kind": "lines", "n": 4}, POEM),
    ({"kind": "words", "n": 9}, POEM),
    ({"kind": "min_words", "n": 11}, POEM),
    ({"kind": "max_words", "n": 9}, POEM),
    ({"kind": "max_words", "n": 9}, ""),
    ({"kind": "words_per_line", "n": 3}, POEM),
    ({"kind": "words_per_line", "n": 3}, ""),
    ({"kind": "han_per_line", "n": 5}, CHINESE + "\n花"),
    ({"kind": "max_characters", "n": 11}, CHINESE),
    ({"kind": "acrostic", "word": "sung"}, POEM),
    ({"kind": "acrostic", "word": "su"}, POEM),
    ({"kind": "contains", "words": ["night", "moon"]}, POEM),
    ({"kind": "contains", "words": ["know"]}, POEM + " unknown"),
    ({"kind": "forbidden", "words": ["hill"]}, POEM),
    ({"kind": "forbidden", "words": ["眠"]}, CHINESE),
    ({"kind": "forbidden", "words": ["moon"]}, " "),
    ({"kind": "ends_with", "ending": "ill"}, POEM),
    ({"kind": "ends_with", "ending": "night"}, POEM),
]


@pytest.mark.parametrize(("constraint", "text"), MET)
def test_met(constraint, text):
    assert [result.met for result in check(text, [constraint])] == [True]


@pytest.mark.parametrize(("constraint", "text"), MISSED)
def test_missed(constraint, text):
    assert [result.met for result in check(text, [constraint])] == [False]


def test_every_kind_is_tried_both_ways_and_explained():
    for cases in (MET, MISSED):
        assert {constraint["kind"] for constraint, _ in cases} == set(CONSTRAINTS)
    assert all(rule.__doc__ for rule in CONSTRAINTS.values())


def test_several_come_back_in_order():
    constraints = [{"kind": "lines", "n": 3}, {"kind": "words", "n": 1}]
    assert [(result.constraint, result.met) for result in check(POEM, constraints)] == [
        (constraints[0], True),
        (constraints[1], False),
    ]


@pytest.mark.parametrize(
    "constraint",
    [
        "lines",
        {},
        {"kind": "rhyme"},
        {"kind": ["lines"]},
        {"kind": "lines"},
        {"kind": "lines", "n": 0},
        {"kind": "lines", "n": True},
        {"kind": "lines", "n": 3, "text": "x"},
        {"kind": "contains", "words": []},
        {"kind": "contains", "words": "moon"},
        {"kind": "acrostic", "word": " "},
    ],
)
def test_a_constraint_that_does_not_exist_is_an_error(constraint):
    with pytest.raises(TaskError, match="onstraint"):
        check(POEM, [constraint])


@settings(deadline=None)
@given(st.text(), st.text().filter(str.strip))
def test_no_text_breaks_a_constraint(text, word):
    keys = {"n": 3, "word": word, "words": [word], "ending": word}
    for constraint, _ in MET:
        check(text, [{name: keys.get(name, value) for name, value in constraint.items()}])


@settings(deadline=None)
@given(st.lists(st.text("abc", min_size=1), min_size=1))
def test_lines_and_words_are_counted(lines):
    text = "\n".join(lines)
    n = len(lines)
    kinds = ("lines", "words", "min_words", "max_words")
    assert all(result.met for result in check(text, [{"kind": kind, "n": n} for kind in kinds]))
    assert not any(result.met for result in check(text, [{"kind": kind, "n": n + 1} for kind in kinds[:3]]))
