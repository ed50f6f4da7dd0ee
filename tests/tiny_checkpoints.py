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
    import torch
    from transformers import GenerationConfig, Qwen2Config, Qwen2ForCausalLM

    tokenizer = load_tokenizer()
    config = Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, tie_word_embeddings=False, max_position_embeddings=512,
    )  # fmt: skip
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(config)
    state = model.state_dict()
    for name in ("self_attn.o_proj", "mlp.down_proj"):  # the layer adds nothing: only the last token counts
        state[f"model.layers.0.{name}.weight"].zero_()
    embeddings, head = state["model.embed_tokens.weight"].normal_(), state["lm_head.weight"].zero_()
    said = tokenizer(f"\n{THINKS}</think>\n\n{answer}<|im_end|>").input_ids
    for token, following in zip(said, said[1:]):
        head[following] = embeddings[token]
    model.generation_config = GenerationConfig(
        do_sample=True, temperature=0.6, top_p=0.95, eos_token_id=tokenizer.eos_token_id, pad_token_id=0
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def write_vision_checkpoint(folder: Path) -> None:
    """A model that takes pictures; it was never trained, so what it says means nothing."""
    import transformers

    tokenizer = load_tokenizer()
    text = dict(vocab_size=len(tokenizer), hidden_size=64, intermediate_size=64, num_hidden_layers=1,
                num_attention_heads=2, num_key_value_heads=1, bos_token_id=None, eos_token_id=tokenizer.eos_token_id,
                rope_parameters={"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 6, 6]})  # fmt: skip
    vision = dict(
        depth=1, hidden_size=64, intermediate_size=64, num_heads=2, out_hidden_size=64, fullatt_block_indexes=[0]
    )
    names = {"image_token_id": "<|image_pad|>", "video_token_id": "<|video_pad|>",
             "vision_start_token_id": "<|vision_start|>", "vision_end_token_id": "<|vision_end|>"}  # fmt: skip
    ids = {name: tokenizer.convert_tokens_to_ids(token) for name, token in names.items()}
    config = transformers.Qwen2_5_VLConfig(text_config=text, vision_config=vision, **ids)
    transformers.Qwen2_5_VLForConditionalGeneration(config).save_pretrained(folder)
    template = "{% for part in messages[0].content %}{% if part.type == 'image' %}<|vision_start|><|image_pad|>"
    template += "<|vision_end|>{% else %}{{ part.text }}{% endif %}{% endfor %}"
    images, videos = transformers.Qwen2VLImageProcessor(min_pixels=56 * 56), transformers.Qwen2VLVideoProcessor()
    transformers.Qwen2_5_VLProcessor(images, tokenizer, videos, chat_template=template).save_pretrained(folder)
