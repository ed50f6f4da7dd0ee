"""The command ``course``: doctor, run, book, models, serve, bench, finetune, evaluate, generate, lab, app."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from pathlib import Path

from .errors import CourseError

EPILOG = """\
examples:
  course doctor                          is this machine ready, and if not, what to do
  course run                             execute every notebook (what changed) into _build/executed
  course run 01_blip/01_captioning       execute one
  course book                            build the book at _build/html/index.html
  course models list                     which weights play which role at which profile
  course lab                             open the notebooks in JupyterLab

`course COMMAND --help` tells more about each."""

RUN = """\
Execute notebooks through papermill into _build/executed, several at a time, each in a process of its own.

NOTEBOOK is a chapter (01_blip), a notebook (01_blip/01_captioning or just 01_captioning) or its path; none means all.
A notebook whose source, parameters, helpers, data and locked versions are unchanged is not run again.
A failing one names its cell, does not stop the others, and makes the exit status 1.
Ctrl-C keeps what is finished (exit status 130)."""

RUN_EPILOG = """\
examples:
  course run                                         everything that changed
  course run 01_blip --jobs 1                        a chapter, one notebook at a time with two threads
  course run 01_captioning -p n_items 50             another value in the parameters cell
  course run 01_blip --profile laptop --record       on real weights; keep time and memory in data/measured

Each notebook's log is in _build/logs; the unfinished output of a failed one in _build/failed."""

MODELS_EPILOG = """\
examples:
  course models list --profile laptop     which weights, how large, under which licence, already here?
  course models check                     are the nano checkpoints whole, and do their cards tell the truth?
  course models pull --profile laptop     download real weights (says first how many GB, and where to)
  course models train blip                train the nano checkpoints of chapter 1 again"""


def main(arguments: list[str] | None = None) -> int:
    """Run ``course``; the exit status: 0 done, 1 something failed, 2 wrong input, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a Windows console may not know "✓"; a log should fill line by line
            stream.reconfigure(errors="replace", line_buffering=True)
    options = parser().parse_args(arguments)
    try:
        return options.function(options)
    except CourseError as error:
        print(f"course {options.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\ncourse {options.command}: interrupted. {options.after_interrupt}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output (`| head`) has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        from .files import ADVICE

        print(f"course {options.command}: the disk is full. {ADVICE}", file=sys.stderr)
        return 2


def parser() -> argparse.ArgumentParser:
    """The whole command line; nothing heavy is imported before a command runs."""
    raw = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        prog="course", epilog=EPILOG, formatter_class=raw,
        description="Hands-On Multimodal LLMs: run the notebooks, build the book, look after the models.",
    )  # fmt: skip
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(to, name: str, function, summary: str, description: str = "", epilog: str = "", after: str = ""):
        command = to.add_parser(
            name, help=summary, description=description or summary, epilog=epilog, formatter_class=raw
        )
        command.set_defaults(function=function, after_interrupt=after)
        return command

    command = add(commands, "doctor", doctor, "say what state the installation is in, and what to do about it", DOCTOR)
    command.add_argument("--json", action="store_true", help="print the checks as JSON, for machines")

    after = "Finished notebooks are kept; the same command goes on from there."
    command = add(commands, "run", run, "execute notebooks through papermill", RUN, RUN_EPILOG, after)
    command.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="chapters or notebooks (default: all)")
    add_profile(command, "nano")
    command.add_argument("--jobs", type=int, default=2, metavar="N", help="notebooks at a time (default: 2)")
    command.add_argument(
        "-p", dest="parameters", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"),
        help="set a value of the parameters cell; may be repeated",
    )  # fmt: skip
    command.add_argument("--force", action="store_true", help="run even what is unchanged")
    command.add_argument("--record", action="store_true", help="keep time and memory in data/measured/notebooks.json")
    command.add_argument("--out", type=Path, metavar="DIR", help="where notebooks go (default: _build/executed)")

    command = add(commands, "book", book, "build the book at _build/html/index.html", BOOK, after=after)
    command.add_argument("--run", action="store_true", help="first execute the notebooks that changed, two at a time")
    add_profile(command, "nano", "with --run, whose weights to use")

    models = add(commands, "models", None, "list, check, download or train models", epilog=MODELS_EPILOG)
    actions = models.add_subparsers(dest="action", metavar="ACTION", required=True)
    command = add(actions, "list", models_list, "which weights play which role, and are they here?")
    add_profile(command, None, "only this profile")
    command = add(actions, "check", models_check, "are the nano checkpoints whole, and their cards true?", CHECK)
    command.add_argument("roles", nargs="*", metavar="ROLE", help="e.g. blip-caption (default: all)")
    after = "What is downloaded so far is kept; the same command goes on from there."
    command = add(actions, "pull", models_pull, "download a profile's weights", PULL, after=after)
    add_profile(command, "laptop")
    command.add_argument("--yes", action="store_true", help="do not ask before downloading")
    after = "The state is saved every 200 steps; the same command goes on from there."
    command = add(actions, "train", models_train, "train a nano checkpoint again", TRAIN, after=after)
    command.add_argument("name", metavar="NAME", help="a recipe (blip) or a role it trains (blip-caption)")
    command.add_argument("--steps", type=int, metavar="N", help="optimisation steps (default: the recipe's)")

    summary = "serve models to OpenAI-compatible clients on this machine"
    command = add(commands, "serve", serve, summary, SERVE, after="The server has ended.")
    command.add_argument("models", nargs="*", metavar="ROLE", help="e.g. r1-s (default: every role that can chat)")
    add_profile(command, "nano")
    command.add_argument("--port", type=int, metavar="N", help="a fixed port (default: any free one)")
    command.add_argument("--continuous-batching", action="store_true", help="answer several clients at once")

    from .bench import command as bench

    summary = "ask models the items of tasks, grade and compare them"
    bench.add_arguments(add(commands, "bench", bench.run, summary, bench.DESCRIPTION, bench.EPILOG, bench.AFTER))

    from .finetune import command as tuning

    summary = "train an adapter on data of your own, or a world's"
    command = add(commands, "finetune", tuning.finetune, summary, tuning.FINETUNE, tuning.FINETUNE_EPILOG, tuning.AFTER)
    tuning.add_finetune(command)
    summary = "score an adapter on held-out data"
    tuning.add_evaluate(add(commands, "evaluate", tuning.evaluate, summary, tuning.EVALUATE))
    summary = "ask a model with an adapter about a picture or a sound"
    tuning.add_generate(add(commands, "generate", tuning.generate, summary, tuning.GENERATE))

    add(commands, "lab", lab, "open the notebooks in JupyterLab, on this machine only")
    command = add(commands, "app", app, "serve a panel as a small web app, on this machine only", APP)
    known = "picture (default), chat, vision or dashboard"
    command.add_argument("name", nargs="?", default="picture", metavar="APP", help=known)
    command.add_argument("--port", type=int, metavar="N", help="a fixed port (default: 8866, or the next free one)")
    command.add_argument("--no-browser", action="store_true", help="do not open a browser window")
    return top


DOCTOR = """\
Check Python, package versions, checkpoints, memory, disk and optional programs, and say what to do about each problem.
The exit status is 1 when something the course needs is missing. Keys are named as set or not set, never shown."""

BOOK = """\
Build the book from the prose in book/ and the notebooks that `course run` has executed. Warnings are errors."""

CHECK = """\
Check the hash and the number of parameters of each nano checkpoint, measure its held-out scores again,
and fail (exit status 1) where its card claims more than was measured, beyond the noise of the sample."""

PULL = """\
Download the weights of a profile at their pinned revisions, as safetensors, into the Hugging Face cache.
HF_HOME moves the cache; HF_ENDPOINT sets a mirror of the hub. Says how many GB, and where to, before it begins."""

TRAIN = """\
Train nano checkpoints on this machine, measure them on held-out data, and write weights, card and hash.
Minutes and steps of the last training are on the model's card in data/models."""

