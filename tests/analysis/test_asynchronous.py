"""The asynchronous state: against integrals, the mean field and what it refuses."""

import numpy as np
import pytest
from brian2 import DimensionMismatchError, Hz, mV
from scipy.integrate import quad

import hetbrian as hb
from hetbrian.analysis.asynchronous import asynchronous_state, firing_rate, time_saved
from hetbrian.analysis.meanfield import MeanField
from hetbrian.network import Reset

CA3 = MeanField.CA3.replace(eta=0.25)
BOUND = 1e7
"""Cutoff and reset that change a rate of 0.1 by 2e-8."""


def neurons(meanfield, n_neurons):
    eta = hb.Lorentzian(meanfield.eta, meanfield.eta_half_width).quantiles(n_neurons)
    g = hb.Lorentzian(meanfield.g, meanfield.g_half_width).quantiles(n_neurons)
    return eta, np.random.default_rng(0).permutation(g)


@pytest.mark.parametrize(
    ("drive", "vertex", "v_peak", "v_reset"),
    [(0.3, 0.5, 30, -20), (-0.3, 0.5, 30, 1.2), (0.02, 0.4, 1.46, 0.15), (0.0, 0.5, 50, 0.7), (0.3, 0.5, 30, 0.8)],
)
def test_rate_and_potential_are_integrals_over_a_period(drive, vertex, v_peak, v_reset):
    def speed(v):
        return (v - vertex) ** 2 + drive

    period = quad(lambda v: 1 / speed(v), v_reset, v_peak, limit=500)[0]
    potential = quad(lambda v: v / speed(v), v_reset, v_peak, limit=500)[0] / period
    np.testing.assert_allclose(firing_rate(drive, vertex, v_peak, v_reset), (1 / period, potential), rtol=1e-7)  # quad


def test_neuron_below_threshold_rests_at_its_stable_fixed_point():
    rate, potential = firing_rate([-0.04, -0.04], 0.5, 30, [-20, 0.69])
    assert rate.tolist() == [0, 0]
    np.testing.assert_allclose(potential, 0.3)


def test_time_saved_is_the_leading_order():
    vertex, drive = 0.5, 0.3
    unbounded = firing_rate(drive, vertex, BOUND, -BOUND)[0]
    for bound, tolerance in ((50, 3e-7), (200, 5e-9)):  # next order: D/(3 v^3) of a period of 5.7
        exact = firing_rate(drive, vertex, bound, -bound)[0]
        leading = unbounded / (1 - (time_saved(vertex, bound, -bound) - time_saved(vertex, BOUND, -BOUND)) * unbounded)
        np.testing.assert_allclose(leading, exact, rtol=tolerance)


@pytest.mark.parametrize("eta", [0.05, 0.25])
def test_shared_adaptation_tends_to_the_mean_field(eta):
    meanfield = CA3.replace(eta=eta)
    curve = meanfield.equilibria(eta - 0.02, eta + 0.02, 4000)
    exact = np.interp(eta, curve.eta, curve.r)
    sizes = np.array([1000, 4000, 16000])
    found = [
        asynchronous_state(meanfield.neuron(BOUND, -BOUND), *neurons(meanfield, n), adaptation="shared").r.item()
        for n in sizes
    ]
    error = exact - np.array(found)
    assert (error > 0).all(), "a grid of quantiles cuts the fast tail off"
    slope = np.polyfit(np.log(sizes), np.log(error), 1)[0]
    np.testing.assert_allclose(slope, -0.5, atol=0.05)  # the tail holds 1/sqrt(N) of the rate, to leading order
    # what the cut tail fires, 2 Delta/pi^2/sqrt(X) with X = 2 N Delta/pi, times the gain of the feedback
    assert 0.3 < error[-1] / (0.04 / np.pi**2 / np.sqrt(2 * 16000 * 0.02 / np.pi)) < 1.5


def test_own_adaptation_tends_to_another_limit():
    eta, g = neurons(CA3, 4000)
    shared, own = (
        asynchronous_state(CA3.neuron(), eta, g, adaptation=adaptation).r.item() for adaptation in ("shared", "own")
    )
    np.testing.assert_allclose([shared, own], [0.11656, 0.11844], atol=1e-5)  # own prototype, 2026-11


