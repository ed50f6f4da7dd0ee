"""From one process to several: files for ``accelerate launch --config_file``, and the command that uses them.

>>> files = write_launchers("exported", machines=2, per_machine=8)      # doctest: +SKIP
>>> command(files["two processes"], "config.yaml")                       # doctest: +SKIP

| file | what runs |
| --- | --- |
| ``two_processes.yaml`` | data parallel (DDP) on two processes of one machine's CPU, gloo |
| ``ddp.yaml`` | DDP on a machine's GPUs: a whole model on each |
| ``fsdp.yaml`` | FSDP: each GPU keeps a part of the frozen base, and borrows the rest layer by layer |
| ``machine_0.yaml``, … | DDP on several machines: the same command on each, with its own file |

The first is run in the tests. The others take GPUs that this course's tests do not have: they are written after PEFT's
guide (https://huggingface.co/docs/peft/accelerate/fsdp) and read by accelerate's own reader. Of FSDP one more thing is
tested, that it takes a layer in four bits; accelerate refuses to start it where there is no GPU.

``accelerate launch --cpu --num_processes 2`` (1.15) starts *one* process and says nothing. What starts two is the
launcher for several GPUs, told not to use any, as in ``two_processes.yaml``.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from pathlib import Path

from ..errors import CourseError
from ..files import write_text

PORT = 29500
COMMON = {"compute_environment": "LOCAL_MACHINE", "debug": False, "downcast_bf16": "no", "machine_rank": 0,
          "main_training_function": "main", "num_machines": 1, "rdzv_backend": "static", "same_network": True,
          "use_cpu": False}  # fmt: skip
#: The base's layers are shared out; adapters, which are trained, are wrapped apart (transformers' Trainer sees to it).
FSDP = {
    "fsdp_version": 1, "fsdp_auto_wrap_policy": "TRANSFORMER_BASED_WRAP", "fsdp_sharding_strategy": "FULL_SHARD",
    "fsdp_use_orig_params": False, "fsdp_cpu_ram_efficient_loading": True, "fsdp_sync_module_states": True,
    "fsdp_offload_params": False, "fsdp_backward_prefetch": "BACKWARD_PRE", "fsdp_state_dict_type": "FULL_STATE_DICT",
}  # fmt: skip


def launchers(machines: int = 2, per_machine: int = 8, address: str = "10.0.0.1") -> dict[str, dict]:
    """accelerate's settings by file name (without ``.yaml``). Raises CourseError for fewer than one of anything.

    Args:
        machines: of the last kind of run.
        per_machine: GPUs in each machine.
        address: of the first machine, as the others reach it.
    """
    if machines < 1 or per_machine < 1:
        raise CourseError(f"{machines} machines of {per_machine} GPUs cannot train. Give at least one of each.")
    gpus = COMMON | {"distributed_type": "MULTI_GPU", "num_processes": per_machine, "mixed_precision": "bf16"}
    found = {
        "two_processes": gpus | {"num_processes": 2, "use_cpu": True, "mixed_precision": "no"},
        "ddp": gpus,
        "fsdp": gpus | {"distributed_type": "FSDP", "fsdp_config": FSDP},
    }
    for rank in range(machines):
        found[f"machine_{rank}"] = gpus | {
            "num_machines": machines, "num_processes": machines * per_machine, "machine_rank": rank,
            "main_process_ip": address, "main_process_port": PORT, "same_network": True,
        }  # fmt: skip
    return found


def write_launchers(
    folder: str | Path, machines: int = 2, per_machine: int = 8, address: str = "10.0.0.1"
) -> dict[str, Path]:
    """Write the files; their paths by name. Raises CourseError and DiskFull."""
    import yaml

    found = {}
    for name, settings in launchers(machines, per_machine, address).items():
        found[name] = Path(folder) / f"{name}.yaml"
        write_text(found[name], yaml.safe_dump(settings))
    return found


def command(launcher: str | Path, config: str | Path, *more: str) -> list[str]:
    """What starts ``course finetune config`` as a launcher's file says: with this Python, for ``subprocess``.

    By hand it is ``accelerate launch --config_file LAUNCHER -m helpers.finetune CONFIG``.
    """
    return [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(launcher), "--main_process_port",
            "0", "-m", "helpers.finetune", str(config), *more]  # fmt: skip


def give_back_memory() -> None:
    """Give what this process has freed back to the system, before it starts others that need it.

    A training keeps freed memory for itself (``speed.keep_freed_memory``). Without glibc there is nothing to do.
    """
    gc.collect()
    if sys.platform.startswith("linux"):
        try:
            ctypes.CDLL("libc.so.6").malloc_trim(0)
        except (OSError, AttributeError):  # another C library, which gives memory back by itself
            return
