import errno
import json
import os
import sqlite3
import subprocess
from contextlib import closing

import numpy as np
import pytest
import xarray

from hetbrian._support.checks import shown
from hetbrian._support.scratch import prefix
from hetbrian.study.columns import STATUS
from hetbrian.study.grid import Grid
from hetbrian.study.outcomes import computed, failure, outcome
from hetbrian.study.store import Store

GRID = Grid(kind=("a", "b"), seed=range(3))
IDENTITY = {"point": "m.point", "settings": {"n": "3"}, "sources": {"m": "1", "hetbrian/x.py": "2"}}


def fill(folder, order=range(6), identity=IDENTITY):
    with Store(folder, GRID, identity) as store:
        for index in order:
            if index in store.todo():
                store.add({index: result(index)})
        store.export()
        return store.dataset()


def result(index):
    if index == 4:
        return failure(ZeroDivisionError("by zero"))
    trace = ("time", np.arange(3.0) + index, {"units": "mV"})
    return outcome(
        xarray.Dataset({"x": index / 3, "z": trace}, {"time": [0.0, 1.0, 2.0], "name": ("time", list("pqr"))})
    )


def records(folder):
    with closing(sqlite3.connect(folder / "points.sqlite")) as database:
        return {index: json.loads(text) for index, text in database.execute("SELECT point, record FROM points")}


def tree(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "lock"
    }


def test_points_become_variables_over_the_grid(tmp_path):
    dataset = fill(tmp_path / "s")
    assert dataset.x.dims == ("kind", "seed") and dataset.z.dims == ("kind", "seed", "time")
    assert dataset.x.values[1, 2] == 5 / 3 and dataset.z.values[0, 2].tolist() == [2, 3, 4]
    assert np.isnan(dataset.x.values[1, 1]) and dataset.status.values[1, 1] == STATUS["failed"]
    assert dataset.error.values[1, 1] == "ZeroDivisionError: by zero" and dataset.error.values[0, 0] == ""
    assert dataset.z.attrs == {"units": "mV"} and dataset.name.values.tolist() == ["p", "q", "r"]
    kept = xarray.open_zarr(tmp_path / "s" / "points.zarr", consolidated=False).load()
    assert kept.drop_attrs(deep=False).identical(dataset)
    assert json.loads(kept.attrs["settings"]) == IDENTITY["settings"]


def test_the_store_is_the_same_whatever_the_order_and_interruptions(tmp_path):
    fill(tmp_path / "first")
    with Store(tmp_path / "second", GRID, IDENTITY) as store:
        store.add({5: result(5), 3: result(3)})
    with Store(tmp_path / "second", GRID, IDENTITY) as store:
        assert store.todo() == [0, 1, 2, 4] and store.n_done == 2
        store.export()  # half of it
    fill(tmp_path / "second", order=[4, 0, 2, 1])
    assert tree(tmp_path / "first") == tree(tmp_path / "second")


def test_a_failed_point_is_computed_again_on_request_only(tmp_path):
    fill(tmp_path / "s")
    with Store(tmp_path / "s", GRID, IDENTITY) as store:
        assert store.todo() == [] and store.todo(retry_failed=True) == [4] and store.n_failed == 1
        store.add({4: outcome({"x": 7.0, "z": ("time", np.zeros(3))})})
        assert store.n_failed == 0 and store.n_done == 6
        store.export()
    with Store(tmp_path / "s", GRID, IDENTITY) as store:
        assert store.dataset().x.values[1, 1] == 7 and store.todo(retry_failed=True) == []
    found = records(tmp_path / "s")
    assert list(found) == list(range(6)) and found[4]["parameters"] == {"kind": "b", "seed": "1"}


def test_what_a_killed_process_left_is_removed(tmp_path):
    fill(tmp_path / "s")
    before = tree(tmp_path / "s")
    ended = subprocess.Popen(["true"])
    ended.wait()
    left = prefix().replace(f"-{os.getpid()}-", f"-{ended.pid}-")
    (tmp_path / "s" / f"{left}abc" / "new").mkdir(parents=True)
    (tmp_path / "s" / f"{left}12.sqlite").write_text("half")
    fill(tmp_path / "s")
    assert tree(tmp_path / "s") == before


