"""What stands on a page, where and how it looks: in pixels at scale 1, with y downwards."""

from __future__ import annotations

import random
from dataclasses import dataclass

from .contents import Content, Sign
from .fonts import FACES, extent

TOKEN = 16  # a page's sides are multiples of 16 pixels: a visual token of the nano models
WIDTHS = range(8 * TOKEN, 13 * TOKEN + 1, TOKEN)
MARGIN = 7
SIZES = (11.5, 12.5, 13.5)  # pixels to the em: capitals are 8.0 to 9.5 pixels high
BROAD = ("wide", "mono", "printer")  # faces too broad for the largest size
PAPERS = ((255, 255, 255), (250, 246, 232), (238, 238, 236), (234, 242, 250), (250, 240, 240), (240, 248, 236))
INKS = ((20, 20, 24), (24, 32, 84), (64, 36, 24), (60, 62, 66))
BARS = ((222, 38, 38), (250, 140, 20), (40, 160, 60), (60, 190, 205), (40, 70, 210), (140, 50, 170))
PLATES = ((250, 250, 246), (246, 222, 32), (40, 70, 160), (190, 30, 34), (30, 120, 60), (40, 40, 46))
MAX_ANGLE = 2.0  # degrees
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Span:
    """A piece of text: its pen starts at (x, y), y being the baseline; ``size`` in pixels to the em."""

    text: str
    x: float
    y: float
    size: float
    face: str

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Its ink before the page is turned: x1, y1, x2, y2."""
        x1, y1, x2, y2, _ = extent(self.face, self.text)
        return self.x + x1 * self.size, self.y + y1 * self.size, self.x + x2 * self.size, self.y + y2 * self.size


@dataclass(frozen=True)
class Line:
    """What is read in one go: spans from left to right."""

    spans: tuple[Span, ...]

    @property
    def text(self) -> str:
        return " ".join(span.text for span in self.spans)


@dataclass(frozen=True)
class Mark:
    """A filled rectangle: a rule, a frame or a bar."""

    x1: float
    y1: float
    x2: float
    y2: float
    colour: Colour


@dataclass(frozen=True)
class Style:
    """How the page looks. ``angle`` in degrees against the clock, ``noise`` as a standard deviation of grey levels."""

    face: str
    size: float
    paper: Colour
    ink: Colour
    angle: float
    noise: float
    pixel_seed: int


@dataclass(frozen=True)
class Page:
    """Lines in reading order, marks, and the size in pixels at scale 1."""

    width: int
    height: int
    lines: tuple[Line, ...]
    marks: tuple[Mark, ...]


def style(rng: random.Random, content: Content) -> Style:
    """Draw a look: ink and paper always differ by at least 90 grey levels."""
    paper, ink = rng.choice(PAPERS), rng.choice(INKS)
    if isinstance(content, Sign):
        paper = rng.choice(PLATES)
        ink = (250, 250, 246) if sum(paper) < 400 else (20, 20, 24)
    face = rng.choices(FACES, weights=(3, 2, 2, 1, 1, 2, 1))[0]
    angle = rng.uniform(-MAX_ANGLE, MAX_ANGLE) if rng.random() < 0.7 else 0.0
    size = rng.choice(SIZES[:2] if face in BROAD else SIZES)
    return Style(face, size, paper, ink, angle, rng.choice((1.0, 3.0, 6.0)), rng.getrandbits(32))


def width_of(text: str, face: str, size: float) -> float:
    return extent(face, text)[4] * size
