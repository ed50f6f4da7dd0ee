"""Figures in one style: Plotly charts that follow the page's theme, and galleries of pictures with alt text."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence

import plotly.graph_objects as go
import plotly.io as pio

from .notebook import Html
from .stats import Estimate

#: Okabe and Ito's palette (2008), told apart under every common form of colour blindness.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#7F7F7F")

pio.templates["course"] = go.layout.Template(
    layout={
        "colorway": COLOURS,
        "font": {"family": "system-ui, sans-serif", "size": 14, "color": "#6b7280"},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 60, "r": 20, "t": 50, "b": 50},
        "height": 360,
        "xaxis": {"gridcolor": "rgba(128,128,128,0.25)", "zerolinecolor": "rgba(128,128,128,0.4)", "automargin": True},
        "yaxis": {"gridcolor": "rgba(128,128,128,0.25)", "zerolinecolor": "rgba(128,128,128,0.4)", "automargin": True},
        "legend": {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom"},
    }
)
pio.templates.default = "course"


def bars(
    names: Sequence[str], estimates: Sequence[Estimate], title: str = "", chance: float | None = None, **layout
) -> go.Figure:
    """A bar for every estimate with its interval as a whisker, and a dashed line at chance level."""
    figure = go.Figure(
        go.Bar(
            x=list(names),
            y=[e.value for e in estimates],
            error_y={
                "type": "data",
                "array": [e.high - e.value for e in estimates],
                "arrayminus": [e.value - e.low for e in estimates],
            },
            hovertemplate="%{x}: %{y:.3f}<extra></extra>",
        )
    )
    if chance is not None:
        figure.add_hline(y=chance, line_dash="dash", annotation_text="chance")
    return figure.update_layout(title=title, yaxis_range=[0, 1.05], **layout)


def gallery(images: Sequence, captions: Sequence[str], alts: Sequence[str] | None = None, side: int = 150) -> Html:
    """Pictures side by side, each with its caption below and an alt text (by default the caption).

    Captions are data, often a model's: they are escaped.
    """
    if len(images) != len(captions):
        raise ValueError(f"{len(images)} images but {len(captions)} captions")
    figures = "".join(
        f'<figure style="margin:0;width:{side}px"><img src="{_data_url(image)}" width="{side}" height="{side}" '
        f'alt="{html.escape(alt, quote=True)}" style="image-rendering:pixelated;object-fit:contain">'
        f'<figcaption style="font-size:0.85em">{html.escape(caption)}</figcaption></figure>'
        for image, caption, alt in zip(images, captions, alts or captions)
    )
    return Html(f'<div class="course-gallery" style="display:flex;flex-wrap:wrap;gap:12px">{figures}</div>')


def table(rows: Sequence[dict], caption: str = "") -> Html:
    """Rows of equal keys as a plain HTML table; floats with three digits, everything escaped."""

    def cell(value: object) -> str:
        return html.escape(f"{value:.3f}" if isinstance(value, float) else str(value))

    head = "".join(f"<th>{html.escape(str(key))}</th>" for key in (rows[0] if rows else []))
    body = "".join("<tr>" + "".join(f"<td>{cell(v)}</td>" for v in row.values()) + "</tr>" for row in rows)
    title = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    return Html(f'<table class="course-table">{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>')


def _data_url(image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
