"""Where built programs and prepared data are kept, and whether they are still what was kept."""

import contextlib
import hashlib
import os
import shutil
import warnings
from pathlib import Path

from hetbrian._support.files import replacing

SUFFIX = ".blake2b"
"""Of the file with the checksum of another."""


def cache_folder() -> Path:
    """
    Return where built programs are kept: ``HETBRIAN_CACHE``, or hetbrian below the user's cache folder.

    Programs in it are run, so that nobody else may write or own it: it is made, or becomes, private to the user.

    Returns
    -------
    Path

    Raises
    ------
    OSError
        If another user owns it.
    """
    chosen = os.environ.get("HETBRIAN_CACHE")
    folder = Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hetbrian"
    with contextlib.suppress(OSError):  # what is written there says so
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if hasattr(os, "getuid") and folder.is_dir():
        found = folder.stat()
        if found.st_uid != os.getuid():
            raise PermissionError(
                f"the cache {str(folder)!r} belongs to another user, expected one of yours, because its programs are "
                "run: set HETBRIAN_CACHE to another folder."
            )
        if found.st_mode & 0o077:
            folder.chmod(0o700)
    return folder


def checksum(path: str | os.PathLike[str]) -> str:
    """Return the checksum of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def seal(path: str | os.PathLike[str]) -> None:
    """Keep the checksum of a file beside it, for `is_whole`."""
    with replacing(f"{os.fspath(path)}{SUFFIX}", "set HETBRIAN_CACHE to another") as temporary:
        Path(temporary).write_text(checksum(path), encoding="ascii")


def keep(made: str | os.PathLike[str], kept: str | os.PathLike[str]) -> None:
    """
    Put a copy of a file into the cache, whole, with its checksum; two processes may keep the same one at once.

    Parameters
    ----------
    made : path-like
        The file.
    kept : path-like
        Its place, also where something damaged lies.

    Raises
    ------
    OSError
        If the cache cannot be written.
    """
    if os.path.isdir(kept):
        shutil.rmtree(kept)
    with replacing(kept, "set HETBRIAN_CACHE to another") as temporary:
        shutil.copyfile(made, temporary)
    os.chmod(kept, 0o700)
    seal(kept)


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
    path = Path(path)
    try:
        if checksum(path) == Path(f"{path}{SUFFIX}").read_text(encoding="ascii"):
            return True
    except (FileNotFoundError, NotADirectoryError):
        return False  # or its checksum, of a process that was killed between the two
    except (OSError, UnicodeDecodeError):
        pass
    warn_damaged(path)
    return False


def warn_damaged(path: str | os.PathLike[str]) -> None:
    """Say that a file of the cache was damaged and is made anew."""
    warnings.warn(f"{os.fspath(path)!r} was damaged and is made anew.", stacklevel=3)
