"""What runs inside the sandbox: limit this process, run a program, then its tests, and say what came of it.

``sandbox.run_code`` starts this file as ``python -I -S harness.py``. It reads one JSON object from standard input and
writes lines to standard output, each opening with a token that only the sandbox knows. The program gets neither: before
it starts, standard input is closed, and standard output leads to where its prints are collected.
"""

from __future__ import annotations

import builtins
import contextlib
import json
import os
import sys
import types

# Builtins of this file's own, and of the tests: the program can replace those in the module, but not these.
__builtins__ = TRUSTED = dict(vars(builtins))

#: What can be limited, in the words of ``SandboxResult.missing``.
LIMITS = ("cpu", "memory", "file size", "processes", "signals", "writes", "network")

NOBODY = 65534
SIGKILL = 9
# Linux, uapi/linux/sched.h, prctl.h and landlock.h. Landlock's calls have the same numbers on every architecture.
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x1000_0000, 0x2000_0000, 0x4000_0000
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446
LANDLOCK_WRITES = 0b1_1111_1111_0010  # write, make and remove files: what every version of Landlock knows
LANDLOCK_MOVE, LANDLOCK_TRUNCATE = 1 << 13, 1 << 14  # since versions 2 and 3
LANDLOCK_SCOPE_SIGNAL = 1 << 1  # since version 6


def main() -> None:
    leave = os._exit  # bound now, as is what the verdict is written with: the program may replace it
    order = json.load(sys.stdin)
    report = _private_channel(order["token"])
    try:
        tests = compile(order["tests"], "<tests>", "exec")
    except (SyntaxError, ValueError) as error:
        return report("unusable", str(error))
    in_force = _limit(order["timeout_s"], order["memory_mb"], order["file_mb"])
    report("limits", ",".join(limit for limit in LIMITS if limit not in in_force))
    outcome, error = _run(order["code"], tests)
    report(outcome, _described(error, {"<answer>": order["code"], "<tests>": order["tests"]}) if error else "")
    leave(0)  # what the program left behind (threads, exit handlers) does not run


def _private_channel(token: str):
    """Standard output for the verdict alone. The program's prints, and what it starts, get standard error's pipe."""
    channel = os.dup(1)
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.environ.clear()  # Python itself may have set LC_CTYPE
    write = os.write

    def report(outcome: str, detail: str) -> None:
        write(channel, f"\n{token} {outcome} {detail[:500]!a}\n".encode("ascii"))

    return report


def _run(code: str, tests: types.CodeType) -> tuple[str, BaseException | None]:
    """The outcome, and what was raised."""
    program = types.ModuleType("answer")  # a real module, for dataclasses and pickle; not "__main__": no demos
    program.__builtins__ = builtins
    sys.modules["answer"] = program
    try:
        exec(compile(code, "<answer>", "exec"), vars(program))
        # the tests see the program's names, but not its builtins, nor what it gave a builtin's name
        names = {name: value for name, value in vars(program).items() if name not in TRUSTED}
        exec(tests, {**names, "__name__": "tests", "__builtins__": TRUSTED})
    except SystemExit as error:
        return "ended", error
    except BaseException as error:  # whatever a program can raise, kinds of its own included
        own = isinstance(error, AssertionError) and _place(error)[0] == "<tests>"
        return ("failed" if own else "error"), error
    finally:
        _quietly(lambda: print(end="", flush=True))  # what it printed; a stream that it broke is its own affair
    return "passed", None


def _place(error: BaseException) -> tuple[str, int]:
    """File and line where it was raised."""
    if isinstance(error, SyntaxError):
        return error.filename or "", error.lineno or 0
    where, number = "", 0
    step = error.__traceback__
    while step:
        where, number = step.tb_frame.f_code.co_filename, step.tb_lineno
        step = step.tb_next
    return where, number


