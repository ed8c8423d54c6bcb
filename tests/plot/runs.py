"""Small runs that the tests of pictures draw."""

import functools

import numpy as np
from brian2 import Clock, Network, SpikeGeneratorGroup, ms, pA, second

import hetbrian as hb
from hetbrian.published.models.force import force_network

N = 40
START, STOP, DURATION = 0.1, 0.25, 0.4

RECORD = (
    "z", "y", "spikes", "rate", "eta", "weights", "force.start", "force.stop", "recurrent.omega", "recurrent.i",
    "recurrent.j",
)  # fmt: skip


@functools.cache
def trained(device="numpy", record=RECORD):
    """Return a network of 40 neurons that learns from 0.1 to 0.25 s of 0.4 s."""
    times = {"start": START * second, "stop": STOP * second}
    return hb.simulate(
        force_network,
        DURATION * second,
        seed=1,
        record=record,
        device=device,
        n_neurons=N,
        eta_half_width=50 * pA,
        **times,
    )


def three_spikes(rng):
    """Two groups whose spikes are known: neurons 0, 2 and 2 at 1, 3 and 8 ms, and 1 at 4 ms."""
    clock = Clock(0.1 * ms, name="clock")
    first = SpikeGeneratorGroup(3, [0, 2, 2], [1, 3, 8] * ms, clock=clock, name="first")
    second_one = SpikeGeneratorGroup(2, [1], [4] * ms, clock=clock, name="other")
    return Network(first, second_one)


@functools.cache
def known(*record):
    """Return a run of `three_spikes` over 10 ms."""
    return hb.simulate(three_spikes, 10 * ms, record=record, record_dt=1 * ms, device="numpy")


def encoder():
    return 3000 * pA * np.random.default_rng(0).uniform(-1, 1, (N, 1))
