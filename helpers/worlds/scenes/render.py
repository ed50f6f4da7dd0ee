"""From a scene to pixels, and to the boxes of what is in it."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .layout import Scene, Sign, Thing

RGB = {
    "red": (222, 38, 38),
    "orange": (250, 140, 20),
    "yellow": (246, 222, 32),
    "green": (40, 160, 60),
    "cyan": (60, 210, 220),
    "blue": (40, 70, 210),
    "purple": (140, 50, 170),
    "pink": (250, 150, 195),
}
BACKGROUND_RGB = {"white": (240, 240, 238), "grey": (135, 137, 140), "black": (26, 26, 30)}
SUPERSAMPLING = 2  # drawn at twice the size and averaged down: smooth edges for little time
SIGN_HALF = (0.125, 0.085)  # half width and half height of a sign's plate, as shares of the image side


def _regular(n: int, inner: float, turn: float) -> list[tuple[float, float]]:
    """A star's (or with inner=1 a polygon's) corners on the unit circle."""
    return [
        (math.cos(turn + i * math.pi / n) * (1 if i % 2 == 0 else inner),
         math.sin(turn + i * math.pi / n) * (1 if i % 2 == 0 else inner))
        for i in range(2 * n)
    ]  # fmt: skip


def _heart() -> list[tuple[float, float]]:
    ts = [2 * math.pi * i / 40 for i in range(40)]
    return [
        (math.sin(t) ** 3, -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)) / 16)
        for t in ts
    ]


_circle = [(math.cos(2 * math.pi * i / 48), math.sin(2 * math.pi * i / 48)) for i in range(48)]
OUTLINES = {
    "circle": _circle,
    "ring": _circle,
    "square": [(-0.84, -0.84), (0.84, -0.84), (0.84, 0.84), (-0.84, 0.84)],
    "triangle": [(0, -1), (0.95, 0.75), (-0.95, 0.75)],
    "star": _regular(5, 0.42, -math.pi / 2),
    "cross": [(-0.34, -1), (0.34, -1), (0.34, -0.34), (1, -0.34), (1, 0.34), (0.34, 0.34),
              (0.34, 1), (-0.34, 1), (-0.34, 0.34), (-1, 0.34), (-1, -0.34), (-0.34, -0.34)],
    "diamond": [(0, -1), (0.72, 0), (0, 1), (-0.72, 0)],
    "heart": _heart(),
}  # fmt: skip


def outline(thing: Thing, side: int) -> list[tuple[float, float]]:
    """The corners of a thing in pixels of an image of the given side."""
    c, s = math.cos(math.radians(thing.angle)), math.sin(math.radians(thing.angle))
    return [
        (side * (thing.x + thing.r * (c * x - s * y)), side * (thing.y + thing.r * (s * x + c * y)))
        for x, y in OUTLINES[thing.shape]
    ]


def box(item: Thing | Sign, side: int) -> tuple[float, float, float, float]:
    """The tight box (x1, y1, x2, y2) in pixels of a thing or a sign."""
    if isinstance(item, Sign):
        w, h = SIGN_HALF
        return (side * (item.x - w), side * (item.y - h), side * (item.x + w), side * (item.y + h))
    xs, ys = zip(*outline(item, side))
    return min(xs), min(ys), max(xs), max(ys)


def boxes(scene: Scene, side: int = 96) -> list[tuple[str, tuple[float, float, float, float]]]:
    """Every thing's name ("red star") and box, then the sign's ("sign")."""
    found = [(f"{t.colour} {t.shape}", box(t, side)) for t in scene.things]
    return found + ([("sign", box(scene.sign, side))] if scene.sign else [])


def render(scene: Scene, side: int = 96) -> Image.Image:
    """Draw the scene as an RGB image of ``side`` × ``side`` pixels. Same scene, same pixels."""
    noise = np.random.default_rng(scene.pixel_seed)
    big = side * SUPERSAMPLING
    canvas = Image.new("RGB", (big, big), BACKGROUND_RGB[scene.background])
    if scene.texture == "checked":
        _draw_checks(canvas, scene.background)
    for thing in scene.things:
        _draw_thing(canvas, thing, noise)
    if scene.sign:
        _draw_sign(canvas, scene.sign)
    pixels = np.asarray(canvas.reduce(SUPERSAMPLING), dtype=np.float32)
    if scene.texture == "gradient":
        pixels = pixels + np.linspace(-16, 16, side, dtype=np.float32)[:, None, None]
    sigma = 9.0 if scene.texture == "grainy" else 2.5
    pixels = pixels + sigma * noise.standard_normal((side, side, 1), dtype=np.float32)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _draw_checks(canvas: Image.Image, background: str) -> None:
    draw, step = ImageDraw.Draw(canvas), canvas.width // 6
    shifted = tuple(v + (14 if background == "black" else -14) for v in BACKGROUND_RGB[background])
    for row in range(6):
        for col in range(row % 2, 6, 2):
            draw.rectangle((col * step, row * step, (col + 1) * step - 1, (row + 1) * step - 1), fill=shifted)


def _draw_thing(canvas: Image.Image, thing: Thing, noise: np.random.Generator) -> None:
    """Paste a patch of the thing's colour and pattern through a mask of its shape."""
    side, r = canvas.width, thing.r * canvas.width
    left, top, patch_side = int(thing.x * side - r) - 2, int(thing.y * side - r) - 2, int(2 * r) + 5
    colour = tuple(int(min(255, max(0, v + d))) for v, d in zip(RGB[thing.colour], noise.integers(-10, 11, 3)))
    patch = Image.new("RGB", (patch_side, patch_side), colour)
    draw, unit = ImageDraw.Draw(patch), side / 96
    if thing.fill == "striped":
        dark = tuple(int(0.4 * v) for v in colour)
        for y in range(0, patch_side, round(5.5 * unit)):
            draw.rectangle((0, y, patch_side, y + round(2.2 * unit)), fill=dark)
    elif thing.fill == "dotted":
        light = tuple(int(255 - 0.15 * (255 - v)) for v in colour)
        step, dot = round(5 * unit), round(1.2 * unit)
        for row, y in enumerate(range(step // 2, patch_side, step)):
            for x in range(step // 2 + (row % 2) * step // 2, patch_side, step):
                draw.ellipse((x - dot, y - dot, x + dot, y + dot), fill=light)
    mask = Image.new("L", patch.size, 0)
    draw = ImageDraw.Draw(mask)
    draw.polygon([(x - left, y - top) for x, y in outline(thing, side)], fill=255)
    if thing.shape == "ring":
        cx, cy, hole = thing.x * side - left, thing.y * side - top, 0.5 * r
        draw.ellipse((cx - hole, cy - hole, cx + hole, cy + hole), fill=0)
    canvas.paste(patch, (left, top), mask)


@lru_cache(maxsize=256)
def _plate(text: str, side: int) -> Image.Image:
    """A sign's plate: dark letters on cream, with a dark rim (cached: there are only 18 texts)."""
    w, h = round(2 * SIGN_HALF[0] * side), round(2 * SIGN_HALF[1] * side)
    plate = Image.new("RGB", (w, h), (252, 248, 225))
    draw = ImageDraw.Draw(plate)
    draw.rectangle((0, 0, w - 1, h - 1), outline=(30, 30, 40), width=max(1, side // 96))
    font = ImageFont.load_default(size=0.125 * side if len(text) == 1 else 0.09 * side)
    draw.text((w / 2, h / 2), text, font=font, fill=(20, 20, 30), anchor="mm")
    return plate


def _draw_sign(canvas: Image.Image, sign: Sign) -> None:
    x1, y1, _, _ = box(sign, canvas.width)
    canvas.paste(_plate(sign.text, canvas.width), (round(x1), round(y1)))
