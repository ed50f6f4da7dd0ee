"""What is asked, in which order, and what counts as the same question."""

from __future__ import annotations

import dataclasses

import pytest
from benching import sums

from helpers.bench import Settings, host_of, make_plan
from helpers.bench.estimate import prompt_tokens
from helpers.bench.plan import LOCAL, Request
from helpers.errors import CourseError
from helpers.tasks import Item

MODELS = ["s", "m", "l"]
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


def names(block: list[Request]) -> list[tuple[str, str, int]]:
    return [(request.item.id, request.model, request.sample) for request in block]


def test_interleaved_models_take_turns_on_each_item():
    (block,) = make_plan(sums(20), MODELS, samples=2, seed=1)
    assert len(set(names(block))) == len(block) == 20 * 3 * 2
    turns = [block[i : i + 3] for i in range(0, len(block), 3)]
    assert all(len({(r.item.id, r.sample) for r in turn}) == 1 for turn in turns)
    assert all({r.model for r in turn} == set(MODELS) for turn in turns)
    assert len({turn[0].model for turn in turns}) == 3  # nobody is always first


def test_blocks_finish_one_model_before_the_next():
    blocks = make_plan(sums(20), MODELS, order="blocks", seed=1)
    assert sorted({request.model for request in block}.pop() for block in blocks) == sorted(MODELS)
    assert all(len({request.model for request in block}) == 1 and len(block) == 20 for block in blocks)


@pytest.mark.parametrize("order", ["interleaved", "blocks"])
def test_the_order_is_drawn_from_the_seed(order):
    def plan(seed):
        return [names(block) for block in make_plan(sums(20), MODELS, order=order, seed=seed)]

    assert plan(3) == plan(3) != plan(4)
    assert [item for item, *_ in plan(3)[0]] != sorted(item for item, *_ in plan(3)[0])


@pytest.mark.parametrize(
    "changed",
    [{"host": "another"}, {"temperature": 0.6}, {"top_p": 0.9}, {"max_tokens": 7}, {"seed": 1}, {"think": False}],
)
def test_another_setting_is_another_question(changed):
    (item,) = sums(1)
    assert Request(item, "s", 0, Settings()).key == Request(item, "s", 0, Settings()).key
    assert Request(item, "s", 0, Settings(**changed)).key != Request(item, "s", 0, Settings()).key
    assert {"host", *Settings().arguments(0)} | {"think"} == {field.name for field in dataclasses.fields(Settings)}


def test_another_prompt_is_another_question_and_another_reference_is_not():
    (item,) = sums(1)
    reworded = dataclasses.replace(item, messages=[{"role": "user", "content": "0 + 1 = ?"}])
    corrected = dataclasses.replace(item, reference="2", difficulty=3)
    key = Request(item, "s", 0, Settings()).key
    assert Request(reworded, "s", 0, Settings()).key != key
    assert Request(corrected, "s", 0, Settings()).key == key


def test_samples_have_seeds_of_their_own_and_hosts_their_own_switch_for_thinking():
    assert [Settings(seed=5).arguments(sample)["seed"] for sample in range(3)] == [5, 6, 7]
    assert Settings().arguments(2)["seed"] is None and "extra" not in Settings().arguments(0)
    assert Settings(think=False).arguments(0)["extra"] == {"chat_template_kwargs": {"enable_thinking": False}}
    assert Settings("dashscope.aliyuncs.com", think=True).arguments(0)["extra"] == {"enable_thinking": True}


@pytest.mark.parametrize(
    "url, host",
    [
        ("https://dashscope.aliyuncs.com/compatible-mode/v1", "dashscope.aliyuncs.com"),
        ("https://models.example:8443/v1", "models.example:8443"),
        ("http://127.0.0.1:8000/v1", LOCAL),
        ("http://localhost:8001/v1", LOCAL),
        ("http://[::1]/v1", LOCAL),
    ],
)
def test_the_host_of_an_address(url, host):
    assert host_of(url) == host


@pytest.mark.parametrize("url", [
    "host/v1", "ftp://host/v1", "https://", "", "https://u:hunter2@host/v1", "https://h/?key=hunter2",
])  # fmt: skip
def test_an_address_without_a_host_or_with_a_key_is_refused_without_repeating_it(url):
    with pytest.raises(CourseError) as refused:
        host_of(url)
    assert "hunter2" not in str(refused.value)


def test_what_cannot_be_asked_is_refused():
    picture = Item("p", "look", [{"role": "user", "content": [PICTURE, {"type": "text", "text": "?"}]}], "1", "number")
    with pytest.raises(CourseError, match="r1-s reads text only, and p has a picture"):
        make_plan([*sums(1), picture], ["qwen2_5_vl-s", "r1-s"])
    make_plan([picture], ["qwen2_5_vl-s"])
    nowhere = {"type": "image_url", "image_url": {"url": "world://moon/heldout/0/1?side=112"}}
    with pytest.raises(CourseError, match="no world 'moon'"):
        make_plan([picture, Item("q", "look", [{"role": "user", "content": [nowhere]}], "1", "number")], ["sees"])
    for items, models, samples in ([], ["s"], 1), (sums(1), [], 1), (sums(1), ["s"], 0):
        with pytest.raises(CourseError, match="nothing to ask"):
            make_plan(items, models, samples)
    with pytest.raises(CourseError, match="model may be named once; twice there: s"):
        make_plan(sums(1), ["s", "m", "s"])
    with pytest.raises(CourseError, match="item may be named once.*sums-0"):
        make_plan(sums(1) + sums(2), ["s"])
    with pytest.raises(CourseError, match="Did you mean 'blocks'"):
        make_plan(sums(1), ["s"], order="block")


def test_a_video_counts_as_a_picture_for_every_two_frames():
    def tokens(part):
        return prompt_tokens([{"role": "user", "content": [part]}])

    one = tokens(PICTURE)
    assert tokens({"type": "video", "video": ["data:…"] * 5}) == 3 * one
    assert tokens({"type": "video", "video": "world://clips/heldout/0/3?side=32"}) == 8 * one
