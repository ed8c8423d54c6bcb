"""Branches of equilibria: normal forms off the origin, CA3 against its closed form, and how branches end."""

import re

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar

from hetbrian.analysis.bifurcations import equilibria
from hetbrian.analysis.meanfield import MeanField
from hetbrian.analysis.vectorfield import VectorField

FOLD = VectorField("dx/dt = p - 0.3 - (x - 1)**2 : 1", {"p": 0.8})
CUSP = VectorField("dx/dt = (p - 0.3) + (q - 0.5)*(x - 1) - (x - 1)**3 : 1", {"p": -1.0, "q": 1.5})
LANDAU = """
dx/dt = (p - 0.3)*(x - 1) - 2*(y - 2) + q*(x - 1)*square : 1
dy/dt = 2*(x - 1) + (p - 0.3)*(y - 2) + q*(y - 2)*square : 1
square = (x - 1)**2 + (y - 2)**2 : 1
"""


def special(data):
    return data.isel(point=data.kind != "regular")


def test_fold():
    data = equilibria(FOLD, "p", 0.0, 1.0, {"x": 1.6})
    fold = special(data)
    assert fold.kind.values.tolist() == ["fold"]
    np.testing.assert_allclose([fold.p[0], fold.x[0]], [0.3, 1.0], atol=1e-8)  # Newton's method: x to the root
    regular = data.isel(point=data.kind == "regular")
    assert (regular.stable == (regular.x > 1)).all()
    np.testing.assert_allclose(regular.p, 0.3 + (regular.x - 1) ** 2, atol=1e-12)
    np.testing.assert_allclose([data.p.max(), data.x.min()], [1.0, 1 - np.sqrt(0.7)], atol=1e-12)  # to the limit


def test_transcritical():
    field = VectorField("dx/dt = (p - 0.3)*(x - 1) - (x - 1)**2 : 1", {"p": -0.5})
    data = equilibria(field, "p", -1.0, 2.0, {"x": 1.01})
    assert set(special(data).kind.values) == {"branch point"}
    # the Jacobian of the branch is singular there, so it is found to the square root of rounding
    np.testing.assert_allclose(special(data).p, 0.3, atol=1e-6)
    np.testing.assert_allclose(special(data).x, 1.0, atol=1e-6)
    assert np.unique(data.branch).tolist() == [0, 1], "both branches"
    regular = data.isel(point=(data.kind == "regular") & (np.abs(data.p - 0.3) > 1e-4))
    trivial = np.abs(regular.x - 1) < 1e-6
    assert (regular.stable == (trivial == (regular.p < 0.3))).all(), "exchange of stability"


@pytest.mark.parametrize("criticality", [-1.0, 1.0])
def test_hopf(criticality):
    field = VectorField(LANDAU, {"p": 0.0, "q": criticality})
    data = equilibria(field, "p", -0.5, 1.0, {"x": 1.1, "y": 2.0})
    hopf = special(data)
    assert hopf.kind.values.tolist() == ["hopf"]
    np.testing.assert_allclose([hopf.p[0], hopf.x[0], hopf.y[0]], [0.3, 1.0, 2.0], atol=1e-9)
    np.testing.assert_allclose(hopf.period, np.pi, rtol=1e-9)
    np.testing.assert_allclose(hopf.lyapunov, criticality, rtol=1e-9)  # 2 q/omega
    assert (data.stable == (data.p < 0.3)).isel(point=data.kind == "regular").all()


WILSON_COWAN = """
dE/dt = -E + (1 - E)*(1/(1 + exp(-1.5*(13*E - 4*I + P - 2.5))) - 1/(1 + exp(1.5*2.5))) : 1
dI/dt = -I + (1 - I)*(1/(1 + exp(-6*(22*E - 2*I - 4.3))) - 1/(1 + exp(6*4.3))) : 1
"""
"""Wilson & Cowan 1972, doi 10.1016/S0006-3495(72)86068-5, Fig. 5: two hysteresis loops."""


def wilson_cowan_folds():
    """Return (P, E) of each fold: extrema of P(E), which both nullclines give by root finding in one variable."""

    def input_at(E):
        def surplus(inhibited):
            drive = 22 * E - 2 * inhibited - 4.3
            return -inhibited + (1 - inhibited) * (1 / (1 + np.exp(-6 * drive)) - 1 / (1 + np.exp(6 * 4.3)))

        share = E / (1 - E) + 1 / (1 + np.exp(1.5 * 2.5))
        return -13 * E + 4 * brentq(surplus, -0.5, 1.0, xtol=1e-15) + 2.5 + np.log(share / (1 - share)) / 1.5

    E = np.linspace(-0.0225, 0.49, 1001)
    P = np.array([input_at(e) for e in E])
    folds = []
    for i in np.flatnonzero(np.diff(np.sign(np.diff(P)))) + 1:
        sign = 1 if P[i] < P[i - 1] else -1
        turn = minimize_scalar(
            lambda e, sign=sign: sign * input_at(e),
            bounds=E[[i - 1, i + 1]],
            method="bounded",
            options={"xatol": 1e-12},
        )
        folds.append((input_at(turn.x), turn.x))
    return np.array(folds)


