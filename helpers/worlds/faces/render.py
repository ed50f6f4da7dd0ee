"""From a face to pixels, and to the boxes of what is in it."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from ...errors import CourseError, unknown
from .face import SIDES, Face
from .geometry import TURN, Geometry, Point, arc, geometry
from .identity import HAIRS, SKINS

SUPERSAMPLING = 2  # drawn at twice the size and averaged down: smooth lines for little time
SIZES = (32, 1024)
PARTS = ("head", "eyebrows", "eyes", "nose", "mouth")
Colour = tuple[int, int, int]
WHITE, DARK, BLACK = (246, 246, 242), (24, 18, 20), (0, 0, 0)


def _mix(a: Colour, b: Colour, share: float) -> Colour:
    """A colour between two."""
    return tuple(round((1 - share) * x + share * y) for x, y in zip(a, b))


def _grey(colour: Colour) -> float:
    return 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]


def skin(face: Face) -> Colour:
    return tuple(min(255, round(face.identity.shade * v)) for v in SKINS[face.identity.skin])


def brow_colour(face: Face) -> Colour:
    """That of the hair, unless brows of that colour could hardly be seen on this skin."""
    hair, behind = HAIRS[face.identity.hair], skin(face)
    return hair if abs(_grey(hair) - _grey(behind)) > 60 else _mix(behind, BLACK, 0.75)


class _Canvas:
    """Draws in the units of the geometry on a picture of which the face's view says where the head is."""

    def __init__(self, face: Face, side: int):
        view, self.side = face.view, side * SUPERSAMPLING
        self.image = Image.new("RGB", (self.side, self.side), view.background)
        self.draw = ImageDraw.Draw(self.image)
        self.unit = view.scale * self.side
        angle = math.radians(view.tilt)
        self.cos, self.sin = math.cos(angle), math.sin(angle)
        self.x, self.y = view.x * self.side, view.y * self.side

    def at(self, point: Point) -> Point:
        """Where a point of the face is in the large picture."""
        x, y = point[0] * self.unit, point[1] * self.unit
        return self.x + self.cos * x - self.sin * y, self.y + self.sin * x + self.cos * y

    def polygon(self, points, colour: Colour) -> None:
        self.draw.polygon([self.at(p) for p in points], fill=colour)

    def line(self, points, width: float, colour: Colour) -> None:
        self.draw.line([self.at(p) for p in points], fill=colour, width=max(1, round(width * self.unit)), joint="curve")

    def disc(self, centre: Point, radius: float, colour: Colour) -> None:
        (x, y), r = self.at(centre), radius * self.unit
        self.draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)

    def clipped(self, outline, paint) -> None:
        """Let ``paint`` draw, and keep what lies inside the outline."""
        before = self.image.copy()
        paint()
        mask = Image.new("L", self.image.size, 255)
        ImageDraw.Draw(mask).polygon([self.at(p) for p in outline], fill=0)
        self.image.paste(before, (0, 0), mask)


def _oval(width: float, top: float, bottom: float, n: int = 48) -> list[Point]:
    """An outline round the origin whose upper and lower half reach to different heights; the lower one is narrower."""
    found = []
    for i in range(n):
        c, s = math.cos(2 * math.pi * i / n), math.sin(2 * math.pi * i / n)
        narrow = 1 - 0.16 * max(0.0, s) ** 2
        found.append((width * narrow * c, (bottom if s > 0 else top) * s))
    return found


def render(face: Face, side: int = 112) -> Image.Image:
    """Draw the face as an RGB image of ``side`` × ``side`` pixels. Same face, same pixels."""
    if not SIZES[0] <= side <= SIZES[1]:
        raise CourseError(f"A face cannot be drawn at {side} pixels. Choose a side from {SIZES[0]} to {SIZES[1]}.")
    canvas, shape = _Canvas(face, side), geometry(face)
    _draw_head(canvas, face, shape)
    for line, strength in shape.marks:
        canvas.line(line, 0.022, _mix(skin(face), BLACK, 0.7 * strength))
    _draw_hair(canvas, face)
    _draw_eyes(canvas, face, shape)
    _draw_mouth(canvas, face, shape)
    if face.identity.glasses:
        _draw_glasses(canvas, face)
    return _photograph(canvas.image, face, side)


def _photograph(image: Image.Image, face: Face, side: int) -> Image.Image:
    """Light from one side, exposure and noise, none of which hangs on the expression."""
    view = face.view
    pixels = np.asarray(image.reduce(SUPERSAMPLING), dtype=np.float32)
    angle, at = math.radians(view.light_angle), np.linspace(-1, 1, side, dtype=np.float32)
    light = 1 + view.light * (math.cos(angle) * at[None, :] + math.sin(angle) * at[:, None])
    noise = np.random.default_rng(view.pixel_seed).standard_normal((side, side, 1), dtype=np.float32)
    pixels = view.gain * light[:, :, None] * pixels + view.noise * noise
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _draw_head(canvas: _Canvas, face: Face, shape: Geometry) -> None:
    who, colour, hair = face.identity, skin(face), HAIRS[face.identity.hair]
    shade = _mix(colour, DARK, 0.18)
    if who.hair_style == "long":
        canvas.polygon(_oval(1.2 * who.width, 1.1, 1.3), hair)
    canvas.polygon([(-0.3, 0.6), (0.3, 0.6), (0.34, 1.5), (-0.34, 1.5)], shade)
    canvas.polygon([(x, y + 1.95) for x, y in _oval(1.25, 0.7, 1.0)], face.view.shirt)
    for out in (-1, 1):
        canvas.disc((out * 0.98 * who.width, 0.02), 0.13, shade)
    outline = _oval(who.width, 1.0, shape.chin)
    canvas.polygon(outline, colour)
    if who.beard:
        beard = [(-who.width, 0.1), (-0.6, 0.3), (-0.36, 0.44), (0.36, 0.44), (0.6, 0.3), (who.width, 0.1)]
        beard += [(who.width, 1.3), (-who.width, 1.3)]
        canvas.clipped(outline, lambda: canvas.polygon(beard, _mix(colour, brow_colour(face), 0.45)))


