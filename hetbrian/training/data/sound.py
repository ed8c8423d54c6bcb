"""A recording of sound in a file, WAV or FLAC, read whole or refused."""

import struct
from os import PathLike, fspath
from pathlib import Path

import numpy as np

from hetbrian._support.arguments import checked
from hetbrian._support.checks import file_path
from hetbrian._support.files import check_regular

ENDINGS = (".wav", ".flac")
"""Files that are read."""

UNKNOWN = 2**32 - 1
"""Length in the header of a WAV file whose writer could not go back to fill it in."""


@checked(path=file_path)
def read_sound(path: str | PathLike[str]) -> tuple[np.ndarray, int]:
    """
    Return a recording; its channels are averaged.

    Parameters
    ----------
    path : path-like
        WAV or FLAC file.

    Returns
    -------
    sound : ndarray of float32, shape (sample,)
        1 is full scale.
    rate : int
        Samples per second.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no recording, cut off, empty, silent or not finite.
    ImportError
        If soundfile is not installed.
    """
    from hetbrian._support.optional import soundfile

    name = fspath(path)
    check_regular(path, "a recording")
    if not _is_whole(path):
        raise ValueError(f"{name!r} is shorter than its header says, expected a whole recording: get it again.")
    try:
        with soundfile.SoundFile(name) as file:
            sound, rate = file.read(dtype="float32", always_2d=True), file.samplerate
    except (soundfile.SoundFileError, ValueError, TypeError, MemoryError) as error:
        raise ValueError(f"{name!r} is no recording ({error}), expected a WAV or FLAC file: convert it.") from error
    sound = sound.mean(axis=1)
    if not len(sound):
        raise ValueError(f"{name!r} is empty, expected a recording: remove it.")
    if not np.isfinite(sound).all():
        raise ValueError(f"{name!r} holds samples that are not finite, expected a recording: get it again.")
    if not sound.any():
        raise ValueError(f"{name!r} is silent, expected a recording: remove it.")
    return sound, rate


def _is_whole(path):
    """Return whether a WAV file is as long as it says; libsndfile reads what is left of one that was cut off."""
    with open(path, "rb") as file:
        head = file.read(12)
    if len(head) < 12 or head[:4] != b"RIFF":
        return True
    (size,) = struct.unpack("<I", head[4:8])
    return size == UNKNOWN or size + 8 <= Path(path).stat().st_size + 1  # a last byte that fills up may be missing
