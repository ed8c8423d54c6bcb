"""A homogeneous and a heterogeneous network learn a 5 Hz sine by FORCE.

At G = 2000 pA and Q = 9000 pA the homogeneous network falls silent and learns nothing; a Lorentzian
background current with a half width of 100 pA brings it back (Zhang & Cui 2025, Fig. 3a).
"""

from brian2 import pA, second

from hetbrian.published.protocols.common.force import summary_table, train

SMALL = {"n_neurons": 200, "start": 0.2 * second, "stop": 0.6 * second, "duration": 1 * second}

SIZE = "2 runs of 15*second, about a minute; --small: 2 runs of 1*second"
"""What ``--help`` says of how much is computed."""


def compute(
    seed=1,
    n_neurons=1000,
    recurrent_gain=2000 * pA,
    feedback_gain=9000 * pA,
    eta_half_width=100 * pA,
    synapse="single_exponential",
    start=5 * second,
    stop=10 * second,
    duration=15 * second,
    device="runtime",
):
    """
    Train both networks with the same random numbers and score the test after learning.

    Parameters
    ----------
    seed : int
        Root seed.
    n_neurons : int
        Network size N.
    recurrent_gain, feedback_gain : Quantity [amp]
        G and Q.
    eta_half_width : Quantity [amp]
        Half width of the background current in the heterogeneous network.
    synapse : {"single_exponential", "double_exponential"}
        Kind of synapse.
    start, stop, duration : Quantity [second]
        Learning interval and end of the test.
    device : str
        Brian2 device.

    Returns
    -------
    xarray.Dataset
        See `hetbrian.published.protocols.common.force.train`.
    """
    conditions = {"homogeneous": {}, "eta": {"eta_half_width": eta_half_width}}
    return train(
        conditions,
        [seed],
        workers=0,  # two short runs, which need no Dask
        start=start,
        stop=stop,
        duration=duration,
        device=device,
        n_neurons=n_neurons,
        recurrent_gain=recurrent_gain,
        feedback_gain=feedback_gain,
        synapse=synapse,
    )


def summary(dataset):
    """Return the table that the command line prints."""
    return summary_table(dataset, "FORCE on a 5 Hz sine")
