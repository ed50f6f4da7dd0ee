"""Every refusal provoked, with its message; what is fine passes, and the model comes back as it was."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from omni import build_omni, load_omni_processor
from tiny_checkpoints import load_qwen_vl_processor, write_qwen_vl

from helpers.errors import BadImage, UnknownName
from helpers.finetune import data, refusals
from helpers.finetune.collate import Collator
from helpers.finetune.data_checks import opens_thought
from helpers.finetune.formats import Example
from helpers.finetune.preflight import preflight
from helpers.finetune.refusals import Refused


def adapted(model, rank=4):
    from peft import LoraConfig, get_peft_model

    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return get_peft_model(model, LoraConfig(r=rank, target_modules="all-linear"))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """Two layers: what DeepStack adds behind the first has to reach the answer through a second."""
    import transformers

    folder = tmp_path_factory.mktemp("tiny")
    write_qwen_vl(folder, "qwen3_vl")
    config = transformers.AutoConfig.from_pretrained(folder)
    config.text_config.num_hidden_layers = 2
    torch.manual_seed(0)
    return transformers.Qwen3VLForConditionalGeneration(config)


@pytest.fixture
def model(base):
    return adapted(copy.deepcopy(base))


@pytest.fixture(scope="module")
def processor():
    return load_qwen_vl_processor("qwen3_vl")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pictures")


@pytest.fixture(scope="module")
def examples(folder):
    return data.phantom_examples("train", 10, folder=folder, traces=True)


def refusal(reason, *args, **how):
    """The message of the refusal, after asserting that this is the reason."""
    with pytest.raises(Refused) as caught:
        preflight(*args, **how)
    assert caught.value.reason == reason, caught.value
    return str(caught.value)


def test_what_is_fine_passes_and_is_counted(model, processor, examples):
    report = preflight(model, processor, examples, max_length=512, batch_size=4)
    batch = Collator(processor)(examples)
    assert report.samples == 10 and report.cut == 0 and report.warnings == ()
    assert report.tokens == batch["attention_mask"].sum() and report.longest == batch["input_ids"].shape[1]
    assert report.trained_tokens == (batch["labels"] != -100).sum()
    assert report.classes == dict.fromkeys({e.label for e in examples}, 2)
    lora = sum(p.numel() for name, p in model.named_parameters() if "lora_" in name)
    assert report.trainable == lora and report.parameters == sum(p.numel() for p in model.parameters())
    assert 0 < report.memory.total < 1e9 and report.free_gb > 0
    assert f"{report.trained_tokens:,}" in str(report) and "parameters trained" in str(report)
    bigger = preflight(model, processor, examples, batch_size=16, check_gradients=False)
    assert bigger.memory.activations > 2 * report.memory.activations


def test_the_model_comes_back_as_it_was(model, processor, examples):
    model.eval()
    model.base_model.model.lm_head.training = True  # an odd one out
    trained = [p for p in model.parameters() if p.requires_grad]
    trained[0].grad = torch.ones_like(trained[0])
    modes = [m.training for m in model.modules()]
    weights, random = [p.clone() for p in trained], torch.random.get_rng_state()
    preflight(model, processor, examples)
    assert [m.training for m in model.modules()] == modes
    assert torch.equal(trained[0].grad, torch.ones_like(trained[0])) and all(p.grad is None for p in trained[1:])
    assert all(torch.equal(a, b) for a, b in zip(weights, trained))
    assert torch.equal(torch.random.get_rng_state(), random)


def test_a_refused_model_comes_back_as_it_was_too(model, processor, examples):
    model.eval()
    hook = model.get_submodule("base_model.model.model.language_model.layers.0.mlp").register_forward_hook(
        lambda layer, inputs, output: output.detach()
    )
    refusal(refusals.NO_GRADIENT, model, processor, examples)
    hook.remove()
    assert not model.training and all(p.grad is None for p in model.parameters())


def test_an_empty_data_set(model, processor):
    assert "no examples" in refusal(refusals.EMPTY, model, processor, [])


def test_one_class_only(model, processor, examples):
    same = [e for e in examples if e.label == "infarct"]
    assert "'infarct'" in refusal(refusals.ONE_CLASS, model, processor, same)
    preflight(model, processor, [replace(e, label=None) for e in same], check_gradients=False)  # no classes: no matter


def test_a_picture_that_is_not_there(model, processor, examples):
    message = refusal(refusals.MISSING_IMAGE, model, processor, [*examples, replace(examples[0], images=["no/x.png"])])
    assert message.startswith("1 of 11 files") and "no/x.png" in message


def test_a_picture_that_cannot_be_read(model, processor, examples, tmp_path):
    (tmp_path / "x.png").write_bytes(b"\x89PNG nothing")
    with pytest.raises(BadImage, match="x.png"):
        preflight(model, processor, [*examples, replace(examples[0], images=[str(tmp_path / "x.png")])])


def test_more_pictures_than_placeholders(model, processor, examples):
    one_more = replace(examples[0], images=list(examples[0].images))
    one_more.images.append(examples[1].images[0])  # an Example refuses this when it is made
    assert "1 <image>, 2 files" in refusal(refusals.COUNTS, model, processor, [*examples, one_more])


def test_a_template_that_writes_no_picture(model, examples):
    blind = load_qwen_vl_processor("qwen3_vl")
    blind.chat_template = "{% for m in messages %}<|im_start|>{{ m.role }}\nx<|im_end|>\n{% endfor %}"
    assert "a place for 0" in refusal(refusals.COUNTS, model, blind, examples)


def test_image_tokens_would_be_cut(model, processor, examples):
    message = refusal(refusals.CUT, model, processor, examples, max_length=15)
    needed = int(message.split("set max_length=")[1].split()[0])
    preflight(model, processor, examples[:5], max_length=needed, check_gradients=False)


def test_no_label_left(model, processor, examples):
    message = refusal(refusals.NO_LABEL, model, processor, examples, max_length=30)
    assert "10 of 10" in message and "max_length=30" in message
    report = preflight(model, processor, examples, max_length=80, check_gradients=False)
    assert report.cut == 10 and report.longest == 80


def test_no_label_because_of_another_template(model, examples):
    other = load_qwen_vl_processor("qwen3_vl")
    other.chat_template = other.chat_template.replace("message.role", "message.role.upper()")
    assert "template" in refusal(refusals.NO_LABEL, model, other, examples)


@pytest.mark.parametrize("said", ["<think>\n\n</think>\n\nnone", "<think></think>none", "<think>\n \n</think>\n\nnone"])
def test_an_empty_thought(model, processor, examples, said):
    """Also where the template drops it: what is in the data is meant, or somebody's tool put it there."""
    taught = replace(examples[0], messages=[examples[0].messages[0], {"role": "assistant", "content": said}])
    assert "1 of 11 replies" in refusal(refusals.EMPTY_THOUGHT, model, processor, [*examples, taught])


