"""The clips: events are found again in the pixels, and sentences and answers in the events."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers.errors import UnknownName
from helpers.profiles import root
from helpers.worlds import clips, scenes
from helpers.worlds.scenes.render import RGB

unhurried = settings(deadline=None)  # a busy machine is no bug
few = settings(deadline=None, max_examples=40)
seeds, splits = st.integers(0, 10**6), st.sampled_from(clips.SPLITS)


def clip(index: int, split: str = "heldout") -> clips.Clip:
    return next(clips.clips(split, 1, start=index))


def inks(found: clips.Clip) -> list[np.ndarray]:
    """For each thing and frame, where it is drawn: (n_frames, 96, 96), bool. What the pixels are without it differs."""
    video = clips.frames(found).astype(int)
    masks = []
    for i, thing in enumerate(found.things):
        away = found.things[:i] + (replace(thing, x=-20.0),) + found.things[i + 1 :]
        masks.append(np.abs(video - clips.frames(replace(found, things=away))).max(-1) > 0)
    return masks


def centre(mask: np.ndarray) -> np.ndarray:
    """The middle of a mask's box, (x, y) as shares of the side."""
    ys, xs = np.nonzero(mask)
    return np.array([xs.min() + xs.max() + 1, ys.min() + ys.max() + 1]) / 2 / 96


# --- pixels -----------------------------------------------------------------------------------------------------------


@few
@given(seeds, splits)
def test_same_seed_same_clip_and_pixels(index, split):
    assert clip(index, split) == clip(index, split)
    video = clips.frames(clip(index, split))
    assert np.array_equal(video, clips.frames(clip(index, split)))
    assert video.shape == (clip(index, split).n_frames, 96, 96, 3) and video.dtype == np.uint8
    assert clips.frames(clip(index, split), side=48).shape[1:] == (48, 48, 3)


@few
@given(seeds, splits)
def test_pixels_change_when_something_happens_and_at_no_other_time(index, split):
    found = clip(index, split)
    video = clips.frames(found).astype(int)
    for k in range(1, found.n_frames):
        busy = any(event.first < k <= event.last for event in found.events)
        assert (np.abs(video[k] - video[k - 1]).max() > 0) == busy, (k, clips.timeline(found))


@few
@given(seeds, splits)
def test_pixels_change_only_where_it_happens(index, split):
    found = clip(index, split)
    video, masks = clips.frames(found).astype(int), inks(found)
    for event in found.events:
        here = np.zeros((96, 96), bool)
        for i in (event.subject, event.other):
            here |= masks[i][event.first : event.last + 1].any(0) if i is not None else False
        changed = np.abs(np.diff(video[event.first : event.last + 1], axis=0)).max((0, -1)) > 0
        assert not (changed & ~here).any()


