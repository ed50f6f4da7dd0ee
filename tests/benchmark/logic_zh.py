"""The answer to every item of ``logic_zh.jsonl``, found by trying every possibility that its statement leaves open."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable, Iterable
from datetime import date, timedelta
from functools import cache, reduce
from itertools import chain, combinations, count, permutations, product

from benchmark.answers import Answers, letter, the_only

answers = Answers()


def letter_of(options: Iterable, is_right: Callable[[object], bool]) -> str:
    """The letter of the only option of which the predicate holds."""
    return letter(map(is_right, options))


def must_hold(options: Iterable[Callable], situations: list) -> str:
    """The letter of the only option that holds in every situation that the statement allows."""
    assert situations
    return letter(all(map(option, situations)) for option in options)


def fewest_steps(start: Hashable, steps: Callable, is_goal: Callable[[Hashable], bool]) -> int:
    """The least cost of a way to the goal (Dijkstra); ``steps`` yields (cost, next state)."""
    ties = count()
    queue, done = [(0, next(ties), start)], set()
    while queue:
        cost, _, state = heapq.heappop(queue)
        if is_goal(state):
            return cost
        if state not in done:
            done.add(state)
            for more, following in steps(state):
                heapq.heappush(queue, (cost + more, next(ties), following))
    raise AssertionError("the goal cannot be reached")


def worlds_of(properties: int) -> list[tuple]:
    """Every world of things that have or lack some properties: the kinds of thing that exist in it."""
    kinds = list(product((False, True), repeat=properties))
    return [world for n in range(len(kinds) + 1) for world in combinations(kinds, n)]


@answers("logic-zh-001")
def broken_jar():
    names = ["小满", "谷雨", "清明", "立夏"]

    def truths(who):
        return [who == "谷雨", who == "清明", who != "清明", who != "立夏"]

    return letter_of(names, lambda who: sum(truths(who)) == 1)


@answers("logic-zh-002")
def five_trees():
    def fits(order):
        place = order.index
        return place("银杏") < place("国槐") < place("玉兰") < place("香椿") and order[-1] == "石榴"

    return the_only(order[2] for order in permutations(["国槐", "银杏", "玉兰", "石榴", "香椿"]) if fits(order))


@answers("logic-zh-003")
def four_bowls():
    bowls = {1: "", 2: "bean", 3: "", 4: ""}
    for a, b in [(2, 4), (1, 3), (3, 4), (2, 3), (1, 2), (2, 4), (1, 4)]:
        bowls[a], bowls[b] = bowls[b], bowls[a]
    return next(place for place, bowl in bowls.items() if bowl)


@answers("logic-zh-004")
def five_thursdays():
    def times(weekday, first, length):
        return sum((first + day) % 7 == weekday for day in range(length))

    months = product(range(7), (28, 29, 30, 31))
    return the_only(
        length
        for first, length in months
        if (times(3, first, length), times(2, first, length), times(4, first, length)) == (5, 4, 4)
    )


@answers("logic-zh-005")
def walk_from_the_pavilion():
    position, heading = 0, 1  # complex numbers: east is 1, a left turn multiplies by i
    for i, paces in enumerate((60, 80, 100, 80)):
        heading *= 1j if i else 1
        position += paces * heading
    return round(abs(position))


@answers("logic-zh-006")
def common_hour():
    busy = ["9:00-10:30 12:00-13:30", "9:30-11:20 14:00-14:40", "10:00-11:00 13:00-14:00 15:30-16:00"]

    def minutes(clock):
        hours, rest = clock.split(":")
        return int(hours) * 60 + int(rest)

    taken = set()
    for slot in " ".join(busy).split():
        taken |= set(range(*map(minutes, slot.split("-"))))
    starts = (m for m in range(minutes("9:00"), minutes("17:00") + 1) if not taken & set(range(m, m + 60)))
    first = next(starts)
    return letter_of(["11:20", "13:30", "16:00", "14:40"], lambda clock: minutes(clock) == first)


@answers("logic-zh-007")
def celadon_bowls():
    """A thing is (celadon, glazed, unearthed)."""
    worlds = [w for w in worlds_of(3) if all(g for c, g, u in w if c) and any(u and not g for c, g, u in w)]
    options = [
        lambda w: any(u and not c for c, g, u in w),
        lambda w: not any(c and u for c, g, u in w),
        lambda w: any(c and u for c, g, u in w),
        lambda w: all(u for c, g, u in w if not g),
    ]
    return must_hold(options, worlds)


@answers("logic-zh-008")
def dragon_boats():
    """(rain, postponed, closed)"""
    cases = [(r, p, c) for r, p, c in product((False, True), repeat=3) if (p or not r) and (p or c) and not c]
    return must_hold([lambda s: s[0], lambda s: s[1], lambda s: not s[0], lambda s: not s[1]], cases)


@answers("logic-zh-009")
def four_boxes():
    def truths(where):
        fu, lu, xi = where in ("禄盒", "寿盒"), where == "福盒", where == "喜盒"
        return fu + lu + (fu or lu) + xi

    return letter_of(["福盒", "禄盒", "寿盒", "喜盒"], lambda where: truths(where) == 1)


@answers("logic-zh-010")
def old_photograph():
    mother = {"小舟": "妈妈", "妈妈": "外婆", "爸爸": "奶奶"}
    father = {"小舟": "爸爸", "妈妈": "外公", "爸爸": "爷爷"}
    husband = {"妈妈": "爸爸", "外婆": "外公", "奶奶": "爷爷"}
    grandfather = father[mother["小舟"]]
    daughter = the_only(child for child, man in father.items() if man == grandfather)
    return letter_of(["外婆", "奶奶", "姑妈", "姨妈"], lambda name: name == mother[husband[daughter]])


@answers("logic-zh-011")
def canteen_queue():
    cases = product(range(1, 60), repeat=3)
    return the_only(n for n, wang, li in cases if max(wang, li) <= n and wang == 9 and n - li == 5 and wang - li == 3)


@answers("logic-zh-012")
def class_vote():
    def is_sure(more):
        rests = ((b, 20 - more - b) for b in range(20 - more + 1))
        return all(13 + more > max(11 + b, 6 + c) for b, c in rests)

    return next(more for more in range(21) if is_sure(more))


@answers("logic-zh-013")
def negated_statement():
    """Each student can swim or not; try every class of one to four."""
    classes = list(chain.from_iterable(product((False, True), repeat=n) for n in range(1, 5)))
    options = [any, all, lambda c: not all(c), lambda c: not any(c)]

    def statement(swims):
        return not all(not s for s in swims)

    return letter_of(options, lambda option: all(option(c) == statement(c) for c in classes))


@answers("logic-zh-014")
def solar_terms():
    year = "立春雨水惊蛰春分清明谷雨立夏小满芒种夏至小暑大暑立秋处暑白露秋分寒露霜降立冬小雪大雪冬至小寒大寒"
    terms = [year[i : i + 2] for i in range(0, len(year), 2)]
    assert len(terms) == 24
    at = 0
    for _ in range(100):
        at = at + 1 if at + 1 < len(terms) else 0
    return terms[at]


@answers("logic-zh-015")
def chess_ranking():
    def ranking(results):
        wins = dict.fromkeys("甲乙丙丁戊", 0)
        for winner in results.values():
            wins[winner] += 1
        return sorted(wins, key=wins.get, reverse=True), sorted(wins.values())

    fourths = set()
    games = list(combinations("甲乙丙丁戊", 2))
    for winners in product((0, 1), repeat=len(games)):
        results = {frozenset(game): game[w] for game, w in zip(games, winners)}
        known = [("丁", "乙"), ("乙", "戊"), ("戊", "甲"), ("戊", "丙")]
        order, wins = ranking(results)
        if wins == [0, 1, 2, 3, 4] and all(results[frozenset(k)] == k[0] for k in known) and order[-1] != "丙":
            fourths.add(order[3])
    return the_only(fourths)


@answers("logic-zh-016")
def children_at_the_stove():
    def consistent(truthful):
        lies = 12 - sum(truthful)
        return all(told == (lies >= k) for k, told in enumerate(truthful, 1))

    return the_only(sum(t) for t in product((False, True), repeat=12) if consistent(t))


@answers("logic-zh-017")
def four_cards():
    def may_break(shown):
        """Whether something on the hidden side could break the rule."""
        if isinstance(shown, int):
            return any(shown % 2 == 0 and hidden != "water" for hidden in ("water", "other"))
        return any(hidden % 2 == 0 and shown != "water" for hidden in (1, 2))

    cards = {"8": 8, "7": 7, "江": "water", "松": "other"}
    needed = {name for name, shown in cards.items() if may_break(shown)}
    return letter_of([{"8"}, {"8", "江"}, {"8", "松"}, {"7", "松"}], lambda turned: turned == needed)


@answers("logic-zh-018")
def false_coin():
    weighings = [("甲乙丙", "丁戊己", 1), ("甲丁庚", "乙戊辛", 1), ("甲", "丙", 0)]

    def shows(coin, extra, left, right):
        difference = extra * ((coin in left) - (coin in right))
        return (difference > 0) - (difference < 0)

    def fits(case):
        return all(shows(*case, left, right) == seen for left, right, seen in weighings)

    found = the_only(case for case in product("甲乙丙丁戊己庚辛", (1, -1)) if fits(case))
    return letter_of([("甲", 1), ("戊", -1), ("丁", -1), ("乙", 1)], lambda case: case == found)


@answers("logic-zh-019")
def round_table():
    found = set()
    for seats in permutations(range(1, 7)):
        jia, yi, bing, ding, wu, ji = seats
        if (jia, yi) == (1, 4) and (bing - jia) % 6 in (1, 5) and (2 * ding == bing or ding == 2 * bing) and wu > ji:
            found.add(wu)
    return the_only(found)


@answers("logic-zh-020")
def two_watches():
    def arrival(shown_minus_true, assumed_minus_true):
        """The true minute at which a person takes it to be nine o'clock (540)."""
        return the_only(t for t in range(400, 700) if t + shown_minus_true - assumed_minus_true == 540)

    return abs(arrival(-6, 4) - arrival(5, -3))


