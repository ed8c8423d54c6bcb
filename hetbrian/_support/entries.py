"""What the entries of a ``.npz`` file of ours may be: declared once for each format, checked before one is used."""

import math
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hetbrian._support.allowed import Allowed
from hetbrian._support.checks import LARGEST_COUNT, shown

KINDS = {
    "b": "True or False",
    "i": "integers",
    "u": "integers of 0 or more",
    "iu": "integers",
    "f": "floating-point numbers",
    "U": "text",
}
"""Kinds of numpy's dtypes, in words."""

ADVICE, BUILD = "save it again", "build what reads it with the sizes of what was saved"

FINITE = Allowed("finite numbers", ADVICE, included=(False, False))
NUMBERS = Allowed("numbers, infinity among them", ADVICE)  # NaN is in no interval
POSITIVE = Allowed("a finite number above 0", ADVICE, low=0.0, included=(False, False))
NOT_NEGATIVE = Allowed("a finite number of 0 or more", ADVICE, low=0.0, included=(True, False))
UNLIMITED = Allowed("a number of 0 or more, or infinity", ADVICE, low=0.0)
WHOLE = Allowed(f"an integer from 0 to {LARGEST_COUNT}", ADVICE, low=0, high=LARGEST_COUNT)
COUNT = Allowed(f"an integer from 1 to {LARGEST_COUNT}", ADVICE, low=1, high=LARGEST_COUNT)


@dataclass(frozen=True)
class Entry:
    """
    What one entry may be.

    Parameters
    ----------
    kind : {"b", "i", "u", "iu", "f", "U"}
        Kind of its dtype: the precision is free, another kind is refused and not converted.
    ndim : int
        How many axes it has.
    allowed : Allowed, optional
        The numbers that it may have.
    least : int
        How many values it has at least.
    known : tuple of str
        The texts that it may be, if it is one of several.
    """

    kind: str
    ndim: int
    allowed: Allowed | None = None
    least: int = 0
    known: tuple[str, ...] = ()

    def check(self, values: np.ndarray, name: str, path: str | os.PathLike[str]) -> None:
        """
        Refuse anything else.

        Parameters
        ----------
        values : ndarray
            What is in the file.
        name : str
            What the entry is called.
        path : path-like
            The file, for the error.

        Raises
        ------
        ValueError
            If it is of another kind, shape or length, or one of its numbers is not allowed.
        """
        called = f"{name} in {os.fspath(path)!r}"
        if values.dtype.kind not in self.kind:
            raise ValueError(f"{called} is of type {values.dtype}, expected {KINDS[self.kind]}: {ADVICE}.")
        if values.ndim != self.ndim:
            expected = f"{self.ndim} axis" if self.ndim == 1 else f"{self.ndim} axes"
            raise ValueError(f"{called} has the shape {values.shape}, expected {expected}: {ADVICE}.")
        if values.size < self.least:
            raise ValueError(f"{called} has {values.size} values, expected {self.least} or more: {BUILD}.")
        if self.known and values.item() not in self.known:
            raise ValueError(f"{called} is {shown(values.item())}, expected {' or '.join(self.known)}: {ADVICE}.")
        if self.allowed is not None:
            self.allowed.check(called, values)


def check_entries(
    path: str | os.PathLike[str], content: Mapping[str, np.ndarray], table: Mapping[str, Entry], owner: str = ""
) -> None:
    """
    Refuse what is in a file and not as it was declared; what is missing, or not declared, is left to who needs it.

    Parameters
    ----------
    path : path-like
        The file, for the error.
    content : dict of str to ndarray
        What is in it.
    table : dict of str to Entry
        What each entry may be.
    owner : str
        What stands before each name, as ``"neurons."``.

    Raises
    ------
    ValueError
        If that is so; the message names entry and file.
    """
    for name, entry in table.items():
        if name in content:
            entry.check(content[name], f"{owner}{name}", path)


def stored(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """
    Return the arrays that `numpy.savez` wrote, each compared with its checksum.

    What an array says of its size is compared with that of the file before any memory is taken, and it is read to its
    end, without which `zipfile` looks at no checksum.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    Exception
        Whatever `zipfile` and numpy meet in a damaged file.
    """
    found: dict[str, np.ndarray] = {}
    with zipfile.ZipFile(path) as archive:
        largest = os.path.getsize(path)
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            if member.compress_type != zipfile.ZIP_STORED or member.file_size > largest or name in found:
                raise ValueError(f"{name} is not as numpy.savez writes it")
            with archive.open(member) as file:
                version = np.lib.format.read_magic(file)
                if version != (1, 0):  # numpy writes others for structured arrays and names beyond ASCII only
                    raise ValueError(f"{name} has another format")
                shape, _, dtype = np.lib.format.read_array_header_1_0(file)
                size = math.prod(shape) * dtype.itemsize
                if dtype.hasobject or min(shape, default=0) < 0 or file.tell() + size != member.file_size:
                    raise ValueError(f"{name} has another size than it says")
            with archive.open(member) as file:
                found[name] = np.lib.format.read_array(file, allow_pickle=False)
                if file.read(1):  # nothing, but with it the checksum
                    raise ValueError(f"{name} goes on")
    return found
