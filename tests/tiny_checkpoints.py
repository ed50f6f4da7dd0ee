"""Checkpoints for tests that need a real model's class and files, but not a trained model: written in a moment."""

from __future__ import annotations

from pathlib import Path

from courses import ROOT

THINKS = "Let me think now"


def load_tokenizer():
    """The tokenizer of the Qwen-like models."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(ROOT / "data" / "tokenizer" / "qwen")


def write_checkpoint(folder: Path, answer: str) -> None:
    """A ``Qwen2ForCausalLM`` that says "Let me think now</think>" and the answer; asked not to think, the answer alone.

    Its weights are written by hand: each token makes one other the most likely by far.
    """
    from transformers import GenerationConfig, Qwen2Config, Qwen2ForCausalLM

    tokenizer = load_tokenizer()
    config = Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, tie_word_embeddings=False, max_position_embeddings=512,
    )  # fmt: skip
    model = Qwen2ForCausalLM(config)
    _teach(model, "model", tokenizer(f"\n{THINKS}</think>\n\n{answer}<|im_end|>").input_ids)
    model.generation_config = GenerationConfig(
        do_sample=True, temperature=0.6, top_p=0.95, eos_token_id=tokenizer.eos_token_id, pad_token_id=0
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def write_qwen_vl(folder: Path, family: str, answer: str = "a red star", context: int = 1024) -> None:
    """A Qwen2.5-VL ("qwen2_5_vl") or Qwen3-VL ("qwen3_vl") of the real classes, processors and chat templates.

    Both say the answer whatever they are shown; Qwen3-VL thinks before it, and closes ``</think>``, whether or not its
    template has opened it. A picture without limits becomes 1 to 64 tokens.
    """
    import transformers

    thinks = family == "qwen3_vl"
    processor = load_qwen_vl_processor(family)
    tokenizer = processor.tokenizer
    text = dict(vocab_size=len(tokenizer), hidden_size=64, intermediate_size=64, num_hidden_layers=1,
                num_attention_heads=2, num_key_value_heads=1, head_dim=32, tie_word_embeddings=False,
                max_position_embeddings=context, bos_token_id=None, eos_token_id=tokenizer.eos_token_id)  # fmt: skip
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 6, 6]}
    vision = dict(depth=1, hidden_size=64, intermediate_size=64, num_heads=2, out_hidden_size=64)
    names = {"image_token_id": "<|image_pad|>", "video_token_id": "<|video_pad|>",
             "vision_start_token_id": "<|vision_start|>", "vision_end_token_id": "<|vision_end|>"}  # fmt: skip
    ids = {name: tokenizer.convert_tokens_to_ids(token) for name, token in names.items()}
    if thinks:
        text["rope_parameters"] = rope | {"mrope_interleaved": True}
        vision |= {"num_position_embeddings": 64, "deepstack_visual_indexes": [0]}
        config = transformers.Qwen3VLConfig(text_config=text, vision_config=vision, **ids)
        model = transformers.Qwen3VLForConditionalGeneration(config)
    else:
        text["rope_parameters"] = rope
        vision |= {"fullatt_block_indexes": [0], "tokens_per_second": 2}
        config = transformers.Qwen2_5_VLConfig(text_config=text, vision_config=vision, **ids)
        model = transformers.Qwen2_5_VLForConditionalGeneration(config)
    said = f"{THINKS}</think>\n\n{answer}" if thinks else answer
    _teach(model, "model.language_model", tokenizer(f"\n{said}<|im_end|>").input_ids)
    ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": 0}
    model.generation_config = transformers.GenerationConfig(do_sample=False, **ends)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def load_qwen_vl_processor(family: str):
    """The processor of a family at 1 to 64 tokens a picture; a token is 28 × 28 pixels for Qwen2.5-VL, 32 × 32 else."""
    import transformers

    tokenizer = load_tokenizer()
    template = ROOT / "data" / "tokenizer" / "chat_templates" / f"{family}.jinja"
    tokenizer.chat_template = template.read_text(encoding="utf-8")
    patch = 16 if family == "qwen3_vl" else 14
    size = {"shortest_edge": (2 * patch) ** 2, "longest_edge": 64 * (2 * patch) ** 2}
    images = transformers.Qwen2VLImageProcessor(patch_size=patch, size=size)
    if family == "qwen3_vl":
        videos = transformers.Qwen3VLVideoProcessor(patch_size=patch, size=size | {"longest_edge": 1024**2})
        return transformers.Qwen3VLProcessor(images, tokenizer, videos, chat_template=tokenizer.chat_template)
    videos = transformers.Qwen2VLVideoProcessor(size=size)
    return transformers.Qwen2_5_VLProcessor(images, tokenizer, videos, chat_template=tokenizer.chat_template)


def _teach(model, language_model: str, said: list[int]) -> None:
    """Make each token of ``said`` be followed by the next; the only layer is silenced: only the last token counts."""
    import torch

    torch.manual_seed(0)
    state = model.state_dict()
    for name in ("self_attn.o_proj", "mlp.down_proj"):
        state[f"{language_model}.layers.0.{name}.weight"].zero_()
    embeddings, head = state[f"{language_model}.embed_tokens.weight"].normal_(), state["lm_head.weight"].zero_()
    for token, following in zip(said, said[1:]):
        head[following] = embeddings[token]