@answers("logic-zh-021")
def making_tofu():
    steps = ("泡豆", "磨浆", "过滤", "煮浆", "点卤", "压型", "化卤", "洗布")
    before = [*zip(steps[:5], steps[1:6]), ("化卤", "点卤"), ("洗布", "过滤")]
    pairs = [(steps.index(a), steps.index(b)) for a, b in before]
    return sum(all(place[a] < place[b] for a, b in pairs) for place in permutations(range(8)))


@answers("logic-zh-022")
def three_teachers():
    def fits(team):
        jia, yi, bing, ding, wu, ji = (name in team for name in "甲乙丙丁戊己")
        return (
            not (jia and bing)
            and yi == ding
            and (jia or not wu)
            and bing + ji == 1
            and not (ding and ji)
            and not (bing and yi)
        )

    team = the_only("".join(t) for t in combinations("甲乙丙丁戊己", 3) if fits(t))
    return letter_of(["乙丙丁", "甲乙丁", "甲戊己", "丙戊己"], lambda option: option == team)


@answers("logic-zh-023")
def boat_race():
    teams = ["红旗", "青松", "白鹭", "紫荆"]
    forecasts = [{"青松": 2, "红旗": 1}, {"白鹭": 4, "青松": 1}, {"白鹭": 2, "红旗": 3}]
    winner = the_only(
        min(place, key=place.get)
        for places in permutations(range(1, 5))
        if (place := dict(zip(teams, places)))
        and all(sum(place[team] == said for team, said in forecast.items()) == 1 for forecast in forecasts)
    )
    return letter_of(teams, lambda team: team == winner)


