"""Curves of special points in two parameters: normal forms off the origin, CA3 against its closed form."""

import numpy as np
import pytest

from hetbrian.analysis.bifurcations import equilibria
from hetbrian.analysis.continuation import Model
from hetbrian.analysis.curves import fold_curve, hopf_curve
from hetbrian.analysis.meanfield import MeanField
from hetbrian.analysis.vectorfield import VectorField

pytest.importorskip("xpplab")

CUSP = VectorField("dx/dt = (p - 0.3) + (q - 0.5)*(x - 1) - (x - 1)**3 : 1", {"p": -1.0, "q": 1.5})
LANDAU = """
dx/dt = (p - 0.3)*(x - 1) - 2*(y - 2) + q*(x - 1)*square : 1
dy/dt = 2*(x - 1) + (p - 0.3)*(y - 2) + q*(y - 2)*square : 1
square = (x - 1)**2 + (y - 2)**2 : 1
"""


def special(data):
    return data.isel(point=data.kind != "regular")


def test_cusp():
    data = equilibria(CUSP, "p", -2.0, 2.0, {"x": -0.4})
    folds = special(data)
    assert folds.kind.values.tolist() == ["fold", "fold"]
    x = np.sqrt(1 / 3)
    np.testing.assert_allclose(sorted(folds.p), [0.3 - 2 * x**3, 0.3 + 2 * x**3], atol=1e-8)
    curve = fold_curve(CUSP, {"p": (-2.0, 2.0), "q": (0.0, 2.0)}, folds.isel(point=0))
    cusp = special(curve)
    assert cusp.kind.values.tolist() == ["cusp"]
    np.testing.assert_allclose([cusp.p[0], cusp.q[0], cusp.x[0]], [0.3, 0.5, 1.0], atol=1e-6)  # degenerate root
    np.testing.assert_allclose(4 * (curve.q - 0.5) ** 3, 27 * (curve.p - 0.3) ** 2, atol=1e-8)
    assert curve.q.max() > 1.9 and curve.p.min() < 0.3 < curve.p.max(), "both sides of the cusp"


def test_generalised_hopf():
    field = VectorField(LANDAU, {"p": 0.0, "q": -1.0})
    hopf = special(equilibria(field, "p", -0.5, 1.0, {"x": 1.1, "y": 2.0}))
    curve = hopf_curve(field, {"p": (-0.5, 1.0), "q": (-2.0, 2.0)}, hopf)
    np.testing.assert_allclose(curve.p, 0.3, atol=1e-9)
    np.testing.assert_allclose(curve.lyapunov, curve.q, atol=1e-9)
    point = special(curve)
    assert point.kind.values.tolist() == ["generalised hopf"]
    np.testing.assert_allclose(point.q, [0.0], atol=1e-9)


@pytest.mark.parametrize(("which", "eta", "g"), [(0, 0.0819555, 1.1216814), (1, 0.2021922, 0.8833123)])
def test_ca3_generalised_hopf_points(which, eta, g):
    hopf = MeanField.CA3.hopf_points(0.0, 0.3).isel(point=which)
    limits = {"eta": (-0.1, 0.4), "g": (0.8, 1.3)}
    curve = hopf_curve(MeanField.CA3.field, limits, hopf, max_step=0.05, max_points=100)
    found = special(curve)
    np.testing.assert_allclose([found.eta[0], found.g[0]], [eta, g], atol=1e-7)  # references have seven digits
    for i in (5, -5):
        exact = MeanField.CA3.replace(g=float(curve.g[i])).hopf_points(-0.1, 0.4)
        assert np.abs(exact.eta - curve.eta[i].item()).min() < 1e-9, "the curve lies on the closed form"


def test_curve_ends_where_the_pair_becomes_real():
    # Bogdanov-Takens: along b^2 = n the equilibria are Hopf points for b > 0 and neutral saddles for b < 0
    field = VectorField("dx/dt = y : 1\ndy/dt = -n + b*y + x**2 + x*y : 1", {"b": 0.5, "n": 0.04})
    data = equilibria(field, "b", 0.0, 1.0, {"x": -0.2, "y": 0.0})
    curve = hopf_curve(field, {"b": (-1.0, 1.0), "n": (-0.5, 0.5)}, special(data), max_step=0.1, max_points=100)
    np.testing.assert_allclose(curve.b**2, curve.n, atol=1e-8)
    assert 0 < curve.b.min() < 0.05


def test_curve_is_cut_at_points_that_are_not_special(monkeypatch):
    field = VectorField(LANDAU, {"p": 0.0, "q": -1.0})
    hopf = special(equilibria(field, "p", -0.5, 1.0, {"x": 1.1, "y": 2.0}))
    original = Model.state
    monkeypatch.setattr(
        Model, "state", lambda self, point: original(self, point) + (0.5 if (point.value2 or 0) > 0.5 else 0)
    )
    curve = hopf_curve(field, {"p": (-0.5, 1.0), "q": (-2.0, 2.0)}, hopf)
    assert curve.attrs["refused"] == 1
    assert 0 < curve.q.max() <= 0.5


def test_curve_that_does_not_leave_its_start_is_refused():
    folds = special(equilibria(CUSP, "p", -2.0, 2.0, {"x": -0.4}))
    with pytest.raises(RuntimeError, match="the engine follows no curve in p and q"):
        fold_curve(CUSP, {"p": (-2.0, 2.0), "q": (5.0, 6.0)}, folds.isel(point=0))
