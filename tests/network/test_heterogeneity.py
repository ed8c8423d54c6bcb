import numpy as np
import pytest
from brian2 import DimensionMismatchError, ms, mV, pA
from numpy.random import default_rng

import hetbrian as hb
from hetbrian.network import Empirical, Heterogeneity, Truncated
from hetbrian.published import force_network
from hetbrian.published.models.reservoir import PARAMETERS, reservoir

LAWS = Heterogeneity(
    eta=hb.LogNormal(900 * pA, 0.3), g=hb.Gamma(1.0, 4.0), theta=hb.Lorentzian(0.3, 0.1).truncated(0, 1)
)


def test_each_parameter_has_a_stream_of_its_own():
    drawn = LAWS.draw(50, default_rng(1))
    streams = default_rng(1).spawn(3)
    for (name, values), stream in zip(drawn.items(), streams, strict=True):
        assert np.array_equal(values, getattr(LAWS, name).draw(50, stream))
    for name in drawn:
        alone = Heterogeneity(**{"eta": 1000 * pA, "g": 1.0, "theta": 0.0, name: getattr(LAWS, name)})
        assert alone.differing == (name,)
        assert np.array_equal(alone.draw(50, default_rng(1))[name], drawn[name])
    assert LAWS.differing == ("eta", "g", "theta")


def test_what_does_not_differ_is_the_given_value():
    drawn = Heterogeneity(eta=1000 * pA, g=1.2308).draw(3, default_rng(0))
    assert (drawn["eta"] == 1000 * pA).all()
    assert drawn["g"].tolist() == [1.2308] * 3 and drawn["theta"].tolist() == [0.0] * 3


def test_the_next_streams_of_the_generator_are_free():
    rng = default_rng(4)
    LAWS.draw(5, rng)
    assert rng.spawn(1)[0].random() == default_rng(4).spawn(4)[3].random()


def test_quantiles_are_paired_at_random():
    grids = LAWS.quantiles(100, default_rng(2))
    for name, grid in grids.items():
        assert np.array_equal(np.sort(grid), getattr(LAWS, name).quantiles(100))
    assert (np.diff(grids["eta"]) > 0).all()
    ranks = np.array([np.argsort(np.argsort(grid)) for grid in grids.values()])
    # of 100 independent ranks, with standard deviation 0.1
    assert np.abs(np.corrcoef(ranks)[np.triu_indices(3, 1)]).max() < 0.35


def test_values_are_what_a_program_takes():
    given = {"n_neurons": 20, "device": "numpy", "dt": 0.1 * ms, "start": ms, "stop": 3 * ms}
    values = LAWS.values(20, default_rng(3))
    run = hb.simulate(force_network, 5 * ms, seed=1, values=values, record=("v",), **given)
    built = hb.simulate(force_network, 5 * ms, seed=1, record=("v",), **given)
    assert list(values) == ["neurons.eta", "neurons.g", "neurons.theta"]
    assert np.ptp(run.v.values[-1]) > 0 and not np.array_equal(run.v, built.v)
    assert list(LAWS.values(5, default_rng(3), "cells")) == ["cells.eta", "cells.g", "cells.theta"]


def test_lorentzians_from_centres_and_half_widths():
    laws = Heterogeneity.lorentzian(
        eta=0.12,
        eta_half_width=0.02,
        g=1.0,
        g_half_width=0.1,
        theta=0.2,
        theta_half_width=0.1,
        bounds={"theta": (0.0, 0.95), "g": (0.0, np.inf)},
    )
    assert repr(laws.eta) == "Lorentzian(centre=0.12, half_width=0.02)"
    assert repr(laws.g) == "Truncated(distribution=Lorentzian(centre=1.0, half_width=0.1), low=0.0, high=inf)"
    assert (laws.theta.low, laws.theta.high) == (0.0, 0.95)
    cut = Heterogeneity.lorentzian(eta=5.0, eta_half_width=1.0, g=1.0, cut=4.0)
    assert isinstance(cut.eta, Truncated) and (cut.eta.low, cut.eta.high) == (1, 9)
    assert cut.differing == ("eta",)


def test_models_take_any_law():
    rheobases = Empirical([60, 110, 200, 400] * pA)
    network = force_network(default_rng(1), n_neurons=30, eta=rheobases, theta=hb.Uniform(0, 0.5), reset="retain")
    assert set(np.asarray(network["neurons"].eta / pA).round(6)) == {60, 110, 200, 400}
    assert 0 < network["neurons"].theta_[:].max() < 0.5
    given = {"onsets": (1.0, 2.0), "trial_length": 30.0, "n_neurons": 30}
    plain, spread = (reservoir(default_rng(1), eta=eta, **given)["neurons"] for eta in (0.1, hb.Gaussian(0.1, 0.01)))
    assert np.ptp(spread.eta_) > 0 and np.array_equal(
        plain.namespace["v_start"].values, spread.namespace["v_start"].values
    )


