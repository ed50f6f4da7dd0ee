"""The tokenizer of the Qwen-like models: Qwen2's rules, lossless, reproducible, and templates that render exactly."""

import re
import subprocess
import sys
import unicodedata

import pytest
import transformers
from courses import ROOT, clean_environment
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from transformers import AutoTokenizer, Qwen2Tokenizer

from helpers.worlds import puzzles
from recipes import qwen_tokenizer as recipe

FOLDER = ROOT / "data" / "tokenizer" / "qwen"
TOKENIZER = AutoTokenizer.from_pretrained(FOLDER)
ANY_TEXT = st.text() | st.text("abc 123\n\t'.,你好é<|>/_", max_size=40)
LINE = st.text(st.characters(codec="utf-8", exclude_characters="<\n\r"), max_size=30)  # no mark, no line break
QUESTION = {"role": "user", "content": "2 + 2 = ?"}
ASKED = "<|im_start|>user\n2 + 2 = ?<|im_end|>\n<|im_start|>assistant\n"


def ids(text: str) -> list[int]:
    return TOKENIZER(text).input_ids


def render(messages: list[dict], **more) -> str:
    return TOKENIZER.apply_chat_template(messages, tokenize=False, **more)


@given(ANY_TEXT)
@settings(deadline=None)
def test_any_text_comes_back(text):
    assert TOKENIZER.decode(ids(text), skip_special_tokens=False) == unicodedata.normalize("NFC", text)


@given(st.text("0123456789٣५٧ .,-+a", max_size=30))
@settings(deadline=None)
def test_every_digit_is_a_token_of_its_own(text):
    for token in ids(text):
        piece = TOKENIZER.decode([token])
        assert not any(c.isdigit() and c.isascii() for c in piece) or len(piece) == 1


@given(ANY_TEXT)
@settings(deadline=None)
def test_text_is_split_as_qwen2_splits_it(text):
    ours = TOKENIZER.backend_tokenizer
    qwens = Qwen2Tokenizer(vocab={}, merges=[]).backend_tokenizer
    assert ours.normalizer.normalize_str(text) == qwens.normalizer.normalize_str(text)
    assert ours.pre_tokenizer.pre_tokenize_str(text) == qwens.pre_tokenizer.pre_tokenize_str(text)


def test_special_tokens_are_one_id_each_at_the_end():
    all_special = [*recipe.SPECIAL, *recipe.MARKS]
    found = [ids(token) for token in all_special]
    assert found == [[2048 - len(all_special) + i] for i in range(len(all_special))] and len(TOKENIZER) == 2048
    text = "".join(all_special)
    assert TOKENIZER.decode(ids(text), skip_special_tokens=True) == "<think></think>"
    assert (TOKENIZER.eos_token, TOKENIZER.pad_token, TOKENIZER.bos_token) == ("<|im_end|>", "<|endoftext|>", None)


@pytest.mark.parametrize("family", ["Qwen2_5_VL", "Qwen3VL"])
def test_the_processors_of_qwen_find_their_tokens(family):
    images = transformers.Qwen2VLImageProcessor(min_pixels=56 * 56)
    videos = {"Qwen2_5_VL": "Qwen2VLVideoProcessor", "Qwen3VL": "Qwen3VLVideoProcessor"}[family]
    processor = getattr(transformers, f"{family}Processor")(images, TOKENIZER, getattr(transformers, videos)())
    made = processor(text=["<|vision_start|><|image_pad|><|vision_end|>?"], images=[Image.new("RGB", (56, 56))])
    start, pad, end, asked = (ids(text)[0] for text in ("<|vision_start|>", "<|image_pad|>", "<|vision_end|>", "?"))
    assert made.input_ids[0] == [start, *[pad] * 4, end, asked]  # 4 × 4 patches, merged two by two


def test_training_again_in_another_process_gives_the_same_bytes(tmp_path):
    """Twice, with other hash seeds: what is committed can be made again."""
    code = "import sys; from recipes.qwen_tokenizer import *; train([*corpus().values()]).save_pretrained(sys.argv[1])"
    for seed in ("1", "2"):
        env = clean_environment(ROOT, PYTHONHASHSEED=seed)
        subprocess.run([sys.executable, "-c", code, str(tmp_path / seed)], env=env, check=True)
        for file in FOLDER.iterdir():
            assert (tmp_path / seed / file.name).read_bytes() == file.read_bytes(), file.name


