"""The English question set: well-formed, varied, and no reference that was not computed, run or checked."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import fields
from itertools import combinations

import pytest
from benchmark import commonsense_en, logic_en, mathematics_en

from helpers.grading import grade
from helpers.profiles import root
from helpers.tasks import Item, load_items

FOLDER = root() / "data" / "benchmark"
PREFIX = {"mathematics": "math", "logic": "logic", "commonsense": "commonsense", "code": "code", "writing": "writing"}
ITEMS = {task: load_items(FOLDER / f"{task}_en.jsonl") for task in PREFIX}
BY_ID = {item.id: item for items in ITEMS.values() for item in items}
COMPUTED = {**mathematics_en.answers, **logic_en.answers, **commonsense_en.answers}
NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
#: The last line of a prompt, for each grader: how to answer.
INSTRUCTION = {
    "number": r"Give .* in \\boxed\{\}\.",
    "choice": r"Answer with one letter, A, B, C or D\.",
    "exact": r"Give .* alone on the last line\.",
    "code": r"Reply with one Python code block .*\.",
    "constraints": r"Reply with .* only.*\.",
}


def prompt(item: Item) -> str:
    (message,) = item.messages
    assert message["role"] == "user"
    return message["content"]


def with_grader(*graders: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("item", [pytest.param(i, id=i.id) for i in BY_ID.values() if i.grader in graders])


@pytest.mark.parametrize("task", PREFIX)
def test_a_set_has_forty_items_numbered_in_order(task):
    items = ITEMS[task]
    assert len(items) >= 40
    assert [item.id for item in items] == [f"{PREFIX[task]}-en-{n:03d}" for n in range(1, len(items) + 1)]
    assert all((item.task, item.language) == (task, "en") for item in items)


@pytest.mark.parametrize("task", PREFIX)
def test_a_third_is_easy_a_third_is_hard(task):
    count = Counter(item.difficulty for item in ITEMS[task])
    assert set(count) == {1, 2, 3}
    assert all(0.28 <= n / len(ITEMS[task]) <= 0.39 for n in count.values())


@pytest.mark.parametrize("task", PREFIX)
def test_lines_hold_the_fields_in_the_order_of_the_class(task):
    lines = (FOLDER / f"{task}_en.jsonl").read_text(encoding="utf-8").splitlines()
    assert all(list(json.loads(line)) == [field.name for field in fields(Item)] for line in lines)


@pytest.mark.parametrize("item", BY_ID.values(), ids=BY_ID)
def test_a_prompt_ends_by_saying_how_to_answer(item):
    question, _, last_line = prompt(item).rpartition("\n")
    assert re.fullmatch(INSTRUCTION[item.grader], last_line)
    assert len(question.split()) >= 12 and "  " not in question


def test_every_item_says_where_it_comes_from():
    for item in BY_ID.values():
        own = item.source == "written for this course"
        assert own if item.task != "commonsense" else item.source == "follows from the text" or "“" in item.source


def test_no_two_prompts_are_alike():
    """Runs of five words, without the last line, shared by two prompts, as a share of those in either."""

    def runs(item):
        words = re.findall(r"\w+", prompt(item).rpartition("\n")[0].casefold())
        return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}

    seen = {item.id: runs(item) for item in BY_ID.values()}
    alike = {(a, b): len(seen[a] & seen[b]) / len(seen[a] | seen[b]) for a, b in combinations(seen, 2)}
    nearest = max(alike, key=alike.get)
    assert alike[nearest] < 0.15, nearest


def test_the_readme_names_every_file_and_the_licence():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"`{task}" in text for task in PREFIX) and "`_en.jsonl`" in text
    assert "CC BY 4.0" in text and "creativecommons.org/licenses/by/4.0" in text


# Numbers, letters and words


def test_every_mathematics_and_logic_item_and_every_number_is_computed():
    due = {i.id for i in BY_ID.values() if i.task in ("mathematics", "logic") or i.grader == "number"}
    assert due <= COMPUTED.keys() <= BY_ID.keys()


@pytest.mark.parametrize("item_id", COMPUTED)
def test_the_reference_is_what_the_computation_gives(item_id):
    item, answer = BY_ID[item_id], COMPUTED[item_id]()
    text = f"{answer:g}" if isinstance(answer, float) else str(answer)
    assert grade(item, text).outcome == "correct", f"computed {text}, reference {item.reference}"


@with_grader("number", "exact")
def test_the_grader_takes_the_reference_and_nothing_near_it(item):
    assert grade(item, f"Let me think about 12 things.\n\n**{item.reference}**").outcome == "correct"
    assert grade(item, rf"So we get \boxed{{{item.reference}}}.").outcome == "correct"
    assert grade(item, rf"So we get \boxed{{{item.reference}1}}.").outcome == "incorrect"


@with_grader("choice")
def test_the_grader_takes_one_of_four_different_options(item):
    options = re.findall(r"^([A-D])\) (.+)$", prompt(item), re.MULTILINE)
    assert [letter for letter, _ in options] == list("ABCD") and len({text for _, text in options}) == 4
    assert [a for a in "ABCD" if grade(item, f"The answer is {a}.").outcome == "correct"] == [item.reference]


@pytest.mark.parametrize("task", ["logic", "commonsense"])
def test_no_letter_is_right_more_often_than_another(task):
    letters = Counter(item.reference for item in ITEMS[task] if item.grader == "choice")
    assert set(letters) == set("ABCD") and max(letters.values()) - min(letters.values()) <= 1


# Programs


def run(program: str, tests: list[str]) -> subprocess.CompletedProcess[str]:
    """Run one of the set's own programs. What a model writes never comes here: it runs in the sandbox."""
    source = "\n".join([program, *tests])
    return subprocess.run(
        [sys.executable, "-I", "-X", "utf8", "-"], input=source, capture_output=True, encoding="utf-8", timeout=60
    )


