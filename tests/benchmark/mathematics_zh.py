"""The answer to every item of ``mathematics_zh.jsonl``, computed from its statement: by search or simulation where that
can be done, exactly (integers and fractions) wherever possible."""

from __future__ import annotations

import heapq
from collections import Counter
from datetime import date, timedelta
from fractions import Fraction
from functools import cache
from itertools import accumulate, combinations, count, permutations, product
from math import gcd, hypot

from benchmark.answers import Answers, the_only

answers = Answers()

STEMS, BRANCHES = "甲乙丙丁戊己庚辛壬癸", "子丑寅卯辰巳午未申酉戌亥"


@answers("math-zh-001")
def repair_shop():
    vehicles = (v for v in product(range(21), repeat=3) if sum(v) == 20)
    return the_only(t for b, t, c in vehicles if 2 * b + 3 * t + 4 * c == 58 and t == c + 3)


@answers("math-zh-002")
def roof_beam():
    return the_only(y for y in range(1736, 1796) if STEMS[(y - 1984) % 10] + BRANCHES[(y - 1984) % 12] == "丁卯")


@answers("math-zh-003")
def bronze_bell():
    return the_only(37 * n - 58 for n in range(1, 1000) if 37 * n - 58 == 33 * n + 26)


@answers("math-zh-004")
def pulled_noodles():
    strands = 1
    for pulls in count(1):
        strands *= 2
        if strands * 1.5 > 3000:
            return pulls


@answers("math-zh-005")
def striking_clock():
    strokes = 0
    for minute in range(7 * 60 + 15, 22 * 60 + 45 + 1):
        if minute % 60 == 0:
            strokes += (minute // 60 - 1) % 12 + 1
        elif minute % 60 == 30:
            strokes += 1
    return strokes


@answers("math-zh-006")
def tangram_fish():
    """Areas by the shoelace formula, from the corners of the usual cut."""
    pieces = {
        "large": [(0, 0), (12, 0), (6, 6)],
        "other large": [(0, 0), (6, 6), (0, 12)],
        "small": [(12, 0), (9, 3), (12, 6)],
        "other small": [(6, 6), (9, 9), (3, 9)],
        "square": [(9, 3), (12, 6), (9, 9), (6, 6)],
        "medium": [(12, 12), (12, 6), (6, 12)],
        "parallelogram": [(0, 12), (6, 12), (9, 9), (3, 9)],
    }
    areas = {name: shoelace(corners) for name, corners in pieces.items()}
    assert sum(areas.values()) == 144
    return areas["medium"] + areas["parallelogram"] + areas["small"]


def shoelace(corners):
    twice = sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1]))
    return Fraction(abs(twice), 2)


@answers("math-zh-007")
def floor_labels():
    labels = (n for n in count(1) if "4" not in str(n) and n != 13)
    return next(floor for floor, label in enumerate(labels, 1) if label == 56)


@answers("math-zh-008")
def nines_of_winter():
    day, nine, within = date(2023, 12, 22), 1, 1
    while (nine, within) != (5, 3):
        day += timedelta(days=1)
        nine, within = (nine, within + 1) if within < 9 else (nine + 1, 1)
    assert (day.year, day.month) == (2024, 1)
    return day.day


@answers("math-zh-009")
def salted_eggs():
    salt, brine = Fraction(15, 100) * 600 + 30, 600 + 30 - 150
    return salt / brine * 100


@answers("math-zh-010")
def three_generations():
    ages = product(range(100), range(100), range(150))
    return the_only(
        me
        for me, father, grandfather in ages
        if me + father + grandfather == 132
        and (father - me) % 12 == (grandfather - father) % 12 == 0
        and 20 <= grandfather - father < 30
        and 30 <= father - me < 40
    )


@answers("math-zh-011")
def library_barcode():
    def check_digit(digits):
        return sum(int(d) * w for d, w in zip(digits, (7, 9, 10, 5, 8, 4))) % 11

    return the_only(d for d in range(10) if check_digit(f"3{d}5082") == 6)