def test_the_training_text_covers_all_chapters():
    """How much text a token holds falls below two bytes where words had to be spelt out."""
    for name, text in recipe.corpus().items():
        some = text[:4000]
        assert len(some.encode()) / len(ids(some)) > 2, name


def test_words_of_the_puzzles_are_whole():
    """Also in problems that no training text has: a trace costs about a token a word."""
    drawn = [puzzle for family in puzzles.FAMILIES for puzzle in puzzles.puzzles("templates", family, 20)]
    words = {word for puzzle in drawn for word in re.findall(" [A-Za-z]+", f"{puzzle.prompt} {puzzle.trace}")}
    whole = [word for word in words if len(ids(word)) == 1]
    assert len(whole) > 0.9 * len(words) > 100


def test_the_prompt_opens_the_thinking_or_skips_it():
    assert render([QUESTION], add_generation_prompt=True) == ASKED + "<think>\n"
    assert render([QUESTION], add_generation_prompt=True, enable_thinking=True) == ASKED + "<think>\n"
    direct = render([QUESTION], add_generation_prompt=True, enable_thinking=False)
    assert direct == ASKED + "<think>\n\n</think>\n\n"


def test_nothing_is_said_that_nobody_said():
    """Qwen2.5's template puts a system prompt in where there is none; DeepSeek advises against any."""
    system = {"role": "system", "content": "Answer in one word."}
    assert render([QUESTION]) == "<|im_start|>user\n2 + 2 = ?<|im_end|>\n"
    assert render([system, QUESTION]) == "<|im_start|>system\nAnswer in one word.<|im_end|>\n" + render([QUESTION])


def test_earlier_turns_lose_their_thinking():
    first, second = ({"role": "assistant", "content": f"<think>\n{n} things.\n</think>\n\n{n}"} for n in (4, 6))
    text = render([QUESTION, first, {"role": "user", "content": "And 3 + 3?"}, second])
    assert "4 things." not in text and ASKED + "4<|im_end|>\n" in text
    assert text.endswith("<|im_start|>assistant\n<think>\n6 things.\n</think>\n\n6<|im_end|>\n")


@given(LINE, LINE)
@settings(deadline=None)
def test_a_turn_to_train_on_continues_its_prompt(trace, answer):
    """In tokens, too: what a model is trained to continue is exactly what it will be asked to continue."""
    trace, answer = f"So{trace}", f"A{answer}"
    inline = {"role": "assistant", "content": f"<think>\n{trace}\n</think>\n\n{answer}"}
    apart = {"role": "assistant", "reasoning_content": trace, "content": answer}
    assert render([QUESTION, inline]) == render([QUESTION, apart])
    for thinks, turn in ((True, inline), (False, {"role": "assistant", "content": answer})):
        prompt = render([QUESTION], add_generation_prompt=True, enable_thinking=thinks)
        whole = render([QUESTION, turn])
        assert whole.startswith(prompt) and ids(whole)[: len(ids(prompt))] == ids(prompt)


@pytest.mark.parametrize(
    ("generated", "thinks", "reasoning", "content"),
    [
        ("Two and two.\n</think>\n\n4<|im_end|>", True, "Two and two.", "4"),
        ("Two\n\nand two.</think>4", True, "Two\n\nand two.", "4"),
        ("4<|im_end|>", False, None, "4"),
        ("Two and", True, "Two and", None),  # cut off while thinking
        ("\n</think>\n\n<|im_end|>", True, None, None),  # neither a thought nor an answer
    ],
)
def test_replies_are_taken_apart(generated, thinks, reasoning, content):
    prompt = render([QUESTION], add_generation_prompt=True, enable_thinking=thinks)
    parsed = TOKENIZER.parse_response(generated, prefix=prompt)
    assert (parsed.get("reasoning_content"), parsed.get("content")) == (reasoning, content)


def test_nothing_is_streamed_before_the_model_has_said_something():
    for thinks in (True, False):
        prompt = render([QUESTION], add_generation_prompt=True, enable_thinking=thinks)
        events = TOKENIZER.get_response_parser(prefix=prompt).initial_events
        assert not [event for event in events if event["type"] == "region_chunk"]
