"""A panel over the runs of a benchmark: scores with their intervals, and a look at the answers one by one.

It asks nothing of any model: it reads what ``course bench`` has written, while a run goes on as well.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from statistics import median

import ipywidgets

from .bench import Attempt, items_of, read, read_archive
from .bench.report import score_rows
from .bench.summary import grouped, score_group
from .errors import CourseError
from .plots import table
from .profiles import root
from .sample_view import outcome_of, sample_html
from .tasks import Item

EVERY = "all"
COLUMNS = ("model", "task", "n", "accuracy", "mean score", "not correct", "failed attempts")  # of ``score_rows``
Reader = Callable[[], list[Attempt]]


def find_runs() -> dict[str, Reader]:
    """Name → a function that reads its attempts: every recorded grid, then every run's folder in ``_build`` and runs/.

    Records come in the order of the chapters from the last, then runs by name.
    """
    records = sorted((root() / "data" / "measured").glob("*_grid-*.jsonl.gz"), reverse=True)
    found = {path.name.removesuffix(".jsonl.gz"): partial(read_archive, path) for path in records}
    for folder in (root() / "_build" / "runs", root() / "runs"):
        for log in sorted(folder.rglob("log.jsonl")):
            found[log.parent.relative_to(root()).as_posix()] = partial(read, log.parent)
    return found


class Dashboard(ipywidgets.VBox):
    """Choose a run, a task, a model and an outcome; see the scores, and the answers one after the other.

    Args:
        runs: name → a function that reads its attempts; "Reload" calls it again, for a run that goes on.
        items: the questions, where they are not among those that ``bench.items_of`` finds by name.

    ``selected`` holds the attempts that fit what is chosen, ``current`` the one that is shown. Raises CourseError where
    there is no run to show.
    """

    def __init__(self, runs: Mapping[str, Reader], items: Sequence[Item] = ()) -> None:
        if not runs:
            raise CourseError("There is no run to show yet. Make one: `course bench --help` says how.")
        self._runs, self._given = dict(runs), {(item.task, item.id): item for item in items}
        self._filling = False
        self.groups: dict[tuple[str, str], list[Attempt]] = {}
        self.selected: list[Attempt] = []
        self.run = _menu("Run", list(runs))
        self.task, self.model, self.outcome = _menu("Task"), _menu("Model"), _menu("Outcome")
        self.number = ipywidgets.BoundedIntText(description="Answer", min=0, max=0, layout={"width": "9rem"})
        self.previous = ipywidgets.Button(description="Previous", layout={"width": "auto"})
        self.next = ipywidgets.Button(description="Next", layout={"width": "auto"})
        self.reload = ipywidgets.Button(description="Reload", layout={"width": "auto"})
        self.status, self.scores, self.sample = (ipywidgets.HTML() for _ in range(3))
        self.run.observe(lambda _: self.load(), names="value")
        for menu in (self.task, self.model, self.outcome):
            menu.observe(lambda _: self._choose(), names="value")
        self.number.observe(lambda _: self._show(), names="value")
        self.reload.on_click(lambda _: self.load())
        self.previous.on_click(lambda _: self._step(-1))
        self.next.on_click(lambda _: self._step(1))
        wrap = {"flex_flow": "row wrap", "grid_gap": "0.25rem 1rem"}
        menus = ipywidgets.HBox([self.run, self.reload, self.task, self.model, self.outcome], layout=wrap)
        steps = ipywidgets.HBox([self.previous, self.number, self.next, self.status], layout=wrap)
        super().__init__([menus, self.scores, steps, self.sample])
        self.add_class("course-dashboard")
        self.load()

    @property
    def current(self) -> Attempt | None:
        """The attempt that is shown."""
        return self.selected[self.number.value - 1] if self.selected else None

    def load(self) -> None:
        """Read the run that is chosen, again if need be; what was chosen stays so where it is still there."""
        self._items: dict[str, dict[str, Item]] = {}
        try:
            attempts = self._runs[self.run.value]()
        except CourseError as error:  # no log, or a damaged one
            attempts, self.groups = [], {}
            self._fill(self.task, []), self._fill(self.model, [])
            self._choose(problem=str(error))
            return
        self.groups = grouped(attempts)
        tasks = dict.fromkeys(attempt.key.task for attempt in attempts)
        self._fill(self.task, [*tasks, EVERY] if tasks else [])
        self._fill(self.model, [EVERY, *dict.fromkeys(name for name, _ in self.groups)])
        self._choose()

    def _choose(self, problem: str = "") -> None:
        """Another task, model or outcome: the scores and the answers that fit."""
        if self._filling:
            return
        chosen = {
            (name, task): group for (name, task), group in self.groups.items()
            if self.task.value in (task, EVERY)
        }  # fmt: skip
        of_model = [a for (name, _), group in chosen.items() if self.model.value in (name, EVERY) for a in group]
        counted = collections.Counter(map(outcome_of, of_model))
        self._fill(self.outcome, [EVERY, *counted], [f"{EVERY} ({len(of_model)})", *_counted(counted)])
        fitting = [a for a in of_model if self.outcome.value in (outcome_of(a), EVERY)]
        self.selected = sorted(fitting, key=lambda a: (a.key.task, a.key.item, a.key.model, a.key.sample, a.attempt))
        self.scores.value = _scores(chosen)
        self._filling = True
        self.number.min, self.number.max = 0, len(self.selected)
        self.number.value = self.number.min = min(1, len(self.selected))
        self._filling = False
        self._show(problem)

    def _show(self, problem: str = "") -> None:
        """The answer whose number is chosen."""
        if self._filling:
            return
        n = len(self.selected)
        self.status.value = _line(problem or (f"of {n}" if n else "Nothing fits what is chosen."))
        attempt = self.current
        self.previous.disabled, self.next.disabled = self.number.value <= 1, self.number.value >= n
        self.sample.value = sample_html(attempt, self._item(attempt)) if attempt else ""

    def _step(self, by: int) -> None:
        self.number.value += by  # the field keeps within its bounds

    def _item(self, attempt: Attempt) -> Item | None:
        """The item that an attempt is about: of those given, or found by name, a task at a time."""
        task = attempt.key.task
        if (task, attempt.key.item) in self._given:
            return self._given[task, attempt.key.item]
        if task not in self._items:
            about = [a for (_, of), group in self.groups.items() if of == task for a in group]
            self._items[task] = {item.id: item for item in items_of(about)}
        return self._items[task].get(attempt.key.item)

    def _fill(self, menu: ipywidgets.Dropdown, values: Sequence[str], labels: Sequence[str] | None = None) -> None:
        """New choices for a menu, which keeps what was chosen where it is still among them."""
        self._filling = True
        kept = menu.value
        menu.options = list(zip(labels or values, values))
        menu.value = kept if kept in values else next(iter(values), None)
        self._filling = False


def _menu(label: str, options: Iterable[str] = ()) -> ipywidgets.Dropdown:
    return ipywidgets.Dropdown(
        description=label, options=list(options), layout={"width": "auto"}, style={"description_width": "initial"}
    )


def _counted(counted: collections.Counter) -> list[str]:
    return [f"{outcome} ({n})" for outcome, n in counted.items()]


def _scores(groups: Mapping[tuple[str, str], Sequence[Attempt]]) -> str:
    """The scores of these groups with their intervals, and the median times that were measured with one client."""
    scores = [score_group(name, task, group) for (name, task), group in groups.items()]
    rows = [
        {name: row[name] for name in COLUMNS if name in row} | _times(group)
        for row, group in zip(score_rows(scores), groups.values())
    ]
    return table(rows, "Scores with 95 % intervals; times are medians with one client") if rows else ""


def _times(attempts: Sequence[Attempt]) -> dict[str, str]:
    told = {}
    for time in ("ttft", "tpot"):
        values = [getattr(a.reply, time) for a in attempts if a.clients == 1 and getattr(a.reply, time) is not None]
        told[f"{time}, ms"] = f"{1000 * median(values):.1f}" if values else "–"
    return told


def _line(text: str) -> str:
    from html import escape

    return f'<span role="status">{escape(text)}</span>'
