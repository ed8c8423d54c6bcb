"""
A checksum behind the end of an HDF5 file, which HDF5 does not look at.

HDF5 follows addresses in its older structures without a checksum: a single flipped bit can give other numbers, or a
loop without end.
"""

import hashlib
import os
from typing import BinaryIO

MARK = b"\nhetbrian blake2b "
SIZE = len(MARK) + 2 * hashlib.blake2b().digest_size + 1

SIGNATURE = b"\x89HDF\r\n\x1a\n"
END_AT = {0: 40, 1: 44, 2: 28, 3: 28}
"""Where a superblock of each version says where the file ends (HDF5 File Format Specification, II.A)."""

CHUNK = 2**20


def sign(path: str | os.PathLike[str]) -> None:
    """
    Add the checksum of an HDF5 file to its end; whoever changes it with HDF5 cuts that off again.

    Parameters
    ----------
    path : path-like
        The file.
    """
    with open(path, "rb+") as file:
        file.write(_trailer(file, file.seek(0, os.SEEK_END)))


def is_as_signed(path: str | os.PathLike[str]) -> bool:
    """
    Return whether an HDF5 file is as it was when it was signed; True if it never was, or is no such file.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    bool
    """
    with open(path, "rb") as file:
        head, size = file.read(64), file.seek(0, os.SEEK_END)
        at = END_AT.get(head[8]) if len(head) == 64 and head.startswith(SIGNATURE) else None
        if at is None or int.from_bytes(head[at : at + 8], "little") >= size:  # one that is cut short HDF5 refuses
            return True
        trailer = _trailer(file, max(0, size - SIZE))
        return file.read() == trailer


def _trailer(file: BinaryIO, size: int) -> bytes:
    """Return the end that goes with the first bytes of a file, which is left behind these."""
    found, left = hashlib.blake2b(), size
    file.seek(0)
    while left and (chunk := file.read(min(CHUNK, left))):
        found.update(chunk)
        left -= len(chunk)
    file.seek(size)
    return MARK + found.hexdigest().encode() + b"\n"
