"""The Qwen-VL models' recipe: what they read is what the real processors make of it, and how it is computed."""

from __future__ import annotations

import contextlib
import json
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.worlds import clips, documents, pairs, scenes
from recipes import checkpoints, cpu_speed, patch_labels, qwen_vl, qwen_vl_data, qwen_vl_scenes
from recipes.qwen_vl_data import talk_batch
from recipes.qwen_vl_tasks import QWEN2_5, QWEN3, letters_example, pair_example

ROLES = ("qwen2_5_vl-s", "qwen3_vl")  # one of each family
MAKERS = {name: partial(make, per_side=8) if name == "scenes" else make for name, make in qwen_vl_data.MAKE.items()}


@pytest.fixture(scope="module", params=ROLES)
def student(request):
    torch.manual_seed(0)
    return qwen_vl.Student(request.param).eval()


@pytest.fixture(scope="module")
def processor(student):
    return qwen_vl.build_processor(student.role)


def read_by_the_processor(processor, example, talk):
    """One conversation of an example as the real processor and template make it."""
    seen = [{"type": "video"}] if example.is_clip else [{"type": "image"} for _ in example.pictures]
    messages = []
    for turn in talk:
        content = [{"type": "text", "text": turn.question}]
        messages.append({"role": "user", "content": content if messages else seen + content})
        answer = {"role": "assistant", "content": [{"type": "text", "text": turn.answer}]}
        messages.append(answer | ({"reasoning_content": turn.reasoning} if turn.reasoning else {}))
    text = processor.apply_chat_template(messages, add_vision_id=example.numbered).removesuffix("\n")
    if not example.is_clip:
        return processor(text=[text], images=[Image.fromarray(p) for p in example.pictures], return_tensors="pt")
    frames = np.stack(example.pictures)
    metadata = {"fps": 2.0, "total_num_frames": len(frames), "frames_indices": list(range(len(frames)))}
    video = {"videos": [frames], "video_metadata": [metadata], "do_sample_frames": False}
    return processor(text=[text], return_tensors="pt", **video)


def kept_thoughts(talk):
    """Whether the template keeps all reasoning: it drops that of earlier turns."""
    return not any(turn.reasoning for turn in talk[:-1])


@pytest.mark.parametrize("kind", MAKERS)
def test_a_conversation_is_read_as_the_processor_reads_it(student, processor, kind):
    family, compared = qwen_vl.family_of(student.role), 0
    for i in range(4):
        example = MAKERS[kind](family, i)
        for talk in filter(kept_thoughts, example.talks):
            example.talks = [talk]
            ours, theirs = qwen_vl_data.encode(example, family), read_by_the_processor(processor, example, talk)
            assert ours.ids == theirs.input_ids[0].tolist()
            names = ("image_grid_thw", "video_grid_thw", "second_per_grid_ts", "mm_token_type_ids")
            grids = {name: theirs[name] for name in names if name in theirs}
            positions, _ = student.model.model.get_rope_index(theirs.input_ids, **grids)
            assert positions[:, 0].T.tolist() == [list(p) for p in ours.positions]
            vision = qwen_vl_data.vision_inputs([example], family)
            pixels = ((vision["pixels"] / 255 - student.mean) / student.std).flatten(1)
            which = "video" if example.is_clip else "image"
            assert vision["grid"].tolist() == grids[f"{which}_grid_thw"].tolist()
            wanted = theirs["pixel_values_videos" if example.is_clip else "pixel_values"]
            torch.testing.assert_close(pixels, wanted, atol=1e-5, rtol=0)
            compared += 1
    assert compared >= 8


