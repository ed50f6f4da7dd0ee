"""The panel over benchmark runs, driven by code: what it counts, what it shows, and that nothing of it is markup."""

from __future__ import annotations

import asyncio
import re

import numpy as np
import pytest
from benching import attempt
from scripted_server import answer, fault, scripted_server

from helpers import bench, vision_tasks, world_pictures
from helpers.bench import Settings
from helpers.chat import make_client
from helpers.dashboard import EVERY, Dashboard, find_runs
from helpers.errors import CourseError
from helpers.images import picture_message, to_data_url
from helpers.sample_view import FOUND, sample_html, shown_in, verdict, with_places
from helpers.tasks import Item

EVIL = "<img src=x onerror=alert(1)>&"
GREEDY = Settings(seed=0, temperature=0.0)


def log() -> list[bench.Attempt]:
    """Two models and two tasks: right, wrong, cut off, and a request that failed before it was answered."""
    items = bench.load_tasks(["vision/vqa", "vision/grounding"], 2)
    told = {"settings": GREEDY, "extracted": "[]", "ttft": 0.02, "tpot": 0.004, "e2e": 0.1}
    of_l = [attempt(True, item=i.id, task=i.task, model="qwen2_5_vl-l", answer="yes", **told) for i in items]
    of_s = [attempt(False, item=i.id, task=i.task, model="qwen2_5_vl-s", **told) for i in items[:3]]
    cut = attempt(None, item=items[3].id, task=items[3].task, model="qwen2_5_vl-s", outcome="truncated", **told)
    failed = attempt(None, item=items[0].id, task=items[0].task, model="qwen2_5_vl-l", outcome="timeout",
                     settings=GREEDY, error="no byte for 4 s")  # fmt: skip
    return [failed, *of_l, *of_s, cut]


@pytest.fixture
def panel() -> Dashboard:
    return Dashboard({"first": log})


def options(menu) -> list[str]:
    return [value for _, value in menu.options]


def test_it_opens_with_the_first_task_its_scores_and_its_first_answer(panel):
    assert options(panel.task) == ["vision/vqa", "vision/grounding", EVERY]
    assert options(panel.model) == [EVERY, "qwen2_5_vl-l", "qwen2_5_vl-s"]
    assert len(panel.selected) == 5 and panel.current.key.item == "vqa-heldout-0-0000"
    scores = panel.scores.value
    assert "1.000 [0.342, 1.000]" in scores and "0.000 [0.000, 0.658]" in scores
    assert "timeout 1" in scores and "<td>20.0</td><td>4.0</td>" in scores
    assert "of 5" in panel.status.value and panel.previous.disabled and not panel.next.disabled


def test_outcomes_are_counted_and_failures_of_the_transport_are_told_apart_from_the_models_own(panel):
    labels = [label for label, _ in panel.outcome.options]
    assert labels == ["all (5)", "transport failure: timeout (1)", "correct (2)", "incorrect (2)"]
    panel.outcome.value = "transport failure: timeout"
    assert "neither" not in panel.sample.value and "nothing is graded or timed" in panel.sample.value
    assert "no byte for 4 s" in panel.sample.value and "ttft" not in panel.sample.value
    panel.task.value = "vision/grounding"
    assert panel.outcome.value == EVERY  # there is no such failure
    panel.outcome.value = "truncated"
    assert [a.key.model for a in panel.selected] == ["qwen2_5_vl-s"] and "ttft 20 ms" in panel.sample.value


def test_what_is_chosen_decides_what_is_selected(panel):
    panel.model.value = "qwen2_5_vl-s"
    assert {a.key.model for a in panel.selected} == {"qwen2_5_vl-s"} and len(panel.selected) == 2
    panel.task.value = EVERY
    assert len(panel.selected) == 4 and panel.scores.value.count("<tr>") == 1 + 4  # scores of all models stay
    panel.outcome.value = "incorrect"
    assert len(panel.selected) == 3


