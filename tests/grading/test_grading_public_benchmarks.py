"""GSM8K, BBH and HumanEval in their own formats: small files of our own writing, and the real ones where there are any.

COURSE_SHARED_DATA names a folder with gsm8k_test_300.jsonl, bbh/*.json and HumanEval.jsonl.gz.
"""

import gzip
import json
import os
from pathlib import Path

import pytest

from helpers.errors import CourseError, UnknownName
from helpers.grading import allow, grade
from helpers.public_benchmarks import HUB, load_public
from helpers.tasks import Item, TaskError

GSM8K = [
    {"question": "A cup holds 3 pens. How many do 4?", "answer": "4 * 3 = <<4*3=12>>12 pens.\n#### 12"},
    {"question": "A mill grinds 1,000 kg a day. And in 30?", "answer": "30 * 1000 = 30000\n#### 30,000"},
    {"question": "It was 2 degrees, then 5 colder.", "answer": "2 - 5 = -3\n#### -3"},
]
CHOICE = {"input": "Which is a bird?\nOptions:\n(A) a wren\n(B) a newt", "target": "(A)"}
BBH = {
    "canary": "none: written for this test",
    "examples": [
        CHOICE,
        {"input": "not True or True is", "target": "True"},
        {"input": "Is water wet?", "target": "yes"},
        {"input": "Sort: pear apple", "target": "apple pear"},
        {"input": "((-3)) =", "target": "-3"},
        {"input": "Close: ( [", "target": "] )"},
    ],
}
HUMANEVAL = {
    "task_id": "Own/0",
    "prompt": 'import math\n\ndef area(r):\n    """Area of a circle."""\n',
    "entry_point": "area",
    "canonical_solution": "    return math.pi * r**2\n",
    "test": "METADATA = {}\n\ndef check(candidate):\n    assert abs(candidate(1) - 3.14159) < 1e-3\n",
}


def jsonl(path: Path, *rows: dict) -> Path:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def outcomes(items: list[Item], answer) -> list[str]:
    with allow():
        return [grade(item, answer(item)).outcome for item in items]


def test_gsm8k(tmp_path):
    items = load_public("gsm8k", jsonl(tmp_path / "test.jsonl", *GSM8K))
    assert [(item.id, item.reference) for item in items] == [
        ("gsm8k-0001", "12"),
        ("gsm8k-0002", "30000"),
        ("gsm8k-0003", "-3"),
    ]
    assert items[0].messages[0]["content"].startswith("A cup holds 3 pens. How many do 4?")
    assert outcomes(items, lambda item: item.meta["solution"] + f"\n#### {int(item.reference):,}") == ["correct"] * 3
    assert outcomes(items, lambda item: rf"\boxed{{{item.reference}1}}") == ["incorrect"] * 3


def test_bbh(tmp_path):
    path = tmp_path / "mixed.json"
    path.write_text(json.dumps(BBH))
    items = load_public("bbh/mixed", path)
    assert [(item.grader, item.reference) for item in items] == [
        ("choice", "A"),
        ("exact", "True"),
        ("exact", "yes"),
        ("exact", "apple pear"),
        ("number", "-3"),
        ("exact", "] )"),
    ]
    assert {item.task for item in items} == {"bbh/mixed"}
    targets = dict(zip([item.id for item in items], [row["target"] for row in BBH["examples"]]))
    assert outcomes(items, lambda item: f"Because of 1 thing.\nAnswer: {targets[item.id]}") == ["correct"] * 6
    wrong = iter(["(B)", "False", "no", "pear apple", "3", ") ]"])
    assert outcomes(items, lambda item: f"Answer: {next(wrong)}") == ["incorrect"] * 6


@pytest.mark.parametrize("name", ["HumanEval.jsonl", "HumanEval.jsonl.gz"])
def test_humaneval(tmp_path, name):
    (item,) = load_public("humaneval", jsonl(tmp_path / name, HUMANEVAL))
    assert item.id == "Own/0" and HUMANEVAL["prompt"] in item.messages[0]["content"]
    whole = f"Sure:\n```python\n{HUMANEVAL['prompt']}{HUMANEVAL['canonical_solution']}```"
    for answer in (HUMANEVAL["canonical_solution"], whole):
        assert outcomes([item], lambda _, answer=answer: answer) == ["correct"]
    assert outcomes([item], lambda _: "    pass\n") == ["incorrect"]


