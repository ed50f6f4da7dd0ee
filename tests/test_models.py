"""The registry and the loader: right models, clear errors, and the road the real ids take."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from helpers import models, profiles, zoo
from helpers.errors import CourseError, MissingModel, NotEnoughMemory, UnknownName

BLIP = ("blip-caption", "blip-vqa", "blip-itm")


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A copy of the registry and the zoo that a test may damage."""
    shutil.copytree(profiles.root() / "data", tmp_path / "data")
    monkeypatch.setenv("COURSE_ROOT", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("role", BLIP)
def test_a_nano_model_is_the_real_class_and_says_what_it_is(role):
    model, processor, spec = models.load(role)
    assert type(model).__name__ == spec.model_class and not model.training
    assert sum(p.numel() for p in model.parameters()) == spec.parameters
    assert "nano" in spec.label and "synthetic" in spec.label
    assert type(processor).__name__ == "BlipProcessor"


def test_the_zoo_is_small_and_only_safetensors():
    files = [path for path in (profiles.root() / "data" / "models").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files if path.parent.name.startswith("blip")) <= 12e6
    assert not [path for path in files if path.suffix in (".bin", ".pt", ".pth", ".pkl")]


def test_the_registry_agrees_with_the_real_configurations():
    """Every BLIP role has weights at nano, laptop and full, pinned, and api falls back to nano by name."""
    for role in BLIP:
        for profile in ("laptop", "full"):
            spec = profiles.spec(role, profile)
            assert spec.profile == profile and len(spec.revision) == 40 and spec.memory_gb * 1e9 > 4 * spec.parameters
        fallback = profiles.spec(role, "api")
        assert fallback.profile == "nano" and "stands in" in fallback.note


def test_memory_is_computed_from_the_count_as_the_registry_says():
    rows = [profiles.spec(role, profile) for role in profiles.roles() for profile in ("laptop", "full")]
    counted = [row for row in rows if row.parameters and not row.is_local]
    assert {row.role for row in counted} > {"r1-s", "qwen2_5_vl-s", "qwen3_vl"}
    for row in counted:
        size = 2 if row.profile == "full" and "blip" not in row.role else 4
        assert row.memory_gb == pytest.approx(row.parameters * size * 1.15e-9 + 0.4, abs=0.06), row.id


def test_on_a_gpu_public_models_take_half_the_room_and_nano_ones_the_same(monkeypatch):
    laptop, nano = profiles.spec("qwen2_5_vl-s", "laptop"), profiles.spec("qwen2_5_vl-s")
    before = models.memory_gb(laptop), models.memory_gb(nano)
    monkeypatch.setattr(models, "device", lambda: "cuda")
    assert models.memory_gb(laptop) - 0.4 == pytest.approx((before[0] - 0.4) / 2)
    assert models.memory_gb(nano) == before[1]
    monkeypatch.setattr(models, "free_memory_gb", lambda: 10.0)
    models.check_memory(laptop)  # 17.7 GB of system memory, 9.0 on a GPU


def test_a_download_that_broke_off_is_not_on_this_machine(tmp_path, monkeypatch):
    import huggingface_hub.constants

    row = profiles.spec("qwen2_5_vl-s", "laptop")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    folder = tmp_path / f"models--{row.id.replace('/', '--')}"
    files = folder / "snapshots" / row.revision
    files.mkdir(parents=True)
    index = {"weight_map": {"a.weight": "model-1.safetensors", "b.weight": "model-2.safetensors"}}
    for name, text in (("config.json", "{}"), ("model.safetensors.index.json", json.dumps(index)),
                       ("model-1.safetensors", "x"), ("model-2.safetensors", "x")):  # fmt: skip
        assert not zoo.present(row), name
        (files / name).write_text(text)
    assert zoo.present(row)


@pytest.mark.parametrize("role, profile, says", [("blip", "nano", "blip-"), ("blip-vqa", "nanno", "nano")])
def test_an_unknown_name_suggests_the_nearest(role, profile, says):
    with pytest.raises(UnknownName, match=f"Did you mean '{says}"):
        models.load(role, profile)


def test_a_missing_checkpoint_says_how_to_get_it_back(checkout):
    shutil.rmtree(checkout / "data" / "models" / "blip-vqa")
    with pytest.raises(MissingModel, match="git checkout -- data/models/blip-vqa"):
        models.load("blip-vqa")


def test_a_damaged_checkpoint_is_not_loaded(checkout):
    weights = checkout / "data" / "models" / "blip-itm" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 0xFF
    weights.write_bytes(content)
    with pytest.raises(MissingModel, match="damaged"):
        models.load("blip-itm")


def test_an_incomplete_checkpoint_names_the_file(checkout):
    (checkout / "data" / "models" / "blip-itm" / "tokenizer.json").unlink()
    with pytest.raises(MissingModel, match="tokenizer.json is missing"):
        models.load("blip-itm")


def test_too_little_memory_says_how_much_and_what_to_pick_instead(monkeypatch):
    monkeypatch.setattr(models, "free_memory_gb", lambda: 1.0)
    with pytest.raises(NotEnoughMemory, match=r'needs about 2.5 GB and 1.0 GB are free. Set profile = "laptop"'):
        models.load("blip-caption", "full")


def test_weights_that_cannot_be_fetched_say_what_to_do(tmp_path):
    """Offline with an empty cache, in a process of its own because transformers reads the setting at import."""
    program = "from helpers.models import load\nload('blip-caption', 'laptop')"
    done = _python(program, HF_HOME=str(tmp_path), HF_HUB_OFFLINE="1")
    assert done.returncode != 0 and "course models pull --profile laptop" in done.stderr


def test_a_course_error_has_no_traceback_in_a_notebook():
    assert CourseError("do this")._render_traceback_() == ["CourseError: do this"]


def test_importing_helpers_imports_no_framework():
    program = "import helpers, sys; assert not {'torch', 'transformers'} & set(sys.modules), 'imported'"
    assert _python(program).returncode == 0


def test_torchvision_imports_beside_any_torch():
    program = "import helpers, torchvision\nfrom torchvision.transforms.v2 import functional"
    done = _python(program)
    assert done.returncode == 0, done.stderr


def put_into_hub_cache(cache, role: str, profile: str) -> None:
    """Lay the nano checkpoint of a role into a Hugging Face cache under the id it has at a profile."""
    real, nano = profiles.spec(role, profile), profiles.spec(role)
    folder = cache / "hub" / f"models--{real.id.replace('/', '--')}"
    shutil.copytree(nano.path, folder / "snapshots" / real.revision)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(real.revision)


@pytest.mark.parametrize("profile", ["laptop", "full"])
def test_a_chapter_runs_under_the_real_ids_out_of_a_cache(tmp_path, profile):
    """The captioning notebook, offline, at a profile of real ids whose cache holds the nano weights."""
    put_into_hub_cache(tmp_path, "blip-caption", profile)
    source = profiles.root() / "notebooks" / "01_blip" / "01_captioning.ipynb"
    out = tmp_path / "out.ipynb"
    command = [
        sys.executable,
        "-m",
        "papermill",
        str(source),
        str(out),
        "-p",
        "profile",
        profile,
        "-p",
        "n_items",
        "20",
    ]
    environment = os.environ | {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    assert profiles.spec("blip-caption", profile).id in json.dumps(json.loads(out.read_text("utf-8")))


def _python(program: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", program], env=os.environ | environment, capture_output=True, text=True, timeout=120
    )
