"""What a spike does to its neuron: the reset rules, and which theta each allows."""

import numpy as np

RESETS = {
    "residual": "v = v_reset + theta*(v - v_peak)",
    "capped": "v = v_reset + theta*clip(v - v_peak, 0*v_peak, v_peak - v_reset)",
    "retain": "v = v_reset + theta*(v - v_reset)",
    "mirror": "v = 2*v_r - v",
}
"""Eq. 2 by name; every rule is followed by ``w += w_jump``."""


ADAPTATIONS = ("own", "shared")
"""Whether every neuron has a recovery current of its own (Eq. 1) or all read the population's mean."""


THETA_RANGES = {
    "residual": "0 <= theta <= 1",
    "capped": "0 <= theta < 1",
    "retain": "0 <= theta < 1",
    "mirror": "theta = 0",
}


def check_adaptation(adaptation):
    """
    Refuse an unknown kind of adaptation.

    Raises
    ------
    ValueError
        If it is none of `ADAPTATIONS`.
    """
    if adaptation not in ADAPTATIONS:
        raise ValueError(f"adaptation is {adaptation!r}, expected {' or '.join(ADAPTATIONS)}: choose one of them.")


def reset_statements(rule, adaptation="own"):
    """
    Return Eq. 2 as Brian2 statements.

    With a fixed time step the overshoot v - v_peak is set by dt, so what theta does under
    ``residual`` depends on dt and vanishes with it; under ``retain`` it tends to a limit that is not 0.
    The overshoot of a long step grows with the square of v, and under both rules v can then start above
    v_peak and grow without limit; under ``capped`` it cannot, whatever the step.

    Parameters
    ----------
    rule : {"residual", "capped", "retain", "mirror"}
        ``residual`` keeps theta of the overshoot (the paper's), ``capped`` the same of at most
        v_peak - v_reset, so that v is below v_peak after it, ``retain`` keeps theta of the
        excursion above v_reset, ``mirror`` reflects v at v_r.
    adaptation : {"own", "shared"}
        Whether the spike raises the neuron's own recovery current.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If the rule or the adaptation is unknown.
    """
    check_adaptation(adaptation)
    if rule not in RESETS:
        raise ValueError(f"reset is {rule!r}, expected one of {', '.join(RESETS)}: choose one of them.")
    return RESETS[rule] + ("\nw += w_jump" if adaptation == "own" else "")


def check_theta(theta, rule):
    """
    Refuse reset coefficients that the reset rule does not allow.

    Parameters
    ----------
    theta : array_like, shape (n_neurons,) or ()
        Reset coefficients.
    rule : {"residual", "capped", "retain", "mirror"}
        Reset rule.

    Raises
    ------
    ValueError
        If a coefficient is outside the range of the rule.
    """
    theta = np.atleast_1d(np.asarray(theta, dtype=float))
    below = np.nextafter(1.0, 0.0)
    upper = {"residual": 1.0, "capped": below, "retain": below, "mirror": 0.0}[rule]
    outside = np.flatnonzero(~((theta >= 0) & (theta <= upper)))
    if outside.size:
        raise ValueError(
            f"theta of neuron {outside[0]} is {theta[outside[0]]:g}, expected {THETA_RANGES[rule]} "
            f"for the reset rule {rule!r}: truncate the distribution of theta."
        )
