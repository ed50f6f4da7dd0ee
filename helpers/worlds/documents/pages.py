"""One layout for each kind of document: from what it says to where it stands."""

from __future__ import annotations

import random

from .contents import Chart, Content, Form, Receipt, Sign, Table, money
from .fonts import CAPITAL
from .layout import BARS, MARGIN, TOKEN, WIDTHS, Colour, Line, Mark, Page, Span, Style, width_of


def lay_out(rng: random.Random, content: Content, look: Style) -> Page:
    return _PAGES[type(content)](rng, content, look)


def _span(text: str, x: float, y: float, face: str, size: float, align: float = 0) -> Span:
    """A span that starts (align 0), is centred (0.5) or ends (1) at x."""
    return Span(text, x - align * width_of(text, face, size), y, size, face)


def _fit(needed: float) -> int:
    """The narrowest page that holds so many pixels between its margins."""
    return next((w for w in WIDTHS if w >= needed + 2 * MARGIN), WIDTHS[-1])


def _whole(height: float) -> int:
    return -(-round(height) // TOKEN) * TOKEN


def _heading(look: Style) -> str:
    return "bold" if look.face in ("plain", "narrow", "wide", "slanted") else look.face


class _Column:
    """Lines one below the other. ``baseline()`` is where the next one stands."""

    def __init__(self, rng: random.Random, look: Style, n_lines: int):
        self.pitch = rng.choice((16, 17, 18, 19) if n_lines < 6 else (16, 17))
        self.lines: list[Line] = []
        self.marks: list[Mark] = []
        self.y = MARGIN + CAPITAL * look.size + rng.uniform(0, 3)

    def add(self, *spans: Span) -> None:
        self.lines.append(Line(spans))
        self.y += self.pitch

    def page(self, width: int, size: float) -> Page:
        return Page(width, _whole(self.y - self.pitch + 0.3 * size + MARGIN), tuple(self.lines), tuple(self.marks))


def _receipt(rng: random.Random, content: Receipt, look: Style) -> Page:
    face, size, heading = look.face, look.size, _heading(look)
    rows = [(name, money(price)) for name, price in content.items]
    total = (rng.choice(("Total", "TOTAL", "Sum")), money(content.total))
    needed = max(width_of(a, heading, size) + width_of(b, heading, size) + 18 for a, b in [*rows, total])
    needed = max(needed, width_of(content.vendor, heading, size), width_of("18.03.2025 ", face, size))
    width, column = _fit(needed), _Column(rng, look, len(rows) + 3)
    align = rng.choice((0, 0.5))
    x = MARGIN + align * (width - 2 * MARGIN)
    column.add(_span(content.vendor, x, column.y, heading, size, align))
    if content.date:
        column.add(_span(content.date, x, column.y, face, size, align))
    for name, price in rows:
        column.add(_span(name, MARGIN, column.y, face, size), _span(price, width - MARGIN, column.y, face, size, 1))
    rule = column.y - CAPITAL * size - 3
    column.y += 2
    column.marks.append(Mark(MARGIN, rule, width - MARGIN, rule + 1, look.ink))
    column.add(
        *(_span(text, x, column.y, heading, size, a) for text, x, a in zip(total, (MARGIN, width - MARGIN), (0, 1)))
    )
    return column.page(width, size)


def _form(rng: random.Random, content: Form, look: Style) -> Page:
    face, size, heading = look.face, look.size, _heading(look)
    colon = rng.random() < 0.5  # "Name: Ada" in one go, or labels and values in two columns with a rule below
    labels = [f"{label}:" if colon else label for _, label, _ in content.fields]
    values = [value or "" for _, _, value in content.fields]
    starts = [width_of(label + " ", face, size) for label in labels]
    if not colon:
        starts = [max(starts) + 4] * len(starts)
    longest = max(start + width_of(value or "12345", face, size) for start, value in zip(starts, values))
    width = _fit(max(longest, width_of(content.title, heading, size)))
    column = _Column(rng, look, len(labels) + 1)
    if content.title:
        column.add(_span(content.title, width / 2, column.y, heading, size, 0.5))
    for label, value, start in zip(labels, values, starts):
        spans = [_span(label, MARGIN, column.y, face, size)]
        spans += [_span(value, MARGIN + start, column.y, face, size)] if value else []
        if not colon:
            column.marks.append(Mark(MARGIN + start, column.y + 3.4, width - MARGIN, column.y + 4.2, _faint(look)))
        column.add(*spans)
    return column.page(width, size)


def _table(rng: random.Random, content: Table, look: Style) -> Page:
    face, size, heading = look.face, look.size, _heading(look)
    rows = [content.header, *content.rows]
    faces = [heading, *[face] * len(content.rows)]
    widths = [max(width_of(row[i], f, size) for row, f in zip(rows, faces)) + 10 for i in range(len(content.header))]
    width, column = _fit(sum(widths) - 10), _Column(rng, look, len(rows))
    spare = (width - 2 * MARGIN + 10 - sum(widths)) / len(widths)
    rights = [MARGIN - 5 + sum(widths[: i + 1]) + spare * (i + 1) for i in range(len(widths))]
    rules, top = rng.choice(("grid", "lines", "header")), column.y - CAPITAL * size - 4
    for i, (row, f) in enumerate(zip(rows, faces)):
        if rules != "header" or i == 1:
            column.marks.append(_rule(MARGIN - 4, top + i * column.pitch, width - MARGIN + 4, look, i == 1))
        numbers = [_span(text, x - 5, column.y, f, size, 1) for text, x in zip(row[1:], rights[1:])]
        column.add(_span(row[0], MARGIN, column.y, f, size), *numbers)
    bottom = top + len(rows) * column.pitch
    if rules != "header":
        column.marks.append(_rule(MARGIN - 4, bottom, width - MARGIN + 4, look, False))
    if rules == "grid":
        xs = [MARGIN - 4, *rights[:-1], width - MARGIN + 3.2]
        column.marks += [Mark(x, top, x + 0.8, bottom, _faint(look)) for x in xs]
    return column.page(width, size)


def _rule(x1: float, y: float, x2: float, look: Style, strong: bool) -> Mark:
    return Mark(x1, y, x2, y + (1.2 if strong else 0.8), look.ink if strong else _faint(look))


def _faint(look: Style, share: float = 0.45) -> Colour:
    """A colour between ink and paper."""
    return tuple(round(share * a + (1 - share) * b) for a, b in zip(look.ink, look.paper))


def _chart(rng: random.Random, content: Chart, look: Style) -> Page:
    """Bars on a plot of 80 or 96 pixels in height; ticks are named on the left, bars below."""
    face, size, heading = look.face, min(look.size, 12.5), _heading(look)
    ticks = [str(value) for value in range(content.top, -1, -content.tick)]
    left = MARGIN + max(width_of(text, face, size) for text in ticks) + 6
    slot = max(max(width_of(label, face, size) for label in content.labels) + 7, 22)
    width = _fit(max(left + slot * len(content.labels) - MARGIN, width_of(content.title, heading, size)))
    slot = (width - MARGIN - left) / len(content.labels)
    capital = CAPITAL * size
    title = MARGIN + capital
    top, plot = title + capital / 2 + 8, 80 if width > 12 * TOKEN else rng.choice((80, 96))
    foot = top + plot
    lines = [Line((_span(content.title, width / 2, title, heading, size, 0.5),))]
    grid, marks = rng.random() < 0.6, [Mark(left - 1, top - 4, left, foot, look.ink)]
    for text in ticks:
        y = foot - plot * int(text) / content.top
        lines.append(Line((_span(text, left - 6, y + capital / 2, face, size, 1),)))
        marks.append(Mark(left - 4, y - 0.5, left, y + 0.5, look.ink))
        marks += [Mark(left, y - 0.4, width - MARGIN, y + 0.4, _faint(look, 0.25))] if grid else []
    colours = rng.sample(BARS, len(content.labels)) if rng.random() < 0.5 else [rng.choice(BARS)] * len(content.labels)
    half, names = slot * rng.uniform(0.28, 0.38), []
    for i, (label, value) in enumerate(zip(content.labels, content.values)):
        x = left + (i + 0.5) * slot
        marks.append(Mark(x - half, foot - plot * value / content.top, x + half, foot, colours[i]))
        names.append(_span(label, x, foot + 5 + capital, face, size, 0.5))
    lines.append(Line(tuple(names)))
    marks.append(Mark(left - 1, foot, width - MARGIN, foot + 1, look.ink))
    return Page(width, _whole(foot + 5 + capital + 0.3 * size + MARGIN), tuple(lines), tuple(marks))


def _sign(rng: random.Random, content: Sign, look: Style) -> Page:
    """Large letters in the middle of a framed plate, as large as the widest line allows."""
    size = rng.choice((16, 18, 20, 24))
    while size > 13 and max(width_of(text, look.face, size) for text in content.lines) > 10 * TOKEN - 20:
        size -= 1
    needed = max(width_of(text, look.face, size) for text in content.lines)
    width = _whole(max(needed + 20, rng.choice((4, 5, 6)) * TOKEN))
    pitch = round(1.3 * size)
    height = _whole(max(pitch * len(content.lines) + 20, rng.choice((3, 4, 5)) * TOKEN))
    first = (height - pitch * (len(content.lines) - 1) + CAPITAL * size) / 2
    lines = tuple(
        Line((_span(text, width / 2, first + i * pitch, look.face, size, 0.5),)) for i, text in enumerate(content.lines)
    )
    frame = _frame(4, 4, width - 4, height - 4, rng.choice((1, 1.5, 2)), look.ink) if rng.random() < 0.7 else ()
    return Page(width, height, lines, frame)


def _frame(x1: float, y1: float, x2: float, y2: float, thickness: float, colour: Colour) -> tuple[Mark, ...]:
    return (
        Mark(x1, y1, x2, y1 + thickness, colour),
        Mark(x1, y2 - thickness, x2, y2, colour),
        Mark(x1, y1, x1 + thickness, y2, colour),
        Mark(x2 - thickness, y1, x2, y2, colour),
    )


_PAGES = {Receipt: _receipt, Form: _form, Table: _table, Chart: _chart, Sign: _sign}
