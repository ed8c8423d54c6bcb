"""The files of N-MNIST, DVS128 Gesture, SHD and SSC, written as their makers publish them."""

import gzip
import io
import tarfile
import zipfile

import h5py
import numpy as np

from hetbrian.training.data.originals import STAND_IN

OVERFLOW = 240
"""The y that says: everything from here on is 2**13 us later; it is no pixel."""


def write_bin(path, times, x, y, on):
    """
    Write an N-MNIST file: 5 bytes an event, x, y, and polarity above 23 bits of microseconds, high byte first.

    Parameters
    ----------
    path : path-like
    times : ndarray, shape (event,)
        In s, below 2**23 us.
    x, y : ndarray of int, shape (event,)
        Pixels, below 240.
    on : ndarray of bool, shape (event,)
        Polarity.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_bin(f"{folder}/1.bin", [0.3], [33], [5], [True])
    ...     pathlib.Path(f"{folder}/1.bin").read_bytes().hex(" ")
    '21 05 84 93 e0'
    """
    stamps = np.floor(np.asarray(times) * 1e6).astype(np.uint32)
    event = np.empty((len(stamps), 5), dtype=np.uint8)
    event[:, 0], event[:, 1] = x, y
    event[:, 2] = (np.asarray(on).astype(np.uint32) << 7) | (stamps >> 16)
    event[:, 3], event[:, 4] = (stamps >> 8) & 255, stamps & 255
    event.tofile(path)


def write_gesture(path, times, x, y, on):
    """
    Write a DVS128 Gesture file as tonic publishes them: rows of x, y, polarity and time in ms.

    Parameters
    ----------
    path : path-like
        Its name is the label, its folder the subject and the light.
    times : ndarray, shape (event,)
        In s.
    x, y : ndarray of int, shape (event,)
        Pixels.
    on : ndarray of bool, shape (event,)
        Polarity.
    """
    stamps = np.floor(np.asarray(times) * 1e3)
    np.save(path, np.stack([x, y, on, stamps], axis=1).astype(np.int32))


def write_spikes(path, samples, labels, speakers, keys, genders, names=(), n_channels=700):
    """
    Write an SHD or SSC file: times in s with half precision, units, labels, speakers and names of the labels.

    Parameters
    ----------
    path : path-like
    samples : iterable of (times, units)
        One for each label; written as they come, so that none need wait in memory.
    labels, speakers : array-like of int, shape (sample,)
    keys : sequence of str
        Names of the labels.
    genders : sequence of str
        Of each speaker.
    names : sequence of str, optional
        Of each speaker; SHD and SSC have none.
    n_channels : int
        Written where it is not the 700 of SHD and SSC.
    """
    with h5py.File(path, "w") as file:
        times = file.create_dataset("spikes/times", (len(labels),), dtype=h5py.vlen_dtype(np.float16))
        units = file.create_dataset("spikes/units", (len(labels),), dtype=h5py.vlen_dtype(np.uint16))
        for at, (when, unit) in enumerate(samples):
            times[at], units[at] = when.astype(np.float16), unit.astype(np.uint16)
        file["labels"] = np.asarray(labels, dtype=np.uint16)
        file["extra/speaker"] = np.asarray(speakers, dtype=np.uint16)
        file["extra/keys"] = np.array([key.encode() for key in keys])
        file["extra/meta_info/gender"] = np.array([gender.encode() for gender in genders])
        for unknown in ("age", "body_height"):
            file[f"extra/meta_info/{unknown}"] = np.full(len(genders), np.nan)
        if names:
            file["extra/speaker_names"] = np.array([name.encode() for name in names])
        if n_channels != 700:
            file.attrs["n_channels"] = n_channels


def write_archive(path, text):
    """
    Write the archive that tonic looks for; all that is in it is what this is, the same bytes whenever it is written.

    Parameters
    ----------
    path : Path
        Ends with .zip or .tar.gz.
    text : str
        What the files are.
    """
    content = text.encode()
    if path.name.endswith(".zip"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(zipfile.ZipInfo(STAND_IN), content)
        return
    member = tarfile.TarInfo(STAND_IN)
    member.size = len(content)
    with (
        open(path, "wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        archive.addfile(member, io.BytesIO(content))