def test_a_spread_of_theta_under_every_rule_of_the_reservoir():
    given = {"onsets": (1.0,), "trial_length": 30.0, "n_neurons": 300, "theta": 0.5, "theta_half_width": 0.3}
    capped = reservoir(default_rng(1), reset="capped", **given)["neurons"].theta_[:]
    residual = reservoir(default_rng(1), reset="residual", **given)["neurons"].theta_[:]
    assert np.array_equal(capped, residual) and 0.9 < capped.max() < 1
    with pytest.raises(ValueError, match=r"theta_half_width is 0\.3, expected 0, because theta can only be 0 here"):
        reservoir(default_rng(1), reset="mirror", **given)
    with pytest.raises(ValueError, match="reset is 'half', expected one of residual"):
        reservoir(default_rng(1), reset="half", **given)


def test_bad_laws_are_refused():
    with pytest.raises(ValueError, match=r"eta = \[1, 2\], expected one finite number"):
        Heterogeneity(eta=[1, 2], g=1.0)
    with pytest.raises(ValueError, match=r"eta_half_width is 20\. pA beside a Uniform as eta, expected none: omit it"):
        force_network(default_rng(1), n_neurons=5, eta=hb.Uniform(0 * pA, 1 * pA), eta_half_width=20 * pA)
    with pytest.raises(DimensionMismatchError, match=r"eta_half_width is 20. mV, expected a quantity in A"):
        force_network(default_rng(1), n_neurons=5, eta_half_width=20 * mV)
    with pytest.raises(DimensionMismatchError, match="eta has the wrong unit"):
        hb.population(3, PARAMETERS, hb.gating(), **Heterogeneity(eta=1 * pA, g=1.0).draw(3, default_rng(0)))


def test_streams_of_the_force_network_are_the_documented_ones():
    """Those of version 0.1.0: a saved readout belongs to its seed."""
    given = {"eta_half_width": 100 * pA, "g_half_width": 500 * pA, "theta": 0.3, "theta_half_width": 0.2}
    network = force_network(default_rng(3), n_neurons=20, reset="retain", **given)
    neurons, (of_eta, of_g, of_theta, of_v, _, of_encoder, _) = network["neurons"], default_rng(3).spawn(7)
    assert np.array_equal(neurons.eta_, hb.Lorentzian(1000 * pA, 100 * pA).draw(20, of_eta))
    assert np.array_equal(neurons.g_, hb.Lorentzian(1.0, 0.1).draw(20, of_g))
    below = np.nextafter(1, 0)
    assert np.array_equal(neurons.theta_, hb.Lorentzian(0.3, 0.2).truncated(0, below).draw(20, of_theta))
    force = hb.Izhikevich.FORCE
    assert np.array_equal(neurons.v_, hb.Uniform(force.v_r, force.v_peak).draw(20, of_v))
    assert np.array_equal(network["force"].encoder, np.asarray(5000 * pA * of_encoder.uniform(-1, 1, (20, 1))))


@pytest.mark.parametrize("method", ["draw", "quantiles", "values"])
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((3, 1), TypeError, "rng is 1, expected a numpy Generator: give numpy.random.default_rng"),
        ((0, np.random.default_rng(1)), ValueError, "n_neurons is 0, expected an integer of at least 1"),
        ((2.5, np.random.default_rng(1)), ValueError, "n_neurons is 2.5, expected an integer of at least 1"),
    ],
)
def test_bad_draws(method, arguments, error, message):
    with pytest.raises(error, match=message):
        getattr(Heterogeneity(eta=1.0, g=1.0), method)(*arguments)


@pytest.mark.parametrize("name", ["eta", "g", "theta"])
def test_a_half_width_for_each_neuron_is_refused(name):
    with pytest.raises(
        ValueError, match=rf"{name}_half_width has shape \(3,\), expected one number for all neurons: gi"
    ):
        Heterogeneity.lorentzian(eta=1.0, g=1.0, **{f"{name}_half_width": np.ones(3)})


def test_bounds_of_an_unknown_parameter_are_refused():
    with pytest.raises(ValueError, match="a parameter in bounds is 'etta', expected eta, g, theta: did you mean 'eta'"):
        Heterogeneity.lorentzian(eta=1.0, g=1.0, eta_half_width=0.1, bounds={"etta": (0, 1)})


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"bounds": 240}, TypeError, r"bounds is 240, expected a Mapping: write {'theta': \(0, 1\)}, say"),
        ({"bounds": ""}, TypeError, r"bounds is '', expected a Mapping"),
        ({"bounds": {"eta": 3}}, ValueError, r"bounds has 'eta': 3, expected \(low, high\): give two numbers"),
        ({"bounds": {"eta": (0, np.nan)}}, ValueError, r"bounds has 'eta': \(0, nan\), expected \(low, high\)"),
        ({"cut": "far"}, TypeError, "cut is 'far', expected more than 0: leave it out for none"),
        ({"cut": 0}, ValueError, "cut is 0, expected more than 0: leave it out for none"),
        ({"cut": np.nan}, ValueError, "cut is nan, expected more than 0"),
        (
            {"bounds": {"eta": (2, 3)}, "cut": 1},
            ValueError,
            "eta with eta_half_width: low = 2, expected less than",
        ),
        ({"bounds": {"eta": (1e9, 2e9)}}, ValueError, "eta with eta_half_width: Lorentzian.* falls between low = 1"),
    ],
)
def test_what_does_not_truncate_is_refused_by_name(options, error, message):
    with pytest.raises(error, match=message):
        Heterogeneity.lorentzian(eta=1.0, g=1.0, eta_half_width=0.1, **options)
