"""Well-known models: bifurcations against their closed forms and against published numbers."""

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq

from hetbrian.analysis.bifurcations import equilibria
from hetbrian.analysis.vectorfield import VectorField


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


WILSON_COWAN = VectorField(
    """dE/dt = -E + 1/(1 + exp(-1.3*(16*E - 12*I + P - 4))) - 1/(1 + exp(1.3*4)) : 1
    dI/dt = -I + 1/(1 + exp(-2*(15*E - 3*I + Q - 3.7))) - 1/(1 + exp(2*3.7)) : 1""",
    {"P": 0.0, "Q": 0.0},
)
"""Wilson & Cowan 1972, doi 10.1016/S0006-3495(72)86068-5, Fig. 11."""


def wilson_cowan(E):
    rest = sigmoid(-1.3 * 4), sigmoid(-2 * 3.7)
    I = brentq(lambda I: -I + sigmoid(2 * (15 * E - 3 * I - 3.7)) - rest[1], -1, 2, xtol=1e-15)  # noqa: E741
    y = E + rest[0]
    return [E, I], np.log(y / (1 - y)) / 1.3 + 4 - 16 * E + 12 * I


FITZHUGH_NAGUMO = VectorField("dv/dt = v - v**3/3 - w + I : 1\ndw/dt = 0.08*(v + 0.7 - 0.8*w) : 1", {"I": 0.0})
"""FitzHugh 1961, doi 10.1016/S0006-3495(61)86902-6."""


def fitzhugh_nagumo(v):
    w = (v + 0.7) / 0.8
    return [v, w], w - v + v**3 / 3


MORRIS_LECAR = VectorField(
    """dV/dt = (I - g_ca*m*(V - 120) - 8*w*(V + 84) - 2*(V + 60))/20 : 1
    dw/dt = phi*(w_inf - w)*cosh((V - V3)/(2*V4)) : 1
    m = (1 + tanh((V + 1.2)/18))/2 : 1
    w_inf = (1 + tanh((V - V3)/V4))/2 : 1""",
    {"I": 0.0, "g_ca": 4.4, "phi": 0.04, "V3": 2.0, "V4": 30.0},
)
"""Morris & Lecar 1981, doi 10.1016/S0006-3495(81)84782-0; numbers of Rinzel & Ermentrout 1998, Table 7.1 (Hopf)."""

HOMOCLINIC = {"g_ca": 4.0, "phi": 0.23, "V3": 12.0, "V4": 17.4}
"""The same table, regime with a homoclinic orbit."""


def morris_lecar(V, g_ca=4.4, phi=0.04, V3=2.0, V4=30.0):
    w = (1 + np.tanh((V - V3) / V4)) / 2
    return [V, w], g_ca * (1 + np.tanh((V + 1.2) / 18)) / 2 * (V - 120) + 8 * w * (V + 84) + 2 * (V + 60)


HINDMARSH_ROSE = VectorField(
    "dx/dt = y - x**3 + 3*x**2 - z + I : 1\ndy/dt = 1 - 5*x**2 - y : 1\ndz/dt = 0.006*(4*(x + 1.6) - z) : 1", {"I": 0.0}
)
"""Hindmarsh & Rose 1984, doi 10.1098/rspb.1984.0024."""


def hindmarsh_rose(x):
    y, z = 1 - 5 * x**2, 4 * (x + 1.6)
    return [x, y, z], z - y + x**3 - 3 * x**2


JANSEN_RIT = VectorField(
    """dy0/dt = y3 : 1
    dy1/dt = y4 : 1
    dy2/dt = y5 : 1
    dy3/dt = 325*5/(1 + exp(0.56*(6 - y1 + y2))) - 200*y3 - 10000*y0 : 1
    dy4/dt = 325*(p + 108*5/(1 + exp(0.56*(6 - 135*y0)))) - 200*y4 - 10000*y1 : 1
    dy5/dt = 22*50*33.75*5/(1 + exp(0.56*(6 - 33.75*y0))) - 100*y5 - 2500*y2 : 1""",
    {"p": 0.0},
)
"""Jansen & Rit 1995, doi 10.1007/BF00199471."""