@answers("math-zh-012")
def dragon_leap_years():
    def is_leap(year):
        return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)

    return sum((year - 2012) % 12 == 0 and is_leap(year) for year in range(2001, 2101))


@answers("math-zh-013")
def mooncake_pyramid():
    boxes = accumulate(accumulate(range(1, 100)))
    return the_only(layers for layers, total in enumerate(boxes, 1) if total == 286)


@answers("math-zh-014")
def red_packets():
    pairs = list(combinations((1, 2, 3, 5, 8, 13), 2))
    chance = Fraction(sum(sum(pair) >= 10 for pair in pairs), len(pairs))
    return chance.numerator + chance.denominator


@answers("math-zh-015")
def folding_fan():
    return Fraction(150, 360) * (30**2 - 12**2)


@answers("math-zh-016")
def lucky_eights():
    return int("8" * 2026) % 13


def numeral(n: int) -> str:
    """1 to 99 as it is read."""
    digits = "零一二三四五六七八九"
    tens, ones = divmod(n, 10)
    return {0: "", 1: "十"}.get(tens, digits[tens] + "十") + (digits[ones] if ones else "")


@answers("math-zh-017")
def long_scroll():
    scroll = [n for n in range(1, 100) for _ in numeral(n)]
    return scroll[200 - 1]


@answers("math-zh-018")
def water_bill():
    def bill(tons):
        return sum(32 if ton <= 12 else 48 if ton <= 20 else 72 for ton in range(1, tons + 1))

    return the_only(a for a in range(21, 36) if bill(a) + bill(35 - a) == 1368)


@answers("math-zh-019")
def lychees():
    def fits(n):
        for shares, left in ((7, 4), (9, 2), (11, 3)):
            if n % shares != left:
                return False
            n -= left
        return True

    return the_only(filter(fits, range(1, 690)))


@answers("math-zh-020")
def raft_and_speedboat():
    """With a current of 1 km/h the raft drifts 12 hours until they meet."""

    def is_met(speed):
        there = 36 / (speed + 1)
        return 36 - (speed - 1) * (12 - there) == 12

    return the_only(speed for n in range(2, 400) if is_met(speed := Fraction(n, 4)) and speed > 1)


@answers("math-zh-021")
def eight_stems():
    return next(n for n in count(1) if STEMS[(n - 1) % 8] + BRANCHES[(n - 1) % 12] == "丙午")


@answers("math-zh-022")
def folded_paper():
    """The crease lies on the perpendicular bisector of the diagonal; cut it with the long edges."""

    def x_on_bisector(y):
        return 12 - 18 * (Fraction(y) - 9) / 24  # (x - 12) * 24 + (y - 9) * 18 == 0

    left, right = sorted((x_on_bisector(0), x_on_bisector(18)))
    assert left >= 0 and right <= 24
    return hypot(right - left, 18)


@answers("math-zh-023")
def flowers_and_moon():
    return the_only(
        int(f"{hua}{hao}{yue}{yuan}")
        for hua, hao, yue, yuan in permutations(range(10), 4)
        if hua and yue and (10 * hua + hao) * hao == 110 * yue + yuan
    )


@answers("math-zh-024")
def dog_days():
    stem = {}
    day = date(2023, 6, 22)
    for i in range(100):
        stem[day + timedelta(days=i)] = STEMS[(STEMS.index("辛") + i) % 10]
    geng = [d for d in stem if stem[d] == "庚"]
    start = [d for d in geng if d > date(2023, 6, 22)][2]
    last_part = next(d for d in geng if d >= date(2023, 8, 8))
    return (last_part - start).days + 10


