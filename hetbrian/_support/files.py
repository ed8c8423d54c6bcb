"""Write files whole or not at all, and read what we wrote."""

import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from hetbrian._support.entries import Entry, check_entries, stored
from hetbrian._support.scratch import temporary_file

FORMAT = Entry("iu", 0)
"""Entry of every file of ours."""


def writable(folder: str | PathLike[str], advice: str) -> Path:
    """
    Return a folder, made if it is not there, or refuse one that cannot be written, before anything is computed.

    Parameters
    ----------
    folder : path-like
    advice : str
        What the user can do, for the error.

    Returns
    -------
    Path

    Raises
    ------
    OSError
        If it cannot be made or written.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise OSError(
            f"{str(folder)!r} cannot be written ({error.strerror}), expected a folder of yours: {advice}."
        ) from error
    return folder


@contextmanager
def replacing(path: str | PathLike[str], advice: str) -> Iterator[str]:
    """
    Yield a temporary name beside a file and put what was written there in the file's place.

    Parameters
    ----------
    path : path-like
        The file; an existing one is replaced only after all was written.
    advice : str
        What the user can do if it cannot be written, for the error.

    Yields
    ------
    str
        Where to write.

    Raises
    ------
    OSError
        If the folder cannot be written or the disk is full; an existing file is left as it was.
    """
    path = os.fspath(path)
    try:
        temporary = temporary_file(os.path.dirname(path) or ".", os.path.splitext(path)[1])
        try:
            yield temporary
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(temporary, 0o666 & ~mask)  # mkstemp lets nobody else read it
            os.replace(temporary, path)
        finally:
            with suppress(FileNotFoundError):  # in place
                os.unlink(temporary)
    except OSError as error:
        raise OSError(
            f"{path!r} could not be written ({error.strerror or error}), expected a folder with space: {advice}."
        ) from error


def save_arrays(path: str | PathLike[str], file_format: int, content: Mapping[str, Any]) -> None:
    """
    Write arrays to a ``.npz`` file, whole or not at all, for `arrays` to read.

    Parameters
    ----------
    path : path-like
        The file; an existing one is replaced only after all was written.
    file_format : int
        Kept as the entry ``format``.
    content : dict of str to array_like
        What to keep.

    Raises
    ------
    OSError
        If the folder cannot be written or the disk is full; an existing file is left as it was.
    """
    with replacing(path, "choose another") as temporary, open(temporary, "wb") as file:
        np.savez(file, format=file_format, **content)


def check_regular(path: str | PathLike[str], what: str) -> None:
    """
    Refuse what is no regular file: a pipe or a device may never end.

    Parameters
    ----------
    path : path-like
        The file.
    what : str
        What it should be, for the error.

    Raises
    ------
    FileNotFoundError
        If nothing is there.
    ValueError
        If it is a folder, a pipe, a device or a socket.
    OSError
        If it cannot be looked at.
    """
    path = os.fspath(path)
    try:
        is_regular = stat.S_ISREG(os.stat(path).st_mode)
        if is_regular:
            open(path, "rb").close()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(f"{path!r} does not exist, expected {what}: check the path.") from error
    except OSError as error:
        raise OSError(f"{path!r} cannot be read ({error.strerror}), expected {what}: check the path.") from error
    if not is_regular:
        raise ValueError(f"{path!r} is a folder, a pipe or a device, expected {what}: give a regular file.")


def check_sizes(
    path: str | PathLike[str], content: Mapping[str, np.ndarray], expected: Mapping[str, int | str], advice: str
) -> None:
    """
    Refuse a file whose arrays have other sizes than those that they are read into.

    Parameters
    ----------
    path : path-like
        The file.
    content : dict of str to ndarray
        What is in it.
    expected : dict of str to int or "no"
        How many values are needed of each.
    advice : str
        What the user can do.

    Raises
    ------
    ValueError
        If that is so; the message names the array.
    """
    for name, size in expected.items():
        found = content[name].size if name in content else "no"
        if found != size:
            raise ValueError(f"{os.fspath(path)!r} has {found} values of {name}, expected {size}: {advice}.")


def arrays(
    path: str | PathLike[str], file_format: int, table: Mapping[str, Entry], what: str, writer: str
) -> dict[str, np.ndarray]:
    """
    Return the arrays of a file of ours.

    Parameters
    ----------
    path : path-like
        The file, written by `numpy.savez` with an entry ``format``.
    file_format : int
        What this entry must be.
    table : dict of str to Entry
        Other entries that it must have, and what they may be.
    what, writer : str
        What the file is ("a saved state") and what writes it, for the errors.

    Returns
    -------
    dict of str to ndarray
        Without ``format``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged or another kind of file, or an entry is not what it may be.
    """
    check_regular(path, what)
    try:
        content = stored(path)
        if not table.keys() <= content.keys():
            raise KeyError(sorted(table.keys() - content.keys())[0])
        FORMAT.check(content["format"], "format", path)
        if content.pop("format").item() != file_format:
            raise ValueError("another format")
    except Exception as error:  # zipfile and numpy raise whatever they meet in a damaged file
        raise ValueError(
            f"{os.fspath(path)!r} is not {what}, expected a file that {writer} wrote: save it again."
        ) from error
    check_entries(path, content, table)
    return content