@pytest.mark.parametrize(
    ("grid", "change", "message"),
    [
        (Grid(kind=("a", "b"), seed=range(4)), {}, r"grid seed values is \[0, 1, 2\] there and \[0, 1, 2, 3\] here"),
        (Grid(kind=("a", "b"), seed=range(3), n=(1,)), {}, r"grid n is missing there and .* here"),
        (Grid(seed=range(3), kind=("a", "b")), {}, r"axes is \['kind', 'seed'\] there and \['seed', 'kind'\] here"),
        (
            Grid(kind=("a", "b"), seed=(0.0, 1.0, 2.0)),
            {},
            r"grid seed values is \[0, 1, 2\] there and \[0.0, 1.0, 2.0\] here",
        ),
        (GRID, {"settings": {"n": "4"}}, "settings n is 3 there and 4 here"),
        (GRID, {"sources": {"m": "1", "hetbrian/x.py": "3"}}, "sources hetbrian/x.py is 2 there and 3 here"),
        (GRID, {"point": "m.other"}, "point is m.point there and m.other here"),
    ],
)
def test_another_sweeps_store_is_refused_with_what_differs(tmp_path, grid, change, message):
    fill(tmp_path / "s")
    with pytest.raises(ValueError, match=rf"holds another sweep: {message}, expected the same; choose another --out"):
        Store(tmp_path / "s", grid, {**IDENTITY, **change})


def test_where_two_long_texts_differ_is_shown(tmp_path):
    settings = [{"settings": {"n": f"[{'0.25, ' * 50}{end}{', 0.75' * 50}]"}} for end in ("0.125", "0.375")]
    fill(tmp_path / "s", identity=IDENTITY | settings[0])
    with pytest.raises(ValueError, match=r"settings n is \.\.\..*0.125.*\.\.\. there and \.\.\..*0.375.*\.\.\. here"):
        Store(tmp_path / "s", GRID, IDENTITY | settings[1])


def test_an_axis_may_hold_nan(tmp_path):
    for _ in range(2):
        with Store(tmp_path / "s", Grid(level=(np.nan, 1.0)), IDENTITY) as store:
            assert len(store.todo()) == 2


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (
            {"error": 0.1},
            "'error' of the point has a name that the sweep uses, expected another one: call it 'my_error'",
        ),
        ({"status": 1}, "'status' of the point has a name that the sweep uses"),
        ({"seed": 1}, "'seed' of the point has the name of an axis of the grid, expected another one: leave it out"),
        ({"x": ("seed", [1.0])}, "the dimension 'seed' of 'x' of the point has the name of an axis of the grid"),
        ({"x": ("error", [1.0])}, "the dimension 'error' of 'x' of the point has a name that the sweep uses"),
        (xarray.Dataset({"x": 1.0}, {"kind": 3}), "'kind' of the point has the name of an axis of the grid"),
        ({"x": 1j}, "'x' of the point holds complex128, expected real numbers"),
    ],
)
def test_a_misfit_stops_at_the_first_point_and_has_failed_at_others(tmp_path, found, message):
    text = computed(lambda: found, {})
    with Store(tmp_path / "s", GRID, IDENTITY) as store:
        store.add({3: failure(ValueError("no"))})
        with pytest.raises((TypeError, ValueError), match=message):
            store.add({0: text})
        assert store.todo() == [0, 1, 2, 4, 5]
        store.add({1: outcome({"y": 1.0})})
        store.add({0: text})
        assert store.n_done == 1 and message in store.dataset().error.values[0, 0]
    assert "misfit" not in records(tmp_path / "s")[0]


