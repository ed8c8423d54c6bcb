"""Temporary files and folders that are removed even if their process was killed: by the next one that looks there."""

import contextlib
import functools
import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

OWNED = re.compile(r"\.hetbrian-(?P<host>[A-Za-z0-9_.]+)-(?P<process>\d+)-(?P<started>\d+)-")
"""How the name of a temporary file begins: whose it is."""

PLACES = set[str]()
"""Folders in which this process made temporary files or folders."""


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


def remove_own(patience: float = 1.0) -> None:
    """
    Remove all temporary files and folders of this process, which is about to end.

    Those that an interrupt left that came while one was made or removed.

    Parameters
    ----------
    patience : float
        Seconds in which processes that were stopped too, as a compiler, may still write there.
    """
    begins, deadline = prefix(), time.monotonic() + patience
    while True:
        left = [path for place in PLACES for path in _entries(place) if os.path.basename(path).startswith(begins)]
        for path in left:
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    os.unlink(path)
        if not left or time.monotonic() > deadline:
            return
        time.sleep(0.02)


def _entries(folder: str) -> list[str]:
    """Return the paths in a folder, none if it cannot be read."""
    with contextlib.suppress(OSError):
        return [os.path.join(folder, name) for name in os.listdir(folder)]
    return []


def temporary_file(folder: str | os.PathLike[str], suffix: str = "") -> str:
    """Return the path of a new empty file, see `tempfile.mkstemp`; what was left in the folder is removed."""
    PLACES.add(os.path.abspath(folder))
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
    place = folder or tempfile.gettempdir()
    PLACES.add(os.path.abspath(place))
    remove_stale(place)
    with tempfile.TemporaryDirectory(prefix=prefix(), dir=place, ignore_cleanup_errors=True) as made:
        yield Path(made)


@contextlib.contextmanager
def temporary_files_of_others() -> Iterator[None]:
    """Let libraries make their temporary files in a folder of ours, which is removed even if this process is killed."""
    previous = tempfile.tempdir
    with temporary_folder() as folder:
        tempfile.tempdir = str(folder)
        try:
            yield
        finally:
            tempfile.tempdir = previous


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
