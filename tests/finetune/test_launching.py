"""Files for ``accelerate launch``: read by accelerate itself; the one for two processes starts two."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from courses import ROOT, clean_environment

from helpers.errors import CourseError
from helpers.finetune import launching
from helpers.finetune.adapt import load_base
from helpers.finetune.config import Config

SAY_WHO = "import os; print(f\"{os.environ.get('RANK', '-')} of {os.environ.get('WORLD_SIZE', '-')}\", flush=True)\n"


def launch(arguments: list[str], folder: Path) -> list[str]:
    """Who the started processes say they are. They may print at once, without a line break in between."""
    (folder / "who.py").write_text(SAY_WHO)
    done = subprocess.run(
        [sys.executable, "-m", "accelerate.commands.launch", *arguments, "who.py"],
        cwd=folder, env=clean_environment(ROOT), capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return sorted(re.findall(r"[\d-] of [\d-]", done.stdout))


def test_accelerate_reads_every_file(tmp_path):
    from accelerate.commands.config.config_args import load_config_from_file

    files = launching.write_launchers(tmp_path, machines=3, per_machine=4)
    assert set(files) == {"two_processes", "ddp", "fsdp", "machine_0", "machine_1", "machine_2"}
    read = {name: load_config_from_file(str(path)) for name, path in files.items()}
    assert (read["ddp"].num_processes, read["ddp"].num_machines) == (4, 1)
    assert read["fsdp"].distributed_type == "FSDP" and read["fsdp"].fsdp_config == launching.FSDP
    for rank in range(3):
        found = read[f"machine_{rank}"]
        assert (found.machine_rank, found.num_machines, found.num_processes) == (rank, 3, 12)
        assert found.main_process_ip and found.main_process_port


def test_fsdps_settings_are_those_that_accelerate_knows():
    """Each becomes an environment variable, and one that nothing reads would be passed over in silence."""
    import accelerate

    source = Path(accelerate.__file__).parent
    text = (source / "utils" / "dataclasses.py").read_text() + (source / "utils" / "launch.py").read_text()
    text += (source / "commands" / "launch.py").read_text()
    for name in launching.FSDP:
        assert name in text or name.upper() in text or name.removeprefix("fsdp_").upper() in text, name


def test_two_processes_are_two(tmp_path):
    files = launching.write_launchers(tmp_path)
    command = launching.command(files["two_processes"], "config.yaml", "--resume")
    assert command[-3:] == ["helpers.finetune", "config.yaml", "--resume"]
    at = command.index("-m", 3)  # what accelerate is to start
    assert launch(command[3:at], tmp_path) == ["0 of 2", "1 of 2"]


def test_the_obvious_command_starts_one(tmp_path):
    """What the notebook says of ``--cpu --num_processes 2``. Should it fail: accelerate has mended it."""
    plain = [
        "--cpu",
        "--num_processes",
        "2",
        "--num_machines",
        "1",
        "--mixed_precision",
        "no",
        "--dynamo_backend",
        "no",
    ]
    assert launch(plain, tmp_path) == ["- of -"]


def test_nobody_cannot_train():
    with pytest.raises(CourseError, match="at least one"):
        launching.launchers(machines=0)


def test_freed_memory_goes_back():
    """In a process of its own, since the first of the two settings stays."""
    program = """
import psutil
from helpers.finetune import launching, speed
told = speed.keep_freed_memory()
used = lambda: psutil.Process().memory_info().rss / 1e6
kept = [bytearray(50_000) for _ in range(4000)]
full = used()
del kept[1::2], kept[:-1]
launching.give_back_memory()
print(told, full - used())
"""
    done = subprocess.run([sys.executable, "-c", program], env=clean_environment(ROOT), capture_output=True, text=True)
    told, less = done.stdout.split()
    assert told == "False" or float(less) > 100


def test_fsdp_can_share_out_a_base_in_four_bits(tmp_path, monkeypatch):
    """Numbers of one type, the same model. (accelerate refuses FSDP without a GPU: this is as far as a CPU goes.)"""
    import torch.distributed as dist
    from torch.distributed.fsdp import FullyShardedDataParallel

    words = torch.tensor([[5, 6, 7, 8]])
    usual = load_base(Config()).model(input_ids=words).logits
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    model = load_base(Config()).model.requires_grad_(False)
    torch.testing.assert_close(model(input_ids=words).logits, usual)
    layer = model.model.language_model.layers[0]
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'meet'}", rank=0, world_size=1)
    try:
        FullyShardedDataParallel(layer, use_orig_params=False, device_id=torch.device("cpu"))
    finally:
        dist.destroy_process_group()
    assert {p.dtype for p in model.parameters()} == {torch.float32}
