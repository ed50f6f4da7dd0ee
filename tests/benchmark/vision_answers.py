"""The answers to ``analysis`` and ``vqa``, computed from the pictures' ground truth; the same for both languages.

A word of colour, shape or pattern is computed in English and named in Chinese by ``CHINESE``. None stands for what the
picture does not show.
"""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

from benchmark.answers import Answers, letter, the_only
from benchmark.pictures import clip, content, document, only, pair, scene, the

from helpers.worlds import clips
from helpers.worlds.clips import things_at
from helpers.worlds.documents import Chart

answers = Answers()


def rows(index: int) -> dict[str, dict[str, int]]:
    """A table as row → column → number."""
    table = content(index)
    return {name: dict(zip(table.header[1:], map(int, cells), strict=True)) for name, *cells in table.rows}


def bars(index: int) -> dict[str, int]:
    chart = content(index)
    assert isinstance(chart, Chart)
    return dict(zip(chart.labels, chart.values, strict=True))


def field(index: int, name: str) -> str | None:
    return {key: value for key, _, value in content(index).fields}.get(name)


def prices(index: int) -> dict[str, Fraction]:
    return {name: Fraction(cents, 100) for name, cents in content(index).items}


def best(scores: dict) -> str:
    """The key of the highest value, of which there may be one only."""
    return the_only(name for name, value in scores.items() if value == max(scores.values()))


# Analysis


@answers("analysis-001")
def gained_most():
    return best({name: row["Jun"] - row["Apr"] for name, row in rows(37).items()})


@answers("analysis-002")
def dearer():
    cheap, dear = sorted(prices(20).values())
    return dear - cheap


@answers("analysis-003")
def above_the_line():
    (shape,) = {t.shape for t in scene(8).things}
    assert shape == "triangle" and all(abs(t.y - 0.5) > t.r for t in scene(8).things)  # none on the line
    return sum(t.y + t.r < 0.5 for t in scene(8).things)


@answers("analysis-004")
def more_than_thirty():
    assert set(bars(18)) == {"Mon", "Tue", "Wed", "Thu"}
    return sum(value > 30 for value in bars(18).values())


@answers("analysis-005")
def difference():
    before, after = pair(30).first, pair(30).second
    old, new = only(set(before.things) - set(after.things)), only(set(after.things) - set(before.things))
    larger = old.kind[:2] == new.kind[:2] and new.r > old.r
    painted, added = old.colour != new.colour, len(after.things) > len(before.things)
    return letter([painted, larger and new.shape == "square", added, (old.x, old.y) != (new.x, new.y)])


@answers("analysis-006")
def both_cities():
    assert len(rows(7)) == 2
    return sum(row["2024"] for row in rows(7).values())


@answers("analysis-007")
def two_triangles():
    assert {t.shape for t in scene(22).things} == {"triangle"}
    small, large = sorted(scene(22).things, key=lambda t: t.r)
    upper = min((small, large), key=lambda t: t.y)
    return letter(
        [
            small.colour == large.colour,
            small.y > large.y,
            "dotted" in (small.fill, large.fill),
            upper == small and upper.colour == "yellow",
        ]
    )


@answers("analysis-008")
def with_dots():
    things = [only(scene(index).things) for index in (46, 17, 37, 115)]
    return the_only(n for n, thing in enumerate(things, 1) if thing.fill == "dotted")


@answers("analysis-009")
def left_out():
    year = ("Jan", "Feb", "Mar", "Apr", "May", "Jun")
    shown = content(28).labels
    return only(m for m in year[year.index(shown[0]) : year.index(shown[-1])] if m not in shown)


@answers("analysis-010")
def more_crosses():
    shapes = [t.shape for t in scene(39).things]
    return shapes.count("cross") - shapes.count("circle")


@answers("analysis-011")
def change():
    return 20 - sum(prices(5).values())


@answers("analysis-012")
def put_off():
    day, month, year = map(int, field(16, "date").split("."))
    return f"{date(year, month, day) + timedelta(days=10):%d.%m.%Y}"


@answers("analysis-013")
def four_bars():
    assert len(bars(68)) == 4
    return sum(bars(68).values())


@answers("analysis-014")
def later_is_more():
    return sum(row["2025"] > row["2022"] for row in rows(32).values())


@answers("analysis-015")
def mirrored():
    first = max(scene(15).things, key=lambda t: t.x)
    return f"{first.colour} {first.shape}"


