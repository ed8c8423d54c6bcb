"""The mean field: published numbers, closed form, closure in g, units."""

import dataclasses

import numpy as np
import pytest
from brian2 import DimensionMismatchError, Hz, ms, mV, nS, pA, second

from hetbrian.analysis.meanfield import EQUATIONS, MeanField
from hetbrian.analysis.shooting import limit_cycle
from hetbrian.network.neuron import Izhikevich

CA3 = MeanField.CA3


@pytest.mark.parametrize(
    ("half_width", "etas", "periods", "coefficients"),
    [
        (0.02, [0.0748928329, 0.1909396088], [224.2157, 128.9296], [20.5, 13.1]),
        (0.002, [0.0890063362, 0.1940802677], [322.5730, 123.0095], [526, 25.2]),
    ],
)
def test_hopf_points_of_the_published_parameters(half_width, etas, periods, coefficients):
    hopf = CA3.replace(eta_half_width=half_width).hopf_points(0.0, 0.3)
    np.testing.assert_allclose(hopf.eta, etas, atol=1e-9)  # the references have ten digits
    np.testing.assert_allclose(hopf.period, periods, atol=1e-4)  # and seven here
    np.testing.assert_allclose(hopf.lyapunov, coefficients, rtol=5e-3)  # and three here


@pytest.mark.parametrize("g", [0.6, 0.8])
def test_weak_coupling_makes_both_hopf_points_supercritical(g):
    hopf = CA3.replace(g=g).hopf_points(0.0, 0.3)
    assert hopf.sizes["point"] == 2
    assert (hopf.lyapunov < 0).all()


def test_strong_coupling_folds_the_equilibria():
    data = CA3.replace(g=2.0).equilibria(0.0, 0.2)
    folds = data.isel(point=data.kind == "fold")
    np.testing.assert_allclose(folds.eta, [0.042863, 0.041807], atol=1e-6)  # references have six digits


def test_generalised_hopf_points():
    from scipy.optimize import brentq

    def coefficient(g, which):
        return CA3.replace(g=g).hopf_points(0.0, 0.3, 200).lyapunov[which].item()

    for which, bracket, expected in ((0, (1.05, 1.2), (0.0819555, 1.1216814)), (1, (0.8, 1), (0.2021922, 0.8833123))):
        g = brentq(coefficient, *bracket, args=(which,), xtol=1e-9)
        eta = CA3.replace(g=g).hopf_points(0.0, 0.3, 200).eta[which].item()
        np.testing.assert_allclose((eta, g), expected, atol=1e-6)  # references have seven digits


def test_cycle_at_eta_015():
    field = CA3.replace(eta=0.15).field
    settled = field.trajectory([0.03, 0.3, 0.05, 0.1], [0.0, 2000.0, 2500.0])
    state = [settled[name].values[-1] for name in field.variables]
    cycle = limit_cycle(field, state, 206.0)
    np.testing.assert_allclose(cycle.period, 206.3094, atol=1e-3)
    # the 401 samples of the cycle miss the top of its spikes by up to 5e-5
    np.testing.assert_allclose([cycle.r.min(), cycle.r.max()], [0.010513, 0.157609], atol=1e-4)
    assert cycle.stable


def test_stable_equilibrium_at_high_current():
    data = CA3.equilibria(0.2, 0.3)
    assert data.stable.isel(point=data.eta > 0.2).all()
    np.testing.assert_allclose(np.interp(0.25, data.eta, data.r), 0.1169, atol=5e-5)  # reference has four digits


@pytest.mark.parametrize("sigma", [-1, 1])
@pytest.mark.parametrize("g_half_width", [0.0, 0.2])
def test_closed_form_solves_the_equations(sigma, g_half_width):
    meanfield = CA3.replace(sigma=sigma, g_half_width=g_half_width, current=0.03)
    states, eta = meanfield.equilibrium(np.geomspace(1e-4, 0.5, 50))
    # rounding grows with v^2, which reaches 1e3 at the lowest rates
    assert np.abs(meanfield.field.rhs(states, eta=eta)).max() < 1e-12


@pytest.mark.parametrize(("sigma", "rate"), [(1, 0.129), (-1, 0.108)])
def test_both_signs_of_the_closure_in_g(sigma, rate):
    meanfield = CA3.replace(sigma=sigma, g_half_width=0.2)
    data = meanfield.equilibria(0.2, 0.3)
    np.testing.assert_allclose(np.interp(0.25, data.eta, data.r), rate, atol=5e-4)  # reference has three digits


def test_jacobian_is_the_derivative_of_the_equations():
    field = CA3.replace(g_half_width=0.2).field
    state, h = np.array([0.1, 0.4, 0.2, 0.3]), 1e-6
    columns = [(field.rhs(state + h * e) - field.rhs(state - h * e)) / (2 * h) for e in np.eye(4)]
    # central differences of a quadratic are exact up to rounding over h
    np.testing.assert_allclose(field.jacobian(state), np.stack(columns, axis=-1), atol=1e-9)


def test_equations_run_in_brian2():
    from brian2 import NeuronGroup, defaultclock, run

    meanfield = CA3.replace(eta=0.25)
    defaultclock.dt = 0.02 * ms
    group = NeuronGroup(1, EQUATIONS, method="rk4", namespace=meanfield.namespace)
    group.r = 0.01
    run(50 * ms)
    exact = meanfield.trajectory([0, 0.05] * second, start=[0.01, 0, 0, 0])
    np.testing.assert_allclose(group.r[0], exact.r.values[-1], rtol=1e-6)  # rk4, dt = 0.013 time units


