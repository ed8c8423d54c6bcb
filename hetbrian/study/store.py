"""The points of a sweep on disk: a journal that survives kill -9, and the Zarr store that is made from it."""

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import xarray

from hetbrian._support.files import replacing
from hetbrian.study.grid import Grid
from hetbrian.study.outcomes import form, unpacked

STATUS = {"pending": 0, "done": 1, "failed": 2}
"""What the variable ``status`` of a sweep says of each point."""


class Store:
    """
    Keep the points of a sweep in a folder, and know which are there; a context manager.

    The journal holds a line for each finished point and is what counts. ``points.zarr`` is made from it by `export`.
    Neither holds times, hosts or the order in which points finished, so that both are the same bit for bit however
    often the sweep was stopped.

    Parameters
    ----------
    folder : path-like
        The folder; made if it does not exist.
    grid : Grid
        The points.
    identity : dict
        What else the results depend on, as plain data: another sweep's store is refused.

    Raises
    ------
    ValueError
        If the folder holds another sweep; the message says what differs.
    OSError
        If the folder cannot be written, the disk is full, or another process uses it.
    """

    def __init__(self, folder: Any, grid: Grid, identity: dict[str, Any]) -> None:
        self.folder, self.grid, self.identity = Path(folder), grid, identity
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = open(self.folder / "lock", "wb")  # noqa: SIM115
        except OSError as error:
            raise OSError(
                f"{str(self.folder)!r} cannot be written ({error.strerror}), expected a folder of yours: "
                "choose another --out."
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise OSError(
                f"{str(self.folder)!r} is in use by another process, expected one sweep at a time: "
                "wait for it, or choose another --out."
            ) from error
        try:
            for path in self.folder.glob("tmp*"):  # of a process that was killed while it wrote
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            # as they are after a journey through JSON
            here = json.loads(json.dumps({"grid": grid.description(), **identity}))
            self._journal = Journal(self.folder / "journal.jsonl", here)
            try:
                _compare(self.folder, self._journal.header, here)
            except ValueError:
                self._journal.close()
                raise
        except BaseException:
            self._lock.close()
            raise
        self._records = {record["point"]: record for record in self._journal.records}
        self._order = [record["point"] for record in self._journal.records]
        self._failed = {index for index, record in self._records.items() if "error" in record}

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *error: Any) -> None:
        self._journal.close()
        self._lock.close()

    @property
    def n_done(self) -> int:
        """How many points were computed."""
        return len(self._records) - len(self._failed)

    @property
    def n_failed(self) -> int:
        """How many points ended in an error."""
        return len(self._failed)

    def todo(self, retry_failed: bool = False) -> list[int]:
        """Return the points that are not there yet, or that failed if these are tried again."""
        return [
            index
            for index in range(len(self.grid))
            if index not in self._records or (retry_failed and index in self._failed)
        ]

    def add(self, outcomes: dict[int, str]) -> None:
        """
        Keep what came of some points; they are on the disk when this returns.

        Parameters
        ----------
        outcomes : dict of int to str
            Of `hetbrian.study.outcomes.outcome` or `failure`, by point.

        Raises
        ------
        OSError
            If the disk is full.
        """
        kept = next((item["values"] for item in self._records.values() if "values" in item), None)
        new: dict[int, Any] = {}
        for index, text in outcomes.items():
            found = json.loads(text)
            if kept is not None and "values" in found and form(kept) != form(found["values"]):
                found = {"error": f"ValueError: the point has {form(found['values'])}, expected {form(kept)}."}
            elif kept is None:
                kept = found.get("values")
            record = {"point": index, "parameters": self.grid.text(index), **found}
            new[index] = record
        self._journal.append([json.dumps(record) for record in new.values()])
        self._records |= new
        self._order += new
        self._failed = self._failed - set(new) | {index for index, record in new.items() if "error" in record}

    def dataset(self) -> xarray.Dataset:
        """
        Return what is there: each variable over the grid and its own dimensions, NaN where no point is.

        Returns
        -------
        xarray.Dataset
            Also ``status`` (see `STATUS`) and ``error``, the text of what went wrong.
        """
        names, size = self.grid.names, len(self.grid)
        status = np.zeros(size, dtype=np.int8)
        errors = np.full(size, "", dtype=object)
        found: dict[str, Any] = {}
        coordinates: dict[str, Any] = {}
        for index in sorted(self._records):
            record = self._records[index]
            status[index] = STATUS["failed" if "error" in record else "done"]
            if "error" in record:
                errors[index] = record["error"]
                continue
            for name, item in record["values"].items():
                if name not in found:
                    shape = (size, *item["shape"])
                    found[name] = (item["dims"], np.full(shape, np.nan), item["attrs"])
                found[name][1][index] = unpacked(item)
            coordinates = coordinates or record["coordinates"]
        variables = {
            name: ((*names, *dims), values.reshape(*self.grid.shape, *values.shape[1:]), attrs)
            for name, (dims, values, attrs) in found.items()
        }
        meanings = {"flag_values": list(STATUS.values()), "flag_meanings": " ".join(STATUS)}
        variables["status"] = (names, status.reshape(self.grid.shape), meanings)
        variables["error"] = (names, errors.reshape(self.grid.shape), {})
        own = {name: (item["dims"], unpacked(item), item["attrs"]) for name, item in coordinates.items()}
        return xarray.Dataset(variables, {**self.grid.coordinates(), **own})

    def export(self) -> Path:
        """
        Put the journal in the order of the grid and write ``points.zarr``.

        Returns
        -------
        Path
            The Zarr store, readable with ``xarray.open_zarr(path, consolidated=False)``.

        Raises
        ------
        OSError
            If the disk is full; the journal is left as it was.
        """
        if self._order != sorted(self._records):
            self._order = sorted(self._records)
            self._journal.rewrite([self._records[index] for index in self._order])
        target = self.folder / "points.zarr"
        temporary = Path(tempfile.mkdtemp(prefix="tmp", dir=self.folder))
        try:
            new, old = temporary / "new", temporary / "old"
            header = {name: json.dumps(item) for name, item in self._journal.header.items()}
            whole = self.dataset().assign_attrs(header)
            encoding = {name: {"chunks": item.shape} for name, item in whole.variables.items() if item.size}
            whole.to_zarr(new, mode="w", consolidated=False, encoding=encoding)
            _sync(new)
            if target.exists():
                target.rename(old)
            new.rename(target)
            sync_folder(self.folder)
        except OSError as error:
            raise OSError(
                f"{str(target)!r} could not be written ({error.strerror or error}), expected a folder with space: "
                "every point is kept in the journal; free some space and start again."
            ) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return target