@answers("math-zh-025")
def small_abacus():
    def beads(n):
        return sum(int(d) // 5 + int(d) % 5 for d in str(n))

    return sum(beads(n) == 6 for n in range(100, 1000))


@answers("math-zh-026")
def lone_horse():
    points = list(product(range(9), range(10)))
    return sum({abs(a - c), abs(b - d)} == {1, 2} for (a, b), (c, d) in product(points, repeat=2))


@answers("math-zh-027")
def postman():
    @cache
    def ways(x, y, been):
        """Ways on from lane x and street y; ``been``: the letters have been fetched."""
        if x > 7 or y > 6 or (x, y) == (5, 4):
            return 0
        been = been or (x, y) == (3, 2)
        if (x, y) == (7, 6):
            return int(been)
        return ways(x + 1, y, been) + ways(x, y + 1, been)

    return ways(1, 1, False)


@answers("math-zh-028")
def five_blessings():
    draws = list(product(range(5), repeat=4))
    chance = Fraction(sum({3, 4} <= set(draw) for draw in draws), len(draws))
    return chance.numerator + chance.denominator


@answers("math-zh-029")
def lunar_calendar():
    return round((235 * Fraction("29.5306") - 19 * Fraction("365.2422")) * 24)


@answers("math-zh-030")
def hundred_fruit():
    return the_only(
        apples
        for pomelos, apples in product(range(1, 100), repeat=2)
        if (kumquats := 100 - pomelos - apples) > 0 and 7 * pomelos + 3 * apples + Fraction(kumquats, 4) == 100
    )


@answers("math-zh-031")
def bamboo_bundle():
    """The rope is as long as the hull of the centres and one full circle: a + bπ with the hull a, the diameter b."""
    centres = [
        (10 * i - 5 * (n - 1), 5 * 3**0.5 * row) for row, n in zip(range(-2, 3), (3, 4, 5, 4, 3)) for i in range(n)
    ]
    hull = convex_hull(centres)
    perimeter = sum(hypot(x2 - x1, y2 - y1) for (x1, y1), (x2, y2) in zip(hull, hull[1:] + hull[:1]))
    assert len(centres) == 19 and abs(perimeter - round(perimeter)) < 1e-9
    return round(perimeter) + 10


def convex_hull(points):
    """Andrew's monotone chain."""

    def half(ordered):
        chain = []
        for x, y in ordered:
            while len(chain) > 1:
                (x1, y1), (x2, y2) = chain[-2:]
                if (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1) > 1e-9:
                    break
                chain.pop()
            chain.append((x, y))
        return chain[:-1]

    return half(sorted(points)) + half(sorted(points, reverse=True))


@answers("math-zh-032")
def hexagrams():
    return len({min(lines, lines[::-1]) for lines in product((0, 1), repeat=6)})


@answers("math-zh-033")
def pagoda():
    """Where the two lines of sight meet; x is measured from the nearer staff towards the pagoda."""
    for height in range(1, 2000):
        near = Fraction(height - 6, 1) * 9 / 6  # similar triangles: (height - 6) : distance = 6 : 9
        far = Fraction(height - 6, 1) * 12 / 6
        if far - near == 120:
            return height


@answers("math-zh-034")
def reduplicated_phrase():
    @cache
    def ways(left, last):
        if not any(left):
            return 1
        return sum(ways(left[:i] + (n - 1,) + left[i + 1 :], i) for i, n in enumerate(left) if n and i != last)

    return ways((2, 2, 2, 2), -1)


@answers("math-zh-035")
def two_discounts():
    def less(amount):
        return amount - amount // 300 * 50

    return sum(less(Fraction(price)) * 9 / 10 < less(Fraction(price * 9, 10)) for price in range(1, 2001))


@answers("math-zh-036")
def lanterns():
    lit = [False] * 61
    for child in range(1, 61):
        for lantern in range(1, 61):
            lit[lantern] ^= gcd(child, lantern) == 1
    return sum(lit)


@answers("math-zh-037")
def plank_bridge():
    """Dijkstra over who is still on the near side and where the lamp is."""
    times = {"a": 3, "b": 8, "c": 9, "d": 13, "e": 20}
    queue, done = [(0, tuple(times), True)], set()
    while queue:
        minutes, near, lamp_near = heapq.heappop(queue)
        if not near:
            return minutes
        if (near, lamp_near) in done:
            continue
        done.add((near, lamp_near))
        side = set(near) if lamp_near else set(times) - set(near)
        for group in [*combinations(sorted(side), 1), *combinations(sorted(side), 2)]:
            left = set(near) - set(group) if lamp_near else set(near) | set(group)
            heapq.heappush(queue, (minutes + max(times[p] for p in group), tuple(sorted(left)), not lamp_near))


@answers("math-zh-038")
def four_dishes():
    """All orders of preparing, and all orders in which dishes claim the ring that is free first."""
    dishes = {"pork": (10, 50), "fish": (8, 12), "eggs": (5, 6), "beef": (12, 45)}
    best = float("inf")
    for order in permutations(dishes):
        ready = dict(zip(order, accumulate(dishes[dish][0] for dish in order)))
        for claims, rings in product(permutations(dishes), product((0, 1), repeat=4)):
            free = [0, 0]
            for dish, ring in zip(claims, rings):
                free[ring] = max(free[ring], ready[dish]) + dishes[dish][1]
            best = min(best, max(free))
    return best


@answers("math-zh-039")
def taking_stones():
    wins = [False]
    for n in range(1, 101):
        wins.append(any(n >= take and not wins[n - take] for take in (1, 3, 4)))
    return wins[1:].count(False)


@answers("math-zh-040")
def five_elements_bracelet():
    total = 0
    for steps in product((0, 1), repeat=10):  # from each bead to the next: the same element, or the one it begets
        total += 5 * (sum(steps) % 5 == 0)
    return total


@answers("math-zh-041")
def squares_around_tianyuan():
    return sum(
        x <= 5 <= x + side and y <= 5 <= y + side
        for side in range(1, 9)
        for x, y in product(range(1, 10 - side), repeat=2)
    )


@answers("math-zh-042")
def six_dice():
    wins = 0
    for dice in product(range(1, 7), repeat=6):
        face, n = Counter(dice).most_common(1)[0]
        wins += dice.count(4) == 3 or (n >= 4 and face != 4)
    chance = Fraction(wins, 6**6)
    return chance.numerator + chance.denominator


@answers("math-zh-043")
def ten_notes():
    notes = (1, 5, 10, 20, 50)
    counts = (c for c in product(range(11), repeat=5) if sum(c) == 10)
    return sum(sum(n * note for n, note in zip(c, notes)) == 100 for c in counts)


@answers("math-zh-044")
def gift_lottery():
    return sum(all(p[i] != i and p[p[i]] != i for i in range(6)) for p in permutations(range(6)))


@answers("math-zh-045")
def zongzi_boxes():
    possible = [True]
    for n in range(1, 500):
        possible.append(any(n >= box and possible[n - box] for box in (7, 11, 16)))
    assert all(possible[-7:])
    return max(n for n, ok in enumerate(possible) if not ok)


@answers("math-zh-046")
def paved_path():
    cells = frozenset(product(range(2), range(7)))
    shapes = [((0, 0), (0, 1)), ((0, 0), (1, 0))]
    square = {(0, 0), (0, 1), (1, 0), (1, 1)}
    shapes += [tuple(square - {corner}) for corner in square]

    @cache
    def ways(empty):
        if not empty:
            return 1
        first = min(empty)
        total = 0
        for shape in shapes:
            for anchor in shape:  # every way of putting this shape over the first empty cell
                placed = {(first[0] + r - anchor[0], first[1] + c - anchor[1]) for r, c in shape}
                if placed <= empty:
                    total += ways(empty - placed)
        return total

    return ways(cells)


@answers("math-zh-047")
def spoken_zeros():
    """A run of zeros is read once, and not at all at the end."""
    return sum(
        sum(bool(run) for run in str(n).rstrip("0").translate(ONLY_ZEROS).split()) == 2 for n in range(10000, 100000)
    )


ONLY_ZEROS = str.maketrans("123456789", " " * 9)


@answers("math-zh-048")
def drilled_cube():
    def is_wood(cell):
        return all(0 <= x < 5 for x in cell) and sum(x == 2 for x in cell) < 2

    faces = 0
    for cell in filter(is_wood, product(range(5), repeat=3)):
        for axis, step in product(range(3), (-1, 1)):
            neighbour = tuple(x + step * (i == axis) for i, x in enumerate(cell))
            faces += not is_wood(neighbour)
    return faces
