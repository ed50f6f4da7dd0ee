"""From a document to pixels at any scale, and to the boxes of its lines."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from ...errors import CourseError
from .document import Document
from .fonts import glyph
from .layout import Colour, Line, Span

SUPERSAMPLING = 2  # drawn at twice the size and averaged down: smooth letters and rules for little time
SCALES = (0.1, 16.0)


def size(document: Document, scale: float = 1.0) -> tuple[int, int]:
    """Width and height in pixels at a scale (multiples of 16 at scale 1). Raises CourseError for a useless scale."""
    if not SCALES[0] <= scale <= SCALES[1]:
        raise CourseError(f"A document cannot be drawn at scale {scale}. Choose one from {SCALES[0]} to {SCALES[1]}.")
    return round(document.page.width * scale), round(document.page.height * scale)


def render(document: Document, scale: float = 1.0) -> Image.Image:
    """Draw the document as an RGB image of ``size(document, scale)``. Same document and scale, same pixels.

    Every scale is drawn anew: letters at scale 2 are sharp, those at scale 0.5 are what a poor scan leaves of them.
    """
    look, page = document.style, document.page
    width, height = size(document, scale)
    k = scale * SUPERSAMPLING
    canvas = Image.new("RGB", (width * SUPERSAMPLING, height * SUPERSAMPLING), look.paper)
    draw = ImageDraw.Draw(canvas)
    for mark in page.marks:
        left, top = round(mark.x1 * k), round(mark.y1 * k)
        right, bottom = max(left, round(mark.x2 * k) - 1), max(top, round(mark.y2 * k) - 1)
        draw.rectangle((left, top, right, bottom), fill=mark.colour)
    for line in page.lines:
        for span in line.spans:
            _write(canvas, span, k, look.ink)
    pixels = np.asarray(_turned(canvas, look.angle, width, height, look.paper), dtype=np.float32)
    noise = np.random.default_rng(look.pixel_seed).standard_normal((height, width, 1), dtype=np.float32)
    return Image.fromarray((pixels + look.noise * noise).clip(0, 255).astype(np.uint8))


def _turned(canvas: Image.Image, angle: float, width: int, height: int, paper: Colour) -> Image.Image:
    """The canvas, turned about its centre and averaged down in one step."""
    if not angle:
        return canvas.reduce(SUPERSAMPLING)
    c, s, n = math.cos(math.radians(angle)), math.sin(math.radians(angle)), SUPERSAMPLING
    cx, cy = width / 2, height / 2
    back = (n * c, -n * s, n * (cx - c * cx + s * cy), n * s, n * c, n * (cy - s * cx - c * cy))
    return canvas.transform((width, height), Image.Transform.AFFINE, back, Image.Resampling.BILINEAR, fillcolor=paper)


def _write(canvas: Image.Image, span: Span, k: float, colour: Colour) -> None:
    """Put a span's glyphs on the canvas, whose pixels are ``k`` to the page's one."""
    px, pen, baseline = max(1, round(span.size * k)), span.x * k, round(span.y * k)
    stretch = span.size * k / px  # glyphs come in whole sizes; the pen moves as the layout says
    for char in span.text:
        ink, dx, dy, advance = glyph(span.face, char, px)
        if ink is not None:
            canvas.paste(colour, (round(pen) + dx, baseline + dy), ink)
        pen += advance * stretch


def box(document: Document, part: Line | Span, scale: float = 1.0) -> tuple[float, float, float, float]:
    """The box x1, y1, x2, y2 of a line's or span's ink, in pixels of the image that ``render`` makes at that scale.

    The box of a turned line is upright and encloses it. It reaches a pixel past the ink and never past the page.
    """
    width, height = size(document, scale)
    spans = part.spans if isinstance(part, Line) else (part,)
    angle = math.radians(document.style.angle)
    c, s, cx, cy = math.cos(angle), math.sin(angle), width / 2, height / 2
    turned = []
    for span in spans:
        x1, y1, x2, y2 = (v * scale for v in span.box)
        for x, y in ((x1, y1), (x2, y1), (x1, y2), (x2, y2)):
            turned.append((cx + c * (x - cx) + s * (y - cy), cy - s * (x - cx) + c * (y - cy)))
    xs, ys = zip(*turned)
    return max(0, min(xs) - 1), max(0, min(ys) - 1), min(width, max(xs) + 1), min(height, max(ys) + 1)


def boxes(document: Document, scale: float = 1.0) -> list[tuple[str, tuple[float, float, float, float]]]:
    """The text of every line with its box, in reading order."""
    return [(line.text, box(document, line, scale)) for line in document.page.lines]