def _compare(folder: Path, there: dict[str, Any], here: dict[str, Any]) -> None:
    """Refuse a store whose header differs."""
    if there != here:
        name, other, own = next(_differences(there, here))
        raise ValueError(
            f"{str(folder)!r} holds another sweep: {name} is {other} there and {own} here, expected the same; "
            "choose another --out, or remove it."
        )


def _differences(there: Any, here: Any, name: str = ""):
    """Yield name, value there and value here of what differs."""
    if isinstance(there, dict) and isinstance(here, dict):
        for key in [*there, *(key for key in here if key not in there)]:
            if there.get(key) != here.get(key):
                yield from _differences(there.get(key, "missing"), here.get(key, "missing"), f"{name} {key}".strip())
    else:
        yield name, *(_short(side) for side in (there, here))


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _sync(folder: Path) -> None:
    """Make all files of a folder durable."""
    for place, _, files in os.walk(folder):
        for name in files:
            sync_folder(Path(place) / name)
        sync_folder(place)


class Journal:
    """
    Lines of ``checksum JSON``, the first of them a header; each batch is on the disk before `append` returns.

    A line that is not whole, because a crash has cut it off, is dropped when the file is opened: that point is
    computed again. Only one process may write.

    Parameters
    ----------
    path : path-like
        The file.
    header : dict
        First line of a new file; that of an existing one is kept, see `header`.

    Raises
    ------
    OSError
        If the file cannot be read or written.
    ValueError
        If it is no such file.
    """

    def __init__(self, path: Any, header: dict[str, Any]) -> None:
        self.path = Path(path)
        if not self.path.exists():
            self._replace([_line(json.dumps(header))])
        try:
            self._file = open(self.path, "r+b")  # noqa: SIM115
        except OSError as error:
            raise _unwritable(self.path, error) from error
        lines = self._file.readlines()
        found = [_read(line) for line in lines]
        if not found or found[0] is None:
            self._file.close()
            raise ValueError(f"{str(self.path)!r} is no journal of a sweep, expected one: choose another folder.")
        self.header = found[0]
        self.records: list[dict[str, Any]] = [record for record in found[1:] if record is not None]
        self._end = sum(map(len, lines))
        if None in found:
            self.rewrite(self.records)

    def append(self, texts: list[str]) -> None:
        """
        Write records and return when they are on the disk.

        Parameters
        ----------
        texts : list of str
            A JSON object each.

        Raises
        ------
        OSError
            If the disk is full; the file ends with the records before.
        """
        data = b"".join(_line(text) for text in texts)
        try:
            self._file.seek(self._end)
            self._file.write(data)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            self._reopen()
            raise _unwritable(self.path, error) from error
        self._end += len(data)

    def rewrite(self, records: list[dict[str, Any]]) -> None:
        """
        Replace all records at once, in the given order.

        Parameters
        ----------
        records : list of dict
            The records.

        Raises
        ------
        OSError
            If the disk is full; the file is left as it was.
        """
        lines = [_line(json.dumps(item)) for item in (self.header, *records)]
        self._replace(lines)
        self._file.close()
        self._file = open(self.path, "r+b")  # noqa: SIM115
        self._end = sum(map(len, lines))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _replace(self, lines: list[bytes]) -> None:
        """Put lines in the place of the file, whole or not at all."""
        advice = "free some space or choose another --out, and start again"
        with replacing(self.path, advice) as temporary, open(temporary, "wb") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self.path.parent)

    def _reopen(self) -> None:
        """Drop the rest of a record that was not written whole, from the file and from the buffer."""
        with contextlib.suppress(OSError):  # the buffer could not be written: it is closed all the same
            self._file.close()
        self._file = open(self.path, "r+b")  # noqa: SIM115
        self._file.truncate(self._end)


def sync_folder(folder: Any) -> None:
    """
    Make new names in a folder durable.

    Parameters
    ----------
    folder : path-like
        The folder.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _line(text: str) -> bytes:
    data = text.encode()
    return b"%08x %s\n" % (zlib.crc32(data), data)


def _read(line: bytes) -> dict[str, Any] | None:
    """Return the record of a line, None if it is not whole."""
    checksum, _, data = line.partition(b" ")
    if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(data[:-1]):
        return None
    return json.loads(data)


def _unwritable(path: Path, error: OSError) -> OSError:
    return OSError(
        f"{str(path)!r} could not be written ({error.strerror or error}), expected a folder of yours with space: "
        "finished points are kept; free some space or change its permissions, and start again."
    )
