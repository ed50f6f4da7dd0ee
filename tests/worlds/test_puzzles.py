"""The puzzles: every answer is found again from the prompt alone, by other means than the generator's."""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from puzzle_solvers import IS_HONEST, NAME, OPERATIONS, STATE, sentences, solve, who_is_honest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from helpers.errors import CourseError
from helpers.grading.constraints import check
from helpers.tasks import Item
from helpers.worlds import puzzles
from helpers.worlds.puzzles import FAMILIES, SPLITS, Puzzle

CLOSED = ("arithmetic", "logic", "tracking", "commonsense")  # families whose answers can be guessed
unhurried = settings(deadline=None)  # a busy machine is no bug
seeds, splits, families = st.integers(0, 10**6), st.sampled_from(SPLITS), st.sampled_from(list(FAMILIES))


def puzzle(family: str, split: str, index: int) -> Puzzle:
    return next(puzzles.puzzles(split, family, 1, start=index))


def many(family: str, split: str, n: int, seed: int = 0) -> list[Puzzle]:
    return list(puzzles.puzzles(split, family, n, seed=seed))


def words(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z]+", text))


def said(drawn: Puzzle) -> str:
    return f"{drawn.prompt}\n{drawn.trace}\n{drawn.answer}"


# --- the answers ------------------------------------------------------------------------------------------------------


@unhurried
@given(seeds, splits, st.sampled_from(CLOSED))
def test_the_answer_follows_from_the_prompt(index, split, family):
    drawn = puzzle(family, split, index)
    assert solve(drawn) == drawn.reference
    assert drawn.answer == (rf"\boxed{{{drawn.reference}}}" if family == "arithmetic" else f"Answer: {drawn.reference}")
    assert not drawn.choices or drawn.reference in drawn.choices


@unhurried
@given(seeds, splits)
def test_arithmetic_is_right_at_every_step_and_stays_within_two_digits(index, split):
    drawn = puzzle("arithmetic", split, index)
    start, *steps = sentences(drawn.trace)
    name, value = re.fullmatch(r"(\w+)(?: =|:) (\d+)", start).groups()
    for step in steps:
        before, op, n, after, *renamed = re.fullmatch(
            r"(?:.*, so )?(\w+) ([+*-]) (\d) = (\d+)(?:, so ([A-Z]) = (\d+))?", step
        ).groups()
        assert before in (value, name), step
        assert eval(f"{value} {op} {n}") == int(after) and 0 <= int(after) <= 99
        assert renamed[1] in (None, after)
        name, value = renamed[0], after
    assert len(steps) == drawn.difficulty and value == drawn.reference


@unhurried
@given(seeds, splits, st.sampled_from(("logic", "commonsense")))
def test_a_solution_uses_only_facts_of_the_prompt(index, split, family):
    """Apart from its conclusions ("so …", "… is the tallest") and statements turned round."""
    drawn = puzzle(family, split, index)
    turned = {"shorter": "taller", "younger": "older", "slower": "faster", "after": "before", "smaller": "larger"}
    turned |= {value: key for key, value in turned.items()}
    for step in sentences(drawn.trace.removeprefix("Start: ")):
        fact = step.split(", so ")[0]
        if re.search(r"^So |^No box |^They |^At least one | cannot | the \w+est$| came (first|last)$", fact):
            continue
        swapped = re.sub(r"(.*) (is|came) (\w+)( than|) (.*)", lambda m: (
            f"{m[5]} {m[2]} {turned.get(m[3], m[3])}{m[4]} {m[1]}"), fact)  # fmt: skip
        assert fact.lower() in drawn.prompt.lower() or swapped.lower() in drawn.prompt.lower(), step


@unhurried
@given(seeds, splits)
def test_every_conclusion_about_a_person_is_true(index, split):
    drawn = puzzle("logic", split, index)
    if drawn.choices == ("yes", "no"):
        honest = who_is_honest(drawn.prompt)
        concluded = re.findall(rf"(?:Start:|so) {NAME} {STATE}", drawn.trace)
        assert concluded and all(honest[name] == IS_HONEST[state] for name, state in concluded)


@unhurried
@given(seeds, splits)
def test_a_function_does_what_its_description_says(index, split):
    drawn = puzzle("code", split, index)
    program = []
    for phrase in re.split(r", then |, |\. (?:Step \d: )?|Step \d: |that ", drawn.prompt.rstrip(".")):
        found = [(run, match.groups()) for form, run in OPERATIONS.items() if (match := re.fullmatch(form, phrase))]
        program += found[:1]
    assert len(program) == drawn.difficulty
    f = _defined(drawn.answer)
    for test in drawn.reference:
        given_text, expected = re.fullmatch(r"assert f\((.*)\) == (.*)", test).groups()
        value = eval(given_text)
        for run, numbers in program:
            value = run(value, *map(int, numbers))
        assert value == eval(expected) == f(eval(given_text))


