"""What a vision-language model is told about a scene: facts, boxes and points that follow from the scene alone."""

from __future__ import annotations

import json
import random
from collections import Counter

from helpers.worlds import scenes

DRAWN = list(scenes.scenes("heldout", 200))
PIXELS = lambda box: [round(112 * v) for v in box]  # noqa: E731


def test_an_analysis_counts_and_names_everything():
    for scene in DRAWN:
        lines = [line.split(": ", 1) for line in scenes.analysis(scene).splitlines()]
        facts = Counter(name for name, _ in lines)
        assert dict(lines)["Objects"] == str(len(scene.things)) and facts["Kind"] == len(scene.groups)
        assert facts["Layout"] == bool(scene.relation)
        assert dict(lines)["Sign"] == (scene.sign.text if scene.sign else "none")
        assert dict(lines)["Background"] == scene.background
        said = " ".join(fact for name, fact in lines if name == "Kind")
        assert all(t.colour in said and t.shape in said and t.size in said for t in scene.things)


def test_a_layout_is_true_of_the_places():
    for scene in (s for s in DRAWN if s.relation):
        (layout,) = (line for line in scenes.analysis(scene).splitlines() if line.startswith("Layout: "))
        first, second = scene.things[:2]
        assert layout.index(f"the {first.colour} {first.shape}") < layout.index(f"the {second.colour} {second.shape}")
        above = scene.relation == "above"
        assert first.y < second.y if above else first.x < second.x
        assert ("above" if above else "left") in layout


def test_every_name_has_all_its_boxes_and_no_others():
    for scene in DRAWN:
        targets = scenes.targets(scene)
        for thing in scene.things:
            mine = scenes.box(thing, 1)
            assert all(
                mine in targets[name]
                for name in (thing.shape, f"{thing.colour} thing", f"{thing.colour} {thing.shape}")
            )
        for shape in {thing.shape for thing in scene.things}:
            assert len(targets[shape]) == sum(thing.shape == shape for thing in scene.things)
        assert ("sign" in targets) == bool(scene.sign)
        assert all(boxes == sorted(boxes) for boxes in targets.values())


def test_a_list_of_boxes_is_json_with_a_label_for_each():
    for scene in DRAWN[:40]:
        found = scenes.everything(scene)
        read = json.loads(scenes.boxes_json(found, PIXELS))
        assert len(read) == len(scene.things) + bool(scene.sign)
        assert [(r["label"], r["bbox_2d"]) for r in read] == [(label, PIXELS(box)) for label, box in found]
        points = json.loads(scenes.points_json(found, PIXELS))
        for point, (_, (x1, y1, x2, y2)) in zip(points, found, strict=True):
            x, y = point["point_2d"]
            assert 112 * x1 <= x <= 112 * x2 and 112 * y1 <= y <= 112 * y2


def test_reasoning_says_what_the_questions_ask_for():
    rng = random.Random(0)
    for scene in DRAWN:
        thought = scenes.reasoning(scene)
        for question in scenes.questions_about(scene, rng, "heldout"):
            if question.type in ("colour", "shape", "sign", "background"):
                assert question.answer in thought, (question, thought)
            if question.type == "count" and question.answer != "0" and "things" not in question.text:
                plural = question.text.removeprefix("how many ").partition(" ")[0]
                named = plural if question.answer != "1" else plural.removesuffix("es" if plural == "crosses" else "s")
                assert f"{named} {question.answer}" in thought
