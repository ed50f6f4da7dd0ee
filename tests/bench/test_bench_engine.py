"""Runs against a real server that fails in every way a server can, and against one that works."""

from __future__ import annotations

import collections
import dataclasses
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from benching import IMPATIENT, adds, asked, bench, now_and_then, sums
from scripted_server import CLOSE, EMPTY_CHOICES, HANGING, REFUSED, RESET, answer, begun, fault, scripted_server

from helpers import world_pictures
from helpers.bench import Limits, RunStopped, grade_answers, latency, read, summarise
from helpers.bench import limits as limits_module
from helpers.bench.log import current, read_runs
from helpers.files import InUse, locked
from helpers.grading import allow
from helpers.images import to_data_url
from helpers.tasks import Item

QUICK = Limits(timeouts=IMPATIENT)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(limits_module, "FIRST_PAUSE", 0.01)


def outcomes(folder) -> dict[str, list[str]]:
    """Item → the outcomes of its attempts, in order."""
    found = collections.defaultdict(list)
    for attempt in sorted(read(folder), key=lambda attempt: attempt.attempt):
        found[attempt.key.item].append(attempt.reply.outcome)
    return dict(found)


# What the server does the first time it is asked, what that is called, and whether it is worth asking again.
FAULTS = [
    (fault(403), "forbidden", False),
    (fault(404), "bad_request", False),
    (fault(400), "bad_request", False),
    (fault(413), "bad_request", False),
    (fault(429), "rate_limited", True),
    (fault(429, retry_after=0), "rate_limited", True),
    (fault(500), "server_error", True),
    (fault(502), "server_error", True),
    (HANGING, "timeout", True),
    (begun(RESET), "broken_stream", True),
    (begun(CLOSE), "broken_stream", True),
    (begun(b"data: {\n\n"), "broken_stream", True),
    (EMPTY_CHOICES, "empty_choices", True),
]
MODEL_OUTCOMES = [
    (REFUSED, "refused"),
    (answer("I would rather", finish_reason="content_filter"), "refused"),
    (answer("1 + 1 is", finish_reason="length"), "truncated"),
    (answer("", reasoning="hm"), "empty_answer"),
]
SOUND = [
    answer("The answer is {}.", usage=False),
    answer("The answer is {}.", reasoning="thinking", named="reasoning_content"),
    answer("The answer is {}.", reasoning="thinking", named="reasoning"),
    answer("The answer is {}.", reasoning="thinking", named="inline"),
    answer("The answer is {}.", reasoning="thinking", named="unopened"),
    answer("The answer is {}.", delay=0.05),
]


def test_every_fault_is_an_outcome_and_neither_an_answer_nor_a_time(tmp_path):
    """The whole matrix in one run: each fault happens once, to an item of its own."""
    scripted = [response for response, *_ in FAULTS + MODEL_OUTCOMES] + SOUND

    def misbehave(i: int, before: int):
        if i < len(scripted) and (before == 0 or i >= len(FAULTS)):
            response = scripted[i]
            steps = tuple(s.replace(b"{}.", b"%d." % (i + 1)) if isinstance(s, bytes) else s for s in response.steps)
            return type(response)(steps, response.status, response.headers)
        return None

    items = sums(len(scripted) + 5)
    with scripted_server(now_and_then(misbehave)) as server:
        bench(server.base_url, tmp_path, items, limits=QUICK)
    grade_answers(tmp_path, items)

    found = outcomes(tmp_path)
    expected = {f"sums-{i}": [name, "ok"] if again else [name] for i, (_, name, again) in enumerate(FAULTS)}
    expected |= {f"sums-{i}": [name] for i, (_, name) in enumerate(MODEL_OUTCOMES, len(FAULTS))}
    expected |= {f"sums-{i}": ["ok"] for i in range(len(FAULTS) + len(MODEL_OUTCOMES), len(items))}
    assert found == expected

    (score,) = summarise(read(tmp_path))
    hopeless = sum(not again for *_, again in FAULTS)
    assert score.n == len(items) - hopeless and score.unanswered == hopeless
    assert score.correct == score.n - len(MODEL_OUTCOMES)
    assert score.not_correct == dict(collections.Counter(name for _, name in MODEL_OUTCOMES))
    assert score.failures == dict(collections.Counter(name for _, name, _ in FAULTS))

    (times,) = latency(read(tmp_path))
    assert all(0 < seconds < IMPATIENT.total for seconds in times.times["e2e"])
    spoken = score.n - 1  # all but the 400 that says "refused": it has no stream, and so no times
    assert len(times.times["e2e"]) == spoken and len(times.times["ttft"]) == spoken
    for attempt in read(tmp_path):
        if not attempt.finished:
            assert attempt.reply.e2e is None and attempt.reply.answer == "" and attempt.grade is None


