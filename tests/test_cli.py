"""The command line itself: it is quick, explains itself, and answers an ordinary mistake with one message."""

import argparse
import http.client
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from courses import clean_environment, course, interruptible, write_notebook

from helpers import apps, cli
from helpers.errors import CourseError


def commands(parser: argparse.ArgumentParser, path: tuple = ()):
    """Every (path, parser) below a parser."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, sub in action.choices.items():
                yield (*path, name), sub
                yield from commands(sub, (*path, name))


def test_the_commands_of_the_design_are_there():
    found = {" ".join(path) for path, _ in commands(cli.parser())}
    models = {f"models {action}" for action in ("list", "check", "pull", "train")}
    tuning = {"finetune", "evaluate", "generate"}
    assert found == {"doctor", "run", "book", "models", "serve", "bench", "lab", "app"} | models | tuning


@pytest.mark.parametrize("path", [path for path, _ in commands(cli.parser())], ids=" ".join)
def test_every_command_explains_itself(path, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([*path, "--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0 and len(text.split()) > 15
    parser = dict(commands(cli.parser()))[path]
    for action in parser._actions:
        assert action.help or isinstance(action, argparse._SubParsersAction), f"{action.dest} is not explained"


def test_examples_in_the_help_are_valid():
    lines = [line for text in (cli.EPILOG, cli.RUN_EPILOG, cli.MODELS_EPILOG) for line in text.splitlines()]
    examples = [line.split("   ")[0].split()[1:] for line in lines if line.startswith("  course ")]
    assert len(examples) > 10
    for example in examples:
        assert cli.parser().parse_args(example).function


def test_importing_helpers_and_showing_help_load_nothing_heavy():
    program = (
        "import time; began = time.process_time(); import helpers, helpers.cli; helpers.cli.parser().format_help()\n"
        "took = time.process_time() - began; import sys\n"
        "print(took, sorted({'torch', 'transformers', 'papermill', 'numpy', 'plotly'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    took, heavy = done.stdout.split(maxsplit=1)
    assert float(took) < 0.3 and heavy.strip() == "[]"


def test_mistakes_end_with_status_2_and_no_traceback(tiny_course):
    done = course("run", "01_frist", root=tiny_course)
    assert done.returncode == 2 and "Did you mean '01_first'?" in done.stderr and "Traceback" not in done.stderr


def test_values_on_the_command_line_become_python_values(monkeypatch):
    given = {}
    monkeypatch.setattr("helpers.runner.run", lambda wanted, **options: given.update(options) or [{"status": "failed"}])
    words = "run 01_blip -p n_items 50 -p beams true -p name x -p profile laptop --jobs 1 --force --out here"
    assert cli.main(words.split()) == 1  # a notebook failed
    assert given["parameters"] == {"n_items": 50, "beams": True, "name": "x"} and given["profile"] == "laptop"
    assert (given["jobs"], given["force"], given["record"], str(given["out"])) == (1, True, False, "here")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "--profile", "tiny"], "There is no profile 'tiny'"),
        (["models", "list", "--profile", "lapptop"], "Did you mean 'laptop'?"),
        (["models", "check", "blip-captions"], "Did you mean 'blip-caption'?"),
        (["models", "train", "blib"], "Did you mean 'blip'?"),
        (["models", "train", "blip", "--steps", "0"], "at least 1"),
        (["app", "--port", "99999"], "is no port"),
    ],
)
def test_wrong_values_are_answered_plainly(arguments, says, capsys):
    assert cli.main(arguments) == 2
    assert says in capsys.readouterr().err


def test_a_busy_port_is_said_and_otherwise_the_next_is_taken(capsys, tiny_course, monkeypatch):
    monkeypatch.setenv("COURSE_ROOT", str(tiny_course))
    with socket.socket() as other:
        other.bind((apps.HOST, 0))
        other.listen()
        busy = other.getsockname()[1]
        assert cli.main(["app", "--port", str(busy)]) == 2
        assert f"Port {busy} is used by another program" in capsys.readouterr().err
        monkeypatch.setattr(apps, "PORT", busy)
        assert apps.free_port() > busy


def test_the_app_needs_its_notebook(tiny_course, monkeypatch):
    monkeypatch.setenv("COURSE_ROOT", str(tiny_course))
    with pytest.raises(CourseError, match="git checkout"):
        apps.app()


def test_the_app_answers_on_loopback_alone_and_ends_with_ctrl_c(tiny_course):
    tag_as_app(write_notebook(tiny_course / apps.APPS["picture"].source, "'hello'"))
    port = apps.free_port()
    command = [sys.executable, "-m", "helpers.cli", "app", "--no-browser", "--port", str(port)]
    with subprocess.Popen(
        command, env=clean_environment(tiny_course), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        preexec_fn=interruptible,
    ) as app:  # fmt: skip
        try:
            assert f"http://127.0.0.1:{port}/" in app.stdout.readline()
            assert answer(port, patience=300) < 400
            with pytest.raises(OSError):
                socket.create_connection(("127.0.0.2", port), timeout=5)  # no other address of this machine
            app.send_signal(signal.SIGINT)
            assert app.wait(timeout=60) == 0
        finally:
            app.kill()


def tag_as_app(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[-1].metadata["tags"] = ["app"]
    nbformat.write(notebook, path)


def answer(port: int, patience: float) -> int:
    """The HTTP status of a page that needs no kernel, once something answers at a port."""
    end = time.monotonic() + patience
    while True:
        connection = http.client.HTTPConnection(apps.HOST, port, timeout=30)
        try:
            connection.request("GET", "/voila/static/favicon.ico")
            return connection.getresponse().status
        except OSError:
            assert time.monotonic() < end, "nothing answers"
            time.sleep(0.2)
        finally:
            connection.close()