@pytest.mark.parametrize(
    ("P", "start"), [(0.0, {"E": 0.0, "I": 0.0}), (-1.0, {"E": -0.02, "I": 0.0}), (4.0, {"E": 0.49, "I": 0.49})]
)
def test_a_variable_that_grows_by_orders_of_magnitude_ends_no_branch(P, start):
    # the quiet state has I = 1e-12, the active one 0.5: neither growth nor first size may decide what is found
    data = equilibria(VectorField(WILSON_COWAN, {"P": P}), "P", -2.0, 4.0, start)
    assert data.ends.count("the range ends") == 2, data.ends
    folds = data.isel(point=data.kind == "fold").sortby("E")
    expected = wilson_cowan_folds()
    assert len(expected) == 4
    np.testing.assert_allclose(folds.P, expected[:, 0], atol=1e-12)  # P is flat there
    np.testing.assert_allclose(folds.E, expected[:, 1], atol=1e-7)  # and E known to the root of rounding


def test_an_exponential_tail_is_no_pole():
    data = equilibria(VectorField("dx/dt = exp(50*p) - x : 1", {"p": -0.9}), "p", -1.0, 1.0, {"x": 0.0})
    assert data.ends.count("the range ends") == 2, data.ends
    np.testing.assert_allclose(data.x, np.exp(50 * data.p), rtol=1e-9)  # from 2e-22 to 5e21


def test_ca3_equilibria_equal_the_closed_form():
    meanfield = MeanField.CA3.replace(eta=0.05)
    start = {"r": 0.015, "v": 0.15, "w": 0.04, "s": 0.05}
    data = equilibria(meanfield.field, "eta", 0.0, 0.3, start)
    np.testing.assert_allclose(data.eta, meanfield.equilibrium(data.r)[1], atol=1e-10)  # Newton's method
    np.testing.assert_allclose(special(data).eta, [0.0748928329, 0.1909396088], atol=1e-9)


def test_bad_starts_are_refused():
    with pytest.raises(ValueError, match=r"p is 0.8 in the field, expected 0.9 to 1.0"):
        equilibria(FOLD, "p", 0.9, 1.0, {"x": 1.6})
    with pytest.raises(ValueError, match="start names y, expected x"):
        equilibria(FOLD, "p", 0.0, 1.0, {"y": 1.6})
    with pytest.raises(ValueError, match="no equilibrium is close to"):
        equilibria(FOLD.with_parameters(p=0.1), "p", 0.0, 1.0, {"x": 1.6})
    with pytest.raises(ValueError, match=r"range of p is 1.0 to 0.0, expected lower < upper"):
        equilibria(FOLD, "p", 1.0, 0.0, {"x": 1.6})
    with pytest.raises(ValueError, match="parameter is 'q', expected p"):
        equilibria(FOLD, "q", 0.0, 1.0, {"x": 1.6})
    field = VectorField("dx/dt = p - log(x) : 1", {"p": 0.5})
    with pytest.raises(ValueError, match="dx/dt is nan at x = -1, expected a finite number"):
        equilibria(field, "p", 0.0, 1.0, {"x": -1.0})
    with pytest.raises(ValueError, match="max_step is -1, expected more than 0"):
        equilibria(FOLD, "p", 0.0, 1.0, {"x": 1.6}, max_step=-1)
    with pytest.raises(ValueError, match="max_points is 0, expected an integer of at least 1"):
        equilibria(FOLD, "p", 0.0, 1.0, {"x": 1.6}, max_points=0)


@pytest.mark.parametrize("start", [0.0, 1.0])
def test_pitchfork_is_found_from_each_of_its_branches(start):
    # x = 1 and p = 0.3 + (x - 1)^2; on the second the determinant touches zero, and the parameter turns, without a fold
    field = VectorField("dx/dt = (x - 1)*(p - 0.3 - (x - 1)**2) : 1", {"p": 1.3})
    data = equilibria(field, "p", -1.0, 2.0, {"x": 1.0 + start})
    assert set(special(data).kind.values) == {"branch point"}
    np.testing.assert_allclose(special(data).p, 0.3, atol=1e-6)  # square root of rounding, as at any double root
    np.testing.assert_allclose(special(data).x, 1.0, atol=1e-6)
    assert np.unique(data.branch).tolist() == [0, 1], "both branches"
    off = np.minimum(np.abs(data.x - 1), np.abs(data.p - 0.3 - (data.x - 1) ** 2))
    assert off.max() < 1e-10 and np.abs(data.x - 1).max() > 1.2 and data.p.min() == -1


