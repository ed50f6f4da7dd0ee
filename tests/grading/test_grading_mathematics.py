"""math-verify behind its process: it knows mathematics, works from any thread, and no expression can hang it."""

import asyncio
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from helpers.errors import CourseError
from helpers.grading import mathematics
from helpers.grading.mathematics import equal, parse, to_number


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("0.5", r"\frac{1}{2}"),
        ("1/2", r"\dfrac12"),
        ("42", r"42 \text{ apples}"),
        ("42", "x = 42"),
        ("42", r"\$42"),
        ("1000", "1{,}000"),
        ("50", r"50\%"),
        (r"\sqrt{2}/2", r"\frac{1}{\sqrt{2}}"),
        ("(x+1)^2", "x^2+2x+1"),
    ],
)
def test_equal_expressions(reference, answer):
    assert equal(reference, answer)


@pytest.mark.parametrize(("reference", "answer"), [("1/3", "0.333"), ("2", r"\sqrt{5}"), ("42", "42 or 7"), ("1", "{")])
def test_different_ones(reference, answer):
    assert not equal(reference, answer)


def test_it_extracts():
    assert parse(r"So \boxed{\frac{1}{2}}") == r"\frac{1}{2}"
    assert parse("no number") is None


def test_plain_numbers_are_exact_and_need_no_process(monkeypatch):
    monkeypatch.setattr(mathematics, "_worker", None)
    assert equal("1/2", "0.5") and equal("1234.5", " $1,234.50 ") and not equal("1/3", "0.3333333333")
    assert to_number("1,2") is None and to_number("1/0") is None and to_number("1e9999") is None


def test_it_works_in_threads_and_in_async_code():
    pairs = [(str(n), rf"\frac{{{2 * n}}}{{2}}") for n in range(20)]
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda pair: equal(*pair), pairs))

    async def both():
        return await asyncio.gather(*(asyncio.to_thread(equal, *pair) for pair in pairs))

    assert all(asyncio.run(both()))


def test_what_sympy_would_compute_for_hours_is_no_answer_in_time(monkeypatch):
    equal("1/2", r"\frac{1}{2}")  # the process is up
    monkeypatch.setattr(mathematics, "TIMEOUT_S", 1.0)
    start = time.monotonic()
    outcome = []
    thread = threading.Thread(target=lambda: outcome.append(equal("3", "2^{10^{10}}")))
    thread.start()
    thread.join(30)
    assert outcome == [False]
    assert time.monotonic() - start < 30
    monkeypatch.undo()
    assert equal("1/2", r"\frac{1}{2}")  # the next question finds a new process


def test_a_process_that_died_is_replaced():
    assert parse("7") == "7"
    mathematics._worker.process.kill()
    mathematics._worker.process.wait()
    assert parse("8") == "8"


def test_an_interrupted_question_does_not_answer_the_next(monkeypatch):
    def interrupted(timeout_s):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(mathematics._worker, "_reply", interrupted)
        with pytest.raises(KeyboardInterrupt):
            parse("The answer is 7.")
    assert parse("The answer is 8.") == "8"


def test_without_the_library_it_says_what_to_install(monkeypatch):
    mathematics._worker.stop()
    monkeypatch.setattr(mathematics, "COMMAND", [sys.executable, "-c", "import no_such_library"])
    with pytest.raises(CourseError, match="no_such_library.*pip install"):
        parse("7")