@with_grader("code")
def test_the_solution_passes(item):
    assert (done := run(item.meta["solution"], item.reference)).returncode == 0, done.stderr


@with_grader("code")
def test_every_wrong_solution_fails_an_assertion(item):
    assert item.meta["wrong"]
    for program in item.meta["wrong"]:
        done = run(program, item.reference)
        assert done.returncode == 1 and "AssertionError" in done.stderr, program + done.stderr


@with_grader("code")
def test_a_prompt_names_the_function_and_its_tests_call_it(item):
    name = item.meta["entry_point"]
    assert f"Python function `{name}(" in prompt(item) and f"def {name}(" in item.meta["solution"]
    assert sum(f"assert {name}(" in test for test in item.reference) >= 5


@with_grader("code")
def test_every_example_in_a_prompt_is_true(item):
    """Examples are written as a call in backticks, "is", and a value in backticks."""
    examples = re.findall(rf"`({item.meta['entry_point']}\([^`]*\))` is `([^`]+)`", prompt(item))
    done = run(item.meta["solution"], [f"assert {call} == {value}, {call}" for call, value in examples])
    assert done.returncode == 0, done.stderr


# Writing


@with_grader("constraints")
def test_the_sample_meets_every_constraint(item):
    assert grade(item, item.meta["sample"]).outcome == "correct"


@with_grader("constraints")
def test_the_near_miss_breaks_exactly_one(item):
    n = len(item.reference)
    assert grade(item, item.meta["near_miss"]).score == pytest.approx((n - 1) / n)


@with_grader("constraints")
def test_a_prompt_states_every_constraint(item):
    text = prompt(item).casefold()
    letters = re.sub(r"\W", "", text)
    for constraint in item.reference:
        match constraint:
            case {"n": n}:
                assert str(n) in text or NUMBERS[n] in text
            case {"words": words}:
                assert all(word.casefold() in text for word in words)
            case {"word": word} | {"ending": word}:
                assert re.sub(r"\W", "", word.casefold()) in letters


def test_no_two_writing_items_ask_for_the_same_form():
    forms = Counter(json.dumps(item.reference, sort_keys=True) for item in ITEMS["writing"])
    assert max(forms.values()) == 1
