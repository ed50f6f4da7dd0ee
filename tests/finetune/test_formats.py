"""Formats for fine-tuning: what is written is read again, what is wrong is reported, nothing outside is opened.

COURSE_SHARED_DATA names a folder with MedTrinity-test.json and AffectNet-train.json, the original project's own files.
"""

import dataclasses
import io
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from helpers.errors import CourseError, UnknownName
from helpers.finetune.formats import (
    ALPACA,
    EMOTIONS,
    MESSAGES,
    SHAREGPT,
    AffectNet,
    Example,
    FormatError,
    Layout,
    MedTrinity,
    Report,
    emotion,
    export,
    read,
    read_affectnet,
    read_dataset,
    reading,
    stream,
    to_conversation,
    write,
    write_affectnet,
    write_medtrinity,
)

LAYOUTS = {"alpaca": ALPACA, "sharegpt": SHAREGPT, "messages": MESSAGES}


def picture(path: Path, colour="grey", size=(8, 8)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


def save(path: Path, data: object) -> Path:
    """A list as JSON, text as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)).encode())
    return path


def said(question="<image>What?", answer="A dot.") -> list[dict]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def alpaca(**changes) -> dict:
    return {"instruction": "Why?", "output": "So."} | changes


# Examples


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"messages": []}, "take turns"),
        ({"messages": "Hi"}, "not a list of roles"),
        ({"messages": said()[:1]}, "assistant is not last: user"),
        ({"messages": said()[::-1]}, "take turns"),
        ({"messages": [{"role": "system", "content": ""}, *said()]}, "system message is empty"),
        ({"messages": [{"role": "tool", "content": "1"}, *said()]}, "not a list of roles"),
        ({"messages": said(), "images": []}, "1 <image>, 0 files"),
        ({"messages": said(), "audios": ["a.wav"]}, "0 <audio>, 1 files"),
        ({"messages": said(), "images": [""]}, "not a list of paths"),
        ({"messages": said("<image><video>")}, "videos are not read"),
        ({"messages": said("Draw.", "Here: <image>")}, "a reply has a picture"),
    ],
)
def test_what_cannot_be_trained_on_is_no_example(changes, says):
    with pytest.raises(FormatError, match=says):
        Example(**({"images": ["1.png"]} | changes))


def test_a_conversation_has_its_files_where_the_placeholders_stood():
    example = Example(
        messages=[
            {"role": "system", "content": "Be brief."},
            *said("<image>\nAnd <image>? <audio>", ""),
            *said("Sure?", "Yes."),
        ],
        images=["a.png", "b.png"],
        audios=["c.wav"],
    )
    assert to_conversation(example)[:3] == [
        {"role": "system", "content": [{"type": "text", "text": "Be brief."}]},
        {
            "role": "user",
            "content": [
                {"type": "image"},
                {"type": "text", "text": "\nAnd "},
                {"type": "image"},
                {"type": "text", "text": "? "},
                {"type": "audio"},
            ],
        },
        {"role": "assistant", "content": [{"type": "text", "text": ""}]},
    ]


# Writing, and reading again

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAME = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\:"), min_size=1, max_size=12)
CONTENT = st.lists(TEXT | st.sampled_from(["<image>", "<audio>"]), max_size=4).map("".join)
CONTENT = CONTENT.filter(lambda content: "<video>" not in content)  # hypothesis finds it in the source and tries it
REPLY = TEXT.filter(lambda content: not any(mark in content for mark in ("<image>", "<audio>", "<video>")))
JSON = st.recursive(st.none() | st.booleans() | st.integers() | TEXT, st.lists, max_leaves=3)


@st.composite
def written(draw) -> Example:
    system = draw(st.none() | TEXT.filter(bool))
    turns = draw(st.lists(st.tuples(CONTENT, REPLY), min_size=1, max_size=3))
    messages = [{"role": "system", "content": system}] if system else []
    messages += [message for turn in turns for message in said(*turn)]
    needed = [sum(m["content"].count(placeholder) for m in messages) for placeholder in ("<image>", "<audio>")]
    files = [[f"{draw(NAME)}/{draw(NAME)}.png" for _ in range(n)] for n in needed]
    name = st.none() | TEXT
    meta = draw(st.dictionaries(TEXT, JSON, max_size=2))
    return Example(messages, *files, draw(name), draw(name), draw(TEXT), meta)


@pytest.mark.parametrize("ending", [".json", ".jsonl"])
@pytest.mark.parametrize("name", LAYOUTS)
@settings(deadline=None, max_examples=25)
@given(examples=st.lists(written(), min_size=1, max_size=4))
def test_what_is_written_is_read_again(name, ending, examples):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"data{ending}"
        write(examples, path, LAYOUTS[name])
        again, report = read(path, LAYOUTS[name])
        assert again == examples
        assert report.kept == report.read == len(examples)
        assert read_dataset(folder, "data")[0] == examples


def test_an_entry_names_only_the_columns_that_are_needed(tmp_path):
    plain = Example(said("Hi"))
    file = picture(tmp_path / "pictures" / "a b.png")
    rich = Example([{"role": "system", "content": "S"}, *said("Hi"), *said()], [str(file)], group="p1")
    assert write([plain], tmp_path / "a.json", ALPACA) == {
        "file_name": "a.json",
        "formatting": "alpaca",
        "columns": {"prompt": "instruction", "response": "output"},
    }
    assert json.loads((tmp_path / "a.json").read_text()) == [{"instruction": "Hi", "output": "A dot.", "source": ""}]
    entry = write([plain, rich], tmp_path / "b.json", MESSAGES, name="both")
    assert entry["columns"] == {"messages": "messages", "images": "images"}
    assert entry["tags"]["user_tag"] == "user"
    rows = json.loads((tmp_path / "b.json").read_text())
    assert [row["images"] for row in rows] == [[], ["pictures/a b.png"]]
    assert [row["group"] for row in rows] == [None, "p1"]
    assert json.loads((tmp_path / "dataset_info.json").read_text()).keys() == {"a", "both"}


def test_paths_are_relative_to_the_root_and_found_from_it(tmp_path):
    root = tmp_path / "pictures"
    example = Example(said(), [str(picture(root / "deep" / "a.png"))], source="s")
    path = tmp_path / "train" / "a.jsonl"
    write([example], path, ALPACA, root=root)
    assert json.loads(path.read_text())["images"] == ["deep/a.png"]
    assert read(path, ALPACA, roots=[root])[0] == [example]
    assert read_dataset(tmp_path / "train", "a", media_dir=root)[0] == [example]
    with pytest.raises(FormatError, match="not inside"):
        write([example], tmp_path / "train" / "b.json")


@pytest.mark.parametrize(
    ("layout", "says"),
    [
        (Layout("alpaca", {"prompt": "q", "response": "a"}), "no column for images"),
        (Layout("sharegpt", {"messages": "m"}, {"role_tag": "r", "content_tag": "c"}), "no 'user_tag'"),
    ],
)
def test_a_layout_that_would_lose_something_is_refused(tmp_path, layout, says):
    with pytest.raises(FormatError, match=says):
        write([Example(said(), ["a.png"])], tmp_path / "a.json", layout)
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_where_something_is_in_the_way(tmp_path):
    examples = [Example(said("Hi"))]
    for name, arguments, says in [
        ("a.csv", {}, "should end in"),
        ("c.json", {"name": "a"}, "another data set called 'a'"),
    ]:
        save(tmp_path / "dataset_info.json", {"a": {"file_name": "a.json"}})
        with pytest.raises(FormatError, match=says):
            write(examples, tmp_path / name, **arguments)
    with pytest.raises(FormatError, match="no examples"):
        write([], tmp_path / "a.json")
    save(tmp_path / "dataset_info.json", "{")
    with pytest.raises(FormatError, match="Mend it, or move it away"):
        write(examples, tmp_path / "b.json")
    assert [path.name for path in tmp_path.iterdir()] == ["dataset_info.json"]


# LLaMA-Factory's formats


def test_alpaca_is_put_together_as_llama_factory_does(tmp_path):
    entry = alpaca(input="<image>x", system="Be brief.", history=[["a", "b"]], images="1.png", label=3, id="x7")
    examples, report = read(save(tmp_path / "a.json", [entry, alpaca(system="", input=None, source="s")]), ALPACA)
    assert [(message["role"], message["content"]) for message in examples[0].messages] == [
        ("system", "Be brief."), ("user", "a"), ("assistant", "b"), ("user", "Why?\n<image>x"), ("assistant", "So."),
    ]  # fmt: skip
    assert (examples[0].images, examples[0].label, examples[0].source) == (["1.png"], "3", "a.json")
    assert examples[0].meta == {"id": "x7"}
    assert examples[1] == Example(said("Why?", "So."), source="s")
    assert report.problems == {"a single path instead of a list": 1, "file not found": 1}


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"instruction": "Why?"}, "a text is missing"),
        (alpaca(output=3), "not a text"),
        (alpaca(instruction=["Why?"]), "not a text"),
        (alpaca(images=[3]), "not a list of paths"),
        (alpaca(images={}), "not a list of paths"),
        (alpaca(history="a"), "not a list"),
        (alpaca(history=[["a"]]), "history is not pairs of question and answer"),
        (alpaca(instruction="<image><image>", images=["1.png"]), "placeholders and files differ in number"),
        (alpaca(instruction="<image>"), "placeholders and files differ in number"),
        (alpaca(instruction="<video>"), "videos are not read"),
        (alpaca(instruction="<image>a", images=["https://example.org/1.png"]), "not the path of a file"),
        (alpaca(instruction="<image>a", images=["a\0b.png"]), "not the path of a file"),
        ("Why?", "not an object"),
    ],
)
def test_an_entry_that_cannot_be_used_is_left_out_and_reported(tmp_path, entry, problem):
    examples, report = read(save(tmp_path / "a.json", [alpaca(), entry]), ALPACA)
    assert examples == [Example(said("Why?", "So."), source="a.json")]
    assert report.problems == {problem: 1}
    assert report.rows()[0]["what was done"] == "left out"
    assert report.rows()[0]["first places"].startswith("entry 2")


def test_what_is_missing_but_can_be_trained_on_is_kept_and_reported(tmp_path):
    entries = [alpaca(instruction="<image>\n", output=" ", images=["1.png"]), alpaca(images=["1.png", "2.png"])]
    picture(tmp_path / "1.png"), picture(tmp_path / "2.png")
    examples, report = read(save(tmp_path / "a.json", entries), ALPACA)
    assert examples[1].messages[0]["content"] == "<image><image>Why?"
    assert report.problems == {"no instruction": 1, "empty answer": 1, "files without a placeholder": 1}
    assert report.kept == 2


def test_odd_columns_of_our_own_are_ignored(tmp_path):
    entries = [alpaca(group=[1], label=True, meta=3), alpaca(meta="{", group=17)]
    examples, report = read(save(tmp_path / "a.json", entries), ALPACA)
    assert [(e.group, e.label, e.meta) for e in examples] == [(None, None, {}), ("17", None, {"meta": "{"})]
    assert report.problems == {"not a name, and ignored": 2, "meta is not an object, and ignored": 1}


def test_conversations_are_read_by_their_tags(tmp_path):
    turns = [{"from": "system", "value": ""}, {"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Ho"}]
    entries = [
        {"conversations": turns},
        {"conversations": turns[1:], "system": "S"},
        {"conversations": turns[:2]},
        {"conversations": []},
        {"conversations": [turns[1], {"from": "observation", "value": "1"}, turns[2]]},
        {"conversations": [{"from": "user", "value": "Hi"}, turns[2]]},
        {"conversations": [{"from": "human", "value": ["Hi"]}, turns[2]]},
        {"conversations": ["Hi"]},
        {"messages": said("Hi")},
    ]
    examples, report = read(save(tmp_path / "a.json", entries), SHAREGPT)
    assert [example.messages for example in examples] == [
        said("Hi", "Ho"), [{"role": "system", "content": "S"}, *said("Hi", "Ho")],
    ]  # fmt: skip
    assert report.problems == {
        "empty system message": 2,
        "user and assistant do not take turns, or the assistant is not last": 3,
        "tools are not read": 1,
        "a speaker that the tags do not name": 1,
        "not a text": 1,
        "a message is not an object": 1,
    }


def test_columns_and_tags_once_given_replace_all_defaults(tmp_path):
    tags = {"role_tag": "who", "content_tag": "what", "user_tag": "U", "assistant_tag": "A"}
    turns = [{"who": "U", "what": "<image>Hi"}, {"who": "A", "what": "Ho"}]
    info = {
        "mine": {"file_name": "a.json", "formatting": "sharegpt", "tags": tags,
                 "columns": {"messages": "talk", "images": "pics"}},
        "blind": {"file_name": "a.json", "formatting": "sharegpt", "tags": tags, "columns": {"messages": "talk"}},
        "plain": {"file_name": "b.json"},
    }  # fmt: skip
    save(tmp_path / "dataset_info.json", info)
    save(tmp_path / "a.json", [{"talk": turns, "pics": ["1.png"]}])
    save(tmp_path / "b.json", [alpaca(system="not named by the entry")])
    assert read_dataset(tmp_path, "mine")[0][0].messages == said("<image>Hi", "Ho")
    assert read_dataset(tmp_path, "blind")[1].problems == {"placeholders and files differ in number": 1}
    assert read_dataset(tmp_path, "plain")[0][0].meta == {"system": "not named by the entry"}


@pytest.mark.parametrize(
    ("info", "says"),
    [
        ({"file_name": "a.json", "ranking": True}, "preference data"),
        ({"file_name": "a.json", "formatting": "chatml"}, "no formatting 'chatml'"),
        ({"file_name": "a.json", "columns": {"prompt": "q"}}, "does not name 'response'"),
        ({"file_name": "a.json", "columns": ["prompt"]}, "must be an object, not list"),
        ({"hf_hub_url": "some/where"}, "has no `file_name`"),
        ({"file_name": "../secret.json"}, "no file ../secret.json"),
        ({"file_name": "gone.json"}, "Check `file_name`"),
    ],
)
def test_an_entry_that_is_not_read_here_says_so(tmp_path, info, says):
    save(tmp_path / "secret.json", [alpaca()])
    save(tmp_path / "data" / "a.json", [alpaca()])
    save(tmp_path / "data" / "dataset_info.json", {"x": info})
    with pytest.raises(FormatError, match=says):
        read_dataset(tmp_path / "data", "x")
    with pytest.raises(UnknownName, match="Did you mean 'x'"):
        read_dataset(tmp_path / "data", "xx")


# Files as people have them


def test_lines_that_are_broken_are_named_and_passed_over(tmp_path):
    good = json.dumps(alpaca()).encode()
    lines = [b"\xef\xbb\xbf" + good, b"", b'{"instruction": ', b"\xff" + good, good + b" {}", b"[" * 100_000, b"3"]
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\r\n".join([*lines, good.replace(b"Why?", "为什么\u2028?".encode())]))
    examples, report = read(path, ALPACA)
    assert [example.messages[0]["content"] for example in examples] == ["Why?", "为什么\u2028?"]
    places = {row["problem"]: row["first places"] for row in report.rows()}
    assert places["byte order mark"] == places["Windows line ends"] == "line 1"
    assert places["broken JSON"].startswith("line 3: Expecting value at column")
    assert places["not UTF-8"] == "line 4: invalid start byte"
    assert places["not an object"] == "line 7: int"
    assert report.count("broken JSON") == 3
    assert (report.read, report.kept) == (7, 2)


def test_a_list_that_breaks_off_is_read_up_to_the_break(tmp_path):
    whole = json.dumps([alpaca(), alpaca(output="Ho."), alpaca()], indent=1)
    examples, report = read(save(tmp_path / "a.json", "\ufeff" + whole[:-30].replace("\n", "\r\n")), ALPACA)
    assert [example.messages[1]["content"] for example in examples] == ["So.", "Ho."]
    assert list(report.problems) == [
        "byte order mark",
        "Windows line ends",
        "broken JSON, and all that follows is lost",
    ]
    assert "entry 3: line 1" in str(report)


def test_keys_that_come_twice_and_halves_of_characters_are_reported(tmp_path):
    text = r'[{"instruction": "\ud83d\ude00 \ud83d", "output": "old", "output": "So."}, {"output": "1"}]'
    examples, report = read(save(tmp_path / "a.json", text), ALPACA)
    assert examples[0].messages == said("😀 \ufffd", "So.")
    assert report.problems == {
        "a key twice, the last one counts": 1, "half a character (a lone surrogate)": 1, "no instruction": 1,
    }  # fmt: skip
    assert "entry 1: output" in str(report)


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.json", b"", "holds no entries"),
        ("a.json", b"[]", "holds no entries"),
        ("a.jsonl", b"\n \n", "holds no entries"),
        ("a.json", '["情感"]'.encode("gbk"), "not UTF-8 text .*byte 2"),
        ("a.json", b"[{}, \xff]", "not UTF-8"),
        ("a.json", '[{"a": 1}]'.encode("utf-16"), "UTF-16"),
        ("a.json", b'[\n{"a": }]', "line 2: this is not JSON"),
        ("a.json", b"[" * 100_000, "line 1: this is not JSON"),
        ("a.json", b"<html>", "begins with '<html>'"),
        ("a.json", b'{"a": 1}\n{"a": 2}', r"name it \.jsonl"),
        ("a.csv", b"expression\n\xff", "not UTF-8"),
        ("a.csv", b"", "holds no entries"),
        ("a.txt", b"Hi", "none of .json, .jsonl, .csv, .parquet"),
        ("a.parquet", b"PAR1", "parquet"),
    ],
)
def test_a_file_that_cannot_be_read_at_all_says_what_to_do(tmp_path, name, data, says):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(CourseError, match=says) as caught:
        read(tmp_path / name, ALPACA)
    assert name in str(caught.value) or "pyarrow" in str(caught.value)


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(FormatError, match="does not exist. Check the path"):
        read(tmp_path / "a.json", ALPACA)
    with pytest.raises(FormatError, match="does not exist"):
        read_affectnet(tmp_path / "gone")
    with pytest.raises(FormatError, match="no folder .*gone"):
        read(save(tmp_path / "a.json", [alpaca()]), ALPACA, roots=[tmp_path / "gone"])


def test_lines_are_read_as_they_are_asked_for(tmp_path):
    report = Report("a.jsonl")
    examples = stream(save(tmp_path / "a.jsonl", (json.dumps(alpaca()) + "\n") * 1000), ALPACA, report)
    next(examples), next(examples)
    assert (report.read, report.kept) == (2, 2)
    assert len(list(examples)) == 998


# Paths


@pytest.fixture
def house(tmp_path):
    """A data folder, and beside it a secret that no data file may lead to."""
    picture(tmp_path / "house" / "images" / "1.png")
    picture(tmp_path / "secret" / "2.png")
    return tmp_path / "house"


def read_path(house: Path, name: str, **options):
    path = save(house / "a.json", [alpaca(instruction="<image>Why?", images=[name])])
    return read(path, ALPACA, **options)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("images/1.png", None),
        ("./images/../images/1.png", None),
        ("{house}/images/1.png", None),
        ("images\\1.png", "file found under another folder"),
        ("elsewhere/images/1.png", "file found under another folder"),
        ("/somebody/else/images/1.png", "path leads out of the data folder"),
        ("C:\\set\\images\\1.png", "path leads out of the data folder"),
        ("../../images/1.png", "path leads out of the data folder"),
    ],
)
def test_files_are_found_inside_the_folder_by_the_end_of_their_path(house, name, problem):
    (example,), report = read_path(house, name.format(house=house))
    assert example.images == [os.path.realpath(house / "images" / "1.png")]
    assert report.problems == ({problem: 1} if problem else {})
    assert all(row["what was done"] == "repaired" for row in report.rows())


def test_a_file_that_is_not_there_keeps_its_name(house):
    (example,), report = read_path(house, "other/1.png")
    assert example.images == ["other/1.png"]
    assert report.problems == {"file not found": 1}


@pytest.mark.parametrize("name", ["../secret/2.png", "{secret}/2.png", "link/2.png", "2.png", "a/../../secret/2.png"])
def test_nothing_outside_is_opened(house, name, monkeypatch):
    secret = house.parent / "secret"
    (house / "link").symlink_to(secret)
    (house / "2.png").symlink_to(secret / "2.png")
    opened = []
    monkeypatch.setattr(reading, "open_image", lambda path, **_: opened.append(path))
    (example,), report = read_path(house, name.format(secret=secret), verify=True)
    assert report.count("file not found") == 1
    assert not opened
    path = Path(example.images[0])
    assert not path.is_absolute() and ".." not in path.parts
    # with the folder given, it is read
    (example,), report = read_path(house, name.format(secret=secret), roots=[house, secret], verify=True)
    assert report.count("file not found") == 0
    assert len(opened) == 1


def test_pictures_are_decoded_only_when_asked_and_broken_ones_left_out(house):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG")
    (house / "cut.jpg").write_bytes(buffer.getvalue()[:-2000])
    (house / "text.png").write_text("no picture")
    names = ["images/1.png", "cut.jpg", "text.png", "gone.png"]
    path = save(house / "a.json", [alpaca(images=[name]) for name in names])
    assert read(path, ALPACA)[1].kept == 4
    examples, report = read(path, ALPACA, verify=True)
    assert [Path(example.images[0]).name for example in examples] == ["1.png", "gone.png"]
    assert report.count("image cannot be read") == 2
    assert "damaged or cut off" in str(report)


# The report


def test_a_report_is_a_table_of_what_was_found_and_done(tmp_path):
    path = save(tmp_path / "a.json", [alpaca(), alpaca(output=1)] * 4)
    _, report = read(path, ALPACA)
    assert str(report).splitlines() == [
        f"{path}: 8 entries read, 4 examples kept",
        "problem     what was done  count  first places",
        "not a text  left out       4      " + "; ".join(f"entry {n}: `output` is int" for n in (2, 4, 6)),
    ]
    assert str(Report("b.json", 3, 3)) == "b.json: 3 entries read, 3 examples kept, no problem found"


# MedTrinity-25M


def test_captions_are_read_with_their_images_by_name_or_id(tmp_path):
    picture(tmp_path / "x-1.jpg"), picture(tmp_path / "images" / "a.png")
    rows = [
        {"file_name": "images/a.png", "caption": "One.", "source": "brats"},
        {"id": "x-1", "caption": "Two."},
        {"id": "x-2.jpg", "caption": "Three."},
        {"id": "x-3", "caption": " "},
        {"id": "x-4", "caption": "Four.", "image": {"bytes": "…"}},
        {"caption": "Five."},
        {"id": "x-6"},
    ]
    path = save(tmp_path / "metadata.jsonl", "\n".join(map(json.dumps, rows)))
    examples, report = read(path, MedTrinity("What is it?"))
    assert examples[0].messages == said("<image>What is it?", "One.")
    assert [(e.source, e.meta, Path(e.images[0]).name) for e in examples] == [
        ("brats", {}, "a.png"),
        ("metadata.jsonl", {"id": "x-1"}, "x-1.jpg"),
        ("metadata.jsonl", {"id": "x-2.jpg"}, "x-2.jpg"),
    ]
    assert report.problems == {
        "file not found": 1,
        "empty caption": 1,
        "the image is inside the row: unpack it with `export`": 1,
        "a text is missing": 2,
    }
    write_medtrinity(examples, tmp_path / "again.jsonl")
    assert read(tmp_path / "again.jsonl", MedTrinity("What is it?"))[0] == examples


def test_rows_with_their_images_are_unpacked(tmp_path):
    data = picture(tmp_path / "x.png").read_bytes()
    rows = [
        {"id": "a", "caption": "A.", "image": {"bytes": data, "path": "x/a.PNG"}},
        {"id": "b", "caption": "B.", "image": Image.new("L", (4, 4))},
        {"id": "c", "caption": "C.", "image": {"bytes": data, "path": None}},
    ]
    examples, report = read(export(iter(rows), tmp_path / "out"), MedTrinity(), verify=True)
    assert [Path(example.images[0]).name for example in examples] == ["a.png", "b.png", "c.jpg"]
    assert not report.problems
    for row, says in [
        ({"id": "../x", "caption": "A.", "image": rows[0]["image"]}, "no plain file name"),
        ({"id": "a", "caption": None, "image": rows[0]["image"]}, "no caption"),
        ({"id": "a", "caption": "A.", "image": "a.png"}, "no image"),
        (rows[0], "one before it"),
    ]:
        with pytest.raises(FormatError, match=says):
            export([rows[0], row] if says == "one before it" else [row], tmp_path / "bad")
    assert not (tmp_path / "bad" / "metadata.jsonl").exists()
    with pytest.raises(FormatError, match="no rows"):
        export([], tmp_path / "bad")


def test_a_parquet_file_is_read_where_pandas_can(tmp_path, monkeypatch):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"file_name": ["a.png", "b.png"], "caption": ["A.", None], "source": ["s", "s"]})
    monkeypatch.setattr(pandas, "read_parquet", lambda path: frame)
    examples, report = read(save(tmp_path / "a.parquet", ""), MedTrinity())
    assert [(example.images, example.source) for example in examples] == [(["a.png"], "s")]
    assert report.count("a text is missing") + report.count("not a text") == 1


def test_only_a_picture_with_a_caption_is_written_as_medtrinity(tmp_path):
    for example in [Example(said("Hi")), Example(said(answer=""), ["a.png"]), Example(said() + said("?"), ["a.png"])]:
        with pytest.raises(FormatError, match="Example 1"):
            write_medtrinity([example], tmp_path / "a.jsonl")


# AffectNet

HEAD = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"


def test_the_published_table_is_read_and_what_has_no_emotion_left_out(tmp_path):
    picture(tmp_path / "Manually_Annotated_Images" / "689" / "a.jpg")
    rows = [
        "689/a.jpg,1,2,30,40,0.5;1;2;3,6,-0.5,0.25",
        *(f"689/a.jpg,1,2,30,40,,{number},-2,-2" for number in (8, 9, 10, 10, 11)),
        "689/a.jpg,NULL,NULL,NULL,NULL,,0,nan,x",
        "689/b.jpg",
    ]
    path = save(tmp_path / "training.csv", "\ufeff" + "\r\n".join([HEAD, *rows]))
    examples, report = read_affectnet(path, "Which?")
    assert examples[0].messages == said("<image>Which?", "Anger")
    assert examples[0].label == "Anger"
    assert examples[0].meta == {"valence": -0.5, "arousal": 0.25, "face": [1, 2, 30, 40]}
    assert [example.label for example in examples] == ["Anger", "Neutral"]
    assert examples[1].meta == {}
    assert report.problems == {
        "byte order mark": 1, "no emotion: None": 1, "no emotion: Uncertain": 1, "no emotion: No-Face": 2,
        "unknown expression": 1, "a text is missing": 1,
    }  # fmt: skip
    assert "line 3" in str(report)
    assert read(path, AffectNet())[1].count("file not found") == 2  # its images are in another folder


def test_a_written_table_is_read_again(tmp_path):
    picture(tmp_path / "a.png")
    face = {"valence": 0.5, "arousal": -1.0, "face": [1, 2, 3, 4]}
    examples = [
        Example(
            said("<image>Which?", label), [os.path.realpath(tmp_path / "a.png")], label=label, source="a.csv", meta=m
        )
        for label, m in zip(EMOTIONS, [face, {}] * 4)
    ]
    write_affectnet(examples, tmp_path / "a.csv")
    assert read_affectnet(tmp_path / "a.csv", "Which?")[0] == examples
    for bad in (Example(said(), ["a.png"], label="Joy"), Example(said("Hi"), label="Happy")):
        with pytest.raises(FormatError, match="no single picture, or no label"):
            write_affectnet([bad], tmp_path / "b.csv")


class Trap:
    """What a pickle would run on loading."""

    def __reduce__(self):
        return sys.exit, (1,)


def test_annotations_beside_the_images_are_read_and_pickles_are_not(tmp_path):
    for name in ("1", "2", "3", "4"):
        picture(tmp_path / "images" / f"{name}.jpg")
    (tmp_path / "annotations").mkdir()
    np.save(tmp_path / "annotations" / "1_exp.npy", "3")
    np.save(tmp_path / "annotations" / "1_val.npy", "0.5")
    np.save(tmp_path / "annotations" / "2_exp.npy", np.int64(7))
    np.save(tmp_path / "annotations" / "3_exp.npy", np.array(Trap(), dtype=object), allow_pickle=True)
    examples, report = read_affectnet(tmp_path)
    assert [(example.label, example.meta) for example in examples] == [("Surprise", {"valence": 0.5}), ("Contempt", {})]
    assert report.problems == {"no annotation that can be read": 2}
    assert (report.read, report.kept) == (4, 2)


def test_yolo_folders_have_numbers_of_their_own(tmp_path):
    split = tmp_path / "train"
    labels = {"1": "0 0.5 0.5 1 1\n", "2": "5 0.5 0.5 1 1\n5 0 0 1 1", "3": "", "4": "0 0 0 1 1\n1 0 0 1 1", "6": "8 0"}
    for name in [*labels, "5"]:
        picture(split / "images" / f"{name}.png")
    for name, text in labels.items():
        save(split / "labels" / f"{name}.txt", text)
    examples, report = read_affectnet(split)
    assert [example.label for example in examples] == ["Anger", "Neutral"]
    assert report.problems == {
        "empty label file": 1, "several emotions in one picture": 1, "no label file": 1, "unknown expression": 1,
    }  # fmt: skip
    save(tmp_path / "data.yaml", "nc: 2\nnames: [happy, Sad]\n")
    assert [example.label for example in read_affectnet(split)[0]] == ["Happy"]
    for text in ("names: [dog]", "nc: 2", "- 1", "names: [", "names: {0: 1}"):
        save(tmp_path / "data.yaml", text)
        with pytest.raises(FormatError, match="does not name the classes"):
            read_affectnet(split)


def test_folders_by_class_are_read_and_a_table_beside_them_is_believed(tmp_path):
    for name in ("anger/1.png", "Happiness/2.jpg", "0/3.png", "8/4.png", "Happiness/notes.txt"):
        picture(tmp_path / name) if name.endswith(("g",)) else save(tmp_path / name, "x")
    examples, report = read_affectnet(tmp_path)
    assert [example.label for example in examples] == ["Neutral", "Happy", "Anger"]
    assert report.problems == {"no emotion: None": 1}
    save(tmp_path / "labels.csv", ",pth,label,relFCs\n0,anger/1.png,surprise,0.8\n1,anger/1.png,,0.8\n")
    examples, report = read_affectnet(tmp_path)
    assert [example.label for example in examples] == ["Surprise"]
    assert report.problems == {"unknown expression": 1}


def test_a_folder_of_splits_or_of_anything_else_says_what_to_give(tmp_path):
    (tmp_path / "Train").mkdir(), (tmp_path / "val").mkdir()
    with pytest.raises(FormatError, match=r"holds splits \(train, val\)"):
        read_affectnet(tmp_path)
    with pytest.raises(FormatError, match="in none of AffectNet's layouts"):
        read_affectnet(tmp_path / "val")
    (tmp_path / "val" / "anger").mkdir()
    with pytest.raises(FormatError, match="no pictures"):
        read_affectnet(tmp_path / "val")


def test_emotions_have_the_names_that_the_faces_have():
    from helpers.worlds import faces

    assert faces.EMOTIONS == EMOTIONS
    assert [emotion(name) for name in ("6", "ANGRY", " happiness ", "joy", "8")] == [
        "Anger",
        "Anger",
        "Happy",
        None,
        None,
    ]


# The original project's files

SHARED = os.environ.get("COURSE_SHARED_DATA")
real = pytest.mark.skipif(not SHARED, reason="COURSE_SHARED_DATA names no folder")


@real
def test_the_original_medical_file_is_whole_but_for_its_images(tmp_path):
    examples, report = read(Path(SHARED) / "MedTrinity-test.json", MESSAGES, roots=[tmp_path])
    assert len(examples) == report.read == 1000
    assert report.problems == {"Windows line ends": 1, "file not found": 1000}
    assert sum("hemorrhage" in example.messages[1]["content"].lower() for example in examples) == 745
    write(examples, tmp_path / "again.json", SHAREGPT)
    assert read(tmp_path / "again.json", SHAREGPT)[0] == examples
    name = Path(examples[6].images[0]).name
    picture(tmp_path / name)
    moved, report = read(Path(SHARED) / "MedTrinity-test.json", MESSAGES, roots=[tmp_path], verify=True)
    assert report.problems["file found under another folder"] == 1
    assert Path(moved[6].images[0]).name == name


@real
def test_the_original_emotion_file_lacks_one_instruction_and_all_images(tmp_path):
    examples, report = read(Path(SHARED) / "AffectNet-train.json", ALPACA, roots=[tmp_path])
    assert report.kept == 1000
    n = {"path leads out of the data folder": 1000, "file not found": 1000, "no instruction": 1}
    assert report.problems == n
    assert "entry 547" in str(report)
    labels = [emotion(example.messages[-1]["content"]) for example in examples]
    assert [labels.count(name) for name in EMOTIONS] == [267, 464, 89, 41, 22, 16, 86, 15]
    labelled = [dataclasses.replace(example, label=label) for example, label in zip(examples, labels)]
    write(labelled, tmp_path / "again.jsonl", ALPACA)
    assert read(tmp_path / "again.jsonl", ALPACA)[0] == labelled