def test_a_refused_key_ends_the_run_at_once(tmp_path, monkeypatch):
    with scripted_server(fault(401, "Incorrect API key provided: sk-secret")) as server:
        with pytest.raises(RunStopped, match=r"did not accept the key \(401\)"):
            bench(server.base_url, tmp_path, sums(50), limits=Limits(concurrency=4))
        assert len(server.requests) <= 4
    with scripted_server(adds) as server:  # with the right key, the same run goes on
        bench(server.base_url, tmp_path, sums(3))
        assert len(server.requests) == 3 == summarise(read(tmp_path))[0].ungraded


def test_a_server_that_is_gone_ends_the_run(tmp_path):
    with scripted_server(adds) as server:
        gone = server.base_url
    with pytest.raises(RunStopped, match="5 requests in a row came to nothing.*connection × 5"):
        bench(gone, tmp_path, sums(50), limits=Limits(attempts=2, failures_in_a_row=5))
    assert len(read(tmp_path)) == 10


def test_failures_now_and_then_do_not_end_the_run(tmp_path):
    with scripted_server(now_and_then(lambda i, before: fault(403) if i % 2 else None)) as server:
        bench(server.base_url, tmp_path, sums(20), limits=Limits(failures_in_a_row=8))
    assert len(read(tmp_path)) == 20


def test_a_run_that_goes_on_repeats_nothing_finished_and_asks_again_what_failed(tmp_path):
    with scripted_server(now_and_then(lambda i, before: fault(500) if i == 3 and before < 4 else None)) as server:
        items, limits = sums(6), Limits(attempts=3)
        bench(server.base_url, tmp_path, items, limits=limits, samples=2)
        answered_first = sum(attempt.finished for attempt in read(tmp_path))
        assert answered_first < 12
        before = len(server.requests)
        bench(server.base_url, tmp_path, items, limits=limits, samples=2)
        again = {asked(request) for request in server.requests[before:]}
        assert again == {3}
        before = len(server.requests)
        bench(server.base_url, tmp_path, items, limits=limits, samples=2)
        assert len(server.requests) == before
    attempts = read(tmp_path)
    assert len({attempt.key for attempt in attempts if attempt.finished}) == 12 == sum(a.finished for a in attempts)
    numbers = collections.defaultdict(list)
    for attempt in attempts:
        numbers[attempt.key].append(attempt.attempt)
    assert all(sorted(n) == list(range(1, len(n) + 1)) for n in numbers.values())  # counted over runs
    assert [run["answered"] for run in read_runs(tmp_path)] == [0, answered_first, 12]


@pytest.mark.parametrize("changed", [{"temperature": 0.5}, {"max_tokens": 9}, {"think": True}])
def test_other_settings_are_asked_anew_and_scored_apart(tmp_path, changed):
    with scripted_server(adds) as server:
        bench(server.base_url, tmp_path, sums(3))
        bench(server.base_url, tmp_path, sums(3), **changed)
        assert len(server.requests) == 6
    ((name, value),) = changed.items()
    assert {score.name for score in summarise(read(tmp_path))} == {f"adder ({name} None)", f"adder ({name} {value})"}


def test_what_is_sent(tmp_path):
    with scripted_server(adds) as server:
        sent = dict(temperature=0.6, top_p=0.95, max_tokens=50, seed=7, think=False)
        bench(server.base_url, tmp_path, sums(1), samples=2, **sent)
        bodies = sorted((request.body for request in server.requests), key=lambda body: body["seed"])
    for i, body in enumerate(bodies):
        assert body["messages"] == sums(1)[0].messages and body["model"] == "adder" and body["stream"] is True
        assert (body["temperature"], body["top_p"], body["max_tokens"], body["seed"]) == (0.6, 0.95, 50, 7 + i)
        assert body["chat_template_kwargs"] == {"enable_thinking": False}