@unhurried
@given(seeds, splits)
def test_the_tests_of_a_function_fail_a_program_without_its_last_step(index, split):
    drawn = puzzle("code", split, index)
    steps = re.split(r"\. Step \d: ", drawn.trace.removeprefix("Start: ").removesuffix("."))
    assert drawn.answer == f"def f({steps[0]}): return {steps[-1]}" and len(steps) == drawn.difficulty + 1
    f = _defined(f"def f({steps[0]}): return {steps[-2]}")
    with pytest.raises(AssertionError):
        for test in drawn.reference:
            exec(test, {"f": f})


def _defined(source: str) -> Callable:
    names: dict = {}
    exec(source, names)
    return names["f"]


@unhurried
@given(seeds, splits)
def test_a_text_meets_the_constraints_that_the_prompt_states(index, split):
    drawn = puzzle("writing", split, index)
    spelled = re.search(r"(?:spell|letters?(?: is)?) ((?:[A-Z] ?)+)", drawn.prompt)[1].replace(" ", "").lower()
    stated = [{"kind": "lines", "n": int(re.search(r"Write (\d)", drawn.prompt)[1])}]
    stated += [{"kind": "acrostic", "word": spelled}]
    stated += [{"kind": "words_per_line", "n": int(re.search(r"Use (\d) words", drawn.prompt)[1])}]
    stated += [{"kind": "contains", "words": [word]} for word in re.findall(r"Use the word (\w+)", drawn.prompt)]
    stated += [{"kind": "forbidden", "words": [word]} for word in re.findall(r"not use the word (\w+)", drawn.prompt)]
    assert drawn.reference == stated and len(spelled) == drawn.difficulty
    assert all(result.met for result in check(drawn.answer, drawn.reference))
    assert all(f"so {line}." in drawn.trace for line in drawn.answer.splitlines())


# --- what a small model needs -----------------------------------------------------------------------------------------


@unhurried
@given(seeds, splits, families)
def test_texts_are_short_and_every_step_is_one_short_sentence(index, split, family):
    drawn = puzzle(family, split, index)
    longest = 20 if split == "longer" else 17  # longer programs have longer last steps
    assert all(len(step.split()) <= longest for step in sentences(drawn.trace)), drawn.trace
    assert "\n" not in drawn.prompt + drawn.trace
    if split == "train":
        assert len(drawn.prompt.split()) <= 80 and len(drawn.trace.split()) <= 120


@unhurried
@given(seeds, splits, st.sampled_from(CLOSED))
def test_a_trace_ends_in_the_answer(index, split, family):
    drawn = puzzle(family, split, index)
    assert drawn.reference in sentences(drawn.trace)[-1].split()


@pytest.mark.parametrize("family", FAMILIES)
def test_harder_puzzles_have_longer_traces(family):
    for split in ("train", "longer"):
        means = []
        for steps in puzzles.lengths(family, split):
            drawn = [puzzles.sample(random.Random(i), family, split, steps) for i in range(60)]
            assert all(p.difficulty == steps for p in drawn)
            means.append(sum(len(p.trace.split()) for p in drawn) / len(drawn))
        assert all(shorter < longer for shorter, longer in pairwise(means))


def test_the_vocabulary_is_listed():
    used = {w.lower() for f in FAMILIES for s in SPLITS for p in many(f, s, 600) for w in words(said(p))}
    assert used == set(puzzles.VOCABULARY)
    assert len(puzzles.VOCABULARY) <= 350


# --- splits -----------------------------------------------------------------------------------------------------------


@unhurried
@given(seeds, splits, families)
def test_same_seed_same_puzzle(index, split, family):
    assert puzzle(family, split, index) == puzzle(family, split, index)
    assert puzzle(family, split, index).id == f"{family}-{split}-0-{index}"


@pytest.mark.parametrize("family", FAMILIES)
def test_splits_share_no_content_and_no_prompt(family):
    drawn = {split: many(family, split, 800) for split in SPLITS}
    trained = {p.content for p in drawn["train"]}
    prompts = [{p.prompt for p in part} for part in drawn.values()]
    assert not any(trained & {p.content for p in drawn[split]} for split in ("heldout", "templates", "longer"))
    assert len(set.union(*prompts)) == sum(map(len, prompts))
    assert max(p.difficulty for p in drawn["train"]) < min(p.difficulty for p in drawn["longer"])


@pytest.mark.parametrize("family", FAMILIES)
def test_held_out_templates_are_new_and_their_words_are_not(family):
    drawn = {split: many(family, split, 800) for split in SPLITS}
    templates = {split: {p.template for p in part} for split, part in drawn.items()}
    assert templates["train"] == templates["heldout"] == templates["longer"]
    assert len(templates["templates"]) >= 2 and not templates["templates"] & templates["train"]
    read = set().union(*(words(said(p)) for p in drawn["train"]))
    for split in ("heldout", "templates", "longer"):
        assert set().union(*(words(said(p)) for p in drawn[split])) <= read


