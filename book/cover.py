"""Draw the cover figure: ``python book/cover.py`` writes ``book/_static/cover.svg``.

A scene, the patches that a vision transformer makes of it, and its caption, word by word. Picture and caption both come
from ``helpers.worlds.scenes``; no model is involved.
"""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path

from helpers.worlds import scenes
from helpers.worlds.scenes.render import RGB

SIDE, PATCHES, GAP = 252, 6, 6  # pixels of the picture, patches per side, pixels between patches
TARGET = Path(__file__).parent / "_static" / "cover.svg"


def scene() -> scenes.Scene:
    ring = scenes.Thing("orange", "circle", "large", "dotted", x=0.27, y=0.40, r=0.2, angle=0)
    heart = scenes.Thing("pink", "heart", "large", "plain", x=0.72, y=0.56, r=0.2, angle=-6)
    return scenes.Scene("pair", (ring, heart), "left", "grey", "flat", None, pixel_seed=7)


def embedded(picture) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<defs><image id="picture" width="{SIDE}" height="{SIDE}" href="data:image/png;base64,{data}"/></defs>'


def patches(left: float, top: float) -> str:
    """Windows on the one embedded picture, a little apart."""
    step = SIDE // PATCHES
    return "".join(
        f'<svg x="{left + c * (step + GAP)}" y="{top + r * (step + GAP)}" width="{step}" height="{step}" '
        f'viewBox="{c * step} {r * step} {step} {step}"><use href="#picture"/></svg>'
        for r in range(PATCHES) for c in range(PATCHES)
    )  # fmt: skip


def words(caption: str, left: float, top: float, width: float) -> str:
    """The caption as chips in lines; a colour's name is written in its colour."""
    drawn, x, y = [], left, top
    for word in caption.split():
        chip = 13.2 * len(word) + 20
        if x + chip > left + width:
            x, y = left, y + 46
        colour = "rgb({},{},{})".format(*RGB[word]) if word in RGB else "#f3f4f6"
        drawn.append(
            f'<rect x="{x:g}" y="{y:g}" width="{chip:g}" height="36" rx="8" fill="#2b3444"/>'
            f'<text x="{x + chip / 2:g}" y="{y + 25:g}" fill="{colour}">{html.escape(word)}</text>'
        )
        x += chip + 9
    return "".join(drawn)


def arrow(x: float) -> str:
    return f'<path d="M{x} 164h26m-9-9 9 9-9 9" fill="none" stroke="#9ca3af" stroke-width="3"/>'


def cover() -> str:
    picture, caption = scenes.render(scene(), SIDE), scenes.captions(scene())[0]
    style = 'font-family="ui-monospace,Menlo,Consolas,monospace" font-size="22" text-anchor="middle"'
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1020 328">'
        '<rect width="1020" height="328" rx="18" fill="#161c28"/>'
        f'{embedded(picture)}<use href="#picture" x="34" y="38"/>{arrow(301)}{patches(346, 23)}{arrow(644)}'
        f"<g {style}>{words(caption, 690, 31, 312)}</g></svg>\n"
    )


if __name__ == "__main__":
    TARGET.write_text(cover(), encoding="utf-8")
