"""The formats that people have for fine-tuning on pictures and sound, all into and out of one ``Example``.

>>> from helpers.finetune import formats
>>> examples, report = formats.read("AffectNet-train.json", formats.ALPACA, roots=["images"])    # doctest: +SKIP
>>> print(report)                                                                                # doctest: +SKIP
>>> formats.write(examples, "llama_factory/emotion.json", formats.MESSAGES, root="images")       # doctest: +SKIP
>>> formats.to_conversation(examples[0])                                                         # doctest: +SKIP

| format | read | write |
| --- | --- | --- |
| LLaMA-Factory's alpaca | ``read(path, ALPACA)`` | ``write(examples, path, ALPACA)`` |
| ShareGPT, ``conversations`` (``from``, ``value``) | ``read(path, SHAREGPT)`` | ``write(examples, path, SHAREGPT)`` |
| ShareGPT, ``messages`` (``role``, ``content``) | ``read(path, MESSAGES)`` | ``write(examples, path, MESSAGES)`` |
| either, with the names in ``dataset_info.json`` | ``read_dataset(folder, name)`` | ``write(…, layout, name=…)`` |
| MedTrinity-25M | ``read(path, MedTrinity())``; ``export`` first | ``write_medtrinity(examples, path)`` |
| AffectNet, five layouts | ``read_affectnet(path)`` | ``write_affectnet(examples, path)`` |

Nothing outside the folders that the caller gives is opened, whatever a data file says. ``medtrinity`` and ``affectnet``
say in their docstrings what to know about access, licence and consent before using them.
"""

from .affectnet import EMOTIONS, AffectNet, emotion, read_affectnet, write_affectnet
from .example import AUDIO, IMAGE, Example, FormatError, to_conversation
from .llama_factory import ALPACA, MESSAGES, SHAREGPT, Layout, read_dataset
from .medtrinity import MedTrinity, export, write_medtrinity
from .reading import read, stream
from .report import KEPT, LEFT_OUT, REPAIRED, Report
from .writing import write

__all__ = [
    "ALPACA", "AUDIO", "EMOTIONS", "IMAGE", "KEPT", "LEFT_OUT", "MESSAGES", "REPAIRED", "SHAREGPT", "AffectNet",
    "Example", "FormatError", "Layout", "MedTrinity", "Report", "emotion", "export", "read", "read_affectnet",
    "read_dataset", "stream", "to_conversation", "write", "write_affectnet", "write_medtrinity",
]  # fmt: skip
