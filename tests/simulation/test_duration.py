"""A simulated time that no clock of the network can count."""

import pytest
from brian2 import Clock, Network, NeuronGroup, ms, second

from hetbrian.simulation.duration import check_steps


def network(*steps):
    groups = [NeuronGroup(1, "x : 1", clock=Clock(dt), namespace={}) for dt in steps]
    for group in groups:
        group.run_regularly("x += 1", clock=group.clock)
    return Network(groups)


@pytest.mark.parametrize(("duration", "steps"), [(0.05 * ms, "0.5"), (1e13 * second, r"1e\+17")])
def test_less_than_a_step_and_more_than_can_be_counted_are_refused(duration, steps):
    with pytest.raises(ValueError, match=rf"duration is .*, {steps} time steps, expected at least 1 and at most 9007"):
        check_steps(network(0.1 * ms), duration)


def test_one_clock_that_counts_is_enough():
    check_steps(network(0.1 * ms, 10 * ms), 1 * ms)
    check_steps(Network(), 1 * ms)