@answers("analysis-016")
def in_both_shops():
    one, two = prices(15), prices(30)
    article = only(one.keys() & two.keys())
    return abs(one[article] - two[article])


@answers("analysis-017")
def inspector():
    before, after = pair(16).first, pair(16).second
    old, new = only(set(before.things) - set(after.things)), only(set(after.things) - set(before.things))
    shrunk = new.r < old.r and old.kind[:2] == new.kind[:2]
    return letter(
        [
            shrunk and old.pair == ("purple", "diamond"),
            shrunk and old.pair == ("purple", "triangle"),
            before.sign.text != after.sign.text,
            old.pair == ("pink", "triangle") and new.fill == "plain",
        ]
    )


@answers("analysis-018")
def without_soap():
    return sum(price for name, price in prices(10).items() if name != "Soap")


@answers("analysis-019")
def form_as_json():
    labels = {label: value for _, label, value in content(26).fields}
    return {"place": labels["Place"], "full_name": labels["Full name"], "number": labels["Number"]}


@answers("analysis-020")
def best_and_worst():
    return max(bars(83).values()) - min(bars(83).values())


@answers("analysis-021")
def right_of_the_triangle():
    middle = the(scene(113), "triangle", colour="red")
    diamonds = [t for t in scene(113).things if t.shape == "diamond"]
    assert all(abs(t.x - middle.x) > max(t.r, middle.r) for t in diamonds)
    return sum(t.x > middle.x for t in diamonds)


@answers("analysis-022")
def odd_one_out():
    texts = [" ".join(content(index).lines).upper() for index in (44, 49, 59, 79)]
    return the_only(n for n, text in enumerate(texts, 1) if texts.count(text) == 1)


@answers("analysis-023")
def left_in_stock():
    return best({name: row["Stock"] - row["Sales"] for name, row in rows(47).items()})


@answers("analysis-024")
def stripes():
    return sum(t.fill == "striped" for index in (19, 45, 60, 78, 91, 114) for t in scene(index).things)


@answers("analysis-025")
def four_receipts():
    return sum(sum(prices(index).values()) for index in (35, 50, 75, 115))


@answers("analysis-026")
def three_days():
    assert all(len(row) == 3 for row in rows(72).values())
    return best({name: sum(row.values()) for name, row in rows(72).items()})


@answers("analysis-027")
def mean():
    assert len(bars(103)) == 5
    return Fraction(sum(bars(103).values()), 5)


@answers("analysis-028")
def not_in_the_chart():
    chart = bars(78)
    after_march = list(chart.values())[list(chart).index("Mar") :]
    true = [
        after_march == sorted(after_march),
        chart["Jun"] == 8 * chart["Mar"],
        chart["Jan"] < chart["Apr"],
        chart["Jan"] + chart["Mar"] == chart["May"],
    ]
    return letter(not holds for holds in true)


@answers("analysis-029")
def account():
    def who(i):
        return None if i is None else clip(52).things[i].shape

    story = [(event.type, who(event.subject), who(event.other)) for event in clip(52).events]
    assert [event.last for event in clip(52).events] <= [4, 8, 12] and clip(52).events[1].first < 6
    change, meet, go = clips.CHANGES, clips.COLLIDES, clips.DISAPPEARS
    told = [
        [(change, "heart", None), (meet, "heart", "circle"), (go, "heart", None)],
        [(go, "cross", None), (change, "heart", None)],
        [(meet, "circle", "cross"), (go, "cross", None)],
        [(change, "cross", None), (meet, "heart", "cross"), (go, "heart", None)],
    ]
    return letter(story == version for version in told)


@answers("analysis-030")
def product():
    one, two = pair(12).first, pair(12).second
    diamonds = [sum(t.shape == "diamond" for t in shown.things) for shown in (one, two)]
    return the_only(diamonds) * abs(int(one.sign.text) - int(two.sign.text))


@answers("analysis-031")
def takings():
    assert len(rows(122)) == 3
    return sum(row["Price"] * row["Sales"] for row in rows(122).values())


@answers("analysis-032")
def upside_down():
    return {"0": 0, "1": 1, "6": 9, "8": 8, "9": 6}[scene(62).sign.text]


@answers("analysis-033")
def days_left():
    due = date.fromisoformat(field(21, "date"))
    return (due - date(due.year, 2, 24)).days


# Short questions


@answers("vqa-001")
def colour_of_the_heart():
    return the(scene(115), "heart").colour


@answers("vqa-002")
def only_shape():
    return only(scene(97).things).shape


