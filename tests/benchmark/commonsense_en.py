"""The answers to those items of ``commonsense_en.jsonl`` that can be computed: all numbers, and some letters."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from itertools import product

from benchmark.answers import Answers, letter

answers = Answers()


@answers("commonsense-en-001")
def towels():
    batches = math.ceil(9 / 3)
    return letter(2 * batches == hours for hours in (2, 3, 6, 18))


@answers("commonsense-en-004")
def ski_race():
    race = ["first", "second", "you", "fourth", "fifth"]
    for change in (1, -1, -1):  # one skier comes past, then you go past two
        at = race.index("you")
        race[at], race[at + change] = race[at + change], race[at]
    return race.index("you") + 1


@answers("commonsense-en-006")
def parcel():
    day, working_days = date(2024, 1, 1), 0  # a Monday; the Tuesday after it is the holiday
    while working_days < 2:
        day += timedelta(days=1)
        working_days += day.weekday() < 5 and day != date(2024, 1, 2)
    return f"{day:%A}"


@answers("commonsense-en-011")
def thunder():
    kilometres = 9 * 340 / 1000
    return letter(abs(kilometres - option) < 0.1 * option for option in (0.09, 0.3, 30, 3))


@answers("commonsense-en-013")
def fence():
    straight = {metre for metre in range(61) if metre % 5 == 0}
    circle = {metre % 60 for metre in straight}
    return len(straight) - len(circle)


@answers("commonsense-en-015")
def fishing():
    people = ["a father", "another father", "a son", "another son"]  # nobody is both: none is related to any other
    return Fraction(12, len(people))


@answers("commonsense-en-016")
def mirrored_clock():
    """A mirror turns the angle of each hand round: t minutes after twelve look like t minutes before."""
    (shown,) = (t for t in range(720) if -t % 720 == 4 * 60 + 40)
    return letter(shown == option for option in (4 * 60 + 40, 7 * 60 + 20, 5 * 60 + 20, 7 * 60 + 40))


@answers("commonsense-en-024")
def twins():
    summer, winter = timezone(timedelta(hours=2)), timezone(timedelta(hours=1))
    ada = datetime(2024, 10, 27, 1, 50, tzinfo=summer)
    ben = datetime(2024, 10, 27, 1, 10, tzinfo=winter)
    return (ben - ada) // timedelta(minutes=1)


@answers("commonsense-en-025")
def flights_of_stairs():
    london, boston = ["ground", "first", "second", "third"], ["first", "second", "third"]
    more = london.index("third") - boston.index("third")  # for Colin, in London
    return letter(more == option for option in (2, 1, -1, 0))


@answers("commonsense-en-030")
def tide():
    high = datetime(2024, 5, 1, 7, 10) + timedelta(hours=12, minutes=25)
    return letter(f"{high:%H:%M}" == option for option in ("19:35", "13:20", "18:45", "07:10"))


@answers("commonsense-en-031")
def iron_in_ice():
    """Water displaced, in cm³: by a floating body, its mass in grams; by a sunken one, its volume."""
    ice, iron, density_of_iron = 30, 2, Fraction(787, 100)
    assert ice / Fraction(917, 1000) + iron / density_of_iron > ice + iron  # it floats
    before, after = ice + iron, ice + iron / density_of_iron
    return letter([after > before, after == before, False, after < before])


@answers("commonsense-en-033")
def ring_of_gears():
    """Neighbours turn in opposite directions: is there a way to give each of five a direction?"""
    turning = [d for d in product((1, -1), repeat=5) if d[0] == 1 and all(d[i] == -d[i - 1] for i in range(5))]
    return letter([(1, 1, 1, 1, 1) in turning, (1, -1, 1, 1, -1) in turning, not turning, False])


@answers("commonsense-en-034")
def plank():
    radius, axis = Fraction(1, 10), Fraction(3, 2)
    angle = axis / radius  # no slipping on the ground
    return axis + radius * angle  # nor under the plank, which the log's top carries along


@answers("commonsense-en-038")
def flight():
    start = datetime(2024, 5, 3, 17, 0, tzinfo=timezone(timedelta(hours=9)))
    landing = (start + timedelta(hours=7.5)).astimezone(timezone(timedelta(hours=-10)))
    assert f"{start:%A}" == "Friday"
    options = ("Friday 05:30", "Friday 19:30", "Saturday 05:30", "Saturday 00:30")
    return letter(f"{landing:%A %H:%M}" == option for option in options)


@answers("commonsense-en-039")
def midsummer_sunrise():
    """cos(azimuth) = sin(declination) / cos(latitude), counted from north through east."""
    azimuth = math.degrees(math.acos(math.sin(math.radians(23.4)) / math.cos(math.radians(59.3))))
    return letter(abs(azimuth - option) < 22.5 for option in (90, 45, 135, 180))


@answers("commonsense-en-040")
def bookworm():
    """With spines to the reader and titles upright, a book's front cover is on its right: back, pages, front."""
    shelf = [(v, part, cm) for v in (1, 2, 3) for part, cm in (("back", 0.5), ("pages", 4), ("front", 0.5))]
    left = {(v, part): sum(cm for *_, cm in shelf[:i]) for i, (v, part, _) in enumerate(shelf)}
    last_page_of_1 = left[1, "pages"]  # beside the back cover
    first_page_of_3 = left[3, "pages"] + 4  # beside the front cover
    return first_page_of_3 - last_page_of_1


@answers("commonsense-en-042")
def buses():
    gaps = (2, 18)  # minutes, in turn: irregular, with a mean of ten
    assert Fraction(sum(gaps), 2) == 10
    wait = Fraction(sum(gap * gap for gap in gaps), 2 * sum(gaps))
    return letter([wait == 5, wait < 5, wait == Fraction(10, 2), wait > 5])