def _described(error: BaseException, sources: dict[str, str]) -> str:
    """One line: what was raised, and the line of the program or of its tests that did."""
    where, number = _place(error)
    lines = sources.get(where, "").splitlines()
    line = f" at: {lines[number - 1].strip()}" if 0 < number <= len(lines) else ""
    text = _quietly(lambda: f": {error}" if str(error) else "") or ""
    return " ".join(f"{type(error).__name__}{text}{line}".split())


def _quietly(call) -> object:
    """Call into what the program may have replaced; whatever that raises says nothing about the verdict."""
    try:
        return call()
    except BaseException:
        return None


def _limit(timeout_s: float, memory_mb: int, file_mb: int) -> set[str]:
    """Limit this process for good. Returns what is in force: no platform has everything."""
    in_force = set()
    if libc := _libc():
        in_force |= _landlock(libc, os.getcwd()) | _namespaces(libc)
    try:
        import resource
    except ImportError:  # Windows
        return in_force
    limits = {
        "cpu": ("RLIMIT_CPU", int(timeout_s) + 1),
        "memory": ("RLIMIT_AS", memory_mb << 20),
        "file size": ("RLIMIT_FSIZE", file_mb << 20),
        "processes": ("RLIMIT_NPROC", 0),
        "core dumps": ("RLIMIT_CORE", 0),
        "open files": ("RLIMIT_NOFILE", 64),
    }
    for name, (limit, value) in limits.items():
        try:
            resource.setrlimit(getattr(resource, limit), (value, value))
        except (AttributeError, ValueError, OSError):  # unknown here, or refused
            continue
        in_force.add(name)
    if _can_start_processes():
        in_force.discard("processes")
    return in_force


def _can_start_processes() -> bool:
    """Try it: for an administrator, the limit on processes is often no limit."""
    try:
        child = os.fork()
    except OSError:
        return False
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return True


def _namespaces(libc) -> set[str]:
    """Linux: go where there is no network, not even loopback, and no process to send a signal to but this one."""
    if os.getuid() == 0:
        # An administrator's processes are never limited. Count as nobody's; files are opened as before.
        with contextlib.suppress(OSError):  # a container may have no such user
            os.setresuid(NOBODY, -1, -1)
    entered = libc.unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET) == 0
    libc.prctl(PR_SET_PDEATHSIG, SIGKILL)  # end with whoever waits for the verdict
    if not entered:
        return set()
    child = os.fork()  # the first child is the one that enters the new process namespace
    if child:
        exit_code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os._exit(exit_code if exit_code >= 0 else 128 - exit_code)  # as a shell reports a signal
    libc.prctl(PR_SET_PDEATHSIG, SIGKILL)
    return {"network", "signals"}


def _landlock(libc, folder: str) -> set[str]:
    """Linux 5.13 and later: write, make and remove files below one folder only; since 6.12, signal nobody else."""
    import ctypes

    class Beneath(ctypes.Structure):
        _pack_ = 1
        _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]

    version = libc.syscall(LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return set()
    writes = LANDLOCK_WRITES | LANDLOCK_MOVE * (version >= 2) | LANDLOCK_TRUNCATE * (version >= 3)
    handled = [writes, 0, LANDLOCK_SCOPE_SIGNAL] if version >= 6 else [writes]
    attributes = (ctypes.c_uint64 * len(handled))(*handled)
    rules = libc.syscall(LANDLOCK_CREATE, attributes, ctypes.c_size_t(ctypes.sizeof(attributes)), 0)
    parent = os.open(folder, os.O_PATH)
    beneath = Beneath(writes, parent)
    done = (
        libc.syscall(LANDLOCK_ADD, rules, 1, ctypes.byref(beneath), 0) == 0
        and libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
        and libc.syscall(LANDLOCK_RESTRICT, rules, 0) == 0
    )
    os.close(parent)
    os.close(rules)
    if not done:
        return set()
    return {"writes", "signals"} if version >= 6 else {"writes"}


def _libc():
    """The C library, on Linux; None elsewhere."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        import ctypes
    except ImportError:  # a Python built without libffi
        return None
    return ctypes.CDLL(None)


if __name__ == "__main__":
    main()