@answers("vqa-003")
def plate():
    assert scene(26).sign.y > the(scene(26), "square").y
    return scene(26).sign.text


@answers("vqa-004")
def no_star():
    return next((t.colour for t in scene(10).things if t.shape == "star"), None)


@answers("vqa-005")
def crosses():
    return sum(t.shape == "cross" for t in scene(64).things)


@answers("vqa-006")
def room():
    return content(39).number


@answers("vqa-007")
def total():
    return f"{float(sum(prices(80).values())):.2f}"


@answers("vqa-008")
def side():
    orange, other = the(scene(41), "circle", colour="orange"), the(scene(41), "circle", colour="pink")
    assert abs(orange.x - 0.5) > orange.r
    return "right" if orange.x > max(0.5, other.x) else "left"


@answers("vqa-009")
def issued_for():
    assert content(56).title == "Certificate"
    return field(56, "city")


@answers("vqa-010")
def no_sign():
    assert only(scene(88).things).pair == ("pink", "square")
    return scene(88).sign


@answers("vqa-011")
def most_visitors():
    assert content(23).title == "Visitors"
    return best(bars(23))


@answers("vqa-012")
def pattern():
    return the(scene(21), "square", colour="cyan").fill


@answers("vqa-013")
def smallest():
    assert len(scene(110).things) == 3
    return the_only(t.shape for t in scene(110).things if t.size == "small")


@answers("vqa-014")
def plain_heart():
    assert sum(t.shape == "heart" for t in scene(78).things) == 2
    return the(scene(78), "heart", fill="plain").colour


@answers("vqa-015")
def no_seat():
    assert field(31, "name") == "Eva Field"
    return field(31, "seat")


@answers("vqa-016")
def cell():
    return rows(17)["Oslo"]["Wed"]


@answers("vqa-017")
def butter():
    return f"{float(prices(40)['Butter']):.2f}"


@answers("vqa-018")
def no_thursday():
    return bars(93).get("Thu")


@answers("vqa-019")
def smaller_diamond():
    small, _ = sorted((t for t in scene(45).things if t.shape == "diamond"), key=lambda t: t.r)
    assert small.size == "small"
    return small.colour


@answers("vqa-020")
def monday():
    return bars(108)["Mon"]


@answers("vqa-021")
def direction():
    event = only(clip(24).events)
    assert event.type == clips.MOVES and clip(24).things[event.subject].shape == "square"
    assert clip(24).n_frames == 10 and event.first <= 4 <= event.last
    return event.detail


@answers("vqa-022")
def missing():
    return only(set(pair(32).first.things) - set(pair(32).second.things)).shape


@answers("vqa-023")
def no_stripes():
    return the_only(t.shape for t in scene(2).things if t.fill != "striped")


@answers("vqa-024")
def same_pattern():
    heart = the(scene(90), "heart")
    return the_only(t.shape for t in scene(90).things if t != heart and t.fill == heart.fill)


@answers("vqa-025")
def last_column():
    assert content(47).header[-1] == "Sales"
    return rows(47)["Soup"]["Sales"]


@answers("vqa-026")
def no_such_year():
    return rows(107)["Water"].get("2023")


@answers("vqa-027")
def without_dots():
    return sum(t.shape == "circle" and t.fill != "dotted" for t in scene(5).things)


@answers("vqa-028")
def dotted_triangle():
    wanted = ("green", "triangle", "dotted")
    shown = [{(t.colour, t.shape, t.fill) for t in scene(index).things} for index in (19, 36, 40, 52)]
    return the_only(n for n, kinds in enumerate(shown, 1) if wanted in kinds)


@answers("vqa-029")
def no_striped_square():
    return next((t.colour for t in scene(107).things if t.shape == "square" and t.fill == "striped"), None)


@answers("vqa-030")
def second_highest():
    first, second, third, *_ = sorted(bars(103).items(), key=lambda item: -item[1])
    assert first[1] > second[1] > third[1]
    return second[0]


@answers("vqa-031")
def full_name():
    assert document(91).style.face == "printer"
    return field(91, "name")


@answers("vqa-032")
def up_and_down():
    star = next(i for i, t in enumerate(clip(37).things) if t.shape == "star")
    start, end = (things_at(clip(37), frame)[star][0].y for frame in (0, 9))
    return "same" if abs(start - end) < 0.01 else "higher" if end < start else "lower"


@answers("vqa-033")
def no_number():
    assert "BUS" in " ".join(content(79).lines).upper()
    return content(79).number
