"""Networks beside their mean field: what a rate does, the same neurons, error that falls as N grows."""

import numpy as np
import pytest

from hetbrian.analysis.asynchronous import asynchronous_state
from hetbrian.analysis.meanfield import MeanField
from hetbrian.published import ca3_network
from hetbrian.published.protocols import meanfield_check
from hetbrian.published.protocols.common.population_rate import cycle, grid, mean_field_rate, network_rate


def test_cycles_are_averaged_without_their_noise():
    times = np.arange(0, 1000, 0.5)
    clean = 50 + 45 * np.sin(2 * np.pi * times / 197.3)
    noisy = clean + np.random.default_rng(0).normal(0, 1, times.size)
    found = cycle(times, noisy)
    np.testing.assert_allclose(found["period"], 197.3, rtol=1e-2)  # noise of 1 Hz over a slope of 1.4 Hz a time unit
    np.testing.assert_allclose([found["rate"], found["low"], found["high"]], [50, 5, 95], atol=2.5)  # and 4 cycles
    exact = cycle(times, clean)
    np.testing.assert_allclose(exact["period"], 197.3, rtol=1e-5)  # linear interpolation between samples
    np.testing.assert_allclose([exact["rate"], exact["low"], exact["high"]], [50, 5, 95], atol=0.02)


def test_a_rate_that_does_not_oscillate_has_no_period():
    found = cycle(np.arange(400.0), 50 + np.random.default_rng(0).normal(0, 3, 400))
    assert np.isnan(found["period"])
    assert found["rate"] == found["low"] == found["high"]


def test_mean_field_rate_is_that_of_its_cycle():
    found, state = mean_field_rate(MeanField.CA3.replace(eta=0.15))
    np.testing.assert_allclose(found["period"], 206.3094, atol=0.01)  # samples half a time unit apart
    assert state.shape == (4,)
    fixed, state = mean_field_rate(MeanField.CA3.replace(eta=0.25))
    np.testing.assert_allclose(fixed["rate"], 0.116867 / 1.5384615e-3, rtol=1e-5)  # reference has six digits
    np.testing.assert_allclose(state[0], 0.116867, rtol=1e-5)


def test_the_grid_is_that_of_the_network():
    meanfield = MeanField.CA3.replace(g_half_width=0.2)
    network = ca3_network(np.random.default_rng(3), n_neurons=20, meanfield=meanfield)
    eta, g = grid(meanfield, 20, 3)
    assert np.array_equal(network["neurons"].eta_, eta)
    assert np.array_equal(network["neurons"].g_, g)
    assert not np.array_equal(np.sort(g), g)


def test_bad_options_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="draw is 'grid', expected quantiles, random"):
        ca3_network(rng, n_neurons=5, draw="grid")
    with pytest.raises(ValueError, match="dt is 0, expected more than 0: give a positive value"):
        ca3_network(rng, n_neurons=5, dt=0)
    with pytest.raises(ValueError, match="part is 'sizes', expected all, size, closure, cutoff"):
        meanfield_check.compute(part="sizes")


@pytest.mark.long
@pytest.mark.standalone
def test_the_error_falls_as_the_network_grows():
    sizes = (250, 2000)
    data = meanfield_check.compute(part="size", etas=(0.05, 0.15, 0.25), sizes=sizes, most_seeds=1)
    shared = data.sel(network="shared").isel(run=0)
    deviation = shared.rate / shared.meanfield_rate - 1
    slope = np.log(deviation.sel(size=2000) / deviation.sel(size=250)) / np.log(sizes[1] / sizes[0])
    # a grid of N quantiles cuts a tail off that holds 1/sqrt(N) of the rate; the finite cutoff adds 0.3 % at 0.05
    assert (deviation < 0).all()
    np.testing.assert_allclose(slope.sel(eta=0.05), -0.5, atol=0.1)
    # elsewhere the cutoff's share of 0.2 % is a fifth of the deviation, which steepens its fall
    assert (slope < -0.3).all() and (slope > -1).all()
    period = shared.period.sel(eta=0.15) / shared.meanfield_period.sel(eta=0.15)
    np.testing.assert_allclose(period, 1, atol=0.015)  # 0.7 % and 0.4 % over three cycles of a noisy rate
    assert shared.period.sel(eta=[0.05, 0.25]).isnull().all(), "fixed points do not oscillate"
    random = data.sel(network="shared, random", eta=0.25)
    assert (np.abs(random.rate / random.meanfield_rate - 1) < 0.1).all()  # draws spread by 3 % at N = 250
    # own adaptation: another limit, which the asynchronous state knows
    own = data.sel(network="own").isel(run=0)
    np.testing.assert_allclose(own.rate.sel(eta=0.25), own.asynchronous_rate.sel(eta=0.25), rtol=5e-3)
    # neurons that fire less often than they forget their last spike: w is not constant between spikes
    np.testing.assert_allclose(own.rate.sel(eta=0.05), own.asynchronous_rate.sel(eta=0.05), rtol=0.08)
    assert (own.rate.sel(eta=0.05) < 0.7 * own.meanfield_rate.sel(eta=0.05)).all()


def test_a_finite_cutoff_adds_the_rate_that_the_time_saved_says():
    meanfield = MeanField.CA3.replace(eta=0.25)
    start = meanfield.equilibrium(0.12)[0]
    options = {"n_neurons": 1000, "adaptation": "shared", "v_peak": 10.0, "v_reset": -10.0}
    found = network_rate(meanfield, 100.0, 300.0, start=start, seed=1, device="numpy", dt=0.02, **options)["rate"]
    neurons = grid(meanfield, 1000, 1)
    limits = ((10.0, -10.0), (1e9, -1e9))
    expected, unbounded = (
        asynchronous_state(meanfield.neuron(*limit), *neurons, adaptation="shared").rate.mean().item()
        for limit in limits
    )
    assert expected > 1.02 * unbounded
    np.testing.assert_allclose(found, expected, rtol=4e-3)  # dt v_peak is 0.2: 3 % of the gain; noise of 1000 neurons
