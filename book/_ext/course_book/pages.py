"""What every notebook page carries: how it was executed, its source to download, and launch buttons."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.nodes import make_refnode

COLAB_INSTALL = (
    "# On Google Colab this installs the course; elsewhere it does nothing.\n"
    "import sys\n"
    'if "google.colab" in sys.modules:\n'
    "    !git clone --depth 1 {url} course && pip install --quiet ./course\n"
    "    %cd course\n"
)
COLAB_BRANCH = "colab"  # where the publishing workflow puts these notebooks: Colab opens nothing but git branches
NAMED_VERSIONS = ("python", "torch", "transformers")


def drop_launch_buttons(app: Sphinx, config) -> None:
    """Colab and Binder open notebooks from the project's public address: no address, no buttons."""
    if not config.html_theme_options.get("repository_url"):
        config.html_theme_options["launch_buttons"] = {}


def point_colab_at_its_branch(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """The theme's Colab button opens the repository's notebook, which cannot install the course by itself."""
    branch = app.config.html_theme_options.get("repository_branch") or "main"
    for group in context["header_buttons"]:
        for button in group.get("buttons", []):
            if button["text"] == "Colab":
                button["url"] = button["url"].replace(f"/blob/{branch}/", f"/blob/{COLAB_BRANCH}/")


def run_facts(app: Sphinx, docname: str) -> dict:
    """How the notebook of a page was executed, as ``helpers.book`` staged it; empty for prose."""
    facts = app.env.metadata.get(docname, {}).get("course", {})
    return json.loads(facts) if isinstance(facts, str) else facts


def state_run(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put a line under the title: profile, date, time, memory, device and versions of this very run."""
    facts = run_facts(app, docname)
    title = next(doctree.findall(nodes.title), None)
    if not facts or title is None:
        return
    line = nodes.paragraph("", classes=["course-run"])
    line += nodes.Text(describe(facts))
    if "book/timing" in app.env.found_docs:
        line += nodes.Text(" ")
        text = nodes.Text("All timings")
        line += make_refnode(app.builder, docname, "book/timing", None, [text], "How long everything takes")
    title.parent.insert(title.parent.index(title) + 1, line)


def describe(facts: dict) -> str:
    """A sentence: with which profile, when, how long, with how much memory, on what; then the versions."""
    said = "Executed"
    if facts.get("profile"):
        said += f" with profile {facts['profile']}"
    if facts.get("started"):
        said += f" on {date(facts['started'])}"
    if facts.get("seconds") is not None:
        said += f" in {duration(facts['seconds'])}"
    if facts.get("peak_memory_mb") is not None:
        said += f" with {facts['peak_memory_mb'] / 1024:.1f} GB of memory"
    if facts.get("device"):
        said += f" on {facts['device']}"
    versions = facts.get("versions") or {}
    named = ", ".join(f"{name.capitalize() if name == 'python' else name} {versions[name]}"
                      for name in NAMED_VERSIONS if name in versions)  # fmt: skip
    return f"{said}." + (f" {named}." if named else "")


def date(started: str) -> str:
    moment = datetime.fromisoformat(started)
    return f"{moment.day} {moment:%B %Y}"


def duration(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"


def offer_source(app: Sphinx, exception: Exception | None) -> None:
    """Replace the downloads by notebooks without outputs, ready to run; on Colab they install the course first."""
    if exception or app.builder.format != "html":
        return
    url = app.config.html_theme_options.get("repository_url")
    for docname in app.env.found_docs:
        source = Path(app.env.doc2path(docname))
        target = Path(app.outdir) / "_sources" / f"{docname}.ipynb"
        if source.suffix == ".ipynb" and target.is_file():
            notebook = json.loads(source.read_text(encoding="utf-8"))
            target.write_text(json.dumps(without_outputs(notebook, url), indent=1, ensure_ascii=False), "utf-8")


def without_outputs(notebook: dict, url: str | None) -> dict:
    """A notebook as it was before it was executed, with Colab's install cell in front where the address is known."""
    tagged = [(cell, cell["metadata"].get("tags", [])) for cell in notebook["cells"]]
    cells = [cell for cell, tags in tagged if "injected-parameters" not in tags]
    for cell in cells:
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    if url:
        source = COLAB_INSTALL.format(url=url).splitlines(keepends=True)
        install = {"cell_type": "code", "id": "colab-install", "metadata": {}, "source": source}
        cells.insert(0, install | {"outputs": [], "execution_count": None})
    metadata = {key: value for key, value in notebook["metadata"].items() if key != "course"}
    return notebook | {"cells": cells, "metadata": metadata}


def front_door(app: Sphinx, exception: Exception | None) -> None:
    """``index.html``: takes a reader to the first page, wherever the table of contents has it."""
    first = f"{app.config.root_doc}.html"
    page = Path(app.outdir) / "index.html"
    if exception or app.builder.format != "html" or app.config.root_doc == "index":
        return
    title = app.config.html_title
    page.write_text(
        f'<!DOCTYPE html>\n<html lang="{app.config.language}"><head><meta charset="utf-8"><title>{title}</title>\n'
        f'<meta http-equiv="refresh" content="0; url={first}"></head>\n'
        f'<body><main><h1>{title}</h1><p><a href="{first}">Open the book</a></p></main></body></html>\n',
        encoding="utf-8",
    )


def setup(app: Sphinx) -> None:
    app.connect("config-inited", drop_launch_buttons)
    app.connect("html-page-context", point_colab_at_its_branch, priority=502)  # right after the theme's buttons
    app.connect("doctree-resolved", state_run)
    app.connect("build-finished", offer_source)
    app.connect("build-finished", front_door)
