"""The road of the real ids, out of a hub's cache that holds tiny checkpoints named as Qwen2.5-VL and Qwen3-VL are.

Offline, at the profile of the real weights: loaded, asked, and served with pictures and video. Nothing but the size of
the weights differs from a machine that has downloaded them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from courses import ROOT
from tiny_checkpoints import THINKS, write_qwen_vl

from helpers import profiles

ROLES = {"qwen2_5_vl-s": "Qwen/Qwen2.5-VL-7B-Instruct", "qwen3_vl": "Qwen/Qwen3-VL-8B-Thinking"}
ANSWER = "a red star"

#: What a notebook does, in a process of its own: transformers reads HF_HOME and HF_HUB_OFFLINE when it is imported.
PROGRAM = """
import asyncio, json, sys
from helpers import models
models.free_memory_gb = lambda: 1000.0  # the real weights need tens of GB; these do not
from helpers import chat
from helpers.images import picture_message, video_message
from helpers.server import connect
from helpers.worlds import clips, scenes

role = sys.argv[1]
picture = scenes.render(next(scenes.scenes("heldout", 1)), 112)
frames = clips.frames(next(clips.clips("heldout", 1)))
messages = [picture_message("What is this?", picture), picture_message("The same?", picture, picture),
            video_message("When?", frames, clips.FPS)]

model, processor, spec = models.load(role, "full", download=False)
content = [{"type": "image", "image": picture}, {"type": "text", "text": "What is this?"}]
inputs = processor.apply_chat_template(
    [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=True, return_dict=True,
    return_tensors="pt",
)
written = model.generate(**inputs, max_new_tokens=20)[0, inputs["input_ids"].shape[1]:]

async def ask(server):
    extra = {"chat_template_kwargs": {"enable_thinking": True}}
    async with chat.make_client(server.base_url) as client:
        return [await chat.ask(client, server.models[0], [m], max_tokens=40, extra=extra) for m in messages]

with connect([role], "full") as server:
    replies = asyncio.run(ask(server))
print(json.dumps({
    "class": type(model).__name__, "processor": type(processor).__name__, "id": spec.id, "served": server.models,
    "written": processor.decode(written, skip_special_tokens=True),
    "replies": [[reply.outcome, reply.answer, reply.reasoning, reply.error] for reply in replies],
}))
"""


def fill_hub_cache(home: Path, role: str) -> None:
    """Lay a tiny checkpoint into a Hugging Face cache, under the id and the revision that the registry has."""
    spec = profiles.spec(role, "full")
    assert spec.id == ROLES[role]
    folder = home / "hub" / f"models--{spec.id.replace('/', '--')}"
    write_qwen_vl(folder / "snapshots" / spec.revision, "qwen3_vl" if role == "qwen3_vl" else "qwen2_5_vl", ANSWER)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(spec.revision)


def run(role: str, home: Path) -> subprocess.CompletedProcess:
    settings = {"COURSE_ROOT": str(ROOT), "HF_HOME": str(home), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, role], env=os.environ | settings, capture_output=True, text=True, timeout=400
    )


@pytest.fixture
def real_registry(monkeypatch):
    monkeypatch.delenv("COURSE_ROOT", raising=False)
    profiles.registry.cache_clear()
    yield
    profiles.registry.cache_clear()


@pytest.mark.parametrize("role", ROLES)
def test_the_real_ids_are_loaded_and_served_out_of_a_cache(role, tmp_path, real_registry):
    fill_hub_cache(tmp_path, role)
    done = run(role, tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    thinks = role == "qwen3_vl"
    family = "Qwen3VL" if thinks else "Qwen2_5_VL"
    assert found["class"] == f"{family}ForConditionalGeneration" and found["processor"] == f"{family}Processor"
    assert found["id"] == ROLES[role] and found["served"] == [ROLES[role]]
    assert found["written"].endswith(ANSWER)
    assert found["replies"] == [["ok", ANSWER, THINKS if thinks else "", ""]] * 3


def test_without_the_weights_it_is_said_what_to_do(tmp_path, real_registry):
    done = run("qwen3_vl", tmp_path)
    assert done.returncode != 0 and "course models pull --profile full" in done.stderr
