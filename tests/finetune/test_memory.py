"""The memory calculator against what PyTorch and bitsandbytes really keep, and against published parameter counts."""

from __future__ import annotations

import copy

import pytest
import torch
import yaml

from helpers import models, profiles, vision
from helpers.errors import CourseError, UnknownName
from helpers.finetune import activations, configurations, memory
from helpers.worlds import scenes


@pytest.fixture(scope="module")
def base():
    """The nano Qwen3-VL and its processor."""
    model, processor, _ = models.load("qwen3_vl")
    return model, processor


def adapted(model, rank, **how):
    """The model with adapters on all linear layers, in train mode."""
    import peft  # after helpers, which make torchvision importable

    config = peft.LoraConfig(r=rank, target_modules="all-linear")
    return peft.get_peft_model(model, config, **how).train()


def prepared(model):
    import peft

    return peft.prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)


def quantised(folder, base, spare=None):
    import transformers

    base.to(torch.bfloat16).save_pretrained(folder)
    base.float()
    config = transformers.BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16, llm_int8_skip_modules=spare,
    )  # fmt: skip
    return type(base).from_pretrained(folder, quantization_config=config, dtype=torch.bfloat16)


def saved_bytes(model, *args, **inputs) -> int:
    """Bytes of all distinct tensors that a forward pass keeps for the backward pass, parameters not counted."""
    known = {tensor.untyped_storage().data_ptr() for tensor in [*model.parameters(), *model.buffers()]}
    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            kept[storage.data_ptr()] = (storage.nbytes(), tensor)  # held, so that its place is not given away
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        outputs = model(*args, **inputs)  # held as well: what is thrown away is not kept
    del outputs
    return sum(n for n, _ in kept.values())


def with_layers(config, depth):
    config = copy.deepcopy(config)
    config.text_config.num_hidden_layers = config.vision_config.depth = depth
    if getattr(config.text_config, "layer_types", None):
        config.text_config.layer_types = config.text_config.layer_types[:1] * depth
    if hasattr(config.vision_config, "deepstack_visual_indexes"):
        config.vision_config.deepstack_visual_indexes = []
    else:
        config.vision_config.fullatt_block_indexes = list(range(depth))
    return config


# --- activations: the formulas against PyTorch ---------------------------------------------------------------------


@pytest.mark.parametrize("role", ["qwen3_vl", "qwen2_5_vl-s"])
@pytest.mark.parametrize(
    "dtype, width, adapters", [(torch.float32, 4, 4), (torch.bfloat16, 2, 2), (torch.bfloat16, 2, 4)]
)
def test_a_layer_keeps_what_the_formulas_say(role, dtype, width, adapters):
    original, _, _ = models.load(role)
    kept = {"text": [], "vision": []}
    for depth in (1, 3):
        config = with_layers(original.config, depth)
        model = adapted(type(original)(config).to(dtype), 8, autocast_adapter_dtype=adapters != width)
        ids = torch.randint(0, 2000, (2, 60))
        kept["text"].append(saved_bytes(model, input_ids=ids, labels=ids))
        tower, side = model.base_model.model.model.visual, config.vision_config.patch_size
        pixels = torch.randn(2 * 64, 3 * 2 * side**2, dtype=dtype)
        kept["vision"].append(saved_bytes(tower, pixels, grid_thw=torch.tensor([[1, 8, 8]] * 2)))
    per_token = (kept["text"][1] - kept["text"][0]) / 2 / 120
    per_patch = (kept["vision"][1] - kept["vision"][0]) / 2 / 128
    text, vision = original.config.text_config, original.config.vision_config
    head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    queries, values = text.num_attention_heads * head, text.num_key_value_heads * head
    args = text.hidden_size, text.intermediate_size, queries, values, 8, width, width, adapters
    assert activations.text_layer(*args, qk_norm=role == "qwen3_vl") == pytest.approx(per_token, rel=0.02)
    args = vision.hidden_size, vision.intermediate_size, 8, width, width, adapters
    assert activations.vision_layer(*args, gated=role != "qwen3_vl") == pytest.approx(per_patch, rel=0.02)


def test_under_autocast_a_four_bit_layer_keeps_what_the_formula_says(base, tmp_path):
    kept, sizes = [], []
    for depth in (1, 3):
        model = quantised(tmp_path / str(depth), type(base[0])(with_layers(base[0].config, depth)))
        model = adapted(prepared(model), 8)
        assert activations.widths(model) == (2, 4)
        ids = torch.randint(0, 2000, (2, 60))
        with torch.autocast("cpu", torch.bfloat16):
            kept.append(saved_bytes(model, input_ids=ids, labels=ids))
        sizes.append(sum(p.numel() for n, p in model.named_parameters() if "lora_" in n and "language_model" in n))
    copies = 2 * (sizes[1] - sizes[0])  # of the adapters, in bfloat16
    text = base[0].config.text_config
    queries, values = (n * text.head_dim for n in (text.num_attention_heads, text.num_key_value_heads))
    layer = activations.text_layer(text.hidden_size, text.intermediate_size, queries, values, 8, 2, 4)
    assert 2 * 120 * layer + copies == pytest.approx(kept[1] - kept[0], rel=0.02)


def test_a_whole_step_is_predicted_from_above_and_not_far_above(base):
    model, processor = copy.deepcopy(base[0]), base[1]
    pictures = [scenes.render(scene, 128) for scene in scenes.scenes("train", 4)]
    batch = vision.prepare(processor, pictures, ["What is in the picture?"] * 4)
    batch["labels"] = batch["input_ids"].clone()
    image_tokens = int((batch["input_ids"][0] == model.config.image_token_id).sum())
    model = adapted(model, 16)
    kept = saved_bytes(model, **batch)
    how = {"tokens": batch["input_ids"].shape[1], "image_tokens": image_tokens, "batch_size": 4}
    predicted = memory.training_bytes(model, checkpointing=False, **how)
    assert kept <= predicted.activations <= 1.25 * kept  # the peak has the logits' gradient too
    assert memory.training_bytes(model, checkpointing=True, **how).activations < predicted.activations


