"""Notebook outputs that Jupyter Book cannot show by itself: Plotly figures, checks and claims, widgets."""

from __future__ import annotations

import html
import json

from docutils import nodes
from myst_nb.core import render
from sphinx.application import Sphinx

from .assets import PLOTLY

PLOTLY_MIME = "application/vnd.plotly.v1+json"
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"
DATA_ONLY = ("application/vnd.course.check+json", "application/vnd.course.claim+json")  # for tests, not for readers
SCRIPT = "course-figures.js"
WIDGET_NOTE = (
    "This panel needs a running notebook: start <code>make lab</code> (or the launch button, where this page has one) "
    "and run the cell."
)


class CourseMimeTypes:
    """A mime plug-in in myst-nb's sense (``MimeRenderPlugin``)."""

    # A picture or a table beside a widget is its still and comes first; the widget's repr never does.
    mime_priority_overrides = [("*", PLOTLY_MIME, 1), ("*", WIDGET_MIME, 75)]

    @staticmethod
    def handle_mime(renderer, data, inline: bool) -> list[nodes.Element] | None:
        """Docutils nodes for the mime types above; None leaves the output to myst-nb."""
        if data.mime_type in DATA_ONLY:
            return []
        if data.mime_type == WIDGET_MIME:
            note = f'<div class="course-widget-note" role="note">{WIDGET_NOTE}</div>'
            return [nodes.raw("", note, format="html")]
        if data.mime_type == PLOTLY_MIME:
            return [figure_node(data)]
        return None


def figure_node(data) -> nodes.raw:
    """The figure as JSON in the page; ``course-figures.js`` draws it. Its alt text is checked by ``alt_texts``."""
    figure = data.content if isinstance(data.content, dict) else json.loads(data.content)
    alt = data.cell_metadata.get("mystnb", {}).get("image", {}).get("alt", "").strip()
    kept = {key: figure[key] for key in ("data", "layout") if key in figure}
    content = json.dumps(kept, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
    height = int(figure.get("layout", {}).get("height") or _template_height(figure) or 450)
    label = html.escape(alt, quote=True)
    markup = (
        f'<div class="course-figure" role="group" aria-label="{label}" style="min-height:{height}px">'
        f'<script type="application/json">{content}</script>'
        f"<noscript><p>Interactive figure (needs JavaScript): {label}</p></noscript></div>"
    )
    return nodes.raw("", markup, format="html", classes=["output"], course_alt=alt)


def _template_height(figure: dict) -> int | None:
    return figure.get("layout", {}).get("template", {}).get("layout", {}).get("height")


def add_scripts(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Load Plotly on pages that have a figure, and nowhere else."""
    if doctree is not None and any("course_alt" in node for node in doctree.findall(nodes.raw)):
        app.add_js_file(PLOTLY, loading_method="defer")
        app.add_js_file(SCRIPT, loading_method="defer")


def setup(app: Sphinx) -> None:
    stock = render.load_mime_renders
    if not getattr(stock, "course", False):  # myst-nb finds plug-ins by entry point; this one lives in the book

        def with_ours():
            return [*stock(), CourseMimeTypes]

        with_ours.course = True
        render.load_mime_renders = with_ours
    app.connect("html-page-context", add_scripts)
