"""Make PyPI's torchvision importable beside a CPU build of PyTorch.

PyPI's torchvision for Linux is built against the CUDA build of PyTorch. Beside a CPU build its
C++ library cannot load, and ``import torchvision`` (which transformers' Qwen-VL video processors and fast
image processors need) fails with "operator torchvision::nms does not exist". Only two operators' *schemas* are
missing at import time; the Python transforms work without the C++ library.

The hook costs nothing until something imports torchvision, and does nothing where the C++ library loads.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from pathlib import Path

SCHEMAS = {
    "torchvision::nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "torchvision::qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}


class _BeforeTorchvision(importlib.abc.MetaPathFinder):
    """Declares the operators just before the first ``import torchvision``, then steps aside."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname != "torchvision":
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec("torchvision")
        if spec is not None and spec.origin:
            declare_missing_operators(Path(spec.origin).parent)
        return None  # let the ordinary finders import it


def install() -> None:
    """Install the hook once; a no-op if torchvision is imported already."""
    if "torchvision" not in sys.modules and not any(isinstance(f, _BeforeTorchvision) for f in sys.meta_path):
        sys.meta_path.insert(0, _BeforeTorchvision())


def declare_missing_operators(package: Path) -> bool:
    """Load torchvision's C++ library; where it cannot load, declare the schemas. True if it had to."""
    import torch

    for library in (*package.glob("_C*.so"), *package.glob("_C*.pyd")):
        try:
            torch.ops.load_library(library)
        except OSError:  # built against another torch: a CUDA library or a symbol is missing
            continue
        return False
    for name, schema in SCHEMAS.items():
        namespace, operator = name.split("::")
        if not hasattr(getattr(torch.ops, namespace), operator):
            torch.library.define(name, schema)
    return True
