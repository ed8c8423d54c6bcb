"""The networks of the checks: small ones that forget rounding, so that devices can be compared spike by spike."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from brian2 import Clock, Hz, Network, Quantity, ms, pA, second

import hetbrian as hb
from hetbrian.network import Heterogeneity


class DenseFORCE(hb.FORCE):
    """FORCE with the kernel that reads all of P in each update, whatever the activity is."""

    def _follow(self, *_):
        return ()


def force_network(rng: np.random.Generator, *, gain: Quantity = 5000 * pA, **options: Any) -> Network:
    """
    Return a FORCE network that learns a sine of 5 Hz, heterogeneous in eta, g and theta.

    Theta stays below 0.1, where a spike shrinks a difference of v (docs/devices.md): the network is not chaotic, and
    devices that round differently fire the same spikes.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    gain : Quantity [amp]
        G of the synapses.
    **options
        ``n_neurons``, ``probability`` of a connection, ``start`` and ``stop`` of learning, ``dtype`` of P,
        ``initial_P``, and ``is_dense``: whether each update reads all of P, even where it need not.

    Returns
    -------
    brian2.Network
        With objects ``neurons``, ``recurrent`` and ``force``.
    """
    return _force_networks([rng], Quantity([gain]), **options)


def force_networks(rng: np.random.Generator, *, seeds: Sequence[int], gains: Quantity, **options: Any) -> Network:
    """
    Return several networks in one, each as `force_network` makes it of its seed and its gain.

    Parameters
    ----------
    rng : numpy.random.Generator
        What `hetbrian.simulate` hands to every model; each network has one of its own in its place.
    seeds : sequence of int, length n_networks
        Of the generators.
    gains : Quantity [amp], shape (n_networks,)
        G of each.
    **options
        As `force_network`, the same for all.

    Returns
    -------
    brian2.Network
        With objects ``neurons``, ``recurrent`` and ``force``.
    """
    return _force_networks([np.random.default_rng(seed) for seed in seeds], gains, **options)


def _force_networks(
    rngs: list[np.random.Generator],
    gains: Quantity,
    *,
    n_neurons: int = 200,
    probability: float = 0.1,
    start: Quantity = 0.2 * second,
    stop: Quantity = 1 * second,
    dtype: Literal["float64", "float32"] = "float64",
    initial_P: float | Literal["auto"] = 2.0,
    is_dense: bool = False,
) -> Network:
    """Return networks of several generators and gains, one after the other in each object."""
    clock, parameters = Clock(0.1 * ms, name="clock"), hb.Izhikevich.FORCE
    laws = {
        "eta": hb.Lorentzian(1000 * pA, 100 * pA),
        "g": hb.Lorentzian(1.0, 0.2),
        "theta": hb.Uniform(0.0, 0.1),
        "v": hb.Uniform(parameters.v_r, parameters.v_peak),
    }
    drawn = [{name: law.draw(n_neurons, rng) for name, law in laws.items()} for rng in rngs]
    neurons = hb.population(
        n_neurons * len(rngs),
        parameters,
        hb.single_exponential(),
        **{name: Quantity([of_one[name] for of_one in drawn]).ravel() for name in laws},
        feedback=True,
        clock=clock,
    )
    recurrent = hb.recurrent(neurons, gains, probability, rng=rngs)
    target = hb.sine(frequency=5 * Hz, dt=0.1 * ms, name="sine")
    encoder = 3000 * pA * np.concatenate([rng.uniform(-1, 1, (n_neurons, 1)) for rng in rngs])
    kind = DenseFORCE if is_dense else hb.FORCE
    learning = {"start": start, "stop": stop, "every": 1 * ms, "dtype": dtype, "initial_P": initial_P}
    force = kind(neurons, target, encoder, **learning, networks=len(rngs), name="force")
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
