"""GSM8K, BIG-Bench Hard and HumanEval as items, from the files that their authors publish or from the hub.

Files: GSM8K's ``test.jsonl``, BBH's ``<task>.json``, HumanEval's ``HumanEval.jsonl.gz`` (or unpacked), and the parquet
files that the hub holds of each. The hub's revisions were seen as pins in several other projects; none was checked on
the live hub from here. The prompts are the course's own, so scores are not to be compared with published ones.
"""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import NamedTuple

from .errors import CourseError, unknown
from .grading.mathematics import to_number
from .tasks import Item, TaskError


class HubFile(NamedTuple):
    """Where the hub keeps a test set. ``{task}`` in the name stands for one of BBH's tasks."""

    repo: str
    revision: str
    name: str


HUB = {
    "gsm8k": HubFile("openai/gsm8k", "740312add88f781978c0658806c59bc2815b9866", "main/test-00000-of-00001.parquet"),
    "bbh": HubFile("lukaemon/bbh", "982bb89fd79532a8ac676a61fc42eb1aeec63f99", "{task}/test-00000-of-00001.parquet"),
    "humaneval": HubFile(
        "openai/openai_humaneval",
        "7dce6050a7d6d172f3cc5c32aa97f52fa1a2e544",
        "openai_humaneval/test-00000-of-00001.parquet",
    ),
}


def load_public(name: str, path: str | Path | None = None) -> list[Item]:
    """The items of "gsm8k", "humaneval" or "bbh/<task>", from a file, or from the hub where no path is given.

    Raises UnknownName for another name, TaskError for a file that is not in the benchmark's format (naming file and
    row), and CourseError where the hub cannot be reached.
    """
    benchmark, _, task = name.partition("/")
    if benchmark not in HUB or (benchmark == "bbh") != bool(task):
        raise unknown("public benchmark", name, ["gsm8k", "humaneval", "bbh/<task>"])
    path = download(name) if path is None else Path(path)
    items = []
    for number, row in enumerate(read_rows(path), 1):
        try:
            items.append(_ITEM[benchmark](row, number, task))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise TaskError(f"{path}, row {number} is not a row of {benchmark} ({error!r}).") from error
    return items


def read_rows(path: Path) -> list[dict]:
    """The rows of a .jsonl, .jsonl.gz, .json (BBH's: a list under "examples") or .parquet file. Raises TaskError."""
    try:
        if path.suffix == ".parquet":
            return _parquet_rows(path)
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
        if path.suffix == ".json":
            rows = json.loads(text)["examples"]
        else:
            rows = [json.loads(line) for line in text.split("\n") if line.strip()]
    except FileNotFoundError as error:
        raise TaskError(f"There is no file {path}. Relative paths start at {Path.cwd()}.") from error
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
        raise TaskError(
            f"{path} cannot be read as {path.suffix or 'a data file'} ({error!r}). Get it again."
        ) from error
    if not rows or not isinstance(rows, list):
        raise TaskError(f"{path} holds no rows. Get it again.")
    return rows


def _parquet_rows(path: Path) -> list[dict]:
    import pandas

    try:
        return pandas.read_parquet(path).to_dict("records")
    except ImportError as error:
        raise CourseError(
            "Files from the hub are in the parquet format, which needs one more package: pip install pyarrow. Or give "
            "the path of the file that the authors publish (.jsonl, .json)."
        ) from error


def download(name: str) -> Path:
    """Fetch a benchmark's test set from the hub into the Hugging Face cache, at its pinned revision."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError

    benchmark, _, task = name.partition("/")
    repo, revision, file = HUB[benchmark]
    file = file.format(task=task)
    try:
        return Path(hf_hub_download(repo, file, repo_type="dataset", revision=revision))
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise CourseError(
            f"The hub has no dataset {repo} at revision {revision}: the pin was not verified. Download the authors' "
            "file and give its path."
        ) from error
    except EntryNotFoundError as error:
        raise CourseError(
            f"{file} is not in the dataset {repo}, or there is no network and it is not in the Hugging Face cache. "
            f"Check the name {name!r} and the network, or give the path of the authors' file."
        ) from error
    except OSError as error:  # every network error of the hub's client is one
        raise CourseError(
            f"{repo} could not be downloaded ({type(error).__name__}). Check the network, set HF_ENDPOINT to a mirror "
            "of the hub, or give the path of the authors' file."
        ) from error


def _gsm8k(row: dict, number: int, task: str) -> Item:
    solution, _, answer = row["answer"].rpartition("####")
    reference = answer.strip().replace(",", "")
    if to_number(reference) is None:
        raise ValueError(f"no number after '####' in {row['answer'][-40:]!r}")
    prompt = row["question"] + "\n\nReason step by step, and put your final answer within \\boxed{}."
    return _item(f"gsm8k-{number:04}", "gsm8k", prompt, reference, "number", solution=solution.strip())


def _bbh(row: dict, number: int, task: str) -> Item:
    target = row["target"].strip()
    if target.startswith("(") and target.endswith(")") and len(target) == 3:
        grader, target, what = "choice", target[1], "the letter of the right option, as in Answer: (A)"
    else:
        grader, what = ("exact" if to_number(target) is None else "number"), "only the answer"
    if not target:
        raise ValueError("the target is empty")
    prompt = f'{row["input"]}\n\nReason step by step. End with a line "Answer: …" that gives {what}.'
    return _item(f"{task}-{number:03}", f"bbh/{task}", prompt, target, grader)


def _humaneval(row: dict, number: int, task: str) -> Item:
    prompt = f"Complete this Python function. Answer with the whole function.\n\n```python\n{row['prompt']}```"
    tests = [row["test"], f"check({row['entry_point']})"]
    reference = {"tests": tests, "prompt": row["prompt"], "entry_point": row["entry_point"]}
    return _item(row["task_id"], "humaneval", prompt, reference, "code", solution=row["canonical_solution"])


_ITEM = {"gsm8k": _gsm8k, "bbh": _bbh, "humaneval": _humaneval}
_SOURCE = {
    "gsm8k": "GSM8K, test split (Cobbe et al., 2021)",
    "bbh": "BIG-Bench Hard (Suzgun et al., 2022)",
    "humaneval": "HumanEval (Chen et al., 2021)",
}


def _item(id: str, task: str, prompt: str, reference: object, grader: str, **meta: str) -> Item:
    messages = [{"role": "user", "content": prompt}]
    return Item(id, task, messages, reference, grader, source=_SOURCE[task.partition("/")[0]], meta=meta)
