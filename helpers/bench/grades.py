"""Grade what a folder holds, after the last request is answered: graders take processor time that clocks would feel."""

from __future__ import annotations

import collections
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import locked
from ..tasks import Item
from .log import GRADES, Attempt, JsonLines, current, grade_line, read, read_grades
from .plan import digest

if TYPE_CHECKING:
    from ..grading import Grade

SANDBOX_OFF = "code answers are run only where you allow it (--run-code)"
NO_JUDGE = "answers that a model has to judge (helpers.grading) are not judged here"


def grade_answers(folder: str | Path, items: Sequence[Item]) -> dict[str, int]:
    """Grade the answers to ``items`` that have no grade yet, or whose reference or grader has changed since.

    An answer keeps its grade over runs; one line each is appended. Equal answers to an item are graded once. Comes back
    with the reasons why answers were left without a grade, and how many. Raises InUse while another run holds the
    folder, DiskFull, and TaskError for an item that its grader cannot use.
    """
    from tqdm import tqdm

    from ..grading import SandboxOff, grade

    folder = Path(folder)
    against = {(item.task, item.id): (item, digest(item.grader, item.reference)) for item in items}
    left: collections.Counter[str] = collections.Counter()
    same: dict[tuple[str, str, str], Grade] = {}  # models often write the same program: it is run once
    with locked(folder, "--out"):
        known = read_grades(folder)

        def is_due(attempt: Attempt) -> bool:
            item_and_digest = against.get((attempt.key.task, attempt.key.item))
            if attempt.reply.outcome != "ok" or item_and_digest is None:
                return False
            return attempt.key not in known or known[attempt.key][1] != item_and_digest[1]

        due = [attempt for attempt in current(read(folder)) if is_due(attempt)]
        with JsonLines(folder / GRADES) as grades:
            for attempt in tqdm(due, desc="grading", unit="answer", disable=None, leave=False):
                item, reference = against[attempt.key.task, attempt.key.item]
                if item.grader == "judge":
                    left[NO_JUDGE] += 1
                    continue
                text = (item.task, item.id, attempt.reply.answer)
                try:
                    same[text] = same.get(text) or grade(item, attempt.reply.answer)
                except SandboxOff:
                    left[SANDBOX_OFF] += 1
                    continue
                grades.write(grade_line(attempt.key, same[text], reference))
    return dict(left)
