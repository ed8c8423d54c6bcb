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

from hetbrian._support.files import check_regular, writable
from hetbrian._support.scratch import remove_stale, temporary_folder
from hetbrian.study.columns import STATUS, Columns
from hetbrian.study.grid import Grid
from hetbrian.study.journal import Journal, telling
from hetbrian.study.layout import Layout

FILES = (LOCK, DATABASE, EXPORT) = ("lock", "points.sqlite", "points.zarr")
"""What a store has in its folder."""


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
        If the folder holds another sweep, or one of an earlier version, or what is damaged or no sweep's in place of
        its files, which are left as they are; the message says what differs.
    OSError
        If the folder cannot be written, the disk is full, or another process uses it.
    """

    def __init__(self, folder: Any, grid: Grid, identity: dict[str, Any]) -> None:
        self.folder, self.grid = writable(folder, "choose another"), grid
        self.path = self.folder / DATABASE
        if (self.folder / "journal.jsonl").exists():
            raise ValueError(
                f"{str(self.folder)!r} holds a sweep of an earlier version of hetbrian, expected a folder of this one: "
                "choose another, or finish it with that version."
            )
        # as they are after a journey through JSON
        self.identity = json.loads(json.dumps({"grid": grid.description(), "axes": list(grid.names), **identity}))
        with ExitStack() as stack:
            stack.enter_context(_locked(self.folder))
            if not self.path.exists():
                self._check_export()  # before a database is made beside what is no sweep's
            self._journal = stack.enter_context(closing(Journal(self.path, self.identity)))
            _compare(self.folder, self._journal.identity, self.identity)
            self._journal.seal()
            self._check_export(is_replaced=not self._journal.is_exported)
            remove_stale(self.folder)
            self._columns, self._layout = Columns(len(grid)), Layout(grid.names)
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
        index = 0
        try:
            for index, text in self._journal.rows(len(self.grid)):
                if text is None:
                    raise ValueError("not as it was written")
                if (record := self._columns.read(index, text)) is not None:
                    self._layout.take(record)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            if isinstance(error.__cause__, sqlite3.Error):
                raise
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
        self._journal.add(new)
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
        return self._journal.record(index).get("lines", [])

    def export(self) -> Path:
        """
        Write ``points.zarr``, and put the database in the order of the grid; nothing if that was done already.

        Returns
        -------
        Path
            The Zarr store, readable with ``xarray.open_zarr(path, consolidated=False)``.

        Raises
        ------
        ImportError
            If zarr or what it needs is not installed.
        OSError
            If the disk is full; the database is left as it was.
        ValueError
            If something else has come in its place, which is left as it is.
        """
        from hetbrian._support.optional import zarr  # noqa: F401  xarray calls zarr missing where it lacks something

        target = self.folder / EXPORT
        if self._journal.is_exported and target.exists():
            return target
        try:
            with temporary_folder(self.folder) as scratch:
                new, old = scratch / "new", scratch / "old"
                header = {name: json.dumps(item) for name, item in self.identity.items()}
                whole = self.dataset().assign_attrs(header)
                encoding = {name: {"chunks": item.shape} for name, item in whole.variables.items() if item.size}
                whole.to_zarr(new, mode="w", consolidated=False, encoding=encoding, zarr_format=3)
                _sync(new, *new.rglob("*"))
                if self._check_export():
                    target.rename(old)
                new.rename(target)
                _sync(self.folder)
        except OSError as error:
            raise OSError(
                f"{str(target)!r} could not be written ({error.strerror or error}), expected a folder with space: "
                "every point is kept in the database; free some space and start again."
            ) from error
        self._journal.put_in_order()
        return target

    def _check_export(self, is_replaced: bool = True) -> bool:
        """Return whether the Zarr store is there; refuse what is in its place, or in it where it is replaced."""
        target = self.folder / EXPORT
        if not target.exists() and not target.is_symlink():
            return False
        try:
            there = json.loads((target / "zarr.json").read_bytes())["attributes"]
            there = {name: json.loads(there[name]) for name in self.identity if name in there}
            others = [path.name for path in target.iterdir() if path.name != "zarr.json" and not _is_variable(path)]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            there, others = {}, []
        if not there.keys() >= {"grid", "axes"}:
            what = "is"
        elif others and is_replaced:
            what = f"holds {min(others)!r}, which is"
        else:
            _compare(self.folder, there, self.identity)
            return True
        raise ValueError(
            f"{str(target)!r} {what} no part of a sweep, expected nothing else there: move it elsewhere, or choose "
            "another folder."
        )


def _is_variable(path: Path) -> bool:
    """Return whether this is the folder of a variable of a Zarr store."""
    return (path / "zarr.json").exists()


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
    path = folder / LOCK
    if path.exists() or path.is_symlink():
        check_regular(path, "the lock of a sweep")
    with ExitStack() as stack:
        with telling(path):
            lock = stack.enter_context(closing(sqlite3.connect(path, timeout=0)))
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    raise
                raise OSError(
                    f"{str(folder)!r} is in use by another process ({error}), expected one sweep at a time: "
                    "wait for it, or choose another --out."
                ) from error
        yield