def test_answers_are_shown_one_after_the_other(panel):
    seen = []
    while True:
        seen.append((panel.current.key.item, panel.current.key.model))
        if panel.next.disabled:
            break
        panel.next.click()
    assert len(seen) == 5 and seen == sorted(seen)
    panel.number.value = 2
    panel.previous.click()
    assert panel.number.value == 1 and panel.previous.disabled


def test_picture_prompt_answer_reference_and_score_are_shown(panel):
    panel.model.value, panel.outcome.value = "qwen2_5_vl-l", "correct"
    (item,) = bench.items_of([panel.current])
    shown = panel.sample.value
    assert to_data_url(world_pictures.resolve(item.messages[0]["content"][0]["image_url"]["url"])) in shown
    assert vision_tasks.prompt(item) in shown and f">{item.reference}</pre>" in shown
    assert ">yes</pre>" in shown and "correct · score 1.00" in shown


def test_a_record_that_keeps_no_texts_says_so_and_shows_what_was_graded(tmp_path):
    bench.write_archive(tmp_path / "a.jsonl.gz", log())
    panel = Dashboard({"record": lambda: bench.read_archive(tmp_path / "a.jsonl.gz")})
    panel.model.value, panel.outcome.value = "qwen2_5_vl-l", "correct"
    assert "the record keeps what was graded" in panel.sample.value and "Graded as answer" in panel.sample.value


def test_true_places_and_those_of_the_answer_are_drawn():
    (item,) = bench.load_tasks(["vision/grounding"], 1)
    picture = shown_in(item)[0]
    for written in ('[{"label": "x", "bbox": [70, 20, 30, 60]}]', '[{"label": "x", "point": [200, 5]}]', None, "[]"):
        marked = with_places(picture, attempt(False, extracted=written) if written else attempt(None), item)
        assert marked.size == (336, 336)
        colours = {f"#{bytes(pixel).hex().upper()}" for pixel in np.asarray(marked).reshape(-1, 3)}
        assert (FOUND in colours) == (written is not None and "bbox" in written)
        for box in item.reference["boxes"]:
            x, y = (round(3 * v) for v in box["bbox"][:2])
            edge = [marked.getpixel((x + i, y + 20)) for i in range(4)]
            assert {(0, 0, 0), (255, 255, 255)} <= set(edge)
    (question,) = bench.load_tasks(["vision/vqa"], 1)
    assert with_places(picture, attempt(), question) is None


@pytest.mark.parametrize("task, n", [("ocr", 1), ("difference", 2), ("video", None)])
def test_every_kind_of_picture_is_shown(task, n):
    (item,) = bench.load_tasks([f"vision/{task}"], 1)
    shown = str(sample_html(attempt(True, item=item.id, task=item.task, answer="a"), item))
    assert shown.count("<img ") == (n or len(vision_tasks.pictures(item)))


def test_what_models_servers_and_files_say_is_text():
    item = Item(EVIL, EVIL, [{"role": "system", "content": EVIL}, picture_message(EVIL, EVIL)], [EVIL], "exact")
    told = attempt(False, item=EVIL, task=EVIL, model=EVIL, answer=EVIL, reasoning=EVIL, extracted=EVIL + "!", e2e=1.0)
    failed = attempt(None, item=EVIL, task=EVIL, model=EVIL, outcome="server_error", error=EVIL)
    panel = Dashboard({EVIL: lambda: [told, failed]}, items=[item])
    for panel.number.value in (1, 2):
        for html in (panel.sample.value, panel.scores.value, panel.status.value):
            assert "<img" not in html
        assert "&lt;img src=x onerror=alert(1)&gt;&amp;" in panel.sample.value
    assert EVIL in options(panel.task)  # menus are text by themselves