def test_imperfect_pitchfork_has_one_fold_and_no_branch_point():
    field = VectorField("dx/dt = p*x - x**3 + 0.001 : 1", {"p": -1.0})
    data = equilibria(field, "p", -1.0, 1.0, {"x": 0.0})
    assert special(data).sizes["point"] == 0, "the branch of the start is smooth and stable"
    other = equilibria(field.with_parameters(p=0.9), "p", -1.0, 1.0, {"x": -0.9})
    assert special(other).kind.values.tolist() == ["fold"]
    np.testing.assert_allclose(special(other).p, 3 * 0.0005 ** (2 / 3), rtol=1e-9)  # p x - x^3 + e = 0 = p - 3 x^2


def test_two_folds_closer_than_a_step_are_both_found():
    # dp/dx = 3 (x - 1)^2 - e: folds at x = 1 -+ sqrt(e/3), p less than 1e-4 of a step apart
    field = VectorField("dx/dt = p - (x - 1)**3 + 1e-5*(x - 1) : 1", {"p": 0.5})
    data = equilibria(field, "p", -1.0, 1.0, {"x": 1.8})
    folds = special(data)
    assert folds.kind.values.tolist() == ["fold", "fold"]
    x = np.sqrt(1e-5 / 3)
    np.testing.assert_allclose(sorted(folds.x), [1 - x, 1 + x], atol=1e-9)


def test_isola_is_closed():
    field = VectorField("dx/dt = (x - 3)**2 + (p - 0.2)**2 - 0.25 : 1", {"p": 0.2})
    data = equilibria(field, "p", -1.0, 1.0, {"x": 3.5})
    assert data.ends.count("the branch is closed") == 2
    np.testing.assert_allclose(sorted(special(data).p), [-0.3, 0.7], atol=1e-9)
    np.testing.assert_allclose([data.x.min(), data.x.max()], [2.5, 3.5], atol=1e-3)  # within a step


def test_branch_comes_back_from_outside_the_range():
    # p = 4 x - x^3 leaves at p = 2 and comes back there behind its fold at p = 3.08
    field = VectorField("dx/dt = p - 4*x + x**3 : 1", {"p": 0.0})
    data = equilibria(field, "p", -2.0, 2.0, {"x": 0.0})
    assert np.unique(data.branch).tolist() == [0, 1, 2]
    assert (np.abs(data.p) <= 2).all() and np.abs(data.x).max() > 2
    np.testing.assert_allclose(data.p, 4 * data.x - data.x**3, atol=1e-10)
    assert special(data).sizes["point"] == 0, "its folds lie outside"
    assert data.ends.count("the range ends") == 6


@pytest.mark.parametrize(
    ("equation", "start", "reason"),
    [
        ("p - 0.4 - log(1 + x)", 0.1, r"ends at p = .*: the range ends"),
        ("x*(p - 0.4 - 0.1*log(0.5 - p)) - 0.1", 0.2, r"ends at p = 0\.5: the derivatives of dx/dt diverge"),
        ("p - 0.4 - 0.3*(0.3 + x)**0.5", -0.2, r"p = 0\.4\d*: (dx/dt is nan beyond|the derivatives of dx/dt diverge)"),
        ("(p - 0.4)*x - 1", 10.0, r"p = 0\.4.*: (x diverges|.* points are reached, more need a larger max_points)"),
    ],
)
def test_branches_say_why_they_end(equation, start, reason):
    field = VectorField(f"dx/dt = {equation} : 1", {"p": 0.49})
    data = equilibria(field, "p", 0.0, 1.0, {"x": start})
    assert re.search(reason, data.ends), data.ends
    residual = field.rhs(data.x.values[:, None], p=data.p.values)
    assert np.abs(residual).max() < 1e-5  # rounding, times derivatives of 1e8


def test_points_are_bounded():
    data = equilibria(FOLD, "p", 0.0, 1.0, {"x": 1.6}, max_points=10)
    assert data.sizes["point"] == 19
    assert data.ends.count("10 points are reached, more need a larger max_points") == 2


