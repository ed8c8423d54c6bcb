"""Temporary files and folders that are removed even if their process was killed: by the next one that looks there."""

import contextlib
import functools
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

OWNED = re.compile(r"\.hetbrian-(?P<host>[A-Za-z0-9_.]+)-(?P<process>\d+)-(?P<started>\d+)-")
"""How the name of a temporary file begins: whose it is."""


def prefix() -> str:
    """Return how the names of this process's temporary files begin."""
    process = os.getpid()
    return f".hetbrian-{_host()}-{process}-{_started(process)}-"


def remove_stale(folder: str | os.PathLike[str]) -> None:
    """
    Remove what killed processes of this user and machine have left in a folder, and nothing else.

    Parameters
    ----------
    folder : path-like
        One that cannot be read is left as it is.
    """
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            owner = OWNED.match(entry.name)
            if owner is None or owner["host"] != _host() or entry.stat(follow_symlinks=False).st_uid != os.getuid():
                continue
            if _is_alive(int(owner["process"]), int(owner["started"])):
                continue
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)


def temporary_file(folder: str | os.PathLike[str], suffix: str = "") -> str:
    """Return the path of a new empty file, see `tempfile.mkstemp`; what was left in the folder is removed."""
    remove_stale(folder)
    handle, path = tempfile.mkstemp(suffix, prefix(), folder)
    os.close(handle)
    return path


@contextlib.contextmanager
def temporary_folder(folder: str | os.PathLike[str] | None = None) -> Iterator[Path]:
    """
    Yield a new folder, and remove it.

    Parameters
    ----------
    folder : path-like, optional
        Where it is, by default among the system's temporary files.

    Yields
    ------
    Path

    Raises
    ------
    OSError
        If it cannot be made.
    """
    remove_stale(folder or tempfile.gettempdir())
    with tempfile.TemporaryDirectory(prefix=prefix(), dir=folder, ignore_cleanup_errors=True) as made:
        yield Path(made)


@functools.cache
def _host() -> str:
    """Return the name of this machine, in letters that a file's name may have."""
    return re.sub(r"[^A-Za-z0-9_.]", "_", platform.node()) or "unknown"


def _started(process: int) -> int:
    """Return when a process started, as its system counts, or 0 if that cannot be told."""
    try:
        with open(f"/proc/{process}/stat", encoding="ascii", errors="replace") as file:
            return int(file.read().rpartition(")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return 0


def _is_alive(process: int, started: int) -> bool:
    """Return whether a process runs, and is the one that started then: numbers of processes come again."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return started in (0, _started(process))
