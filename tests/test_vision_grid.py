"""The command that records chapter 3's grid: every task and size, one client, and pixels that are really limited."""

from __future__ import annotations

import collections
import contextlib
import json

import pytest
from grid_contract import assert_a_dry_run_asks_and_writes_nothing, assert_it_asks_once
from scripted_server import answer, scripted_server

from helpers import vision_tasks
from helpers.bench import items_of, latency, read_archive
from helpers.errors import CourseError
from helpers.profiles import spec
from recipes import vision_grid

FEW = ["--items", "2"]
TASKS = ("description", "vqa", "grounding")
EMPTY = "[]"  # what the scripted models say of every picture


@pytest.fixture
def course(tiny_course, monkeypatch):
    """A course whose vision models see nothing, and three tasks to ask about; and the server's requests."""
    monkeypatch.setenv("COURSE_ROOT", str(tiny_course))
    monkeypatch.setattr(vision_tasks, "TASKS", {name: vision_tasks.TASKS[name] for name in TASKS})
    for role in vision_grid.ROLES:
        weights = tiny_course / "data" / "models" / role / "model.safetensors"
        weights.parent.mkdir(parents=True)
        weights.write_text(role)

    with scripted_server(answer(EMPTY)) as server:

        @contextlib.contextmanager
        def serve(models, profile, *, continuous_batching):
            assert not continuous_batching
            yield server

        monkeypatch.setattr("helpers.server.serve", serve)
        yield tiny_course, server.requests


def recorded(course) -> tuple[list, dict]:
    path = course / "data" / "measured" / "vision_grid-nano.json"
    return read_archive(path.with_suffix(".jsonl.gz")), json.loads(path.read_text(encoding="utf-8"))


def pictures(request) -> list[dict]:
    return [part for part in request.body["messages"][0]["content"] if part["type"] != "text"]


def test_the_whole_grid_is_asked_kept_and_told(course):
    folder, requests = course
    assert vision_grid.main(FEW) == 0
    attempts, about = recorded(folder)
    everything, fewer = 3 * 3 * 2, 2 * 3 * 2  # tasks × models × items; tasks × budgets × items
    assert len(attempts) == len(requests) == everything + fewer
    by_task = collections.Counter(a.key.task for a in attempts)
    assert {f"vision/{task}": 6 for task in TASKS}.items() <= by_task.items()
    assert {a.key.model for a in attempts if "max_pixels" in a.key.task} == {"qwen2_5_vl-l"}
    assert all(a.clients == 1 and a.grade and a.reply.ttft for a in attempts)
    assert len(latency(attempts)) == 3 * 3 + 2 * 3  # every answer's time counts
    assert all(request.body["temperature"] == 0 for request in requests)
    assert about["command"] == "python -m recipes.vision_grid --items 2"
    assert list(about["models"]) == list(vision_grid.ROLES) and list(about["parts"]) == ["accuracy", "pixel budget"]
    assert sum(part["answers"] for part in about["parts"].values()) == len(attempts)


def test_pictures_and_their_limits_are_sent_and_items_can_be_found_again(course):
    folder, requests = course
    vision_grid.main(FEW)
    shown = [part for request in requests for part in pictures(request)]
    assert all(part["image_url"]["url"].startswith("data:image/png;base64,") for part in shown)
    limits = collections.Counter(part.get("max_pixels") for part in shown)
    assert limits == {None: 18} | dict.fromkeys(vision_grid.BUDGETS, 2 * 2)
    attempts, _ = recorded(folder)
    assert {(i.task, i.id) for i in items_of(attempts)} == {(a.key.task, a.key.item) for a in attempts}


def test_run_again_it_asks_nothing_but_other_weights_are_asked_anew(course):
    assert_it_asks_once(vision_grid, FEW, course[1], "qwen2_5_vl-s")


def test_a_dry_run_asks_and_writes_nothing(course, capsys):
    assert_a_dry_run_asks_and_writes_nothing(vision_grid, FEW, course[1], capsys)


def hosted(*words: str) -> dict[str, list[str]]:
    models = [spec(role, "api") for role in vision_grid.ROLES]
    return vision_grid.parts(models, vision_grid.GRID.parser.parse_args(["--profile", "api", *words]))


def test_hosted_models_get_questions_written_for_them():
    (words,) = hosted().values()
    assert words[words.index("--base-url") + 1] == spec("qwen2_5_vl-s", "api").base_url
    assert {"vqa_zh", "description_en", "vision/grounding"} < set(words) and "vision/vqa" not in words
    assert "qwen2.5-vl-72b-instruct" in words and words[words.index("--max-tokens") + 1] == "1024"


def test_asked_by_several_clients_latency_is_a_part_of_its_own():
    commands = hosted("--clients", "8", "--latency-items", "5")
    accuracy, latency = commands["accuracy"], commands["latency"]
    assert accuracy[accuracy.index("--concurrency") + 1] == "8"
    assert "--concurrency" not in latency and latency[latency.index("--limit") + 1] == "5"


def test_weights_on_this_machine_have_one_client():
    with pytest.raises(CourseError, match="one request after the other"):
        vision_grid.main(["--clients", "4"])
