"""Phase planes of systems whose nullclines and equilibria are known."""

import numpy as np
import pytest
from brian2 import second, volt

import hetbrian as hb
from hetbrian.analysis import VectorField
from hetbrian.plot import phase_plane

FITZHUGH = VectorField("dv/dt = v - v**3/3 - w + I : 1\ndw/dt = 0.08*(v + 0.7 - 0.8*w) : 1", {"I": 0.5})
RANGES = {"v": (-2.5, 2.5), "w": (-1.0, 2.0)}


def contours(axis):
    """Return the points of each nullcline."""
    return [collection.get_paths()[0].vertices for collection in axis.collections if hasattr(collection, "levels")]


def test_nullclines_are_where_a_variable_rests():
    (axis,) = phase_plane(FITZHUGH, RANGES)
    (v, w), (v2, w2) = (points.T for points in contours(axis))
    spacing = 5 / 200
    np.testing.assert_allclose(w, v - v**3 / 3 + 0.5, atol=spacing)  # contours interpolate linearly within a cell
    np.testing.assert_allclose(w2, (v2 + 0.7) / 0.8, atol=1e-9)  # this one is linear
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("v", "w")
    assert axis.get_xlim() == RANGES["v"] and axis.get_ylim() == RANGES["w"]


def test_the_equilibrium_of_a_planar_system_is_marked_open_where_it_repels():
    (axis,) = phase_plane(FITZHUGH, RANGES)
    (point,) = [line for line in axis.get_lines() if line.get_label() == "unstable equilibrium"]
    v, w = point.get_xydata()[0]
    np.testing.assert_allclose([v - v**3 / 3 - w + 0.5, v + 0.7 - 0.8 * w], 0, atol=1e-9)
    assert point.get_markerfacecolor() == "white"


def test_every_equilibrium_is_marked_once_with_its_stability():
    field = VectorField("dx/dt = x - x**3 : 1\ndy/dt = -y : 1", {})
    (axis,) = phase_plane(field, {"x": (-2, 2), "y": (-1, 1)})
    found = {name: [line.get_xydata()[0].tolist() for line in axis.get_lines() if line.get_label() == name]
             for name in ("stable equilibrium", "unstable equilibrium")}  # fmt: skip
    np.testing.assert_allclose(sorted(found["stable equilibrium"]), [[-1, 0], [1, 0]], atol=1e-9)
    np.testing.assert_allclose(found["unstable equilibrium"], [[0, 0]], atol=1e-9)
    assert len(axis.get_legend().get_texts()) == 4


def test_axes_have_the_units_of_the_equations():
    equations = "dx/dt = (a - x)/tau : volt\ndy/dt = (x/a - y)/tau : 1"
    field = VectorField(equations, {"a": 1 * volt, "tau": 1 * second})
    (axis,) = phase_plane(field, {"x": (0, 2), "y": (0, 2)})
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("x (V)", "y")


def test_a_trajectory_is_drawn_from_its_start():
    path = FITZHUGH.trajectory([-1.0, 1.5], np.linspace(0, 50, 101))
    (axis,) = phase_plane(FITZHUGH, RANGES, trajectory=path)
    (line,) = [line for line in axis.get_lines() if line.get_label() == "trajectory"]
    np.testing.assert_array_equal(line.get_xydata(), np.column_stack([path.v, path.w]))
    (start,) = [line for line in axis.get_lines() if line.get_label() == "its start"]
    np.testing.assert_array_equal(start.get_xydata(), [[-1.0, 1.5]])
    assert start.get_marker() == "s", "an arrow would point somewhere, and not along the flow"


def test_more_variables_are_held_and_said_in_the_title():
    field = hb.MeanField.CA3
    (axis,) = phase_plane(field, {"r": (0.001, 0.2), "v": (-0.5, 1.0)}, at={"w": 0.02, "s": 0.1})
    (r, v), _ = (points.T for points in contours(axis))
    state = np.stack([r, v, np.full_like(r, 0.02), np.full_like(r, 0.1)], axis=-1)
    assert np.abs(field.field.rhs(state)[:, 0]).max() < 1e-3 * np.abs(field.field.rhs([0.1, 0.5, 0.02, 0.1])[0])
    assert axis.get_title() == "" and axis.get_title("left") == "at w = 0.02, s = 0.1"
    assert not [line for line in axis.get_lines() if "equilibrium" in line.get_label()]  # a section has none


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (({"v": (0, 1)},), ValueError, "ranges has 1 variables, expected two: give the range of each"),
        (({"v": (0, 1), "u": (0, 1)},), ValueError, "a variable of ranges is 'u', expected v, w"),
        (({"v": (1, 0), "w": (0, 1)},), ValueError, r"v of ranges is \(1, 0\), expected \(low, high\)"),
        (((1, 2),), TypeError, r"ranges is \(1, 2\), expected a Mapping: write"),
    ],
)
def test_ranges_that_make_no_plane_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        phase_plane(FITZHUGH, *arguments)


def test_a_variable_without_a_value_is_refused():
    plane = {"r": (0.01, 0.2), "v": (-0.5, 1.0)}
    with pytest.raises(ValueError, match="at gives no 's', expected a value of each other variable"):
        phase_plane(hb.MeanField.CA3, plane, at={"w": 0.0})
    with pytest.raises(ValueError, match="a variable of at is 'x', expected w, s"):
        phase_plane(hb.MeanField.CA3, plane, at={"x": 0.0})
    with pytest.raises(ValueError, match="no 'v', expected it: take one of this system"):
        phase_plane(FITZHUGH, RANGES, trajectory=VectorField("dx/dt = -x : 1", {}).trajectory([1.0], [0, 1]))
    with pytest.raises(TypeError, match="field is 'v', expected a VectorField or MeanField: make one of the equations"):
        phase_plane("v", RANGES)