@answers("logic-zh-024")
def chopsticks():
    hands = product(range(9), range(11), range(7), range(4))
    return max(sum(hand) for hand in hands if sum(n >= 2 for n in hand) < 2) + 1


@answers("logic-zh-025")
def drawn_in_one_stroke():
    """Corners and crossings by coordinates; a connected figure can be drawn if at most two of them are odd (Euler)."""
    box = {((0, 0), (2, 0)), ((2, 0), (2, 2)), ((0, 2), (2, 2)), ((0, 0), (0, 2))}
    figures = {
        "田": box | {((1, 0), (1, 2)), ((0, 1), (2, 1))},
        "日": box | {((0, 1), (2, 1))},
        "中": box | {((1, -1), (1, 3))},
        "口": box,
    }

    def odd_points(segments):
        """Count line ends that leave each point of the grid."""
        ends = {}
        for (x1, y1), (x2, y2) in segments:
            length = max(x2 - x1, y2 - y1)
            dx, dy = (x2 - x1) // length, (y2 - y1) // length
            for i in range(length):
                for point in ((x1 + i * dx, y1 + i * dy), (x1 + (i + 1) * dx, y1 + (i + 1) * dy)):
                    ends[point] = ends.get(point, 0) + 1
        return sum(n % 2 for n in ends.values())

    return letter_of(figures, lambda figure: odd_points(figures[figure]) > 2)


