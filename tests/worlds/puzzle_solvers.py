"""Solvers that read a puzzle's prompt and nothing else: the second opinion on every answer."""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import permutations, product

from helpers.worlds.puzzles import Puzzle
from helpers.worlds.puzzles.puzzle import NAMES

NAME = f"({'|'.join(NAMES)})"
IS_HONEST = {"lies": False, "tells the truth": True, "is a liar": False, "is honest": True}
STATE = f"({'|'.join(IS_HONEST)})"
#: What a description of a function means: (pattern, function of the value and the numbers in the pattern).
OPERATIONS = {
    r"adds? (\d) to each": lambda xs, n: [x + n for x in xs],
    r"multipl(?:y|ies) each by (\d)": lambda xs, n: [x * n for x in xs],
    r"keeps? the numbers above (\d)": lambda xs, n: [x for x in xs if x > n],
    r"keeps? the numbers below (\d)": lambda xs, n: [x for x in xs if x < n],
    r"keeps? the even numbers": lambda xs: [x for x in xs if x % 2 == 0],
    r"takes? the sum": sum,
    r"counts? them": len,
    r"takes? the largest": max,
    r"takes? the smallest": min,
    r"adds? (\d)": lambda x, n: x + n,
    r"subtracts? (\d)": lambda x, n: x - n,
    r"multipl(?:y|ies) by (\d)": lambda x, n: x * n,
    r"squares? it": lambda x: x * x,
}


def sentences(text: str) -> list[str]:
    return [sentence.rstrip(".?") for sentence in re.split(r"(?<=[.?]) ", text)]


def solve_arithmetic(prompt: str) -> int:
    """Do what each sentence says to a running value; solve equations from the letter that is asked for."""
    if asked := re.search(r"What is (\w)\?", prompt):
        equations = {d: (a, op, n) for a, op, n, d in re.findall(r"(\w) ([+*-]) (\d+) = (\w)", prompt)}
        ((first, start),) = re.findall(r"(?<!\S)(\w) = (\d+)", prompt)
        program = []
        name = asked[1]
        while name != first:
            name, op, n = equations[name]
            program.append((op, int(n)))
        return _computed(int(start), program[::-1])
    signs = {r"add|finds|buys|come": "+", r"subtract|loses|sells|go\b": "-", r"times|multiply": "*"}
    program, start = [], None
    for sentence in sentences(prompt):
        numbers = [int(number) for number in re.findall(r"\d+", sentence)]
        if numbers and start is None:
            start = numbers[0]
        elif numbers:
            (sign,) = {sign for verbs, sign in signs.items() if re.search(verbs, sentence)}
            program.append((sign, numbers[-1]))
    return _computed(start, program)


def _computed(value: int, program: list[tuple[str, int]]) -> int:
    for op, n in program:
        value = {"+": value + n, "-": value - n, "*": value * n}[op]
    return value


def solve_tracking(prompt: str) -> str:
    held = dict(re.findall(rf"the ([a-z ]+?) (?:is with|is on|goes to) {NAME}", prompt))
    for a, b in re.findall(rf"In \w+ {NAME} (?:and|swaps with) {NAME}(?: swap)?\.", prompt):
        held = {thing: {a: b, b: a}.get(who, who) for thing, who in held.items()}
    return held[re.search(r"Who (?:has|wears|holds) the ([a-z ]+) at the end\?", prompt)[1]]


def solve_ordering(prompt: str) -> str:
    """Try every order of up to six people: all that fit the statements must agree on who is asked for.

    Of more people, exactly one must have nobody beyond.
    """
    higher, lower = ("taller", "older", "faster", "before"), ("shorter", "younger", "slower", "after")
    pairs = []
    for a, word, b in re.findall(rf"{NAME} (?:is|came) (\w+) (?:than )?{NAME}", prompt):
        assert word in higher + lower
        pairs.append((a, b) if word in higher else (b, a))
    people = {person for pair in pairs for person in pair}
    end = 0 if re.search(r"Who \w+ (the )?(tallest|oldest|fastest|first)\?", prompt) else -1
    if len(people) > 6:
        (answer,) = people - {pair[end + 1] for pair in pairs}
        return answer
    orders = [o for o in permutations(people) if all(o.index(a) < o.index(b) for a, b in pairs)]
    (answer,) = {order[end] for order in orders}
    return answer


