"""``course finetune``, ``course evaluate`` and ``course generate``: the arguments, and what happens with them."""

from __future__ import annotations

import argparse
import os
import random
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ..errors import CourseError
from ..files import write_json
from .config import FORMATS, WORLDS, Config, read_config

FINETUNE = """\
Train an adapter as a YAML file says: `helpers.finetune.config.Config` names every setting. Data, template, model and
memory are checked before the first step. Log, checkpoints and adapter go into the folder `output`.

After a kill or Ctrl-C, --resume goes on from the last checkpoint, on the same loss curve. On several processes:
`accelerate launch --multi_gpu --num_processes 2 -m helpers.finetune CONFIG`, without GPUs too (--cpu would start
one process only); batch_size is that of each process."""

FINETUNE_EPILOG = """\
a config:
  base: qwen3_vl
  train: data/train.json            # or a world: phantoms, faces
  held_out: data/test.json
  format: messages                  # alpaca, sharegpt, messages, medtrinity, affectnet
  steps: 300
  learning_rate: 2.0e-3
  output: runs/first"""

EVALUATE = """\
Score an adapter on held-out data: accuracy, macro-F1 and recalls with intervals, confusion matrix, calibration, beside
the base without the adapter, the same with blank pictures and without pictures."""

GENERATE = """\
Ask a model with an adapter about a picture or a sound, and print its answer."""

AFTER = "Checkpoints are kept; the same command with --resume goes on from there."


