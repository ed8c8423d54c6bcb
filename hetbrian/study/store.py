"""The points of a sweep on disk: a database that survives kill -9, and the Zarr store that is made from it."""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray

from hetbrian._support.files import replacing, writable
from hetbrian._support.scratch import remove_stale, temporary_folder
from hetbrian.study.columns import STATUS, Columns
from hetbrian.study.grid import Grid
from hetbrian.study.layout import Layout

EXPORTED = 1
"""What the database says of itself (``user_version``) if the Zarr store has all of it."""


class Store:
    """
    Keep the points of a sweep in a folder, and know which are there; a context manager.

    ``points.sqlite`` holds a row for each finished point and is what counts. ``points.zarr`` is made from it by
    `export`. Neither holds times, hosts or the order in which points finished, so that both are the same bit for bit
    however often the sweep was stopped.

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
        If the folder holds another sweep, or one of an earlier version; the message says what differs.
    OSError
        If the folder cannot be written, the disk is full, or another process uses it.
    """

    def __init__(self, folder: Any, grid: Grid, identity: dict[str, Any]) -> None:
        self.folder, self.grid = writable(folder, "choose another"), grid
        self.path = self.folder / "points.sqlite"
        if (self.folder / "journal.jsonl").exists():
            raise ValueError(
                f"{str(self.folder)!r} holds a sweep of an earlier version of hetbrian, expected a folder of this one: "
                "choose another, or finish it with that version."
            )
        # as they are after a journey through JSON
        self.identity = json.loads(json.dumps({"grid": grid.description(), "axes": list(grid.names), **identity}))
        with ExitStack() as stack:
            stack.enter_context(_locked(self.folder))
            with _writing(self.path):
                self._database = _opened(self.path, self.identity)
                stack.callback(lambda: self._database.close())
                headers = self._database.execute("SELECT identity FROM sweep").fetchall()
            try:
                ((header,),) = headers
                there = json.loads(header)
            except (ValueError, TypeError) as error:
                raise ValueError(
                    f"{str(self.path)!r} is damaged where it says of which sweep it is, expected one description: "
                    "choose another folder, or remove it."
                ) from error
            _compare(self.folder, there, self.identity)
            remove_stale(self.folder)
            self._columns, self._layout = Columns(len(grid)), Layout(grid.names)
            with _writing(self.path):
                self._read()
            self._exit = stack.pop_all()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *error: Any) -> None:
        self._exit.close()

    @property
    def n_done(self) -> int:
        """How many points were computed."""
        return int(np.count_nonzero(self._columns.status == STATUS["done"]))

    @property
    def n_failed(self) -> int:
        """How many points ended in an error."""
        return len(self._columns.errors)

    def todo(self, retry_failed: bool = False) -> list[int]:
        """Return the points that are not there yet, or that failed if these are tried again."""
        wanted = [STATUS["pending"], *([STATUS["failed"]] if retry_failed else ())]
        return np.flatnonzero(np.isin(self._columns.status, wanted)).tolist()

    def _read(self) -> None:
        """Take what is in the database."""
        try:
            for index, text in self._database.execute("SELECT point, record FROM points ORDER BY point"):
                if (record := self._columns.read(index, text)) is not None:
                    self._layout.take(record)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise ValueError(
                f"{str(self.path)!r} is damaged at point {index}, expected what came of it: "
                "delete that row of the table points, and start again."
            ) from error

    def add(self, outcomes: dict[int, str]) -> None:
        """
        Keep what came of some points; they are on the disk when this returns.

        Parameters
        ----------
        outcomes : dict of int to str
            Of `hetbrian.study.outcomes.outcome` or `failure`, by point.

        Raises
        ------
        TypeError, ValueError
            If no point is there yet and the first returned what cannot be kept; later such a point has failed.
        OSError
            If the disk is full.
        """
        new: dict[int, dict[str, Any]] = {}
        layout = self._layout.copy()
        is_first = not self.n_done
        for index, text in outcomes.items():
            found = json.loads(text)
            if (misfit := found.pop("misfit", None)) and is_first:
                raise TypeError(misfit)
            if misfit := layout.misfit(found):
                if is_first:
                    raise ValueError(misfit)
                found = {"error": f"ValueError: {misfit}"}
            layout.take(found)
            is_first = is_first and "error" in found
            new[index] = {"parameters": self.grid.text(index), **found}
        with _writing(self.path):
            _insert(self._database, new)
        for index, record in new.items():
            self._columns.take(index, record)
        self._layout = layout

    def dataset(self) -> xarray.Dataset:
        """
        Return what is there: each variable over the grid and its own dimensions, NaN where no point is.

        Returns
        -------
        xarray.Dataset
            Also ``status`` (see `hetbrian.study.columns.STATUS`) and ``error``, the text of what went wrong.
        """
        variables, own = self._columns.variables(self.grid.names, self.grid.shape)
        return xarray.Dataset(variables, {**self.grid.coordinates(), **own})

    def lines(self, index: int) -> list[str]:
        """Return the user's lines from which the error of a point came, the innermost last."""
        ((text,),) = self._database.execute("SELECT record FROM points WHERE point = ?", (index,))
        return json.loads(text).get("lines", [])

    def export(self) -> Path:
        """
        Write ``points.zarr``, and put the database in the order of the grid; nothing if that was done already.

        Returns
        -------
        Path
            The Zarr store, readable with ``xarray.open_zarr(path, consolidated=False)``.

        Raises
        ------
        OSError
            If the disk is full; the database is left as it was.
        """
        target = self.folder / "points.zarr"
        if self._is_exported() and target.exists():
            return target
        try:
            with temporary_folder(self.folder) as scratch:
                new, old = scratch / "new", scratch / "old"
                header = {name: json.dumps(item) for name, item in self.identity.items()}
                whole = self.dataset().assign_attrs(header)
                encoding = {name: {"chunks": item.shape} for name, item in whole.variables.items() if item.size}
                whole.to_zarr(new, mode="w", consolidated=False, encoding=encoding)
                _sync(new, *new.rglob("*"))
                if target.exists():
                    target.rename(old)
                new.rename(target)
                _sync(self.folder)
        except OSError as error:
            raise OSError(
                f"{str(target)!r} could not be written ({error.strerror or error}), expected a folder with space: "
                "every point is kept in the database; free some space and start again."
            ) from error
        with (
            _writing(self.path),
            replacing(self.path, "free some space") as temporary,
            closing(_opened(temporary, self.identity)) as ordered,
            ordered,
        ):
            rows = self._database.execute("SELECT point, record FROM points ORDER BY point")
            ordered.executemany("INSERT INTO points VALUES (?, ?)", rows)
            ordered.execute(f"PRAGMA user_version = {EXPORTED}")
        self._database.close()
        self._database = _opened(self.path, self.identity)
        return target

    def _is_exported(self) -> bool:
        """Return whether nothing was added since the last `export`."""
        return self._database.execute("PRAGMA user_version").fetchone() == (EXPORTED,)


