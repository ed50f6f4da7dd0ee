"""``course run`` on a small course: what a person sees, what lies where afterwards, and what is not run again."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from courses import ROOT, clean_environment, course, interruptible, write_notebook

from helpers import records, runner
from helpers.errors import CourseError, UnknownName


def outputs(notebook: Path) -> str:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return "".join("".join(o.get("text", "")) for cell in cells for o in cell.get("outputs", []))


@pytest.fixture
def first_run(tiny_course: Path) -> tuple[Path, subprocess.CompletedProcess]:
    """A run of four notebooks: two work, one fails, one loses its kernel; and a wrong kernel is registered."""
    course_of = tiny_course / "notebooks" / "02_second"
    write_notebook(course_of / "02_fails.ipynb", "def f(x):\n    return 1 / x", "# the culprit\nf(0)", "print('after')")
    write_notebook(course_of / "03_dies.ipynb", "import os\nos._exit(3)")
    write_notebook(course_of / "01_says.ipynb", "import sys\nprint('python', sys.executable)")
    rogue = tiny_course / "jupyter" / "kernels" / "python3"
    rogue.mkdir(parents=True)
    spec = {"argv": ["a-python-of-another-environment"], "display_name": "Rogue", "language": "python"}
    (rogue / "kernel.json").write_text(json.dumps(spec))
    done = course("run", "--record", root=tiny_course, JUPYTER_PATH=str(rogue.parent.parent))
    return tiny_course, done


def test_a_run_from_start_to_end(first_run):
    root, done = first_run
    build, said = root / "_build", done.stdout
    assert done.returncode == 1, done.stderr

    # What worked is in place, was given the parameters, and ran on this very interpreter.
    assert outputs(build / "executed" / "01_first" / "01_adds.ipynb") == "nano 4\n"
    assert f"python {sys.executable}" in outputs(build / "executed" / "02_second" / "01_says.ipynb")
    assert "2 executed, 0 unchanged, 2 failed" in said and str(build / "executed") in said

    # What failed names its cell and shows why; its output is kept elsewhere, and the cell after it did not run.
    assert "✗ 02_second/02_fails" in said and "ZeroDivisionError: division by zero" in said
    assert "in cell 4 (`# the culprit`)" in said  # counted with the cell that papermill injects, as in the output
    assert not (build / "executed" / "02_second" / "02_fails.ipynb").exists()
    assert "after" not in outputs(build / "failed" / "02_second" / "02_fails.ipynb")
    assert "✗ 02_second/03_dies" in said and "the kernel died" in said

    # Nothing half-written, no path of this machine in what a reader downloads.
    assert not list((build / "tmp").iterdir()) and not list(build.rglob("*.partial"))
    assert str(root) not in (build / "executed" / "01_first" / "01_adds.ipynb").read_text(encoding="utf-8")
    assert "Executing Cell" in (build / "logs" / "01_first" / "01_adds.log").read_text(encoding="utf-8")

    timings = {e["name"]: e for e in json.loads((build / "executed" / "timings.json").read_text(encoding="utf-8"))}
    assert {name: e["status"] for name, e in timings.items()} == {
        "01_first/01_adds": "ok", "02_second/01_says": "ok",
        "02_second/02_fails": "failed", "02_second/03_dies": "failed",
    }  # fmt: skip
    entry = timings["01_first/01_adds"]
    assert entry["profile"] == "nano" and entry["parameters"] == {"profile": "nano"}
    assert entry["seconds"] > 0 and entry["peak_memory_mb"] > 50  # a Python with a kernel is not smaller
    assert entry["versions"]["python"] == sys.version.split()[0] and "cores" in entry["device"]

    measured = json.loads((root / "data" / "measured" / "notebooks.json").read_text(encoding="utf-8"))
    assert set(measured) == {"01_first/01_adds", "02_second/01_says"}
    row = measured["01_first/01_adds"]["nano"]
    assert set(row) == {"seconds", "peak_memory_mb", "device", "date", "command", "versions"}
    assert row["seconds"] == entry["seconds"] and row["command"] == "course run --profile nano --jobs 2"


def test_unchanged_is_not_run_again_and_force_is(tiny_course, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_ROOT", str(tiny_course))
    one = ["01_first"]
    (first,) = runner.run(one)
    stamp = (tiny_course / "_build/executed/01_first/01_adds.ipynb").stat().st_mtime_ns
    (again,) = runner.run(one)
    assert (first["status"], again["status"]) == ("ok", "unchanged")
    assert again["seconds"] == first["seconds"]  # what it took when it ran, not now
    assert (tiny_course / "_build/executed/01_first/01_adds.ipynb").stat().st_mtime_ns == stamp
    assert "0 executed, 1 unchanged, 0 failed" in capsys.readouterr().out
    (forced,) = runner.run(one, force=True)
    assert forced["status"] == "ok"
    (other,) = runner.run(one, parameters={"n_items": 6})
    assert other["status"] == "ok" and outputs(tiny_course / "_build/executed/01_first/01_adds.ipynb") == "nano 7\n"


def test_a_failure_keeps_no_stale_success_from_running_again(tiny_course, monkeypatch):
    monkeypatch.setenv("COURSE_ROOT", str(tiny_course))
    notebook = tiny_course / "notebooks" / "01_first" / "01_adds.ipynb"
    write_notebook(notebook, "raise SystemExit('no')")
    assert runner.run(["01_first"])[0]["status"] == "failed"
    assert (tiny_course / "_build/failed/01_first/01_adds.ipynb").is_file()
    write_notebook(notebook, "print('mended')")
    assert runner.run(["01_first"])[0]["status"] == "ok"
    assert not (tiny_course / "_build/failed/01_first/01_adds.ipynb").exists()


def test_a_fresh_clone_begins_with_what_took_longest_elsewhere(tiny_course, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_ROOT", str(tiny_course))
    rows = {"01_first/01_adds": {"nano": {"seconds": 1.0}}, "02_second/01_says": {"nano": {"seconds": 9.0}}}
    change(tiny_course / "data" / "measured" / "notebooks.json", json.dumps(rows))
    runner.run(jobs=1)
    said = capsys.readouterr()
    ended = [line for line in (said.out + said.err).splitlines() if line.startswith("✓")]
    assert [name in line for name, line in zip(("02_second/01_says", "01_first/01_adds"), ended)] == [True, True]


def change(path: Path, text: str = "changed") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("file", "matters"),
    [
        ("helpers/plots.py", True), ("helpers/picture.js", True), ("helpers/__pycache__/plots.cpython-311.pyc", False),
        ("helpers/worlds/scenes/render.py", True), ("recipes/blip.py", True),
        ("requirements.lock", True), ("data/models.yaml", True), ("data/models/blip-vqa/model.safetensors", True),
        ("data/measured/bench.json", True), ("helpers/cli.py", False), ("helpers/book/staging.py", False),
        ("data/measured/notebooks.json", False), ("data/models/.blip-vqa.partial/config.json", False),
        ("book/welcome.md", False),
    ],
)  # fmt: skip
def test_what_a_result_depends_on(tiny_course, monkeypatch, file, matters):
    monkeypatch.setenv("COURSE_ROOT", str(tiny_course))
    before = runner.inputs_digest()
    assert runner.inputs_digest() == before
    change(tiny_course / file)
    assert (runner.inputs_digest() != before) == matters


def test_no_notebook_and_no_helper_a_notebook_imports_uses_a_tool():
    """The tools may be left out of the digest only while no result can depend on them."""
    sources = [p for p in (ROOT / "helpers").rglob("*.py") if p.relative_to(ROOT).with_suffix("").parts[:2] not in
               runner.TOOL_PATHS and p.stem != "doctor"]  # fmt: skip
    text = "\n".join(p.read_text(encoding="utf-8") for p in [*sources, *(ROOT / "notebooks").glob("*/*.ipynb")])
    for tool in runner.TOOLS:
        for phrase in (f"from .{tool} ", f"from . import {tool}", f"helpers.{tool}", f"from helpers import {tool}"):
            assert phrase not in text, f"{phrase} is used where results are made"


@pytest.mark.parametrize("word", ["01_first", "01_first/01_adds", "01_adds", "notebooks/01_first/01_adds.ipynb"])
def test_ways_to_name_a_notebook(tiny_course, monkeypatch, word):
    monkeypatch.setenv("COURSE_ROOT", str(tiny_course))
    assert list(runner.select([word])) == ["01_first/01_adds"]


def test_wrong_names_are_answered_with_the_nearest(tiny_course, monkeypatch):
    monkeypatch.setenv("COURSE_ROOT", str(tiny_course))
    with pytest.raises(UnknownName, match="notebook or chapter '01_ads'.*'01_adds'"):
        runner.run(["01_ads"])
    with pytest.raises(UnknownName, match="profile 'lapto'.*'laptop'"):
        runner.run(profile="lapto")
    with pytest.raises(UnknownName, match="parameter 'n_item'.*'n_items'"):
        runner.run(parameters={"n_item": 1})
    with pytest.raises(CourseError, match="at least 1"):
        runner.run(jobs=0)
    with pytest.raises(CourseError, match="leave -p out"):
        runner.run(record=True, parameters={"n_items": 1})
    assert not (tiny_course / "_build").exists()


def test_a_notebook_gets_only_the_parameters_it_has(tiny_course, monkeypatch):
    monkeypatch.setenv("COURSE_ROOT", str(tiny_course))
    bare = write_notebook(tiny_course / "notebooks" / "03_third" / "01_bare.ipynb", parameters="seed = 0")
    fitted = runner.fit_parameters({"bare": bare, **runner.select(["01_first"])}, "nano", {"n_items": 5})
    assert fitted == {"bare": {}, "01_first/01_adds": {"profile": "nano", "n_items": 5}}


def wait_for(condition, seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_at_any_moment(tiny_course, blow):
    """Finished notebooks stay finished; the running one leaves neither a process nor a file in the output folder."""
    told = tiny_course / "kernel.pid"
    slow = f"import os, pathlib, time\npathlib.Path({str(told)!r}).write_text(str(os.getpid()))\ntime.sleep(600)"
    write_notebook(tiny_course / "notebooks" / "02_second" / "01_says.ipynb", slow)
    process = subprocess.Popen(
        [sys.executable, "-m", "helpers.cli", "run"], env=clean_environment(tiny_course), cwd=tiny_course,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", preexec_fn=interruptible,
    )  # fmt: skip
    finished = tiny_course / "_build" / "executed" / "01_first" / "01_adds.ipynb"
    wait_for(lambda: told.is_file() and told.read_text() and finished.is_file())
    os.kill(process.pid, blow)
    out, err = process.communicate(timeout=60)
    wait_for(lambda: not psutil.pid_exists(int(told.read_text())), 60)
    assert outputs(finished) == "nano 4\n"
    assert list((tiny_course / "_build" / "executed").rglob("*.ipynb")) == [finished]
    if blow == signal.SIGKILL:
        return  # nobody was left to say or tidy anything
    assert process.returncode == 130 and "interrupted" in err and "goes on from there" in err
    assert "Traceback" not in out + err
    assert not list((tiny_course / "_build" / "tmp").iterdir())
    (entry,) = json.loads((tiny_course / "_build" / "executed" / "timings.json").read_text(encoding="utf-8"))
    assert entry["name"] == "01_first/01_adds"


def test_plain_papermill_works_from_anywhere(tiny_course, tmp_path_factory):
    """What the README says: papermill alone runs a notebook, from a folder that is no checkout."""
    code = "from helpers.profiles import spec\nprint(spec('blip-vqa', profile).id)"
    source = write_notebook(tiny_course / "one.ipynb", code)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "COURSE_ROOT")}
    command = [sys.executable, "-m", "papermill", str(source), "out.ipynb", "-p", "profile", "nano"]
    done = subprocess.run(command, cwd=elsewhere, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert outputs(elsewhere / "out.ipynb") == "blip-vqa\n"


def test_durations_read_well():
    assert [records.duration(s) for s in (0.4, 59.4, 59.6, 187)] == ["0 s", "59 s", "1:00", "3:07"]
