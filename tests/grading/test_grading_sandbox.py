"""The sandbox against programs that go wrong in every way a model's do, and against those that only seem to pass."""

import multiprocessing
import os
import socket
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from helpers.errors import CourseError
from helpers.grading import SandboxOff, SandboxResult, allow, run_code, sandbox

linux = pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
posix = pytest.mark.skipif(os.name != "posix", reason="limits of POSIX systems")


def run(code: str, tests: str = "", **limits) -> SandboxResult:
    with allow():
        return run_code(textwrap.dedent(code), textwrap.dedent(tests), **limits)


def needs(result: SandboxResult, limit: str) -> None:
    """Skip what this machine cannot limit; the result says so, which is all that can be asked of it."""
    if limit in result.missing:
        pytest.skip(f"this machine cannot limit {limit}")


# Switching it on


def test_nothing_runs_until_it_is_switched_on(monkeypatch):
    monkeypatch.delenv("COURSE_SANDBOX", raising=False)
    monkeypatch.setattr(subprocess, "Popen", None)
    with pytest.raises(SandboxOff, match=r"allow\(\).*COURSE_SANDBOX=on.*risk"):
        run_code("x = 1", "assert x")
    monkeypatch.setenv("COURSE_SANDBOX", "off")
    with pytest.raises(SandboxOff):
        run_code("x = 1", "assert x")


def test_the_environment_or_a_context_switches_it_on_in_any_thread(monkeypatch):
    monkeypatch.setenv("COURSE_SANDBOX", "on")
    assert run_code("x = 1", "assert x").passed
    monkeypatch.delenv("COURSE_SANDBOX")
    results = []
    with allow():
        thread = threading.Thread(target=lambda: results.append(run_code("x = 1", "assert x").passed))
        thread.start()
        thread.join()
    assert results == [True]
    assert not sandbox.allowed()


# Verdicts


def test_a_long_message_of_any_characters_is_a_verdict():
    result = run("class E(Exception): pass\nraise E('\U0001f600' * 2000)")
    assert not result.passed and "\U0001f600" in result.detail


@pytest.mark.parametrize(
    ("code", "tests", "outcome", "detail"),
    [
        ("def f(x): return x + 1", "assert f(1) == 2\nassert f(2) == 3", "passed", ""),
        (
            "def f(x): return x",
            "assert f(1) == 1\nassert f(1) == 2, 'one more'",
            "failed",
            "one more at: assert f(1) == 2",
        ),
        ("def f(x) return x", "assert f(1)", "error", "SyntaxError"),
        ("x = 1\0", "", "error", "SyntaxError"),
        ("x = '\ud800'; x.encode()", "", "error", "UnicodeEncodeError"),
        ("", "assert f(1) == 2", "error", "NameError: name 'f' is not defined at: assert f(1) == 2"),
        ("def f(x): return 1 / x", "f(0)", "error", "ZeroDivisionError: division by zero at: def f(x): return 1 / x"),
        ("def f(x): assert x", "f(0)", "error", "AssertionError"),  # the program's own, not the tests'
        ("class E(BaseException):\n def __str__(self): raise self\nraise E", "", "error", "E at: raise E"),
        ("def f(n): return f(n + 1)", "f(0)", "error", "RecursionError"),
        ("input()", "", "error", "EOFError"),
        ("import numpy", "", "error", "ModuleNotFoundError"),
        ("import helpers", "", "error", "ModuleNotFoundError"),
        ("while True: pass", "", "timeout", "not finished after 1 s"),
        ("import time\nwhile True: time.sleep(9)", "", "timeout", "not finished after 1 s"),
        ("if __name__ == '__main__': raise SystemExit", "", "passed", ""),  # demos do not run
        (
            "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass P:\n  x: int",
            "assert P(1) == P(1)",
            "passed",
            "",
        ),
    ],
)
def test_a_verdict_says_what_happened(code, tests, outcome, detail):
    result = run(code, tests, timeout_s=1 if outcome == "timeout" else 30)
    assert result.outcome == outcome
    assert detail in result.detail
    assert result.passed == (outcome == "passed")


