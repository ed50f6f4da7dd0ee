"""What is taken for the answer in a text: each extractor as strict as its name, and none that trips over wild text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.grading import extract, programs
from helpers.grading.extract import (
    announced,
    boxed,
    choice,
    final_number,
    final_text,
    first_number,
    last_number,
    marked,
    normalise,
    without_unit,
)

ANSWERS = [  # text, first_number, last_number, announced, final_number
    ("42", "42", "42", None, "42"),
    (" -1,234.50\n", "-1,234.50", "-1,234.50", None, "-1,234.50"),
    ("42.", "42", "42", None, "42"),
    (r"6 times 7. So \boxed{42}. I checked it 3 times.", "6", "3", "42", "42"),
    (r"\boxed{1}, no: \boxed{\frac{1}{2}}", "1", "2", r"\frac{1}{2}", r"\frac{1}{2}"),
    (r"\boxed{\{1, 2\}}", "1", "2", r"\{1, 2\}", r"\{1, 2\}"),
    (r"It is \boxed{4", "4", "4", None, None),  # cut off: what would have followed?
    ("The answer is 42 apples, that is 3 more than 39.", "42", "39", "42", "42"),
    ("She makes 9 * 2 = $18.\n#### 1,018", "9", "1,018", "1,018", "1,018"),
    ("#### Step 2: 5 cups\nIn all 18 of them.", "2", "18", None, "18"),  # a heading, not GSM8K's marker
    ("**Answer:** 3/4 of the 8 cakes", "3/4", "8", "8", "8"),  # the marked sentence's last number
    ("Answer: 7\nAnswer: 8", "7", "8", "8", "8"),
    ("答案是４２。共有3人。", "42", "3", "42", "42"),
    ("答案：42，因为有3个", "42", "3", "42", "42"),
    ("共42个", "42", "42", None, "42"),
    ("x is −5", "-5", "-5", None, "-5"),
    ("7-4", "7", "4", None, "4"),
    (".5", ".5", ".5", None, ".5"),
    ("6e23", "6e23", "6e23", None, "6e23"),
    ("1,2,3", "1", "3", None, "3"),
    ("The field has 24 m^2, the slope 3 m/s^2, both 5 s^-1.", "24", "5", None, "5"),  # the power of a unit is none
    ("2^10", "2", "10", None, "10"),
    ("version v2 of GPT4", None, None, None, None),
    ("I do not know.", None, None, None, None),
    ("", None, None, None, None),
]


@pytest.mark.parametrize(("text", "first", "last", "told", "final"), ANSWERS)
def test_numbers(text, first, last, told, final):
    assert [extractor(text) for extractor in extract.EXTRACTORS.values()] == [first, last, told, final]


@settings(deadline=None)
@given(st.integers())
def test_every_integer_is_found_by_each_extractor_that_should(n):
    assert first_number(f"{n} it is, not 9") == last_number(f"It is {n}.") == boxed(rf"\boxed{{{n}}}") == str(n)
    text = f"After 3 tries, the answer is {n:,}, not 99."
    assert announced(text) == final_number(text) == f"{n:,}"


@pytest.mark.parametrize(
    ("number", "bare"),
    [
        (r"24\,\text{km}", "24"),
        (r"24\text{ km}^2", "24"),
        (r"6\ \mathrm{m}^2", "6"),
        (r"6~\mathrm{m^2}", "6"),
        (r"9.8\,\text{m}/\text{s}^{2}", "9.8"),
        (r"3\;\text{N}\cdot\text{m}", "3"),
        (r"\frac{\sqrt{2}}{2}\text{ cm}", r"\frac{\sqrt{2}}{2}"),
        ("24 m^2", "24"),
        ("24 m²", "24"),
        ("90 km/h", "90"),
        ("5个", "5"),
        ("3 千米", "3"),
    ],
)
def test_a_unit_at_the_end_is_cut_off(number, bare):
    assert without_unit(number) == bare


@pytest.mark.parametrize(
    "text",
    ["x^2", "2x^2", "m^2", r"\text{B}", r"\text{24}", r"3\text{ or }4", r"7\text{ (or 8)}", r"24\text{ million}"]
    + [r"2\text{ m}\times 3", "5万", "3千", "上海"],
)
def test_what_is_no_unit_stays(text):
    assert without_unit(text) == text


CHOICES = [
    ("B", "B"),
    ("b", "B"),
    ("(B)", "B"),
    ("(B) The falcon", "B"),
    ("B) The falcon", "B"),
    ("The answer is (b).", "B"),
    ("**Final answer: B**", "B"),
    ("The correct answer is option C.", "C"),
    (r"\boxed{\text{(C)}}", "C"),
    ("Answer: B, I think", "B"),
    ("The answer is B because (A) is too small", "B"),
    ("(A) is out, (B) is out.\nSo it must be (C).", "C"),
    ("答案：Ｂ", "B"),
    ("故选C。", "C"),
    ("答案是B选项", "B"),
    ("A or B", None),
    ("Answer: (A) or (B)", None),
    ("Answer: A and C", None),
    ("答案是A或B", None),
    ("A falcon is a bird", None),
    ("I am not sure", None),
    ("", None),
]


@pytest.mark.parametrize(("text", "letter"), CHOICES)
def test_choices(text, letter):
    assert choice(text) == letter


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Omar", "Omar"),
        ("First this.\n\nThen Omar.\n", "Then Omar."),
        ("The answer is the red ball. It is not the blue one.", "the red ball"),
        ("Final answer:\nOmar", "Omar"),
        ("答案是北京。上海不对。", "北京"),
        ("The answer is", "The answer is"),
        (" \n", None),
    ],
)
def test_short_texts(text, words):
    assert final_text(text) == words


def test_what_is_announced_ends_with_its_sentence():
    assert marked("The answer is 3.5 km. Then 4.") == "3.5 km"
    assert marked("No marker here") is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The Red  Ball.", "red ball"),
        ("“Omar”", "omar"),
        ("Ｏｍａｒ！", "Omar"),
        ("Ada, Ben, Cara", "ada ben cara"),
        ("东北、西南。", "东北，西南"),
        ("北 京", "北京"),
        (r"\text{Yes}", "yes"),
        ("] ) }", "])}"),
    ],
)
def test_what_counts_as_the_same_text(one, other):
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(
    ("one", "other"), [("3.5", "35"), ("-5", "5"), ("])}", "])]"), ("Ada Ben", "Ben Ada"), ("a", "")]
)
def test_what_does_not(one, other):
    assert normalise(one) != normalise(other)


#: Those that leave nothing to math-verify, which takes its time with wild text.
EXTRACTORS = (first_number, boxed, last_number, choice, final_text, normalise, without_unit, programs.code)


@settings(deadline=None)
@given(st.text() | st.text("0123456789,.-/eE \\boxed{}()ABanswer is:#\n选答案是。，"))
def test_no_text_breaks_an_extractor(text):
    for extractor in EXTRACTORS:
        extractor(text)


def test_long_texts_take_no_time():
    for text in (
        "1" * 200_000,
        "1,111" * 40_000,
        "{" * 200_000,
        r"\boxed{" * 30_000,
        "answer " * 30_000,
        "```\n" * 50_000,
        r"1\text{ km" * 30_000,
        r"1\text{m}/" * 30_000,
        "1" + " " * 200_000 + ".",
        "1 m" * 60_000,
        "1" + "个" * 100_000 + ".",
    ):
        for extractor in EXTRACTORS:
            extractor(text)


FUNCTION = "def double(x):\n    return 2 * x\n"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (FUNCTION, FUNCTION.strip()),
        (f"Here:\n```python\n{FUNCTION}```\nDone.", FUNCTION),
        (f"```\n{FUNCTION}```", FUNCTION),
        (f"```py\n{FUNCTION}", FUNCTION),  # cut off
        (f"```bash\npip install x\n```\n```python\n{FUNCTION}```", FUNCTION),
        (f"1. First\n   ```python\n   {FUNCTION.replace(chr(10), chr(10) + '   ')}\n   ```", FUNCTION + "\n"),
        ("```bash\nls\n```", None),
        ("I cannot do that.", None),
        ("", None),
    ],
)
def test_code(answer, code):
    assert programs.code(answer) == code


PROMPT = 'import math\n\n\ndef helper(x):\n    return x\n\n\ndef area(r):\n    """Area of a circle."""\n'


@pytest.mark.parametrize(
    "answer",
    [
        "    r = abs(r)\n    return math.pi * r**2\n",  # a continuation
        "    r = abs(r)\n    return math.pi * r**2\n\nprint(area(3))\nThat is it.",  # that does not stop
        "r = abs(r)\n    return math.pi * r**2",  # stripped
        "r = abs(r)\nreturn math.pi * r**2",  # without its indentation
        "if r:\n    pass\nreturn math.pi * r**2",
        "if r:\n        pass\n    return math.pi * r**2",
        "for _ in range(1):\n    return math.pi * r**2",
        "def area(r):\n    return math.pi * r**2",  # the whole function
        "import math\ndef area(r: float):\n    return math.pi * helper(r)**2",
    ],
)
def test_a_function_is_completed(answer):
    namespace = {}
    exec(programs.complete(PROMPT, "area", answer), namespace)  # the answers above, no model's
    assert namespace["area"](2) == pytest.approx(12.566, abs=1e-3)


def test_a_body_keeps_its_blank_lines():
    namespace = {}
    exec(programs.complete("def text():\n", "text", '    return """a\n\n    b"""\n'), namespace)  # no model's
    assert namespace["text"]() == "a\n\n    b"


def test_extractors_have_names():
    assert list(extract.EXTRACTORS) == ["first_number", "last_number", "announced", "final_number"]
