"""Corrections to the stock theme's HTML that assistive technology needs (what axe-core reports as serious)."""

from __future__ import annotations

from sphinx.application import Sphinx


def correct(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    pass


def setup(app: Sphinx) -> None:
    app.connect("html-page-context", correct, priority=900)
