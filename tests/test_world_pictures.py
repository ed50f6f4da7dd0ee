"""Addresses of pictures: what they draw, what they refuse, and what becomes of them in messages."""

from __future__ import annotations

import base64
import copy
import io

import numpy as np
import pytest
from PIL import Image

from helpers.errors import CourseError
from helpers.world_pictures import check, frames, resolve, to_data_urls
from helpers.worlds import clips, documents, pairs, scenes


def same(picture: Image.Image, other) -> bool:
    return picture.mode == "RGB" and np.array_equal(np.asarray(picture), np.asarray(other))


def test_a_scene_is_drawn_at_the_side_asked_for():
    scene = next(scenes.scenes("heldout", 1, seed=7, start=3))
    assert same(resolve("world://scenes/heldout/7/3?side=448"), scenes.render(scene, 448))


def test_a_document_is_the_one_of_its_kind_that_the_world_yields():
    expected = list(documents.documents("novel", 7, seed=7))[6]
    assert same(resolve("world://documents/novel/7/6?scale=1.5"), documents.render(expected, 1.5))


def test_a_pair_has_two_pictures():
    first, second = pairs.render(list(pairs.pairs("heldout", 3, seed=7))[2], 112)
    assert same(resolve("world://pairs/heldout/7/2/first?side=112"), first)
    assert same(resolve("world://pairs/heldout/7/2/second?side=112"), second)
    assert not same(first, second)


def test_a_frame_of_a_clip():
    clip = next(clips.clips("heldout", 1, seed=7, start=1))
    assert same(resolve("world://clips/heldout/7/1/frame/3?side=112"), clips.frames(clip, 112)[3])


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "not the address"),
        ("https://example.org/a.png", "not the address"),
        ("world://scenes/heldout/7?side=448", "not the address"),
        ("world://scenes/heldout/7/-1?side=448", "not the address"),
        ("world://scenes/heldout/7/3", "not the address"),
        ("world://scenes/heldout/7/3?side=448&scale=2", "not the address"),
        ("world://scenes/heldout/7/3?side=448\n", "not the address"),
        ("world://scene/heldout/7/3?side=448", "Did you mean 'scenes'"),
        ("world://scenes/test/7/3?side=448", "split 'test'"),
        ("world://scenes/heldout/7/3?scale=4", "given as `side`"),
        ("world://documents/heldout/7/3?side=448", "given as `scale`"),
        ("world://scenes/heldout/7/3?side=27", "28 to 2048"),
        ("world://scenes/heldout/7/3?side=2049", "28 to 2048"),
        ("world://scenes/heldout/7/3?side=99.5", "28 to 2048"),
        ("world://documents/heldout/7/3?scale=0", "scale 0"),
        ("world://documents/heldout/7/3?scale=99", "scale 99"),
        ("world://scenes/heldout/7/3/first?side=448", "comes nothing"),
        ("world://pairs/heldout/7/3?side=448", "/first or /second"),
        ("world://pairs/heldout/7/3/third?side=448", "/first or /second"),
        ("world://clips/heldout/7/3/frame/99?side=448", "/frame/0 to "),
        ("world://clips/heldout/7/3?side=448", "not one picture"),
        ("world://clips/heldout/7/3/3?side=448", "/frame/NUMBER"),
    ],
)
def test_what_does_not_exist_is_named(url, says):
    with pytest.raises(CourseError, match="(?i)" + says):
        resolve(url)


def test_messages_are_sent_with_data_urls_and_are_not_changed():
    other = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    picture = {"type": "image_url", "image_url": {"url": "world://scenes/heldout/7/3?side=112", "detail": "high"}}
    text = {"type": "text", "text": "Is world://scenes/heldout/7/3?side=112 an address?"}
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": [picture, other, text]}]
    before = copy.deepcopy(messages)
    system, user = to_data_urls(messages)
    assert messages == before
    assert system == before[0] and user["content"][1:] == [other, text]
    sent = user["content"][0]["image_url"]
    kind, _, data = sent["url"].partition(",")
    assert kind == "data:image/png;base64" and sent["detail"] == "high"
    assert same(Image.open(io.BytesIO(base64.b64decode(data))), resolve(picture["image_url"]["url"]))


def test_an_address_that_draws_nothing_is_an_error_in_messages_too():
    part = {"type": "image_url", "image_url": {"url": "world://moon/heldout/7/3?side=112"}}
    with pytest.raises(CourseError, match="moon"):
        to_data_urls([{"role": "user", "content": [part]}])


CLIP = "world://clips/heldout/7/1?side=112"


def test_a_video_is_a_whole_clip_or_a_list_of_frames():
    clip = next(clips.clips("heldout", 1, seed=7, start=1))
    drawn = frames(CLIP)
    assert len(drawn) == clip.n_frames and all(map(same, drawn, clips.frames(clip, 112)))
    whole = {"type": "video", "video": CLIP, "fps": 2}
    some = {"type": "video", "video": [CLIP.replace("?", f"/frame/{i}?") for i in (0, 3)], "fps": 1}
    (user,) = to_data_urls([{"role": "user", "content": [whole, some]}])
    all_sent, some_sent = user["content"]
    assert all_sent["fps"] == 2 and len(all_sent["video"]) == clip.n_frames
    assert some_sent["video"] == [all_sent["video"][0], all_sent["video"][3]]
    assert whole["video"] == CLIP


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ({"type": "image_url", "image_url": {"url": "world://moon/heldout/7/3?side=112"}}, "moon"),
        ({"type": "image_url", "image_url": {"url": CLIP}}, "not one picture"),
        ({"type": "video", "video": "world://scenes/heldout/7/3?side=112"}, "no whole clip"),
        ({"type": "video", "video": CLIP.replace("?", "/frame/1?")}, "no whole clip"),
        ({"type": "video", "video": [CLIP]}, "not one picture"),
    ],
)
def test_messages_are_checked_without_drawing(part, says, monkeypatch):
    good = [{"type": "image_url", "image_url": {"url": "world://scenes/heldout/7/3?side=112"}}]
    monkeypatch.setattr("helpers.world_pictures._draw", lambda address: pytest.fail("drawn"))
    check([{"role": "user", "content": [*good, {"type": "video", "video": CLIP}]}, {"role": "user", "content": "hi"}])
    with pytest.raises(CourseError, match=says):
        check([{"role": "user", "content": [*good, part]}])
