"""A Qwen2.5-Omni of the real classes that is made in a moment: what the code must be ready for."""

from __future__ import annotations

from courses import ROOT

NAMES = {
    "image_token": "<|IMAGE|>", "audio_token": "<|AUDIO|>", "video_token": "<|VIDEO|>",
    "vision_bos_token": "<|vision_bos|>", "vision_eos_token": "<|vision_eos|>",
    "audio_bos_token": "<|audio_bos|>", "audio_eos_token": "<|audio_eos|>",
}  # fmt: skip
TEMPLATE = """{%- for message in messages -%}
<|im_start|>{{ message.role }}
{% for part in message.content -%}
{%- if part.type == 'image' -%}<|vision_bos|><|IMAGE|><|vision_eos|>
{%- elif part.type == 'audio' -%}<|audio_bos|><|AUDIO|><|audio_eos|>
{%- else -%}{{ part.text }}{%- endif -%}
{%- endfor -%}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}<|im_start|>assistant
{% endif -%}"""


def load_omni_processor():
    """Pictures of 1 to 64 tokens of 28 × 28 pixels; sounds of up to 2 seconds, 25 tokens a second."""
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(
        ROOT / "data" / "tokenizer" / "qwen", extra_special_tokens=NAMES
    )
    size = {"shortest_edge": 28**2, "longest_edge": 64 * 28**2}
    return transformers.Qwen2_5OmniProcessor(
        transformers.Qwen2VLImageProcessor(patch_size=14, size=size),
        transformers.Qwen2VLVideoProcessor(),
        transformers.WhisperFeatureExtractor(feature_size=32, chunk_length=2),
        tokenizer,
        chat_template=TEMPLATE,
    )


def build_omni(processor):
    """A thinker of one layer, with random weights."""
    import torch
    import transformers

    token = {name: processor.tokenizer.convert_tokens_to_ids(said) for name, said in NAMES.items()}
    config = transformers.Qwen2_5OmniThinkerConfig(
        audio_config=dict(num_mel_bins=32, d_model=64, encoder_layers=1, encoder_attention_heads=2, encoder_ffn_dim=64,
                          output_dim=64, max_source_positions=100, n_window=25),
        vision_config=dict(depth=1, hidden_size=64, intermediate_size=64, num_heads=2, out_hidden_size=64,
                           patch_size=14, fullatt_block_indexes=[0]),
        text_config=dict(vocab_size=len(processor.tokenizer), hidden_size=64, intermediate_size=64, num_hidden_layers=1,
                         num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=512,
                         rope_parameters={"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 6, 6]}),
    )  # fmt: skip
    for kind in ("image", "audio", "video"):
        setattr(config, f"{kind}_token_id", token[f"{kind}_token"])
    config.vision_start_token_id, config.vision_end_token_id = token["vision_bos_token"], token["vision_eos_token"]
    config.audio_start_token_id, config.audio_end_token_id = token["audio_bos_token"], token["audio_eos_token"]
    torch.manual_seed(0)
    return transformers.Qwen2_5OmniThinkerForConditionalGeneration(config)
