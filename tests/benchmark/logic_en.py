"""The answer to every item of ``logic_en.jsonl``, found by trying every case that its statement allows."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from datetime import date
from functools import cache
from itertools import combinations, permutations, product

from benchmark.answers import Answers, letter, the_only

answers = Answers()

DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def fewest_steps(start, moves: Callable, done: Callable) -> int:
    """Breadth-first search."""
    steps, queue = {start: 0}, deque([start])
    while queue:
        state = queue.popleft()
        if done(state):
            return steps[state]
        for following in moves(state):
            if following not in steps:
                steps[following] = steps[state] + 1
                queue.append(following)
    raise AssertionError("there is no way")


@answers("logic-en-001")
def cyclists():
    def fits(place):
        behind_ida = place["Lea"] == place["Ida"] + 1
        max_alone = abs(place["Max"] - place["Jon"]) > 1 and place["Max"] != 5
        return behind_ida and place["Lea"] < place["Jon"] < place["Kit"] and max_alone

    orders = permutations(["Ida", "Jon", "Kit", "Lea", "Max"])
    return the_only(order[2] for order in orders if fits({name: i for i, name in enumerate(order, 1)}))


@answers("logic-en-002")
def syllogism():
    """A world is the set of kinds (glim, trop, ven) that exist in it."""
    kinds = list(product((False, True), repeat=3))

    def premises(world):
        glims_are_trops = all(trop for glim, trop, _ in world if glim)
        no_ven_glim = not any(glim and ven for glim, _, ven in world)
        return glims_are_trops and no_ven_glim and any(t and v for _, t, v in world) and any(g for g, _, _ in world)

    worlds = [w for n in range(9) for w in combinations(kinds, n) if premises(w)]
    options = [
        lambda world: all(g or v for g, t, v in world if t),
        lambda world: any(g and v for g, _, v in world),
        lambda world: any(t and not g for g, t, _ in world),
        lambda world: not any(t and g for g, t, _ in world),
    ]
    return letter(all(map(option, worlds)) for option in options)


@answers("logic-en-003")
def jars():
    """Contents of the jars labelled salt, sugar, flour."""
    labels = ("salt", "sugar", "flour")
    fillings = [f for f in permutations(labels) if all(a != b for a, b in zip(f, labels)) and f[0] != "flour"]
    return the_only(flour_jar for _, _, flour_jar in fillings)


@answers("logic-en-004")
def parcels():
    """A parcel must be turned if its hidden side can break the rule. Four parcels: which subset is that?"""
    seen = [("fragile", None), ("standard", None), (None, "blue"), (None, "red")]

    def may_break(top, bottom):
        tops, bottoms = [top] if top else ["fragile", "standard"], [bottom] if bottom else ["blue", "red"]
        return any(t == "fragile" and b != "blue" for t, b in product(tops, bottoms))

    turn = {i for i, parcel in enumerate(seen, 1) if may_break(*parcel)}
    return letter(turn == option for option in [{1}, {1, 3}, {1, 2, 3, 4}, {1, 4}])


@answers("logic-en-005")
def weekday():
    return the_only(DAYS[today] for today in range(7) if DAYS[(today + 2 - 3) % 7] == "Sunday")


@answers("logic-en-006")
def kinship():
    mother = {"Nora": "Felix's mother", "Felix": "Felix's mother", "Paul": "Nora"}
    mother["Greta"] = mother["Paul"]
    line = [mother["Greta"]]
    while line[-1] in mother:
        line.append(mother[line[-1]])
    generations = line.index("Felix's mother") + 1  # 1: mother, 2: grandmother, 3: great-grandmother
    return letter([generations == 3, generations == 2, False, generations == 1])


@answers("logic-en-007")
def drawers():
    def true_labels(key):
        return (key == "middle") + (key != "middle") + (key != "bottom")

    return the_only(key for key in ("top", "middle", "bottom") if true_labels(key) == 1)


@answers("logic-en-008")
def pots():
    def fits(row):
        at = row.index
        if at("ivy") not in (0, 4) or abs(at("ivy") - at("moss")) != 3:
            return False
        return abs(at("sage") - at("ivy")) == 1 and abs(at("fern") - at("sage")) != 1

    return the_only(row[2] for row in permutations(("fern", "ivy", "moss", "rose", "sage")) if fits(row))


@answers("logic-en-009")
def club():
    """Nobody plays chess only, so those who play just one game play go, and chess players play both."""
    return the_only(both for both in range(41) if both + 14 + 9 == 40)


@answers("logic-en-010")
def robot():
    position, heading = 0 + 0j, 1 + 0j  # east is 1, north is i
    for turn, metres in [(1, 3), (1j, 2), (1j, 5), (-1j, 1)]:
        heading *= turn
        position += heading * metres
    east, north = -position.real > 0, -position.imag > 0
    assert position.real and position.imag
    return letter([(e, n) == (east, north) for e, n in [(True, False), (False, False), (True, True), (False, True)]])


@answers("logic-en-011")
def lamps():
    return sum((n % 2 + (n % 3 == 0) + (n in (2, 3, 5, 7))) % 2 for n in range(1, 10))


@answers("logic-en-012")
def talks():
    def fits(order):
        at = order.index
        return at("bees") == at("maps") + 1 and at("robots") > at("poems") + 1

    return the_only(order[2] for order in permutations(("robots", "poems", "maps", "bees")) if fits(order))


@answers("logic-en-013")
def museum():
    """Alarm, locked, red: what holds in all cases that are left, and what is only possible."""
    cases = [(a, d) for a, d, r in product((False, True), repeat=3) if (not a or d) and (not d or r) and not r]
    alarm, locked = {a for a, _ in cases}, {d for _, d in cases}
    no, maybe = {False}, {False, True}
    return letter((locked, alarm) == option for option in [(no, maybe), (maybe, no), (no, no), (maybe, maybe)])


@answers("logic-en-014")
def tickets():
    def price(age, student):
        weekday, hour, group = "Saturday", 17, 4
        if age < 6 or age > 70:
            return 0
        if student and weekday not in ("Saturday", "Sunday"):
            return 3
        if hour >= 16:
            return 4
        return 5 if group >= 4 else 8

    return sum(price(age, student) for age, student in [(70, False), (41, False), (19, True), (5, False)])


@answers("logic-en-015")
def lessons():
    friends, instruments = ("Ana", "Ben", "Cam", "Dee"), ("cello", "drums", "flute", "harp")
    found = []
    for player, days in product(permutations(friends), permutations(range(4))):
        plays, day = dict(zip(instruments, player)), dict(zip(friends, days))
        on = {instrument: day[friend] for instrument, friend in plays.items()}
        if (
            on["drums"] == day["Ben"] + 1
            and plays["harp"] != "Ana"
            and day["Ana"] in (0, 3)
            and on["cello"] > on["flute"]
            and day["Cam"] == on["harp"] - 2
        ):
            found.append(plays["cello"])
    return the_only(found)


@answers("logic-en-016")
def spies():
    def possible(roles):
        ada, bea, _ = roles
        said = [bea != "spy", ada == "knave", ada == "knight"]
        return all(role == "spy" or true == (role == "knight") for role, true in zip(roles, said))

    roles = the_only(r for r in permutations(("knight", "knave", "spy")) if possible(r))
    options = [
        ("knave", "knight", "spy"),
        ("spy", "knave", "knight"),
        ("spy", "knight", "knave"),
        ("knight", "knave", "spy"),
    ]
    return letter(roles == option for option in options)


@answers("logic-en-017")
def parcels_on_a_balance():
    weights = permutations(range(1, 13), 4)
    fitting = ((p, q, r, s) for p, q, r, s in weights if p + q == r + s and p + r < q + s and s < q)
    return the_only("PQRS"[w.index(max(w))] for w in fitting)


@answers("logic-en-018")
def tournament():
    teams = ("Owls", "Hares", "Foxes", "Moles")
    matches = list(combinations(teams, 2))
    losers = []
    for results in product((3, 1, 0), repeat=6):
        points = Counter()
        for (a, b), result in zip(matches, results):
            points[a] += result
            points[b] += {3: 0, 1: 1, 0: 3}[result]
        if [points[team] for team in teams] == [7, 5, 3, 1]:
            beaten = [b for (a, b), r in zip(matches, results) if (a, r) == ("Hares", 3)]
            losers.append(the_only(beaten + [a for (a, b), r in zip(matches, results) if (b, r) == ("Hares", 0)]))
    return the_only(losers)


@answers("logic-en-019")
def three_cards():
    worlds = list(permutations(range(1, 6), 3))
    for speaker in (0, 1):
        highest = defaultdict(set)
        for world in worlds:
            highest[world[speaker]].add(world[speaker] == max(world))
        worlds = [world for world in worlds if len(highest[world[speaker]]) == 2]
    return the_only(world[0] for world in worlds)


@answers("logic-en-020")
def exams():
    clashes = {frozenset("A" + other) for other in "BCDEF"} | set(map(frozenset, ("BC", "CD", "DE", "EF", "FB")))

    def possible(slots):
        plans = (dict(zip("ABCDEF", plan)) for plan in product(range(slots), repeat=6))
        return any(all(len({plan[exam] for exam in pair}) == 2 for pair in clashes) for plan in plans)

    return next(slots for slots in range(1, 7) if possible(slots))


@answers("logic-en-021")
def cans():
    def moves(state):
        ten, six = state
        to_six, to_ten = min(ten, 6 - six), min(six, 10 - ten)
        yield from [(10, six), (ten, 6), (0, six), (ten, 0), (ten - to_six, six + to_six), (ten + to_ten, six - to_ten)]

    return fewest_steps((0, 0), moves, lambda state: 8 in state)


@answers("logic-en-022")
def six_statements():
    def claims(v):
        return (
            sum(v) >= 3,
            v[0] + v[4] == 1,
            not v[3] and not v[5],
            v[0] + v[1] + v[2] == 1,
            sum(v) % 2 == 0,
            v[1] or v[2],
        )

    values = the_only(v for v in product((False, True), repeat=6) if v == claims(v))
    return sum(number for number, true in enumerate(values, 1) if true)


@answers("logic-en-023")
def small_sudoku():
    given = ("....", "2..3", ".14.", "....")
    rows = ["".join(row) for row in permutations("1234")]
    blocks = [[(r + i, c + j) for i in (0, 1) for j in (0, 1)] for r in (0, 2) for c in (0, 2)]

    def fits(grid):
        columns = all(len(set(column)) == 4 for column in zip(*grid))
        return columns and all(len({grid[r][c] for r, c in block}) == 4 for block in blocks)

    choices = [[row for row in rows if all(g in (".", x) for g, x in zip(hint, row))] for hint in given]
    return int(the_only(grid[3] for grid in product(*choices) if fits(grid)))


@answers("logic-en-024")
def shops():
    """Every street of one to three shops over three days; cell (shop, day): somebody comes."""

    def streets():
        for count in (1, 2, 3):
            for cells in product((False, True), repeat=3 * count):
                yield [cells[3 * i : 3 * i + 3] for i in range(count)]

    options = [
        lambda street: all(all(days) for days in street),
        lambda street: any(all(days) for days in street),
        lambda street: any(all(days) for days in zip(*street)),
        lambda street: any(any(days) for days in street),
    ]
    negated = [not all(not all(days) for days in street) for street in streets()]
    return letter([option(street) for street in streets()] == negated for option in options)


@answers("logic-en-025")
def leap_month():
    found = []
    for year, month in product(range(1600, 2400), range(1, 13)):  # the Gregorian calendar repeats after 400 years
        first = date(year, month, 1)
        days = [date.fromordinal(first.toordinal() + i) for i in range(31)]
        days = [day.weekday() for day in days if day.month == month]
        if days[0] == days[-1] and days.count(5) == 5:
            found.append(DAYS[date(year, 12, 25).weekday()])
    return the_only(found)


@answers("logic-en-026")
def liars():
    lies = {"Ola": {1, 3, 5}, "Per": {6, 0, 1}}

    def may_say(who, day, claim):
        return claim != (day in lies[who])  # a truth on a day of truth, a falsehood on a day of lies

    def fits(day):
        later, earlier = (day + 2) % 7 in lies["Ola"], (day - 1) % 7 in lies["Per"]
        return may_say("Ola", day, later) and may_say("Per", day, earlier)

    return the_only(DAYS[day] for day in range(7) if fits(day))


@answers("logic-en-027")
def flag():
    ballots = {"BWGR": 8, "RGWB": 6, "WGRB": 4, "GWRB": 3}
    left = set("BWGR")
    while True:
        votes = Counter(dict.fromkeys(left, 0))
        for ballot, count in ballots.items():
            votes[next(colour for colour in ballot if colour in left)] += count
        best, lowest = max(votes, key=votes.get), min(votes.values())
        if 2 * votes[best] > 21:
            return {"B": "Blue", "W": "White", "G": "Green", "R": "Red"}[best]
        left -= {the_only(colour for colour in left if votes[colour] == lowest)}


@answers("logic-en-028")
def die():
    top, front, right = 2, 1, 3
    for tip in ["away", "right", "right", "towards", "left"]:
        back, left, bottom = 7 - front, 7 - right, 7 - top
        if tip == "away":  # what was in front comes up, what was on top goes to the back
            top, front = front, bottom
        elif tip == "towards":
            top, front = back, top
        elif tip == "right":
            top, right = left, top
        else:
            top, right = right, bottom
    return top


@answers("logic-en-029")
def sufficient_fact():
    ages = [dict(zip("UVWX", p)) for p in permutations((5, 7, 9, 11))]
    ages = [a for a in ages if a["U"] > a["V"] and a["W"] in (7, 9)]
    facts = [
        lambda a: a["W"] > a["U"],
        lambda a: a["V"] == 5,
        lambda a: abs(a["U"] - a["X"]) == 2,
        lambda a: a["X"] > a["W"],
    ]
    return letter(sum(map(fact, ages)) == 1 for fact in facts)


@answers("logic-en-030")
def lighthouses():
    """Positions 0 (west) to 4 (east), one attribute after the other, dropping what already breaks a clue."""
    places = list(permutations(range(5)))
    found = []
    for ask, bryn, cleo, dag, elin in places:
        for green, white, black in permutations(range(5), 3):
            if abs(elin - black) != 1 or abs(green - black) != 1 or abs(bryn - green) != 2 or abs(ask - white) != 2:
                continue
            for red in set(range(5)) - {green, white, black}:
                for cat, dog, goat, parrot, hen in places:
                    if (
                        abs(red - goat) == 1
                        and abs(dag - goat) == 1
                        and abs(red - parrot) == 1
                        and abs(bryn - hen) == 2
                        and abs(dog - hen) == 1
                        and ask < parrot
                    ):
                        keepers = {ask: "Ask", bryn: "Bryn", cleo: "Cleo", dag: "Dag", elin: "Elin"}
                        found.append(keepers[cat])
    return the_only(found)


@answers("logic-en-031")
def quiz():
    def consistent(key):
        same_as_third = [n for n in (1, 2, 4, 5) if key[n - 1] == key[2]]
        facts = [
            (key.count("B"), dict(A=0, B=1, C=2, D=3)),
            (key.find("C") + 1, dict(A=3, B=4, C=5, D=1)),
            (same_as_third[0] if len(same_as_third) == 1 else None, dict(A=2, B=5, C=1, D=4)),
            (len(set(key)), dict(A=1, B=2, C=3, D=4)),
            (key.rfind("D") + 1, dict(A=1, B=2, C=4, D=3)),
        ]
        return all(options[chosen] == fact for chosen, (fact, options) in zip(key, facts))

    return the_only(key for key in map("".join, product("ABCD", repeat=5)) if consistent(key))


@answers("logic-en-032")
def foreheads():
    """Who speaks in turn t, as announcements so far leave it: nobody has known in the turns before t."""

    @cache
    def silent_before(world, t):
        return t == 0 or (silent_before(world, t - 1) and not knows(world, t - 1))

    @cache
    def knows(world, t):
        me = t % 3
        a, b = (n for i, n in enumerate(world) if i != me)
        mine = {a + b, abs(a - b)} - {0}
        return sum(silent_before((*world[:me], n, *world[me + 1 :]), t) for n in mine) == 1

    worlds = [(a, 39 - a, 39) for a in range(1, 39)]
    worlds += [(a, a + 39, 39) for a in range(1, 500)] + [(a + 39, a, 39) for a in range(1, 500)]
    return the_only(world[0] for world in worlds if silent_before(world, 5) and knows(world, 5))


@answers("logic-en-033")
def product_and_difference():
    pairs = list(combinations(range(1, 11), 2))
    told = {"Petra": lambda pair: pair[0] * pair[1], "Dirk": lambda pair: pair[1] - pair[0]}
    for speaker, knows in [("Petra", 0), ("Dirk", 0), ("Petra", 0), ("Dirk", 0), ("Petra", 1)]:
        number = told[speaker]
        count = Counter(map(number, pairs))
        pairs = [pair for pair in pairs if (count[number(pair)] == 1) == knows]
    return the_only(larger for _, larger in pairs)


@answers("logic-en-034")
def hikers():
    """Dijkstra's algorithm over who is still on the first side and where the torch is."""
    minutes = (1, 3, 4, 8, 12, 15)
    everyone = frozenset(minutes)
    queue, settled = [(0, sorted(minutes), True)], set()
    while queue:
        time, waiting, torch_here = heapq.heappop(queue)
        if not waiting:
            return time
        if (key := (tuple(waiting), torch_here)) in settled:
            continue
        settled.add(key)
        side = set(waiting) if torch_here else everyone - set(waiting)
        for size in (1, 2, 3):
            for group in combinations(sorted(side), size):
                after = set(waiting) - set(group) if torch_here else set(waiting) | set(group)
                heapq.heappush(queue, (time + max(group), sorted(after), not torch_here))


