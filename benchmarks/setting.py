"""The network that every peer of the FORCE benchmark simulates, in ms, mV, pA, nS and pF.

That of `benchmarks.plain_force` and of `hetbrian.published.models.force` with double exponential synapses: Nicola &
Clopath 2017, doi 10.1038/s41467-017-01827-3, 5 Hz sine. Peers run on one thread: their libraries read it when they are
imported.
"""

import os

import numpy as np

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

DT, EVERY = 0.04, 20
"""Time step in ms, time steps between updates."""

C, K, V_R, V_T, V_PEAK, V_RESET, B, JUMP, BIAS = 250.0, 2.5, -60.0, -19.2, 30.0, -65.0, -2.0, 200.0, 1000.0
TAU_W, TAU_R, TAU_D = 100.0, 2.0, 20.0

GAIN = 5000.0
"""G and Q in pA."""

INITIAL_P = 2.0


def drawn(n_neurons, seed=0):
    """
    Return the random numbers of a network.

    Parameters
    ----------
    n_neurons, seed : int

    Returns
    -------
    v, encoder : ndarray, shape (n_neurons,)
        Potentials in mV, feedback in pA.
    pre, post : ndarray of int
        The synapses, by presynaptic neuron.
    omega : ndarray
        Their weights in pA.
    """
    rng = np.random.default_rng(seed)
    v = rng.uniform(V_R, V_PEAK, n_neurons)
    encoder = GAIN * rng.uniform(-1, 1, n_neurons)
    pre, post = np.nonzero(rng.random((n_neurons, n_neurons)) < 0.1)
    return v, encoder, pre, post, GAIN * rng.standard_normal(pre.size) / (0.1 * np.sqrt(n_neurons))


def target(n_steps):
    """Return the signal in each time step."""
    return np.sin(2 * np.pi * 5 * DT * 1e-3 * np.arange(n_steps))


def result(seconds, cpu, z, n_spikes, n_neurons, stop):
    """
    Return what a peer reports.

    Parameters
    ----------
    seconds, cpu : float
        Wall time and CPU time of the run, without compilation.
    z : ndarray, shape (n_steps,)
        The output in each time step.
    n_spikes, n_neurons, stop : int
        ``stop`` is the first time step after learning.

    Returns
    -------
    dict
        ``seconds``, ``cpu``, ``rate`` in Hz and ``mse`` after learning.
    """
    rate = float(n_spikes) / n_neurons / (len(z) * DT * 1e-3)
    error = np.mean((np.asarray(z, dtype=float) - target(len(z)))[stop:] ** 2)
    return {"seconds": seconds, "cpu": cpu, "rate": rate, "mse": float(error)}
