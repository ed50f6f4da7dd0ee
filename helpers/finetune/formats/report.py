"""What was wrong with a file that was read: how often, where first, and what was done about it."""

from __future__ import annotations

from dataclasses import dataclass, field

REPAIRED, KEPT, LEFT_OUT = "repaired", "kept", "left out"
PLACES = 3  # how many places are named of each problem


@dataclass
class Report:
    """Grows while a file is read. ``print(report)`` shows it as a table, ``plots.table(report.rows())`` on a page.

    Attributes:
        source: the file or folder.
        read: how many entries there were, broken ones included.
        kept: how many examples came of them.
    """

    source: str
    read: int = 0
    kept: int = 0
    _places: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    _counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, problem: str, done: str, where: str, detail: str = "") -> None:
        """Count a problem: one text for all of its kind, what was done (REPAIRED, KEPT, LEFT_OUT), and where it is."""
        key = (problem, done)
        self._counts[key] = self._counts.get(key, 0) + 1
        places = self._places.setdefault(key, [])
        if len(places) < PLACES:
            places.append(f"{where}: {detail}" if detail else where)

    def count(self, problem: str) -> int:
        """How often a problem occurred, whatever was done about it."""
        return sum(n for (name, _), n in self._counts.items() if name == problem)

    @property
    def problems(self) -> dict[str, int]:
        """Every problem and how often it occurred, the first found first."""
        return {name: self.count(name) for name, _ in self._counts}

    def rows(self) -> list[dict]:
        """One row for each problem and what was done: "problem", "what was done", "count", "first places"."""
        return [
            {"problem": key[0], "what was done": key[1], "count": n, "first places": "; ".join(self._places[key])}
            for key, n in self._counts.items()
        ]

    def __str__(self) -> str:
        head = f"{self.source}: {self.read:,} entries read, {self.kept:,} examples kept"
        rows = self.rows()
        if not rows:
            return f"{head}, no problem found"
        table = [list(rows[0]), *([str(cell) for cell in row.values()] for row in rows)]
        widths = [max(len(row[i]) for row in table) for i in range(3)]  # the last column may run as far as it likes
        lines = ("  ".join([*(f"{cell:<{width}}" for cell, width in zip(row, widths)), row[3]]) for row in table)
        return "\n".join([head, *lines])
