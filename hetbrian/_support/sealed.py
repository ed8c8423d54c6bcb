"""Files with a checksum beside them, which tells damage, and a lock on that, which tells that somebody uses them."""

import contextlib
import fcntl
import hashlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

from hetbrian._support.files import check_regular, replacing

SUFFIX = ".blake2b"
"""Of the file with the checksum of another, its seal."""

_HELD: dict[str, int] = {}
"""Descriptors of what this process uses until it ends."""


def seal_of(path: str | os.PathLike[str]) -> Path:
    """Return the file with the checksum of another."""
    return Path(f"{os.fspath(path)}{SUFFIX}")


def checksum(path: str | os.PathLike[str]) -> str:
    """Return the checksum of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def seal(path: str | os.PathLike[str]) -> None:
    """Keep the checksum of a file beside it, for `is_whole`."""
    with replacing(seal_of(path), "set HETBRIAN_CACHE to another") as temporary:
        Path(temporary).write_text(checksum(path), encoding="ascii")


def is_sealed(path: str | os.PathLike[str]) -> bool | None:
    """Return whether a file is as it was sealed, None if it, or its seal, is not there."""
    try:
        for part in (path, seal_of(path)):
            check_regular(part, "a file of the cache")
        return checksum(path) == seal_of(path).read_text(encoding="ascii")
    except (FileNotFoundError, NotADirectoryError):
        return None  # or its seal, of a process that was killed between the two
    except (OSError, ValueError):
        return False


def is_whole(path: str | os.PathLike[str]) -> bool:
    """
    Return whether a file is there and as it was sealed; a damaged one is named in a warning.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    bool
    """
    found = is_sealed(path)
    if found is False:
        warn_damaged(path)
    return bool(found)


@contextlib.contextmanager
def used(path: str | os.PathLike[str]) -> Iterator[bool]:
    """Yield whether a file is whole, see `is_whole`, and keep it from being removed meanwhile."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # there is none
            stack.callback(os.close, _locked(seal_of(path)))
        yield is_whole(path)


def hold(path: str | os.PathLike[str]) -> None:
    """
    Keep what a file seals from being removed until this process ends, and note that it was used.

    Parameters
    ----------
    path : path-like
        The seal.
    """
    path = os.fspath(path)
    with contextlib.suppress(OSError):  # there is none
        descriptor = _locked(path)
        if path in _HELD:
            os.close(_HELD.pop(path))
        _HELD[path] = descriptor


def _locked(path: str | os.PathLike[str]) -> int:
    """Return a descriptor of a seal, locked with others who use it; it counts as used now."""
    while True:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # where a pipe lies, nobody may write to it
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):  # else it was removed or replaced meanwhile
                os.utime(path)
                return descriptor
        os.close(descriptor)


@contextlib.contextmanager
def unused(path: str | os.PathLike[str]) -> Iterator[bool]:
    """Yield whether no process uses what a file seals, and keep those away that are about to."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # where a pipe lies, nobody may write to it
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield os.path.samestat(os.fstat(descriptor), os.stat(path))
    finally:
        os.close(descriptor)


def warn_damaged(path: str | os.PathLike[str]) -> None:
    """Say that a file of the cache was damaged and is made anew."""
    warnings.warn(f"{os.fspath(path)!r} was damaged and is made anew.", stacklevel=3)
