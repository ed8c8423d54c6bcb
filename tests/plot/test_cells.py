"""Heat maps of a sweep: medians, borders, what is white, what is refused."""

import functools

import numpy as np
import pytest
import xarray
from brian2 import nA, pA
from matplotlib import pyplot

import hetbrian as hb
from hetbrian.plot import cells, heat_map
from hetbrian.study.columns import STATUS

ERRORS = np.array([[1e-3, 0.2, 0.7], [0.4, 0.6, 2.0]])
"""Error at the gains of the sweep, (feedback, recurrent): seeds multiply it by 0.5, 1 and 4, of median 1."""


def score(feedback, recurrent, seed):
    """Return an error; one point fails with an error of its own, and one diverges for one seed."""
    if recurrent == 4 * nA and feedback == 2 and seed == 3:
        raise ArithmeticError("not today")
    row, column = {1.0: 0, 2.0: 1}[feedback], {1: 0, 2: 1, 4: 2}[round(float(recurrent / nA))]
    error = np.inf if (row, column, seed) == (0, 2, 3) else ERRORS[row, column] * {1: 0.5, 2: 1.0, 3: 4.0}[seed]
    return {"error_rate": ((), error, {"long_name": "mean square error", "units": "1"}), "power": ((), seed * 1.0)}


@functools.cache
def swept():
    grid = hb.Grid(feedback=(1.0, 2.0), recurrent=((1000, 2000, 4000), pA), seed=(1, 2, 3))
    return hb.sweep(score, grid, workers=0)


def drawn(axis):
    (image,) = [item for item in axis.collections if type(item).__name__ == "QuadMesh"]
    return np.ma.filled(image.get_array().astype(float), np.nan).reshape(2, 3)


def borders(axis):
    """Return the segments of the outline, as sorted pairs of points."""
    lines = [
        line.get_xydata() for line in axis.get_lines() if line.get_color() == "black" and len(line.get_xdata()) == 2
    ]
    return {tuple(sorted(map(tuple, line.round(9).tolist()))) for line in lines}


def test_a_sweep_says_done_as_the_pictures_take_it():
    assert STATUS["done"] == cells.DONE


def test_cells_have_the_median_of_what_was_computed():
    data = swept()
    before = data.copy(deep=True)
    (axis,) = heat_map(data, "error_rate", log=True)
    expected = ERRORS.copy()
    expected[1, 2] *= np.sqrt(0.5 * 1)  # two seeds are left: the mean of their logarithms
    np.testing.assert_allclose(drawn(axis), np.log10(expected))
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("recurrent (pA)", "feedback")
    assert axis.get_xlim() == (500, 5000) and axis.get_ylim() == (0.5, 2.5)  # borders halfway between values
    bar = axis.figure.axes[-1]
    assert bar.get_ylabel() == "$\\log_{10}$ mean square error\nmedian over seed"
    xarray.testing.assert_identical(data, before)


def test_the_border_is_around_what_works_and_the_rest_is_hatched():
    (axis,) = heat_map(swept(), "error_rate", works={"error_rate": 0.5})
    hatched = [patch.get_bbox() for patch in axis.patches if patch.get_hatch()]
    assert sorted((box.x0, box.y0) for box in hatched) == [(1500, 1.5), (3000, 0.5), (3000, 1.5)]
    assert borders(axis) == {
        ((500, 0.5), (500, 1.5)), ((500, 1.5), (500, 2.5)), ((500, 2.5), (1500, 2.5)), ((1500, 1.5), (1500, 2.5)),
        ((1500, 1.5), (3000, 1.5)), ((3000, 0.5), (3000, 1.5)), ((500, 0.5), (1500, 0.5)), ((1500, 0.5), (3000, 0.5)),
    }  # fmt: skip
    (legend,) = axis.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["border of error rate < 0.5", "above it (median)"]