T = ("t", [0.0, 1.0])


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (({"x": T}, {"t": [0.0, 2.0]}), "the coordinate 't' of the point has other values, expected those of other po"),
        (({"x": T}, {"label": 4}), "the coordinate 'label' of the point has other values, expected those of other po"),
        (({"x": ("u", [0.0, 1.0])},), "'x' of the point has the dimensions ('u',), expected ('t',) as at other points"),
        (({"y": ("t", [0.0])},), "the dimension 't' of 'y' of the point has size 1, expected 2 as at other points"),
        (({"label": 4.0},), "'label' of the point is a variable, expected a coordinate as at other points"),
        (({}, {"x": 4.0}), "'x' of the point is a coordinate, expected a variable as at other points"),
    ],
)
def test_a_point_of_another_layout_has_failed(tmp_path, second, message):
    first = xarray.Dataset({"x": T}, {"t": [0.0, 1.0], "label": np.nan})
    with Store(tmp_path / "s", GRID, IDENTITY) as store:
        store.add({0: outcome(first), 1: outcome(first + 1)})
    with Store(tmp_path / "s", GRID, IDENTITY) as store:  # it knows the layout again
        store.add({2: outcome(xarray.Dataset(*second))})
        dataset = store.dataset()
        assert store.n_done == 2 and dataset.error.values[0, 2].startswith(f"ValueError: {message}")
        assert dataset.x.values[0, 1].tolist() == [1, 2] and dataset.t.values.tolist() == [0, 1]


NAMES = ["", ".", "..", "zarr.json", "a/b", "a\\b", "a\0b", "a\nb", "\ud800", "x" * 256, "é" * 128]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "found",
    [
        lambda name: {name: 1.0},
        lambda name: {"x": (name, [1.0])},
        lambda name: xarray.Dataset({"x": 1.0}, {name: ("t", [2.0])}),
    ],
)
def test_a_name_that_no_file_can_have_is_refused_at_the_first_point(tmp_path, name, found):
    with Store(tmp_path / "s", GRID, IDENTITY) as store:
        with pytest.raises(ValueError, match="has a name that no file can have, expected 1 to 255 bytes") as caught:
            store.add({0: outcome(found(name))})
        assert shown(name) in str(caught.value) and str(caught.value).isprintable() and len(store.todo()) == 6
        store.add({0: outcome({"x": 1.0})})
        store.add({1: outcome(found(name))})
        assert store.n_done == store.n_failed == 1
        store.export()


@pytest.mark.parametrize("name", [".hidden", "c", "a b", "-", "é" * 127, "x" * 255, "lock", "__x"])
def test_other_names_come_back(tmp_path, name):
    with Store(tmp_path / "s", GRID, IDENTITY) as store:
        store.add({0: outcome({name: ((), 0.5, {"a/b": "\ud800", "units": "s"})})})
        store.add({1: failure(OSError("no \ud800 of a\0b"))})
        path, dataset = store.export(), store.dataset()
    kept = xarray.open_zarr(path, consolidated=False).load()
    assert kept[name].values[0, 0] == 0.5 and kept.drop_attrs(deep=False).identical(dataset)
    assert kept.error.values[0, 1] == "OSError: no \\ud800 of a\\0b"


def test_plain_arrays_are_kept_for_each_point(tmp_path):
    with Store(tmp_path / "s", GRID, IDENTITY) as store:
        for index in range(6):
            store.add({index: outcome({"rates": np.arange(3.0) + index, "m": np.full((2, 2), index)})})
        dataset = store.dataset()
    assert dataset.rates.dims == ("kind", "seed", "rates_0") and dataset.m.dims == ("kind", "seed", "m_0", "m_1")
    assert dataset.rates.values[1, 2].tolist() == [5, 6, 7] and dataset.m.values[:, :, 0, 1].ravel().tolist() == [
        *range(6)
    ]


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        OSError, match=r"cannot be written \(Not a directory\), expected a folder of yours: choose anoth"
    ):
        Store(tmp_path / "file" / "s", GRID, IDENTITY)


def test_a_disk_that_is_full_at_the_end_keeps_the_points(tmp_path, monkeypatch):
    with Store(tmp_path / "s", GRID, IDENTITY) as store:
        store.add({index: result(index) for index in range(6)})

        def full(*args, **options):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(xarray.Dataset, "to_zarr", full)
        with pytest.raises(
            OSError, match=r"\(No space left on device\), expected a folder with space: every point is k"
        ):
            store.export()
    monkeypatch.undo()
    assert sorted(os.listdir(tmp_path / "s")) == ["lock", "points.sqlite"]
    fill(tmp_path / "t")
    fill(tmp_path / "s", order=())
    assert tree(tmp_path / "s") == tree(tmp_path / "t")


