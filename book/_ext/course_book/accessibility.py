"""Corrections to the stock theme's HTML, made in the finished pages: for axe-core, and for readers without JavaScript.

Each is a literal replacement, so that a change of the (pinned) theme shows in the browser tests and nowhere else.
"""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx

CORRECTIONS = (
    # label-content-name-mismatch: the name said "Search", the button reads "Search Ctrl + K".
    ('title="Search" aria-label="Search" data-bs-placement', 'title="Search" data-bs-placement'),
    # summary-name: the arrow that unfolds a chapter in the sidebar had no name.
    ('<summary><span class="toctree-toggle"', '<summary aria-label="Chapter\'s pages"><span class="toctree-toggle"'),
    # aria-required-children: entries of a bibliography are no list items.
    ('<div role="list" class="citation-list">', '<div class="citation-list">'),
    (' role="doc-biblioentry">', ">"),
    # Without JavaScript nothing turns "auto" into a theme, and the colours of the page stay undefined.
    ('data-theme="auto">', 'data-theme="light">'),
    # With JavaScript the theme is known before the page is drawn: no flash of light in the dark.
    ('localStorage.getItem("theme") || "auto"',
     'localStorage.getItem("theme") || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")'),
)  # fmt: skip


def correct(app: Sphinx, exception: Exception | None) -> None:
    if exception or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        found = page.read_text(encoding="utf-8")
        text = found
        for stock, better in CORRECTIONS:
            text = text.replace(stock, better)
        if text != found:
            page.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> None:
    app.connect("build-finished", correct)