def test_the_same_items_come_from_the_hubs_parquet_file(tmp_path, monkeypatch):
    pyarrow = pytest.importorskip("pyarrow")
    # what the Hugging Face cache looks like after a download; nothing is asked of the network
    from huggingface_hub import constants
    from pyarrow import parquet

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(CourseError, match="path of the authors' file"):
        load_public("gsm8k")
    repo, revision, name = HUB["gsm8k"]
    file = tmp_path / f"datasets--{repo.replace('/', '--')}" / "snapshots" / revision / name
    file.parent.mkdir(parents=True)
    parquet.write_table(pyarrow.Table.from_pylist(GSM8K), file)
    assert load_public("gsm8k") == load_public("gsm8k", jsonl(tmp_path / "test.jsonl", *GSM8K))


def test_offline_and_not_downloaded_is_an_error_that_says_what_to_do(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(CourseError, match="Check the name 'bbh/web_of_lies' and the network"):
        load_public("bbh/web_of_lies")


@pytest.mark.parametrize("name", ["gsm9k", "bbh", "gsm8k/main", "humaneval/x"])
def test_an_unknown_benchmark(name):
    with pytest.raises(UnknownName, match="bbh/<task>"):
        load_public(name, "x.jsonl")


@pytest.mark.parametrize(
    ("benchmark", "name", "content", "says"),
    [
        ("gsm8k", "none.jsonl", None, "There is no file"),
        ("gsm8k", "x.jsonl", b"", "no rows"),
        ("gsm8k", "x.jsonl", b"{", "cannot be read"),
        ("gsm8k", "x.jsonl", b"\xff\xfe", "cannot be read"),
        ("gsm8k", "x.jsonl", b'{"question": "?", "answer": "#### 3"}\n{"question": "?"}', "row 2 .*'answer'"),
        ("gsm8k", "x.jsonl", b'{"question": "?", "answer": "three"}', "row 1 .*no number"),
        ("gsm8k", "x.jsonl", b"[1]", "row 1"),
        ("humaneval", "x.jsonl.gz", b"not gzip", "cannot be read"),
        ("humaneval", "x.jsonl.gz", gzip.compress(b"{}")[:-9], "cannot be read"),
        ("humaneval", "x.jsonl", b'{"task_id": "x"}', "row 1 .*'prompt'"),
        ("bbh/x", "x.json", b"[]", "cannot be read"),
        ("bbh/x", "x.json", b'{"examples": []}', "no rows"),
        ("bbh/x", "x.json", b'{"examples": [{"input": "?", "target": " "}]}', "row 1 .*empty"),
        ("bbh/x", "x.json", b'{"examples": [{"input": "?", "target": 3}]}', "row 1"),
    ],
)
def test_a_file_in_another_format_is_an_error_that_names_it(tmp_path, benchmark, name, content, says):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(TaskError, match=says) as caught:
        load_public(benchmark, tmp_path / name)
    assert name in str(caught.value)


# The real files

SHARED = os.environ.get("COURSE_SHARED_DATA")
real = pytest.mark.skipif(not SHARED, reason="COURSE_SHARED_DATA names no folder")


@real
def test_every_real_gsm8k_solution_is_correct():
    items = load_public("gsm8k", Path(SHARED) / "gsm8k_test_300.jsonl")
    assert len(items) == 300
    assert set(outcomes(items, lambda item: f"{item.meta['solution']}\n#### {item.reference}")) == {"correct"}
    assert set(outcomes(items, lambda item: f"The answer is {item.reference}1.")) == {"incorrect"}


@real
def test_every_real_bbh_target_is_correct():
    for path in sorted((Path(SHARED) / "bbh").glob("*.json")):
        items = load_public(f"bbh/{path.stem}", path)
        assert len(items) >= 187
        assert set(outcomes(items, lambda item: f"So. Answer: {item.reference}")) == {"correct"}


@real
def test_every_real_humaneval_solution_passes_and_an_empty_body_does_not():
    items = load_public("humaneval", Path(SHARED) / "HumanEval.jsonl.gz")
    assert len(items) == 164
    assert set(outcomes(items, lambda item: item.meta["solution"])) == {"correct"}
    assert set(outcomes(items, lambda item: "    pass\n")) == {"incorrect"}
