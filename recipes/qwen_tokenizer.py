"""Train the one tokenizer of all Qwen-like nano models: ``python -m recipes.qwen_tokenizer``.

Byte-level BPE by Qwen2's rules (NFC, Qwen2's pattern, every digit alone) with Qwen's special tokens, so that the real
processors of Qwen2.5-VL, Qwen3-VL and Qwen2.5-Omni find what they look for. A small vocabulary keeps the embeddings
small: at 128 wide, 2,048 rows are 0.26 M parameters, where Qwen's 151,936 would be 19 M.

It is trained once, before the first checkpoint, on the committed text in ``data/tokenizer/corpus``: a checkpoint is
worth nothing without the very vocabulary it was trained with. Of that text ``worlds.txt`` is a sample of what the
synthetic worlds say in their training splits; ``python -m recipes.qwen_tokenizer worlds`` draws it again.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import Qwen2Tokenizer

from helpers.files import write_text
from helpers.profiles import root

VOCABULARY = 2048  # all tokens together; a multiple of 64
SPECIAL = (
    # Qwen2.5-VL and Qwen3-VL, in Qwen's order
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>",
    "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
    "<|image_pad|>", "<|video_pad|>",
    # Qwen2.5-Omni's own names
    "<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>", "<|IMAGE|>", "<|VIDEO|>", "<|vision_bos|>", "<|vision_eos|>",
)  # fmt: skip
MARKS = ("<think>", "</think>")  # one token each, yet text that a decoder keeps, as with Qwen3 and R1

#: How transformers, and with it ``transformers serve``, takes a reply apart. The white space around a mark belongs to
#: it: otherwise a server would stream the "\n" of the prompt's "<think>\n" before the model has said anything, and a
#: client would take that for the first token.
RESPONSE_TEMPLATE = {
    "defaults": {"role": "assistant"},
    "start_anchor": "<|im_start|>assistant\n",
    "fields": {
        "reasoning_content": {"open_pattern": r"<think>\s*", "close_pattern": r"\s*</think>\s*", "content": "text"},
        "content": {"close_pattern": r"\s*(?:<\|im_end\|>|<\|endoftext\|>)", "content": "text"},
    },
}


def folder(name: str) -> Path:
    return root() / "data" / "tokenizer" / name


def corpus() -> dict[str, str]:
    """The committed texts by name, in a fixed order."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder("corpus").glob("*.txt"))}


def worlds_text(n: int = 100) -> str:
    """What the worlds say: ``n`` training puzzles of each family, ``4 n`` captions of scenes and as many questions."""
    from helpers.worlds import puzzles, scenes

    rng = random.Random("tokenizer")
    lines = [rng.choice(scenes.captions(scene)) for scene in scenes.scenes("train", 4 * n)]
    lines += [f"{question.text} {question.answer}" for _, question in scenes.questions("train", 4 * n)]
    for family in puzzles.FAMILIES:
        for puzzle in puzzles.puzzles("train", family, n):
            lines.append(f"\nuser\n{puzzle.prompt}\nassistant\n{puzzle.trace}\n{puzzle.answer}")  # as in ChatML
    return "\n".join(dict.fromkeys(lines)) + "\n"


def train(texts: list[str]) -> Qwen2Tokenizer:
    """A tokenizer of exactly VOCABULARY tokens; the same texts give the same one in every process."""
    rules = Qwen2Tokenizer(vocab={}, merges=[]).backend_tokenizer
    bpe = Tokenizer(models.BPE())
    bpe.normalizer, bpe.pre_tokenizer = rules.normalizer, rules.pre_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(SPECIAL) - len(MARKS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    learned = json.loads(bpe.to_str())["model"]
    tokenizer = Qwen2Tokenizer(
        vocab=learned["vocab"], merges=[tuple(pair) for pair in learned["merges"]],
        extra_special_tokens=list(SPECIAL), response_template=RESPONSE_TEMPLATE, model_max_length=32768,
    )  # fmt: skip
    tokenizer.add_tokens(list(MARKS))
    tokenizer.eos_token = "<|im_end|>"
    tokenizer.chat_template = (folder("chat_templates") / "r1.jinja").read_text(encoding="utf-8")
    return tokenizer


def main(arguments: list[str]) -> None:
    """Train on the committed text, save to ``data/tokenizer/qwen``, and print how much text a token holds."""
    if arguments == ["worlds"]:
        write_text(folder("corpus") / "worlds.txt", worlds_text())
        return
    texts = corpus()
    tokenizer = train(list(texts.values()))
    tokenizer.save_pretrained(folder("qwen"))
    print(f"{len(tokenizer)} tokens in {folder('qwen')}; bytes of text per token:")
    for name, text in texts.items():
        print(f"  {name:10} {len(text.encode()) / len(tokenizer.backend_tokenizer.encode(text)):.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])
