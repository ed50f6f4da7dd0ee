"""Which tokens are trained on, in Qwen's own templates."""

from __future__ import annotations

import pytest
from tiny_checkpoints import load_qwen_vl_processor, load_tokenizer

from helpers.finetune.masks import label_mask, replies

THOUGHT = "<think>\nA dark wedge.\n</think>\n\n"


@pytest.fixture(scope="module")
def tokenizer():
    return load_qwen_vl_processor("qwen3_vl").tokenizer


def trained(tokenizer, text, **how):
    ids = tokenizer(text).input_ids
    return tokenizer.decode([i for i, on in zip(ids, label_mask(ids, tokenizer, **how)) if on])


def chat(*turns):
    return "".join(f"<|im_start|>{role}\n{said}<|im_end|>\n" for role, said in turns)


def test_a_reply_is_trained_on_to_its_end_and_nothing_else(tokenizer):
    text = chat(("system", "Be short."), ("user", "What is shown?"), ("assistant", "An infarct."))
    assert trained(tokenizer, text) == "An infarct.<|im_end|>"


def test_of_a_thought_all_but_its_opening_line(tokenizer):
    text = chat(("user", "What?"), ("assistant", THOUGHT + "An infarct."))
    assert trained(tokenizer, text) == "A dark wedge.\n</think>\n\nAn infarct.<|im_end|>"
    assert trained(tokenizer, text, train_on_thinking=False) == "An infarct.<|im_end|>"


def test_what_is_trained_on_is_what_the_template_leaves_to_the_model(tokenizer):
    """Prompt and reply, joined: the prompt with an open thought is exactly what is not trained on."""
    question = {"role": "user", "content": "What?"}
    for reply, thinking in ((THOUGHT + "An infarct.", True), ("An infarct.", False)):
        whole = tokenizer.apply_chat_template([question, {"role": "assistant", "content": reply}], tokenize=False)
        prompt = tokenizer.apply_chat_template(
            [question], tokenize=False, add_generation_prompt=True, enable_thinking=thinking
        )
        ids, given = tokenizer(whole).input_ids, tokenizer(prompt).input_ids
        assert ids[: len(given)] == given
        mask = label_mask(ids, tokenizer)
        assert not any(mask[: len(given)]) and all(mask[len(given) : -1]) and not mask[-1]


def test_every_reply_or_the_last_one_alone(tokenizer):
    text = chat(("user", "A?"), ("assistant", "one"), ("user", "B?"), ("assistant", "two"))
    assert trained(tokenizer, text) == "one<|im_end|>two<|im_end|>"
    assert trained(tokenizer, text, last_only=True) == "two<|im_end|>"


def test_an_empty_thought_is_trained_on(tokenizer):
    """Two line breaks are one token, so nothing of it is what the template opens but ``<think>``."""
    text = chat(("user", "What?"), ("assistant", "<think>\n\n</think>\n\nnone"))
    assert trained(tokenizer, text) == "\n\n</think>\n\nnone<|im_end|>"
    assert trained(tokenizer, text, train_on_thinking=False) == "none<|im_end|>"


def test_a_reply_that_was_cut_off(tokenizer):
    ids = tokenizer(chat(("user", "What?"), ("assistant", THOUGHT + "An infarct."))).input_ids
    start = replies(ids, tokenizer)[0][0]
    assert replies(ids[: start + 4], tokenizer) == [(start, start + 4)]
    assert sum(label_mask(ids[: start + 4], tokenizer)) == 2  # behind <think> and its line break
    assert not any(label_mask(ids[: start + 4], tokenizer, train_on_thinking=False))
    assert replies(ids[: start - 1], tokenizer) == [] and not any(label_mask(ids[:start], tokenizer))


def test_the_user_who_talks_of_the_assistant_is_not_trained_on(tokenizer):
    assert trained(tokenizer, chat(("user", "assistant\nsays"), ("assistant", "no"))) == "no<|im_end|>"


def test_a_tokenizer_without_thoughts(tokenizer):
    """``<think>`` in pieces is text like any other."""

    class Plain:
        unk_token_id = None

        def __init__(self, inner):
            self.inner = inner

        def convert_tokens_to_ids(self, token):
            return None if "think" in token else self.inner.convert_tokens_to_ids(token)

        def __call__(self, text, **how):
            return self.inner(text, **how)

    ids = tokenizer(chat(("user", "What?"), ("assistant", "<think>\nx\n</think>\n\nnone"))).input_ids
    start, stop = replies(ids, tokenizer)[0]
    assert label_mask(ids, Plain(tokenizer)) == [start <= i < stop for i in range(len(ids))]


def test_it_takes_tensors():
    import torch

    tokenizer = load_tokenizer()
    ids = tokenizer(chat(("user", "What?"), ("assistant", "none"))).input_ids
    assert label_mask(torch.tensor(ids), tokenizer) == label_mask(ids, tokenizer)