@pytest.mark.parametrize("kind", ["scenes", "clips"])
def test_conversations_of_one_picture_do_not_see_each_other(student, kind, monkeypatch):
    """The loss over all of them is the mean, by tokens, of what each has alone, as transformers computes it."""
    monkeypatch.setattr(qwen_vl, "mixed_precision", contextlib.nullcontext)
    family = qwen_vl.family_of(student.role)
    example = MAKERS[kind](family, 1)
    batch = qwen_vl_data.vision_inputs([example], family)
    with torch.no_grad():
        together = student.talk_loss(batch | qwen_vl_data.collate([qwen_vl_data.encode(example, family)]))["lm"]
        sums, tokens = 0.0, 0
        for talk in list(example.talks):
            example.talks = [talk]
            alone = qwen_vl_data.collate([qwen_vl_data.encode(example, family)])
            config, ids = student.model.config, alone["input_ids"]
            pixels = ((batch["pixels"] / 255 - student.mean) / student.std).flatten(1)
            names = ("pixel_values_videos", "video_grid_thw") if example.is_clip else ("pixel_values", "image_grid_thw")
            types = (ids == config.image_token_id).int() + 2 * (ids == config.video_token_id).int()
            seconds = {} if family is QWEN3 or not example.is_clip else {"second_per_grid_ts": torch.tensor([1.0])}
            loss = student.model(
                input_ids=ids, labels=alone["labels"], mm_token_type_ids=types, **seconds,
                **dict(zip(names, (pixels, batch["grid"]))),
            ).loss  # fmt: skip
            n = (alone["labels"] != qwen_vl_data.IGNORED).sum().item()
            sums, tokens = sums + n * loss.item(), tokens + n
    assert together.item() == pytest.approx(sums / tokens, rel=1e-4)


@pytest.mark.parametrize("kind", MAKERS)
def test_speed_changes_nothing_but_rounding(student, kind, monkeypatch):
    monkeypatch.setattr(qwen_vl, "mixed_precision", contextlib.nullcontext)
    monkeypatch.setattr(cpu_speed.shutil, "which", lambda name: None)  # compiling would take a minute
    family = qwen_vl.family_of(student.role)
    examples = [MAKERS[kind](family, i) for i in range(3)]
    sequences = [qwen_vl_data.encode(example, family) for example in examples]
    batch = qwen_vl_data.vision_inputs(examples, family) | qwen_vl_data.collate(sequences)
    with torch.no_grad():
        stock = student.talk_loss(batch)["lm"].item()
        cpu_speed.speed_up(student.model)
        fast = student.talk_loss(batch)["lm"].item()
        cpu_speed.slow_down(student.model)
        again = student.talk_loss(batch)["lm"].item()
    assert fast == pytest.approx(stock, rel=1e-4) and again == stock


@pytest.mark.parametrize("make", [partial(qwen_vl_data.vision_batch, QWEN2_5), partial(talk_batch, QWEN2_5, 402)])
def test_a_batch_is_a_function_of_its_step(make):
    for step in (0, 1, 400, 401):
        first, second = make(step), make(step)
        assert first.keys() == second.keys()
        tensors = [name for name, value in first.items() if isinstance(value, torch.Tensor)]
        assert len(tensors) >= 3 and all(torch.equal(first[name], second[name]) for name in tensors)


def test_the_first_stage_teaches_the_tower_and_the_second_everything(student):
    family = qwen_vl.family_of(student.role)
    batch = qwen_vl_data.vision_batch(family, 0)
    assert batch["patch_labels"].shape[1] == len(patch_labels.LABEL_SIZES[batch["kind"]])
    losses = student.label_losses(batch)
    sum(losses.values()).backward()
    tower = list(student.model.model.visual.parameters())
    assert len(losses) == 2 and all(p.grad is not None and p.grad.abs().sum() > 0 for p in tower[:4])
    student.zero_grad(set_to_none=True)
    batch = talk_batch(family, 100, 0)
    sum(student.talk_loss(batch).values()).backward()
    speaker = list(student.model.model.language_model.parameters())
    assert all(p.grad is None for p in tower) and all(p.grad is not None for p in speaker)
    student.zero_grad(set_to_none=True)
    losses = student.joint_losses(batch)
    losses["lm"].backward()
    assert len(losses) == 3 and all(p.grad is not None for p in (*tower[:4], *speaker))
    student.zero_grad(set_to_none=True)


