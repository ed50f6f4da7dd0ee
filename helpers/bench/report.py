"""A run's results as one HTML file that asks nothing of any other: tables, figures, and a look at the answers.

Everything a model, a server or a file of items said is escaped, and the page's policy forbids scripts and requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from statistics import median

from ..files import write_text
from ..tasks import Item
from . import figures
from .log import Attempt, current, read, read_runs
from .summary import Score, compare, counts, grouped, is_correct, sampling, summarise
from .timing import PERCENTILES, TIMES, Latency, latency, throughput

SHOWN = 3  # answers that were not correct, shown for each model and task
LONGEST = 4000  # characters of an answer or a reasoning that are shown

HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Benchmark report</title><style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 0 auto; padding: 1rem; }
.tables { display: flex; flex-wrap: wrap; gap: 0 2rem; }
.wide { overflow-x: auto; max-width: 100%; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption, figcaption { text-align: left; font-weight: 600; padding: .5rem 0; }
figure { margin: 1rem 0; }
th, td { padding: .2rem .5rem; text-align: left; border-bottom: 1px solid #8886; white-space: nowrap; }
pre, code { white-space: pre-wrap; overflow-wrap: anywhere; }
pre { border-left: 3px solid #8886; padding-left: .8rem; }
svg { width: 100%; max-width: 760px; font-size: 13px; }
small { opacity: .8; }
</style></head><body>
"""

NOTES = f"""<h2>How to read this</h2><ul>
<li>An answer that was refused, cut off at the token limit, or from which nothing could be extracted is not correct.
A transport failure (a timeout, an error of the server, a refused key …) says nothing about the model: it is counted
beside the accuracy, and enters neither it nor any time.</li>
<li>Accuracy is the mean over items, so that an item with fewer answers weighs as much as any other. Intervals hold at
95 %: Wilson's, over items; where samples of one item differ, a bootstrap over items.</li>
<li>Where graders give part of a point (a mean IoU, 1 - CER), the mean score stands beside the accuracy, with a
bootstrap over items. An answer that is not correct may have some of it.</li>
<li>{"; ".join(f"<em>{name}</em>: {meaning}" for name, meaning in TIMES.items())}. Percentiles beyond which fewer than
one answer lies are left out.</li>
<li>Latency is measured with one client, throughput with several.</li>
<li>Cost is that of the answers, by the prices in <code>data/prices.yaml</code>; what is not known there is “unknown”.
What runs on one's own machine costs 0.</li></ul></body></html>
"""


def write_report(folder: str | Path, items: Sequence[Item] = ()) -> Path:
    """Write ``report.html`` into a run's folder and return its path; ``items`` add questions to the answers shown.

    Raises LogError for a damaged log, and DiskFull.
    """
    path = Path(folder) / "report.html"
    attempts = current(read(folder))
    parts = [
        _runs(read_runs(folder)), _scores(attempts), _times(attempts), _throughput(attempts), _samples(attempts),
        _comparisons(attempts), _answers(attempts, items),
    ]  # fmt: skip
    write_text(path, f"{HEAD}<h1>Benchmark report</h1>{''.join(parts)}{NOTES}")
    return path


def score_rows(scores: Sequence[Score]) -> list[dict]:
    """Scores as rows of text, for the report and the terminal."""
    partial = any(score.score != score.accuracy for score in scores)
    return [
        {
            "model": score.name, "task": score.task, "n": str(score.n), "correct": str(score.correct),
            "accuracy": str(score.accuracy) if score.accuracy else "–",
            **({"mean score": str(score.score) if score.score else "–"} if partial else {}),
            "not correct": _counts(score.not_correct), "ungraded": str(score.ungraded),
            "unanswered": str(score.unanswered), "failed attempts": _counts(score.failures),
            "reasoning tokens": _number(score.reasoning_tokens, 0), "answer tokens": _number(score.answer_tokens, 0),
            "yuan": "unknown" if score.yuan is None else f"{score.yuan:.4g}",
        }
        for score in scores
    ]  # fmt: skip


def table(rows: Sequence[dict[str, str]], caption: str) -> str:
    """Rows of equal keys as a table, everything escaped; nothing for no rows."""
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{escape(key)}</th>' for key in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{escape(value)}</td>" for value in row.values()) + "</tr>" for row in rows)
    title = escape(caption, quote=True)
    opening = (
        f'<div class="wide" tabindex="0" role="region" aria-label="{title}">'  # a keyboard must reach what scrolls
    )
    return f"{opening}<table><caption>{title}</caption><tr>{head}</tr>{body}</table></div>"


def _runs(runs: Iterable[dict]) -> str:
    lines = [
        f"<li><code>{escape(run['command'] or 'run from Python')}</code>: "
        + escape(f"begun {run['run']}, {run['clients']} at a time, at {run['host']}; {run['requests']} requests, of ")
        + escape(f"which {run['answered']} answered before. Asked from {run['device']}; ")
        + escape(", ".join(f"{name} {version}" for name, version in run["versions"].items()))
        + "</li>"
        for run in runs
    ]
    return f"<h2>Runs</h2><ul>{''.join(lines)}</ul>" if lines else ""


