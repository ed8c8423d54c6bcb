import numpy as np
import pytest
from brian2 import Clock, DimensionMismatchError, Network, NeuronGroup, StateMonitor, ms, mV, second

from hetbrian.simulation.program import simulate
from hetbrian.simulation.sampling import SampledMonitor


def ramp(clock):
    group = NeuronGroup(3, "dx/dt = (1 + i)/second : 1", method="euler", clock=clock, namespace={}, name="ramp")
    return group


def test_samples_are_every_nth_value_of_a_full_recording():
    clock = Clock(0.1 * ms)
    group = ramp(clock)
    full = StateMonitor(group, "x", record=[0, 2], when="end", order=3, name="full")
    sampled = SampledMonitor(group, "x", [0, 2], every=0.7 * ms, name="sampled")
    Network(group, full, sampled).run(10 * ms, namespace={})
    assert np.array_equal(sampled.x_, full.x_[:, ::7])
    assert np.array_equal(sampled.t_, full.t_[::7])


@pytest.mark.standalone
def test_beyond_64_seconds_samples_come_after_their_step_in_standalone():
    # with a clock of its own a monitor runs before the step of the same time once t > 64 s
    def model(rng):
        group = NeuronGroup(1, "n : 1\nv : 1", clock=Clock(0.1 * ms, name="clock"), namespace={}, name="neurons")
        group.run_regularly("v = t_in_timesteps", clock=group.clock, when="start", order=0, name="counter")
        return Network(group)

    run = simulate(model, 66 * second, device="cpp_standalone", record=("v",), record_dt=2.5 * ms)
    assert np.array_equal(run.v.values[:, 0], 25 * np.arange(run.sizes["time"]))


def test_the_interval_must_fit_the_time_step():
    group = ramp(Clock(0.1 * ms))
    with pytest.raises(ValueError, match=r"every is 250. us, expected a multiple of the time step 100. us"):
        SampledMonitor(group, "x", True, every=0.25 * ms)
    with pytest.raises(DimensionMismatchError):
        SampledMonitor(group, "x", True, every=1 * mV)
