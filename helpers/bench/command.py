"""``course bench``: the arguments, and what happens with them."""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import math
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..tasks import Item
from .plan import LOCAL, ORDERS, Key, Request, Settings, host_of, make_plan

if TYPE_CHECKING:
    from .log import Attempt

DESCRIPTION = """\
Ask models the items of tasks, grade the answers, and write log, scores and a report into a folder.

Without --base-url the models are roles of the course (r1-s …) and a server is started on this machine for them. Run the
same command again after a kill, a failure or Ctrl-C: what is answered is not asked again. The key of a hosted service
comes from the environment (DASHSCOPE_API_KEY, OPENAI_API_KEY). Latency is measured with --concurrency 1 (the default),
throughput with more. The exit status is 1 when requests were left without an answer."""

EPILOG = """\
tasks:
  arithmetic, logic, tracking, commonsense, code, writing    puzzle families, held out; also tracking/longer …
  vision/description, analysis, vqa, absent, grounding, pointing, ocr, extraction, document_vqa, video, when, difference
                                                             the worlds' pictures, held out; also vision/vqa/novel,
                                                             vision/vqa/max_pixels=3136, and vision/grounding/relative
                                                             for models that write boxes in thousandths (Qwen3-VL)
  mathematics_en, logic_zh, description_en, vqa_zh …         the sets in data/benchmark
  gsm8k, humaneval, bbh/navigate …                           from the hub, or from the authors' file: gsm8k=PATH
  PATH.jsonl                                                 items of your own

examples:
  course bench --models r1-s r1-l --tasks arithmetic logic --limit 50 --out runs/first
  course bench --models deepseek-r1-distill-qwen-7b --tasks mathematics_en --max-tokens 16384 --temperature 0.6 \\
      --base-url https://dashscope.aliyuncs.com/compatible-mode/v1 --dry-run"""

