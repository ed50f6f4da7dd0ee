"""A document and how one is drawn.

A document is drawn from ``random.Random(f"documents/{split}/{seed}/{index}")``. Splits differ in more than their random
streams: a quarter of all contents, by a hash, is reserved for ``heldout`` and never trained on, and ``novel`` documents
are made of words that no training document has.

Of a chart the content includes its values, which are drawn and not printed. So a held-out chart is one of a kind, but
the little that can be read on it (title, ticks, names) often occurs in training: of 600 held-out charts 57 % had the
transcription of one of 4,000 training charts, of the other kinds none had. Transcribing charts is no test of novelty.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from ...errors import unknown
from .. import drawing
from .contents import KINDS, Chart, Content, Form, Receipt, Sign, Table, key
from .layout import Page, Style, style
from .pages import lay_out
from .vocabulary import KNOWN, NOVEL

SPLITS = ("train", "heldout", "novel")
_KIND_OF = {Receipt: "receipt", Form: "form", Table: "table", Chart: "chart", Sign: "sign"}


@dataclass(frozen=True)
class Document:
    """What it says, where it stands and how it looks."""

    content: Content
    page: Page
    style: Style

    @property
    def kind(self) -> str:
        """A key of KINDS."""
        return _KIND_OF[type(self.content)]


def is_reserved(content: Content) -> bool:
    """Whether a content is kept for evaluation: a quarter of all contents, by a hash, whatever the seed."""
    return drawing.is_reserved(key(content))


def document_rng(split: str, seed: int, index: int) -> random.Random:
    """The random stream of one document. Raises UnknownName for a split that does not exist."""
    if split not in SPLITS:
        raise unknown("split", split, list(SPLITS))
    return random.Random(f"documents/{split}/{seed}/{index}")


def documents(
    split: str, n: int | None = None, seed: int = 0, start: int = 0, kind: str | None = None
) -> Iterator[Document]:
    """Yield ``n`` documents of a split (endlessly when ``n`` is None), of one kind or (None) of all in turn."""
    for index in drawing.indices(n, start):
        yield sample_document(document_rng(split, seed, index), split, kind or tuple(KINDS)[index % len(KINDS)])


def sample_document(rng: random.Random, split: str = "train", kind: str | None = None) -> Document:
    """Draw one document. ``kind`` (a key of KINDS) is drawn too unless given; UnknownName where there is none such."""
    if split not in SPLITS:
        raise unknown("split", split, list(SPLITS))
    kind = kind or rng.choice(tuple(KINDS))
    if kind not in KINDS:
        raise unknown("kind of document", kind, list(KINDS))
    while True:
        content = KINDS[kind](rng, NOVEL if split == "novel" else KNOWN)
        if split == "novel" or is_reserved(content) == (split == "heldout"):
            break
    return set_out(rng, content)


def set_out(rng: random.Random, content: Content) -> Document:
    """A document that says this, in a look that is drawn."""
    look = style(rng, content)
    return Document(content, lay_out(rng, content, look), look)
