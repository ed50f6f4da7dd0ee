"""What is kept of a log in a repository: everything that scores and times need, in few bytes, the same each time."""

from __future__ import annotations

import gzip

import pytest
from benching import attempt
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.bench import LogError, Settings, compare, latency, read_archive, summarise, write_archive

TEXT = st.text(st.characters(exclude_categories=[]))  # lone surrogates and control characters included


def attempts() -> list:
    """Answers, a model outcome, a failure; thinking and direct."""
    numbers = {"prompt_tokens": 50, "reasoning_tokens": 40, "answer_tokens": 5, "tokens_from": "usage"}
    said = {"answer": "The answer is 7.", "reasoning": "3 + 4 = 7", "ttft": 0.1, "ttft_answer": 0.3, "tpot": 0.01}
    return [
        *(attempt(i < 5, i, think, e2e=1.0 + i / 3, settings=Settings(think=think == "a"), **numbers, **said)
          for i in range(8) for think in "ab"),
        attempt(None, 8, "a", outcome="truncated", e2e=3.0, **numbers),
        attempt(None, 9, "a", outcome="rate_limited", error="HTTP 429: slowly", status=429, retry_after=2.0),
    ]  # fmt: skip


def test_scores_tests_and_times_come_out_as_from_the_log(tmp_path):
    path = tmp_path / "new" / "run.jsonl.gz"
    write_archive(path, attempts())
    kept = read_archive(path)
    assert summarise(kept) == summarise(attempts())
    assert compare(kept) == compare(attempts())
    for before, after in zip(latency(attempts()), latency(kept), strict=True):
        assert after.times["e2e"] == pytest.approx(before.times["e2e"], abs=1e-5)
    assert not any(a.reply.answer or a.reply.reasoning for a in kept)
    assert kept[-1] == attempts()[-1]  # of a failure there is nothing to leave out
    assert list(path.parent.iterdir()) == [path]


def test_the_same_attempts_make_the_same_bytes(tmp_path):
    for name in "ab":
        write_archive(tmp_path / name, attempts())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@settings(deadline=None, max_examples=50)
@given(item=TEXT, extracted=TEXT, error=TEXT)
def test_any_text_survives(tmp_path_factory, item, extracted, error):
    path = tmp_path_factory.mktemp("run") / "x.jsonl.gz"
    both = [attempt(item=item, extracted=extracted), attempt(None, item, outcome="timeout", error=error)]
    write_archive(path, both)
    assert read_archive(path) == both


def test_an_answer_costs_few_bytes(tmp_path):
    many = [a for _ in range(50) for a in attempts()]
    write_archive(tmp_path / "x", many)
    assert (tmp_path / "x").stat().st_size < 40 * len(many)


OTHERS = (
    b"no gzip", *map(gzip.compress, (b"no json", b"[1]", b'{"task": "x"}')), gzip.compress(b"{}")[:-9],
    gzip.compress(b"x" * 99)[:12] + b"\xff" * 30,
)  # fmt: skip


@pytest.mark.parametrize("data", OTHERS)
def test_another_file_is_named(tmp_path, data):
    (tmp_path / "x.jsonl.gz").write_bytes(data)
    with pytest.raises(LogError, match=r"x\.jsonl\.gz is not what"):
        read_archive(tmp_path / "x.jsonl.gz")


def test_nothing_recorded_is_said(tmp_path):
    with pytest.raises(LogError, match="nothing has been recorded"):
        read_archive(tmp_path / "x.jsonl.gz")