def test_a_branch_that_is_left_outside_the_range_says_so():
    field = VectorField("dx/dt = p - 4*x + x**3 : 1", {"p": 1.9})
    data = equilibria(field, "p", -2.0, 2.0, {"x": 0.54}, max_points=30)
    assert "outside the range, the branch is left at p = " in data.ends
    assert data.ends.count("30 points are reached") == 2


def test_start_without_neighbours_is_refused():
    field = VectorField("dx/dt = x**2 + (p - 0.5)**2 : 1", {"p": 0.5})
    with pytest.raises(
        ValueError, match=r"no equilibrium follows the one at p = 0.5 in the range, expected a branch: "
    ):
        equilibria(field, "p", 0.0, 1.0, {"x": 0.0})


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_units_do_not_matter(scale):
    """As in SI units, where a membrane has nanoamperes and volts."""
    field = VectorField(f"dx/dt = p/{scale} - 0.3 - (x/{scale} - 1)**2 : 1", {"p": 0.8 * scale})
    data = equilibria(field, "p", 0.0, scale, {"x": 1.7 * scale})
    fold = special(data)
    assert fold.kind.values.tolist() == ["fold"]
    np.testing.assert_allclose([fold.p[0] / scale, fold.x[0] / scale], [0.3, 1.0], atol=1e-8)
    assert data.sizes["point"] < 400


CONTINUA = {
    "conserved sum": ("dx/dt = p*(y - x) : 1\ndy/dt = p*(x - y) : 1", {"x": 0.5, "y": 0.5}),
    "without infection": ("dx/dt = -p*x*y + y : 1\ndy/dt = p*x*y - y : 1", {"x": 0.3, "y": 0.0}),
    "no change at all": ("dx/dt = 0*p*x : 1", {"x": 0.5}),
}


@pytest.mark.parametrize("case", CONTINUA)
def test_a_continuum_of_equilibria_is_refused(case):
    """Every one of them passed for a branch point, or none was found."""
    equations, start = CONTINUA[case]
    with pytest.raises(ValueError, match="equilibria at p = 1 are a continuum, expected isolated ones: replace a vari"):
        equilibria(VectorField(equations, {"p": 1.0}), "p", 0.5, 2.0, start)


@pytest.mark.parametrize(
    ("equations", "kind"),
    [
        ("dx/dt = p*x - x**3 : 1\ndy/dt = x - y : 1", "branch point"),
        ("dx/dt = p - x**2 : 1\ndy/dt = x - y : 1", "fold"),
        ("dx/dt = 1e-9*(p - x**2) : 1\ndy/dt = 1e9*(x - y) : 1", "fold"),
    ],
)
def test_a_singular_start_is_no_continuum(equations, kind):
    data = equilibria(VectorField(equations, {"p": 0.0}), "p", -1.0, 1.0, {"x": 0.0, "y": 0.0})
    found = special(data)
    assert {str(item) for item in found.kind.values} == {kind}
    np.testing.assert_allclose(found.p, 0, atol=1e-9)  # Newton's method


INFLECTIONS = {
    "cubic": "dx/dt = p - (x - 1)**3 : 1",
    "quintic": "dx/dt = p - (x - 1)**5 : 1",
    "two variables": "dx/dt = p - (x - 1)**3 : 1\ndy/dt = x - y : 1",
}


@pytest.mark.parametrize("case", INFLECTIONS)
def test_an_inflection_is_no_fold(case):
    """The determinant vanishes there, but the parameter goes on: it was listed as a fold."""
    start = {"x": 1.5, "y": 1.5} if "dy" in INFLECTIONS[case] else {"x": 1.5}
    field = VectorField(INFLECTIONS[case], {"p": 0.5 ** (5 if case == "quintic" else 3)})
    data = equilibria(field, "p", -1.0, 1.0, start)
    assert special(data).sizes["point"] == 0
    assert data.x.min() < 0.1 and data.x.max() > 1.9, "and the branch goes through it"


def test_a_branch_point_is_listed_once():
    """It was listed once for each visit of one of its branches."""
    equations = "dx/dt = 10*(y - x) : 1\ndy/dt = x*(rho - z) - y : 1\ndz/dt = x*y - 8*z/3 : 1"
    data = equilibria(VectorField(equations, {"rho": 0.5}), "rho", 0.0, 30.0, dict.fromkeys("xyz", 0.0))
    found = special(data)
    pitchforks = found.isel(point=found.kind == "branch point")
    np.testing.assert_allclose(pitchforks.rho, [1.0], atol=1e-6)
    assert np.unique(data.branch).size > 1
    hopf = found.isel(point=found.kind == "hopf")
    np.testing.assert_allclose(hopf.rho, 10 * (10 + 8 / 3 + 3) / (10 - 8 / 3 - 1), rtol=1e-8)  # Sparrow 1982