def jansen_rit(y):
    def rate(v):
        return 5 * sigmoid(0.56 * (v - 6))

    y0 = 325 / 10000 * rate(y)
    y2 = 22 * 50 / 2500 * 33.75 * rate(33.75 * y0)
    return [y0, y + y2, y2, 0, 0, 0], (y + y2) * 10000 / 325 - 108 * rate(135 * y0)


MONTBRIO_PAZO_ROXIN = VectorField(
    "dr/dt = Delta/pi + 2*r*v : 1\ndv/dt = v**2 + eta + J*r - pi**2*r**2 : 1", {"eta": -10.0, "Delta": 1.0, "J": 15.0}
)
"""Montbrio, Pazo & Roxin 2015, doi 10.1103/PhysRevX.5.021028, Eqs. 12."""


def montbrio_pazo_roxin(r):
    v = -1 / (2 * np.pi * r)
    return [r, v], (np.pi * r) ** 2 - 15 * r - v**2


VAN_DER_POL = VectorField("dx/dt = y : 1\ndy/dt = (mu - x**2)*y - x : 1", {"mu": -0.5})
"""van der Pol 1926, doi 10.1080/14786442608564127, with the size of the cycle as parameter."""

MODELS = {
    # field, parameter, range, curve of equilibria, its range
    "Wilson-Cowan": (WILSON_COWAN, "P", (-1.0, 4.0), wilson_cowan, (-0.005, 0.99)),
    "Wilson-Cowan, wide": (WILSON_COWAN, "P", (-2.0, 6.0), wilson_cowan, (-0.0052, 0.994)),
    "FitzHugh-Nagumo": (FITZHUGH_NAGUMO, "I", (0.0, 2.0), fitzhugh_nagumo, (-1.4, 1.4)),
    "Morris-Lecar": (MORRIS_LECAR, "I", (0.0, 300.0), morris_lecar, (-70.0, 30.0)),
    "Morris-Lecar, homoclinic": (
        MORRIS_LECAR.with_parameters(**HOMOCLINIC),
        "I",
        (-20.0, 120.0),
        lambda V: morris_lecar(V, **HOMOCLINIC),
        (-80.0, 30.0),
    ),
    "Hindmarsh-Rose": (HINDMARSH_ROSE, "I", (0.0, 30.0), hindmarsh_rose, (-2.0, 2.5)),
    "Jansen-Rit": (JANSEN_RIT, "p", (-50.0, 400.0), jansen_rit, (-5.0, 15.0)),
    "Montbrio-Pazo-Roxin": (MONTBRIO_PAZO_ROXIN, "eta", (-10.0, 0.0), montbrio_pazo_roxin, (0.03, 2.0)),
    "van der Pol": (VAN_DER_POL, "mu", (-0.5, 0.5), None, None),
}

PUBLISHED = {
    # Rinzel & Ermentrout 1998, Sec. 7.3; Grimbert & Faugeras 2006, doi 10.1162/neco.2006.18.12.3052, Sec. 3
    "Morris-Lecar": {"hopf": [93.86, 212.02]},
    "Jansen-Rit": {"hopf": [-12.15, 89.83, 315.70], "fold": [-41.30, 113.58]},
}


def slope(function, x, h=1e-6):
    return (function(x + h) - function(x - h)) / (2 * h)


