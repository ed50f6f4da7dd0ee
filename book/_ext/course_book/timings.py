"""The page "How long everything takes": a table made from what the last ``course run`` measured."""

from __future__ import annotations

import json
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from .pages import date, duration

HEAD = ("Notebook", "Profile", "Time", "Peak memory", "Date")


class CourseTimings(SphinxDirective):
    """``{course-timings}``: a row for every notebook of the book, with its last measured run."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        path = Path(self.env.srcdir) / "timings.json"
        self.env.note_dependency(str(path))
        timings = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        rows = {name: entry for name, entry in timings.items() if f"notebooks/{name}" in self.env.found_docs}
        if not rows:
            text = "No timings are recorded for this build. "
            return [nodes.paragraph("", text, nodes.literal("", "course run"), nodes.Text(" measures every notebook."))]
        return [table(rows, self.env.docname), *self.machines(rows)]

    def machines(self, rows: dict[str, dict]) -> list[nodes.Node]:
        """On what it was measured, and with which versions: one sentence each."""
        devices = sorted({entry["device"] for entry in rows.values() if entry.get("device")})
        found = [nodes.paragraph("", f"Measured on {'; '.join(devices)}.")] if devices else []
        versions = next((entry["versions"] for entry in rows.values() if entry.get("versions")), {})
        if versions:
            named = ", ".join(f"{name} {number}" for name, number in versions.items())
            found.append(nodes.paragraph("", f"Versions: {named}."))
        return found


def table(rows: dict[str, dict], docname: str) -> nodes.table:
    """The measured runs in reading order, and their sum."""
    group = nodes.tgroup(cols=len(HEAD))
    group += [nodes.colspec(colwidth=1) for _ in HEAD]
    group += nodes.thead("", _row(HEAD))
    body = nodes.tbody()
    for name in sorted(rows):
        body += _row(_cells(name, rows[name]))
    seconds = [entry["seconds"] for entry in rows.values() if entry.get("seconds") is not None]
    body += _row(("All, one after another", "", duration(sum(seconds)), "", ""))
    group += body
    return nodes.table("", group, classes=["course-timings"])


def _cells(name: str, entry: dict) -> tuple:
    link = nodes.reference("", "", internal=True, refuri="")  # resolved below: the title is known only later
    link["course_doc"] = f"notebooks/{name}"
    link += nodes.Text(name)
    memory = entry.get("peak_memory_mb")
    measured = entry.get("seconds") is not None
    return (
        link,
        entry.get("profile", "–"),
        duration(entry["seconds"]) if measured else entry.get("status", "–"),
        f"{memory / 1024:.1f} GB" if memory is not None else "–",
        date(entry["started"]) if entry.get("started") else "–",
    )


def _row(cells) -> nodes.row:
    row = nodes.row()
    for cell in cells:
        content = cell if isinstance(cell, nodes.Node) else nodes.Text(str(cell))
        row += nodes.entry("", nodes.paragraph("", "", content))
    return row


def resolve_links(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Give the table's links their address and the notebook's title."""
    for link in doctree.findall(nodes.reference):
        target = link.get("course_doc")
        if target:
            link["refuri"] = app.builder.get_relative_uri(docname, target)
            link.children = [nodes.Text(app.env.titles[target].astext())]


def setup(app: Sphinx) -> None:
    app.add_directive("course-timings", CourseTimings)
    app.connect("doctree-resolved", resolve_links)
