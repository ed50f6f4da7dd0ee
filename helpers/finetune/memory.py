"""How much memory a model takes, part by part: computed from its layers, never guessed.

The same functions count a loaded model and one on the meta device, which has shapes and no numbers
(``helpers.finetune.configurations.build``). What they count and how:

- **weights**: every parameter at the bytes it is stored in, or would be after NF4: half a byte each, and one scale per
  64 weights (4 bytes; with double quantisation 1 byte, and 4 more bytes per 256 scales). QLoRA paper, section 3.
- **adapters, gradients, optimizer**: LoRA's ``rank * (in + out)`` per adapted layer, kept in float32 with a float32
  gradient and AdamW's two moments (4 bytes each, or 1 byte and a scale per 256 for the 8-bit optimizer).
- **activations**: what the backward pass needs, by the formulas of ``helpers.finetune.activations``. With
  checkpointing, the input of each layer, and one layer in full.
- **cache**: keys and values of every token while generating.

Not counted: the process and its libraries (on a GPU the context alone takes some hundred MB), the allocator's gaps, and
the scratch space of single kernels. Add a fifth where it must not fail.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from .activations import activation_bytes, widths

NF4_BLOCK = 64  # weights per scale
SCALE_BLOCK = 256  # scales per scale of scales, under double quantisation; also the 8-bit optimizer's block
SMALLEST_8BIT = 4096  # numbers in a tensor; below, the 8-bit optimizer keeps its moments in float32


@dataclass(frozen=True)
class Memory:
    """Bytes by part. ``total`` is their sum."""

    weights: int = 0
    adapters: int = 0
    gradients: int = 0
    optimizer: int = 0
    activations: int = 0
    cache: int = 0

    @property
    def total(self) -> int:
        """Bytes in all."""
        return sum(asdict(self).values())

    @property
    def gb(self) -> dict[str, float]:
        """Every part and the total in GB (10^9 bytes)."""
        return {part: n / 1e9 for part, n in (asdict(self) | {"total": self.total}).items()}


def training_bytes(
    model,
    batch_size: int = 1,
    tokens: int = 1024,
    *,
    four_bit: bool | None = None,
    double_quant: bool = True,
    spare: tuple[str, ...] = (),
    upcast: bool = False,
    rank: int = 0,
    image_tokens: int = 0,
    checkpointing: bool | None = None,
    optimizer: str = "adamw",
) -> Memory:
    """What one training step needs at its peak.

    Args:
        model: a loaded model (adapters added or not), or one on the meta device.
        batch_size: samples per step.
        tokens: tokens per sample, those of its images included.
        four_bit: True counts linear layers that are not in four bits yet as if they were; None takes them as stored.
        double_quant: whether the scales are quantised too (for layers not yet in four bits).
        spare: parts of names of layers that stay as they are ("visual"); the head always does.
        upcast: the rest goes to float32, as PEFT's ``prepare_model_for_kbit_training`` has it (if not done yet).
        rank: rank of the adapters to come on every linear layer but the head; 0 where the model has its adapters
            or is trained as it is.
        image_tokens: how many of the tokens of a sample come from pictures (the vision tower's part).
        checkpointing: activations recomputed in the backward pass; None asks the model.
        optimizer: "adamw" (float32 moments), "adamw_8bit", or "paged" (8-bit moments, which may wait in main memory
            and are counted all the same).
    """
    sizes = lora_sizes(model, rank) if rank else [p.numel() for p in model.parameters() if p.requires_grad]
    trainable = sum(sizes)
    if checkpointing is None:
        checkpointing = bool(getattr(model, "is_activation_checkpointing", False))
    width, stream = widths(model)
    stream = 4 if upcast else stream
    copies = width * trainable if stream != width else 0  # autocast keeps the adapters in both precisions
    return Memory(
        weights=weight_bytes(model, four_bit=bool(four_bit), double_quant=double_quant, spare=spare, upcast=upcast),
        adapters=4 * trainable if rank else lora_bytes(model),
        gradients=4 * trainable,
        optimizer=optimizer_bytes(sizes, optimizer),
        activations=copies
        + activation_bytes(
            model,
            batch_size,
            tokens,
            image_tokens=image_tokens,
            rank=rank or _rank(model),
            checkpointing=checkpointing,
            stream=stream,
            adapters=4 if rank else _adapter_width(model),
        ),
    )


def _rank(model) -> int:
    """The rank of the adapters that a model has; 0 for none."""
    return max((config.r for config in getattr(model, "peft_config", {}).values()), default=0)


def _adapter_width(model) -> int | None:
    """Bytes per number of the adapters that a model has; None for none."""
    return next((p.element_size() for name, p in model.named_parameters() if "lora_" in name), None)


def inference_bytes(model, batch_size: int = 1, tokens: int = 1024, *, four_bit: bool = False, **how) -> Memory:
    """What generating needs: the weights (``double_quant`` and ``spare`` as in training_bytes) and the cache."""
    return Memory(weights=weight_bytes(model, four_bit=four_bit, **how), cache=cache_bytes(model, batch_size, tokens))


def nf4_bytes(n: int, double_quant: bool = True) -> int:
    """Bytes of ``n`` weights in NF4 as bitsandbytes keeps them: codes, scales, and the small tables."""
    scales = -(-n // NF4_BLOCK)
    tables = 16 * 4
    if double_quant:
        return -(-n // 2) + scales + 4 * -(-scales // SCALE_BLOCK) + 4 + 256 * 4 + tables
    return -(-n // 2) + 4 * scales + tables


def weight_bytes(
    model, *, four_bit: bool = False, double_quant: bool = True, spare: tuple[str, ...] = (), upcast: bool = False
) -> int:
    """Bytes of all parameters but LoRA's. Linear layers already in four bits count as they are stored."""
    quantised = {id(layer.weight) for _, layer in linear_layers(model, spare)} if four_bit else set()
    total = 0
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            continue
        if getattr(parameter, "quant_state", None) is not None:
            total += parameter.numel() * parameter.element_size() + _state_bytes(parameter.quant_state)
        elif id(parameter) in quantised:
            total += nf4_bytes(parameter.numel(), double_quant)
        else:
            total += parameter.numel() * (4 if upcast else parameter.element_size())
    return total


def _state_bytes(state) -> int:
    """Bytes of what bitsandbytes keeps beside the codes of one layer."""
    tensors = [state.absmax, state.code]
    if state.nested:
        tensors += [state.offset, state.state2.absmax, state.state2.code]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def linear_layers(model, spare: tuple[str, ...] = ()) -> list[tuple[str, object]]:
    """Names and layers that QLoRA quantises and adapts: every linear layer but the head and those to spare."""
    from torch import nn

    head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    return [
        (name, layer)
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear)
        and layer is not head
        and "lora_" not in name
        and not any(part in name for part in spare)
    ]


