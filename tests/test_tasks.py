"""Items and their files: what goes in comes out, and what is wrong is named with file and line."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.tasks import GRADERS, Item, TaskError, load_items

ITEM = {
    "id": "math-en-001",
    "task": "mathematics",
    "messages": [{"role": "user", "content": "What is 2 + 2?"}],
    "reference": "4",
    "grader": "number",
}


def write(path, *lines: str):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def line(**changes) -> str:
    return json.dumps(ITEM | changes, ensure_ascii=False)


TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@settings(deadline=None)
@given(
    st.builds(
        Item,
        id=TEXT.filter(str.strip),
        task=TEXT.filter(str.strip),
        messages=st.lists(
            st.fixed_dictionaries(
                {"role": st.sampled_from(["system", "user", "assistant"]), "content": TEXT.filter(bool)}
            ),
            min_size=1,
        ),
        reference=st.recursive(st.none() | st.integers() | TEXT, lambda inner: st.lists(inner), max_leaves=4),
        grader=st.sampled_from(GRADERS),
        difficulty=st.integers(0, 9),
        language=st.sampled_from(["en", "zh"]),
        source=TEXT,
        meta=st.dictionaries(TEXT, TEXT | st.integers()),
    )
)
def test_an_item_survives_its_line_of_json(item):
    assert "\n" not in item.to_json()
    assert Item.from_json(item.to_json()) == item


def test_a_file_is_read_in_order_with_blank_lines_a_byte_order_mark_and_odd_separators(tmp_path):
    odd = line(id="zh-1", messages=[{"role": "user", "content": "一\u2028二"}])
    path = write(tmp_path / "items.jsonl", "\ufeff" + line(), "", odd, line(task="logic") + "\r")
    assert [(item.task, item.id) for item in load_items(path)] == [
        ("mathematics", "math-en-001"),
        ("mathematics", "zh-1"),
        ("logic", "math-en-001"),  # ids are unique within a task
    ]


def test_a_message_may_hold_parts():
    parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": "data:image/png,"}}]
    item = Item.from_json(line(messages=[{"role": "user", "content": parts}]))
    assert item.messages[0]["content"] == parts


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("{", "not JSON"),
        ("[1]", "JSON object"),
        (line(answer="4", hint=""), "Unknown key 'answer', 'hint'"),
        (json.dumps({"id": "a", "task": "b"}), "Missing key 'messages', 'reference', 'grader'"),
        (line(id=" "), "`id`"),
        (line(task=3), "`task`"),
        (line(messages=[{"role": "user", "content": ["hello"]}]), "`messages`"),
        (line(messages=[{"role": "user", "content": [{"type": "text"}]}]), "`messages`"),
        (line(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]), "`messages`"),
        (line(grader="numbers"), "grader 'numbers'"),
        (line(grader=["number"]), "grader"),
        (line(language="fr"), "`language`"),
        (line(difficulty=True), "`difficulty`"),
        (line(difficulty="hard"), "`difficulty`"),
        (line(meta=[]), "`meta`"),
        (line(messages=[]), "`messages`"),
        (line(messages="hello"), "`messages`"),
        (line(messages=[{"role": "tool", "content": "x"}]), "`messages`"),
        (line(messages=[{"role": "user", "content": ""}]), "`messages`"),
        (line(messages=[{"role": ["user"], "content": "x"}]), "`messages`"),
    ],
)
def test_a_bad_line_is_named_with_its_file_and_number(tmp_path, bad, says):
    path = write(tmp_path / "items.jsonl", line(), "", bad)
    with pytest.raises(TaskError) as caught:
        load_items(path)
    assert says in str(caught.value)
    assert "items.jsonl, line 3" in str(caught.value)


def test_an_id_twice_in_a_task_is_an_error(tmp_path):
    path = write(tmp_path / "items.jsonl", line(), line(task="logic"), line())
    with pytest.raises(TaskError, match=r"line 3: .*'math-en-001', in line 1"):
        load_items(path)


def test_a_missing_an_empty_and_a_binary_file_are_errors_that_name_it(tmp_path):
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\xfe\x00")
    write(tmp_path / "empty.jsonl", "", "  ")
    for name, says in [("none", "does not exist"), ("binary", "UTF-8"), ("empty", "is empty"), ("", "cannot be read")]:
        with pytest.raises(TaskError, match=says):
            load_items(tmp_path / f"{name}.jsonl" if name else tmp_path)