@answers("logic-en-035")
def matches():
    @cache
    def wins(left, most):
        return any(not wins(left - n, n + 1) for n in range(1, min(left, most) + 1))

    return the_only(n for n in range(1, 6) if not wins(25 - n, n + 1))


@answers("logic-en-036")
def minefield():
    field = ("?2??", "???3", "12??", "??11")
    cells = list(product(range(4), range(4)))
    hidden = [(r, c) for r, c in cells if field[r][c] == "?"]

    def near(a, b):
        return a != b and abs(a[0] - b[0]) <= 1 and abs(a[1] - b[1]) <= 1

    layouts = []
    for bits in product((0, 1), repeat=len(hidden)):
        mines = [cell for cell, bit in zip(hidden, bits) if bit]
        if all(sum(near((r, c), m) for m in mines) == int(field[r][c]) for r, c in cells if field[r][c] != "?"):
            layouts.append(mines)
    return the_only("ABCD"[c] + str(r + 1) for r, c in hidden if all((r, c) not in mines for mines in layouts))


@answers("logic-en-037")
def skyscrapers():
    def seen(towers):
        return sum(all(tower > before for before in towers[:i]) for i, tower in enumerate(towers))

    def fits(grid):
        columns = list(zip(*grid))
        if any(len(set(column)) < 4 for column in columns):
            return False
        from_top = seen(columns[1]) == 3 and seen(columns[3]) == 3
        from_bottom = seen(columns[1][::-1]) == 1 and seen(columns[2][::-1]) == 4
        return from_top and from_bottom and seen(grid[1][::-1]) == 3 and seen(grid[3][::-1]) == 2

    row = the_only(grid[2] for grid in product(permutations((1, 2, 3, 4)), repeat=4) if fits(grid))
    return int("".join(map(str, row)))


