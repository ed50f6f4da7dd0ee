"""The vision tasks as items: true to the worlds, the same every time, answerable, and without a usual answer."""

from __future__ import annotations

import collections
import json

import numpy as np
import pytest

from helpers import grading, vision_tasks
from helpers.errors import UnknownName
from helpers.worlds import clips, documents, pairs, scenes


def right_answer(item) -> str:
    """What somebody who knows the truth would say."""
    reference = item.reference
    if item.grader == "boxes":
        boxes = reference["boxes"]
        return json.dumps([{"bbox_2d": written(box["bbox"], item), "label": box["label"]} for box in boxes])
    if item.grader == "points":
        centres = [[(b["bbox"][0] + b["bbox"][2]) / 2, (b["bbox"][1] + b["bbox"][3]) / 2] for b in reference["boxes"]]
        return json.dumps([{"point_2d": written(xy, item), "label": "x"} for xy in centres])
    if item.grader == "fields":
        return "\n".join(phrases[0] for phrases in reference.values())
    if item.grader == "seconds":
        return "{} to {}".format(*reference)
    if item.grader == "json":
        return json.dumps(reference)
    return reference[0] if isinstance(reference, list) else reference


def written(xy, item) -> list[float]:
    """Pixels of the picture in the numbers that the item expects."""
    factor = 1000 / vision_tasks.SIDE if item.reference["convention"] == "relative" else 1
    return [v * factor for v in xy]


@pytest.mark.parametrize("convention", ["absolute", "relative"])
@pytest.mark.parametrize("task", vision_tasks.TASKS)
def test_the_truth_is_graded_as_correct_and_anything_else_is_not(task, convention):
    for item in vision_tasks.items(task, n=12, convention=convention):
        grade = grading.grade(item, right_answer(item))
        assert (grade.outcome, grade.score) == ("correct", pytest.approx(1)), item
        assert grading.grade(item, "gibberish qqq").outcome != "correct"


@pytest.mark.parametrize("task", vision_tasks.TASKS)
def test_items_are_the_same_however_many_follow_and_differ_between_splits_and_seeds(task):
    few, more = vision_tasks.items(task, n=3), vision_tasks.items(task, n=8)
    assert more[:3] == few and len({item.id for item in more}) == 8
    for split, seed in (("heldout", 1), ("novel", 0)):
        others = vision_tasks.items(task, split, 8, seed)
        assert not {item.id for item in others} & {item.id for item in more}
        assert [item.messages for item in others] != [item.messages for item in more]


def test_a_task_that_does_not_exist_is_named_with_those_that_do():
    with pytest.raises(UnknownName, match="grounding"):
        vision_tasks.items("groundin")


def test_questions_are_about_the_scene_that_is_shown():
    for task in ("vqa", "absent"):
        for item in vision_tasks.items(task, n=40):
            address = item.messages[0]["content"][0]["image_url"]["url"]
            index = int(address.partition("?")[0].rpartition("/")[2])
            scene = next(scenes.scenes("heldout", 1, start=index))
            text = vision_tasks.prompt(item)
            assert text.endswith(scenes.SHORT)
            if text.startswith("is there a "):
                colour, shape = text.removeprefix("is there a ").partition("?")[0].split()
                assert item.reference == ("yes" if (colour, shape) in {t.pair for t in scene.things} else "no")
            if text.startswith("what does the sign say?"):
                assert item.reference == scene.sign.text


def test_the_usual_answer_is_worth_nothing():
    """No answer of a type is much more frequent than its share, and half of what is asked for is not there."""
    by_type = collections.defaultdict(collections.Counter)
    for item in vision_tasks.items("vqa", n=800):
        by_type[item.meta["type"]][item.reference] += 1
    assert set(by_type) == set(scenes.ANSWERS) and {sum(c.values()) for c in by_type.values()} == {100}
    for type, counted in by_type.items():
        # 100 draws; a comparison's answers are yes, no (a quarter each) or one of eight shapes
        share = 1 / 4 if type == "comparison" else 1 / len(scenes.ANSWERS[type])
        assert max(counted.values()) <= 100 * share + 4 * (100 * share) ** 0.5, counted
    absent = collections.Counter(item.reference for item in vision_tasks.items("absent", n=60))
    assert absent == {"yes": 30, "no": 30}


def test_pictures_are_those_of_the_worlds():
    (item,) = vision_tasks.items("description", n=1)
    scene = next(scenes.scenes("heldout", 1))
    (shown,) = vision_tasks.pictures(item)
    assert np.array_equal(shown, scenes.render(scene, vision_tasks.SIDE))
    (item,) = vision_tasks.items("ocr", n=1)
    document = next(documents.documents("heldout", 1))
    assert np.array_equal(vision_tasks.pictures(item)[0], documents.render(document, vision_tasks.SCALE))
    (item,) = vision_tasks.items("difference", n=1)
    pair = next(pairs.pairs("heldout", 1))
    shown = vision_tasks.pictures(item)
    assert all(np.array_equal(a, b) for a, b in zip(shown, pairs.render(pair, vision_tasks.SIDE), strict=True))
    item = vision_tasks.items("when", n=1)[0]
    index = int(item.messages[0]["content"][0]["video"].partition("?")[0].rpartition("/")[2])
    clip = next(clips.clips("heldout", 1, start=index))
    assert np.array_equal(vision_tasks.pictures(item), clips.frames(clip, vision_tasks.CLIP_SIDE))
    assert tuple(item.reference) in {(event.start, event.end) for event in clip.events}
