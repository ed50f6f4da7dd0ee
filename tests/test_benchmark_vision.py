"""The question sets about pictures, in both languages: well-formed, varied, and every reference computed."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import fields
from fractions import Fraction
from functools import lru_cache
from itertools import combinations

import pytest
from benchmark.pictures import CHINESE, SEED, meaning
from benchmark.vision_answers import answers
from benchmark.vision_description import facts

from helpers.grading import grade
from helpers.profiles import root
from helpers.tasks import Item, load_items
from helpers.world_pictures import resolve

FOLDER = root() / "data" / "benchmark"
TASKS, LANGUAGES = ("description", "analysis", "vqa"), ("en", "zh")
ITEMS = {(task, code): load_items(FOLDER / f"{task}_{code}.jsonl") for task in TASKS for code in LANGUAGES}
EVERY = [item for items in ITEMS.values() for item in items]
HAN = re.compile(r"[\u4e00-\u9fff]")
ABSENT = {"en": "not there", "zh": "没有"}
#: The last line of a prompt, which says how to answer.
INSTRUCTION = {
    "en": {
        "number": r"Give only the final number in \\boxed\{\}\.",
        "choice": r"Answer with one letter, A, B, C or D\.",
        "exact": r"Give .* alone on the last line\.|Answer with a word or two, or a number, and nothing else; if .*\.",
        "anls": r"Answer with a word or two, .*\.",
        "relaxed": r"Give only the number on the last line\.|Answer with a word or two, .*\.",
        "json": r"Reply with the JSON object only\.",
        "fields": r"(Write|Begin|Name|Give|Copy|End|Use) .*Plain text, no Markdown\.",
    },
    "zh": {
        "number": r"把最后的数字写在 \\boxed\{\} 里。",
        "choice": r"只回答一个字母（A、B、C 或 D）。",
        "exact": r"只回答.*。|只用一个词或数字回答；如果.*。",
        "anls": r"只用一个词或数字回答；.*。",
        "relaxed": r"最后一行只写数字。|只用一个词或数字回答；.*。",
        "json": r"只回答这个 JSON 对象。",
        "fields": r".*(写|照抄|结尾).*不要用 Markdown。",
    },
}

each = pytest.mark.parametrize("item", [pytest.param(item, id=item.id) for item in EVERY])
each_set = pytest.mark.parametrize(("task", "language"), ITEMS)


def parts(item: Item) -> list[dict]:
    (message,) = item.messages
    assert message["role"] == "user"
    return message["content"]


def urls(item: Item) -> list[str]:
    return [part["image_url"]["url"] for part in parts(item) if part["type"] == "image_url"]


def prompt(item: Item) -> str:
    return parts(item)[-1]["text"]


def number(item: Item) -> str:
    """The id without its language: both languages ask about one picture under one number."""
    return item.id.replace(f"-{item.language}-", "-")


@each_set
def test_a_set_has_items_numbered_in_order_a_third_of_each_difficulty(task, language):
    items = ITEMS[task, language]
    assert len(items) >= 32
    assert [item.id for item in items] == [f"{task}-{language}-{n:03d}" for n in range(1, len(items) + 1)]
    assert all((item.task, item.language) == (task, language) for item in items)
    assert all(item.source == "written for this course" and item.meta["topic"] for item in items)
    count = Counter(item.difficulty for item in items)
    assert set(count) == {1, 2, 3} and all(0.3 <= n / len(items) <= 0.36 for n in count.values())


@each_set
def test_lines_hold_the_fields_in_the_order_of_the_class(task, language):
    lines = (FOLDER / f"{task}_{language}.jsonl").read_text(encoding="utf-8").splitlines()
    assert all(list(json.loads(line)) == [field.name for field in fields(Item)] for line in lines)


@each
def test_a_prompt_ends_by_saying_how_to_answer(item):
    question, _, last_line = prompt(item).rpartition("\n")
    assert re.fullmatch(INSTRUCTION[item.language][item.grader], last_line)
    assert len(HAN.findall(question)) >= 8 if item.language == "zh" else len(question.split()) >= 6
    assert (item.language == "zh") == bool(HAN.search(question))


@each
def test_several_pictures_are_numbered_and_stand_before_the_question(item):
    shown = [part.get("text", part["type"]) for part in parts(item)[:-1]]
    label = "Picture {}:" if item.language == "en" else "图 {}："
    numbered = [text for n in range(1, len(urls(item)) + 1) for text in (label.format(n), "image_url")]
    assert shown == (numbered if len(urls(item)) > 1 else ["image_url"])


@lru_cache
def drawn(url: str) -> tuple[int, int]:
    return resolve(url).size


@each
def test_every_picture_can_be_drawn_at_a_size_that_large_models_take(item):
    assert urls(item) and all(re.match(rf"world://\w+/heldout/{SEED}/\d+", url) for url in urls(item))
    assert all(min(drawn(url)) >= 128 and 60_000 <= drawn(url)[0] * drawn(url)[1] <= 900_000 for url in urls(item))


def test_both_languages_ask_about_the_same_pictures():
    for task in TASKS:
        for one, other in zip(ITEMS[task, "en"], ITEMS[task, "zh"], strict=True):
            assert (urls(one), one.grader, one.difficulty) == (urls(other), other.grader, other.difficulty)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_prompts_are_alike(language):
    """Pieces of five words (characters in Chinese) of the questions without their last lines, as a share of all."""

    def pieces(item):
        text = prompt(item).rpartition("\n")[0].casefold()
        body = re.findall(r"\w+", text) if language == "en" else re.findall(r"\w", text)
        return {tuple(body[i : i + 5]) for i in range(len(body) - 4)}

    seen = {item.id: pieces(item) for item in EVERY if item.language == language}
    alike = {(a, b): len(seen[a] & seen[b]) / len(seen[a] | seen[b]) for a, b in combinations(seen, 2)}
    nearest = max(alike, key=alike.get)
    assert alike[nearest] < 0.2, nearest


def test_no_picture_is_asked_about_twice_in_one_set():
    for items in ITEMS.values():
        most = Counter(tuple(re.sub(r"\?.*", "", url) for url in urls(item)) for item in items).most_common(1)
        assert most[0][1] == 1, most


def test_the_readme_names_every_file_and_how_it_is_verified():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"| `{task}` |" in text for task in TASKS) and "helpers/world_pictures.py" in text


# References


def test_every_item_is_computed():
    due = [item for item in EVERY if item.task == "description"]
    assert {number(item) for item in due} == facts.keys()
    assert {number(item) for item in EVERY if item not in due} == answers.keys()


def said(value: object, item: Item) -> str:
    """A computed answer in the words of the item's language."""
    if value is None:
        return ABSENT[item.language]
    if isinstance(value, Fraction):
        return f"{float(value):g}"
    if isinstance(value, dict):
        return json.dumps(value)
    if item.language == "en" or item.grader == "choice":
        return str(value)
    words = str(value).split()
    return "".join(CHINESE[word] for word in words) if all(word in CHINESE for word in words) else str(value)