def add_finetune(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``course finetune``."""
    parser.add_argument("config", type=Path, metavar="CONFIG", help="a YAML file")
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on with the run in the folder `output`")
    again.add_argument("--restart", action="store_true", help="begin anew, whatever is in the folder `output`")


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``course evaluate``."""
    parser.add_argument("--adapter", type=Path, required=True, metavar="DIR", help="the folder `adapter` of a run")
    parser.add_argument("--data", required=True, metavar="D", help=f"a data file, or a world: {', '.join(WORLDS)}")
    parser.add_argument("--format", choices=FORMATS, default="messages", help="of the data file (default: messages)")
    parser.add_argument("--roots", nargs="+", metavar="DIR", help="folders of its pictures (default: its own)")
    parser.add_argument("--labels", nargs="+", metavar="L", help="the classes (default: those of the data)")
    parser.add_argument("--limit", type=_at_least_one, default=400, metavar="N", help="most examples (default: 400)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of a world, or of the draw (default: 0)")
    parser.add_argument("--batch-size", type=_at_least_one, default=32, metavar="N", help="less takes less memory")
    parser.add_argument("--alone", action="store_true", help="the adapter alone: no base, no ablations")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write the scores as JSON")


def add_generate(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``course generate``."""
    parser.add_argument("--adapter", type=Path, required=True, metavar="DIR", help="the folder `adapter` of a run")
    parser.add_argument("--image", nargs="+", default=[], metavar="FILE", help="one or several pictures")
    parser.add_argument("--audio", nargs="+", default=[], metavar="FILE", help="one or several WAV files")
    parser.add_argument("--prompt", required=True, metavar="TEXT", help="the question")
    parser.add_argument("--max-tokens", type=int, default=256, metavar="N", help="of the answer (default: 256)")
    parser.add_argument("--think", action="store_true", help="let it think first, where its template can")


def _at_least_one(text: str) -> int:
    if (n := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{n} is less than 1")
    return n


def finetune(options: argparse.Namespace) -> int:
    """Train as the config says; 0. Raises CourseError for what stops it."""
    from . import sources, train

    config = read_config(options.config)
    unfinished = train.last_checkpoint(config.folder / "checkpoints")
    if unfinished and not (options.resume or options.restart):
        raise CourseError(
            f"{config.folder} holds a run that was interrupted after step {unfinished.name.rpartition('-')[2]}. "
            "--resume goes on with it; --restart begins anew; or name another `output`."
        )
    if train.is_finished(config.folder) and not (options.resume or options.restart):
        raise CourseError(
            f"{config.folder} holds a finished run. --restart replaces it; or name another `output`. Its scores: "
            f"`course evaluate --adapter {config.folder / 'adapter'} --data …`."
        )
    examples, report = sources.examples_of(config)
    _say(report)
    held_out = _held_out(config, examples)
    run = train.finetune(config, examples, resume=options.resume)
    _say(run.preflight)
    took = f"{run.seconds:.0f} s for {config.steps} steps"
    _say(f"Loss {run.record['first_loss']:.3f} → {run.record['last_loss']:.3f}; {took}. Adapter: {run.adapter}")
    if _is_main():
        _evaluate_run(config, run, held_out)
    return 0


def _held_out(config: Config, examples: Sequence) -> list:
    """What will be scored after the training, looked at before it; nothing where that cannot be, with the reason.

    Raises what ``sources.examples_of`` raises, CourseError for labels of one class only, and BadImage.
    """
    from . import sources, splits

    held_out, report = sources.examples_of(config, "held_out")
    _say(report)
    if not held_out:
        _say("Nothing is held out, so nothing will be scored: set `held_out`, or use `course evaluate`.")
        return []
    if config.held_out not in (None, *WORLDS) and _is_main():
        _say(f"Training and held-out data. {splits.leaks(examples, held_out)}")
    if any(example.label is None for example in held_out):
        _say("The held-out replies are not classes, so nothing will be scored; `course generate` asks about a picture.")
        return []
    sources.labels_of(held_out)
    return held_out


def _evaluate_run(config: Config, run, held_out: Sequence) -> None:
    """Score a run on what its config holds out, if anything."""
    from . import evaluate, sources

    if not held_out:
        return
    labels = sources.labels_of(held_out)
    found = _score(run.model, run.processor, held_out, labels, config.batch_size)
    print(f"Held out:\n{found}")
    print(f"Always the most common class: macro-F1 {evaluate.majority(held_out, held_out, labels).macro_f1}")
    write_json(run.adapter.parent / "scores.json", found.summary())


def evaluate(options: argparse.Namespace) -> int:
    """Score an adapter; 0."""
    from . import adapt, sources
    from . import evaluate as scoring

    if options.data in WORLDS:
        examples = sources.world_examples(options.data, "heldout", options.limit, options.seed)
    else:
        examples, report = sources.file_examples(options.data, options.format, options.roots)
        _say(report)
    if len(examples) > options.limit:  # files may be sorted by class
        _say(f"{options.limit} of {len(examples)} examples, drawn at random (--limit, --seed)")
        examples = random.Random(options.seed).sample(examples, options.limit)
    labels = options.labels or sources.labels_of(examples)
    model, processor, chosen = adapt.load_adapter(options.adapter)
    scored = partial(_score, model, processor, labels=labels, batch_size=options.batch_size)
    reports = {"with the adapter": scored(examples)}
    print(f"{chosen.label} with the adapter in {options.adapter}:\n{reports['with the adapter']}")
    if not options.alone:
        with model.disable_adapter():
            reports["without the adapter"] = scored(examples)
        reports["blank pictures"] = scored(scoring.blank(examples))
        reports["text only"] = scored(scoring.text_only(examples))
        reports["most common class"] = scoring.majority(examples, examples, labels)
        for name, found in list(reports.items())[1:]:
            gain = scoring.difference(reports["with the adapter"], found)
            print(f"{name}: macro-F1 {found.macro_f1}, the adapter's is higher by {gain}")
    if options.out:
        write_json(options.out, {name: found.summary() for name, found in reports.items()})
        print(f"Scores are in {options.out}")
    return 0


def _score(model, processor, examples: Sequence, labels: Sequence[str], batch_size: int):
    """By likelihood where the replies are the labels, by the written answer where they are texts."""
    from . import evaluate, sources

    if all(sources.reply(example) == example.label for example in examples):
        said = evaluate.choose(model, processor, examples, labels, batch_size=batch_size)
    else:
        said = evaluate.answers(model, processor, examples, 160, batch_size=batch_size)
    return evaluate.score(said, examples, labels)


def generate(options: argparse.Namespace) -> int:
    """Print the answer to one question; 0."""
    from . import adapt, evaluate
    from .formats import AUDIO, IMAGE, Example

    question = IMAGE * len(options.image) + AUDIO * len(options.audio) + options.prompt
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": ""}]
    example = Example(turns, images=list(options.image), audios=list(options.audio))
    model, processor, chosen = adapt.load_adapter(options.adapter)
    _say(f"{chosen.label} with the adapter in {options.adapter}:")
    print(evaluate.answers(model, processor, [example], options.max_tokens, thinking=options.think)[0].strip())
    return 0


def _is_main() -> bool:
    """Whether this is the only process, or the first of several."""
    return os.environ.get("RANK", "0") == "0"


def _say(what: object) -> None:
    if what is not None and _is_main():
        print(what, flush=True)
