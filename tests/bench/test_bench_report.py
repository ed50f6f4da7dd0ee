"""The report: one file, whole, harmless whatever a model said, and readable without seeing."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from benching import attempt, sums
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.bench import Settings, write_report
from helpers.bench.log import GRADES, LOG, RUNS, JsonLines, grade_line

HOSTILE = "</pre></details><script>alert(1)</script><img src='http://evil.example/x' onerror=alert(1)>\"'&amp;"
TAGS = {
    "html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "div", "table", "caption", "tr", "th", "td",
    "details", "summary", "small", "pre", "ul", "li", "em", "code", "svg", "g", "line", "circle", "text", "polyline",
    "figure", "figcaption",
}  # fmt: skip


class Page(HTMLParser):
    """What is on a page: tags, attributes, texts; and whether every tag is closed in turn."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags, self.attributes, self.text, self.open = set(), [], "", []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def report(folder, *attempts, items=()) -> Page:
    with JsonLines(folder / LOG) as log, JsonLines(folder / GRADES) as grades:
        for one in attempts:
            log.write(one.line)
            if one.grade:
                grades.write(grade_line(one.key, one.grade, ""))
    return Page(write_report(folder, items).read_text(encoding="utf-8"))


def test_whatever_was_said_stays_text_and_nothing_is_asked_of_anybody(tmp_path):
    run = {"run": HOSTILE, "command": HOSTILE, "host": HOSTILE, "clients": 1, "requests": 1, "answered": 0}
    with JsonLines(tmp_path / RUNS) as runs:
        runs.write(run | {"device": HOSTILE, "versions": {HOSTILE: HOSTILE}})
    said = dict(answer=HOSTILE, reasoning=HOSTILE, error=HOSTILE, e2e=1.0, ttft=0.5)
    page = report(
        tmp_path,
        attempt(False, HOSTILE, HOSTILE, task=HOSTILE, extracted=HOSTILE, **said),
        attempt(True, HOSTILE, "b", task=HOSTILE, settings=Settings(host=HOSTILE), **said),
        attempt(False, HOSTILE, HOSTILE, task=HOSTILE, sample=1, extracted=HOSTILE, **said),
    )
    assert page.tags <= TAGS and not page.open
    assert not [a for a in page.attributes if a[1].startswith("on") or a[1] in ("src", "href", "srcset", "action")]
    addresses = [name for _, name, value in page.attributes if "://" in (value or "")]
    assert set(addresses) <= {"xmlns", "aria-label"}
    policy = [value for _, name, value in page.attributes if name == "content" and "default-src" in value]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]
    assert page.text.count(HOSTILE) > 10


@settings(deadline=None, max_examples=50)  # a disk may be slow
@given(st.text(), st.text(min_size=1))
def test_any_text_makes_a_whole_page(tmp_path_factory, answer, name):
    page = report(tmp_path_factory.mktemp("run"), attempt(False, name, name, task=name, answer=answer))
    assert page.tags <= TAGS and not page.open


def test_figures_say_what_they_show(tmp_path):
    page = report(tmp_path, *(attempt(i < 7, i, e2e=float(i + 1)) for i in range(10)))
    labels = [value for tag, name, value in page.attributes if tag == "svg" and name == "aria-label"]
    assert len(labels) == 2 == page.attributes.count(("svg", "role", "img"))
    assert "sums: adder 0.700 [0.397, 0.892]" in labels[0]
    assert "latency, 1 client" in labels[1] and "5.500 s" in labels[1]


def test_what_a_reader_finds(tmp_path):
    """Failures beside the accuracy, latency under its own name, wrong answers with their questions."""
    attempts = [attempt(i != 3, i, answer=f"said {i}", e2e=1.0, clients=1 + 3 * (i % 2)) for i in range(8)]
    page = report(tmp_path, *attempts, attempt(item=9, outcome="timeout"), items=sums(0))
    for text in "timeout 1", "Latency, 1 client", "Times under load, 4 clients; not latency", "incorrect 1", "said 3":
        assert text in page.text
    assert "said 4" not in page.text and "mean score" not in page.text.partition("How to read")[0]
    assert "Several samples" not in page.text and "Paired tests" not in page.text


def test_a_question_and_its_reference_stand_beside_a_wrong_answer(tmp_path):
    (item,) = sums(1)
    page = report(tmp_path, attempt(False, item.id, answer="five"), items=[item])
    assert "user: What is 0 + 1?" in page.text and "Reference1" in page.text and "five" in page.text


@pytest.mark.parametrize("attempts", [[], [attempt(outcome="timeout")], [attempt(None)]])
def test_a_run_without_results_has_a_report_too(tmp_path, attempts):
    assert "Benchmark report" in report(tmp_path, *attempts).text


def test_a_mean_score_stands_beside_the_accuracy_where_graders_give_parts_of_a_point(tmp_path):
    page = report(tmp_path, *(attempt(i == 9, i, score=i / 9) for i in range(10)))
    assert "mean score" in page.text and "0.500 [0." in page.text and "0.100 [0." in page.text


def test_samples_and_pairs_have_tables_of_their_own(tmp_path):
    several = [attempt(bool((i + s) % 2), i, m, s) for i in range(4) for s in range(2) for m in ("s", "l")]
    text = report(tmp_path, *several).text
    assert "pass@k" in text and "McNemar" in text
