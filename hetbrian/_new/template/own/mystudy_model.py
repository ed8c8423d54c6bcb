"""The network: Izhikevich neurons whose background current differs, and FORCE, which learns a 5 Hz sine."""

from brian2 import Clock, Network, ms, pA, second

import hetbrian as hb


def network(rng, n_neurons=400, half_width=100 * pA, gain=2000 * pA, start=1 * second, stop=3 * second):
    """
    Return the network.

    Every random number comes from ``rng``, so that a seed says which network it is.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where random numbers come from.
    n_neurons : int
        How many neurons.
    half_width : Quantity [amp]
        Half width at half maximum of the background current, which is Lorentzian around 1000 pA; 0 for none.
    gain : Quantity [amp]
        Strength of the recurrent synapses, G.
    start, stop : Quantity [second]
        When the readout learns.

    Returns
    -------
    brian2.Network
    """
    currents = hb.Lorentzian(1000 * pA, half_width).draw(n_neurons, rng) if half_width else 1000 * pA
    neurons = hb.population(
        n_neurons,
        hb.Izhikevich.FORCE,
        hb.single_exponential(20 * ms),
        eta=currents,
        v=hb.Uniform(hb.Izhikevich.FORCE.v_r, hb.Izhikevich.FORCE.v_peak).draw(n_neurons, rng),
        feedback=True,
        clock=Clock(0.04 * ms, name="clock"),
    )
    recurrent = hb.recurrent(neurons, gain, rng=rng)
    encoder = 9000 * pA * rng.uniform(-1, 1, n_neurons)
    force = hb.FORCE(neurons, "sin(2*pi*5*Hz*t)", encoder, start=start, stop=stop, every=0.8 * ms, name="force")
    return Network(neurons, recurrent, force)
