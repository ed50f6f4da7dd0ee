"""``course doctor`` on healthy and ill installations: every problem is found and says what to do."""

import json
import shutil
from collections import namedtuple

import psutil
import pytest
from courses import ROOT

from helpers import doctor


def by_name(name: str, found=None) -> doctor.Check:
    return next(check for check in found or doctor.checks() if check.name == name)


def test_every_check_is_complete():
    found = doctor.checks()
    assert len({check.name for check in found}) == len(found) > 12
    for check in found:
        assert check.status in ("ok", "note", "problem") and check.detail
        assert check.status != "problem" or check.advice, f"{check.name} does not say what to do"
    names = {check.name for check in found}
    assert {"Python", "Packages", "PyTorch", "Model blip-vqa", "Memory", "Disk", "Device", "Profile full"} <= names


def test_json_is_json_and_keys_stay_secret(capsys, monkeypatch):
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-very-secret")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    doctor.main(as_json=True)
    doctor.main()
    said = capsys.readouterr().out
    assert "sk-very-secret" not in said and "secret" not in said
    data = json.loads(said.split("\n}\n")[0] + "\n}")
    found = {check["name"]: check for check in data["checks"]}
    assert found["DASHSCOPE_API_KEY"]["detail"] == "set" and found["OPENAI_API_KEY"]["detail"] == "not set"
    assert data["ok"] == all(check["status"] != "problem" for check in data["checks"])


@pytest.fixture
def own_copy(tiny_course, monkeypatch):
    """A course with copies of the nano checkpoints, to damage."""
    shutil.copytree(ROOT / "data" / "models", tiny_course / "data" / "models", ignore=shutil.ignore_patterns(".*"))
    monkeypatch.setenv("COURSE_ROOT", str(tiny_course))
    return tiny_course


def test_whole_checkpoints_are_ok(own_copy):
    trained = [check for check in doctor.checkpoints() if check.detail != "not trained yet"]
    assert trained and {check.status for check in trained} == {"ok"}


def damage(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1  # a single bit
    path.write_bytes(data)


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: damage(folder / "blip-vqa" / "model.safetensors"),
        lambda folder: (folder / "blip-vqa" / "model.safetensors").unlink(),
        lambda folder: (folder / "blip-vqa" / "model.safetensors").write_bytes(b""),
        lambda folder: (folder / "blip-vqa" / "config.json").unlink(),
        lambda folder: shutil.rmtree(folder / "blip-vqa"),
        lambda folder: (folder / "SHA256SUMS").unlink(),
    ],
    ids=["one bit", "no weights", "empty weights", "no config", "no folder", "no hashes"],
)
def test_harmed_checkpoints_are_found(own_copy, harm, capsys, monkeypatch):
    harm(own_copy / "data" / "models")
    check = by_name("Model blip-vqa", doctor.checkpoints())
    assert check.status == "problem" and "git checkout -- data/models" in check.advice
    monkeypatch.setattr(doctor, "checks", lambda: [check])
    assert doctor.main() == 1
    assert "✗ problem" in capsys.readouterr().out


def test_packages_against_the_lock(own_copy):
    lock = own_copy / "requirements.lock"
    for line, status, says in [
        ("tqdm==0.0.1", "note", "tqdm"),
        ("no-such-package-here==1.0", "problem", "not installed: no-such-package-here"),
        ("no-such-package-here==1.0 ; sys_platform == 'plan9'", "ok", "all 0"),
    ]:
        lock.write_text(f"# a comment\n{line}\n", encoding="utf-8")
        check = doctor.packages()
        assert check.status == status and says in check.detail
    lock.unlink()
    assert doctor.packages().status == "problem" and "git checkout" in doctor.packages().advice


def test_an_unsupported_python_is_a_problem(monkeypatch):
    Version = namedtuple("Version", "major minor")
    for version, status in [((3, 10), "problem"), ((3, 11), "ok"), ((3, 13), "ok"), ((3, 14), "problem")]:
        monkeypatch.setattr(doctor.sys, "version_info", Version(*version))
        assert doctor.python().status == status


def test_little_memory_and_a_full_disk_are_problems(monkeypatch):
    Memory, Disk = namedtuple("Memory", "available total"), namedtuple("Disk", "free")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Memory(0.3e9, 4e9))
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: Disk(0.1e9))
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    found = [*doctor.hardware(), *doctor.profile_needs()]
    status = {check.name: check.status for check in found}
    assert status["Memory"] == status["Disk"] == status["Profile nano"] == "problem"
    assert status["Profile full"] == "note"  # nobody needs it to take the course
    assert "make clean" in by_name("Disk", found).advice


def test_without_node_or_browser_the_course_still_works(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert {check.status for check in doctor.programs()} == {"note"}
    assert all(check.advice.startswith("Optional") for check in doctor.programs())