def test_hatching_is_seen_on_its_cell():
    (axis,) = heat_map(swept(), "error_rate", works={"error_rate": 0.5}, limits=(0.55, 1.0))
    inks = {patch.get_bbox().x0 + patch.get_bbox().y0: patch.get_edgecolor()[0] for patch in axis.patches}
    assert inks[1501.5] == 1.0 and inks[3001.5] == 0.0  # white on the darkest colour, black on the brightest


def test_points_that_are_missing_are_white():
    data = swept().copy(deep=True)
    data["status"][0, 0, :] = STATUS["pending"]
    (axis,) = heat_map(data, "error_rate", works={"error_rate": 0.5})
    assert np.isnan(drawn(axis)[0, 0]) and np.isfinite(drawn(axis)).sum() == 5
    assert ((500, 0.5), (500, 1.5)) not in borders(axis)  # nobody knows whether it works


def test_even_cells_have_the_values_as_ticks_and_numbers_inside():
    (axis,) = heat_map(swept(), "error_rate", "feedback", "recurrent", over="mean", even=True, written=".1f")
    assert [text.get_text() for text in axis.get_yticklabels()] == ["1000", "2000", "4000"]
    assert [text.get_text() for text in axis.get_xticklabels()] == ["1", "2"]
    assert axis.texts[0].get_text() == f"{1e-3 * 5.5 / 3:.1f}" and len(axis.texts) == 6
    assert axis.texts[4].get_text() == "inf"  # the mean with a diverged run
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("feedback", "recurrent (pA)")


def test_names_are_placed_evenly():
    data = swept().assign_coords(feedback=["weak", "strong"])
    (axis,) = heat_map(data, "error_rate")
    assert [text.get_text() for text in axis.get_yticklabels()] == ["weak", "strong"]
    assert axis.get_ylim() == (-0.5, 1.5)


def test_axes_of_the_user_get_no_bar():
    figure, axes = pyplot.subplots()
    (axis,) = heat_map(swept(), "error_rate", axes=axes, limits=(0, 1))
    assert axis is axes and len(figure.axes) == 1 and not figure.legends
    assert axis.collections[0].get_clim() == (0, 1)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: heat_map(swept(), "mse"), ValueError, "no 'mse', expected it: name a variable that the points"),
        (lambda: heat_map(swept(), "error"), ValueError, "'error' of dataset holds no numbers, expected some"),
        (
            lambda: heat_map(swept(), "error_rate", "gain"),
            ValueError,
            "x is 'gain', expected a dimension of 'error_rate'",
        ),
        (lambda: heat_map(swept(), "error_rate", "seed", "seed"), ValueError, "expected two for x and y: name them"),
        (lambda: heat_map(swept().isel(feedback=0), "error_rate"), ValueError, "expected two for x and y: name them"),
        (
            lambda: heat_map(swept().isel(recurrent=[2, 0, 1]), "error_rate"),
            ValueError,
            "expected increasing values: sort",
        ),
        (
            lambda: heat_map(swept(), "error_rate", colours="rainbow9"),
            ValueError,
            "colours is 'rainbow9', expected a col",
        ),
        (
            lambda: heat_map(swept(), "error_rate", written="x"),
            ValueError,
            "written is 'x', expected a format of numbers",
        ),
        (
            lambda: heat_map(swept(), "error_rate", limits=(1, 0)),
            ValueError,
            r"limits is \(1, 0\), expected \(low, hig",
        ),
        (
            lambda: heat_map(swept(), "error_rate", works={"mse": 1}),
            ValueError,
            "no 'mse', expected it: name a variable",
        ),
        (lambda: heat_map(swept(), "error_rate", works={}), ValueError, "works has 0 scores, expected one: write"),
        (lambda: heat_map(swept(), "error_rate", over="sum"), ValueError, "over is 'sum', expected median, mean"),
        (
            lambda: heat_map(swept().assign(one=("feedback", [1.0, 2.0])), "error_rate", works={"one": 1}),
            ValueError,
            "'one' of dataset does not depend on .recurrent., expected both parameters: take another",
        ),
    ],
)
def test_what_is_no_sweep_of_two_parameters_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