@few
@given(seeds, splits)
@example(270855, "heldout")  # two things that touch by less than a pixel
def test_events_are_seen_in_the_pixels(index, split):
    found = clip(index, split)
    video, masks = clips.frames(found), inks(found)
    for k, event in enumerate(found.events):
        ink = masks[event.subject]
        n = ink.sum((1, 2))
        a, b = event.first, event.last
        if event.type == clips.APPEARS:
            assert not n[: a + 1].any() and n[a + 1 : b + 1].all()
        elif event.type == clips.DISAPPEARS:
            assert n[a:b].all() and not n[b:].any()
        elif event.type == clips.MOVES:
            went = centre(ink[b]) - centre(ink[a])
            assert np.allclose(went, event.shift, atol=0.02)
            assert np.allclose(np.sign(np.round(went, 1)), clips.DIRECTIONS[event.detail])
        elif event.type == clips.CHANGES:
            shape = found.things[event.subject].shape
            old, new = found.colours[k][event.subject], event.detail
            for frame, colour in ((a, old), (b, new)):
                seen = np.median(video[frame][ink[frame]], axis=0)
                assert min(RGB, key=lambda name: np.linalg.norm(seen - RGB[name])) == colour, shape
        else:
            other = masks[event.other]
            apart = [np.linalg.norm(centre(ink[f]) - centre(other[f])) for f in range(a, b + 1)]
            assert np.argmin(apart) == (b - a) / 2 and apart[0] == apart[-1] > min(apart) + 0.15
            assert np.all(np.diff(apart)[: (b - a) // 2] < 0) and np.all(np.diff(apart)[(b - a) // 2 :] > 0)
            radii = found.things[event.subject].r + found.things[event.other].r
            assert min(apart) < radii + 0.5 / 96 < apart[0]  # centres of ink are known to about half a pixel


@few
@given(seeds, splits)
def test_things_that_do_not_collide_never_overlap(index, split):
    found = clip(index, split)
    masks = inks(found)
    for i in range(len(masks)):
        for j in range(i):
            meet = np.zeros(found.n_frames, bool)
            for event in found.events:
                if {event.subject, event.other} == {i, j}:
                    meet[event.first : event.last + 1] = True
            assert not (masks[i] & masks[j])[~meet].any()


@unhurried
@given(seeds, splits)
def test_everything_seen_is_inside_the_picture(index, split):
    found = clip(index, split)
    for frame in range(found.n_frames):
        for thing, seen in clips.things_at(found, frame):
            assert 0 <= seen <= 1
            assert thing.r <= min(thing.x, thing.y) and max(thing.x, thing.y) <= 1 - thing.r


# --- events -----------------------------------------------------------------------------------------------------------


@unhurried
@given(seeds, splits)
def test_events_do_not_contradict_each_other(index, split):
    found = clip(index, split)
    assert found.n_frames in clips.LENGTHS and 1 <= len(found.events) <= 3 and 1 <= len(found.things) <= 3
    assert len({t.shape for t in found.things}) == len(found.things)
    assert found.events[0].first >= 1 and found.events[-1].last <= found.n_frames - 1
    assert clips.times(found) == [i / clips.FPS for i in range(found.n_frames)]
    for one, two in zip(found.events, found.events[1:]):
        assert one.last < two.first
    for i in range(len(found.things)):
        mine = [e.type for e in found.events if i in (e.subject, e.other)]
        assert clips.APPEARS not in mine[1:] and clips.DISAPPEARS not in mine[:-1]
    assert all(len(set(now)) == len(now) for now in found.colours)


def test_all_events_and_lengths_occur():
    found = list(clips.clips("train", 600))
    share = Counter(e.type for c in found for e in c.events)
    assert set(share) == {clips.MOVES, clips.APPEARS, clips.DISAPPEARS, clips.COLLIDES, clips.CHANGES}
    assert min(share.values()) > 0.1 * share.total()
    assert {c.n_frames for c in found} == set(clips.LENGTHS)
    assert {len(c.events) for c in found} == {len(c.things) for c in found} == {1, 2, 3}
    assert {e.detail for c in found for e in c.events if e.type == clips.MOVES} == set(clips.DIRECTIONS)


def test_splits_share_no_content():
    said = {split: {c.key for c in clips.clips(split, 500)} for split in clips.SPLITS}
    assert not said["train"] & said["heldout"] and not said["novel"] & (said["train"] | said["heldout"])


@unhurried
@given(seeds)
def test_novel_pairs_are_seen_in_novel_clips_only(index):
    assert not clip(index, "train").pairs & scenes.NOVEL_PAIRS and not clips.is_reserved(clip(index, "train"))
    assert not clip(index, "heldout").pairs & scenes.NOVEL_PAIRS and clips.is_reserved(clip(index, "heldout"))
    assert clip(index, "novel").pairs & scenes.NOVEL_PAIRS
    said = clips.timeline(clip(index, "train"))
    assert not any(f"{colour} {shape}" in said for colour, shape in scenes.NOVEL_PAIRS)


def test_wrong_names_are_answered_by_the_right_ones():
    with pytest.raises(UnknownName, match="train, heldout, novel"):
        next(clips.clips("test", 1))
    with pytest.raises(UnknownName, match="when"):
        clips.sample_question(random.Random(0), "train", "where")


# --- words ------------------------------------------------------------------------------------------------------------

LINE = re.compile(r"From (\d\.\d) to (\d\.\d) seconds the (\w+) (\w+) (.*)\.")


def told(found: clips.Clip) -> list[tuple[float, float, str, str, str]]:
    """Start, end, colour, shape and predicate of every line of the timeline."""
    lines = [LINE.fullmatch(line).groups() for line in clips.timeline(found).split("\n")]
    return [(float(a), float(b), *rest) for a, b, *rest in lines]


@unhurried
@given(seeds, splits)
def test_what_is_said_is_what_happens(index, split):
    found = clip(index, split)
    assert len(told(found)) == len(found.events)
    for (start, end, colour, shape, what), event in zip(told(found), found.events):
        assert (start, end) == (event.first / clips.FPS, event.last / clips.FPS)
        thing, seen = clips.things_at(found, event.first)[event.subject]
        assert (thing.colour, thing.shape) == (colour, shape)
        assert seen == (event.type != clips.APPEARS)
        later, seen_later = clips.things_at(found, event.last)[event.subject]
        if what in ("appears", "disappears"):
            assert seen_later == (what == "appears")
        elif what.startswith("becomes "):
            assert later.colour == what.split()[1] != colour
        elif what.startswith("moves "):
            dx, dy = later.x - thing.x, later.y - thing.y
            horizontal = abs(dx) > abs(dy)
            assert what.split()[1] == (("left", "right")[dx > 0] if horizontal else ("up", "down")[dy > 0])
        else:
            partner, _ = clips.things_at(found, event.first)[event.other]
            assert what == f"collides with the {partner.colour} {partner.shape}"
            assert (later.x, later.y) == pytest.approx((thing.x, thing.y))


@unhurried
@given(seeds, splits)
def test_description_and_json_agree_with_the_timeline(index, split):
    found = clip(index, split)
    clauses = [f"the {colour} {shape} {what}" for _, _, colour, shape, what in told(found)]
    sentences = clips.describe(found).removesuffix(".").split(". ")
    assert [s.removeprefix("Then ").lower() for s in sentences] == [c.lower() for c in clauses]
    read = json.loads(clips.as_json(found))
    assert [(e["start"], e["end"], e["object"], e["event"]) for e in read] == [
        (start, end, f"{colour} {shape}", what) for start, end, colour, shape, what in told(found)
    ]


@unhurried
@given(seeds, splits)
def test_answers_follow_from_the_timeline(index, split):
    found = clip(index, split)
    lines = told(found)
    clauses = [f"the {colour} {shape} {what}" for _, _, colour, shape, what in lines]
    for question in clips.questions(found, random.Random(index)):
        assert question.prompt.startswith(question.text) and (question.seconds is None) == (question.type != "when")
        asked = question.text.rstrip("?").split()
        if question.type in ("first", "last"):
            assert question.answer == clauses[0 if question.type == "first" else -1]
        elif question.type == "order":
            options = question.text.removeprefix("Which happens first: ").rstrip("?").split(" or ")
            assert question.answer == min(options, key=clauses.index) and len(set(options)) == 2
        elif question.type == "when":
            shape = next(word for word in asked if word in scenes.SHAPES)
            verb, *rest = (
                question.text.rstrip("?").split(f" {shape} ")[1].split()
            )  # "move left" or "and the star collide"
            says = rf"{verb}s {rest[0]}" if rest else f"{verb}s"
            says = rf"collides with the \w+ {rest[1]}" if verb == "and" else says
            match = [(a, b) for a, b, _, s, what in lines if s == shape and re.fullmatch(says, what)]
            assert [question.seconds] == match == [clips.parse_seconds(question.answer)]
        else:
            shape = next(word for word in asked if word in scenes.SHAPES)
            mine = [what for *_, s, what in lines if s == shape]
            if question.type == "what":
                assert [question.answer] == (mine or [clips.NOTHING])
                assert mine or not any(f" {shape}" in what for *_, what in lines)
            else:
                verb = {"direction": "moves ", "colour": "becomes "}[question.type]
                assert [verb + question.answer] == [what for what in mine if what.startswith(verb)]


def test_types_come_in_equal_shares():
    asked = Counter(q.type for _, q in clips.clip_questions("heldout", 4 * len(clips.ANSWER)))
    assert asked == dict.fromkeys(clips.ANSWER, 4)


@given(st.text())
def test_any_text_is_read_as_a_span_or_as_nothing(text):
    found = clips.parse_seconds(text)
    assert found is None or found[0] <= found[1]


@given(st.integers(0, 15), st.integers(0, 15))
def test_a_span_is_read_as_it_was_written(a, b):
    a, b = sorted((a / 2, b / 2))
    assert clips.parse_seconds(clips.seconds(a, b)) == (a, b)
    assert clips.parse_seconds(f"from {a} s to {b} s.") == (a, b)
    assert clips.parse_seconds(f"<{b} seconds> <{a} seconds>") == (a, b)


def test_all_texts_go_through_the_tokenizer_and_back():
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(root() / "data" / "tokenizer" / "qwen")
    said = {*clips.DESCRIBE, clips.LIST_EVENTS}
    for found in clips.clips("heldout", 150):
        said |= {clips.describe(found), clips.timeline(found), clips.as_json(found)}
        said |= {text for q in clips.questions(found, random.Random(0)) for text in (q.prompt, q.answer)}
    for text in sorted(said):
        ids = tokenizer(text).input_ids
        assert tokenizer.decode(ids) == text and len(ids) <= 200
