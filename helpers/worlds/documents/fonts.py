"""Seven faces made of the two fonts that PIL brings along, glyph by glyph, cached.

A glyph is a small picture in grey (255 is ink) with its place relative to the pen. Reference glyphs of ``EM`` pixels
give the measures that layouts are computed with, so a layout is the same at every scale.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, floor
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

FACES = ("plain", "bold", "narrow", "wide", "slanted", "mono", "printer")
EM = 100  # pixels of the reference size
CAPITAL = 0.7  # height of a capital, as a share of the size
MONO_ADVANCE = 0.62
PRINTER_CELL = (6, 11)  # pixels of the bitmap font, of which a capital has 6 in height


class Glyph(NamedTuple):
    """``ink`` is put with its left upper corner at (pen + dx, baseline + dy); the pen then advances. Pixels."""

    ink: Image.Image | None
    dx: int
    dy: int
    advance: float


@lru_cache(maxsize=256)
def _font(px: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(size=px)


@lru_cache(maxsize=1)
def _bitmap_font() -> ImageFont.ImageFont:
    return ImageFont.load_default_imagefont()


@lru_cache(maxsize=8192)
def glyph(face: str, char: str, px: int) -> Glyph:
    """One character of a face, ``px`` pixels to the em."""
    if face == "printer":
        return _printed(char, px)
    advance = _font(EM).getlength(char) / EM * px  # from the reference, so that widths grow in proportion
    if face in ("bold", "wide"):
        advance += 0.05 * px if face == "bold" else 0.13 * px
    stroke = 0.03 * px if face == "bold" else 0
    left, top, right, bottom = _font(px).getbbox(char, anchor="ls", stroke_width=stroke)
    left, top, right, bottom = floor(left) - 1, floor(top) - 1, ceil(right) + 1, ceil(bottom) + 1
    ink = Image.new("L", (right - left, bottom - top), 0)
    ImageDraw.Draw(ink).text((-left, -top), char, font=_font(px), fill=255, anchor="ls", stroke_width=stroke)
    if face == "narrow":
        ink = ink.resize((max(1, round(0.84 * ink.width)), ink.height), Image.Resampling.BILINEAR)
        left, advance = round(0.84 * left), 0.86 * advance
    elif face == "slanted":
        slope, extra = 0.2, round(0.2 * ink.height)
        shear = (1, slope, -extra, 0, 1, 0)
        ink = ink.transform((ink.width + extra, ink.height), Image.Transform.AFFINE, shear, Image.Resampling.BILINEAR)
        left -= round(slope * bottom)  # the baseline stays where it was
    elif face == "mono":
        cell = MONO_ADVANCE * px
        if ink.width > cell:
            ink = ink.resize((max(1, int(cell)), ink.height), Image.Resampling.BILINEAR)
        left, advance = round((cell - ink.width) / 2), cell
    return Glyph(_inked(ink), left, top, advance)


def _printed(char: str, px: int) -> Glyph:
    """A character of the bitmap font, enlarged until it looks like a receipt printer's."""
    mask = _bitmap_font().getmask(f" {char} ", "L")  # its wide letters reach a pixel into their neighbours' cells
    width, height = PRINTER_CELL
    cell = Image.frombytes("L", mask.size, bytes(mask)).crop((width - 1, 0, 2 * width + 1, height))
    wide, tall = MONO_ADVANCE * px / width, CAPITAL * px / 6  # pixels to a pixel of the bitmap font
    cell = cell.resize((round(cell.width * wide), round(height * tall)), Image.Resampling.BICUBIC)
    return Glyph(_inked(cell), round(-wide), round(-9 * tall), MONO_ADVANCE * px)


def _inked(ink: Image.Image) -> Image.Image | None:
    return ink if ink.getbbox() else None


@lru_cache(maxsize=8192)
def extent(face: str, text: str) -> tuple[float, float, float, float, float]:
    """The ink of a text whose pen starts at (0, 0): left, top, right and bottom, and the advance, all in em."""
    pen, corners = 0.0, []
    for char in text:
        ink, dx, dy, advance = glyph(face, char, EM)
        if ink is not None:
            x1, y1, x2, y2 = ink.getbbox()
            corners.append((pen + dx + x1, dy + y1, pen + dx + x2, dy + y2))
        pen += advance
    lefts, tops, rights, bottoms = zip(*corners) if corners else ((0,),) * 4
    return min(lefts) / EM, min(tops) / EM, max(rights) / EM, max(bottoms) / EM, pen / EM
