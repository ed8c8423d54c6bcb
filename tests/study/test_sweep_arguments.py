"""What goes into a sweep and what comes out of its points: nothing is computed on other processes."""

import math

import numpy as np
import pytest
from brian2 import pA

from hetbrian.study.grid import Grid
from hetbrian.study.sweeps import sweep
from tests.study import points

GRID = Grid(seed=range(3))


@pytest.mark.parametrize("unit", [1.0, pA])
def test_two_sweeps_that_differ_in_one_number_do_not_share_results(tmp_path, unit):
    values = np.zeros(3000)
    options = {"folder": tmp_path / "s", "workers": 0}
    first = sweep(points.total, GRID, parameters={"values": values * unit}, **options)
    assert sweep(points.total, GRID, parameters={"values": values * unit}, **options).x.identical(first.x)
    values[1500] = 1
    with pytest.raises(
        ValueError, match=r"settings values is array\(of hash \w+.* there and array\(of hash \w+.* here"
    ):
        sweep(points.total, GRID, parameters={"values": values * unit}, **options)


def test_axes_in_another_order_are_another_sweep(tmp_path):
    options = {"folder": tmp_path / "s", "workers": 0, "parameters": {"factor": 1.0}}
    sweep(points.scaled, Grid(gain=(1.0, 2.0), seed=(5, 6)), **options)
    with pytest.raises(ValueError, match=r"holds another sweep: axes is \['gain', 'seed'\] there and"):
        sweep(points.scaled, Grid(seed=(5, 6), gain=(1.0, 2.0)), **options)


def test_a_function_is_a_parameter(tmp_path):
    parameters = {"values": np.ones(4), "function": math.sqrt}
    dataset = sweep(points.total, GRID, parameters=parameters, workers=0)
    assert dataset.attrs["function"] == "math.sqrt" and (dataset.x == 2).all()
    with pytest.raises(TypeError, match=r"function is .*<lambda>, expected a function or class at the top of a module"):
        sweep(points.total, GRID, parameters={"values": 1, "function": lambda x: x}, workers=0)


def test_plain_arrays_of_points_are_kept():
    dataset = sweep(points.shaped, GRID, parameters={"found": None}, workers=0)
    assert dataset.rates.dims == ("seed", "rates_0")
    assert dataset.rates.values.tolist() == [[0, 1, 0], [1, 2, 2], [2, 3, 4]]


@pytest.mark.parametrize(
    ("found", "error", "message"),
    [
        ({"error": 0.1}, ValueError, "'error' of the point has a name that the sweep uses"),
        ({"seed": 0.1}, ValueError, "'seed' of the point has the name of an axis"),
        ({"x": 1j}, TypeError, "'x' of the point holds complex128, expected real numbers"),
        (3, TypeError, "the point returned a int, expected a dict of numbers"),
    ],
)
def test_a_misfit_is_refused_at_the_first_point(found, error, message):
    with pytest.raises(error, match=f"^{message}"):
        sweep(points.shaped, GRID, parameters={"found": found}, workers=0)


def test_a_name_may_be_a_folder_in_another(tmp_path):
    for name in ("", "second", "second/part"):
        sweep(points.shaped, GRID, name=name, folder=tmp_path / "s", workers=0, found=None)
        assert (tmp_path / "s" / name / "points.sqlite").exists()


@pytest.mark.parametrize("point", [int, dict, print])
def test_a_function_of_python_itself_is_refused(point):
    with pytest.raises(
        ValueError, match=r"the function is '\w+' of builtins, expected one at the top of a file, whose"
    ):
        sweep(point, Grid(x=(1,)), workers=0)


def test_a_point_that_ends_or_interrupts_itself_has_failed():
    dataset = sweep(points.leaving, Grid(seed=range(5)), workers=0)
    assert dataset.status.values.tolist() == [1, 2, 2, 2, 1] and dataset.error.values.tolist()[1:4] == points.LEFT


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            ({"seed": [1]},),
            TypeError,
            r"grid is \{'seed': \[1\]\}, expected a Grid: write Grid\(seed=range\(5\)\), say",
        ),
        ((GRID, {"parameters": [1]}), TypeError, r"parameters is \[1\], expected a Mapping: write"),
        (
            (GRID, {"retry_faild": True}),
            ValueError,
            r"retry_faild is no argument of sweep, nor a parameter that shaped names, expected one of them: "
            r"did you mean 'retry_failed' or give it as parameters=\{'retry_faild': ...\}\.",
        ),
        (
            (GRID, {"name": "../out"}),
            ValueError,
            r"name is '\.\./out', expected a folder within the folder of the sweep",
        ),
        ((GRID, {"name": "/out"}), ValueError, "name is '/out', expected a folder within the folder of the sweep"),
        ((GRID, {"name": "a/../../out"}), ValueError, "name is 'a/../../out', expected a folder within the folder"),
        ((GRID, {"name": "a\0b"}), ValueError, r"name is 'a\\x00b', expected a folder within the folder"),
        ((GRID, {"name": "x" * 300}), ValueError, "name is 'xxx.*, expected a folder within the folder"),
        (
            (GRID, {"name": "points.zarr/x"}),
            ValueError,
            "other than lock, points.sqlite, points.zarr: write 'second' o",
        ),
        ((GRID, {"view": print}), TypeError, "view returned a NoneType, expected a Dataset: return what it was given"),
        ((GRID, {"worker": 2}), ValueError, "did you mean 'workers' or give it as parameters"),
    ],
)
def test_slips_are_refused(arguments, error, message):
    grid, options = arguments[0], arguments[1] if len(arguments) > 1 else {}
    with pytest.raises(error, match=message):
        sweep(points.shaped, grid, **{"workers": 0, "found": None} | options)


def test_a_parameter_that_is_like_an_option_may_be_given_as_one():
    dataset = sweep(points.shaped, GRID, parameters={"found": None, "worker": 3}, tau=5, workers=0)
    assert dataset.attrs["worker"] == "3" and dataset.attrs["tau"] == "5"