def _scores(attempts: list[Attempt]) -> str:
    scores = summarise(attempts)
    known = [(f"{score.task}: {score.name}", score.accuracy) for score in scores if score.accuracy]
    known.sort(key=lambda row: row[0])
    alt = "Accuracy with its 95 % interval. " + "; ".join(f"{name} {accuracy}" for name, accuracy in known)
    figure = _figure(figures.intervals(known, alt), "Accuracy with its 95 % interval") if known else ""
    return f"<h2>Accuracy</h2>{table(score_rows(scores), 'Accuracy, model outcomes, failures and tokens')}{figure}"


def _times(attempts: list[Attempt]) -> str:
    parts = []
    for clients in sorted({attempt.clients for attempt in attempts if attempt.finished}):
        rows = latency(attempts, clients)
        label = rows[0].label
        parts.append(f"<h2>{escape(label[0].upper() + label[1:])}</h2>")
        tables = [table([_latency_row(row, time) for row in rows], f"{time}, seconds ({label})") for time in TIMES]
        parts.append(f'<div class="tables">{"".join(tables)}</div>')
        parts += [_ecdf(task, [row for row in rows if row.task == task]) for task in sorted({row.task for row in rows})]
    return "".join(parts)


def _ecdf(task: str, rows: list[Latency]) -> str:
    series = [(row.name, row.times["e2e"]) for row in rows if row.times["e2e"]]
    caption = f"{task}: share of answers that took at most so long, end to end ({rows[0].label})"
    medians = "; ".join(f"{name} {_number(median(values))} s" for name, values in series)
    return _figure(figures.ecdf(series, f"{caption}. Medians: {medians}"), caption) if series else ""


def _figure(svg: str, caption: str) -> str:
    return f"<figure><figcaption>{escape(caption)}</figcaption>{svg}</figure>"


def _latency_row(row: Latency, time: str) -> dict[str, str]:
    shown = {f"p{q}": _number(row.percentile(time, q), 4) for q in PERCENTILES}
    return {"model": row.name, "task": row.task, "n": str(len(row.times[time]))} | shown


def _throughput(attempts: list[Attempt]) -> str:
    rows = [
        {
            "run": run.run, "clients": str(run.clients), "models": ", ".join(run.models), "answers": str(run.answers),
            "seconds": _number(run.seconds, 1),
            "tokens/s": "unknown" if run.tokens is None else _number(run.tokens / run.seconds, 1),
            "answers/min": _number(60 * run.answers / run.seconds, 1),
        }
        for run in throughput(attempts)
    ]  # fmt: skip
    return ("<h2>Throughput</h2>" + table(rows, "Runs with several clients, pauses included")) if rows else ""


def _samples(attempts: list[Attempt]) -> str:
    rows = [
        {
            "model": row["name"], "task": row["task"], "k": str(row["k"]), "items": str(row["items"]),
            "cons@k (majority vote)": str(row["cons@k"]), "pass@k (any of k)": str(row["pass@k"]),
        }
        for row in sampling(attempts) if row["samples"] > 1
    ]  # fmt: skip
    return ("<h2>Several samples</h2>" + table(rows, "Items with all their samples")) if rows else ""


def _comparisons(attempts: list[Attempt]) -> str:
    rows = [
        {
            "task": c.task, "a": c.a, "b": c.b, "items": str(c.items), "only a correct": str(c.only_a),
            "only b correct": str(c.only_b), "p": _p(c.p), "p (Holm)": _p(c.p_holm),
        }
        for c in compare(attempts)
    ]  # fmt: skip
    caption = "McNemar's exact test on the items both answered; p (Holm) allows for the number of comparisons"
    return ("<h2>Paired tests</h2>" + table(rows, caption)) if rows else ""


def _answers(attempts: list[Attempt], items: Sequence[Item]) -> str:
    questions = {(item.task, item.id): item for item in items}
    parts = []
    for (name, task), group in grouped(attempts).items():
        wrong = [attempt for attempt in group if counts(attempt) and not is_correct(attempt)]
        chosen = sorted(wrong, key=lambda attempt: (attempt.key.item, attempt.key.sample))[:SHOWN]
        shown = "".join(_answer(attempt, questions.get((task, attempt.key.item))) for attempt in chosen)
        if shown:
            parts.append(f"<details><summary>{escape(f'{task}: {name}')}</summary>{shown}</details>")
    return ("<h2>Some answers that were not correct</h2>" + "".join(parts)) if parts else ""


def _answer(attempt: Attempt, item: Item | None) -> str:
    outcome = attempt.grade.outcome if attempt.grade else attempt.reply.outcome
    extracted = f", extracted: {attempt.grade.extracted}" if attempt.grade else ""
    texts = [("Question", _question(item)), ("Reference", "" if item is None else str(item.reference))]
    texts += [("Reasoning", attempt.reply.reasoning), ("Answer", attempt.reply.answer)]
    shown = "".join(f"<small>{name}</small><pre>{escape(text[:LONGEST])}</pre>" for name, text in texts if text)
    return f"<h3>{escape(f'{attempt.key.item}, sample {attempt.key.sample}: {outcome}{extracted}')}</h3>{shown}"


def _question(item: Item | None) -> str:
    if item is None:
        return ""
    return "\n\n".join(f"{message['role']}: {_text(message['content'])}" for message in item.messages)


def _text(content: str | list[dict]) -> str:
    return content if isinstance(content, str) else " ".join(part.get("text", "[picture]") for part in content)


def _counts(counted: dict[str, int]) -> str:
    return ", ".join(f"{name} {n}" for name, n in counted.items()) or "–"


def _p(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"
