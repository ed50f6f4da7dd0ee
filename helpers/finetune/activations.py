"""How many bytes a forward pass keeps for the backward pass, by formula, layer by layer.

In the manner of Korthikanti et al., "Reducing activation recomputation in large transformer models" (2022), section 4:
write down what each operation needs again for its gradient, and add. The layers here are those of the Qwen families as
transformers runs them: RMSNorm (or LayerNorm), attention that stores no scores (PyTorch's
``scaled_dot_product_attention``), a gated (or plain) feed-forward, and LoRA on every linear layer over frozen weights.
A frozen linear layer keeps nothing; its adapter keeps the input.

``tests/finetune/test_memory.py`` counts what PyTorch really saves, in float32 and bfloat16, and compares.
"""

from __future__ import annotations


def text_layer(
    hidden: int, inner: int, queries: int, values: int, rank: int, width: int = 2, stream: int = 2, adapters: int = 2,
    qk_norm: bool = True,
) -> int:  # fmt: skip
    """Bytes per token of one decoder layer.

    Args:
        hidden, inner: widths of the residual stream and of the feed-forward.
        queries, values: heads times head width, of the queries, and of the keys (or the values).
        rank: LoRA's, on all seven linear layers.
        width: bytes per number that the layers compute in.
        stream: bytes per number of the residual stream: 4 where norms and embeddings are kept in float32 and the
            layers compute in less, under autocast.
        adapters: bytes per number of the adapters. PEFT keeps them in float32 (4): without autocast each of them then
            keeps a copy of its input in float32.
        qk_norm: whether queries and keys are normalised (Qwen3).
    """
    mixed = stream != width  # then every adapter keeps a copy of its input of its own, and the feed-forward is wide
    norms = 2 * 4 * hidden  # RMSNorm keeps its input in float32
    attention = width * 2 * (queries + values)  # queries, keys, values, and the mixed values
    attention += 4 * (queries + values) if qk_norm else 0  # before they were normalised, in float32
    feed_forward = 3 * stream * inner  # the gate, its SiLU, the other branch
    if mixed:
        inputs, adapters = width * (5 * hidden + queries + inner), width
    elif adapters != width:
        inputs = adapters * (5 * hidden + queries + inner)
    else:
        inputs = width * (2 * hidden + inner)  # adapters of the same input share it; one is kept already
    return norms + attention + feed_forward + inputs + adapters * 7 * rank


def vision_layer(
    hidden: int, inner: int, rank: int, width: int = 2, stream: int = 2, adapters: int = 2, gated: bool = False
) -> int:
    """Bytes per patch of one layer of a Qwen vision tower; ``gated``: Qwen2.5's, with RMSNorm and SiLU."""
    norms = 2 * (4 if gated else stream) * hidden
    attention = width * 6 * hidden  # queries, keys, the joint projection (3), the mixed values
    feed_forward = width * (3 if gated else 1) * inner
    linears = 5 if gated else 4
    shared = adapters == width or stream != width  # adapters of the same input share it
    adapters = width if shared else adapters
    inputs = adapters * ((3 if shared else linears - 1) * hidden + inner)
    return norms + attention + feed_forward + inputs + adapters * linears * rank


def head(vocabulary: int, width: int = 2) -> int:
    """Bytes per token at the loss: the logits, their logarithms in float32, and the gradient of these."""
    return (width + 4 + 4) * vocabulary


def stack(layer: int, depth: int, boundary: int, checkpointing: bool) -> int:
    """Bytes of ``depth`` layers: all of them; with checkpointing the input of each, and one layer in full."""
    return depth * boundary + layer if checkpointing else depth * layer


def widths(model) -> tuple[int, int]:
    """Bytes per number of the computation and of the residual stream of a model, four-bit or not.

    A model in float32 whose four-bit layers compute in bfloat16 runs under autocast: (2, 4).
    """
    import torch

    compute = next((m.compute_dtype for m in model.modules() if getattr(m, "compute_dtype", None) is not None), None)
    stream = model.get_input_embeddings().weight.dtype
    return torch.finfo(compute or stream).bits // 8, torch.finfo(stream).bits // 8


def activation_bytes(
    model,
    batch_size: int,
    tokens: int,
    *,
    image_tokens: int = 0,
    rank: int = 16,
    checkpointing: bool = False,
    stream: int | None = None,
    adapters: int | None = None,
) -> int:
    """Bytes at the peak for a model of a Qwen family: language model, head, and vision tower where it has work.

    An audio tower is not counted. ``stream`` and ``adapters`` override the bytes per number of the residual stream and
    of the adapters. Raises CourseError for a model of another family.
    """
    text = model.config.get_text_config()
    if not hasattr(text, "num_key_value_heads"):
        from ..errors import CourseError

        raise CourseError(
            f"The activations of {type(model).__name__} cannot be predicted, only those of the Qwen families. "
            "Use inference_bytes for its weights, and measure a step."
        )
    width, stored = widths(model)
    stream, adapters = stream or stored, adapters or width
    head_dim = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    layer = text_layer(
        text.hidden_size, text.intermediate_size, text.num_attention_heads * head_dim,
        text.num_key_value_heads * head_dim, rank, width, stream, adapters, qk_norm="qwen3" in text.model_type,
    )  # fmt: skip
    per_sample = tokens * stack(layer, text.num_hidden_layers, stream * text.hidden_size, checkpointing)
    per_sample += tokens * head(text.vocab_size, width)
    vision = getattr(model.config, "vision_config", None)
    if vision is not None and image_tokens:
        gated = vision.hidden_act == "silu"
        layer = vision_layer(vision.hidden_size, vision.intermediate_size, rank, width, stream, adapters, gated)
        patches = image_tokens * vision.spatial_merge_size**2
        per_sample += patches * stack(layer, vision.depth, stream * vision.hidden_size, checkpointing)
    return batch_size * per_sample
