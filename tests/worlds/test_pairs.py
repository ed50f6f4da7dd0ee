"""Pairs of scenes: one change and no other, and sentences and answers that say so."""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import UnknownName
from helpers.profiles import root
from helpers.worlds import pairs, scenes
from helpers.worlds.scenes.layout import SPLITS

unhurried = settings(deadline=None)  # a busy machine is no bug
seeds, splits, changes = (
    st.integers(0, 10**6),
    st.sampled_from(SPLITS),
    st.sampled_from([*pairs.CHANGES, pairs.NOTHING]),
)


def pair(index: int, split: str = "heldout", change: str | None = None) -> pairs.Pair:
    return next(pairs.pairs(split, 1, start=index, change=change))


def names(scene: scenes.Scene) -> list[str]:
    return [f"{t.colour} {t.shape}" for t in scene.things]


@unhurried
@given(seeds, splits, changes)
def test_same_seed_same_pair_and_pixels(index, split, change):
    assert pair(index, split, change) == pair(index, split, change)
    one, two = (pairs.render(pair(index, split, change)) for _ in range(2))
    assert all(np.array_equal(a, b) and a.size == (96, 96) for a, b in zip(one, two))


@unhurried
@given(seeds, splits, changes)
def test_the_scenes_differ_in_one_respect(index, split, change):
    found = pair(index, split, change)
    a, b = found.first, found.second
    assert found.change == change and a.texture == b.texture
    assert (a.background != b.background) == (change == "background")
    assert (a.sign != b.sign) == (change == "sign")
    gone, new = (set(x.things) - set(y.things) for x, y in ((a, b), (b, a)))
    expected = {"appears": (0, 1), "disappears": (1, 0), "colour": (1, 1), "shape": (1, 1), "size": (1, 1)}
    assert (len(gone), len(new)) == expected.get(change, (0, 0))
    if gone and new:
        (old,), (now,) = gone, new
        assert replace(old, **{change: getattr(now, change)}, **({"r": now.r} if change == "size" else {})) == now
        assert getattr(old, change) != getattr(now, change)
    if change == "sign":
        assert (a.sign.x, a.sign.y, a.sign.is_digit) == (b.sign.x, b.sign.y, b.sign.is_digit)


@unhurried
@given(seeds, splits, st.sampled_from(["colour", "shape", "size", "sign"]))
def test_pixels_differ_only_where_the_change_is(index, split, change):
    found = pair(index, split, change)
    first, second = replace(found.first, texture="flat"), replace(found.second, texture="flat")
    second = replace(second, pixel_seed=first.pixel_seed)  # the noise is not a change
    images = [np.asarray(scenes.render(scene), int) for scene in (first, second)]
    ys, xs = np.nonzero(np.abs(images[0] - images[1]).max(-1))
    whole = [{item: scenes.box(item, 96) for item in (*s.things, s.sign) if item} for s in (first, second)]
    touched = [whole[k][item] for k in (0, 1) for item in set(whole[k]) - set(whole[1 - k])]
    x1, y1 = (min(box[i] for box in touched) for i in (0, 1))
    x2, y2 = (max(box[i] for box in touched) for i in (2, 3))
    assert len(xs) > 3
    assert xs.min() >= x1 - 2 and xs.max() <= x2 + 2 and ys.min() >= y1 - 2 and ys.max() <= y2 + 2


