"""Tasks of pictures by their names, and items found again from a log."""

from __future__ import annotations

import dataclasses

import pytest
from benching import attempt

from helpers import vision_tasks
from helpers.bench import Settings, items_of, load_tasks
from helpers.bench.sources import check_conventions
from helpers.errors import CourseError, UnknownName
from helpers.grading import grade


def parts(item) -> list[dict]:
    return [part for part in item.messages[0]["content"] if part["type"] != "text"]


@pytest.mark.parametrize("task", vision_tasks.TASKS)
def test_a_vision_task_is_what_the_worlds_make_of_it_under_its_own_name(task):
    items = load_tasks([f"vision/{task}"], limit=3, seed=1)
    assert items == [dataclasses.replace(item, task=f"vision/{task}") for item in vision_tasks.items(task, n=3, seed=1)]


def test_a_name_says_split_and_convention():
    (novel,), (both,) = load_tasks(["vision/vqa/novel"], 1), load_tasks(["vision/pointing/relative/novel"], 1)
    assert novel.task == "vision/vqa/novel" and novel.id.startswith("vqa-novel-")
    assert both.reference["convention"] == "relative" and both.id.startswith("pointing-novel-")


@pytest.mark.parametrize(
    "name, says",
    [
        ("vision/groundin", "no vision task 'groundin'.*Did you mean 'grounding'"),
        ("vision", "no vision task ''"),
        ("vision/vqa/nowel", "no kind of vision task 'nowel'.*Did you mean 'novel'"),
        ("vision/vqa/max_pixels=0", "no kind of vision task 'max_pixels=0'"),
        ("vision/vqa/max_pixels=many", "no kind of vision task"),
        ("visions", "Did you mean 'vision"),
    ],
)
def test_a_name_that_does_not_exist_is_told_with_those_that_do(name, says):
    with pytest.raises(UnknownName, match=says):
        load_tasks([name])


@pytest.mark.parametrize("task", ["vqa", "ocr", "difference", "video"])
def test_a_limit_goes_with_every_picture_and_changes_nothing_else(task):
    (free,), (limited,) = load_tasks([f"vision/{task}"], 1), load_tasks([f"vision/{task}/max_pixels=3136"], 1)
    assert [part.pop("max_pixels") for part in parts(limited)] == [3136] * len(parts(free))
    assert dataclasses.replace(limited, task=free.task) == free


def test_boxes_of_a_smaller_picture_are_graded_as_boxes_of_that_picture():
    """The answer that is right for 112 pixels is wrong for 56, and the one in half as many pixels is right."""
    (item,) = load_tasks(["vision/grounding/max_pixels=3136"], 1)
    assert item.reference["resized"] == [56, 56]
    for share, outcome in ((1, "incorrect"), (0.5, "correct")):
        boxes = [{"bbox_2d": [v * share for v in box["bbox"]]} for box in item.reference["boxes"]]
        assert grade(item, str(boxes).replace("'", '"')).outcome == outcome
    (relative,) = load_tasks(["vision/grounding/relative/max_pixels=3136"], 1)
    assert "resized" not in relative.reference


@pytest.mark.parametrize(
    "model, right, wrong",
    [
        ("qwen2_5_vl-l", "vision/grounding", "vision/grounding/relative"),
        ("qwen2.5-vl-72b-instruct", "vision/pointing/novel", "vision/pointing/novel/relative"),
        ("qwen3_vl", "vision/pointing/relative", "vision/pointing"),
    ],
)
def test_a_model_is_not_asked_for_places_in_numbers_that_it_does_not_write(model, right, wrong):
    check_conventions(load_tasks([right, "vision/vqa"], 1), [model, "r1-s", "somebody's"])
    with pytest.raises(CourseError, match=f"{model} writes places as .*Ask it {right}, not {wrong}."):
        check_conventions(load_tasks([wrong], 1), ["somebody's", model])


def test_the_items_of_a_log_are_found_again():
    names = ["vision/vqa/max_pixels=3136", "vision/when", "tracking", "vqa_en"]
    items = load_tasks(names, limit=3, seed=5)
    kept = [item for item in items if not item.id.endswith("0001")]  # as if they had not been asked yet
    asked = [attempt(item=item.id, task=item.task, settings=Settings(seed=5)) for item in kept]
    assert {(item.task, item.id): item for item in items_of(asked)} == {(item.task, item.id): item for item in kept}


def test_items_that_cannot_be_found_are_left_out():
    assert items_of([attempt(task="sums"), attempt(task="gsm8k"), attempt(task="somebody's/own")]) == []


def test_the_sets_of_pictures_for_hosted_models_work_as_they_are():
    for name in ("description_en", "analysis_zh", "vqa_en"):
        items = load_tasks([name], 4)
        assert len(items) == 4 and all(parts(item) for item in items)
