"""The facts that a description has to mention, computed from the pictures' ground truth: field → (English, Chinese)."""

from __future__ import annotations

from benchmark.answers import Answers
from benchmark.pictures import (
    CHINESE,
    both,
    clip,
    content,
    document,
    framed,
    group,
    named,
    only,
    pair,
    same,
    scene,
    the,
)

from helpers.worlds import clips
from helpers.worlds.documents import Chart, money

facts = Answers()


def background(shown) -> tuple[str, str]:
    return both(shown.background)


def extreme(chart: Chart, choose) -> tuple[str, int]:
    return choose(zip(chart.labels, chart.values), key=lambda item: item[1])


@facts("description-001")
def ring():
    return {"thing": named(only(scene(16).things)), "background": background(scene(16))}


@facts("description-002")
def heart():
    return {"thing": named(only(scene(48).things)), "word": same(scene(48).sign.text)}


@facts("description-003")
def three_on_black():
    things = {t.shape: named(t) for t in scene(38).things}
    assert len(things) == len(scene(38).things)
    return things | {"background": background(scene(38))}


@facts("description-004")
def push():
    look = document(9).style
    lighter = sum(look.ink) > sum(look.paper)
    return {
        "kind": ("sign", "牌子"),
        "text": same(" ".join(content(9).lines)),
        "letters": ("letters are lighter", "字比底板浅") if lighter else ("letters are darker", "字比底板深"),
    }


@facts("description-005")
def no_ball():
    board = document(14)
    names = {(246, 222, 32): "yellow", (20, 20, 24): "black"}
    paper = names[board.style.paper]
    frame = names[only({mark.colour for mark in board.page.marks})]
    return {
        "board": (f"{paper} board", f"{CHINESE[paper]}牌子"),
        "frame": (f"{frame} frame", f"{CHINESE[frame]}边框"),
        "text": same(" ".join(board.content.lines)),
    }


@facts("description-006")
def left_and_right():
    left, right = sorted(scene(63).things, key=lambda t: t.x)
    assert left.x + left.r < right.x - right.r and left.x < 0.5 < right.x
    return {
        "left": framed(("", "左边是"), named(left), (" on the left", "")),
        "right": framed(("", "右边是"), named(right), (" on the right", "")),
    }


@facts("description-007")
def two_circles():
    return {"things": group(scene(75), "circle"), "background": background(scene(75))}


@facts("description-008")
def bars_of_books():
    chart = content(3)
    assert isinstance(chart, Chart)
    values = {label: (f"{label}: {value}", f"{label}：{value}") for label, value in zip(chart.labels, chart.values)}
    return {"kind": ("bar chart", "柱状图"), "title": same(chart.title)} | values


@facts("description-009")
def repainted():
    shots = pair(35)
    return {
        "before": framed(("before: ", "原来："), named(only(shots.first.things))),
        "after": framed(("after: ", "现在："), named(only(shots.second.things))),
    }


@facts("description-010")
def three_circles():
    return {"things": group(scene(103), "circle")}


@facts("description-011")
def slip():
    receipt = content(45)
    return {"shop": same(receipt.vendor), "date": same(receipt.date), "total": same(money(receipt.total))}


@facts("description-012")
def stars_and_heart():
    return {"stars": group(scene(11), "star"), "heart": named(the(scene(11), "heart"))}


def in_order(index: int) -> dict[str, tuple[str, str]]:
    things = sorted(scene(index).things, key=lambda t: t.x)
    names = ("first", "second", "third")
    return {name: framed(same(f"{n}. "), named(t)) for n, (name, t) in enumerate(zip(names, things, strict=True), 1)}


@facts("description-013")
def row_and_sign():
    return in_order(91) | {"sign": framed(("sign: ", "牌子："), same(scene(91).sign.text))}


@facts("description-014")
def diamonds():
    pink = [t for t in scene(61).things if t.colour == "pink"]
    assert len({t.kind for t in scene(61).things}) == 2 and len({t.kind for t in pink}) == 1
    return {
        "small": named(pink[0], count=len(pink)),
        "large": named(the(scene(61), "diamond", colour="green")),
        "word": same(scene(61).sign.text),
    }