def _compare(folder: Path, there: dict[str, Any], here: dict[str, Any]) -> None:
    """Refuse a store whose header differs."""
    if _text(there) != _text(here):
        name, other, own = next(_differences(there, here))
        raise ValueError(
            f"{str(folder)!r} holds another sweep: {name} is {other} there and {own} here, expected the same; "
            "choose another --out, or remove it."
        )


def _text(value: Any) -> str:
    """Return plain data as text, in which 1 is not 1.0 and NaN is NaN."""
    return json.dumps(value, sort_keys=True)


def _differences(there: Any, here: Any, name: str = ""):
    """Yield name, value there and value here of what differs."""
    if isinstance(there, dict) and isinstance(here, dict):
        for key in [*there, *(key for key in here if key not in there)]:
            if key not in there or key not in here or _text(there[key]) != _text(here[key]):
                yield from _differences(there.get(key, "missing"), here.get(key, "missing"), f"{name} {key}".strip())
    else:
        one, other = str(there), str(here)
        same = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
        yield name, *(_short(side, same) for side in (one, other))


def _short(text: str, same: int) -> str:
    """Return the part of a long text where it differs from another."""
    if len(text) <= 80:
        return text
    start = max(0, same - 30) if same > 60 else 0
    return f"{'...' if start else ''}{text[start : start + 77]}{'...' if start + 77 < len(text) else ''}"


def _sync(*paths: Path) -> None:
    """Make files and new names in folders durable."""
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other processes out; however this one ends, the system lets them in again."""
    with closing(sqlite3.connect(folder / "lock", timeout=0)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            raise OSError(
                f"{str(folder)!r} is in use by another process ({error}), expected one sweep at a time: "
                "wait for it, or choose another --out."
            ) from error
        yield


def _opened(path: Any, identity: dict[str, Any]) -> sqlite3.Connection:
    """Return the database, made if it is not there."""
    database = sqlite3.connect(path)
    try:
        database.execute("PRAGMA synchronous = EXTRA")  # what is committed survives a power cut
        database.execute("CREATE TABLE IF NOT EXISTS sweep (identity TEXT)")
        database.execute("CREATE TABLE IF NOT EXISTS points (point INTEGER PRIMARY KEY, record TEXT)")
        with database:
            query = "INSERT INTO sweep SELECT ? WHERE NOT EXISTS (SELECT * FROM sweep)"
            database.execute(query, (json.dumps(identity),))
    except sqlite3.Error:
        database.close()
        raise
    return database


def _insert(database: sqlite3.Connection, records: dict[int, dict[str, Any]]) -> None:
    """Keep records in one transaction, after which there is something to export."""
    rows = ((index, json.dumps(record)) for index, record in records.items())
    with database:
        database.execute("BEGIN")
        database.execute("PRAGMA user_version = 0")
        database.executemany("INSERT OR REPLACE INTO points VALUES (?, ?)", rows)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Say what can be done if the database cannot be written or read."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise OSError(
            f"{str(path)!r} could not be written ({error}), expected a folder of yours with space: "
            "finished points are kept; free some space or change its permissions, and start again."
        ) from error
    except sqlite3.DatabaseError as error:
        raise ValueError(f"{str(path)!r} holds no sweep ({error}), expected one: choose another folder.") from error