APP = """\
Serve the panel of a notebook through Voilà: `picture` (01_blip/06_your_own_picture) captions and matches a picture of
your own, `chat` (02_reasoning/01_talking) talks to the reasoning models, `vision`
(03_vision/02_describe_analyse_answer) talks about pictures with the vision-language models, `dashboard`
(03_vision/06_the_benchmark) shows the scores and the answers of benchmark runs.
Only this machine can reach it; Ctrl-C ends it."""

SERVE = """\
Serve models to any OpenAI-compatible client on this machine (nobody else can reach it), until Ctrl-C."""


def add_profile(command: argparse.ArgumentParser, default: str | None, help: str = "whose weights to use") -> None:
    suffix = f" (default: {default})" if default else ""
    command.add_argument("--profile", default=default, metavar="P", help=f"{help}: nano, laptop, full or api{suffix}")


def doctor(options) -> int:
    from . import doctor

    return doctor.main(as_json=options.json)


def run(options) -> int:
    import yaml

    from . import runner

    try:  # 50 → int, true → bool, as papermill
        given = {name: yaml.safe_load(value) for name, value in options.parameters}
    except yaml.YAMLError as error:
        raise CourseError(f"A parameter's value is no YAML ({' '.join(str(error).split())}). Quote it.") from error
    profile = given.pop("profile", options.profile)
    results = runner.run(
        options.notebooks, profile=profile, jobs=options.jobs, parameters=given,
        force=options.force, record=options.record, out=options.out,
    )  # fmt: skip
    return int(any(result["status"] == "failed" for result in results))


def book(options) -> int:
    from . import book, runner

    if options.run:
        results = runner.run(profile=options.profile)
        if any(result["status"] == "failed" for result in results):
            return 1
    book.build()
    return 0


def models_list(options) -> int:
    from . import zoo

    return zoo.show(options.profile)


def models_check(options) -> int:
    from . import zoo

    return zoo.check(options.roles)


def models_pull(options) -> int:
    from . import zoo

    return zoo.pull(options.profile, yes=options.yes)


def models_train(options) -> int:
    from . import zoo

    return zoo.train(options.name, options.steps)


def serve(options) -> int:
    from . import serve_command

    return serve_command.run(options.models, options.profile, options.port, options.continuous_batching)


def lab(options) -> int:
    from . import apps

    return apps.lab()


def app(options) -> int:
    from . import apps

    return apps.app(options.name, options.port, browser=not options.no_browser)


if __name__ == "__main__":
    sys.exit(main())