AFTER = "Answers so far are kept; the same command goes on from there."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``course bench``."""
    parser.add_argument("--models", nargs="+", required=True, metavar="M", help="roles, or ids at --base-url")
    parser.add_argument("--tasks", nargs="+", required=True, metavar="T", help="tasks by name, or JSONL files of items")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/bench"), metavar="DIR", help="folder (default: runs/bench)"
    )
    parser.add_argument("--base-url", metavar="URL", help="another OpenAI-compatible server, e.g. https://host/v1")
    parser.add_argument("--profile", default="nano", metavar="P", help="whose weights to serve here (default: nano)")
    parser.add_argument("--dry-run", action="store_true", help="say how many requests, tokens and yuan; ask nothing")
    parser.add_argument("--limit", type=_positive, metavar="N", help="at most N items of each task, drawn with --seed")
    parser.add_argument("--samples", type=_positive, default=1, metavar="K", help="times to ask each item (default: 1)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of order, items and samples (default: 0)")
    parser.add_argument(
        "--order", choices=ORDERS,
        help="models take turns (default), or one by one (default with several clients at the server of this machine)",
    )  # fmt: skip
    parser.add_argument("--temperature", type=_finite, metavar="X", help="(default: the server's)")
    parser.add_argument("--top-p", type=_finite, metavar="X", help="(default: the server's)")
    parser.add_argument("--max-tokens", type=_positive, default=1024, metavar="N", help="of an answer (default: 1024)")
    parser.add_argument(
        "--think", action=argparse.BooleanOptionalAction, default=None, help="where the template has a switch for it"
    )
    parser.add_argument("--run-code", action="store_true", help="run code answers, in the sandbox, to grade them")
    parser.add_argument("--concurrency", type=_positive, default=1, metavar="N", help="requests at a time (default: 1)")
    parser.add_argument("--rpm", type=float, default=math.inf, metavar="N", help="requests per minute (default: any)")
    parser.add_argument("--tpm", type=float, default=math.inf, metavar="N", help="tokens per minute (default: any)")
    parser.add_argument("--attempts", type=_positive, default=5, metavar="N", help="at one request (default: 5)")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {number}")
    return number


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise argparse.ArgumentTypeError(f"must be a number, not {number}")
    return number


def run(options: argparse.Namespace) -> int:
    """Run the benchmark; 0, or 1 when requests were left without an answer. Raises CourseError for what stops it."""
    from .engine import RunStopped
    from .log import read
    from .sources import check_conventions, load_tasks

    items = load_tasks(options.tasks, options.limit, options.seed, options.think)
    models = _model_ids(options)
    check_conventions(items, models)
    host = host_of(options.base_url) if options.base_url else LOCAL
    settings = Settings(host, options.temperature, options.top_p, options.max_tokens, options.seed, options.think)
    plan = make_plan(items, models, options.samples, settings, _order(options), options.seed)
    if options.dry_run:
        return _dry_run(plan, options.out)
    stopped = None
    try:
        if _open_requests(plan, read(options.out)):  # else neither a key nor a server is needed
            asyncio.run(_ask(plan, options))
    except RunStopped as error:  # what there is can still be graded and shown
        stopped = error
    unanswered = _conclude(plan, items, options)
    if stopped:
        raise stopped
    return int(unanswered > 0)


def _order(options: argparse.Namespace) -> str:
    """Models take turns, so that drift meets all alike; but ``transformers serve`` batches one model at a time."""
    batched_here = not options.base_url and options.concurrency > 1
    return options.order or ("blocks" if batched_here else "interleaved")


def _model_ids(options: argparse.Namespace) -> list[str]:
    """The ids to ask for: as they were given, or those of the weights that play the roles."""
    if options.base_url:
        return options.models
    from ..profiles import spec

    chosen = [spec(role, options.profile) for role in options.models]
    for row in chosen:
        if row.profile != options.profile:
            print(row.note, file=sys.stderr)
    return [row.id for row in chosen]


async def _ask(plan: list[list[Request]], options: argparse.Namespace) -> None:
    from ..chat import make_client
    from . import engine
    from .limits import Limits

    limits = Limits(options.concurrency, options.rpm, options.tpm, options.attempts)
    with _endpoint(options) as base_url:
        async with make_client(base_url) as client:
            await engine.run(plan, client, options.out, limits, _as_typed(options))


@contextlib.contextmanager
def _endpoint(options: argparse.Namespace) -> Iterator[str]:
    """The base URL given, or that of a server started for this run."""
    if options.base_url:
        yield options.base_url
        return
    from ..server import serve

    print(f"Starting a server on this machine for {', '.join(options.models)} …", file=sys.stderr)
    with serve(options.models, options.profile, continuous_batching=options.concurrency > 1) as server:
        yield server.base_url


def _as_typed(options: argparse.Namespace) -> str:
    """The command, for the record; it holds no key, since ``host_of`` accepts no address with one."""
    words = ["course bench"]
    for name, value in vars(options).items():
        flag = f"--{name.replace('_', '-')}"
        if name in ("command", "function", "after_interrupt", "dry_run", "out") or value is None or value == math.inf:
            continue
        if value is False:
            if name == "think":  # the only switch whose "no" says something
                words.append("--no-think")
            continue
        values = [] if value is True else value if isinstance(value, list) else [value]
        words += [flag, *(shlex.quote(str(each)) for each in values)]
    return " ".join(words)


def _conclude(plan: list[list[Request]], items: Sequence[Item], options: argparse.Namespace) -> int:
    """Grade, print the scores, write the report; the number of requests that have no answer."""
    from ..grading import allow
    from .grades import grade_answers
    from .log import current, read
    from .report import score_rows, write_report
    from .summary import summarise

    with allow() if options.run_code else contextlib.nullcontext():
        ungraded = grade_answers(options.out, items)
    attempts = current(read(options.out))
    _print_table(score_rows(summarise(attempts)))
    for reason, n in ungraded.items():
        print(f"{n} answers were not graded: {reason}.")
    unanswered = _open_requests(plan, attempts)
    if unanswered:
        print(f"{len(unanswered)} requests have no answer yet; the same command asks them again.")
        last = {attempt.key: attempt.reply for attempt in attempts}
        said = [f"{last[key].outcome}: {last[key].error}" for key in unanswered if key in last]
        for reason, n in collections.Counter(said).most_common(5):
            print(f"{n} of them ended with {reason}")
    print(f"Log, grades and report are in {options.out}: open {write_report(options.out, items)}")
    return len(unanswered)


def _open_requests(plan: list[list[Request]], attempts: Sequence[Attempt]) -> list[Key]:
    """The requests of a plan that no attempt has answered."""
    from .log import finished_keys

    done = finished_keys(attempts)
    return [request.key for block in plan for request in block if request.key not in done]


def _dry_run(plan: list[list[Request]], folder: Path) -> int:
    from .estimate import METHOD, dry_run
    from .log import read

    def yuan(value: float | None) -> str:
        return "unknown" if value is None else f"{value:.4g}"

    print("Dry run: nothing is asked, no key is used.")
    estimates = dry_run(plan, read(folder))
    _print_table([
        {
            "model": e.model, "answered before": f"{e.answered:,}", "requests": f"{e.requests:,}",
            "tokens read (about)": f"{e.prompt_tokens:,}", "written (at most)": f"{e.output_tokens:,}",
            "written (as so far)": "–" if e.likely_tokens is None else f"{e.likely_tokens:,.0f}",
            "yuan (at most)": yuan(e.yuan), "yuan (as so far)": "–" if e.likely_tokens is None else yuan(e.likely_yuan),
        }
        for e in estimates
    ])  # fmt: skip
    print(f"{sum(e.requests for e in estimates):,} requests in all. {METHOD}")
    print("Prices: data/prices.yaml, which says where and when each was seen; what runs on this machine costs 0.")
    return 0


def _print_table(rows: Sequence[dict[str, str]]) -> None:
    if not rows:
        return
    lines = [list(rows[0]), *(list(row.values()) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines)]
    for line in lines:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths)).rstrip())
