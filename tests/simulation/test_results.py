"""Which of its arrays a program writes."""

import numpy as np
import pytest
from brian2 import Clock, Network, NeuronGroup, Synapses, ms

import hetbrian as hb

SYNAPSES = {
    "clock-driven": ("dx/dt = -x/(1*ms) : 1 (clock-driven)", "x += 1; v_post += 0.05*x"),
    "event-driven": ("dx/dt = -x/(1*ms) : 1 (event-driven)", "x += 1; v_post += 0.05*x"),
    "summed": ("dx/dt = -x/(1*ms) : 1 (clock-driven)\ninput_post = 0.01*x : 1 (summed)", "x += 1"),
    "weights": ("x : 1", "x += 0.1; v_post += 0.05*x"),
}


def model(rng, kind):
    """Return five neurons that excite each other through synapses with a state of their own."""
    clock = Clock(0.1 * ms, name="clock")
    neurons = NeuronGroup(
        5, "dv/dt = (drive + input - v)/tau : 1\ndrive : 1\ninput : 1\ntau : second", threshold="v > 1", reset="v = 0",
        method="euler", clock=clock, namespace={}, name="neurons",
    )  # fmt: skip
    neurons.drive, neurons.tau, neurons.v = np.linspace(1.2, 4, 5), 2 * ms, np.linspace(0, 0.9, 5)
    equations, on_pre = SYNAPSES[kind]
    synapses = Synapses(
        neurons, neurons, equations, on_pre=on_pre, method="exact", clock=clock, namespace={"ms": ms}, name="synapses"
    )
    synapses.connect(i=[0, 1, 2, 3, 4], j=[1, 2, 3, 4, 0])
    return Network(neurons, synapses)


@pytest.mark.standalone
@pytest.mark.parametrize("kind", SYNAPSES)
def test_synapses_with_a_state_of_their_own_run_as_in_brian2(kind):
    """Brian2 reads what is integrated when the program has ended, to see whether it is finite."""
    runs = [
        hb.simulate(model, 20 * ms, record=("spikes", "neurons.v"), record_dt=0.1 * ms, device=device, kind=kind)
        for device in ("numpy", "cpp_standalone")
    ]
    assert runs[0].spike_time.size > 20
    for name in ("spike_time", "spike_neuron"):
        np.testing.assert_array_equal(runs[1][name].values, runs[0][name].values)
    np.testing.assert_allclose(runs[1]["neurons.v"], runs[0]["neurons.v"], rtol=1e-12)  # exp() of two libraries