@pytest.mark.parametrize("item", [pytest.param(i, id=i.id) for i in EVERY if i.task != "description"])
def test_the_reference_is_what_the_computation_gives(item):
    text = said(answers[number(item)](), item)
    assert grade(item, text).outcome == "correct", f"computed {text}, reference {item.reference}"


@pytest.mark.parametrize("item", [pytest.param(i, id=i.id) for i in EVERY if i.task == "description"])
def test_every_accepted_phrase_says_what_is_computed_and_nothing_else(item):
    computed = facts[number(item)]()
    assert item.reference.keys() == computed.keys()
    for field, phrases in item.reference.items():
        true = meaning(computed[field][LANGUAGES.index(item.language)], item.language)
        assert all(meaning(phrase, item.language) == true for phrase in phrases), (field, true, phrases)
        assert len(phrases) == len(set(phrases))


@each
def test_the_grader_takes_the_sample_and_not_the_near_miss(item):
    assert grade(item, item.meta["sample"]).outcome == "correct", grade(item, item.meta["sample"]).detail
    missed = grade(item, item.meta["near_miss"])
    assert missed.outcome == "incorrect"
    if item.grader == "fields":
        assert missed.score == pytest.approx(1 - 1 / len(item.reference)), missed.detail


@pytest.mark.parametrize("item", [pytest.param(i, id=i.id) for i in EVERY if i.grader == "choice"])
def test_the_grader_takes_one_of_four_different_options(item):
    options = re.findall(r"^([A-D])[).] (.+)$", prompt(item), re.MULTILINE)
    assert [letter for letter, _ in options] == list("ABCD") and len({text for _, text in options}) == 4
    assert [a for a in "ABCD" if grade(item, f"**{a}**").outcome == "correct"] == [item.reference]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_letter_is_right_more_often_than_another(language):
    letters = Counter(item.reference for item in ITEMS["analysis", language] if item.grader == "choice")
    assert set(letters) == set("ABCD") and max(letters.values()) - min(letters.values()) <= 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_fifth_of_the_short_questions_asks_about_what_is_not_there(language):
    items = ITEMS["vqa", language]
    absent = [item for item in items if answers[number(item)]() is None]
    assert 0.18 <= len(absent) / len(items) <= 0.3
    assert {item.difficulty for item in absent} == {1, 2, 3}
    assert all(ABSENT[language] in prompt(item).rpartition("\n")[2] for item in items)
