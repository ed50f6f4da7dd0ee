"""The Chinese question set: well-formed, varied, and every reference earned by a computation, a run or a check."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import fields
from itertools import combinations

import pytest
from benchmark import logic_zh, mathematics_zh

from helpers.grading import grade
from helpers.profiles import root
from helpers.tasks import Item, load_items

PREFIXES = {"mathematics": "math", "logic": "logic", "commonsense": "commonsense", "code": "code", "writing": "writing"}
FILES = {task: root() / "data" / "benchmark" / f"{task}_zh.jsonl" for task in PREFIXES}
ITEMS = {task: load_items(path) for task, path in FILES.items()}
EVERY = [item for items in ITEMS.values() for item in items]
COMPUTED = {**mathematics_zh.answers, **logic_zh.answers}
HAN = re.compile(r"[\u4e00-\u9fff]")
#: What a prompt says about the form of the answer, for each grader.
FORMAT = {
    "number": r"\\boxed\{\}",
    "choice": r"\nA\. .+\nB\. .+\nC\. .+\nD\. .+\n.*字母",
    "exact": r"\n只回答",
    "code": r"函数 `(\w+)\(.*```python",
    "constraints": r"正文",
}


def prompt(item: Item) -> str:
    (message,) = item.messages
    assert message["role"] == "user"
    return message["content"]


def of(grader: str, *tasks: str) -> list:
    """The items with a grader, as parameters named by their ids."""
    return [pytest.param(i, id=i.id) for i in EVERY if i.grader == grader and i.task in (tasks or PREFIXES)]


@pytest.mark.parametrize("task", PREFIXES)
def test_a_file_has_forty_items_with_ids_of_their_own(task):
    items = ITEMS[task]
    assert len(items) >= 40
    assert [item.id for item in items] == [f"{PREFIXES[task]}-zh-{n:03d}" for n in range(1, len(items) + 1)]
    assert all((item.task, item.language) == (task, "zh") for item in items)


@pytest.mark.parametrize("task", PREFIXES)
def test_the_keys_stand_in_the_order_of_the_dataclass(task):
    for line in FILES[task].read_text(encoding="utf-8").splitlines():
        assert list(json.loads(line)) == [f.name for f in fields(Item)]


@pytest.mark.parametrize("task", PREFIXES)
def test_about_a_third_is_easy_and_a_third_is_hard(task):
    shares = Counter(item.difficulty for item in ITEMS[task])
    assert set(shares) == {1, 2, 3}
    assert all(0.28 <= n / len(ITEMS[task]) <= 0.39 for n in shares.values())


@pytest.mark.parametrize("task", PREFIXES)
def test_every_item_says_where_it_comes_from(task):
    own = task != "commonsense"
    assert all(item.source == "written for this course" if own else HAN.search(item.source) for item in ITEMS[task])


@pytest.mark.parametrize("item", EVERY, ids=lambda item: item.id)
def test_a_prompt_is_chinese_and_says_how_to_answer(item):
    assert len(HAN.findall(prompt(item))) >= 30
    assert re.search(FORMAT[item.grader], prompt(item), re.DOTALL)


@pytest.mark.parametrize("task", ["logic", "commonsense"])
def test_the_right_letters_are_balanced(task):
    letters = Counter(item.reference for item in ITEMS[task] if item.grader == "choice")
    assert set(letters) == set("ABCD") and max(letters.values()) - min(letters.values()) <= 2


def test_no_two_prompts_are_alike():
    """Pieces of five characters; what a file says about the form of answers, the last line, does not count."""

    def pieces(item):
        body = "".join(prompt(item).rpartition("\n")[0].split())
        return {body[i : i + 5] for i in range(len(body) - 4)}

    seen = {item.id: pieces(item) for item in EVERY}
    alike = {(a, b): len(seen[a] & seen[b]) / len(seen[a] | seen[b]) for a, b in combinations(seen, 2)}
    pair = max(alike, key=alike.get)
    assert alike[pair] < 0.25, pair


def test_every_mathematics_and_logic_item_is_computed():
    assert COMPUTED.keys() == {item.id for task in ("mathematics", "logic") for item in ITEMS[task]}


@pytest.mark.parametrize("item_id", COMPUTED)
def test_the_reference_is_what_the_computation_gives(item_id):
    (item,) = (item for item in EVERY if item.id == item_id)
    right = item.reference if isinstance(item.reference, list) else [item.reference]
    assert str(COMPUTED[item_id]()) == right[0]


@pytest.mark.parametrize("item", of("number") + of("exact"))
def test_the_grader_takes_the_reference_and_no_other(item):
    right = item.reference if isinstance(item.reference, list) else [item.reference]
    for text in right:
        assert grade(item, f"由此可得 \\boxed{{{text}}}。").outcome == "correct"
    wrong = f"{right[0]}1" if item.grader == "number" else f"不是{right[0]}"
    assert grade(item, f"由此可得 \\boxed{{{wrong}}}。").outcome == "incorrect"


@pytest.mark.parametrize("item", of("choice"))
def test_the_grader_takes_the_right_letter_and_no_other(item):
    correct = [letter for letter in "ABCD" if grade(item, f"经过分析，答案是 {letter}。").outcome == "correct"]
    assert correct == [item.reference]
    options = re.findall(r"^[A-D]\. (.+)$", prompt(item), re.MULTILINE)
    assert len(options) == len(set(options)) == 4


def run_program(program: str, item: Item) -> subprocess.CompletedProcess:
    """The project's own programs, in an isolated interpreter: what a model writes runs in the sandbox only."""
    source = "\n".join([program, *item.reference])
    return subprocess.run(
        [sys.executable, "-I", "-X", "utf8", "-"], input=source.encode(), capture_output=True, timeout=60
    )


@pytest.mark.parametrize("item", of("code"))
def test_the_solution_passes_and_wrong_solutions_fail(item):
    run = run_program(item.meta["solution"], item)
    assert run.returncode == 0, run.stderr.decode()
    assert item.meta["wrong"]
    for program in item.meta["wrong"]:
        run = run_program(program, item)
        error = run.stderr.decode()
        assert run.returncode == 1 and "AssertionError" in error, f"passes, or fails for another reason: {error}"


@pytest.mark.parametrize("item", of("code"))
def test_a_prompt_names_the_function_that_is_tested(item):
    name = item.meta["entry_point"]
    assert re.search(FORMAT["code"], prompt(item), re.DOTALL)[1] == name
    assert f"def {name}(" in item.meta["solution"] and all(f"def {name}(" in wrong for wrong in item.meta["wrong"])
    assert sum(f"{name}(" in test for test in item.reference) >= 5


@pytest.mark.parametrize("item", of("constraints"))
def test_the_sample_meets_every_constraint_and_the_near_miss_all_but_one(item):
    assert grade(item, item.meta["sample"]).outcome == "correct"
    n = len(item.reference)
    assert grade(item, item.meta["near_miss"]).score == pytest.approx((n - 1) / n)


def test_no_two_writing_items_share_their_constraints():
    forms = Counter(json.dumps(item.reference, ensure_ascii=False) for item in ITEMS["writing"])
    assert max(forms.values()) == 1