def who_is_honest(prompt: str) -> dict[str, bool]:
    """Try every assignment of truth-tellers and liars. Exactly one must fit."""
    known = re.findall(rf"We know that {NAME} {STATE}", prompt)
    said_of_one = re.findall(rf"{NAME} says {NAME} {STATE}", prompt)
    said_of_both = re.findall(rf"{NAME} says both {NAME} and {NAME} (?:lie|are liars)", prompt)
    said_of_either = re.findall(rf"{NAME} says at least one of {NAME} and {NAME} (?:lies|is a liar)", prompt)
    people = sorted(set(re.findall(NAME, prompt)))
    fitting = []
    for values in product((True, False), repeat=len(people)):
        honest = dict(zip(people, values))
        claims = [(True, honest[a] == IS_HONEST[s]) for a, s in known]
        claims += [(honest[a], honest[b] == IS_HONEST[s]) for a, b, s in said_of_one]
        claims += [(honest[a], not honest[b] and not honest[c]) for a, b, c in said_of_both]
        claims += [(honest[a], not (honest[b] and honest[c])) for a, b, c in said_of_either]
        if all(speaker == claim for speaker, claim in claims):
            fitting.append(honest)
    (honest,) = fitting
    return honest


def solve_truth(prompt: str) -> str:
    asked = re.search(rf"(?:Does|Is) {NAME} (?:tell the truth|honest)\?", prompt)[1]
    return "yes" if who_is_honest(prompt)[asked] else "no"


def solve_kinds(prompt: str) -> str:
    kinds, rules = defaultdict(set), []
    statement = re.compile(r"(Every|Each|No) (\w+) (?:who is not a (\w+) )?((?:can|likes|has|wears) .*)")
    for sentence in sentences(prompt):
        sentence = re.sub(r"^Fact \d+: ", "", sentence)
        if link := re.fullmatch(r"(?:(?:Every|Each) )?(\w+) is a (\w+)", sentence):
            kinds[link[1]].add(link[2])
        elif rule := statement.fullmatch(sentence):
            rules.append((rule[2], rule[3], rule[4], rule[1] != "No"))
    verb, who, rest = re.search(rf"(Can|Does) {NAME} ([^?]*)\?", prompt).groups()
    third = {"like": "likes", "have": "has", "wear": "wears"}
    ability = f"can {rest}" if verb == "Can" else " ".join([third[rest.split()[0]], *rest.split()[1:]])
    reached = [who]
    for kind in reached:
        reached += kinds[kind] - set(reached)
    that_apply = [rule for rule in rules if rule[0] in reached and rule[1] not in reached and rule[2] == ability]
    (able,) = {grants for *_, grants in that_apply}
    return "yes" if able else "no"


def solve_places(prompt: str) -> str:
    inside = dict(re.findall(r"The (\w+) (?:is|lies) in the (\w+)\.", prompt))
    place = re.search(r"room (?:is|has) the (\w+)\?", prompt)[1]
    while place in inside:
        place = inside[place]
    return place


def solve_sizes(prompt: str) -> str:
    larger = defaultdict(set)
    for a, word, b in re.findall(r"The (\w+) box is (smaller|larger) than the (\w+) box\.", prompt):
        larger[a if word == "smaller" else b].add(b if word == "smaller" else a)
    a, b = re.search(r"Is the (\w+) box smaller than the (\w+) box\?", prompt).groups()
    above = [a]
    for box in above:
        above += larger[box] - set(above)
    return "yes" if b in above else "no"


def solve(drawn: Puzzle) -> str:
    style = drawn.template.split(",")[0]
    solver = {"arithmetic": solve_arithmetic, "tracking": solve_tracking}.get(drawn.family) or {
        "height": solve_ordering, "age": solve_ordering, "speed": solve_ordering, "race": solve_ordering,
        "lies": solve_truth, "liar": solve_truth, "every": solve_kinds, "each": solve_kinds, "exception": solve_kinds,
        "in": solve_places, "lies in": solve_places, "sizes": solve_sizes,
    }[style]  # fmt: skip
    return str(solver(drawn.prompt))
