"""What a document says, apart from how it looks: the ground truth that everything else is derived from."""

from __future__ import annotations

import random
from dataclasses import dataclass

from .vocabulary import Words

#: The keys of the forms, in the order of JSON, with how a form may label them.
FORM_LABELS = {
    "name": ("Name", "Full name"),
    "city": ("City", "Place"),
    "date": ("Date", "Due date"),
    "number": ("Number", "No."),
    "seat": ("Seat",),
}
#: From the highest value of a chart's axis to (distance of its ticks, distance of possible values).
AXES = {8: (2, 1), 20: (5, 1), 40: (10, 5), 80: (20, 10)}


@dataclass(frozen=True)
class Receipt:
    """A shop's receipt. Prices are in cents; ``date`` is None where the receipt has none."""

    vendor: str
    date: str | None
    items: tuple[tuple[str, int], ...]

    @property
    def total(self) -> int:
        return sum(price for _, price in self.items)


@dataclass(frozen=True)
class Form:
    """Labelled fields (key, label, value) from top to bottom; the value is None where nothing was filled in."""

    title: str
    fields: tuple[tuple[str, str, str | None], ...]


@dataclass(frozen=True)
class Table:
    """A header and rows of texts; the first column names the rows, the others are whole numbers."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Chart:
    """A bar chart: one value per label, and an axis from 0 to ``top`` with a tick every ``tick``."""

    title: str
    labels: tuple[str, ...]
    values: tuple[int, ...]
    top: int
    tick: int


@dataclass(frozen=True)
class Sign:
    """One to three words and perhaps a number, line by line."""

    lines: tuple[str, ...]

    @property
    def number(self) -> str | None:
        found = [word for line in self.lines for word in line.split() if word.isdigit()]
        return found[0] if found else None


Content = Receipt | Form | Table | Chart | Sign


def key(content: Content) -> str:
    """What is said, apart from line breaks and capitals: documents of equal key have the same content."""
    return " ".join(content.lines).upper() if isinstance(content, Sign) else repr(content)


def money(cents: int) -> str:
    """A price as it is printed: "2.40"."""
    return f"{cents // 100}.{cents % 100:02}"


def date(rng: random.Random) -> str:
    """A day between 2020 and 2026, as "2025-03-18" or "18.03.2025"."""
    year, month, day = rng.randint(2020, 2026), rng.randint(1, 12), rng.randint(1, 28)
    return rng.choice((f"{year}-{month:02}-{day:02}", f"{day:02}.{month:02}.{year}"))


def receipt(rng: random.Random, words: Words) -> Receipt:
    n = rng.randint(2, 4)
    prices = rng.sample(range(50, 1000, 5 if rng.random() < 0.5 else 1), n)  # all different: one is the highest
    return Receipt(
        f"{rng.choice(words.vendor_first)} {rng.choice(words.vendor_last)}",
        date(rng) if rng.random() < 0.85 else None,
        tuple(zip(rng.sample(words.products, n), prices)),
    )


def form(rng: random.Random, words: Words) -> Form:
    """Three to five of the keys of FORM_LABELS in any order; about one value in six is missing, never all."""
    values = {
        "name": f"{rng.choice(words.first_names)} {rng.choice(words.last_names)}",
        "city": rng.choice(words.cities),
        "date": date(rng),
        "number": str(rng.randint(100, 99999)),
        "seat": f"{rng.choice('ABCDEF')}{rng.randint(1, 40)}",
    }
    keys = rng.sample(list(FORM_LABELS), rng.randint(3, 5))
    if "name" not in keys and "city" not in keys:
        keys[0] = rng.choice(("name", "city"))
    missing = {key for key in keys if rng.random() < 1 / 6}
    if all(key in missing for key in ("name", "city") if key in keys):  # one word of the split is always there
        missing -= {"name", "city"}
    title = rng.choice(words.form_titles) if rng.random() < 0.6 else ""
    fields = tuple((key, rng.choice(FORM_LABELS[key]), None if key in missing else values[key]) for key in keys)
    return Form(title, fields)


def table(rng: random.Random, words: Words) -> Table:
    """Two to four rows and two or three columns of numbers; no two numbers of a column are equal."""
    names, corner = rng.choice(((words.first_names, "Name"), (words.products, "Item"), (words.cities, "City")))
    group = rng.choice((*words.columns, words.measures) if corner == "Item" else words.columns)
    columns = sorted(rng.sample(group, rng.randint(2, min(3, len(group)))), key=group.index)
    rows = rng.sample(names, rng.randint(2, 4))
    most = rng.choice((10, 100))
    numbers = [rng.sample(range(most), len(rows)) for _ in columns]
    return Table((corner, *columns), tuple((name, *map(str, row)) for name, row in zip(rows, zip(*numbers))))


def chart(rng: random.Random, words: Words) -> Chart:
    """Three to five bars of different heights, none higher than the axis, in the usual order of their labels."""
    top = rng.choice(list(AXES))
    tick, step = AXES[top]
    group = rng.choice(words.bars)
    most = 5 if max(map(len, group)) < 4 else 4  # so many labels fit side by side
    labels = sorted(rng.sample(group, rng.randint(3, min(most, len(group)))), key=group.index)
    values = rng.sample(range(max(step, top // 10), top + 1, step), len(labels))
    return Chart(rng.choice(words.chart_titles), tuple(labels), tuple(values), top, tick)


def sign(rng: random.Random, words: Words) -> Sign:
    style = rng.choice(("word", "number", "word and number", "no"))
    number = str(rng.randint(1, 99))
    alone, numbered = rng.choice(words.signs).split(), rng.choice(words.numbered_signs)
    lines = {
        "word": [*alone],
        "number": [numbered, number] if rng.random() < 0.5 else [f"{numbered} {number}"],
        "word and number": [*alone, f"{numbered} {number}"],
        "no": ["NO", rng.choice(words.forbidden)],
    }[style]
    return Sign(tuple(line.title() if int(number) % 4 == 0 else line for line in lines))


KINDS = {"receipt": receipt, "form": form, "table": table, "chart": chart, "sign": sign}