def test_each_neuron_satisfies_its_equations():
    neuron = CA3.neuron(50, -30)
    eta, g = neurons(CA3.replace(g_half_width=0.1), 50)
    theta = np.linspace(0, 0.3, 50)
    state = asynchronous_state(neuron, eta, g, theta=theta, reset="retain").isel(state=-1)
    rate = np.asarray(state.rate * Hz * CA3.time_unit)
    np.testing.assert_allclose(rate.mean(), state.r, rtol=1e-8)
    np.testing.assert_allclose(state.s, CA3.tau_s * CA3.s_jump * state.r, rtol=1e-9)
    vertex = (CA3.alpha + g * state.s.item()) / 2
    for i in (0, 10, 25, 49):
        floor = -30 + theta[i] * 80

        def period(w, i=i, floor=floor):
            drive = eta[i] + g[i] * state.s.item() * CA3.e_r - w - vertex[i] ** 2
            speed = lambda v: (v - vertex[i]) ** 2 + drive  # noqa: E731
            time = quad(lambda v: 1 / speed(v), floor, 50, limit=500)[0]
            return time, quad(lambda v: v / speed(v), floor, 50, limit=500)[0] / time

        if rate[i] > 0:
            # w that the rate keeps up; b v adds little, so one correction settles it
            w = CA3.w_jump * rate[i] / CA3.a
            for _ in range(20):
                w = CA3.w_jump * rate[i] / CA3.a + CA3.b * period(w)[1]
            np.testing.assert_allclose(1 / period(w)[0], rate[i], rtol=1e-6)


def test_quiet_network_is_a_state():
    state = asynchronous_state(CA3.neuron(), np.full(10, -1.0), np.full(10, 1.23))
    assert state.r.values.tolist() == [0.0]
    assert (state.rate == 0).all()


def test_residual_theta_vanishes_with_the_time_step():
    eta, g = neurons(CA3, 200)

    def rate(theta, dt, reset="residual"):
        options = {"theta": theta, "reset": reset, "dt": dt * CA3.time_unit}
        return asynchronous_state(CA3.neuron(), eta, g, **options).r.item()

    base = rate(0.0, 0.0)
    assert rate(1.0, 0.0) == base
    effect = [rate(1.0, dt) - base for dt in (1e-3, 5e-4)]
    np.testing.assert_allclose(effect[0] / effect[1], 2, rtol=0.1)  # overshoot is linear in dt, its effect nearly
    assert rate(0.5, 0.0, "retain") > base * 1.05


def test_units_do_not_matter():
    ca3 = hb.Izhikevich.CA3
    scales = ca3.scales()
    eta, g = neurons(CA3, 100)
    plain = asynchronous_state(ca3.dimensionless(), eta, g)
    units = asynchronous_state(ca3, eta * scales["eta"], g * scales["g"])
    np.testing.assert_allclose(units.rate, plain.rate, rtol=1e-9)


def test_bad_arguments_are_refused():
    neuron, eta, g = CA3.neuron(), np.zeros(3), np.ones(3)
    with pytest.raises(ValueError, match="neuron has no gating synapses, expected E, tau_s and s_jump"):
        asynchronous_state(hb.Izhikevich.FORCE, eta, g)
    with pytest.raises(ValueError, match=r"eta, g and theta have shapes \(3,\), \(2,\) and \(\), expected one value"):
        asynchronous_state(neuron, eta, g[:2])
    with pytest.raises(ValueError, match="eta has NaN or infinite entries, expected finite numbers"):
        asynchronous_state(neuron, [0, np.nan, 0], g)
    with pytest.raises(DimensionMismatchError, match=r"g has the wrong unit, expected that of 1\.2308"):
        asynchronous_state(neuron, eta, g * mV)
    with pytest.raises(ValueError, match="adaptation is 'common', expected own, shared"):
        asynchronous_state(neuron, eta, g, adaptation="common")
    with pytest.raises(ValueError, match="reset is 'half', expected one of residual"):
        asynchronous_state(neuron, eta, g, reset="half")
    with pytest.raises(ValueError, match=r"theta is 2.0, expected 0 <= theta <= 1"):
        asynchronous_state(neuron, eta, g, theta=2.0)
    with pytest.raises(DimensionMismatchError):
        asynchronous_state(neuron, eta, g, dt=1 * mV)
    with pytest.raises(ValueError, match=r"v_peak is 1 and v_reset 0.7, expected them above and below the vertex 0.5"):
        time_saved(0.5, 1.0, 0.7)


def test_a_capped_reset_is_residual_until_it_caps():
    eta, g = neurons(CA3, 100)
    near = CA3.neuron(20.0, 19.0)  # a step of 5e-3 passes v_peak by up to 2, more than v_peak - v_reset = 1

    def rate(neuron, reset):
        return asynchronous_state(neuron, eta, g, theta=0.5, reset=reset, dt=5e-3 * CA3.time_unit).r.values[-1]

    assert rate(CA3.neuron(), "capped") == pytest.approx(rate(CA3.neuron(), "residual"), rel=1e-12)
    assert rate(near, "capped") < 0.99 * rate(near, "residual")
    with pytest.raises(ValueError, match="the reset rule 'own' has no mean, expected one"):
        asynchronous_state(near, eta, g, reset=Reset("own", "v = v_reset"))
