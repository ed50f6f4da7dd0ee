"""The answer to every item of ``mathematics_en.jsonl``, computed from its statement: by brute force or simulation where
the item is meant to be solved by thought, exactly (integers and fractions) wherever that is possible."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations, permutations, product

from benchmark.answers import Answers, the_only

answers = Answers()


def solve(equations: list[list[Fraction]]) -> list[Fraction]:
    """Gauss-Jordan elimination over the fractions; each row is the coefficients and then the right-hand side."""
    rows = [[Fraction(x) for x in row] for row in equations]
    for i in range(len(rows)):
        pivot = next(r for r in range(i, len(rows)) if rows[r][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [x / rows[i][i] for x in rows[i]]
        for r in range(len(rows)):
            if r != i and rows[r][i]:
                rows[r] = [x - rows[r][i] * y for x, y in zip(rows[r], rows[i])]
    return [row[-1] for row in rows]


@answers("math-en-001")
def bakery():
    rolls = sum(24 for _ in range(15))
    bags, loose = divmod(rolls - Fraction(rolls, 8), 9)
    assert loose == 0
    return bags * 4


@answers("math-en-002")
def bookcase():
    shelves = [7]
    while len(shelves) < 12:
        shelves.append(shelves[-1] + 4)
    return sum(shelves) - 23


@answers("math-en-003")
def trail():
    def still_ahead(length):
        after_lunch = length - Fraction(3, 8) * length
        return after_lunch - Fraction(2, 5) * after_lunch

    return the_only(km for km in range(1, 500) if still_ahead(km) == 9)


@answers("math-en-004")
def jacket():
    return the_only(p for p in range(1, 1000) if p * Fraction(125, 100) * Fraction(80, 100) - 6 == 74)


@answers("math-en-005")
def seventh_and_eighth():
    candidates = product(range(-200, 200), repeat=2)
    return the_only(a * b for a, b in candidates if 6 * 14 + a == 7 * 16 and 6 * 14 + a + b == 8 * 15)


@answers("math-en-006")
def flower_bed():
    return the_only(w * (w + 4) for w in range(1, 100) if (w + 2) * (w + 6) - w * (w + 4) == 64)


@answers("math-en-007")
def house_numbers():
    return sum(str(n).count("7") for n in range(1, 151))


@answers("math-en-008")
def gears():
    return next(turns for turns in range(1, 1000) if turns * 42 % 66 == 0)


@answers("math-en-009")
def glaze():
    return max(12 * part for part in range(1, 200) if 4 * part <= 300 and 5 * part <= 400 and 3 * part <= 210)


@answers("math-en-010")
def bridge():
    speed = Fraction(240, 12)
    return (460 + 240) / speed


@answers("math-en-011")
def zeros():
    digits = str(3 * 4**6 * 25**5)
    return len(digits) - len(digits.rstrip("0"))


@answers("math-en-012")
def bus():
    def at_the_terminus(people):
        people = people - Fraction(people, 2) + 4
        return people - people / 3 + 6

    return the_only(n for n in range(1, 500) if at_the_terminus(n) == 24)


@answers("math-en-013")
def marbles():
    pairs = list(permutations("g" * 5 + "y" * 4 + "w" * 3, 2))
    return Fraction(sum(a == b for a, b in pairs), len(pairs))


@answers("math-en-014")
def thermometer():
    return 4 + Fraction(94 - 4, 100) * 30


@answers("math-en-015")
def polygon():
    def diagonals(n):
        return sum((b - a) % n not in (1, n - 1) for a, b in combinations(range(n), 2))

    return the_only((n - 2) * 180 for n in range(3, 60) if diagonals(n) == 7 * n)


@answers("math-en-016")
def clock():
    minutes = 15 * 60 + 30
    hour_hand, minute_hand = Fraction(360 * minutes, 24 * 60), Fraction(360 * minutes, 60) % 360
    apart = abs(hour_hand - minute_hand)
    return min(apart, 360 - apart)


@answers("math-en-017")
def square_divisors():
    roots = range(1, math.isqrt(math.factorial(12)) + 1)
    return sum(math.factorial(12) % (r * r) == 0 and r * r % 16 != 0 for r in roots)


@answers("math-en-018")
def remainder():
    return (3**100 + 4**100 + 5**100) % 77


@answers("math-en-019")
def ant():
    def walks(x, y):
        if (x, y) in {(3, 2), (4, 4)} or x > 6 or y > 5:
            return 0
        return 1 if (x, y) == (6, 5) else walks(x + 1, y) + walks(x, y + 1)

    return walks(0, 0)


@answers("math-en-020")
def semicircle():
    """The centre is as far from both legs (the axes) as the radius, and lies on the line x/20 + y/21 = 1."""
    (radius,) = solve([[Fraction(1, 20) + Fraction(1, 21), Fraction(1)]])
    ends = [(20 - radius) ** 2 + radius**2, radius**2 + (21 - radius) ** 2]  # from the centre, squared
    assert min(ends) >= radius**2  # so the diameter fits on the hypotenuse
    return radius


@answers("math-en-021")
def crease():
    """The points as far from (0, 0) as from (24, 7), where that line crosses the long edges y = 0 and y = 7."""
    x0, x7 = (Fraction(24**2 + 7**2 - 2 * 7 * y, 2 * 24) for y in (0, 7))
    assert 0 <= x7 <= x0 <= 24
    squared = (x0 - x7) ** 2 + 7**2
    length = Fraction(math.isqrt(squared.numerator), math.isqrt(squared.denominator))
    assert length**2 == squared
    return length


@answers("math-en-022")
def tank():
    level = Fraction(0)
    for minute in range(10_000):
        if level >= 1:
            assert level == 1
            return minute
        level += Fraction(1, 360)
        level += Fraction(1, 540) if minute >= 60 else 0
        level -= Fraction(1, 1080) if minute >= 120 else 0


@answers("math-en-023")
def three_rolls():
    worth = Fraction(0)
    for _ in range(3):
        worth = Fraction(sum(max(Fraction(face), worth) for face in range(1, 9)), 8)
    return worth


@answers("math-en-024")
def lamps():
    def good(row):
        padded = (0, *row, 0)
        return all(padded[i - 1] or padded[i + 1] for i in range(1, 11) if padded[i])

    return sum(good(row) for row in product((0, 1), repeat=10))


@answers("math-en-025")
def five_cycle():
    terms = [Fraction(2), Fraction(3)]
    while len(terms) < 2027:
        terms.append((terms[-1] + 1) / terms[-2])
    return sum(terms)


@answers("math-en-026")
def fifth_powers():
    x_y = Fraction(6**3 - 90, 3 * 6)  # (x + y)³ = x³ + y³ + 3xy(x + y)
    assert 6**2 - 4 * x_y > 0  # so x and y are real
    x, y = (3 + s * math.sqrt(9 - x_y) for s in (1, -1))
    assert math.isclose(x**3 + y**3, 90)
    return round(x**5 + y**5, 6)


@answers("math-en-027")
def parking_meter():
    return sum(
        5 * a + 10 * b + 20 * c + 50 * d == 80 and a + b + c + d <= 6 for a, b, c, d in product(range(17), repeat=4)
    )


@answers("math-en-028")
def sawn_cube():
    """Each corner is a pyramid whose base is a right triangle of legs 3 and 3 and whose height is 3."""
    corner = Fraction(1, 3) * Fraction(3 * 3, 2) * 3
    return 6**3 - 8 * corner


@answers("math-en-029")
def urn():
    """Ada draws 1st, 3rd, 5th …: she wins where the first red of a random row has an even index."""
    rows = [set(reds) for reds in combinations(range(8), 3)]
    return Fraction(sum(min(reds) % 2 == 0 for reds in rows), len(rows))


@answers("math-en-030")
def singers():
    return the_only(n for n in range(1, 500) if (n % 7, n % 8, n % 9) == (3, 5, 4))


@answers("math-en-031")
def coats():
    return sum(all(abs(p - i) <= 2 for i, p in enumerate(taken)) for taken in permutations(range(8)))


@answers("math-en-032")
def multiple_of_13():
    """A random walk on the residues that gains 7/2 per roll: the expected gain from residue r on solves a system."""
    rows = []
    for r in range(1, 13):
        row = [Fraction(int(c == r)) for c in range(1, 13)]
        for face in range(1, 7):
            if (r + face) % 13:
                row[(r + face) % 13 - 1] -= Fraction(1, 6)
        rows.append([*row, Fraction(7, 2)])
    gain = dict(enumerate(solve(rows), start=1))
    return Fraction(7, 2) + sum(gain[face] for face in range(1, 7)) / 6


@answers("math-en-033")
def circle_on_bc():
    """B = (0, 0), C = (14, 0), A = (5, 12). D and E are the feet of the perpendiculars from C and B (Thales)."""

    def foot(point, start, end):
        direction = [e - s for s, e in zip(start, end)]
        t = Fraction(sum((p - s) * d for p, s, d in zip(point, start, direction)), sum(d * d for d in direction))
        assert 0 < t < 1
        return [s + t * d for s, d in zip(start, direction)]

    a, b, c = (5, 12), (0, 0), (14, 0)
    assert math.dist(a, b) == 13 and math.dist(a, c) == 15
    d, e = foot(c, a, b), foot(b, a, c)
    assert all((p[0] - 7) ** 2 + p[1] ** 2 == 49 for p in (d, e))
    squared = sum((x - y) ** 2 for x, y in zip(d, e))
    return Fraction(math.isqrt(squared.numerator), math.isqrt(squared.denominator))


@answers("math-en-034")
def triples():
    divisors = [d for d in range(1, 721) if 720 % d == 0]
    return sum(math.gcd(a, b, c) == 1 and math.lcm(a, b, c) == 720 for a, b, c in product(divisors, repeat=3))


@answers("math-en-035")
def floor_tiles():
    cells = [(r, c) for r in range(3) for c in range(5)]

    def ways(free):
        if not free:
            return 1
        r, c = min(free)
        return sum(ways(free - {(r, c), other}) for other in ((r, c + 1), (r + 1, c)) if other in free)

    return sum(ways(frozenset(cells) - {single}) for single in cells)


@answers("math-en-036")
def tetrahedron():
    edges = list(combinations(range(4), 2))

    def even(p):
        return sum(p[i] > p[j] for i, j in edges) % 2 == 0

    rotations = [p for p in permutations(range(4)) if even(p)]
    assert len(rotations) == 12

    def turned(painting, p):
        colour = dict(zip(edges, painting))
        return tuple(colour[tuple(sorted((p[i], p[j])))] for i, j in edges)

    return len({min(turned(painting, p) for p in rotations) for painting in product(range(3), repeat=6)})


@answers("math-en-037")
def octagon():
    """States: how many corners in a row are visited and where in that row the flea is."""
    states = [(size, at) for size in range(1, 8) for at in range(size)]
    rows = []
    for size, at in states:
        row = dict.fromkeys(states, Fraction(0))
        row[size, at] += 1
        for step in (-1, 1):
            nxt = (size, at + step) if 0 <= at + step < size else (size + 1, 0 if step < 0 else size)
            if nxt[0] < 8:
                row[nxt] -= Fraction(1, 2)
        rows.append([*row.values(), Fraction(1)])
    return solve(rows)[0]


@answers("math-en-038")
def interpolation():
    total = Fraction(0)
    for k in range(5):
        others = [j for j in range(5) if j != k]
        total += 3**k * math.prod(Fraction(6 - j, k - j) for j in others)
    return total


@answers("math-en-039")
def floors():
    return len({n * n // 150 for n in range(1, 151)})


@answers("math-en-040")
def subsets():
    return sum(sum(n for n in range(1, 15) if mask >> n & 1) % 7 == 0 for mask in range(0, 2**15, 2))


@answers("math-en-041")
def couples():
    seatings = permutations("AaBbCc_")
    return sum(all("".join(row).lower().count(x * 2) == 0 for x in "abc") for row in seatings)


@answers("math-en-042")
def squares():
    """(2n + 31)² + 399 = (2m)² has 2n + 31 < 399, so a search up to 400 finds all."""
    return sum(n for n in range(1, 400) if math.isqrt(n * n + 31 * n + 340) ** 2 == n * n + 31 * n + 340)


@answers("math-en-043")
def cube_roots_of_identity():
    """Such an f has an inverse (f applied twice), so only permutations can qualify."""
    return sum(all(f[f[f[x]]] == x for x in range(7)) for f in permutations(range(7)))


@answers("math-en-044")
def gap_circle():
    """The circles of radius 1 and 12 have their centres at (0, 0) and (13, 0). Bisection on the fourth radius."""
    cx = (13**2 + 4**2 - 15**2) / (2 * 13)
    third = cx, math.sqrt(4**2 - cx**2)
    low, high = 0.0, 1.0
    for _ in range(100):
        r = (low + high) / 2
        x = ((1 + r) ** 2 - (12 + r) ** 2 + 13**2) / (2 * 13)  # touching the first two circles from outside
        y = math.sqrt(max((1 + r) ** 2 - x**2, 0))
        low, high = (r, high) if math.dist((x, y), third) > 3 + r else (low, r)
    return Fraction(r).limit_denominator(1000)