@answers("logic-zh-026")
def clock_upside_down():
    turned = dict(zip("0125869", "0125896"))
    times = [f"{h:02}{m:02}" for h, m in product(range(24), range(60))]
    return sum("".join(turned.get(d, "?") for d in reversed(t)) == t for t in times)


@answers("logic-zh-027")
def four_plants():
    groups = [[(r, c) for c in range(4)] for r in range(4)] + [[(r, c) for r in range(4)] for c in range(4)]
    groups += [[(r + i, c + j) for i, j in product((0, 1), repeat=2)] for r, c in product((0, 2), repeat=2)]
    found = set()
    for rows in product(permutations("梅兰竹菊"), repeat=4):
        known = (rows[0][0], rows[1][2], rows[2][2], rows[3][0])
        if known == ("兰", "菊", "梅", "竹") and all(len({rows[r][c] for r, c in g}) == 4 for g in groups):
            found.add(rows[2][3])
    cell = the_only(found)
    return letter_of("梅兰竹菊", lambda plant: plant == cell)


@answers("logic-zh-028")
def rock_paper_scissors():
    """How often each hand met each other hand: try every table with the right sums and an empty diagonal."""
    found = set()
    for rs, sp, pr in product(range(11), repeat=3):  # rock meets scissors, scissors meet paper, paper meets rock
        rp, sr, ps = 3 - rs, 5 - sp, 2 - pr
        if min(rp, sr, ps) >= 0 and (sr + pr, rs + ps, rp + sp) == (1, 5, 4):
            found.add(rs + sp + pr)
    return the_only(found)


@answers("logic-zh-029")
def underground():
    lines = {
        1: (4, "西湖 石桥 钟楼 北门 机场"),
        2: (5, "石桥 医院 体育馆 大学城 机场"),
        3: (6, "西湖 茶市 医院 灯塔"),
        4: (2, "钟楼 灯塔 体育馆"),
    }

    def steps(state):
        station, line = state
        if line is None:
            yield from ((0, (station, new)) for new, (_, stops) in lines.items() if station in stops.split())
            return
        minutes, stops = lines[line][0], lines[line][1].split()
        at = stops.index(station)
        yield from ((minutes, (stop, line)) for stop in stops[max(at - 1, 0) : at] + stops[at + 1 : at + 2])
        yield from ((5, (station, new)) for new, (_, others) in lines.items() if station in others.split())

    return fewest_steps(("西湖", None), steps, lambda state: state[0] == "大学城")


@answers("logic-zh-030")
def fruit_on_the_scales():
    orders = set()
    for pear, peach, persimmon, plum in product(range(1, 16), repeat=4):
        if pear + peach == 2 * persimmon and peach + plum < persimmon and plum + pear > 2 * persimmon:
            weights = {"梨": pear, "桃": peach, "柿子": persimmon, "李子": plum}
            assert len(set(weights.values())) == 4
            orders.add("、".join(sorted(weights, key=weights.get, reverse=True)))
    order = the_only(orders)
    options = ["梨、桃、柿子、李子", "梨、柿子、李子、桃", "柿子、梨、李子、桃", "梨、柿子、桃、李子"]
    return letter_of(options, lambda option: option == order)


@answers("logic-zh-031")
def rafting():
    """For each person (old enough, alone, rafting, life jacket) under the rules; then what was seen of three people."""
    people = [
        (old, alone, rafts, jacket)
        for old, alone, rafts, jacket in product((False, True), repeat=4)
        if (rafts or not alone) and (old or not alone) and (jacket or not rafts)
    ]
    wu = [p for p in people if p[1]]
    zheng = [p for p in people if p[3]]
    he = [p for p in people if not p[0]]
    sure = [all(p[0] for p in wu), all(p[3] for p in wu), all(not p[1] for p in he), all(p[2] for p in zheng)]
    return letter(not is_sure for is_sure in sure)