def test_a_point_of_another_shape_has_failed(tmp_path):
    with Store(tmp_path / "s", GRID, IDENTITY) as store:
        store.add({0: outcome({"x": 1.0}), 1: outcome({"x": (("t",), [1.0, 2.0])})})
        assert store.n_done == 1
        assert store.dataset().error.values[0, 1] == (
            "ValueError: 'x' of the point has shape (2,), expected () as at other points."
        )
    with Store(tmp_path / "s", GRID, IDENTITY) as store:
        store.add({2: outcome({"x": (("t",), [1.0, 2.0])})})
        assert store.n_done == 1 and store.n_failed == 2


def test_a_variable_that_a_point_lacks_is_nan_there(tmp_path):
    with Store(tmp_path / "s", GRID, IDENTITY) as store:
        store.add(
            {0: outcome({"x": 1.0}), 1: outcome(xarray.Dataset({"x": 2.0, "z": ("t", [3.0, 4.0])}, {"t": [5, 6]}))}
        )
        dataset = store.dataset()
    assert dataset.x.values[0, :2].tolist() == [1, 2] and dataset.z.values[0, 1].tolist() == [3, 4]
    assert np.isnan(dataset.z.values[0, 0]).all() and dataset.t.values.tolist() == [5, 6]


def test_numbers_come_back_bit_for_bit(tmp_path):
    values = [0.1, 1e-320, -0.0, np.nan, np.inf, 1 / 3]
    with Store(tmp_path / "s", GRID, IDENTITY) as store:
        store.add({index: outcome({"x": value, "y": ("t", [value] * 2)}) for index, value in enumerate(values)})
        dataset = store.dataset()
    assert dataset.x.values.tobytes() == np.array(values).tobytes()
    assert dataset.y.values[..., 0].tobytes() == np.array(values).tobytes()


ODD = [
    xarray.Dataset({"x": 1.5}, {"name": ("t", ["p", "q"]), "t": [0.5, 1.5]}),
    xarray.Dataset({"x": np.nan, "z": ("t", [1.0, 2.0])}, {"t": [0.5, 1.5]}),
    {"x": ((), np.inf, {"data": "5", "bytes": "x"}), "data": ("data", np.arange(3.0))},
    {"x": ((), -1e-320, {"note": 'a "data": 7, "values": {"'}), "m": np.full((2, 2), -0.0), "flag": np.bool_(True)},
    failure(ValueError('}, "values": {"x": {"data": 3}}')),
    {"x": np.int64(2**53), "n": np.float32(0.1), "empty": ("nothing", np.zeros(0))},
]


@pytest.mark.parametrize("first", [0, 3])
def test_a_store_that_is_opened_again_holds_the_same(tmp_path, first):
    """Records of a form that was seen before are not parsed: each form comes twice, also after others."""
    grid = Grid(values=('a "data": 3', '}, "values": {'), seed=range(2 * len(ODD)))
    place = tmp_path / "s"
    with Store(place, grid, IDENTITY) as store:
        for index in [*range(first, len(grid)), *range(first)]:
            found = ODD[index % len(ODD)]
            store.add({index: found if isinstance(found, str) else outcome(found)})
        added = store.dataset()
        assert store.n_failed == 2 * len(grid) // 6 // 2
    with Store(place, grid, IDENTITY) as store:
        again = store.dataset()
    assert list(again.variables) == list(added.variables)
    for name in added.variables:
        assert again[name].dims == added[name].dims and again[name].attrs == added[name].attrs
        assert again[name].dtype == added[name].dtype
        if added[name].dtype != object:
            assert again[name].values.tobytes() == added[name].values.tobytes()
    assert again.identical(added)


def test_a_finished_store_is_exported_once(tmp_path):
    place = tmp_path / "s"
    fill(place)
    before, stamp = tree(place), (place / "points.sqlite").stat().st_mtime_ns
    fill(place)
    assert (place / "points.sqlite").stat().st_mtime_ns == stamp and tree(place) == before
    (place / "points.zarr").rename(tmp_path / "elsewhere")
    fill(place)
    assert tree(place) == before
    with Store(place, GRID, IDENTITY) as store:
        store.add({4: outcome({"x": 7.0})})
    fill(place)  # what was added before it was killed comes into the Zarr store
    assert xarray.open_zarr(place / "points.zarr", consolidated=False).x.values[1, 1] == 7