def test_exact_parameters_differ_from_the_published_ones_by_rounding():
    exact = MeanField.from_parameters(Izhikevich.CA3, 0.02)
    for field in dataclasses.fields(CA3):
        np.testing.assert_allclose(
            float(getattr(exact, field.name)),
            float(getattr(CA3, field.name)),
            rtol=1e-2,  # 0.0077 stands for 0.00769, -0.0062 for -0.00615
            err_msg=field.name,
        )
    hopf = exact.hopf_points(0.0, 0.3)
    np.testing.assert_allclose(hopf.eta, [0.07507161, 0.19163900], atol=1e-8)
    assert np.abs(hopf.eta.values - CA3.hopf_points(0.0, 0.3).eta.values).max() < 7.1e-4


def test_neuron_of_the_network_is_the_one_that_the_mean_field_came_from():
    neuron, exact = MeanField.from_parameters(Izhikevich.CA3, 0.02).neuron(), Izhikevich.CA3.dimensionless()
    for field in dataclasses.fields(exact):
        if field.name != "source":
            ours, theirs = (np.asarray(getattr(item, field.name)) for item in (neuron, exact))
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12, err_msg=field.name)  # rounding
    assert CA3.replace(current=0.1, eta=0.2).neuron(50, -30).eta == pytest.approx(0.3)


def test_half_widths_may_have_units():
    quantities = MeanField.from_parameters(Izhikevich.CA3, 0.02 * 10562.5 * pA, g_half_width=0.2 * 162.5 * nS)
    numbers = MeanField.from_parameters(Izhikevich.CA3, 0.02, g_half_width=0.2)
    np.testing.assert_allclose(quantities.eta_half_width, numbers.eta_half_width, rtol=1e-12)
    np.testing.assert_allclose(quantities.g_half_width, numbers.g_half_width, rtol=1e-12)


def test_conversion_to_hertz_and_millivolt():
    np.testing.assert_allclose(CA3.rate(0.1) / Hz, 65.0, rtol=1e-12)  # 0.1/1.53846 ms
    np.testing.assert_allclose(CA3.potential(np.array([0.0, 1.0])) / mV, [-65.0, 0.0], atol=1e-12)


def test_trajectory_has_units_and_takes_a_current():
    times = np.linspace(0, 300, 301) * ms
    rest = CA3.replace(eta=0.0).trajectory(times)
    pulse = CA3.replace(eta=0.0).trajectory(times, current=lambda t: 0.3 if 100 * ms < t < 150 * ms else 0.0)
    assert pulse.rate.attrs["units"] == "Hz"
    assert pulse.potential.attrs["units"] == "mV"
    assert pulse.time.attrs["units"] == "ms"
    np.testing.assert_allclose(pulse.rate.sel(time=90), rest.rate.sel(time=90), rtol=1e-5)  # solver tolerance
    assert pulse.rate.sel(time=140) > 3 * rest.rate.sel(time=140)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"g": np.nan}, "g is nan, expected one finite number"),
        ({"eta_half_width": -0.1}, "eta_half_width is -0.1, expected 0 or more"),
        ({"tau_s": 0.0}, "tau_s is 0.0, expected more than 0"),
        ({"sigma": 0}, "sigma is 0, expected 1 or -1"),
        ({"gee": 1.0}, "parameter is 'gee', expected a, b, alpha"),
    ],
)
def test_bad_parameters_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        CA3.replace(**change)


def test_bad_ranges_are_refused():
    with pytest.raises(ValueError, match=r"range of eta is 0.3 to 0.1, expected lower < upper"):
        CA3.equilibria(0.3, 0.1)
    with pytest.raises(ValueError, match=r"no equilibrium has eta from -1e\+30 to -1e\+29"):
        CA3.equilibria(-1e30, -1e29)
    with pytest.raises(ValueError, match="eta_half_width is 0, expected a positive half width"):
        CA3.replace(eta_half_width=0.0).equilibria(0.0, 0.3)
    with pytest.raises(ValueError, match="r is 0, expected a positive rate"):
        CA3.equilibrium([0.1, 0.0])


def test_wrong_units_are_refused():
    with pytest.raises(DimensionMismatchError):
        CA3.replace(time_unit=1 * mV)
    with pytest.raises(DimensionMismatchError):
        CA3.replace(voltage_unit=1 * ms)
    with pytest.raises(DimensionMismatchError):
        CA3.trajectory([0, 1])
    with pytest.raises(DimensionMismatchError, match=r"eta_half_width is .*, expected the unit of eta"):
        MeanField.from_parameters(Izhikevich.CA3, 1 * mV)


def test_neurons_without_scales_or_synapses_are_refused():
    with pytest.raises(ValueError, match="neuron has no units, expected a set that gives the scales"):
        MeanField.from_parameters(Izhikevich.CA3.dimensionless(), 0.02)
    with pytest.raises(ValueError, match="neuron has no gating synapses, expected E, tau_s and s_jump"):
        MeanField.from_parameters(Izhikevich.FORCE, 1 * pA)


def test_derivation_in_the_documentation(capsys):
    import runpy
    from pathlib import Path

    script = Path(__file__).parents[2] / "docs" / "meanfield_derivation.py"
    runpy.run_path(str(script), run_name="__main__")
    assert capsys.readouterr().out.count("\n") == 5