def test_activations_of_another_family_are_refused():
    with pytest.raises(CourseError, match="inference_bytes"):
        memory.training_bytes(configurations.build("Salesforce/blip-vqa-base"))


# --- weights, adapters, optimizer: to the byte -----------------------------------------------------------------------


@pytest.mark.parametrize("spare", [None, [".*visual", "lm_head"]])
def test_four_bit_weights_are_predicted_to_the_byte(base, tmp_path, spare):
    stored = quantised(tmp_path, base[0], spare)
    plain = copy.deepcopy(base[0]).to(torch.bfloat16)
    predicted = memory.weight_bytes(plain, four_bit=True, spare=("visual",) if spare else ())
    assert memory.weight_bytes(stored) == predicted
    assert memory.weight_bytes(plain, four_bit=True, double_quant=False) > memory.weight_bytes(plain, four_bit=True)
    assert memory.weight_bytes(plain) == 2 * sum(p.numel() for p in plain.parameters())


def test_upcast_is_what_prepare_model_for_kbit_training_does(base, tmp_path):
    stored = quantised(tmp_path, base[0])
    predicted = memory.weight_bytes(stored, upcast=True)
    assert memory.weight_bytes(prepared(stored)) == predicted


def test_adapters_to_come_are_those_that_peft_adds(base):
    model = copy.deepcopy(base[0])
    expected = memory.training_bytes(model, 2, 50, rank=4)
    model = adapted(model, 4)
    found = memory.training_bytes(model, 2, 50)
    assert expected == found
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert found.adapters == found.gradients == 4 * trainable and found.optimizer == 8 * trainable
    assert found.gb["total"] == pytest.approx(sum(v for part, v in found.gb.items() if part != "total"))


def test_optimizer_bytes_are_those_that_optimizers_hold():
    import bitsandbytes as bnb

    sizes = [4096, 10_000, 3000]
    for optimizer, name in ((torch.optim.AdamW, "adamw"), (bnb.optim.AdamW8bit, "adamw_8bit")):
        parameters = [torch.nn.Parameter(torch.randn(n)) for n in sizes]
        running = optimizer(parameters, lr=1e-3)
        for parameter in parameters:
            parameter.grad = torch.randn_like(parameter)
        running.step()
        tensors = {
            t.data_ptr(): t.numel() * t.element_size()
            for state in running.state.values()
            for t in state.values()
            if torch.is_tensor(t) and t.numel() > 1
        }
        assert memory.optimizer_bytes(sizes, name) == sum(tensors.values())
    with pytest.raises(UnknownName, match="adamw_8bit"):
        memory.optimizer_bytes(sizes, "adam_8bit")


def test_the_cache_is_the_one_that_generation_fills(base):
    model, processor = base
    ids = processor.tokenizer(["a red circle"] * 2, return_tensors="pt").input_ids
    with torch.no_grad():
        cache = model(input_ids=ids, use_cache=True).past_key_values
    held = sum(t.numel() * t.element_size() for layer in cache.layers for t in (layer.keys, layer.values))
    assert memory.cache_bytes(model, *ids.shape) == held
    assert memory.inference_bytes(model, *ids.shape).total == held + memory.weight_bytes(model)


# --- the real models -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model_id", configurations.known())
def test_a_configuration_gives_the_published_number_of_parameters(model_id):
    model = configurations.build(model_id)
    count = sum(p.numel() for p in model.parameters())
    assert all(p.is_meta for p in model.parameters())
    published = configurations.read(model_id).published
    assert published is None or isinstance(published, str) or published == count
    registered = [
        row["parameters"]
        for role in yaml.safe_load((profiles.root() / "data" / "models.yaml").read_text("utf-8"))["roles"].values()
        for row in role["profiles"].values()
        if row["id"] == model_id
    ]
    assert all(n in (None, count) for n in registered)


def test_every_real_model_of_the_course_has_a_configuration():
    specs = {
        profiles.spec(role, profile) for role in profiles.roles() for profile in ("laptop", "full")
    }  # api has no weights
    real = {spec.id for spec in specs if not spec.is_local}
    assert len(real) >= 13 and real <= set(configurations.known())


def test_more_of_anything_takes_more_memory():
    model = configurations.build("Qwen/Qwen3-VL-8B-Thinking")
    usual = {"four_bit": True, "rank": 16, "tokens": 1024, "image_tokens": 256}
    total = configurations.predict(model, **usual).total
    for more in ({"tokens": 2048}, {"image_tokens": 512}, {"rank": 64}, {"four_bit": False}, {"upcast": True},
                 {"spare": ("visual",)}, {"double_quant": False}, {"batch_size": 2}):  # fmt: skip
        assert configurations.predict(model, **usual | more).total > total, more
    assert configurations.predict(model, **usual, checkpointing=True).total < total
    assert configurations.predict(model, **usual, optimizer="adamw_8bit").total < total
    assert configurations.predict("Qwen/Qwen3-VL-8B-Thinking", train=False, four_bit=True).cache > 0


def test_an_unknown_model_is_named_with_the_known_ones():
    with pytest.raises(UnknownName, match="Qwen/Qwen3-VL-8B-Thinking"):
        configurations.read("Qwen/Qwen3-VL-8B-Thinkin")
    with pytest.raises(UnknownName):
        configurations.read("Somebody/Qwen3-VL-8B-Thinking")
