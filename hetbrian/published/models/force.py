"""The FORCE network of Zhang & Cui 2025 and Nicola & Clopath 2017."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from brian2 import Clock, Hz, Network, Quantity, amp, ms, pA, second

import hetbrian as hb
from hetbrian._support.arguments import checked, either, of, one_of, optional, quantity
from hetbrian._support.checks import choice, count, file_path, function, generator, not_negative, positive, returned
from hetbrian.network import Heterogeneity, Reset
from hetbrian.network.connections import PROBABILITY, random_weights
from hetbrian.network.synapses import Synapse
from hetbrian.published.models.rules import reset_rule, value_or_law
from hetbrian.readout.limits import TIME
from hetbrian.readout.online import LEARNING, precision

SYNAPSES: dict[str, Callable[..., Synapse]] = {
    "single_exponential": hb.single_exponential,
    "double_exponential": hb.double_exponential,
}
"""The script of Zhang & Cui has one decay time (20 ms), Nicola & Clopath publish a rise and a decay (2 ms, 20 ms)."""

LAWS = ("eta", "eta_half_width", "g_half_width", "theta", "theta_half_width", "reset")
"""What says how the neurons differ."""

ONE = "let the function return one"


@checked(
    rng=generator,
    n_neurons=count,
    recurrent_gain=quantity(amp),
    feedback_gain=quantity(amp),
    probability=PROBABILITY,
    synapse=one_of(*SYNAPSES),
    eta=value_or_law(amp),
    eta_half_width=quantity(amp, not_negative),
    g_half_width=quantity(amp, not_negative),
    theta=value_or_law(),
    theta_half_width=not_negative,
    reset=reset_rule,
    target=function,
    drive=function,
    start=TIME,
    stop=TIME,
    every=either(of(hb.Distribution), quantity(second, positive)),
    initial_P=either(one_of("auto"), LEARNING["initial_P"]),
    dtype=precision,
    readout=file_path,
    dt=quantity(second, positive),
)
def force_network(
    rng: np.random.Generator,
    *,
    n_neurons: int = 2000,
    recurrent_gain: Quantity = 5000 * pA,
    feedback_gain: Quantity = 5000 * pA,
    probability: float = 0.1,
    synapse: str = "single_exponential",
    eta: Quantity | hb.Distribution = 1000 * pA,
    eta_half_width: Quantity = 0 * pA,
    g_half_width: Quantity = 0 * pA,
    theta: float | hb.Distribution = 0.0,
    theta_half_width: float = 0.0,
    reset: str | Reset = "residual",
    target: Callable[[Quantity], hb.Target] | None = None,
    drive: Callable[[int, Quantity, np.random.Generator], hb.Drive] | None = None,
    start: Quantity = 5 * second,
    stop: Quantity = 10 * second,
    every: Quantity | hb.Distribution | None = None,
    initial_P: float | Literal["auto"] = 2.0,
    dtype: Literal["float64", "float32"] = "float64",
    readout: str | Path | None = None,
    dt: Quantity = 0.04 * ms,
) -> Network:
    """
    Return the network: Izhikevich neurons, sparse random synapses of gain G, FORCE with feedback Q.

    I_i = eta_i + g_i IPSC_i + (E z)_i, omega_ij = G Normal(0, 1) [U < p]/(p sqrt(N)),
    E_ik = Q Uniform(-1, 1). Each kind of random number has a stream of its own, so that networks
    with and without heterogeneity share everything else.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    n_neurons : int
        N.
    recurrent_gain, feedback_gain : Quantity [amp]
        G and Q.
    probability : float
        Connection probability p.
    synapse : {"single_exponential", "double_exponential"}
        Kind of synapse, see `SYNAPSES`.
    eta, eta_half_width : Quantity [amp]
        Centre and half width at half maximum of the Lorentzian background current (BIAS); or any Distribution as
        ``eta`` alone.
    g_half_width : Quantity [amp]
        Half width D_g of G_i ~ Lorentzian(G, D_g); the row gains are g_i = G_i/G.
    theta, theta_half_width : float
        Centre and half width of the Lorentzian reset coefficient, truncated to the rule's range; or any Distribution
        as ``theta`` alone.
    reset : {"residual", "capped", "retain", "mirror"}
        Reset rule.
    target : callable, optional
        ``target(dt)`` returns the signal to learn; by default a 5 Hz sine.
    drive : callable, optional
        ``drive(n_neurons, dt, rng)`` returns an extra input current.
    start, stop : Quantity [second]
        Learning interval.
    every : Quantity [second] or Distribution of times, optional
        Interval between updates, by default the multiple of the time step nearest to 0.8 ms, see `FORCE`.
    initial_P : float or "auto"
        P(0) is initial_P times the identity, see `FORCE`.
    dtype : {"float64", "float32"}
        Precision of P.
    readout : path-like, optional
        A saved readout: the network then runs with it and does not learn.
    dt : Quantity [second]
        Time step.

    Returns
    -------
    brian2.Network
        With objects ``neurons``, ``recurrent`` and ``force``.

    Raises
    ------
    ValueError
        If a value does not fit; the message says which.

    References
    ----------
    Zhang & Cui 2025, doi 10.3389/fncom.2025.1661070, Figs. 3-4; Nicola & Clopath 2017,
    doi 10.1038/s41467-017-01827-3, ModelDB 190565, 5 Hz sine.
    """
    parameters = hb.Izhikevich.FORCE
    laws = _heterogeneity(
        recurrent_gain,
        eta=eta,
        eta_half_width=eta_half_width,
        g_half_width=g_half_width,
        theta=theta,
        theta_half_width=theta_half_width,
        reset=reset,
    )
    drawn = laws.draw(n_neurons, rng)
    of_v, of_omega, of_encoder, of_drive = rng.spawn(4)
    clock = Clock(dt, name="clock")
    neurons = hb.population(
        n_neurons,
        parameters,
        SYNAPSES[synapse](),
        **drawn,
        v=_potentials(n_neurons, of_v),
        drive=None if drive is None else returned(drive(n_neurons, dt, of_drive), hb.Drive, "drive", "a Drive", ONE),
        reset=reset,
        feedback=True,
        clock=clock,
    )
    recurrent = hb.recurrent(neurons, recurrent_gain, probability, rng=of_omega)
    if target is None:
        signal = hb.sine(frequency=5 * Hz, dt=dt, name="sine")
    else:
        signal = returned(target(dt), hb.Target, "target", "a Target", ONE)
    encoder = Quantity(feedback_gain, dim=amp.dim) * of_encoder.uniform(-1, 1, (n_neurons, signal.n_outputs))
    force = hb.FORCE(
        neurons,
        signal,
        encoder,
        start=start,
        stop=stop,
        every=every,
        initial_P=initial_P,
        dtype=dtype,
        name="force",
    )
    if readout is not None:
        force.load(readout)
    return Network(neurons, recurrent, force)


@checked(
    rng=generator,
    n_neurons=count,
    n_outputs=count,
    recurrent_gain=quantity(amp),
    feedback_gain=quantity(amp),
    built_gain=quantity(amp, positive),
    probability=optional(PROBABILITY),
)
def force_values(
    rng: np.random.Generator,
    n_neurons: int,
    n_outputs: int = 1,
    *,
    recurrent_gain: Quantity,
    feedback_gain: Quantity,
    built_gain: Quantity,
    probability: float | None = None,
    **heterogeneity: Any,
) -> dict[str, Any]:
    """
    Return what turns a built `force_network` into one with other gains, heterogeneity or seed, for `Program.run`.

    G goes into the row gains, g_i = G_i/G of the built network, so that the weights stay where they are: the
    same network as one that was built with G, up to rounding.

    Parameters
    ----------
    rng : numpy.random.Generator
        As for the network: the same seed gives the same network.
    n_neurons, n_outputs : int
        Sizes of the built network.
    recurrent_gain, feedback_gain : Quantity [amp]
        G and Q.
    built_gain : Quantity [amp]
        G of the built network.
    probability : float, optional
        Connection probability p of the built network: its potentials and synapses are drawn from ``rng`` as well. By
        default they stay those that it was built with.
    **heterogeneity
        ``eta``, ``eta_half_width``, ``g_half_width``, ``theta``, ``theta_half_width`` and ``reset``, see
        `force_network`; the reset rule is that of the built network.

    Returns
    -------
    dict of str to array
        ``neurons.eta`` [amp], ``neurons.g`` and ``neurons.theta``, shape (n_neurons,), and ``force.encoder`` [amp],
        shape (n_neurons, n_outputs); with a probability also ``neurons.v`` [volt], shape (n_neurons,), and
        ``recurrent.i``, ``recurrent.j`` and ``recurrent.omega`` [amp], shape (n_synapses,).

    Raises
    ------
    ValueError
        If a value does not fit; the message says which.
    """
    for name in heterogeneity:
        choice(name, "an argument of force_values", LAWS)
    values = _heterogeneity(recurrent_gain, **heterogeneity).values(n_neurons, rng)
    of_v, of_omega, of_encoder, _ = rng.spawn(4)
    values["neurons.g"] *= float(recurrent_gain / built_gain)
    if probability is not None:
        values["neurons.v"] = _potentials(n_neurons, of_v)
        ends = ("recurrent.i", "recurrent.j", "recurrent.omega")
        values |= zip(ends, random_weights(n_neurons, built_gain, probability, of_omega), strict=True)
    return values | {
        "force.encoder": Quantity(feedback_gain, dim=amp.dim) * of_encoder.uniform(-1, 1, (n_neurons, n_outputs))
    }


def _potentials(n_neurons, rng):
    """Return where the neurons start."""
    return hb.Uniform(hb.Izhikevich.FORCE.v_r, hb.Izhikevich.FORCE.v_peak).draw(n_neurons, rng)


@checked(
    g_half_width=quantity(amp, not_negative),
)
def _heterogeneity(recurrent_gain, *, g_half_width=0 * pA, reset="residual", **laws):
    """Return how eta, the row gains and theta differ between neurons."""
    if g_half_width and not recurrent_gain:
        raise ValueError(
            f"g_half_width is {g_half_width} and recurrent_gain 0, expected a gain that can differ: leave one out."
        )
    return Heterogeneity.lorentzian(
        g=1.0,
        g_half_width=abs(float(g_half_width / recurrent_gain)) if g_half_width else 0.0,
        bounds={"theta": (0.0, Reset.of(reset).highest_theta)},
        **{"eta": 1000 * pA, **laws},
    )