@facts("description-015")
def lunch():
    chart = content(38)
    (high, most), (low, least) = extreme(chart, max), extreme(chart, min)
    n = len(chart.labels)
    return {
        "title": same(chart.title),
        "bars": (f"{n} bars", f"{n}根柱子"),
        "highest": (f"highest: {high}, {most}", f"最高：{high}，{most}"),
        "lowest": (f"lowest: {low}, {least}", f"最低：{low}，{least}"),
    }


@facts("description-016")
def ticket():
    values = {key: value for key, _, value in content(61).fields}
    empty = only(label for _, label, value in content(61).fields if value is None)
    filled = {key: same(values[key]) for key in ("name", "seat", "date", "number")}
    return filled | {"empty": (f"empty: {empty}", f"空白：{empty}")}


@facts("description-017")
def one_hour_later():
    before, after = pair(0).first.things, pair(0).second.things
    old, new = only(set(before) - set(after)), only(set(after) - set(before))
    (a, a_zh), (b, b_zh) = named(old), named(new)
    rest = {t.shape: named(t) for t in set(before) & set(after)}
    return {"change": (f"changed: {a} -> {b}", f"变化：{a_zh}→{b_zh}")} | rest


@facts("description-018")
def mover():
    shown, event = clip(7), only(clip(7).events)
    assert event.type == clips.MOVES
    still = only(t for i, t in enumerate(shown.things) if i != event.subject)
    return {
        "mover": named(shown.things[event.subject]),
        "direction": (f"moves {event.detail}", f"向{CHINESE[event.detail]}移动"),
        "still": named(still),
    }


@facts("description-019")
def inventory():
    assert {t.shape for t in scene(112).things} == {"ring", "cross"}
    return {"rings": group(scene(112), "ring"), "crosses": group(scene(112), "cross")}


@facts("description-020")
def rows_and_columns():
    table = content(47)
    return {name: same(name) for name in [*(row[0] for row in table.rows), *table.header[1:]]}


@facts("description-021")
def week():
    chart, colours = content(83), {(140, 50, 170): "purple", (222, 38, 38): "red"}
    bars = [mark for mark in document(83).page.marks if mark.x2 - mark.x1 > 5 and mark.y2 - mark.y1 > 5]
    painted = dict(zip(chart.labels, (mark.colour for mark in bars), strict=True))
    (best, most), (worst, least) = extreme(chart, max), extreme(chart, min)
    top, bottom = colours[painted[best]], colours[painted[worst]]
    return {
        "title": same(chart.title),
        "best": (f"best: {best}, {most}, {top}", f"最好：{best}，{most}，{CHINESE[top]}"),
        "worst": (f"worst: {worst}, {least}, {bottom}", f"最差：{worst}，{least}，{CHINESE[bottom]}"),
    }


@facts("description-022")
def top_and_bottom():
    top, bottom = sorted(scene(85).things, key=lambda t: t.y)
    return {
        "top": framed(("top: ", "上："), named(top, size=True)),
        "bottom": framed(("bottom: ", "下："), named(bottom, size=True)),
        "sign": framed(("sign: ", "牌子："), same(scene(85).sign.text)),
    }


@facts("description-023")
def complete():
    shown = scene(14)
    return {"rings": group(shown, "ring", True), "crosses": group(shown, "cross", True), "word": same(shown.sign.text)}


@facts("description-024")
def without_dots():
    plain = [t for t in scene(100).things if t.fill != "dotted"]
    assert not plain
    return in_order(100) | {"plain": ("without dots: none", "没有圆点的：无")}


@facts("description-025")
def index_of_cards():
    found = {}
    for n, (name, index) in enumerate(zip(("one", "two", "three", "four"), (27, 49, 67, 116)), 1):
        sign = scene(index).sign.text
        thing = named(only(scene(index).things))
        found[name] = framed((f"picture {n}: ", f"图{n}："), thing, (f", {sign}", f"，{sign}"))
    return found


