"""Sparse random recurrent synapses and their weights."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from brian2 import NeuronGroup, Quantity, Synapses, amp
from brian2.devices.device import get_device

from hetbrian._support.allowed import Allowed
from hetbrian._support.arguments import array, checked, either, of, quantity
from hetbrian._support.checks import count, generator, network_size, object_name, shown

PROBABILITY = Allowed("0 < p <= 1", "give the fraction of pairs", low=0.0, high=1.0, included=(False, True))
"""What a connection probability may be."""

BLOCK = 2**19
"""About how many entries of the connection matrix are drawn at once, in whole rows: N^2 never exist together."""


@checked(
    n_neurons=count,
    gain=quantity(amp),
    probability=PROBABILITY,
    rng=generator,
)
def random_weights(
    n_neurons: int, gain: Quantity, probability: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, Quantity]:
    """
    Draw sparse random weights omega_ij = G Normal(0, 1) [U < p]/(p sqrt(N)).

    Parameters
    ----------
    n_neurons : int
        Number of neurons N.
    gain : Quantity [amp]
        G.
    probability : float
        Connection probability p.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    pre, post : ndarray of int32, shape (n_synapses,)
        Sending and receiving neuron, sorted by sender.
    weights : Quantity [amp], shape (n_synapses,)

    Raises
    ------
    ValueError
        If the gain is not finite or the probability outside 0 < p <= 1.
    TypeError
        If rng is not a generator.

    References
    ----------
    Nicola & Clopath 2017, doi 10.1038/s41467-017-01827-3.
    """
    senders, receivers = [], []
    n_rows = max(1, BLOCK // n_neurons)
    for start in range(0, n_neurons, n_rows):
        rows = min(n_rows, n_neurons - start)
        sender, receiver = np.nonzero(rng.random((rows, n_neurons)) < probability)
        senders.append((sender + start).astype(np.int32))
        receivers.append(receiver.astype(np.int32))
    pre, post = np.concatenate(senders), np.concatenate(receivers)
    weights = rng.standard_normal(pre.size)
    weights /= probability * np.sqrt(n_neurons)
    weights *= float(gain)
    return pre, post, Quantity(weights, dim=amp.dim, copy=False)


def _generators(value: Any, name: str) -> None:
    """Refuse what is neither a generator nor one for each of several networks."""
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise TypeError(f"{name} is {shown(value)}, expected a numpy Generator, or one for each network, in a list.")
    for item in value:
        generator(item, f"an entry of {name}")


@checked(
    neurons=of(NeuronGroup, advice="give a population"),
    gain=either(array(amp, 1), quantity(amp)),
    probability=PROBABILITY,
    rng=either(generator, _generators),
    name=object_name,
)
def recurrent(
    neurons: NeuronGroup,
    gain: Quantity,
    probability: float = 0.1,
    *,
    rng: np.random.Generator | Sequence[np.random.Generator],
    name: str = "recurrent",
) -> Synapses:
    """
    Return the sparse random recurrent synapses of a population; row i is scaled by its g_i.

    Parameters
    ----------
    neurons : NeuronGroup
        A `population` with exponential synapses.
    gain : Quantity [amp], shape () or (n_networks,)
        G of `random_weights`.
    probability : float
        Connection probability.
    rng : numpy.random.Generator or sequence of them
        Source of randomness. If there are several, the population consists of as many networks of the same size, one
        after the other, each of which has the synapses that it would have alone, and none from another.
    name : str
        Name of the synapses.

    Returns
    -------
    Synapses
        With weights ``omega`` in amp, and ``n_spare``, how many at the end are of weight 0 and only there for a
        standalone program.

    Raises
    ------
    ValueError
        If the population has gating synapses, its networks are not all of the same size or have another number of
        gains, or see `random_weights`.
    """
    synapse = neurons.synapse
    if synapse.coupling != "current":
        raise ValueError(
            "the population has gating synapses, expected single_exponential() or double_exponential(): "
            "couple it with AllToAll."
        )
    rngs = [rng] if isinstance(rng, np.random.Generator) else list(rng)
    if np.shape(gain) not in ((), (len(rngs),)):
        raise ValueError(
            f"gain has shape {np.shape(gain)}, expected one value or ({len(rngs)},): one for each network."
        )
    pre, post, weights = _weights_of(network_size(neurons, len(rngs)), gain, probability, rngs)
    n_random = pre.size
    if type(get_device()).__name__ == "CUDAStandaloneDevice":
        pre, post, weights = _padded(pre, post, weights, len(neurons), len(neurons) ** 2 // len(rngs), probability)
    synapses = Synapses(
        neurons,
        neurons,
        "omega : amp",
        on_pre=synapse.on_pre,
        namespace=synapse.namespace,
        clock=neurons.clock,
        order=0,
        name=name,
    )
    synapses.add_attribute("n_spare")
    synapses.n_spare = pre.size - n_random
    synapses.active = pre.size > 0  # Brian2 refuses to run synapses that were never connected
    if synapses.active:
        synapses.connect(i=pre, j=post)
        synapses.omega = weights
    return synapses


def _weights_of(size, gain, probability, rngs):
    """Return the random weights of several networks, one after the other."""
    gains = np.broadcast_to(np.asarray(gain), len(rngs)) * amp
    drawn = [random_weights(size, own, probability, rng) for own, rng in zip(gains, rngs, strict=True)]
    if len(drawn) == 1:  # which may be gigabytes
        return drawn[0]
    pre, post = (np.concatenate([item[end] + k * size for k, item in enumerate(drawn)]) for end in (0, 1))
    return pre.astype(np.int32), post.astype(np.int32), np.concatenate([np.asarray(item[2]) for item in drawn]) * amp


def _padded(pre, post, weights, n_neurons, pairs, probability):
    """
    Return the synapses with some of weight zero, so that every seed has the same number.

    The number of synapses is part of a CUDA program's source; six standard deviations above
    the mean, one program serves all but one in 1e9 networks.
    """
    capacity = min(pairs, int(np.ceil(pairs * probability + 6 * np.sqrt(pairs * probability * (1 - probability)))))
    spare = np.arange(max(0, capacity - pre.size), dtype=np.int32) % n_neurons
    padded = np.append(np.asarray(weights), np.zeros(spare.size)) * amp
    return np.append(pre, spare), np.append(post, spare), padded
