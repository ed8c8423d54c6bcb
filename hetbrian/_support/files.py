"""Write files whole or not at all, and read what we wrote."""

import os
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np


@contextmanager
def replacing(path, advice):
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
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path) or ".", suffix=os.path.splitext(path)[1])
        os.close(handle)
        try:
            yield temporary
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(temporary, 0o666 & ~mask)  # mkstemp lets nobody else read it
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise OSError(
            f"{path!r} could not be written ({error.strerror or error}), expected a folder with space: {advice}."
        ) from error


def writable_folder(folder):
    """
    Make a folder, and refuse one that cannot be written before anything is computed for it.

    Parameters
    ----------
    folder : path-like
        The folder.

    Returns
    -------
    Path

    Raises
    ------
    OSError
        If it cannot be written.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise OSError(
            f"{str(folder)!r} cannot be written ({error.strerror}), expected a folder of yours: choose another --out."
        ) from error
    return folder


def arrays(path, file_format, entries, what, writer):
    """
    Return the arrays of a file of ours.

    Parameters
    ----------
    path : path-like
        The file, written by `numpy.savez` with an entry ``format``.
    file_format : int
        What this entry must be.
    entries : iterable of str
        Other entries that it must have.
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
        If it is damaged or another kind of file.
    """
    if not os.path.exists(path):
        raise FileNotFoundError(f"{os.fspath(path)!r} does not exist, expected {what}: check the path.")
    try:
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            content = {name: file[name] for name in file.files}
        if content.pop("format").item() != file_format or not set(entries) <= content.keys():
            raise ValueError("another format")
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{os.fspath(path)!r} is not {what}, expected a file that {writer} wrote: save it again."
        ) from error
    return content
