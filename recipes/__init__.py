"""How each nano checkpoint is trained: one readable script each, all runnable on two CPU cores."""

import helpers  # noqa: F401  (first: it makes torchvision importable beside a CPU build of PyTorch)
