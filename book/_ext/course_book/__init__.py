"""What this book adds to Jupyter Book: live figures, enforced alt texts, run facts, local libraries only."""

from __future__ import annotations

from sphinx.application import Sphinx

from . import accessibility, alt_texts, assets, figures, pages, timings


def setup(app: Sphinx) -> dict:
    for part in (assets, figures, alt_texts, pages, timings, accessibility):
        part.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