@unhurried
@given(seeds, splits, changes)
def test_the_sentence_tells_the_change_from_what_is_seen(index, split, change):
    found = pair(index, split, change)
    before, after = names(found.first), names(found.second)
    words = re.sub(r"^(the|an|a) ", "", found.sentence).split()
    name = " ".join(words[:2])
    if change in ("colour", "shape", "size"):
        assert before.count(name) == 1 and words[2] == "became"
        new = {"colour": f"{words[-1]} {words[1]}", "shape": f"{words[0]} {words[-1]}", "size": name}[change]
        assert after.count(new) == 1
        if change == "size":
            assert {t.size for t in found.second.things if f"{t.colour} {t.shape}" == name} == {words[-1]}
    elif change in ("appears", "disappears"):
        assert words[2] == change[:-1] + "ed"
        assert (before.count(name), after.count(name)) == ((0, 1) if change == "appears" else (1, 0))
    elif change == "sign":
        assert found.sentence == f"the sign changed from {found.first.sign.text} to {found.second.sign.text}"
    elif change == "background":
        assert found.sentence == f"the background became {found.second.background}"
    else:
        assert before == after and found.sentence == "nothing changed"
    assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", found.sentence)


@unhurried
@given(seeds, splits)
def test_answers_are_true(index, split):
    found = pair(index, split)
    there = [set(names(scene)) for scene in (found.first, found.second)]
    for question in pairs.questions(found, random.Random(index), split):
        if question.type == "which":
            name = re.fullmatch(r"In which picture is there an? (\w+ \w+)\?", question.text)[1]
            seen = (name in there[0], name in there[1])
            answers = ((pairs.NEITHER, pairs.SECOND), (pairs.FIRST, pairs.BOTH))
            assert question.answer == answers[seen[0]][seen[1]]
        elif question.type == "more":
            n, m = len(found.first.things), len(found.second.things)
            assert question.answer == (pairs.NEITHER, pairs.FIRST, pairs.SECOND)[(n > m) - (n < m)]
        elif question.type == "kind":
            assert question.answer == pairs.CHANGES[found.change] and question.answer in question.text
        else:
            assert question.answer == found.sentence


@unhurried
@given(seeds, changes)
def test_novel_pairs_are_shown_and_asked_about_in_novel_pairs_only(index, change):
    shown = {split: pair(index, split, change) for split in SPLITS}
    pairs_of = {k: {t.pair for s in (v.first, v.second) for t in s.things} for k, v in shown.items()}
    assert pairs_of["novel"] & scenes.NOVEL_PAIRS
    assert not (pairs_of["train"] | pairs_of["heldout"]) & scenes.NOVEL_PAIRS
    said = [shown["train"].sentence, *(q.text for q in pairs.questions(shown["train"], random.Random(index)))]
    assert not any(f"{colour} {shape}" in text for colour, shape in scenes.NOVEL_PAIRS for text in said)


def test_splits_share_no_scene():
    seen = {split: {s for p in pairs.pairs(split, 700) for s in (p.first, p.second)} for split in SPLITS}
    assert not seen["train"] & seen["heldout"] and not seen["novel"] & (seen["train"] | seen["heldout"])


def test_changes_and_answers_come_in_equal_shares():
    assert Counter(p.change for p in pairs.pairs("train", 70)) == dict.fromkeys(pairs.CHANGES, 10)
    for type, answers in pairs.ANSWERS.items():
        if type != "difference":
            given_answers = Counter(q.answer for _, q in pairs.pair_questions("heldout", 600, type=type))
            assert set(given_answers) == set(answers)
            assert min(given_answers.values()) > 0.6 * 600 / len(answers)


def test_wrong_names_are_answered_by_the_right_ones():
    with pytest.raises(UnknownName, match="train, heldout, novel"):
        next(pairs.pairs("test", 1))
    with pytest.raises(UnknownName, match="colour"):
        pair(0, change="color")
    with pytest.raises(UnknownName, match="which"):
        pairs.sample_question(random.Random(0), "train", "where")


def test_all_texts_go_through_the_tokenizer_and_back():
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(root() / "data" / "tokenizer" / "qwen")
    asked = [q for p in pairs.pairs("heldout", 100) for q in pairs.questions(p, random.Random(0))]
    for text in {text for q in asked for text in (q.text, q.answer)}:
        assert tokenizer.decode(tokenizer(text).input_ids) == text
