"""Where built programs and prepared data are kept, and how much of them: what was used last stays longest."""

import contextlib
import fcntl
import os
import re
import shutil
import time
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hetbrian._support.files import check_regular, replacing
from hetbrian._support.scratch import remove_stale, temporary_folder
from hetbrian._support.sealed import is_sealed, seal, seal_of, unused

LIMIT = 5 * 10**9
"""Bytes that the cache holds if the user says nothing."""

UNFINISHED = 3600.0
"""Seconds after which something without a seal is left over from a killed process."""

UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


@dataclass(frozen=True)
class Kind:
    """
    What the cache holds of one kind.

    Parameters
    ----------
    name : str
        In the plural.
    folder : str
        Where in the cache.
    pattern : str
        Regular expression of the names: nothing else is touched, as files of the user where the cache is in their way.
    inner : str
        The seal, if it is inside a folder and not beside a file.
    """

    name: str
    folder: str
    pattern: str
    inner: str = ""


KINDS = (
    Kind("programs", "", "[0-9a-f]{32}"),
    Kind("libraries", "", r"[0-9a-f]{32}\.so"),
    Kind("headers", "headers", r"[0-9a-f]{32}\.h\.gch"),
    Kind("objects", "objects", r"[0-9a-f]{32}\.o"),
    Kind("recordings", "recordings", "[a-z0-9]+-[a-z]+-[0-9a-f]{16}", "samples.npz"),
)


@dataclass(frozen=True)
class Entry:
    """
    One thing in the cache.

    Parameters
    ----------
    kind : str
        See `KINDS`.
    paths : tuple of Path
        Its files, or its folder.
    seal : Path
        The file that is locked by who uses it.
    size : int
        Bytes.
    used : float
        When it was used last, or made, in seconds as `time.time` counts.
    """

    kind: str
    paths: tuple[Path, ...]
    seal: Path
    size: int
    used: float

    def remove(self) -> bool:
        """Remove it, unless a process uses it or is about to finish it; return whether it is gone."""
        try:
            with unused(self.seal) as is_free:
                if is_free:
                    self._remove()
                return is_free
        except FileNotFoundError:
            if self.paths[0].exists() and time.time() - self.used > UNFINISHED:
                self._remove()
            return not self.paths[0].exists()
        except OSError:  # of another user
            return False

    def _remove(self) -> None:
        if self.paths[0].is_dir():
            with temporary_folder(self.paths[0].parent) as scratch:
                self.paths[0].rename(scratch / "removed")
        for path in (self.seal, *self.paths):  # without its seal it is nothing any more
            path.unlink(missing_ok=True)


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
    ValueError
        If ``HETBRIAN_CACHE_LIMIT`` is no size, which is told before anything is compiled.
    """
    _limit_there()
    chosen = os.environ.get("HETBRIAN_CACHE")
    folder = Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hetbrian"
    folder = folder.absolute()  # the compiler works in another folder
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


def keep(made: str | os.PathLike[str], kept: str | os.PathLike[str]) -> None:
    """
    Put a copy of a file into the cache, see `put`; what was used least recently makes room for it, see `limit`.

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
    put(made, kept)
    limit(spare=kept)


