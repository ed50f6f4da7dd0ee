"""The synthetic scenes: exact ground truth, seeded, fast to trust."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from helpers.worlds import scenes
from helpers.worlds.scenes.layout import COMPOSITIONS, SIZES
from helpers.worlds.scenes.render import RGB

seeds = st.integers(0, 10**6)


def scene(split: str, index: int) -> scenes.Scene:
    return scenes.sample_scene(scenes.scene_rng(split, 0, index), split)


@given(seeds, st.sampled_from(["train", "heldout", "novel"]))
def test_same_seed_same_scene_and_pixels(index, split):
    assert scene(split, index) == scene(split, index)
    assert np.array_equal(scenes.render(scene(split, index)), scenes.render(scene(split, index)))


def test_splits_share_no_scene():
    train = {scene("train", i) for i in range(2000)}
    assert not train & {scene("heldout", i) for i in range(2000)}


def test_an_unknown_split_names_the_choices():
    with pytest.raises(ValueError, match="train, heldout, novel"):
        scenes.scene_rng("test", 0, 0)


@given(seeds)
def test_no_training_scene_or_text_holds_a_novel_pair(index):
    rng = scenes.scene_rng("train", 0, index)
    drawn = scenes.sample_scene(rng)
    assert not {t.pair for t in drawn.things} & scenes.NOVEL_PAIRS
    texts = [*scenes.captions(drawn), *scenes.short_captions(drawn), *scenes.short_negatives(drawn, rng)]
    texts += [scenes.hard_negative(drawn, rng)[0] for _ in range(5)]
    texts += [q.text for q in scenes.questions_about(drawn, rng)]
    for colour, shape in scenes.NOVEL_PAIRS:
        assert not any(f"{colour} {shape}" in text for text in texts)


@given(seeds)
def test_every_novel_scene_holds_a_novel_pair(index):
    assert {t.pair for t in scene("novel", index).things} & scenes.NOVEL_PAIRS


@given(seeds, st.sampled_from([48, 96, 224]))
def test_boxes_lie_inside_and_hold_the_colour(index, side):
    drawn = replace(scene("heldout", index), texture="flat")
    for name, (x1, y1, x2, y2) in scenes.boxes(drawn, side):
        assert -1 <= x1 < x2 <= side + 1 and -1 <= y1 < y2 <= side + 1, name


@given(seeds)
@settings(max_examples=30)
def test_a_box_is_where_the_thing_is_drawn(index):
    """Rendering with and without one thing differs inside its box only."""
    drawn = scenes.sample_scene(scenes.scene_rng("heldout", 5, index), "heldout", "single")
    quiet = replace(drawn, sign=None)
    with_it, without = (np.asarray(scenes.render(s), int) for s in (quiet, replace(quiet, things=())))
    # The background noise is drawn after the thing's colour jitter, so only strong differences count.
    ys, xs = np.nonzero(np.abs(with_it - without).max(-1) > 70)
    x1, y1, x2, y2 = scenes.box(drawn.things[0], 96)
    assert len(xs) and xs.min() >= x1 - 2 and xs.max() <= x2 + 2 and ys.min() >= y1 - 2 and ys.max() <= y2 + 2


def test_boxes_are_in_step_with_overlap_and_composition():
    seen = Counter(scene("heldout", i).composition for i in range(300))
    assert set(seen) == set(COMPOSITIONS)


@given(seeds)
def test_relations_hold_in_the_picture(index):
    drawn = scene("heldout", index)
    if drawn.relation == "left":
        assert drawn.things[0].x < drawn.things[1].x
    if drawn.relation == "above":
        assert drawn.things[0].y < drawn.things[1].y
    if drawn.relation == "row":
        assert [t.x for t in drawn.things] == sorted(t.x for t in drawn.things)
    assert all(SIZES[t.size][0] <= t.r <= SIZES[t.size][1] for t in drawn.things)


@given(seeds)
def test_captions_are_distinct_wordings_that_name_everything(index):
    drawn = scene("heldout", index)
    said = scenes.captions(drawn)
    assert len(said) == len(set(said)) >= 3
    for caption in said:
        words = caption.replace(",", "").split()
        assert drawn.background in words
        assert all(t.colour in words and t.size in words for t in drawn.things)
        assert not drawn.sign or drawn.sign.text in words


@given(seeds)
def test_a_hard_negative_is_false_and_differs_in_one_attribute(index):
    rng = random.Random(index)
    drawn = scene("heldout", index)
    negative, attribute = scenes.hard_negative(drawn, rng, "heldout")
    assert negative not in scenes.captions(drawn)
    nearest = min(len(set(negative.split()) ^ set(true.split())) for true in scenes.captions(drawn))
    assert nearest <= 4, (attribute, negative)


def test_hard_negatives_change_every_attribute():
    rng = random.Random(0)
    changed = Counter(scenes.hard_negative(s, rng)[1] for s in scenes.scenes("heldout", 600))
    assert set(changed) == {"colour", "shape", "size", "fill", "background", "relation", "count", "sign"}


@given(seeds)
def test_short_negatives_are_false(index):
    drawn = scene("heldout", index)
    false = scenes.short_negatives(drawn, random.Random(index), "heldout")
    assert not set(false) & set(scenes.short_captions(drawn))
    present = {f"{t.colour} {t.shape}" for t in drawn.things}
    assert not any(pair in false[0] for pair in present)


@given(seeds)
def test_catalogue_style_states_every_group(index):
    drawn = scene("heldout", index)
    entries = scenes.catalogue_caption(drawn).split("; ")
    assert len(entries) == len(drawn.groups) + 1 + bool(drawn.sign)


@given(seeds)
def test_answers_are_true(index):
    """Recompute the answers of countable and readable questions from the things themselves."""
    drawn, question = scenes.sample_question(scenes.scene_rng("heldout", 3, index), "heldout")
    words = question.text.rstrip("?").split()
    if question.type == "count":
        key = words[2]
        n = sum(key in (t.colour, t.shape + "s", t.shape + "es") for t in drawn.things)
        assert question.answer == str(n)
    elif question.type == "yes/no":
        assert question.answer == ("yes" if (words[3], words[4]) in {t.pair for t in drawn.things} else "no")
    elif question.type == "background":
        assert question.answer == drawn.background
    elif question.type == "sign":
        assert question.answer == drawn.sign.text
    elif question.type == "shape":
        assert {t.shape for t in drawn.things if t.colour == words[-1]} == {question.answer}
    elif question.type == "colour":
        assert question.answer in {t.colour for t in drawn.things}


def test_guessing_from_the_text_alone_is_near_chance():
    """A classifier that reads only the question gets at most ten points more than guessing, in every type."""
    train, test = (list(scenes.questions("heldout", n, seed=s)) for n, s in ((8000, 11), (6400, 12)))
    for type, chance in scenes.CHANCE.items():
        known, asked = ([q for _, q in part if q.type == type] for part in (train, test))
        blind = make_pipeline(CountVectorizer(), MultinomialNB())
        blind.fit([q.text for q in known], [q.answer for q in known])
        score = blind.score([q.text for q in asked], [q.answer for q in asked])
        assert score <= chance + 0.10, f"{type}: the text alone gives {score:.2f}, guessing {chance:.2f}"


@pytest.mark.parametrize("texture", ["flat", "gradient", "grainy", "checked"])
def test_colours_can_be_told_apart(texture):
    """The mean colour of a large plain square is nearest to its own name's RGB."""
    rng = scenes.scene_rng("heldout", 9, 0)
    base = scenes.sample_scene(rng, "heldout", "single")
    for colour in scenes.COLOURS:
        thing = replace(base.things[0], colour=colour, shape="square", fill="plain", x=0.5, y=0.5, r=0.15)
        picture = np.asarray(scenes.render(replace(base, things=(thing,), sign=None, texture=texture)), float)
        mean = picture[42:54, 42:54].mean((0, 1))
        assert min(RGB, key=lambda name: np.linalg.norm(mean - RGB[name])) == colour
