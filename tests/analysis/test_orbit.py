"""Cycles as piecewise polynomials: extrema between the nodes, and rest at a saddle."""

import itertools

import numpy as np
import pytest

from hetbrian.analysis.orbit import DEGREE, Orbit
from hetbrian.analysis.vectorfield import VectorField


@pytest.mark.parametrize(("degree", "atol"), [(DEGREE, 1e-5), (7, 1e-8)])
def test_extrema_lie_between_the_nodes(degree, atol):
    mesh = np.cumsum(np.random.default_rng(0).uniform(0.5, 1.5, 41)) - 1  # unequal intervals
    mesh = 2 * np.pi * (mesh - mesh[0]) / (mesh[-1] - mesh[0])
    times = np.concatenate([[0], *(np.linspace(a, b, degree + 1)[1:] for a, b in itertools.pairwise(mesh))])
    states = np.column_stack([np.cos(times + 0.3), 5 + 2 * np.sin(3 * times), np.full(len(times), 7.0)])
    low, high = Orbit(times, states, degree).extrema()
    # a polynomial of degree 4 over h = 0.25 is off by h^5/5!/2^9 times the fifth derivative, 3^5 times 2; one of degree
    # 7 by h^8/8!/2^15 times the eighth, 3^8 times 2
    np.testing.assert_allclose(low, [-1, 3, 7], atol=atol)
    np.testing.assert_allclose(high, [1, 7, 7], atol=atol)


def test_extrema_of_a_polynomial_are_exact():
    times = np.linspace(0, 1, DEGREE + 1)
    low, high = Orbit(times, (times * (times - 1) * (times - 0.3))[:, None]).extrema()
    turns = np.roots([3, -2.6, 0.3])
    np.testing.assert_allclose([low[0], high[0]], np.sort(turns * (turns - 1) * (turns - 0.3)), rtol=1e-12)


def test_rest_at_a_saddle():
    # the homoclinic orbit of x'' = x - x^2 leaves and reaches the saddle 0, to which a cycle with x > 0.01 is near
    field = VectorField("dx/dt = y : 1\ndy/dt = x - x**2 : 1", {})
    cycle = Orbit(*turned(field, 0.01))
    np.testing.assert_allclose(cycle.rests_at(field), [0, 0], atol=1e-12)
    assert cycle.rests_at(field, closeness=1e-3) is None
    assert Orbit(*turned(field, 0.5)).rests_at(field) is None, "far away"
    centre = VectorField("dx/dt = y : 1\ndy/dt = -x : 1", {})
    circle = np.linspace(0, 2 * np.pi, 41)
    assert Orbit(circle, 1e-3 * np.column_stack([np.sin(circle), np.cos(circle)])).rests_at(centre) is None, "no saddle"


def turned(field, lowest):
    """Return times and states from one lowest x to the next."""
    times = np.linspace(0, 30, 3001)
    way = field.trajectory([lowest, 0.0], times)
    back = 1 + int(np.flatnonzero((way.y.values[1:-1] < 0) & (way.y.values[2:] >= 0))[0])
    stop = back - back % DEGREE + 1
    return times[:stop], np.column_stack([way.x.values, way.y.values])[:stop]