def put(made: str | os.PathLike[str], kept: str | os.PathLike[str]) -> None:
    """
    Put a copy of a file into the cache, whole, with its checksum; two processes may put the same one at once.

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
    with _alone(Path(kept).parent):
        if is_sealed(kept):  # another process was quicker
            return
        if os.path.isdir(kept):
            shutil.rmtree(kept)
        with replacing(kept, "set HETBRIAN_CACHE to another") as temporary:
            shutil.copyfile(made, temporary)
        os.chmod(kept, 0o700)
        seal(kept)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes from putting something into a folder, so that file and seal are of one of them."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def entries() -> list[Entry]:
    """
    Return what the cache holds, the least recently used first.

    Returns
    -------
    list of Entry
    """
    root = cache_folder()
    found = []
    for kind in KINDS:
        with contextlib.suppress(OSError):
            for path in sorted((root / kind.folder).iterdir()):
                if re.fullmatch(kind.pattern, path.name) and path.is_dir() == bool(kind.inner):
                    with contextlib.suppress(OSError):  # removed meanwhile
                        found.append(_entry(kind, path))
    return sorted(found, key=lambda entry: entry.used)


def _entry(kind: Kind, path: Path) -> Entry:
    mark = path / kind.inner if kind.inner else seal_of(path)
    paths = (path, path.with_suffix("")) if kind.name == "headers" else (path,)  # the header that GCC looks for
    parts = path.iterdir() if kind.inner else (part for part in (*paths, mark) if part.exists())
    used = (mark if mark.exists() else path).stat().st_mtime
    return Entry(kind.name, paths, mark, sum(part.stat().st_size for part in parts), used)


def limit(size: int | None = None, spare: str | os.PathLike[str] | None = None) -> list[Entry]:
    """
    Remove what was used least recently, until the cache is no larger than it may be.

    Parameters
    ----------
    size : int, optional
        Bytes, by default `most`.
    spare : path-like, optional
        What stays, because it was put there to be used now.

    Returns
    -------
    list of Entry
        What was removed. What a process uses stays.

    Raises
    ------
    ValueError
        If ``HETBRIAN_CACHE_LIMIT`` is no size.
    """
    size = most() if size is None else size
    found, removed = entries(), []
    total = sum(entry.size for entry in found)
    for entry in found:
        if total <= size:
            break
        if (spare is None or Path(spare) not in entry.paths) and entry.remove():
            removed.append(entry)
            total -= entry.size
    return removed


def clear() -> list[Entry]:
    """Remove everything that no process uses, and what killed processes have left; return what was removed."""
    root = cache_folder()
    removed = [entry for entry in entries() if entry.remove()]
    for folder in {root / kind.folder for kind in KINDS}:
        remove_stale(folder)
    (root / "cuda" / "libcurand.so").unlink(missing_ok=True)
    return removed


def most() -> int:
    """
    Return how many bytes the cache may hold: ``HETBRIAN_CACHE_LIMIT``, what `set_most` kept, or `LIMIT`.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If it is no size.
    """
    there = _limit_there()
    if there is not None:
        return there
    path = cache_folder() / "limit"
    try:
        check_regular(path, "a size")
        kept = path.read_text(encoding="ascii")
    except FileNotFoundError:
        return LIMIT
    except (OSError, ValueError):
        kept = ""
    if re.fullmatch("[0-9]{1,30}", kept):
        return int(kept)
    warnings.warn(
        f"{str(path)!r} is damaged, expected a number of bytes: set it by hetbrian cache --limit 5GB (5 GB holds now).",
        stacklevel=2,
    )
    return LIMIT


def _limit_there():
    """Return the size in ``HETBRIAN_CACHE_LIMIT``, or None."""
    said = os.environ.get("HETBRIAN_CACHE_LIMIT")
    return parse_size(said, "HETBRIAN_CACHE_LIMIT") if said else None


def set_most(size: int) -> None:
    """Keep in the cache how many bytes it may hold from now on; `OSError` if it cannot be written."""
    with replacing(cache_folder() / "limit", "set HETBRIAN_CACHE to another") as temporary:
        Path(temporary).write_text(str(size), encoding="ascii")


def parse_size(text: str, name: str) -> int:
    """
    Return a number of bytes.

    Parameters
    ----------
    text : str
        A number with kB, MB, GB or TB (powers of 1000), or of bytes.
    name : str
        What it is called, for the error.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If it is none.

    Examples
    --------
    >>> parse_size("2.5 GB", "limit"), parse_size("1000", "limit")
    (2500000000, 1000)
    """
    found = re.fullmatch(r"\s*(\d{1,15}(?:\.\d{1,15})?)\s*([kmgt]?)b?\s*", text, re.IGNORECASE)
    if found is None:
        raise ValueError(f"{name} is {text!r}, expected a size: write 5GB or 500MB, say.")
    return round(float(found[1]) * UNITS[found[2].lower()])


def shown_size(size: int) -> str:
    """
    Return a number of bytes for people.

    Parameters
    ----------
    size : int

    Returns
    -------
    str

    Examples
    --------
    >>> shown_size(2_500_000_000), shown_size(12)
    ('2.5 GB', '12 B')
    """
    unit = next(unit for unit in reversed(UNITS) if size >= UNITS[unit] or not unit)
    shown = f"{size / UNITS[unit]:.1f}" if unit else str(size)
    return f"{shown} {unit.upper() if unit != 'k' else unit}B"


def summaries(found: Iterable[Entry]) -> Iterator[tuple[str, int, int, float, float]]:
    """Yield kind, number, bytes, and seconds since the latest and the earliest use, of each kind that is there."""
    found, now = list(found), time.time()
    for kind in KINDS:
        of_kind = [entry for entry in found if entry.kind == kind.name]
        if of_kind:
            ages = [max(0.0, now - entry.used) for entry in of_kind]
            yield kind.name, len(of_kind), sum(entry.size for entry in of_kind), min(ages), max(ages)
