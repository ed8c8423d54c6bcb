"""Branches of equilibria given in closed form: stability, special points, criticality."""

import numpy as np
import pytest

from hetbrian.analysis.equilibrium import branch, first_lyapunov, fold_test, hopf_test
from hetbrian.analysis.vectorfield import VectorField

HOPF = """
dx/dt = (p - 0.3)*(x - 1) - 3*(y - 2) + sigma*(x - 1)*square : 1
dy/dt = 3*(x - 1) + (p - 0.3)*(y - 2) + sigma*(y - 2)*square : 1
square = (x - 1)**2 + (y - 2)**2 : 1
"""


@pytest.mark.parametrize("sigma", [-1.0, 1.0])
def test_first_lyapunov_of_the_hopf_normal_form(sigma):
    field = VectorField(HOPF, {"p": 0.3, "sigma": sigma})
    lyapunov, frequency = first_lyapunov(field, [1.0, 2.0])
    # z' = i omega z + sigma |z|^2 z has l1 = 2 sigma/omega for q of length one; up to rounding
    np.testing.assert_allclose([lyapunov, frequency], [2 * sigma / 3, 3.0], rtol=1e-12)


def test_first_lyapunov_counts_the_quadratic_terms():
    # Kuznetsov 2004, exercise 3.5: x'' + x' - ... in the form of Guckenheimer & Holmes, Eq. 3.4.11:
    # 16 a = f_xxx + f_xyy + g_xxy + g_yyy + [f_xy (f_xx + f_yy) - g_xy (g_xx + g_yy) - f_xx g_xx + f_yy g_yy]/w
    field = VectorField("dx/dt = -2*y + x**2 + 3*x*y - y**2 : 1\ndy/dt = 2*x + 2*x**2 - x*y + y**2 : 1", {})
    f_xx, f_xy, f_yy, g_xx, g_xy, g_yy = 2, 3, -2, 4, -1, 2
    a = (f_xy * (f_xx + f_yy) - g_xy * (g_xx + g_yy) - f_xx * g_xx + f_yy * g_yy) / 2 / 16
    lyapunov, _ = first_lyapunov(field, [0.0, 0.0])
    np.testing.assert_allclose(lyapunov, 2 * a / 2, rtol=1e-12)  # l1 = 2 a/omega, as in the normal form


def test_first_lyapunov_refuses_other_points():
    field = VectorField(HOPF, {"p": 0.9, "sigma": 1.0})
    with pytest.raises(ValueError, match="expected a pair on the imaginary axis"):
        first_lyapunov(field, [1.0, 2.0])
    with pytest.raises(ValueError, match="expected a pair on the imaginary axis"):
        first_lyapunov(VectorField("dx/dt = -x : 1", {}), [0.0])


def test_functions_vanish_where_they_should():
    assert fold_test(np.array([0.0, -1 + 1j, -1 - 1j])) == 0
    assert hopf_test(np.array([1j, -1j, -3.0])) == 0
    assert hopf_test(np.array([-2.0])) == 1  # one variable cannot oscillate


def test_fold_is_found_between_the_points():
    field = VectorField("dx/dt = p - 0.3 - (x - 1)**2 : 1", {"p": 0.0})
    data = branch(field, "p", lambda x: (np.array([x]), 0.3 + (x - 1) ** 2), np.linspace(0.03, 2, 20))
    fold = data.isel(point=data.kind == "fold")
    assert fold.sizes["point"] == 1
    np.testing.assert_allclose([fold.p[0], fold.x[0]], [0.3, 1.0], atol=1e-12)  # root to machine precision
    regular = data.isel(point=data.kind == "regular")
    assert (regular.stable == (regular.x > 1)).all()
    assert np.all(np.diff(data.x) > 0), "the fold stands between the points that it separates"


def test_transcritical_is_no_fold():
    field = VectorField("dx/dt = (p - 0.3)*(x - 1) - (x - 1)**2 : 1", {"p": 0.0})
    data = branch(field, "p", lambda p: (np.array([p + 0.7]), p), np.linspace(0, 1, 20))
    special = data.isel(point=data.kind != "regular")
    assert special.kind.values.tolist() == ["branch point"]
    np.testing.assert_allclose([special.p[0], special.x[0]], [0.3, 1.0], atol=1e-12)


@pytest.mark.parametrize("sigma", [-1.0, 1.0])
def test_hopf_is_found_with_period_and_criticality(sigma):
    field = VectorField(HOPF, {"p": 0.0, "sigma": sigma})
    data = branch(field, "p", lambda p: (np.array([1.0, 2.0]), p), np.linspace(0, 1, 12))
    hopf = data.isel(point=data.kind == "hopf")
    np.testing.assert_allclose(hopf.p, [0.3], atol=1e-12)
    np.testing.assert_allclose(hopf.period, [2 * np.pi / 3], rtol=1e-12)
    assert np.sign(hopf.lyapunov.item()) == sigma
    assert not hopf.stable.any()
    assert data.lyapunov.notnull().sum() == 1


def test_neutral_saddle_is_no_hopf_point():
    field = VectorField("dx/dt = (1 + p)*x : 1\ndy/dt = -y : 1", {"p": 0.0})
    data = branch(field, "p", lambda p: (np.zeros(2), p), np.linspace(-0.5, 0.6, 12))
    assert (data.kind == "regular").all()


def test_unknown_parameter_is_refused():
    field = VectorField("dx/dt = -x : 1", {})
    with pytest.raises(ValueError, match="parameter is 'p', expected none"):
        branch(field, "p", lambda p: (np.zeros(1), p), [0.0, 1.0])
