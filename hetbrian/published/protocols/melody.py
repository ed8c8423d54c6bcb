"""A heterogeneous network learns Ode to Joy, five notes as five outputs, and plays it.

As Nicola & Clopath 2017 (doi 10.1038/s41467-017-01827-3).
"""

from functools import partial

from brian2 import ms, pA, second

import hetbrian as hb
from hetbrian.published.figures.song import draw
from hetbrian.published.protocols.common.replay import learn_and_replay, summary_table

__all__ = ["compute", "draw", "summary"]

SMALL = {"n_neurons": 200, "presentations": 1, "replays": 1, "quarter": 0.1 * second}

SIZE = "1 run of 28*second: a bar to settle, 10 to learn, 3 to play; --small: 1 run of 1.2*second"
"""What ``--help`` says of how much is computed."""


def compute(
    seed=1,
    bars=1,
    quarter=0.5 * second,
    presentations=10,
    replays=3,
    n_neurons=1000,
    recurrent_gain=3000 * pA,
    feedback_gain=1000 * pA,
    eta_half_width=100 * pA,
    n_pulses=100,
    pulse_amplitude=4000 * pA,
    device="runtime",
    dt=0.04 * ms,
):
    """
    Learn the first bars of the melody.

    Parameters
    ----------
    seed : int
        Root seed.
    bars : int
        How many bars, 1 to 4.
    quarter : Quantity [second]
        Length of a quarter note.
    presentations, replays, n_pulses, pulse_amplitude, device, dt
        See `hetbrian.published.protocols.common.replay.learn_and_replay`.
    n_neurons, recurrent_gain, feedback_gain, eta_half_width
        See `hetbrian.published.force_network`.

    Returns
    -------
    xarray.Dataset
        See `hetbrian.published.protocols.common.replay.learn_and_replay`.
    """
    return learn_and_replay(
        partial(_melody, bars, quarter),
        presentations=presentations,
        replays=replays,
        n_pulses=n_pulses,
        pulse_amplitude=pulse_amplitude,
        seed=seed,
        device=device,
        dt=dt,
        n_neurons=n_neurons,
        recurrent_gain=recurrent_gain,
        feedback_gain=feedback_gain,
        eta_half_width=eta_half_width,
    )


def _melody(bars, quarter, dt):
    return hb.ode_to_joy(dt=dt, bars=bars, quarter=quarter, name="melody")


def summary(dataset):
    """Return the table that the command line prints."""
    return summary_table(dataset, "Ode to Joy learned by FORCE")
