"""The networks of the checks: small ones that forget rounding, so that devices can be compared spike by spike."""

from typing import Literal

import numpy as np
from brian2 import Clock, Hz, Network, Quantity, ms, pA, second

import hetbrian as hb
from hetbrian.network import Heterogeneity


class DenseFORCE(hb.FORCE):
    """FORCE with the kernel that reads all of P in each update, whatever the activity is."""

    def _follow(self, *_):
        return ()


def force_network(
    rng: np.random.Generator,
    *,
    n_neurons: int = 200,
    probability: float = 0.1,
    start: Quantity = 0.2 * second,
    stop: Quantity = 1 * second,
    dtype: Literal["float64", "float32"] = "float64",
    is_dense: bool = False,
) -> Network:
    """
    Return a FORCE network that learns a sine of 5 Hz, heterogeneous in eta, g and theta.

    Theta stays below 0.1, where a spike shrinks a difference of v (docs/devices.md): the network is not chaotic, and
    devices that round differently fire the same spikes.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    n_neurons : int
        N.
    probability : float
        Of a connection.
    start, stop : Quantity [second]
        Learning interval.
    dtype : {"float64", "float32"}
        Precision of P.
    is_dense : bool
        Whether each update reads all of P, even where it need not.

    Returns
    -------
    brian2.Network
        With objects ``neurons``, ``recurrent`` and ``force``.
    """
    clock, parameters = Clock(0.1 * ms, name="clock"), hb.Izhikevich.FORCE
    neurons = hb.population(
        n_neurons,
        parameters,
        hb.single_exponential(),
        eta=hb.Lorentzian(1000 * pA, 100 * pA).draw(n_neurons, rng),
        g=hb.Lorentzian(1.0, 0.2).draw(n_neurons, rng),
        theta=hb.Uniform(0.0, 0.1).draw(n_neurons, rng),
        v=hb.Uniform(parameters.v_r, parameters.v_peak).draw(n_neurons, rng),
        feedback=True,
        clock=clock,
    )
    recurrent = hb.recurrent(neurons, 5000 * pA, probability, rng=rng)
    target = hb.sine(frequency=5 * Hz, dt=0.1 * ms, name="sine")
    encoder = 3000 * pA * rng.uniform(-1, 1, (n_neurons, 1))
    kind = DenseFORCE if is_dense else hb.FORCE
    force = kind(neurons, target, encoder, start=start, stop=stop, every=1 * ms, dtype=dtype, name="force")
    return Network(neurons, recurrent, force)


def all_to_all_network(rng: np.random.Generator, *, n_neurons: int = 1000) -> Network:
    """
    Return the CA3 network of Zhang & Cui 2025 with one gate that all neurons read; dimensionless.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    n_neurons : int
        N.

    Returns
    -------
    brian2.Network
        With objects ``neurons`` and ``gating``.
    """
    field = hb.MeanField.CA3
    laws = Heterogeneity.lorentzian(
        eta=field.eta + field.current,
        eta_half_width=field.eta_half_width,
        g=field.g,
        g_half_width=field.g_half_width,
        theta=0.0,
    )
    neuron, clock = field.neuron(200.0, -200.0), Clock(1e-3 * field.time_unit, name="clock")
    v = rng.uniform(-1, 1, n_neurons)
    neurons = hb.population(n_neurons, neuron, hb.gating(), **laws.quantiles(n_neurons, rng), v=v, clock=clock)
    return Network(neurons, hb.AllToAll(neurons, neuron))