def test_a_slow_start_does_not_count_as_the_programs_time():
    result = run("import time; start = time.monotonic()\nwhile time.monotonic() < start + 0.5: pass", timeout_s=20)
    assert result.passed and 0.4 < result.seconds < 20


CHEATS = {
    "leaves before the tests": "import sys; sys.exit(0)",
    "leaves without goodbye": "import os; os._exit(0)",
    "leaves inside a test": "import os\ndef f(): os._exit(0)",
    "raises SystemExit inside a test": "def f(): raise SystemExit(0)",
    "kills itself": "import os, signal\ndef f(): os.abort()",
    "crashes": "import ctypes\ndef f(): ctypes.string_at(0)",
    "prints the verdict": "print('passed'); print('\\n' + '0' * 32 + ' passed \"\"')",
    "writes the verdict into every file descriptor": """
        import os
        for fd in range(3, 50):
            try:
                os.write(fd, b'\\n' + b'0' * 32 + b" passed ''\\n" * 2)
            except OSError:
                pass
    """,
    "floods every file descriptor and leaves": """
        import os
        for fd in range(3, 50):
            try:
                os.write(fd, b'passed ' * 5000)
            except OSError:
                pass
        os._exit(0)
    """,
    "closes everything": "import os; os.closerange(0, 100)",
    "replaces builtins": """
        import builtins
        builtins.AssertionError = type('Fine', (Exception,), {})
        builtins.abs = builtins.len = builtins.exec = builtins.compile = lambda *a, **k: 42
        len = abs = lambda x: 42
    """,
    "replaces what the verdict is written with": """
        import os, sys, json
        os.write = sys.stdout.write = json.dumps = lambda *a: 0
        sys.exit = os._exit = lambda code: None
    """,
    "leaves a thread and an exit handler": "import atexit; atexit.register(print, 'passed')",
    "defines the test itself": "def check(f): pass",
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_program_that_fails_its_tests_cannot_pass_by(cheat):
    code = "def f(): return []\n" + textwrap.dedent(CHEATS[cheat])
    result = run(code, "def check(f):\n    assert len(f()) == 42\ncheck(f)", timeout_s=30)
    assert not result.passed


def test_the_same_program_without_a_cheat_passes():
    assert run("def f(): return [0] * 42", "def check(f):\n    assert len(f()) == 42\ncheck(f)").passed


def test_invalid_tests_are_the_items_fault():
    with pytest.raises(CourseError, match="Correct the item"):
        run("x = 1", "assert x ==")


@pytest.mark.parametrize("limits", [{"timeout_s": 0}, {"memory_mb": 10}])
def test_limits_that_leave_no_room_are_an_error(limits):
    with pytest.raises(CourseError, match="64 MB"):
        run("x = 1", **limits)


# Limits


def test_output_is_capped_and_kept():
    result = run("print('first'); print('x' * 30_000_000)", timeout_s=60)
    assert result.passed
    assert result.output.startswith("first\nx") and len(result.output) == sandbox.MAX_OUTPUT


def test_the_environment_is_empty(monkeypatch):
    monkeypatch.setenv("SECRET_API_KEY", "sk-12345")
    result = run("import os; print(dict(os.environ))", timeout_s=30)
    assert result.output == "{}\n"
    if sys.platform == "linux":  # what the process was started with, whatever Python makes of it
        assert "SECRET" not in run("print(open('/proc/self/environ').read())", timeout_s=30).output


@posix
def test_memory_is_limited():
    result = run("x = bytearray(2_000_000_000)", memory_mb=256)
    needs(result, "memory")
    assert (result.outcome, result.detail) == ("error", "MemoryError at: x = bytearray(2_000_000_000)")
    creeping = run("x = []\nwhile True: x.append(bytearray(10**7))", memory_mb=256, timeout_s=60)
    assert creeping.detail.startswith("MemoryError")


@posix
def test_the_size_of_files_is_limited():
    result = run("open('big', 'wb').write(bytes(10_000_000))")
    needs(result, "file size")
    assert result.outcome == "error" and "File too large" in result.detail


@posix
def test_a_fork_bomb_does_not_go_off():
    probe = run("x = 1")
    needs(probe, "processes")  # else the bomb would be real, until the time is up
    result = run("import os\nwhile True: os.fork()", timeout_s=5)
    assert result.outcome == "error" and "BlockingIOError" in result.detail
    assert "can't start new thread" in run("import threading; threading.Thread(target=print).start()").detail


@linux
def test_there_is_no_network():
    with socket.create_server(("127.0.0.1", 0)) as server:
        result = run(
            f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 3)", timeout_s=30
        )
    needs(result, "network")
    assert result.network_blocked
    assert result.outcome == "error" and "Network is unreachable" in result.detail