@answers("logic-zh-032")
def stone_statue():
    def tells_truth(day):
        return day.day % 2 == 1

    days = [date(2024, 1, 1) + timedelta(days=i) for i in range(366)]
    return sum(tells_truth(day) == tells_truth(day - timedelta(days=1)) for day in days)


@answers("logic-zh-033")
def calligraphers():
    found = set()
    people, scripts, teas = ("沈", "顾", "陆", "秦"), ("楷", "行", "隶", "篆"), ("龙井", "普洱", "毛尖", "铁观音")
    for seats in product(permutations(range(1, 5)), repeat=3):
        who, script, tea = (dict(zip(names, places)) for names, places in zip((people, scripts, teas), seats))
        if (
            abs(who["沈"] - script["隶"]) == 1
            and script["篆"] < script["楷"]
            and who["陆"] == 2 != script["篆"]
            and who["秦"] == tea["龙井"]
            and tea["普洱"] == script["行"] + 1
            and tea["毛尖"] != 4
            and abs(tea["毛尖"] - script["楷"]) == 2
            and who["顾"] not in (script["楷"], script["隶"])
        ):
            found.add(next(name for name in people if who[name] == tea["普洱"]))
    drinker = the_only(found)
    return letter_of(people, lambda name: name == drinker)


@answers("logic-zh-034")
def family_at_the_river():
    weights = {"father": 75, "mother": 50, "brother": 45, "sister": 30, "box": 25}
    rowers = {"father", "mother", "brother"}

    def steps(state):
        near, boat_near = state
        here = near if boat_near else weights.keys() - near
        for size in range(1, 6):
            for crew in map(set, combinations(here, size)):
                if crew & rowers and sum(weights[who] for who in crew) <= 95:
                    yield 1, (frozenset(near - crew if boat_near else near | crew), not boat_near)

    return fewest_steps((frozenset(weights), True), steps, lambda state: state == (frozenset(), False))


@answers("logic-zh-035")
def village_league():
    games = list(combinations("甲乙丙丁", 2))
    situations = []
    for outcomes in product((3, 1, 0), repeat=6):  # points of the first of the two
        points = dict.fromkeys("甲乙丙丁", 0)
        for (first, second), won in zip(games, outcomes):
            points[first] += won
            points[second] += {3: 0, 1: 1, 0: 3}[won]
        if list(points.values()) == [6, 5, 4, 1]:
            situations.append({"".join(game): won for game, won in zip(games, outcomes)})
    options = [lambda s: s["甲乙"] == 3, lambda s: s["甲丙"] == 1, lambda s: s["乙丁"] == 3, lambda s: s["乙丙"] == 1]
    return must_hold(options, situations)


@answers("logic-zh-036")
def numbers_on_foreheads():
    """Worlds are (甲, 乙). Each statement removes the worlds in which it would not have been made."""
    worlds = {(a, b) for a, b in product(range(1, 60), repeat=2) if abs(a - b) == 1}

    def knows(world, seen, among):
        """``seen``: which of the two numbers the speaker sees."""
        return sum(other[seen] == world[seen] for other in among) == 1

    # the largest numbers are an artefact of stopping at 59: watch only what lies well below
    for seen, said in ((1, False), (0, False), (1, False), (0, True)):
        worlds = {w for w in worlds if knows(w, seen, worlds) == said}
    return the_only(b for a, b in worlds if b % 2 and max(a, b) < 40)


@answers("logic-zh-037")
def birthday():
    text = "三初二 三初八 五初八 八初二 八十八 九初二 九初五 九十五 九廿三 正初五 正十八 正廿三"
    dates = [(d[0], d[1:]) for d in text.split()]

    def alike(date_, part, among):
        return [d for d in among if d[part] == date_[part]]

    def day_is_telling(date_):
        return len(alike(date_, 1, dates)) == 1

    first = [
        d
        for d in dates
        if len(alike(d, 0, dates)) > 1 and not any(day_is_telling(other) for other in alike(d, 0, dates))
    ]
    second = [d for d in first if not day_is_telling(d) and len(alike(d, 1, first)) == 1]
    third = the_only(d for d in second if len(alike(d, 0, second)) == 1)
    return letter_of([("三", "初八"), ("正", "初五"), ("正", "廿三"), ("八", "十八")], lambda d: d == third)