def test_as_many_requests_at_once_as_allowed_and_no_more(tmp_path):
    with scripted_server(answer("1", delay=0.05)) as server:
        bench(server.base_url, tmp_path, sums(24), limits=Limits(concurrency=6))
        spans = [(request.received, request.token_times[-1]) for request in server.requests]
    at_once = [sum(a <= begin < b for a, b in spans) for begin, _ in spans]
    assert max(at_once) == 6


def test_blocks_do_not_overlap(tmp_path):
    with scripted_server(lambda request: answer("1", delay=0.02)) as server:
        bench(server.base_url, tmp_path, sums(8), ["s", "m"], Limits(concurrency=4), order="blocks")
        order = [request.body["model"] for request in server.requests]
    assert order in (["s"] * 8 + ["m"] * 8, ["m"] * 8 + ["s"] * 8)


def wait_between_attempts(tmp_path, retry_after) -> float:
    once = now_and_then(lambda i, before: None if before else fault(429, retry_after=retry_after))
    with scripted_server(once) as server:
        bench(server.base_url, tmp_path, sums(1))
        first, second = server.requests
    return second.received - first.received


def test_retry_after_in_seconds_is_waited_for(tmp_path):
    assert 1.0 <= wait_between_attempts(tmp_path, 1) < 2.5


def test_retry_after_as_a_date_is_waited_for(tmp_path):
    when = datetime.now(UTC) + timedelta(seconds=3)
    waited_at_least = wait_between_attempts(tmp_path, format_datetime(when, usegmt=True))
    assert 1.0 <= waited_at_least < 4.5  # a date has whole seconds


def test_a_pause_that_one_client_is_told_holds_for_all(tmp_path):
    def respond(request):
        return fault(429, retry_after=1) if len(server.requests) == 1 else adds(request)

    with scripted_server(respond) as server:
        bench(server.base_url, tmp_path, sums(12), limits=Limits(concurrency=2))
        told = server.requests[0].received
        quiet = [request for request in server.requests if told + 0.3 < request.received < told + 1.0]
    assert not quiet


def test_a_server_that_asks_for_a_very_long_pause_ends_the_run(tmp_path):
    with scripted_server(fault(429, retry_after=3600)) as server:
        began = time.monotonic()
        with pytest.raises(RunStopped, match="asks to be left alone for 3600 s"):
            bench(server.base_url, tmp_path, sums(5))
        assert len(server.requests) == 1 and time.monotonic() - began < 5


def test_a_run_that_is_stopped_ends_though_others_wait_for_their_turn(tmp_path):
    """One request a minute: the first is refused, and the other clients must not sit out their minutes."""
    with scripted_server(fault(401)) as server:
        began = time.monotonic()
        with pytest.raises(RunStopped):
            bench(server.base_url, tmp_path, sums(5), limits=Limits(concurrency=3, requests_per_minute=1))
        assert len(server.requests) == 1 and time.monotonic() - began < 20


def test_a_rate_is_kept_against_a_real_server(tmp_path):
    with scripted_server(adds) as server:
        bench(server.base_url, tmp_path, sums(6), limits=Limits(concurrency=6, requests_per_minute=600))
        times = sorted(request.received for request in server.requests)
    assert times[-1] - times[0] >= 0.3  # 0.5 s, less what the first one may be late on a busy machine


def test_tokens_reserved_and_not_used_are_given_back(tmp_path):
    """10,000 tokens may be written, and 10 are: at 60,000 a minute, nobody waits 10 s for the ones that were not."""
    with scripted_server(adds) as server:
        bench(server.base_url, tmp_path, sums(3), limits=Limits(tokens_per_minute=60_000), max_tokens=10_000)
        assert server.requests[-1].received - server.requests[0].received < 8


def test_a_folder_in_use_is_refused_before_anything_is_asked(tmp_path):
    with scripted_server(adds) as server:
        with locked(tmp_path, "--out"), pytest.raises(InUse, match="Another run"):
            bench(server.base_url, tmp_path, sums(1))
        assert not server.requests


