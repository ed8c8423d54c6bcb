"""The all-to-all CA3 network of Zhang & Cui 2025, whose mean field is Eqs. 8-11."""

import numpy as np
import numpy.typing as npt
from brian2 import Clock, Network

import hetbrian as hb
from hetbrian._support.arguments import array, checked, of, one_of
from hetbrian._support.checks import count, finite, generator, positive
from hetbrian.analysis import MeanField
from hetbrian.network import Heterogeneity, Reset, SharedAdaptation
from hetbrian.published.models.rules import reset_rule

DRAWS = {"quantiles": Heterogeneity.quantiles, "random": Heterogeneity.draw}
"""How eta and g are chosen: a deterministic grid of quantiles, those of g paired with those of eta at random, or
independent draws."""


@checked(
    meanfield=of(MeanField, advice="take MeanField.CA3, say"),
    theta=finite,
)
def heterogeneity(meanfield: MeanField, theta: float = 0.0) -> Heterogeneity:
    """
    Return how the neurons of the network of a mean field differ.

    Parameters
    ----------
    meanfield : MeanField
        Centres and half widths of eta and g; its current is added to eta.
    theta : float
        Reset coefficient of all neurons.

    Returns
    -------
    Heterogeneity
    """
    return Heterogeneity.lorentzian(
        eta=meanfield.eta + meanfield.current,
        eta_half_width=meanfield.eta_half_width,
        g=meanfield.g,
        g_half_width=meanfield.g_half_width,
        theta=theta,
    )


@checked(
    rng=generator,
    n_neurons=count,
    meanfield=of(MeanField, advice="take MeanField.CA3, say"),
    v_peak=finite,
    v_reset=finite,
    draw=one_of(*DRAWS),
    adaptation=one_of("own", "shared"),
    theta=finite,
    reset=reset_rule,
    start=array(None, 1),
    dt=positive,
)
def ca3_network(
    rng: np.random.Generator,
    *,
    n_neurons: int = 1000,
    meanfield: MeanField = MeanField.CA3,
    v_peak: float = 200.0,
    v_reset: float = -200.0,
    draw: str = "quantiles",
    adaptation: str = "own",
    theta: float = 0.0,
    reset: str | Reset = "residual",
    start: npt.ArrayLike | None = None,
    dt: float = 1e-3,
) -> Network:
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
        How eta and g are chosen, see `DRAWS`.
    adaptation : {"own", "shared"}
        Whether every neuron has its own recovery current (Eq. 1) or all read their mean (the mean field).
    theta : float
        Reset coefficient of all neurons.
    reset : {"residual", "capped", "retain", "mirror"}
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
    if start is not None and np.size(start) != 4:
        raise ValueError(f"start has {np.size(start)} numbers, expected 4: give r, v, w and s of the mean field.")
    of_heterogeneity, of_v = rng.spawn(2)
    rate, potential, recovery, gate = np.zeros(4) if start is None else np.asarray(start, dtype=float)
    # a neuron above the cutoff would fire in the first step
    v = np.clip(hb.Lorentzian(potential, np.pi * rate).draw(n_neurons, of_v), v_reset, 0.5 * v_peak)
    neuron = meanfield.neuron(v_peak, v_reset)
    neurons = hb.population(
        n_neurons,
        neuron,
        hb.gating(),
        **DRAWS[draw](heterogeneity(meanfield, theta), n_neurons, of_heterogeneity),
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
