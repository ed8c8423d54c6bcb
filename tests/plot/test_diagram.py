"""Bifurcation diagrams against normal forms whose branches, cycles and special points are known."""

import functools

import numpy as np
import pytest
import xarray
from matplotlib.colors import to_hex

import hetbrian as hb
from hetbrian.analysis import VectorField
from hetbrian.plot import bifurcation_diagram
from hetbrian.plot.diagram import DYNAMICS, segments

FOLD = VectorField("dx/dt = mu - x**2 : 1", {"mu": 1.0})
PITCHFORK = VectorField("dx/dt = mu*x - x**3 : 1", {"mu": -1.0})
SUPERCRITICAL = VectorField(
    "dx/dt = p*x - 2*y - x*(x**2 + y**2) : 1\ndy/dt = 2*x + p*y - y*(x**2 + y**2) : 1", {"p": -0.5}
)


@functools.cache
def fold():
    return hb.equilibria(FOLD, "mu", -1, 2, {"x": 0.9})


@functools.cache
def circles():
    """Return equilibria and cycles of the normal form: x = y = 0, and circles of radius sqrt(p)."""
    pytest.importorskip("xpplab")
    diagram = hb.equilibria(SUPERCRITICAL, "p", -1, 1, {"x": 0.0, "y": 0.0})
    hopf = diagram.isel(point=int(np.flatnonzero(diagram.kind == "hopf")[0]))
    return diagram, hb.limit_cycles(SUPERCRITICAL, "p", -1, 1, hopf)


def lines(axis, label):
    return [line for line in axis.get_lines() if line.get_label() == label]


def test_a_fold_joins_a_stable_and_an_unstable_branch():
    before = fold().copy(deep=True)
    (axis,) = bifurcation_diagram(fold())
    (stable,), (unstable,), (point,) = (
        lines(axis, name) for name in ("stable fixed point", "unstable fixed point", "fold")
    )
    for line, sign in ((stable, 1), (unstable, -1)):
        mu, x = line.get_data()
        np.testing.assert_allclose(
            x, sign * np.sqrt(np.maximum(mu, 0)), atol=1e-6
        )  # both reach to the fold, where x = 0
        assert np.abs(x).min() < 1e-9
    np.testing.assert_allclose(point.get_xydata(), [[0, 0]], atol=1e-8)
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("mu", "x")
    np.testing.assert_allclose(axis.get_xlim(), (0, 2), atol=1e-8)
    assert len(axis.get_legend().get_texts()) == 3
    xarray.testing.assert_identical(fold(), before)


def test_each_branch_is_a_line_of_its_own():
    diagram = hb.equilibria(PITCHFORK, "mu", -1, 1, {"x": 0.0})
    (axis,) = bifurcation_diagram(diagram)
    for line in lines(axis, "stable fixed point") + lines(axis, "unstable fixed point"):
        mu, x = line.get_data()
        assert np.abs(np.diff(x)).max() < 0.3 and np.abs(mu * x - x**3).max() < 1e-8  # no line from branch to branch
    (point,) = lines(axis, "branch point")
    np.testing.assert_allclose(point.get_xydata(), [[0, 0]], atol=1e-4)


def test_cycles_are_drawn_with_their_smallest_and_largest_value():
    (axis,) = bifurcation_diagram(*circles())
    low, high = lines(axis, "stable limit cycle")
    for line, sign in ((low, -1), (high, 1)):
        p, x = line.get_data()
        np.testing.assert_allclose(x, sign * np.sqrt(np.maximum(p, 0)), atol=1e-4)  # of a polynomial of degree 4
        assert to_hex(line.get_color()) == DYNAMICS["stable limit cycle"]["color"]
    named = {text.get_text() for text in axis.get_legend().get_texts()}
    assert "unstable limit cycle" not in named, "the Hopf point alone counts as unstable, and one point is no line"
    (hopf,) = lines(axis, "Hopf point (supercritical)")
    np.testing.assert_allclose(hopf.get_xydata(), [[0, 0]], atol=1e-8)
    assert hopf.get_markerfacecolor() == "black"


def test_another_variable_and_several_families_are_drawn():
    equilibria, cycles = circles()
    (axis,) = bifurcation_diagram(equilibria, [cycles, cycles], variable="y")
    assert axis.get_ylabel() == "y" and len(lines(axis, "stable limit cycle")) == 4


def test_a_subcritical_hopf_point_is_open():
    (axis,) = bifurcation_diagram(hb.MeanField.CA3.equilibria(0, 0.3, 200))
    (hopf,) = lines(axis, "Hopf point (subcritical)")
    np.testing.assert_allclose(np.sort(hopf.get_xdata()), [0.07489, 0.19094], atol=1e-5)  # of MeanField's docstring
    assert hopf.get_markerfacecolor() == "white"
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("mean background current eta", "population rate r")


def test_stability_is_told_apart_without_colours():
    for what in ("fixed point", "limit cycle"):
        assert "ls" not in DYNAMICS[f"stable {what}"] and DYNAMICS[f"unstable {what}"]["ls"]


def test_cycles_that_nobody_confirmed_are_dotted():
    from matplotlib import pyplot

    _, axis = pyplot.subplots()
    segments(axis, np.arange(4), np.arange(4), np.ones(4), "limit cycle", np.array([False, False, True, True]))
    assert [line.get_linestyle() for line in lines(axis, "limit cycle, stability unknown")] == [":"]
    assert not lines(axis, "unstable limit cycle")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: bifurcation_diagram(xarray.Dataset()), ValueError, "no parameter and stability, expected a branch"),
        (lambda: bifurcation_diagram(fold(), fold()), ValueError, "no 'x_min', expected it: take what hb.limit_cycles"),
        (lambda: bifurcation_diagram(fold(), variable="z"), ValueError, "no 'z', expected it: take what hb.equilibria"),
        (lambda: bifurcation_diagram(fold(), cycles=3), TypeError, "cycles is 3, expected a Dataset"),
        (lambda: bifurcation_diagram(fold()[["stable", "kind"]]), ValueError, "equilibria has no state variables"),
        (
            lambda: bifurcation_diagram(fold(), fold().rename(x="x_min").assign(x_max=fold().x).drop_vars("kind")),
            ValueError,
            "cycles has no 'kind', expected it: take what hb.limit_cycles",
        ),
    ],
)
def test_what_is_no_diagram_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