def test_an_item_that_cannot_be_found_and_a_picture_that_cannot_be_drawn_are_said():
    lost = attempt(True, task="somebody's/own", answer="42")
    assert "not at hand" in Dashboard({"a": lambda: [lost]}).sample.value
    item = Item("0", "mine", [picture_message("What?", "world://scenes/heldout/0/0?side=9999")], "42", "number")
    shown = str(sample_html(attempt(True, task="mine", answer="42"), item))
    assert "cannot be drawn" in shown and "What?" in shown
    assert shown_in(Item("1", "mine", [picture_message("?", "https://example.org/a.png")], "42", "number")) == []


def test_a_live_run_is_read_again(tmp_path):
    items = bench.load_tasks(["vision/vqa"], 2)
    with scripted_server([answer("yes"), fault(400)]) as server:
        settings = Settings(bench.host_of(server.base_url), temperature=0.0, seed=0)

        async def ask(some) -> None:
            async with make_client(server.base_url) as client:
                await bench.run(bench.make_plan(some, ["m"], settings=settings), client, tmp_path / "run")

        asyncio.run(ask(items[:1]))
        panel = Dashboard({"live": lambda: bench.read(tmp_path / "run")})
        assert options(panel.outcome) == [EVERY, "not graded"]
        asyncio.run(ask(items))
        bench.grade_answers(tmp_path / "run", items)
        panel.reload.click()
    assert len(panel.selected) == 2 and "transport failure: bad_request" in options(panel.outcome)
    assert "not graded" not in options(panel.outcome)


def test_another_run_is_another_log_and_what_both_have_stays_chosen(panel):
    other = [a for a in log() if a.key.model == "qwen2_5_vl-l"]
    panel = Dashboard({"first": log, "second": lambda: other, "empty": list})
    panel.task.value, panel.model.value = "vision/grounding", "qwen2_5_vl-s"
    panel.run.value = "second"
    assert (panel.task.value, panel.model.value) == ("vision/grounding", EVERY)
    panel.run.value = "empty"
    assert panel.selected == [] and "Nothing fits" in panel.status.value and panel.sample.value == ""
    panel.run.value = "first"
    assert panel.selected


def test_a_log_that_cannot_be_read_is_one_line():
    def read():
        raise bench.LogError(f"line 3 is damaged {EVIL}")

    panel = Dashboard({"broken": read, "fine": log})
    assert "line 3 is damaged &lt;img" in panel.status.value and panel.selected == [] and panel.scores.value == ""
    panel.run.value = "fine"
    assert panel.selected


def test_runs_are_found_where_they_are_written(tiny_course, monkeypatch):
    monkeypatch.setenv("COURSE_ROOT", str(tiny_course))
    assert find_runs() == {}
    with pytest.raises(CourseError, match="no run to show"):
        Dashboard(find_runs())
    for grid in ("reasoning_grid-nano", "vision_grid-api"):
        bench.write_archive(tiny_course / "data" / "measured" / f"{grid}.jsonl.gz", log())
    for folder in ("_build/runs/grid/accuracy", "runs/mine"):
        (tiny_course / folder).mkdir(parents=True)
        (tiny_course / folder / "log.jsonl").write_text("")
    found = find_runs()
    assert list(found) == ["vision_grid-api", "reasoning_grid-nano", "_build/runs/grid/accuracy", "runs/mine"]
    assert len(found["vision_grid-api"]()) == 9 and found["runs/mine"]() == []


def test_a_failure_has_neither_score_nor_time_in_its_line():
    failed, right = log()[:2]
    assert verdict(failed) == "transport failure: timeout: nothing was said, so nothing is graded or timed"
    assert re.fullmatch(r"correct · score 1\.00 · ttft 20 ms · tpot 4 ms · in all 0\.1 s", verdict(right))


def test_every_field_has_a_label(panel):
    fields = [panel.run, panel.task, panel.model, panel.outcome, panel.number]
    buttons = [panel.reload, panel.previous, panel.next]
    assert all(part.description.strip() for part in [*fields, *buttons])