@linux
def test_nothing_is_written_outside_the_folder(tmp_path):
    (tmp_path / "mine").write_text("precious")
    inside = run(
        "import os\nopen('x', 'w').write('y'); os.mkdir('d'); os.rename('x', 'd/x'); os.remove('d/x')", timeout_s=30
    )
    assert inside.passed
    needs(inside, "writes")
    for code in (
        "open('{0}/new', 'w')",
        "open('{0}/mine', 'w')",
        "import os; os.remove('{0}/mine')",
        "import os; os.mkdir('{0}/d')",
    ):
        result = run(code.format(tmp_path), timeout_s=30)
        assert result.outcome == "error" and "Permission denied" in result.detail
    assert [file.name for file in tmp_path.iterdir()] == ["mine"]
    assert (tmp_path / "mine").read_text() == "precious"


@linux
def test_other_programs_are_out_of_reach():
    other = multiprocessing.current_process().pid
    result = run(f"import os; os.kill({other}, 0)", timeout_s=30)
    needs(result, "signals")
    assert result.outcome == "error" and ("No such process" in result.detail or "not permitted" in result.detail)
    environ = run(f"print(open('/proc/{other}/environ').read())", timeout_s=30)
    assert environ.outcome == "error" and environ.output == ""


def test_reading_is_not_stopped_as_the_docstring_says(tmp_path):
    (tmp_path / "mine").write_text("readable")
    assert run(f"print(open({str(tmp_path / 'mine')!r}).read())", timeout_s=30).output == "readable\n"
    assert "reading any file that you can read" in run_code.__doc__


def test_an_object_that_equals_everything_is_not_stopped_as_the_docstring_says():
    code = "class Anything:\n    def __eq__(self, other): return True\ndef f(): return Anything()"
    assert run(code, "assert f() == 42").passed
    assert "an object that equals everything" in " ".join(run_code.__doc__.split())


def test_missing_limits_are_named_where_the_platform_has_none(monkeypatch):
    # Windows has no module `resource`, and no C library that is asked; a harness without them must still run programs
    harness = sandbox.HARNESS.read_text(encoding="utf-8")
    crippled = harness.replace("import resource", "raise ImportError").replace('"linux"', '"nowhere"')
    with sandbox.tempfile.TemporaryDirectory() as folder:
        path = sandbox.Path(folder) / "harness.py"
        path.write_text(crippled, encoding="utf-8")
        monkeypatch.setattr(sandbox, "HARNESS", path)
        result = run("def f(x): return x + 1", "assert f(1) == 2", timeout_s=30)
        assert result.passed
        assert result.missing == ("cpu", "memory", "file size", "processes", "signals", "writes", "network")
        assert not result.network_blocked
        assert run("while True: pass", timeout_s=1).outcome == "timeout"


# Nothing is left behind


def test_the_folder_is_deleted_whatever_the_program_did_to_it():
    result = run("import os; print(os.getcwd()); os.mkdir('d'); open('d/x', 'w'); os.chmod('d', 0)", timeout_s=30)
    assert result.passed
    assert not os.path.exists(result.output.strip()) or os.getuid() != 0


@posix
def test_the_whole_group_is_killed_at_the_time_limit(tmp_path):
    result = run("import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(60)", timeout_s=1)
    assert result.outcome == "timeout"
    time.sleep(0.2)
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert str(sandbox.HARNESS) not in running


def test_a_harness_that_cannot_start_is_an_error_not_a_grade(monkeypatch, tmp_path):
    broken = tmp_path / "harness.py"
    broken.write_text("raise SystemExit('no room')")
    monkeypatch.setattr(sandbox, "HARNESS", broken)
    with pytest.raises(CourseError, match="could not start.*no room"):
        run("x = 1")
