"""What a store finds in the places of its files: nothing of the user is touched."""

import contextlib
import json
import os
import sqlite3

import pytest
import xarray

from tests.study.test_store import GRID, IDENTITY, Store, fill, records, result, tree


@pytest.mark.parametrize("other", ["points.sqlite", "journal.jsonl", None])
def test_files_of_the_user_stay_in_a_folder_whatever_comes_of_it(tmp_path, other):
    place = tmp_path / "s"
    (place / "tmp_thesis").mkdir(parents=True)
    for name in ("tmp_thesis/data", "tmpnotes.txt", other):
        if name:
            (place / name).write_text("mine")
    with contextlib.suppress(ValueError):
        fill(place)
    assert (place / "tmp_thesis" / "data").read_text() == (place / "tmpnotes.txt").read_text() == "mine"
    assert other is None or (place / other).read_text() == "mine"


def test_two_processes_do_not_share_a_store(tmp_path):
    with (
        Store(tmp_path / "s", GRID, IDENTITY),
        pytest.raises(
            OSError, match=r"is in use by another process \(database is locked\), expected one sweep at a time"
        ),
    ):
        Store(tmp_path / "s", GRID, IDENTITY)
    Store(tmp_path / "s", GRID, IDENTITY).__exit__()


def a_folder(path):
    path.mkdir(parents=True)
    (path / "thesis.txt").write_text("mine")


def a_file(path):
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")


def a_link(path):
    a_folder(path.parent.parent / "elsewhere")
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(path.parent.parent / "elsewhere")


def a_zarr_store(path):
    xarray.Dataset({"x": 1.0}, attrs={"grid": "{}"}).to_zarr(path, consolidated=False)
    (path / "thesis.txt").write_text("mine")


def of_another_sweep(path):
    fill(path.parent, identity=IDENTITY | {"point": "m.other"})
    (path.parent / "points.sqlite").unlink()


def a_file_among_ours(path):
    fill(path.parent)
    with Store(path.parent, GRID, IDENTITY) as store:
        store.add({4: result(3)})  # there is something to export
    (path / "thesis.txt").write_text("mine")


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (a_folder, r"points.zarr' is no part of a sweep, expected nothing else there: move it elsewhere, or choose"),
        (a_file, r"points.zarr' is no part of a sweep"),
        (a_link, r"points.zarr' is no part of a sweep"),
        (a_zarr_store, r"points.zarr' is no part of a sweep"),
        (of_another_sweep, "holds another sweep: point is m.other there and m.point here"),
        (a_file_among_ours, r"points.zarr' holds 'thesis.txt', which is no part of a sweep"),
    ],
)
@pytest.mark.parametrize("is_early", [True, False])
def test_what_is_not_ours_is_not_replaced(tmp_path, made, message, is_early):
    """Whether it is there at the start, or has come before the end."""

    own = ("lock", "lock-journal", "points.sqlite")

    def files():
        there = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        return {path: data for path, data in there.items() if path.name not in own}

    place = tmp_path / "s"
    if is_early:
        made(place / "points.zarr")
        before = files()
        with pytest.raises(ValueError, match=message):
            Store(place, GRID, IDENTITY)
        assert made is a_file_among_ours or not (place / "points.sqlite").exists()
    else:
        made(tmp_path / "other" / "points.zarr")
        with Store(place, GRID, IDENTITY) as store:
            store.add({0: result(0)})
            (tmp_path / "other" / "points.zarr").rename(place / "points.zarr")
            before = files()
            with pytest.raises(ValueError, match=message):
                store.export()
        assert list(records(place)) == [0]
    assert files() == before


@pytest.mark.parametrize("name", ["points.sqlite", "lock"])
@pytest.mark.parametrize("made", [os.mkfifo, os.mkdir])
def test_files_of_a_store_are_regular_ones(tmp_path, name, made):
    made(tmp_path / name)
    with pytest.raises(ValueError, match=rf"{name}' is a folder, a pipe or a device, expected the .* of a sweep: give"):
        Store(tmp_path, GRID, IDENTITY)
    assert os.listdir(tmp_path) == (["lock", name] if name != "lock" else [name]) or name == "points.sqlite"


def test_a_lock_of_something_else_is_left_as_it_is(tmp_path):
    (tmp_path / "lock").write_text("mine")
    with pytest.raises(ValueError, match=r"lock' holds no sweep \(file is not a database\), expected one: choose"):
        Store(tmp_path, GRID, IDENTITY)
    assert (tmp_path / "lock").read_text() == "mine"


def test_a_full_disk_is_not_in_use(tmp_path, monkeypatch):
    connect = sqlite3.connect

    class Full(sqlite3.Connection):
        def execute(self, *arguments):
            if arguments[0] == "BEGIN EXCLUSIVE":
                error = sqlite3.OperationalError("database or disk is full")
                error.sqlite_errorcode = sqlite3.SQLITE_FULL
                raise error
            return super().execute(*arguments)

    monkeypatch.setattr(sqlite3, "connect", lambda *args, **options: connect(*args, factory=Full, **options))
    with pytest.raises(OSError, match=r"lock' could not be written \(database or disk is full\), expected a folder of"):
        Store(tmp_path, GRID, IDENTITY)


def test_a_finished_zarr_store_may_get_notes(tmp_path):
    """It is not replaced."""
    fill(tmp_path / "s")
    (tmp_path / "s" / "points.zarr" / "notes.txt").write_text("mine")
    description = tmp_path / "s" / "points.zarr" / "zarr.json"
    found = json.loads(description.read_text())
    found["attributes"]["note"] = "mine"
    description.write_text(json.dumps(found))
    before = tree(tmp_path / "s")
    assert fill(tmp_path / "s").x.values[0, 2] == 2 / 3 and tree(tmp_path / "s") == before
    with Store(tmp_path / "s", GRID, IDENTITY) as store:
        store.add({4: result(3)})
        with pytest.raises(ValueError, match=r"points.zarr' holds 'notes.txt', which is no part of a sweep"):
            store.export()
    assert (tmp_path / "s" / "points.zarr" / "notes.txt").read_text() == "mine" and len(records(tmp_path / "s")) == 6
