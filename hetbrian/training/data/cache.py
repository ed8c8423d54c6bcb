"""Recordings on disk, in files that are mapped into memory, so that a data set is read from its own files once."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from hetbrian._support.cache import limit
from hetbrian._support.entries import COUNT, NOT_NEGATIVE, WHOLE, Entry
from hetbrian._support.files import arrays, check_regular, writable
from hetbrian._support.scratch import temporary_folder
from hetbrian._support.sealed import checksum, hold, warn_damaged
from hetbrian.training.data.recordings import Recordings

FORMAT = 2
COLUMNS = {"times": np.float32, "channels": np.int32}

NUMBERS, TEXT = Entry("i", 1, WHOLE), Entry("U", 0)

ENTRIES = {
    "fingerprint": TEXT,
    "begin": Entry("i", 1, NOT_NEGATIVE, 1),
    "labels": NUMBERS,
    "groups": NUMBERS,
    "shape": Entry("i", 1, COUNT, 1),
    "classes": Entry("U", 1),
    **{f"{name}_checksum": TEXT for name in COLUMNS},
}
"""What the entries of the file with the samples may be."""


def read_recordings(folder, fingerprint):
    """
    Return stored recordings; their events stay on disk until they are used.

    Parameters
    ----------
    folder : path-like
        What `write_recordings` wrote.
    fingerprint : str
        Of the files that the recordings come from.

    Returns
    -------
    Recordings or None
        None if there are none, of these files.
    """
    hold(Path(folder) / "samples.npz")  # they are mapped into memory
    try:
        stored = arrays(Path(folder) / "samples.npz", FORMAT, ENTRIES, "stored recordings", "hetbrian")
        if stored["fingerprint"].item() != fingerprint:
            return None
        columns = {name: _mapped(Path(folder) / name, stored[f"{name}_checksum"].item()) for name in COLUMNS}
        return Recordings(
            **columns,
            begin=stored["begin"],
            labels=stored["labels"],
            groups=stored["groups"] if len(stored["groups"]) else None,
            shape=tuple(stored["shape"].tolist()),
            classes=tuple(stored["classes"].tolist()),
        )
    except FileNotFoundError:
        return None
    except (OSError, TypeError, ValueError):
        warn_damaged(folder)
        return None


def write_recordings(folder, fingerprint, samples, labels, groups, shape, classes):
    """
    Store recordings, sample by sample, and never more than one of them in memory.

    Parameters
    ----------
    folder : path-like
        An older one is removed; one that another process writes meanwhile stays.
    fingerprint : str
        Of the files that the recordings come from.
    samples : iterable of (times, channels)
        Of each sample, in the order of the labels.
    labels : array-like of int, shape (sample,)
    groups : array-like of int, shape (sample,), or None
    shape : tuple of int
    classes : sequence of str
        As those of `Recordings`.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    folder = Path(folder)
    with temporary_folder(writable(folder.parent, "set HETBRIAN_CACHE to another")) as temporary:
        shutil.rmtree(folder, ignore_errors=True)
        begin = [0]
        with open(temporary / "times", "wb") as times, open(temporary / "channels", "wb") as channels:
            for when, channel in samples:
                when.astype(COLUMNS["times"]).tofile(times)
                channel.astype(COLUMNS["channels"]).tofile(channels)
                begin.append(begin[-1] + len(when))
        content: dict[str, Any] = {
            "format": FORMAT,
            "fingerprint": fingerprint,
            "begin": begin,
            "labels": np.asarray(labels, dtype=np.int64),
            "groups": np.array([] if groups is None else groups, dtype=np.int64),
            "shape": shape,
            "classes": classes,
        }
        content |= {f"{name}_checksum": checksum(temporary / name) for name in COLUMNS}
        np.savez(temporary / "samples.npz", **content)
        try:
            os.replace(temporary, folder)
        except OSError:
            if not folder.exists():  # else another process was quicker, with the same
                raise
    limit(spare=folder)


def _mapped(path, expected):
    """Return an array that stays on disk, if it is as it was written."""
    check_regular(path, "stored recordings")
    if checksum(path) != expected:
        raise ValueError("another checksum")
    dtype = COLUMNS[path.name]
    return np.asarray(np.memmap(path, dtype, mode="r")) if path.stat().st_size else np.empty(0, dtype)
