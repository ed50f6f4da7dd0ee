"""What goes wrong on ordinary machines: each fault gets one message that says what to do, and no half-written file.

Pictures are in test_images, an interrupted run in test_runner, a busy port in test_cli, no browser and no Node in the
book's tests; what they share, and the rest, is here.
"""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from courses import ROOT, clean_environment, course

from helpers import files, runner
from helpers.errors import MissingModel, NotEnoughMemory, UnknownName
from helpers.models import check_memory, load
from helpers.profiles import spec


def no_space(*args, **kwargs):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("fails", ["write_text", "replace"])
def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch, fails):
    path = tmp_path / "timings.json"
    files.write_text(path, "old")
    owner = Path if fails == "write_text" else os
    answer = r"The disk is full: .*timings.json.*make clean"
    with monkeypatch.context() as patch, pytest.raises(files.DiskFull, match=answer):
        patch.setattr(owner, fails, no_space)
        files.write_text(path, "new")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_other_errors_of_the_system_are_not_called_a_full_disk(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OSError) as raised:
        files.write_text(tmp_path / "file" / "below", "text")
    assert not isinstance(raised.value, files.DiskFull)


def test_a_run_on_a_full_disk_stops_cleanly(tiny_course):
    """The system itself answers "no space left": Linux has a device for it, in the place of a file to be written."""
    (tiny_course / "_build" / "executed").mkdir(parents=True)
    (tiny_course / "_build" / "executed" / ".timings.json.partial").symlink_to("/dev/full")
    done = course("run", "01_first", root=tiny_course)
    assert done.returncode == 2 and "The disk is full" in done.stderr and "make clean" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tiny_course / "_build" / "executed" / "timings.json").exists()


def test_too_little_room_is_said_before_anything_runs(tiny_course, monkeypatch):
    monkeypatch.setenv("COURSE_ROOT", str(tiny_course))
    monkeypatch.setattr(files.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9, 10**7))
    with pytest.raises(files.DiskFull, match="0.3 GB are needed.*0.0 GB are free"):
        runner.run()
    assert not (tiny_course / "_build").exists()


def test_a_damaged_earlier_output_is_run_again(tiny_course, monkeypatch):
    monkeypatch.setenv("COURSE_ROOT", str(tiny_course))
    target = tiny_course / "_build" / "executed" / "01_first" / "01_adds.ipynb"
    target.parent.mkdir(parents=True)
    for text in ("", "{", '{"metadata": {}}'):
        target.write_text(text)
        assert runner.standing(target, "any") is None


def test_a_damaged_checkpoint_stops_a_notebook_with_one_message(tiny_course, monkeypatch):
    monkeypatch.setenv("COURSE_ROOT", str(tiny_course))
    models = tiny_course / "data" / "models"
    with pytest.raises(MissingModel, match="is missing.*git checkout -- data/models/blip-itm"):
        load("blip-itm")
    shutil.copytree(ROOT / "data" / "models" / "blip-itm", models / "blip-itm")
    shutil.copy(ROOT / "data" / "models" / "SHA256SUMS", models)
    weights = models / "blip-itm" / "model.safetensors"
    os.truncate(weights, weights.stat().st_size - 1)
    with pytest.raises(MissingModel, match="is damaged.*course models train blip") as raised:
        load("blip-itm")
    assert raised.value._render_traceback_() == [f"MissingModel: {raised.value}"]  # what a notebook shows


def test_unknown_roles_and_profiles_are_answered():
    with pytest.raises(UnknownName, match="role 'blip-captoin'.*'blip-caption'"):
        spec("blip-captoin")
    with pytest.raises(UnknownName, match="profile 'Nano'.*'nano'"):
        spec("blip-caption", "Nano")


def test_too_little_memory_names_the_smaller_profile(monkeypatch):
    monkeypatch.setattr("helpers.models.free_memory_gb", lambda: 0.7)
    with pytest.raises(NotEnoughMemory, match=r'needs about 2.5 GB and 0.7 GB are free.*profile = "laptop"'):
        check_memory(spec("blip-caption", "full"))
    check_memory(spec("blip-caption", "nano"))


def test_output_into_a_closed_pipe_is_no_error(tiny_course):
    """`course models list | head -1`"""
    command = f'"{sys.executable}" -m helpers.cli models list | head -1'
    env = clean_environment(ROOT)
    done = subprocess.run(command, shell=True, env=env, capture_output=True, text=True, timeout=120)
    assert done.stdout.startswith("role") and done.stderr == ""
