"""The command that records chapter 2's grid: resumable, true to the weights it asked, and complete in what it keeps."""

from __future__ import annotations

import contextlib
import json

import pytest
from grid_contract import assert_a_dry_run_asks_and_writes_nothing, assert_it_asks_once
from scripted_server import answer, scripted_server

from helpers.bench import read_archive
from helpers.profiles import spec
from helpers.worlds import puzzles
from recipes import reasoning_grid

FEW = ["--items", "3", "--latency-items", "2", "--samples", "2", "--clients", "2"]


@pytest.fixture
def course(tiny_course, monkeypatch):
    """A course whose reasoners say yes to everything, and two families to ask about; and the server's requests."""
    monkeypatch.setenv("COURSE_ROOT", str(tiny_course))
    monkeypatch.setattr(puzzles, "FAMILIES", {name: puzzles.FAMILIES[name] for name in ("logic", "commonsense")})
    for role in reasoning_grid.ROLES:
        weights = tiny_course / "data" / "models" / role / "model.safetensors"
        weights.parent.mkdir(parents=True)
        weights.write_text(role)

    with scripted_server(answer("Answer: yes", reasoning="because")) as server:

        @contextlib.contextmanager
        def serve(models, profile, *, continuous_batching):
            yield server

        monkeypatch.setattr("helpers.server.serve", serve)
        yield tiny_course, server.requests


def recorded(course) -> tuple[list, dict]:
    path = course / "data" / "measured" / "reasoning_grid-nano.json"
    return read_archive(path.with_suffix(".jsonl.gz")), json.loads(path.read_text(encoding="utf-8"))


def test_the_whole_grid_is_asked_kept_and_told(course):
    folder, requests = course
    assert reasoning_grid.main(FEW) == 0
    attempts, about = recorded(folder)
    accuracy, latency, beyond = 2 * 3 * 3 * 2, 2 * 2 * 3, 2 * 2 * 3  # families × items × models (× samples, splits)
    assert len(attempts) == len(requests) == 2 * accuracy + 2 * latency + beyond
    assert {a.clients for a in attempts} == {1, 2} and all(a.grade for a in attempts)
    assert {a.settings.think for a in attempts} == {True, False}
    assert {a.key.model for a in attempts if "/" in a.key.task} == {"r1-l"}
    assert about["command"] == "python -m recipes.reasoning_grid --items 3 --clients 2 --latency-items 2"
    assert list(about["models"]) == list(reasoning_grid.ROLES) and len(about["models"]["r1-s"]["sha256"]) == 64
    assert sum(part["answers"] for part in about["parts"].values()) == len(attempts)
    assert all(part["seconds"] >= 0 for part in about["parts"].values())
    assert {"date", "commit", "device", "versions"} <= about.keys()


def test_run_again_it_asks_nothing_but_other_weights_are_asked_anew(course):
    assert_it_asks_once(reasoning_grid, FEW, course[1], "r1-m")


def test_a_dry_run_asks_and_writes_nothing(course, capsys):
    assert_a_dry_run_asks_and_writes_nothing(reasoning_grid, FEW, course[1], capsys)


def test_hosted_models_are_asked_where_they_are_and_always_think():
    models = [spec(role, "api") for role in reasoning_grid.ROLES]
    commands = reasoning_grid.parts(models, reasoning_grid.GRID.parser.parse_args([]))
    assert not [name for name in commands if name.startswith("direct")]
    for words in commands.values():
        assert words[words.index("--base-url") + 1] == models[0].base_url
        assert words[words.index("--max-tokens") + 1] == "16384"
        assert "--think" not in words and "--profile" not in words


def test_where_several_clients_ask_models_come_one_after_the_other():
    models = [spec(role) for role in reasoning_grid.ROLES]
    for name, words in reasoning_grid.parts(models, reasoning_grid.GRID.parser.parse_args([])).items():
        assert ("--concurrency" in words) == ("blocks" in words) == ("latency" not in name)
