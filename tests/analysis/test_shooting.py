"""Limit cycles by integration, against the Stuart-Landau oscillator shifted off the origin."""

import numpy as np
import pytest

from hetbrian.analysis.shooting import floquet, limit_cycle, nontrivial
from hetbrian.analysis.vectorfield import VectorField

LANDAU = """
dx/dt = p*(x - 1) - 2*(y - 2) - (x - 1)*square : 1
dy/dt = 2*(x - 1) + p*(y - 2) - (y - 2)*square : 1
square = (x - 1)**2 + (y - 2)**2 : 1
"""


@pytest.fixture
def field():
    return VectorField(LANDAU, {"p": 0.25})


def test_floquet_multiplier_of_several_cycles_at_once(field):
    p = np.array([0.04, 0.25, 1.0])
    states = np.stack([1 + np.sqrt(p), np.full(3, 2.0)], axis=-1)
    orbit, monodromy, growth = floquet(field, states, np.full(3, np.pi), p=p)
    np.testing.assert_allclose(orbit[..., -1], states, atol=1e-7)  # rtol 1e-9 a step, some 100 steps
    multiplier = nontrivial(np.linalg.eigvals(monodromy))[:, 0]
    np.testing.assert_allclose(multiplier, np.exp(-2 * p * np.pi), atol=1e-7)
    assert (growth < 3).all()


def test_orbit_that_escapes_does_not_stop_the_others(field):
    escaping = VectorField("dx/dt = x**2 - 1 : 1", {})
    orbit, _, _ = floquet(escaping, [[3.0], [-1.0]], [2.0, 2.0])
    assert orbit[0, 0, -1] > 1e3
    np.testing.assert_allclose(orbit[1, 0], -1.0, atol=1e-9)


def test_nontrivial_drops_the_multiplier_nearest_one():
    rest = nontrivial(np.array([[0.2, 1.001, -3.0], [0.999, 0.5j, -0.5j]]))
    assert rest[0].tolist() == [-3.0, 0.2]
    assert sorted(rest[1].imag) == [-0.5, 0.5]


def test_limit_cycle_from_a_rough_guess(field):
    cycle = limit_cycle(field, [1.6, 2.1], 3.0)
    np.testing.assert_allclose(cycle.period, np.pi, rtol=1e-7)
    np.testing.assert_allclose([cycle.x.min(), cycle.x.max()], [0.5, 1.5], atol=1e-4)  # 401 samples
    np.testing.assert_allclose(cycle.multiplier_real, [np.exp(-np.pi / 2)], rtol=1e-6)
    assert cycle.stable


def test_repelling_cycle_is_not_stable():
    field = VectorField(LANDAU.replace("- (x", "+ (x").replace("- (y - 2)*square", "+ (y - 2)*square"), {"p": -0.25})
    cycle = limit_cycle(field, [1.5, 2.0], 3.1)
    np.testing.assert_allclose(cycle.period, np.pi, rtol=1e-7)
    assert not cycle.stable


def test_a_period_of_endless_turns_is_refused(monkeypatch):
    monkeypatch.setattr("hetbrian.analysis.shooting.EVALUATIONS", 2000)
    field = VectorField(LANDAU.replace("- (x", "+ (x").replace("- (y - 2)*square", "+ (y - 2)*square"), {"p": -0.25})
    with pytest.raises(ValueError, match=r"no limit cycle found near period 4.2e\+09 in 2000 evaluations of the field"):
        limit_cycle(field, [1.5, 2.0], 4.2e9)


def test_no_cycle_is_refused():
    field = VectorField(LANDAU, {"p": -0.25})
    with pytest.raises(ValueError, match=r"no limit cycle found near period .*, expected one"):
        limit_cycle(field, [1.5, 2.0], 3.1)