def test_answers_without_a_thought_where_one_is_opened(model, processor, folder):
    plain = data.phantom_examples("train", 10, folder=folder)
    assert "10 of 10" in refusal(refusals.EMPTY_THOUGHT, model, processor, plain, thinking=True)
    preflight(model, processor, plain, check_gradients=False)  # this template can do without


def test_a_template_that_always_thinks(model, folder):
    """As that of Qwen3-VL-Thinking, which writes a thought into every last reply, an empty one if need be."""
    always = load_qwen_vl_processor("qwen3_vl")
    template = always.chat_template.replace(
        "{%- if reasoning and loop.index0 > seen.last_question -%}", "{%- if true -%}"
    )
    assert template != always.chat_template
    always.chat_template = template
    plain = data.phantom_examples("train", 10, folder=folder)
    assert "10 of 10" in refusal(refusals.EMPTY_THOUGHT, model, always, plain)


def test_which_templates_open_a_thought():
    plain = load_qwen_vl_processor("qwen2_5_vl")
    assert not opens_thought(plain) and opens_thought(load_qwen_vl_processor("qwen3_vl"))


def test_nothing_trainable(model, processor, examples):
    model.requires_grad_(False)
    assert "Add adapters" in refusal(refusals.NOTHING_TRAINABLE, model, processor, examples)


def test_too_much_trainable(base, processor, examples):
    whole = copy.deepcopy(base).requires_grad_(True)
    assert "(100%)" in refusal(refusals.TOO_MUCH_TRAINABLE, whole, processor, examples)
    report = preflight(whole, processor, examples, allow=[refusals.TOO_MUCH_TRAINABLE], check_gradients=False)
    assert len(report.warnings) == 1 and report.trainable == report.parameters