def scanned(field, name, curve, ends, limits):
    """Return sorted (kind, parameter) along a closed form: extrema of the parameter, and pairs that cross the axis."""
    places = np.linspace(*ends, 20001)

    def value(u):
        return curve(u)[1]

    def pair(u):
        """Return the growth of the least stable oscillation, of a Jacobian by differences."""
        state, p = curve(u)
        state = np.asarray(state, dtype=float)
        steps = 3e-5 * np.maximum(np.abs(state), 0.1)
        jacobian = [
            (field.rhs(state + h * e, **{name: p}) - field.rhs(state - h * e, **{name: p})) / (2 * h)
            for h, e in zip(steps, np.eye(len(state)), strict=True)
        ]
        values = np.linalg.eigvals(np.array(jacobian).T)
        oscillating = values[values.imag > 0]
        return oscillating.real.max() if len(oscillating) else np.nan

    found = []
    parameters = np.array([value(u) for u in places])
    for i in np.flatnonzero(np.diff(np.sign(np.diff(parameters))) != 0):
        turn = brentq(lambda u: slope(value, u), places[i], places[i + 2])
        found.append(("fold", value(turn)))
    inside = (parameters >= limits[0]) & (parameters <= limits[1])
    growth = np.array([pair(u) if near else np.nan for u, near in zip(places[::20], inside[::20], strict=True)])
    for i in np.flatnonzero(growth[:-1] * growth[1:] < 0):
        crossing = brentq(pair, places[::20][i], places[::20][i + 1])
        if abs(pair(crossing)) < 1e-3 * max(abs(growth[i]), abs(growth[i + 1])):  # not where a pair becomes real
            found.append(("hopf", value(crossing)))
    return sorted((kind, p) for kind, p in found if limits[0] <= p <= limits[1])


@pytest.mark.parametrize("model", [name for name in MODELS if MODELS[name][3]])
def test_special_points_are_those_of_the_closed_form(model):
    field, name, limits, curve, ends = MODELS[model]
    start = curve(ends[0] + 0.1 * (ends[1] - ends[0]))
    for share in np.linspace(0.02, 0.98, 49):  # one in the range
        start = curve(ends[0] + share * (ends[1] - ends[0]))
        if limits[0] < start[1] < limits[1]:
            break
    field = field.with_parameters(**{name: float(start[1])})
    data = equilibria(field, name, *limits, dict(zip(field.variables, start[0], strict=True)))
    special = data.isel(point=data.kind != "regular")
    found = sorted(zip(special.kind.values.tolist(), special[name].values.tolist(), strict=True))
    expected = scanned(field, name, curve, ends, limits)
    assert [kind for kind, _ in found] == [kind for kind, _ in expected]
    width = limits[1] - limits[0]
    # the closed form is differentiated by steps of 1e-6
    np.testing.assert_allclose([p for _, p in found], [p for _, p in expected], atol=1e-6 * width)
    for kind, values in PUBLISHED.get(model, {}).items():
        for value in values:
            assert min(abs(p - value) for which, p in found if which == kind) < 0.01, "published to two decimals"


def test_van_der_pol_is_born_supercritically():
    data = equilibria(VAN_DER_POL, "mu", -0.5, 0.5, {"x": 0.0, "y": 0.0})
    hopf = data.isel(point=data.kind != "regular")
    assert hopf.kind.values.tolist() == ["hopf"]
    # Guckenheimer & Holmes 1983, Eq. 3.4.11: 16 a = g_xxy = -2, and l1 = 2 a/omega
    np.testing.assert_allclose([hopf.mu[0], hopf.period[0], hopf.lyapunov[0]], [0, 2 * np.pi, -0.25], atol=1e-10)


def test_van_der_pol_cycle_has_the_published_period_and_amplitude():
    pytest.importorskip("xpplab")
    from hetbrian.analysis.cycles import limit_cycles

    data = equilibria(VAN_DER_POL, "mu", -0.5, 0.5, {"x": 0.0, "y": 0.0})
    cycles = limit_cycles(VAN_DER_POL, "mu", -0.5, 1.0, data.isel(point=data.kind == "hopf"), max_step=0.05)
    assert cycles.attrs["end"] == "range"
    # Andersen & Geer 1982, doi 10.1137/0142047, and Amore et al. 2018: mu = 1 has T = 6.6632868593, A = 2.0086198609;
    # cubic interpolation between the last cycles, 0.05 apart, is good to 1e-5
    mu = cycles.mu.values
    last = np.flatnonzero(mu > 0.5)
    period = CubicSpline(mu[last], cycles.period.values[last])(1.0)
    size = CubicSpline(mu[last], cycles.x_max.values[last])(1.0)
    np.testing.assert_allclose([period, size], [6.6632868593, 2.0086198609], rtol=2e-5)
