"""Sounds from and into WAV files, as arrays that a model's feature extractor takes."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CourseError
from ..files import disk_full_is_an_answer

if TYPE_CHECKING:
    import numpy as np

RATE = 16_000  # samples per second; what Whisper's feature extractor, and so Qwen2.5-Omni's, takes


def read_wav(path: str | Path, rate: int = RATE) -> np.ndarray:
    """The samples of a WAV file as float32 between -1 and 1, one channel, at ``rate`` samples per second.

    Raises CourseError for a file that is missing or no WAV.
    """
    import numpy as np
    from scipy.io import wavfile
    from scipy.signal import resample_poly

    try:
        found, samples = wavfile.read(path)
    except (OSError, ValueError, struct.error) as error:  # the last of a header that is cut
        raise CourseError(
            f"The sound {path} cannot be read ({error}). Check the path, and convert other formats to WAV."
        ) from error
    if samples.dtype == np.uint8:  # the only WAV samples without a sign
        samples = (samples.astype(np.float32) - 128) / 128
    elif samples.dtype.kind == "i":
        samples = samples.astype(np.float32) / (np.iinfo(samples.dtype).max + 1)
    samples = samples.mean(axis=1) if samples.ndim > 1 else samples
    return np.asarray(samples if found == rate else resample_poly(samples, rate, found), np.float32)


def write_wav(path: Path, samples: np.ndarray, rate: int = RATE) -> None:
    """Write samples between -1 and 1 as 16-bit WAV of one channel. Raises DiskFull."""
    import numpy as np
    from scipy.io import wavfile

    with disk_full_is_an_answer(path):
        wavfile.write(path, rate, (np.clip(samples, -1, 1) * 32767).round().astype(np.int16))
