"""``course bench`` as a person runs it: killed at random moments, without a network, with a key, with mistakes."""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import random
import shlex
import signal
import socket
import subprocess
import sys
import time

import pytest
from benching import adds, asked, bench, now_and_then, sums
from courses import ROOT, clean_environment, interruptible
from scripted_server import answer, fault, scripted_server

from helpers.bench import Limits, RunStopped, command, read
from helpers.bench import limits as limits_module
from helpers.errors import CourseError, UnknownName

COURSE_BENCH = """
import argparse, sys
from helpers.bench import command
parser = argparse.ArgumentParser()
command.add_arguments(parser)
sys.exit(command.run(parser.parse_args()))
"""
BEIJING = "https://dashscope.aliyuncs.com/compatible-mode/v1"
KEY = "sk-this-key-must-not-be-seen"


def options(*words: object) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(list(map(str, words)))


@pytest.fixture
def items(tmp_path):
    """A file of forty items."""
    path = tmp_path / "sums.jsonl"
    path.write_text("\n".join(item.to_json() for item in sums(40)), encoding="utf-8")
    return path


def graded_keys(folder) -> list[str]:
    path = folder / "grades.jsonl"
    return [json.loads(line)["item"] for line in path.read_bytes().splitlines()] if path.exists() else []


def test_killed_at_random_moments_and_run_again_nothing_is_lost_and_nothing_done_twice(tmp_path, items):
    out, clients, kills, rng = tmp_path / "run", 4, 0, random.Random()
    with scripted_server(lambda request: answer(f"It is {asked(request) + 1}.", delay=0.02)) as server:
        words = ["--models", "adder", "--tasks", items, "--base-url", server.base_url, "--out", out, "--concurrency", 4]
        start = [sys.executable, "-c", COURSE_BENCH, *map(str, words)]
        for moment in (1, 4, "Ctrl-C", 12, "grading", "end"):
            known, before = {attempt.key.item for attempt in read(out)}, len(server.requests)
            quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=interruptible)
            with subprocess.Popen(start, cwd=ROOT, env=clean_environment(ROOT), **quiet) as process:
                if moment == "end":
                    assert process.wait(120) == 0
                    continue
                n = moment if isinstance(moment, int) else 3
                until(
                    lambda b=before, n=n, m=moment: (
                        graded_keys(out) if m == "grading" else len(server.requests) >= b + n
                    )
                )
                time.sleep(rng.uniform(0, 0.05))
                process.send_signal(signal.SIGINT if moment == "Ctrl-C" else signal.SIGKILL)
                process.wait(60)
                kills += 1
            assert not known & {f"sums-{asked(request)}" for request in server.requests[before:]}
        assert len(server.requests) <= 40 + kills * clients

    attempts = read(out)
    assert sorted(attempt.key.item for attempt in attempts) == sorted(item.id for item in sums(40))
    assert all(attempt.grade.outcome == "correct" for attempt in attempts)
    assert len(graded_keys(out)) == len(set(graded_keys(out))) == 40