@pytest.mark.parametrize("kind", qwen_vl_data.LABELLED_AS)
def test_every_patch_has_its_labels(kind):
    for family in (QWEN2_5, QWEN3):
        examples = [MAKERS[kind](family, i) for i in range(2)]
        made = qwen_vl_data.labels_of(kind, examples, family)
        n = int(qwen_vl_data.vision_inputs(examples, family)["grid"].prod(-1).sum())
        sizes = torch.tensor(patch_labels.LABEL_SIZES[made["kind"]])
        assert made["patch_labels"].shape == (n, len(sizes)) and (made["patch_labels"] < sizes).all()


def test_clip_labels_tell_both_frames_of_a_patch():
    """A thing that fades in is nothing, then half there, then there; a frame without its partner counts twice."""
    clip = next(c for c in clips.clips("train", 200) if c.n_frames % 2 and c.events[0].type == clips.APPEARS)
    event, labels = clip.events[0], patch_labels.clip_labels(clip, 6)
    n = len(patch_labels.MOMENT_SIZES)
    frames = [half for second in labels for half in np.split(second, [n], axis=-1)]
    assert len(frames) == clip.n_frames + 1 and (frames[-1] == frames[-2]).all()
    shape = 1 + list(scenes.SHAPES).index(clip.things[event.subject].shape)
    seen = [frame[..., 2][frame[..., 1] == shape].max(initial=0) for frame in frames[: event.last + 1]]
    assert seen[event.first] == 0 and seen[event.last] == 4 and seen == sorted(seen)


def test_clip_labels_tell_how_far_a_colour_has_changed():
    clip = next(c for c in clips.clips("train", 200) if c.events[0].type == clips.CHANGES)
    event, thing = clip.events[0], clip.things[clip.events[0].subject]
    frames = [half for second in patch_labels.clip_labels(clip, 6) for half in np.split(second, 2, axis=-1)]
    shape = 1 + list(scenes.SHAPES).index(thing.shape)
    told = [tuple(frame[frame[..., 1] == shape][0, [0, 3]]) for frame in frames]
    old, new = (1 + list(scenes.COLOURS).index(colour) for colour in (thing.colour, event.detail))
    assert told[event.first] == (old, 0) and told[event.last] == (new, 0)
    between = range(event.first + 1, event.last)
    assert between and all(told[i] == (old, round(4 * clips.progress(event, i))) for i in between)


def test_letters_say_what_no_other_sign_says():
    words = {w for v in (documents.KNOWN, documents.NOVEL) for w in " ".join(v.signs + v.numbered_signs).split()}
    for i in range(40):
        example = letters_example(QWEN2_5, i)
        [[read], *asked] = example.talks
        assert read.answer == documents.transcription(example.content) == "\n".join(example.content.content.lines)
        assert asked and not documents.is_reserved(example.content.content)
        assert not words & set(read.answer.upper().split())


def test_one_pair_in_nine_that_is_compared_shows_no_change():
    """Chapter 3's fifth page says so."""
    talks = [talk for i in range(240) for talk in pair_example(QWEN2_5, i).talks]
    compared = [turn.answer for [turn] in talks if turn.question in pairs.COMPARE]
    assert 1 / 12 < compared.count("nothing changed") / len(compared) < 1 / 7


def test_the_largest_model_had_ten_times_the_training_of_the_others():
    """Chapter 3 says so wherever it compares the three sizes."""
    small, medium, large = (checkpoints.read_card(f"qwen2_5_vl-{size}")["steps"] for size in "sml")
    assert small == medium < large / 10


def test_every_drill_asks_about_one_thing_among_several():
    for i in range(20):
        example = qwen_vl_scenes.drill_example(QWEN3, i)
        assert len({thing.pair for thing in example.content.things}) > 1 and 3 <= len(example.talks) <= 7
        assert all(turn.reasoning is None for talk in example.talks for turn in talk)


