"""Two small figures as inline SVG: they need no library, no script and no network, and print well."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..stats import Estimate

WIDTH, LABELS, ROW, FOOT = 760, 280, 22, 34  # pixels: the whole, the names at the left, one row, the axis below
#: Okabe and Ito's palette (2008), as in ``helpers.plots``, and dashes for those who see no colours.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
DASHES = ("none", "6 3", "2 2", "8 3 2 3", "12 4", "1 4")


def intervals(rows: Sequence[tuple[str, Estimate]], alt: str) -> str:
    """A dot and a line for every estimate, on an axis from 0 to 1."""
    height = ROW * len(rows) + FOOT
    marks = []
    for i, (name, estimate) in enumerate(rows):
        y = ROW * i + ROW / 2
        low, value, high = (_x(v) for v in (estimate.low, estimate.value, estimate.high))
        marks.append(f'<text x="{LABELS - 10}" y="{y + 4:.1f}" text-anchor="end">{escape(_short(name))}</text>')
        marks.append(f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}" stroke="{COLOURS[0]}" stroke-width="3"/>')
        marks.append(f'<circle cx="{value:.1f}" cy="{y}" r="5" fill="{COLOURS[0]}"/>')
    ticks = [(tick, f"{tick:.0%}") for tick in (0, 0.25, 0.5, 0.75, 1)]
    return _svg(height, _axis(ticks, height) + "".join(marks), alt)


def ecdf(series: Sequence[tuple[str, Sequence[float]]], alt: str) -> str:
    """For every series of seconds, the share of values at most as long, as a staircase."""
    longest = max((max(values) for _, values in series if values), default=1.0) or 1.0
    height = 220 + FOOT + ROW * len(series)
    top, bottom = 10, 220
    marks = []
    for i, (name, values) in enumerate(series):
        points, share = [f"{LABELS},{bottom}"], 0.0
        for n, value in enumerate(sorted(values), 1):
            x = _x(value / longest)
            points += [f"{x:.1f},{_y(share, top, bottom):.1f}", f"{x:.1f},{_y(n / len(values), top, bottom):.1f}"]
            share = n / len(values)
        points.append(f"{_x(1)},{_y(share, top, bottom):.1f}")
        style = f'fill="none" stroke="{COLOURS[i % 6]}" stroke-width="2" stroke-dasharray="{DASHES[i % 6]}"'
        y = bottom + FOOT + ROW * i + ROW / 2
        marks.append(f'<polyline points="{" ".join(points)}" {style}/>')
        marks.append(f'<line x1="{LABELS}" x2="{LABELS + 40}" y1="{y}" y2="{y}" {style}/>')
        marks.append(f'<text x="{LABELS + 50}" y="{y + 4}">{escape(_short(name, 60))}</text>')
    shares = "".join(
        f'<text x="{LABELS - 10}" y="{_y(share, top, bottom) + 4:.1f}" text-anchor="end">{share:.0%}</text>'
        for share in (0, 0.5, 1)
    )
    ticks = [(i / 4, f"{longest * i / 4:.2g} s") for i in range(5)]
    return _svg(height, _axis(ticks, bottom + FOOT) + shares + "".join(marks), alt)


def _x(share: float) -> float:
    return LABELS + share * (WIDTH - LABELS - 30)


def _y(share: float, top: float, bottom: float) -> float:
    return bottom - share * (bottom - top)


def _axis(ticks: Sequence[tuple[float, str]], height: float) -> str:
    bottom, style = height - FOOT + 6, 'stroke="currentColor" opacity="0.2"'
    lines = "".join(
        f'<line x1="{_x(at):.1f}" x2="{_x(at):.1f}" y1="0" y2="{bottom}" {style}/>'
        f'<text x="{_x(at):.1f}" y="{height - 10}" text-anchor="middle">{label}</text>'
        for at, label in ticks
    )
    return f"<g>{lines}</g>"


def _short(name: str, most: int = 38) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


def _svg(height: float, content: str, alt: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(alt, quote=True)}" '
        f'xmlns="http://www.w3.org/2000/svg" fill="currentColor">{content}</svg>'
    )
