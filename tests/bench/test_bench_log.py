"""The log survives what happens to programs: being killed, run twice, edited, given every text there is."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys

import pytest
from benching import attempt
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.bench import LogError, Settings, read
from helpers.bench.log import LOG, JsonLines
from helpers.errors import CourseError
from helpers.files import InUse, locked

TEXT = st.text(st.characters(exclude_categories=[]))  # lone surrogates and control characters included


def write(folder, *attempts) -> None:
    with JsonLines(folder / LOG) as log:
        for one in attempts:
            log.write(one.line)


@settings(deadline=None, max_examples=50)  # a disk may be slow
@given(answer=TEXT, reasoning=TEXT, item=TEXT, seconds=st.none() | st.floats(0, 1e6))
def test_what_is_read_is_what_was_written(tmp_path_factory, answer, reasoning, item, seconds):
    folder = tmp_path_factory.mktemp("run")
    one = attempt(None, item, settings=Settings(temperature=0.6), answer=answer, reasoning=reasoning, ttft=seconds)
    write(folder, one)
    assert read(folder) == [one]


def test_a_line_cut_anywhere_is_dropped_and_nothing_else(tmp_path):
    three = [attempt(None, item, answer="é 中 \n \u2028") for item in "abc"]
    write(tmp_path, *three)
    whole = (tmp_path / LOG).read_bytes()
    second_ends = whole.index(b"\n", whole.index(b"\n") + 1) + 1
    for cut in range(second_ends, len(whole)):
        (tmp_path / LOG).write_bytes(whole[:cut])
        assert read(tmp_path) == three[:2]
        if cut % 20 == 0 or cut == len(whole) - 1:
            write(tmp_path, three[2])
            assert (tmp_path / LOG).read_bytes() == whole


def test_lines_of_many_clients_all_arrive_each_before_its_append_returns(tmp_path):
    path = tmp_path / LOG

    async def client(log: JsonLines, name: int) -> None:
        for i in range(5):
            await log.append({"client": name, "i": i})
            assert {"client": name, "i": i} in [json.loads(line) for line in path.read_bytes().splitlines()]

    async def clients() -> None:
        with JsonLines(path) as log:
            await asyncio.gather(*(client(log, name) for name in range(8)))

    asyncio.run(clients())
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert len(lines) == 40
    assert all([line["i"] for line in lines if line["client"] == name] == list(range(5)) for name in range(8))


def test_no_folder_and_no_log_are_an_empty_log(tmp_path):
    assert read(tmp_path) == read(tmp_path / "nowhere") == []


@pytest.mark.parametrize("damage", [b"{}", b"[]", b"null", b'{"task": ', b"\xff", b"\x00\x00"])
def test_a_damaged_line_is_named(tmp_path, damage):
    write(tmp_path, attempt(None))
    with (tmp_path / LOG).open("ab") as file:
        file.write(damage + b"\n")
    with pytest.raises(LogError, match=r"log\.jsonl, line 2, is not a line that `course bench` wrote"):
        read(tmp_path)


HOLD = """
import sys, time
from pathlib import Path
from helpers.files import locked
with locked(Path(sys.argv[1]), "--out"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_two_runs_cannot_hold_one_folder_and_a_killed_one_lets_go(tmp_path):
    folder = tmp_path / "run"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, folder], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(InUse, match=r"Another run is writing to .*run.*\(--out\)"), locked(folder, "--out"):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with locked(folder, "--out"), pytest.raises(InUse, match="Another run"), locked(folder, "--out"):
        pass


def test_a_file_where_the_folder_should_be(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(CourseError, match="cannot be written to"), locked(tmp_path / "run", "--out"):
        pass
