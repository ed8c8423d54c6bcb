import itertools

import numpy as np
import pytest
from brian2 import DimensionMismatchError, mV, pA

from hetbrian.study import grid
from hetbrian.study.grid import Grid


def test_points_are_every_combination_with_the_last_axis_fastest():
    grid = Grid(kind=("eta", "g"), gain=((1000, 2000, 3000), pA), seed=range(2))
    points = [grid.point(index) for index in range(len(grid))]
    assert grid.shape == (2, 3, 2) and len(points) == 12 and grid.names == ("kind", "gain", "seed")
    assert [point["seed"] for point in points[:3]] == [0, 1, 0] and type(points[0]["seed"]) is int
    assert [point["kind"] for point in points] == ["eta"] * 6 + ["g"] * 6
    assert points[2]["gain"] == 2000 * pA and points[2]["gain"].has_same_dimensions(pA)
    assert grid.text(2) == {"kind": "eta", "gain": "2000 pA", "seed": "0"}


def test_coordinates_and_description_name_the_unit():
    grid = Grid(gain=((1000, 2000), pA), level=(0.0, 0.5))
    assert grid.coordinates()["gain"][2] == {"units": "pA"} and grid.coordinates()["level"][2] == {}
    assert grid.description() == {
        "gain": {"values": [1000, 2000], "unit": "pA"},
        "level": {"values": [0.0, 0.5], "unit": ""},
    }


@pytest.mark.parametrize("axis", [(1000, 2000) * pA, [1000 * pA, 2000 * pA]])
def test_quantities_are_named_in_si_units(axis):
    grid = Grid(gain=axis)
    assert grid.description()["gain"]["unit"] == "A"
    assert np.allclose(float(grid.point(1)["gain"] / pA), 2000, rtol=1e-15)


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({}, r"the grid has no axis, expected named parameters: write Grid\(seed=range\(5\)\)"),
        ({"a": ()}, r"a is \[\], expected a sequence of numbers, strings or quantities of one unit: give at least one"),
        ({"a": ((1, 2), (3, 4))}, "a is .* expected a sequence of numbers"),
        ({"a": (None,)}, "a is .* expected a sequence of numbers"),
        ({"a": 5}, "a is 5, expected a sequence of numbers"),
        ({"a": 5 * pA}, r"a is 5. pA, expected a sequence of numbers"),
        ({"a": np.array(5)}, r"a is array\(5\), expected a sequence of numbers"),
        ({"a": (5, pA)}, "a is 5, expected a sequence of numbers"),
        ({"a": "eta"}, "a is 'eta', expected a sequence of numbers"),
        ({"a": ("eta", 1)}, r"a is \['eta', 1\], expected a sequence of numbers"),
        ({"a": [[1], [1, 2]]}, "a is .* expected a sequence of numbers"),
        ({"a": {"plain": 1}}, "a is {'plain': 1}, expected a dict of parameters for each condition: write"),
        ({"status": (1, 2)}, "status is an axis, expected another name: a sweep says by it how its points ended"),
        ({"seed": (1, 2), "error": {"plain": {}}}, "error is an axis, expected another name"),
        (
            {"": (1, 2)},
            "'' is the name of an axis, expected 1 to 255 bytes of text without '/', .*: a sweep is kept und",
        ),
        ({"a/b": (1, 2)}, "'a/b' is the name of an axis, expected"),
        ({"..": (1, 2)}, "'..' is the name of an axis, expected"),
        ({"a": [1.0, np.ma.masked]}, r"a is \[1.0, masked\], expected no masked value: leave it out"),
        ({"a": np.ma.masked_array([1, 2], mask=[0, 1])}, "a is .*, expected no masked value"),
        ({"a": range(10**13)}, "a has 10000000000000 values, expected at most 10000000: make several sweeps of it"),
        ({name: range(2000) for name in "abcd"}, "the grid has 16000000000000 points, expected at most 10000000"),
        ({"a": range(10**5), "b": range(101)}, "the grid has 10100000 points, expected at most 10000000"),
        ({"a": ([1 * pA, 2 * pA], pA)}, "a is .* and its unit pA, expected numbers: leave the unit out"),
        ({"a": ([1, 2] * mV, pA)}, "a is .* and its unit pA, expected numbers"),
        ({"a": (1, 2, 1)}, r"a holds a value twice .*, expected different ones: leave one out"),
    ],
)
def test_what_is_no_grid_is_refused(axes, message):
    with pytest.raises(ValueError, match=message):
        Grid(**axes)


@pytest.mark.parametrize("axis", [[1 * pA, 1 * mV], [1 * pA, 2], [1, 2 * pA], (1 * pA, np.float64(2))])
def test_units_are_not_mixed(axis):
    with pytest.raises(DimensionMismatchError, match=r"a is .*, expected quantities of one unit: give each value with"):
        Grid(a=axis)


def test_an_axis_that_never_ends_is_refused(monkeypatch):
    monkeypatch.setattr(grid, "MOST_POINTS", 100)
    with pytest.raises(ValueError, match="a has 101 values or more, expected at most 100: make several sweeps of it"):
        Grid(a=itertools.count())
    assert len(Grid(a=iter(range(50)), b=(1, 2))) == 100


def test_the_parameters_of_a_condition_are_described_to_the_last_bit():
    values = np.arange(2000.0)
    other = values.copy()
    other[1000] += 1e-9

    def described(value):
        return Grid(condition={"one": {"gain": value}}).description()

    assert described(values) == described(values.copy()) != described(other)
    assert described(1 * pA) != described((1 + 1e-12) * pA)
    with pytest.raises(TypeError, match=r"gain is a builtins.object, whose text does not say what it holds"):
        described(object())
