"""Record the full grid of chapter 2's benchmark: ``python -m recipes.reasoning_grid``.

Six puzzle families × three sizes, thinking and direct: accuracy with several clients at a time, latency with one client
on fewer items. The largest size also gets wordings and lengths that training never showed. Each part is a ``course
bench`` command, shown before it runs. Stopped at any time, the same command goes on from there.

Comes out as ``data/measured/reasoning_grid-nano.jsonl.gz`` (see ``helpers.bench.archive``), with a
``.json`` beside it that says how and with which weights it was made.
"""

from __future__ import annotations

import argparse
import itertools
import shlex
import subprocess
import sys
from collections.abc import Sequence
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
from helpers.worlds import puzzles

ROLES = ("r1-s", "r1-m", "r1-l")
ITEMS, SAMPLES, CLIENTS = 100, 2, 32  # of a family where accuracy is measured; per item; at a time
LATENCY_ITEMS = 20  # of a family, with one client
SHORT, LONG = 256, 16384  # tokens of an answer at most: of the nano models (the longest solution has 140), of others


def main(words: Sequence[str] | None = None) -> int:
    """Run every part, or go on with it; write the record. 1 where a request was left without an answer."""
    options = parse(words)
    models = [row for role in ROLES if (row := spec(role, options.profile)).profile == options.profile]
    commands = parts(models, options)
    runs = root() / "_build" / "runs" / f"reasoning_grid-{digest(described(models), list(commands.values()))}"
    parser, unanswered = argparse.ArgumentParser(), 0
    command.add_arguments(parser)
    for name, given in commands.items():
        print(f"\n{name}: course bench {shlex.join(given)}", flush=True)
        dry = ["--dry-run"] if options.dry_run else []
        unanswered |= command.run(parser.parse_args([*given, *dry, "--out", str(runs / name)]))
    if not options.dry_run:
        write_record(options, models, commands, runs)
    return unanswered


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m recipes.reasoning_grid", description=__doc__.partition("\n")[0])
    parser.add_argument("--profile", choices=PROFILES, default="nano", help="whose models (default: nano)")
    parser.add_argument("--items", type=int, default=ITEMS, metavar="N", help=f"of a family (default: {ITEMS})")
    parser.add_argument("--samples", type=int, default=SAMPLES, metavar="K", help=f"per item (default: {SAMPLES})")
    parser.add_argument("--clients", type=int, default=CLIENTS, metavar="N", help=f"at a time (default: {CLIENTS})")
    parser.add_argument(
        "--latency-items", type=int, default=LATENCY_ITEMS, metavar="N",
        help=f"of a family, with one client (default: {LATENCY_ITEMS})",
    )  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="say how many requests, tokens and yuan; ask nothing")
    return parser.parse_args(words)


def parts(models: Sequence[ModelSpec], options: argparse.Namespace) -> dict[str, list[str]]:
    """Name → the words of its ``course bench`` command, without the folder."""
    most = SHORT if all(row.is_local for row in models) else LONG
    common = ["--run-code", "--max-tokens", str(most)]
    # one model after the other: a server that answers several clients at once holds one at a time
    accuracy = ["--limit", str(options.items), "--concurrency", str(options.clients), "--order", "blocks", *common]
    latency = ["--limit", str(options.latency_items), *common]
    # hosted reasoners have no switch for it: they think
    modes = {"thinking": []} if models[0].is_hosted else {"thinking": ["--think"], "direct": ["--no-think"]}
    commands = {}
    for mode, switch in modes.items():
        tasks = ["--tasks", *puzzles.FAMILIES]
        sampled = ["--samples", str(options.samples)]
        commands[f"{mode}, accuracy"] = [*_asked(models), *tasks, *switch, *accuracy, *sampled]
        commands[f"{mode}, latency"] = [*_asked(models), *tasks, *switch, *latency]
    tasks = [f"{family}/{split}" for family in puzzles.FAMILIES for split in ("templates", "longer")]
    commands["templates and longer"] = [*_asked(models[-1:]), "--tasks", *tasks, *modes["thinking"], *accuracy]
    return commands


def _asked(models: Sequence[ModelSpec]) -> list[str]:
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


def write_record(options: argparse.Namespace, models: Sequence[ModelSpec], commands: dict, runs: Path) -> None:
    """The archive of all parts, and how it was made."""
    path = root() / "data" / "measured" / f"reasoning_grid-{options.profile}.jsonl.gz"
    logs = {name: bench.read(runs / name) for name in commands}
    given = vars(options).items()
    told = [f"--{name.replace('_', '-')} {value}" for name, value in given if value != vars(parse([]))[name]]
    about = {
        "command": " ".join(["python -m recipes.reasoning_grid", *told]),
        "date": datetime.now(UTC).date().isoformat(), "commit": commit(), "profile": options.profile,
        "device": records.device_name(), "versions": records.versions(), "models": described(models),
        "parts": {name: _part(commands[name], attempts) for name, attempts in logs.items()},
    }  # fmt: skip
    # Only now, after the commit was asked for: the archive itself would make the checkout look changed.
    bench.write_archive(path, itertools.chain(*logs.values()))
    write_json(path.with_name(f"reasoning_grid-{options.profile}.json"), about)
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


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CourseError as error:
        sys.exit(str(error))
