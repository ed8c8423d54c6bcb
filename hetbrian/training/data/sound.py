"""A recording of sound in a file, WAV or FLAC, read whole or refused; and what of it is louder than the room."""

import struct
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path

import numpy as np

from hetbrian._support.arguments import checked
from hetbrian._support.checks import file_path, positive
from hetbrian._support.files import check_regular

ENDINGS = (".wav", ".flac")
"""Files that are read."""

FRAME = 0.01
"""Seconds over which `trimmed` measures loudness: two periods of a low voice."""

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
    name = fspath(path)
    check_regular(path, "a recording")
    if not _is_whole(path):
        raise ValueError(f"{name!r} is shorter than its header says, expected a whole recording: get it again.")
    with _opened(name) as file:
        sound, rate = file.read(dtype="float32", always_2d=True), file.samplerate
    sound = sound.mean(axis=1)
    if not len(sound):
        raise ValueError(f"{name!r} is empty, expected a recording: remove it.")
    if not np.isfinite(sound).all():
        raise ValueError(f"{name!r} holds samples that are not finite, expected a recording: get it again.")
    if not sound.any():
        raise ValueError(f"{name!r} is silent, expected a recording: remove it.")
    return sound, rate


@checked(path=file_path)
def sample_rate(path: str | PathLike[str]) -> int:
    """
    Return the samples per second of a recording, of which nothing but the header is read.

    Parameters
    ----------
    path : path-like
        WAV or FLAC file.

    Returns
    -------
    int

    Raises
    ------
    FileNotFoundError, ValueError, ImportError
        As `read_sound`.
    """
    check_regular(path, "a recording")
    with _opened(fspath(path)) as file:
        return file.samplerate


@contextmanager
def _opened(name):
    """Open a recording, or say that it is none."""
    from hetbrian._support.optional import soundfile

    try:
        with soundfile.SoundFile(name) as file:
            yield file
    except (soundfile.SoundFileError, ValueError, TypeError, MemoryError) as error:
        raise ValueError(f"{name!r} is no recording ({error}), expected a WAV or FLAC file: convert it.") from error


@checked(rate=positive, trim=positive)
def trimmed(sound: np.ndarray, rate: float, trim: float) -> np.ndarray:
    """
    Return a sound without the silence before and after it.

    Parameters
    ----------
    sound : ndarray, shape (sample,)
        At least one sample is not 0.
    rate : float
        Samples per second.
    trim : float
        In dB: silence is what is softer than the loudest 10 ms by more.

    Returns
    -------
    ndarray, shape (sample,)
        From the first to the last 10 ms that are no silence; pauses in between stay.

    Examples
    --------
    >>> len(trimmed(np.repeat([0.001, 0.5, 0.001, 0.5, 0.001], 800), 8000, 25.0))
    2400
    """
    length = max(1, round(FRAME * rate))
    power = np.add.reduceat(sound.astype(float) ** 2, np.arange(0, len(sound), length))
    loud = np.flatnonzero(power > power.max() * 10 ** (-trim / 10))
    return sound[loud[0] * length : (loud[-1] + 1) * length]


def _is_whole(path):
    """Return whether a WAV file is as long as it says; libsndfile reads what is left of one that was cut off."""
    with open(path, "rb") as file:
        head = file.read(12)
    if len(head) < 12 or head[:4] != b"RIFF":
        return True
    (size,) = struct.unpack("<I", head[4:8])
    return size == UNKNOWN or size + 8 <= Path(path).stat().st_size + 1  # a last byte that fills up may be missing