def test_place_drills_ask_for_one_thing_and_for_several():
    """With single things only, a model learned to stop after its first box."""
    lengths = set()
    for i in range(40):
        example = qwen_vl_scenes.place_example(QWEN2_5, i)
        drilled = [turn for [turn] in example.talks if turn.question.startswith(("Locate", "Point"))]
        listed = [json.loads(turn.answer) for turn in drilled]
        assert len({thing.pair for thing in example.content.things}) > 1
        lengths |= {len(some) for some in listed}
        for some in listed:
            assert all(0 <= v <= 112 for each in some for v in each.get("bbox_2d", each.get("point_2d")))
    assert {1, 2, 3} <= lengths and max(lengths) <= qwen_vl_scenes.BOXES


@pytest.mark.parametrize("family", [QWEN2_5, QWEN3])
def test_a_telling_describes_analyses_and_thinks_where_the_family_does(family):
    example = qwen_vl_scenes.telling_example(family, 3)
    described, analysed, asked = (talk[0] for talk in example.talks)
    assert described.answer == scenes.description(example.content)
    assert analysed.answer == scenes.analysis(example.content)
    assert asked.reasoning == (scenes.reasoning(example.content) if family.thinks else None)


def test_every_pair_is_asked_what_is_different():
    for i in range(16):
        talks = pair_example(QWEN2_5, i).talks
        assert any(turn.question in pairs.COMPARE for [turn] in talks) and len(talks) <= 5


def test_box_labels_tell_the_box_of_what_stands_there():
    for scene in scenes.scenes("train", 20):
        names, boxes = patch_labels.scene_labels(scene, 16), patch_labels.box_labels(scene, 16)
        shown = (names > 0).any(-1)
        assert ((boxes > 0).all(-1) == shown).all() and ((boxes > 0).any(-1) == shown).all()
        told = {tuple(edges) for edges in boxes[boxes[..., 0] > 0].tolist()}
        true = [scenes.box(thing, 1) for thing in (*scene.things, *([scene.sign] if scene.sign else []))]
        for edges in told:
            shares = np.array(edges) / patch_labels.BOX_STEPS
            assert min(np.abs(shares - np.array(box)).max() for box in true) <= 1 / patch_labels.BOX_STEPS
        (ground,) = np.unique(patch_labels.background_labels(scene, 16))
        assert scenes.BACKGROUNDS[ground - 1] == scene.background


def test_only_answers_carry_loss():
    tokenizer = qwen_vl_data.build_tokenizer()
    for family in (QWEN2_5, QWEN3):
        example = qwen_vl_scenes.scene_example(family, 5, 8)
        example.talks = example.talks[-1:]
        sequence = qwen_vl_data.encode(example, family)
        learned = tokenizer.decode([label for label in sequence.labels if label != qwen_vl_data.IGNORED])
        assert learned == example.talks[0][-1].answer + "<|im_end|>"


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_document_labels_lie_on_their_characters(scale):
    """Where a label says that there is ink, the picture has more contrast than where there is none."""
    inked, empty = [], []
    for document in documents.documents("train", 12, kind="receipt"):
        image = np.asarray(documents.render(document, scale).convert("L"), dtype=float)
        patch = round(7 * scale)
        rows, columns = image.shape[0] // patch, image.shape[1] // patch
        labels = patch_labels.document_labels(document, columns * patch, rows * patch, patch)
        cut = image[: rows * patch, : columns * patch].reshape(rows, patch, columns, patch).std((1, 3))
        letters = (labels > 0).all(-1)
        inked.append(cut[letters].mean())
        empty.append(cut[(labels == 0).all(-1)].mean())
    assert np.mean(inked) > 2 * np.mean(empty)


def test_the_sizes_are_sizes():
    counts = {role: sum(p.numel() for p in qwen_vl.build_model(role).parameters()) for role in qwen_vl.SIZES}
    s, m, large = (counts[f"qwen2_5_vl-{size}"] for size in "sml")
    assert s < m < large < 6e6 and counts["qwen3_vl"] < 6e6
    assert sum(counts.values()) * 2 < 20e6  # bytes of float16: 20 MB for the four of them
    for role in qwen_vl.SIZES:
        assert all(value % 64 == 0 for value in (qwen_vl.SIZES[role][0], qwen_vl.SIZES[role][2]))