def _draw_hair(canvas: _Canvas, face: Face) -> None:
    """The hair in front, over the wrinkles of the forehead and under the brows."""
    who, hair = face.identity, HAIRS[face.identity.hair]
    if who.hair_style == "none":
        return
    cap = [(x, y) for x, y in _oval(1.06 * who.width, 1.1, 1.0) if y < 0.02 - 0.3 * (who.hair_style == "short")]
    fringe = arc((1.0 * who.width, cap[0][1]), (-1.0 * who.width, cap[0][1]), 2 * who.hairline - cap[0][1] + 0.35)
    canvas.polygon([*sorted(cap, key=lambda p: p[0]), *fringe], hair)
    if who.hair_style == "curly":
        for x, y in cap:
            canvas.disc((x, y), 0.15, hair)


def _draw_eyes(canvas: _Canvas, face: Face, shape: Geometry) -> None:
    who = face.identity
    for side in SIDES:
        eye = shape.eyes[side]
        outline = [*eye.upper, *eye.lower[::-1]]
        if eye.opening > 0.08:

            def paint(eye=eye, outline=outline) -> None:
                canvas.polygon(outline, WHITE)
                canvas.disc(eye.iris, eye.radius, who.iris)
                canvas.disc(eye.iris, 0.5 * eye.radius, DARK)

            canvas.clipped(outline, paint)
        canvas.line(eye.upper, 0.035, DARK)
        canvas.line(eye.lower, 0.018, _mix(skin(face), DARK, 0.6))
        canvas.line(shape.brows[side], 1.3 * who.brow_thickness, brow_colour(face))
    canvas.line(shape.nose, 0.03, _mix(skin(face), DARK, 0.45))


def _draw_mouth(canvas: _Canvas, face: Face, shape: Geometry) -> None:
    mouth, lips = shape.mouth, _mix(skin(face), (150, 40, 48), 0.5)
    canvas.polygon([*mouth.outer_upper, *mouth.outer_lower[::-1]], lips)
    if mouth.gap > 0.015:
        hole = [*mouth.inner_upper, *mouth.inner_lower[::-1]]

        def paint() -> None:
            canvas.polygon(hole, (70, 18, 26))
            height = min(0.07, 0.5 * mouth.gap)
            canvas.polygon([*mouth.inner_upper, *((x, y + height) for x, y in mouth.inner_upper[::-1])], WHITE)

        canvas.clipped(hole, paint)
    canvas.line(mouth.inner_upper, 0.026, _mix(lips, DARK, 0.75))
    if mouth.gap > 0.015:
        canvas.line(mouth.inner_lower, 0.018, _mix(lips, DARK, 0.6))


def _draw_glasses(canvas: _Canvas, face: Face) -> None:
    who, shift = face.identity, TURN * face.view.turn
    for out in (-1, 1):
        rim = [(shift + out * who.eye_distance + x, who.eye_height + y) for x, y in _oval(0.23, 0.19, 0.21, 24)]
        canvas.line([*rim, rim[0]], 0.028, (40, 40, 46))
    bridge = who.eye_distance - 0.22
    canvas.line([(shift - bridge, who.eye_height), (shift + bridge, who.eye_height)], 0.028, (40, 40, 46))


def box(face: Face, part: str, side: int = 112) -> tuple[float, float, float, float]:
    """The box x1, y1, x2, y2 of a part of the face (of PARTS), in pixels of the image that ``render`` makes.

    That of the head goes from the crown to the chin, however far the jaw drops, without hair, ears and neck.
    """
    if part not in PARTS:
        raise unknown("part of a face", part, list(PARTS))
    shape, canvas = geometry(face), _Canvas(face, side)
    points, margin = {
        "head": (_oval(face.identity.width, 1.0, shape.chin), 0.0),
        "eyebrows": ([p for brow in shape.brows.values() for p in brow], 0.7 * face.identity.brow_thickness),
        "eyes": ([p for eye in shape.eyes.values() for p in (*eye.upper, *eye.lower)], 0.02),
        "nose": (shape.nose, 0.02),
        "mouth": ((*shape.mouth.outer_upper, *shape.mouth.outer_lower, *shape.mouth.corners), 0.015),
    }[part]
    xs, ys = zip(*(canvas.at(p) for p in points))
    grow = margin * canvas.unit
    left, top, right, bottom = min(xs) - grow, min(ys) - grow, max(xs) + grow, max(ys) + grow
    return tuple(v / SUPERSAMPLING for v in (left, top, right, bottom))


def boxes(face: Face, side: int = 112) -> list[tuple[str, tuple[float, float, float, float]]]:
    """The parts of the face, each with its box x1, y1, x2, y2 in pixels of the image that ``render`` makes."""
    return [(part, box(face, part, side)) for part in PARTS]
