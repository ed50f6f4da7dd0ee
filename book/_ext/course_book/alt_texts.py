"""No picture without words: an image or figure whose alt text is missing, or is a file name, fails the build."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)
FILE_NAME = re.compile(r"\S+\.(png|jpe?g|gif|svg|webp|bmp|tiff?|avif|pdf)", re.IGNORECASE)
ADVICE = {
    "output": 'give the cell the metadata "mystnb": {"image": {"alt": "what the figure shows"}}',
    "markdown": "write it between the brackets of ![…](…), or in :alt:",
    "html": 'give the <img> an alt="…" attribute',
}


def problem(alt: str | None) -> str | None:
    """What is wrong with an alt text, or None. It must say something, and not merely name the file."""
    if alt is None or not alt.strip():
        return "has no alt text"
    if FILE_NAME.fullmatch(alt.strip()) or not re.search(r"[^\W\d_]{2}", alt):
        return f"has the alt text {alt.strip()!r}, which says nothing about what it shows"
    return None


class Images(HTMLParser):
    """Collects the alt texts of the ``<img>`` elements in a piece of HTML (None where there is none)."""

    def __init__(self) -> None:
        super().__init__()
        self.alts: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.alts.append(dict(attrs).get("alt"))


def check(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Warn, which fails the build, for every image, figure and raw ``<img>`` whose alt text says nothing."""
    for node in doctree.findall(nodes.image):
        kind = "output" if _is_output(node) else "markdown"
        _warn(node, kind, "an image", node.get("alt"))
    for node in doctree.findall(nodes.raw):
        if "html" not in node.get("format", "").split():
            continue
        if "course_alt" in node:
            _warn(node, "output", "a Plotly figure", node["course_alt"])
        parser = Images()
        parser.feed(node.astext())
        for alt in parser.alts:
            _warn(node, "html", "an <img>", alt)


def _is_output(node: nodes.Node) -> bool:
    while node.parent is not None:
        node = node.parent
        if isinstance(node, nodes.container) and node.get("nb_element") == "cell_code_output":
            return True
    return False


def _warn(node: nodes.Element, kind: str, what: str, alt: str | None) -> None:
    wrong = problem(alt)
    if wrong:
        logger.warning("%s %s: %s", what, wrong, ADVICE[kind], location=node, type="course", subtype="alt")


def setup(app: Sphinx) -> None:
    app.connect("doctree-resolved", check)