@pytest.mark.parametrize("part", ["visual", "language_model.layers.0.self_attn"])
def test_an_adapter_without_a_gradient(model, processor, examples, part):
    def detach(layer, inputs, output):
        if torch.is_tensor(output):
            return output.detach()
        if isinstance(output, tuple):
            return tuple(o.detach() if torch.is_tensor(o) else o for o in output)
        for key, value in output.items():
            output[key] = value.detach() if torch.is_tensor(value) else [v.detach() for v in value]
        return output

    hook = model.get_submodule(f"base_model.model.model.{part}").register_forward_hook(detach)
    message = refusal(refusals.NO_GRADIENT, model, processor, examples)
    assert part in message and "gradient checkpointing" in message
    hook.remove()
    preflight(model, processor, examples)


def test_an_adapter_whose_gradient_is_zero(model, processor, examples):
    """lora_B's may not be; lora_A's is, as long as lora_B is zero, and that is no fault."""
    name, parameter = next((n, p) for n, p in model.named_parameters() if "lora_B" in n)
    hook = parameter.register_hook(torch.zeros_like)
    assert name in refusal(refusals.NO_GRADIENT, model, processor, examples)
    hook.remove()


def test_a_loss_that_is_no_number(model, processor, examples):
    with torch.no_grad():
        model.get_output_embeddings().weight.fill_(float("nan"))
    assert "is nan" in refusal(refusals.NO_GRADIENT, model, processor, examples)


def test_a_tower_without_work_is_a_warning(model, processor):
    text = [Example([{"role": "user", "content": "?"}, {"role": "assistant", "content": said}]) for said in "ab"]
    warnings = preflight(model, processor, text).warnings
    assert len(warnings) == 1 and "tower" in warnings[0]


def test_memory_that_will_not_suffice(model, processor, examples):
    message = refusal(refusals.MEMORY, model, processor, examples, free_gb=1e-4)
    assert "0.0001 GB are free" in message and "batch_size than 1" in message
    report = preflight(model, processor, examples, check_gradients=False)
    beside = report.memory.total - report.memory.weights - report.memory.adapters
    preflight(model, processor, examples, free_gb=1.3 * beside / 1e9, check_gradients=False)
    refusal(refusals.MEMORY, model, processor, examples, free_gb=1.1 * beside / 1e9)


def test_memory_that_the_optimizer_takes(base, processor, examples):
    whole = copy.deepcopy(base).requires_grad_(True)
    few = [replace(e, images=[], messages=text_only()) for e in examples[:2]]
    how = {"free_gb": 1e-4, "allow": [refusals.TOO_MUCH_TRAINABLE]}
    assert "8-bit optimizer" in refusal(refusals.MEMORY, whole, processor, few, **how)


def text_only():
    return [{"role": "user", "content": "?"}, {"role": "assistant", "content": "x"}]


def test_only_what_is_possible_can_be_allowed(model, processor, folder):
    empty = data.phantom_examples("train", 10, folder=folder, traces="empty")
    report = preflight(model, processor, empty, allow=[refusals.EMPTY_THOUGHT])
    assert "empty thought" in report.warnings[0] and "warning" in str(report)
    with pytest.raises(UnknownName, match="cut"):
        preflight(model, processor, empty, allow=[refusals.CUT])
    assert set(refusals.ALLOWABLE) < set(refusals.REASONS)


def test_a_refusal_survives_the_way_between_processes():
    import pickle

    error = pickle.loads(pickle.dumps(Refused(refusals.CUT, "what to do")))
    assert error.reason == refusals.CUT and str(error) == "what to do"


def test_what_preflight_encoded_the_training_need_not(model, processor, examples, monkeypatch):
    collator = Collator(processor, max_length=512)
    preflight(model, processor, examples, collator=collator)
    monkeypatch.setattr("helpers.finetune.collate.encode", lambda *args, **how: pytest.fail("encoded again"))
    collator(examples)


def test_omni_with_pictures_and_sounds(tmp_path):
    processor = load_omni_processor()
    model = adapted(build_omni(processor))
    several = [e for kind in data.MODALITIES for e in data.face_examples("train", 8, folder=tmp_path, modality=kind)]
    report = preflight(model, processor, several)
    assert report.samples == 24 and report.warnings == ()
    heard = preflight(model, processor, [e for e in several if not e.images])
    assert "tower" in heard.warnings[0]


def test_four_bits_are_counted_as_weights_and_learn(processor, examples):
    """bitsandbytes packs two weights into one number; the real base, as notebooks take it."""
    from helpers.finetune.adapt import add_lora, load_base
    from helpers.finetune.config import Config

    model, processor, spec = load_base(Config())
    report = preflight(add_lora(model, Config()), processor, examples)
    assert report.parameters - report.trainable == pytest.approx(spec.parameters, rel=0.02)