@pytest.mark.parametrize("call", [
    lambda: puzzles.sample(random.Random(0), "algebra"),
    lambda: next(puzzles.puzzles("test", "logic")),
    lambda: puzzles.sample(random.Random(0), "logic", "train", steps=9),
])  # fmt: skip
def test_a_name_or_length_that_does_not_exist_says_what_does(call):
    with pytest.raises(CourseError, match="Choose"):
        call()


# --- guessing ---------------------------------------------------------------------------------------------------------


def _mentions(drawn: Puzzle, choice: str) -> list[int]:
    return [match.start() for match in re.finditer(rf"\b{choice}\b", drawn.prompt)] or [-1]


GUESSES = {
    "first mentioned": lambda p: min(p.choices, key=lambda c: _mentions(p, c)[0]),
    "last mentioned": lambda p: max(p.choices, key=lambda c: _mentions(p, c)[-1]),
    "most mentioned": lambda p: max(p.choices, key=lambda c: (len(_mentions(p, c)), _mentions(p, c))),
    "least mentioned": lambda p: min(p.choices, key=lambda c: (len(_mentions(p, c)), _mentions(p, c))),
}


@pytest.mark.parametrize("family", CLOSED)
def test_guessing_is_near_chance(family):
    """The most frequent answer, a word count and the position of the candidates: at most ten points above chance."""
    known, asked = many(family, "heldout", 3000, seed=1), many(family, "heldout", 2500, seed=2)
    by_style = defaultdict(list)
    for drawn in asked:
        by_style[drawn.template.split(",")[0]].append(drawn)
    reader = make_pipeline(CountVectorizer(ngram_range=(1, 2)), MultinomialNB())
    reader.fit([p.prompt for p in known], [p.reference for p in known])
    for style, part in by_style.items():
        chance = sum(1 / len(p.choices) if p.choices else 1 / 100 for p in part) / len(part)
        answers = [p.reference for p in part]
        scores = {"most frequent": Counter(answers).most_common(1)[0][1] / len(part)}
        scores["words"] = reader.score([p.prompt for p in part], answers)
        if part[0].choices not in ((), ("yes", "no")):
            scores |= {name: sum(guess(p) == p.reference for p in part) / len(part) for name, guess in GUESSES.items()}
        assert all(score <= chance + 0.1 for score in scores.values()), (style, chance, scores)


@unhurried
@given(seeds, splits)
def test_no_box_gives_itself_away_by_how_often_it_is_named(index, split):
    drawn = puzzle("commonsense", split, index)
    if drawn.template.startswith("sizes"):
        named = Counter(re.findall(r"[Tt]he (\w+) box", drawn.prompt))
        (asked,) = re.findall(r"Is the (\w+) box smaller than the (\w+) box\?", drawn.prompt)
        assert [named[box] for box in asked] == [3, 3]


@unhurried
@given(seeds, splits)
def test_comparing_starts_at_the_first_name_of_the_prompt(index, split):
    drawn = puzzle("logic", split, index)
    if drawn.choices != ("yes", "no"):
        assert re.search(NAME, drawn.prompt)[0] == re.search(NAME, drawn.trace)[0]


@pytest.mark.parametrize("family", CLOSED)
def test_chance_is_what_guessing_among_the_choices_gets(family):
    chances = [1 / len(p.choices or range(100)) for p in many(family, "heldout", 2000)]
    assert puzzles.CHANCE[family] == pytest.approx(sum(chances) / len(chances), abs=0.01)


def test_arithmetic_results_are_spread_evenly():
    answers = Counter(p.reference for p in many("arithmetic", "train", 3000))
    assert len(answers) == 100 and max(answers.values()) < 60


# --- what others use --------------------------------------------------------------------------------------------------


@unhurried
@given(seeds, splits, families)
def test_a_puzzle_is_an_item_that_json_can_hold(index, split, family):
    drawn = puzzle(family, split, index)
    item = drawn.item(think=True)
    assert Item.from_json(item.to_json()) == item
    assert (item.task, item.difficulty, item.reference) == (family, drawn.difficulty, drawn.reference)
    assert drawn.answer not in item.messages[0]["content"]


def test_a_target_has_its_reasoning_before_the_answer_or_none():
    drawn = puzzle("tracking", "train", 0)
    assert puzzles.target(drawn, think=True) == f"<think>\n{drawn.trace}\n</think>\n\n{drawn.answer}"
    assert puzzles.target(drawn, think=False) == drawn.answer
    user, assistant = puzzles.messages(drawn, think=False)
    assert user == {"role": "user", "content": drawn.prompt}
    assert assistant == {"role": "assistant", "content": drawn.answer}
