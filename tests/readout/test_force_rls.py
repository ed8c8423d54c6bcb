import numpy as np
import pytest
from brian2 import Network, NeuronGroup, StateMonitor, ms, second

import hetbrian as hb
from hetbrian.published.models.reservoir import TIME_UNIT, reservoir
from hetbrian.simulation.record import Recorder


def test_rls_in_the_running_network_equals_batch_ridge():
    """The loop closes: online weights, spikes, their exponential filter, and the closed form."""
    rng = np.random.default_rng(1)
    n_neurons, tau, gamma, bin = 20, 10.0, 1e-2, 1.0
    dt, length = 4e-3, 120.0
    network = reservoir(
        rng, onsets=(20.0,), trial_length=length, n_neurons=n_neurons, eta_half_width=0.05, tau_r=tau, dt=dt
    )
    neurons = network["neurons"]
    step = float(neurons.clock.dt)
    steps = round(bin / dt)
    readout = hb.RLS(
        neurons,
        "sin(2*pi*6*Hz*t)*(i + 1)",
        gamma=gamma,
        every=steps * step * second,
        n_outputs=2,
        bias=True,
        namespace={},
        name="readout",
    )
    spikes = Recorder(network, ("spikes",), 1 * ms)
    activity = StateMonitor(neurons, "r", record=True, clock=neurons.clock, when="end", order=3)
    network.add(readout, activity)
    network.run(length * TIME_UNIT, namespace={})
    samples = np.arange(0, activity.r.shape[1], steps)
    times = samples * step
    target = np.column_stack([np.sin(12 * np.pi * times), 2 * np.sin(12 * np.pi * times)])
    assert readout.n_updates == len(samples) > 100
    by_ridge = hb.Ridge(gamma, bias=True).fit(activity.r.T[samples], target)
    # 120 updates with a condition number of |r|^2 n/gamma = 1e4 lose some 1e-11 of weights of order 10
    assert np.abs(readout.weights - by_ridge.weights).max() < 1e-6
    assert np.abs(by_ridge.weights).max() > 1.0

    # the same activity from the recorded spikes: the filter of the network is an Euler step, here done exactly
    found = spikes.dataset()
    found = found.isel(spike=found.spike_time.values < (samples[-1] + 0.5) * step)
    unit = float(ms) / (tau * float(TIME_UNIT))  # what a spike adds to r
    decay = -step / np.log1p(-step / (tau * float(TIME_UNIT)))
    # a spike at step n is in r from step n on, and decays from step n + 1 on
    rebuilt = unit * hb.exponential_activity(
        found.spike_time.values, found.spike_neuron.values, n_neurons, (samples[-1] + 1) * step, step, decay
    )
    rebuilt /= np.exp(-step / decay)  # sampled at the end of a bin, which is one step later
    np.testing.assert_allclose(rebuilt[samples], activity.r.T[samples], rtol=1e-5, atol=1e-12)
    again = hb.Ridge(gamma, bias=True).fit(rebuilt[samples], target)
    assert np.abs(again.weights - readout.weights).max() < 1e-3


def test_is_plain_least_squares_without_feedback():
    group = NeuronGroup(2, "r : 1", name="source")
    group.r = [1.0, 2.0]
    readout = hb.RLS(group, "3 + 0*i", gamma=0.5, every=0.1 * ms, name="readout")
    Network(group, readout).run(0.2 * ms)
    assert not readout.has_feedback and readout.rule == "posterior"
    expected = hb.ridge([[1.0, 2.0]] * 2, [3.0, 3.0], gamma=0.5)
    np.testing.assert_allclose(readout.weights, expected, rtol=1e-13)


@pytest.mark.parametrize("gamma", [0.0, -1.0, np.nan, np.inf])
def test_refuses_a_penalty_that_is_not_positive(gamma):
    group = NeuronGroup(2, "r : 1")
    with pytest.raises(ValueError, match=f"gamma is {gamma}, expected a finite number above 0: P starts at 1/gamma"):
        hb.RLS(group, "0*i", gamma=gamma)