@answers("logic-en-038")
def ferry():
    kilograms = {"a": 80, "A": 80, "c": 40, "C": 40, "d": 30}

    def moves(state):
        here, boat_here = state
        side = here if boat_here else frozenset(kilograms) - here
        for size in range(1, 6):
            for crew in combinations(side, size):
                if set(crew) != {"d"} and sum(kilograms[x] for x in crew) <= 100:
                    yield (here - set(crew) if boat_here else here | set(crew)), not boat_here

    return fewest_steps((frozenset(kilograms), True), moves, lambda state: not state[0])


@answers("logic-en-039")
def calculator():
    def moves(shown):
        yield from (2 * shown, max(shown - 3, 0) if shown >= 3 else shown, int(str(shown)[::-1]))

    return fewest_steps(5, moves, lambda shown: shown == 50)


@answers("logic-en-040")
def otter():
    found = []
    for rain in range(1000, 10_000):
        pairs = set(zip("RAINRAINOTTER", f"{rain}{rain}{2 * rain}"))
        if 2 * rain >= 10_000 and len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs}) == 7:
            found.append(2 * rain)
    return the_only(found)


@answers("logic-en-041")
def round_table():
    def fits(seat):
        def beside(a, b):
            return (seat[a] - seat[b]) % 7 in (1, 6)

        steps = (seat["Di"] - seat["Ada"]) % 7 == 2 and (seat["Gus"] - seat["Fay"]) % 7 == 2
        cy = beside("Cy", "Bo") and not beside("Cy", "Ada") and not beside("Cy", "Di")
        return steps and cy and beside("Bo", "Eli") and not beside("Fay", "Di")

    found = []
    for rest in permutations(("Bo", "Cy", "Di", "Eli", "Fay", "Gus")):
        seat = {name: i for i, name in enumerate(("Ada", *rest))}  # clockwise
        if fits(seat):
            found.append(next(name for name in seat if (seat[name] - seat["Eli"]) % 7 == 1))
    return the_only(found)


@answers("logic-en-042")
def circle():
    """True is a knight; what each says is true exactly of knights."""
    circles = product((False, True), repeat=15)
    return the_only(sum(c) for c in circles if any(c) and all(c[i] == (c[i - 1] != c[(i + 1) % 15]) for i in range(15)))


@answers("logic-en-043")
def secret_code():
    def reply(code, guess):
        hits = sum(a == b for a, b in zip(code, guess))
        return hits, (Counter(code) & Counter(guess)).total() - hits

    replies = {"PRWW": (1, 1), "RRYR": (1, 0), "YYWR": (0, 2), "BRGP": (0, 3)}
    codes = map("".join, product("RGBYWP", repeat=4))
    return the_only(code for code in codes if all(reply(code, guess) == r for guess, r in replies.items()))
