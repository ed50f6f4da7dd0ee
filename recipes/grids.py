"""What the grids of the benchmark notebooks have in common: their parts are asked one after the other, and recorded.

A grid is a module with parts, each a ``course bench`` command, shown before it runs. Stopped at any time, the same
command goes on from there. It comes out as ``data/measured/NAME-PROFILE.jsonl.gz`` (see ``helpers.bench.archive``),
with a ``.json`` beside it that says how and with which weights it was made.
"""

from __future__ import annotations

import argparse
import itertools
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from helpers import bench, records
from helpers.bench import command
from helpers.bench.plan import digest
from helpers.bench.timing import span
from helpers.errors import CourseError
from helpers.files import write_json
from helpers.models import file_sha256
from helpers.profiles import PROFILES, ModelSpec, root, spec


@dataclass(frozen=True)
class Grid:
    """What is asked of whom.

    Attributes:
        name: of the module in ``recipes``, and of the record.
        roles: the models, from small to large.
        parser: the command's arguments; begin with ``make_parser``.
        parts: (models, options) → name → the words of a ``course bench`` command, without the folder.
    """

    name: str
    roles: Sequence[str]
    parser: argparse.ArgumentParser
    parts: Callable[[Sequence[ModelSpec], argparse.Namespace], dict[str, list[str]]]


def make_parser(name: str, summary: str, items: int, clients: int, latency_items: int) -> argparse.ArgumentParser:
    """The arguments that every grid has, with these defaults."""
    parser = argparse.ArgumentParser(prog=f"python -m recipes.{name}", description=summary)
    parser.add_argument("--profile", choices=PROFILES, default="nano", help="whose models (default: nano)")
    parser.add_argument("--items", type=int, default=items, metavar="N", help=f"of a task (default: {items})")
    parser.add_argument("--clients", type=int, default=clients, metavar="N", help=f"at a time (default: {clients})")
    parser.add_argument(
        "--latency-items", type=int, default=latency_items, metavar="N",
        help=f"of a task, with one client (default: {latency_items})",
    )  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="say how many requests, tokens and yuan; ask nothing")
    return parser


def record(grid: Grid, words: Sequence[str] | None = None) -> int:
    """Run every part, or go on with it; write the record. 1 where a request was left without an answer."""
    options = grid.parser.parse_args(words)
    models = [row for role in grid.roles if (row := spec(role, options.profile)).profile == options.profile]
    commands = grid.parts(models, options)
    runs = root() / "_build" / "runs" / f"{grid.name}-{digest(described(models), list(commands.values()))}"
    parser, unanswered = argparse.ArgumentParser(), 0
    command.add_arguments(parser)
    for name, given in commands.items():
        print(f"\n{name}: course bench {shlex.join(given)}", flush=True)
        dry = ["--dry-run"] if options.dry_run else []
        unanswered |= command.run(parser.parse_args([*given, *dry, "--out", str(runs / name)]))
    if not options.dry_run:
        write_record(grid, options, models, commands, runs)
    return unanswered


def asked(models: Sequence[ModelSpec]) -> list[str]:
    """The models as ``course bench`` is told them: ids at an address, or roles of a profile."""
    if models[0].is_hosted:
        return ["--models", *(row.id for row in models), "--base-url", models[0].base_url]
    return ["--models", *(row.role for row in models), "--profile", models[0].profile]


def described(models: Sequence[ModelSpec]) -> dict[str, dict]:
    """Which weights played which role: answers of others must not be taken for theirs."""
    fields = ("role", "parameters", "revision", "base_url")
    told = {row.id: {name: getattr(row, name) for name in fields if getattr(row, name)} for row in models}
    for row in models:
        if row.is_local:
            told[row.id]["sha256"] = file_sha256(row.path / "model.safetensors")
    return told


def write_record(
    grid: Grid, options: argparse.Namespace, models: Sequence[ModelSpec], commands: dict, runs: Path
) -> None:
    """The archive of all parts, and how it was made."""
    path = root() / "data" / "measured" / f"{grid.name}-{options.profile}.jsonl.gz"
    logs = {name: bench.read(runs / name) for name in commands}
    usual = vars(grid.parser.parse_args([]))
    told = [f"--{name.replace('_', '-')} {value}" for name, value in vars(options).items() if value != usual[name]]
    about = {
        "command": " ".join([f"python -m recipes.{grid.name}", *told]),
        "date": datetime.now(UTC).date().isoformat(), "commit": commit(), "profile": options.profile,
        "device": records.device_name(), "versions": records.versions(), "models": described(models),
        "parts": {name: _part(commands[name], attempts) for name, attempts in logs.items()},
    }  # fmt: skip
    # Only now, after the commit was asked for: the archive itself would make the checkout look changed.
    bench.write_archive(path, itertools.chain(*logs.values()))
    write_json(path.with_name(f"{grid.name}-{options.profile}.json"), about)
    print(f"\nWritten to {path} ({path.stat().st_size / 1e6:.2f} MB).")


def _part(given: list[str], attempts: list[bench.Attempt]) -> dict:
    """The command, how many answers it got, and the seconds from first request to last answer, pauses left out."""
    answered = sorted((attempt for attempt in attempts if attempt.finished), key=lambda attempt: attempt.run)
    seconds = sum(span(list(of_run)) for _, of_run in itertools.groupby(answered, key=lambda attempt: attempt.run))
    return {
        "command": f"course bench {shlex.join(given)}", "attempts": len(attempts), "answers": len(answered),
        "seconds": round(seconds, 1),
    }  # fmt: skip


def commit() -> str:
    """The repository's state, "-dirty" with changes that are not committed; "unknown" outside of git."""
    asked = ["git", "-C", str(root()), "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def run_as_script(main: Callable[[], int]) -> None:
    """Exit with the command's status, or with what stopped it in one line."""
    try:
        sys.exit(main())
    except CourseError as error:
        sys.exit(str(error))