@facts("description-026")
def meeting():
    shown, (first, second) = clip(8), clip(8).events
    assert (first.type, second.type) == (clips.COLLIDES, clips.MOVES)
    (a, a_zh), (b, b_zh) = named(shown.things[first.subject]), named(shown.things[first.other])
    still = only(t for i, t in enumerate(shown.things) if i not in (first.subject, first.other, second.subject))
    direction = (f", {second.detail}", f"，向{CHINESE[second.detail]}")
    return {
        "meet": (f"meet: {a} and {b}", f"相碰：{a_zh}和{b_zh}"),
        "moves": framed(("then moves: ", "随后移动："), named(shown.things[second.subject]), direction),
        "still": framed(("never moves: ", "没有动："), named(still)),
    }


@facts("description-027")
def again_and_again():
    shown = clip(10)
    shape = shown.things[only({event.subject for event in shown.events})].shape
    appears, moves, changes = shown.events
    assert [e.type for e in shown.events] == [clips.APPEARS, clips.MOVES, clips.CHANGES]
    assert appears.first >= 0 and appears.last <= 5 and moves.last <= 11 <= changes.first <= changes.last <= 14
    return {
        "object": framed(("object: ", "图形："), both(shape)),
        "first": ("1. appears", "1. 出现"),
        "second": (f"2. moves {moves.detail}", f"2. 向{CHINESE[moves.detail]}移动"),
        "third": (f"3. becomes {changes.detail}", f"3. 变成{CHINESE[changes.detail]}"),
    }


@facts("description-028")
def what_is_the_same():
    shown, (changes, vanishes) = clip(29), clip(29).events
    assert (changes.type, vanishes.type) == (clips.CHANGES, clips.DISAPPEARS)
    thing, new = shown.things[changes.subject], changes.detail
    rest = only(t for i, t in enumerate(shown.things) if i not in (changes.subject, vanishes.subject))
    return {
        "colour": (
            f"changes colour: {thing.shape}, from {thing.colour} to {new}",
            f"变色：{CHINESE[thing.shape]}，从{CHINESE[thing.colour]}变成{CHINESE[new]}",
        ),
        "gone": framed(("disappears: ", "消失："), named(shown.things[vanishes.subject])),
        "same": framed(("same: ", "不变："), named(rest)),
    }


@facts("description-029")
def left_alone():
    before, after = pair(42).first, pair(42).second
    old, new = only(set(before.things) - set(after.things)), only(set(after.things) - set(before.things))
    rest = [t for t in before.things if t in after.things]
    assert len({t.kind for t in rest}) == 1
    return {
        "before": framed(("before: ", "之前："), named(old)),
        "after": framed(("after: ", "之后："), named(new)),
        "rest": framed(("left alone: ", "没动："), named(rest[0], count=len(rest))),
    }


@facts("description-030")
def whole_receipt():
    receipt = content(75)
    articles = {name: same(f"{name} {money(price)}") for name, price in receipt.items}
    total = same(f"TOTAL {money(sum(price for _, price in receipt.items))}")
    return {"shop": same(receipt.vendor), "date": same(receipt.date)} | articles | {"total": total}


@facts("description-031")
def three_charts():
    found = {}
    for n, (name, index) in enumerate(zip(("one", "two", "three"), (3, 18, 23)), 1):
        label, value = extreme(content(index), max)
        text = f"{content(index).title}, {label} {value}"
        found[name] = framed((f"picture {n}: ", f"图{n}："), (text, text.replace(", ", "，")))
    return found


@facts("description-032")
def two_pictures():
    one, two = scene(79), scene(77)
    return {
        "hearts 1": group(one, "heart"), "cross 1": named(the(one, "cross")),
        "hearts 2": group(two, "heart"), "crosses 2": group(two, "cross"),
    }  # fmt: skip


@facts("description-033")
def rise_and_fall():
    rows = [(name, int(a), int(b)) for name, a, b in content(102).rows]
    fell = only(name for name, a, b in rows if b < a)
    moves = {name: (f"{name}: {a} to {b}", f"{name}：{a}到{b}") for name, a, b in rows}
    return moves | {"fell": (f"fell: {fell}", f"下降：{fell}")}