def until(condition, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_the_whole_command(tmp_path, items, capsys):
    out = tmp_path / "run"
    with scripted_server(now_and_then(lambda i, before: answer("no idea") if i == 7 else None)) as server:
        words = ["--models", "a", "b", "--tasks", items, "--base-url", server.base_url, "--out", out, "--limit", 10]
        assert command.run(options(*words, "--samples", 2)) == 0
        assert collections.Counter(request.body["model"] for request in server.requests) == {"a": 20, "b": 20}
        assert len({asked(request) for request in server.requests}) == 10
        assert command.run(options(*words, "--samples", 2)) == 0
        assert len(server.requests) == 40
    said = capsys.readouterr().out
    assert "model  task  n   correct" in said and str(out / "report.html") in said
    assert "pass@k" in (out / "report.html").read_text(encoding="utf-8")


def test_without_an_address_the_roles_are_served_here(tmp_path, items, monkeypatch):
    served = []

    @contextlib.contextmanager
    def serve(models, profile, *, continuous_batching):
        served.append((models, profile, continuous_batching))
        with scripted_server(adds) as server:
            yield server

    monkeypatch.setattr("helpers.server.serve", serve)
    words = ["--models", "blip-vqa", "--tasks", items, "--out", tmp_path, "--limit", 3]
    assert command.run(options(*words)) == 0
    assert command.run(options(*words, "--samples", 2, "--concurrency", 2)) == 0  # another port, but the same server
    assert served == [(["blip-vqa"], "nano", False), (["blip-vqa"], "nano", True)]
    assert len(read(tmp_path)) == 6 and {attempt.settings.host for attempt in read(tmp_path)} == {"this machine"}


def test_requests_without_an_answer_are_told_by_the_exit_status(tmp_path, items, capsys):
    with scripted_server(now_and_then(lambda i, before: fault(403) if i == 3 else None)) as server:
        words = ["--models", "adder", "--tasks", items, "--base-url", server.base_url, "--out", tmp_path]
        assert command.run(options(*words)) == 1
    said = capsys.readouterr().out
    assert "1 requests have no answer yet" in said and "1 of them ended with forbidden: HTTP 403" in said


def test_a_finished_run_is_graded_and_reported_without_key_or_server(tmp_path, items, monkeypatch):
    monkeypatch.setattr("helpers.bench.command._endpoint", lambda _: pytest.fail("nothing is left to be asked"))
    with scripted_server(adds) as server:
        words = ["--models", "a", "--tasks", items, "--base-url", server.base_url, "--out", tmp_path, "--limit", 3]
        monkeypatch.undo()
        assert command.run(options(*words)) == 0
    monkeypatch.setattr("helpers.bench.command._endpoint", lambda _: pytest.fail("nothing is left to be asked"))
    (tmp_path / "report.html").unlink()
    assert command.run(options(*words)) == 0 and (tmp_path / "report.html").exists()


@pytest.mark.parametrize("more", [["--temperature", "0"], ["--no-think"], ["--think", "--top-p", "0"], ["--run-code"]])
def test_the_command_that_is_recorded_is_the_command(more):
    given = options("--models", "r1-s", "--tasks", "logic", *more)
    words = shlex.split(command._as_typed(given))
    assert words[:2] == ["course", "bench"] and options(*words[2:]) == given


def test_roles_that_nano_plays_are_named(capsys):
    given = options("--models", "r1-s", "r1-m", "--tasks", "logic", "--profile", "laptop")
    assert command._model_ids(given)[1] == "r1-m"
    said = capsys.readouterr().err
    assert "No model plays r1-m" in said and "r1-s" not in said


def test_a_run_that_is_stopped_still_shows_what_there_is(tmp_path, items, monkeypatch, capsys):
    monkeypatch.setattr(limits_module, "FIRST_PAUSE", 0.01)
    with scripted_server(lambda request: adds(request) if len(server.requests) < 5 else fault(401)) as server:
        words = ["--models", "adder", "--tasks", items, "--base-url", server.base_url, "--out", tmp_path]
        with pytest.raises(RunStopped, match="401.*the same command goes on"):
            command.run(options(*words))
        assert len(server.requests) == 5
    assert "1.000 [0.510, 1.000]" in capsys.readouterr().out and (tmp_path / "report.html").exists()


def test_a_dry_run_needs_no_key_and_no_network_and_writes_nothing(tmp_path, items, monkeypatch, capsys):
    monkeypatch.delenv("DASHSCOPE_API_KEY", raising=False)
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a dry run went to the network"))
    out, model = tmp_path / "run", "deepseek-r1-distill-qwen-7b"
    words = ["--models", model, "unpriced", "--tasks", items, "--base-url", BEIJING, "--out", out, "--samples", 3]
    assert command.run(options(*words, "--max-tokens", 1000, "--dry-run")) == 0
    said = capsys.readouterr().out
    read_tokens, written = 3 * sum(-(-len(item.messages[0]["content"]) // 4) for item in sums(40)), 120_000
    row = next(line for line in said.splitlines() if line.startswith(model)).split()
    yuan = (read_tokens * 0.0005 + written * 0.001) / 1000
    assert row == [model, "0", "120", f"{read_tokens:,}", f"{written:,}", "–", f"{yuan:.4g}", "–"]
    assert "unknown" in said and "240 requests in all" in said and "4 characters" in said
    assert not out.exists()


def test_a_dry_run_knows_what_is_answered_already(tmp_path, items, capsys):
    with scripted_server(adds) as server:
        words = ["--models", "adder", "--tasks", items, "--base-url", server.base_url, "--out", tmp_path / "run"]
        assert command.run(options(*words, "--limit", 10)) == 0
        capsys.readouterr()
        assert command.run(options(*words, "--dry-run")) == 0
        assert len(server.requests) == 10
    assert capsys.readouterr().out.splitlines()[2].split()[:3] == ["adder", "10", "30"]


def test_the_key_is_in_no_file_no_output_and_no_exception(tmp_path, items, monkeypatch, capsys, caplog):
    """Not even when the server repeats it, in an answer, in an error, or in the middle of a stream."""
    import asyncio

    from helpers.bench import Settings, grade_answers, make_plan, run, write_report
    from helpers.chat import make_client

    monkeypatch.setenv("A_TEST_API_KEY", KEY)
    monkeypatch.setattr(limits_module, "FIRST_PAUSE", 0.01)
    saying = [answer(f"Your key is {KEY}: 1", reasoning=KEY), fault(500, KEY), fault(400, KEY), fault(401, KEY)]

    async def ask(base_url: str) -> None:
        async with make_client(base_url, "A_TEST_API_KEY") as client:
            await run(make_plan(sums(5), ["adder"], settings=Settings()), client, tmp_path / "run", Limits(attempts=2))

    with scripted_server(saying) as server:
        with pytest.raises(RunStopped) as stopped:
            asyncio.run(ask(server.base_url))
        assert all(KEY in request.headers["authorization"] for request in server.requests)
    grade_answers(tmp_path / "run", sums(5))
    write_report(tmp_path / "run", sums(5))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= 4 and not [path for path in files if KEY.encode() in path.read_bytes()]
    chain, error = "", stopped.value
    while error:
        chain, error = chain + repr(error), error.__cause__ or error.__context__
    assert KEY not in chain + caplog.text + "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "words, says",
    [
        (["--tasks", "mathematic"], "There is no task 'mathematic'.*Did you mean 'mathematics_"),
        (["--tasks", "nowhere.jsonl"], "nowhere.jsonl does not exist"),
        (["--base-url", "host/v1"], "A base URL looks like"),
        (["--base-url", f"https://{KEY}@host/v1"], "must hold no key"),
        (["--models", "blip-vqa", "blip-vqa"], "twice there: blip-vqa"),
        (["--models", "r2"], "There is no role 'r2'"),
        (["--base-url", "http://[::1/v1"], "A base URL looks like"),
        (["--models", "qwen3_vl", "--tasks", "vision/grounding"], "Ask it vision/grounding/relative"),
        (["--rpm", "0", "--base-url", "http://127.0.0.1:9/v1"], "requests per minute must be more than 0"),
    ],
)
def test_mistakes_are_told_before_anything_is_asked(tmp_path, items, words, says):
    with pytest.raises(CourseError, match=says) as told:
        command.run(options("--models", "blip-vqa", "--tasks", items, "--out", tmp_path / "run", *words))
    assert KEY not in str(told.value)


def test_tasks_by_their_names():
    from helpers.bench.sources import load_tasks

    names = ["tracking", "tracking/longer", "mathematics_en"]
    items = load_tasks(names, limit=4, seed=1)
    assert collections.Counter(item.task for item in items) == dict.fromkeys(names, 4)
    assert load_tasks(["mathematics_en"], 4, 1) == items[8:] != load_tasks(["mathematics_en"], 4, 2)
    assert all(item.meta["think"] is False for item in load_tasks(["logic"], 3, think=False))
    with pytest.raises(UnknownName):
        load_tasks(["gsm9k"])


def test_a_public_benchmark_from_its_authors_file(tmp_path):
    from helpers.bench.sources import load_tasks

    path = tmp_path / "test.jsonl"
    path.write_text(json.dumps({"question": "1 + 1?", "answer": "1 + 1 = 2\n#### 2"}) + "\n")
    (item,) = load_tasks([f"gsm8k={path}"])
    assert (item.task, item.reference) == ("gsm8k", "2")


def test_the_overhead_is_measured_with_real_requests():
    """Not how large it is, which depends on the machine: that both sides did the same work and the clocks were read."""
    from helpers.bench.overhead import measure

    row = measure(clients=3, requests=2, tokens=5, delay=0.01)
    assert row["clients"] == 3 and row["requests"] == row["answered"] == 6
    assert row["engine_tokens_per_s"] > 0 and 0 < row["bare_tokens_per_s"] <= 3 / 0.01
    assert 0 <= row["ttft_error_ms"]["p50"] <= row["ttft_error_ms"]["max"] < 5000


def test_bench_is_silent_about_progress_where_there_is_no_terminal(tmp_path, capsys):
    with scripted_server(adds) as server:
        bench(server.base_url, tmp_path, sums(2))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("words, blocks", [
    ([], 1), (["--concurrency", 8], 3), (["--concurrency", 8, "--order", "interleaved"], 1),
    (["--concurrency", 8, "--base-url", BEIJING], 1),
])  # fmt: skip
def test_the_server_of_this_machine_is_given_one_model_at_a_time_when_it_batches(words, blocks, monkeypatch):
    plans = []
    monkeypatch.setattr(command, "_dry_run", lambda plan, folder: plans.append(plan) or 0)
    three = ["--models", "r1-s", "r1-m", "r1-l", "--tasks", "logic", "--limit", 4]
    assert command.run(options(*three, *words, "--dry-run")) == 0
    assert len(plans[0]) == blocks