def lora_sizes(model, rank: int) -> list[int]:
    """Numbers in each matrix of LoRA adapters of a rank on every linear layer but the head: A and B of each."""
    return [rank * n for _, layer in linear_layers(model) for n in (layer.in_features, layer.out_features)]


def lora_bytes(model) -> int:
    """Bytes of the adapters that the model has."""
    return sum(p.numel() * p.element_size() for name, p in model.named_parameters() if "lora_" in name)


def optimizer_bytes(sizes: list[int], optimizer: str = "adamw") -> int:
    """Bytes of AdamW's two moments for tensors of these sizes. Raises UnknownName for another optimizer.

    bitsandbytes keeps the moments of tensors below 4,096 numbers in float32, also in its 8-bit optimizers; the others
    have a byte per moment, a scale per 256 of them, and share two tables of 256 levels.
    """
    from ..errors import unknown

    if optimizer == "adamw":
        return sum(8 * n for n in sizes)
    if optimizer in ("adamw_8bit", "paged"):
        eight_bit = [2 * (n + 4 * -(-n // SCALE_BLOCK)) for n in sizes if n >= SMALLEST_8BIT]
        tables = 2 * 4 * 256 if eight_bit else 0
        return sum(eight_bit) + tables + sum(8 * n for n in sizes if n < SMALLEST_8BIT)
    raise unknown("optimizer", optimizer, ["adamw", "adamw_8bit", "paged"])


def cache_bytes(model, batch_size: int, tokens: int) -> int:
    """Bytes of the keys and values of every token in every layer, at the model's precision."""
    text = model.config.get_text_config()
    head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
    return 2 * text.num_hidden_layers * heads * head * widths(model)[0] * batch_size * tokens
