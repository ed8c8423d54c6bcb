"""The folder that keeps a sweep: a journal of finished points, and the Zarr store made from it."""

import fcntl
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import xarray

from hetbrian.grid import Grid
from hetbrian.journal import Journal, sync_folder
from hetbrian.outcome import form, unpacked

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
            Of `hetbrian.outcome.outcome` or `failure`, by point.

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
