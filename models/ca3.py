"""The all-to-all CA3 network of Zhang & Cui 2025, whose mean field is Eqs. 8-11."""

import numpy as np
from brian2 import Clock, Network

import hetbrian as hb
from hetbrian.analysis.meanfield import MeanField
from hetbrian.network.shared import SharedAdaptation

DRAWS = ("quantiles", "random")
"""How eta and g are chosen: a deterministic grid of quantiles, or independent draws."""


def heterogeneity(rng, meanfield, n_neurons, draw="quantiles"):
    """
    Return the background current and coupling of every neuron.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness, for quantiles of their pairing.
    meanfield : MeanField
        Centres and half widths.
    n_neurons : int
        N.
    draw : {"quantiles", "random"}
        A grid of quantiles, those of g paired with those of eta at random, or independent draws.

    Returns
    -------
    eta, g : ndarray, shape (n_neurons,)

    Raises
    ------
    ValueError
        If ``draw`` is unknown.
    """
    if draw not in DRAWS:
        raise ValueError(f"draw is {draw!r}, expected {' or '.join(DRAWS)}: choose one of them.")
    of_eta, of_g = rng.spawn(2)
    eta = hb.Lorentzian(meanfield.eta + meanfield.current, meanfield.eta_half_width)
    g = hb.Lorentzian(meanfield.g, meanfield.g_half_width)
    if draw == "random":
        return eta.draw(n_neurons, of_eta), g.draw(n_neurons, of_g)
    return eta.quantiles(n_neurons), of_g.permutation(g.quantiles(n_neurons))


def ca3_network(
    rng,
    *,
    n_neurons=1000,
    meanfield=MeanField.CA3,
    v_peak=200.0,
    v_reset=-200.0,
    draw="quantiles",
    adaptation="own",
    theta=0.0,
    reset="residual",
    start=None,
    dt=1e-3,
):
    """
    Return the dimensionless network: one gating variable, Lorentzian eta and g.

    Parameters that differ between neurons, and the initial state, are arrays, so that networks of one
    size share one standalone program.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    n_neurons : int
        N.
    meanfield : MeanField
        Centres and half widths of eta and g, and all other parameters.
    v_peak, v_reset : float
        Cutoff and reset; the mean field takes both to infinity.
    draw : {"quantiles", "random"}
        How eta and g are chosen, see `heterogeneity`.
    adaptation : {"own", "shared"}
        Whether every neuron has its own recovery current (Eq. 1) or all read their mean (the mean field).
    theta : float
        Reset coefficient of all neurons.
    reset : {"residual", "retain", "mirror"}
        Reset rule.
    start : array_like, shape (4,), optional
        State r, v, w, s of the mean field from which the network starts: v is Lorentzian with centre v and
        half width pi r. By default silence at the resting potential.
    dt : float
        Time step in units of time, 1.54 us; Euler needs dt v_peak well below 1.

    Returns
    -------
    brian2.Network
        With objects ``neurons``, ``gating`` and, if shared, ``adaptation``.

    Raises
    ------
    ValueError
        If a value does not fit; the message says which.

    References
    ----------
    Zhang & Cui 2025, doi 10.3389/fncom.2025.1661070, Eqs. 1-3; Chen & Campbell 2022,
    doi 10.1007/s10827-022-00825-9.
    """
    if not 0 < dt < np.inf:
        raise ValueError(f"dt is {dt}, expected a positive number of time units: give 1e-3, say.")
    of_heterogeneity, of_v = rng.spawn(2)
    eta, g = heterogeneity(of_heterogeneity, meanfield, n_neurons, draw)
    rate, potential, recovery, gate = np.zeros(4) if start is None else np.asarray(start, dtype=float)
    # a neuron above the cutoff would fire in the first step
    v = np.clip(hb.Lorentzian(potential, np.pi * rate).draw(n_neurons, of_v), v_reset, 0.5 * v_peak)
    neuron = meanfield.neuron(v_peak, v_reset)
    neurons = hb.population(
        n_neurons,
        neuron,
        hb.gating(),
        eta=eta,
        g=g,
        theta=np.full(n_neurons, theta),
        v=v,
        reset=reset,
        adaptation=adaptation,
        clock=Clock(dt * meanfield.time_unit, name="clock"),
    )
    gating = hb.AllToAll(neurons, neuron)
    first = np.array([0])  # a value without an index would be compiled into a standalone program
    gating.s[first] = [gate]
    if adaptation == "own":
        neurons.w = np.full(n_neurons, recovery)
        return Network(neurons, gating)
    shared = SharedAdaptation(neurons, neuron)
    shared.w[first] = [recovery]
    return Network(neurons, gating, shared)