def test_equal_answers_to_an_item_are_graded_once_and_every_one_has_its_grade(tmp_path, monkeypatch):
    from helpers import grading

    graded, grade = [], grading.grade
    monkeypatch.setattr(grading, "grade", lambda item, text: graded.append((item.id, text)) or grade(item, text))
    with scripted_server(adds) as server:
        bench(server.base_url, tmp_path, sums(3), models=["a", "b"], samples=2)
    grade_answers(tmp_path, sums(3))
    assert len(graded) == len(set(graded)) == 3
    assert [attempt.grade.outcome for attempt in read(tmp_path)] == ["correct"] * 12


def test_an_earlier_wording_of_an_item_is_neither_graded_again_nor_a_sample(tmp_path):
    items = sums(2)
    with scripted_server(adds) as server:
        bench(server.base_url, tmp_path, items)
        grade_answers(tmp_path, items)
        changed = [dataclasses.replace(items[0], messages=sums(1, first=5)[0].messages, reference="6"), items[1]]
        bench(server.base_url, tmp_path, changed)
    grade_answers(tmp_path, changed)
    assert len(read(tmp_path)) == 3 and len(current(read(tmp_path))) == 2
    (score,) = summarise(current(read(tmp_path)))
    assert (score.n, score.correct) == (2, 2)


def test_an_answer_is_graded_once_and_again_when_its_reference_changes(tmp_path):
    items = sums(3)
    with scripted_server(adds) as server:
        bench(server.base_url, tmp_path, items)
    assert grade_answers(tmp_path, items) == {}
    grades = (tmp_path / "grades.jsonl").read_bytes()
    grade_answers(tmp_path, items)
    assert (tmp_path / "grades.jsonl").read_bytes() == grades
    mended = [dataclasses.replace(items[0], reference="17"), *items[1:]]
    grade_answers(tmp_path, mended)
    assert summarise(read(tmp_path))[0].correct == 2
    assert len((tmp_path / "grades.jsonl").read_bytes()) > len(grades)


def test_code_is_not_run_unless_wanted_and_that_is_said(tmp_path):
    items = [dataclasses.replace(item, grader="code", reference=["assert True"]) for item in sums(2)]
    with scripted_server(answer("```python\nprint(1)\n```")) as server:
        bench(server.base_url, tmp_path, items)
    (reason,) = grade_answers(tmp_path, items).items()
    assert "--run-code" in reason[0] and reason[1] == 2
    (score,) = summarise(read(tmp_path))
    assert (score.n, score.ungraded, score.accuracy) == (0, 2, None)
    with allow():
        assert grade_answers(tmp_path, items) == {}
    assert summarise(read(tmp_path))[0].correct == 2


def test_pictures_are_sent_in_full_and_logged_by_nobody(tmp_path):
    """Items name their pictures and clips; the server sees pixels, and a log of thousands of lines stays small."""
    address = "world://scenes/heldout/0/3?side=64"
    picture = {"type": "image_url", "image_url": {"url": address}, "max_pixels": 4096}
    clip = {"type": "video", "video": "world://clips/heldout/0/3?side=32", "fps": 2}
    messages = [{"role": "user", "content": [picture, clip, {"type": "text", "text": "How many?"}]}]
    item = Item("p", "look", messages, "2", "number")
    with scripted_server(answer("2")) as server:
        bench(server.base_url, tmp_path, [item], models=["a", "b"])
        bench(server.base_url, tmp_path, [item], models=["a", "b"])
        assert len(server.requests) == 2  # the second run finds its answers
        sent_picture, sent_clip, text = server.requests[0].body["messages"][0]["content"]
    assert sent_picture == picture | {"image_url": {"url": to_data_url(world_pictures.resolve(address))}}
    assert len(sent_clip["video"]) >= 8 and all(url.startswith("data:image/png") for url in sent_clip["video"])
    assert text["text"] == "How many?" and item.messages[0]["content"][0]["image_url"]["url"] == address
    assert all("base64" not in path.read_text() for path in tmp_path.glob("*.jsonl"))