@answers("logic-zh-038")
def mahjong():
    melds = [(i, i, i) for i in range(1, 10)] + [(i, i + 1, i + 2) for i in range(1, 8)]

    @cache
    def splits(tiles, groups):
        """Whether sorted tiles are so many melds; the smallest tile must be in one of them."""
        if not groups:
            return not tiles
        for meld in (m for m in melds if m[0] == tiles[0]):
            rest = list(tiles)
            try:
                for tile in meld:
                    rest.remove(tile)
            except ValueError:
                continue
            if splits(tuple(rest), groups - 1):
                return True
        return False

    def wins(tiles):
        pairs = {tile for tile in tiles if tiles.count(tile) >= 2}
        return any(splits(without_pair(tiles, pair), 4) for pair in pairs)

    def without_pair(tiles, pair):
        rest = sorted(tiles)
        rest.remove(pair)
        rest.remove(pair)
        return tuple(rest)

    hand = [3, 3, 3, 4, 4, 4, 5, 5, 6, 6, 6, 7, 8]
    return sum(hand.count(tile) < 4 and wins([*hand, tile]) for tile in range(1, 10))


@answers("logic-zh-039")
def buckets():
    def steps(state):
        big, small = state
        to_small, to_big = min(big, 6 - small), min(small, 11 - big)
        after = [(11, small), (big, 6), (0, small), (big, 0)]
        after += [(big - to_small, small + to_small), (big + to_big, small - to_big)]
        return ((1, following) for following in after)

    return fewest_steps((0, 0), steps, lambda state: 9 in state)


@answers("logic-zh-040")
def drop_tests():
    @cache
    def worst(phones, floors):
        """Drops needed in the worst case for so many floors that are still in doubt."""
        if floors == 0:
            return 0
        if phones == 0:
            return float("inf")
        return 1 + min(max(worst(phones - 1, f - 1), worst(phones, floors - f)) for f in range(1, floors + 1))

    return worst(3, 60)


@answers("logic-zh-041")
def eight_slips():
    found = set()
    for a, b, c, d, e, f, g, h in permutations(range(1, 9)):
        in_order = a < b and c < d and e < f and g < h
        if in_order and a + b == 10 and d == 3 * c and f - e == g + h - 6 and e * f < g * h:
            found.add(g * h)
    return the_only(found)


@answers("logic-zh-042")
def six_villagers():
    def consistent(told):
        jia, yi, bing, ding, wu, ji = told
        said = (sum(told) % 2 == 0, jia == ding, not (yi and wu), sum(told) <= 2, bing != ji, yi or not ding)
        return told == said

    return the_only(sum(told) for told in product((False, True), repeat=6) if consistent(told))


@answers("logic-zh-043")
def duty_roster():
    friday = set()
    for week in set(permutations("甲甲乙乙丙丙丁")):
        jia, yi, ding = ([day for day in range(1, 8) if week[day - 1] == who] for who in "甲乙丁")
        if (
            all(one != next_ for one, next_ in zip(week, week[1:]))
            and not {3, 6, 7} & set(jia)
            and yi[1] - yi[0] == 3
            and yi[1] != 7
            and jia[0] < yi[0]
            and ding[0] > 1
            and week[ding[0] - 2] == "丙"
        ):
            friday.add(week[5 - 1])
    who = the_only(friday)
    return letter_of("甲乙丙丁", lambda name: name == who)


@answers("logic-zh-044")
def nine_lanterns():
    def press(lit, switch):
        row, column = divmod(switch, 3)
        near = {(row, column), (row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)}
        return lit ^ {3 * r + c for r, c in near if 0 <= r < 3 and 0 <= c < 3}

    everything = frozenset(range(9))
    choices = (chosen for n in range(10) for chosen in combinations(range(9), n))
    return next(len(chosen) for chosen in choices if reduce(press, chosen, everything - {4}) == everything)


@answers("logic-zh-045")
def combination_lock():
    def verdict(code, tried):
        right = sum(a == b for a, b in zip(code, tried))
        return right, len(set(code) & set(tried)) - right

    seen = {"8406": (1, 1), "2863": (1, 0), "1206": (1, 0), "2059": (1, 1), "3742": (0, 1)}
    codes = map("".join, permutations("0123456789", 4))
    return the_only(code for code in codes if all(verdict(code, tried) == said for tried, said in seen.items()))
