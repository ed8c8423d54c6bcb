"""The asynchronous state of a finite network: rates at a constant input, with finite cutoff, reset and theta."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from brian2 import DimensionMismatchError, Quantity, get_dimensions, hertz, second
from brian2.units.fundamentalunits import have_same_dimensions

from hetbrian._support.arguments import array, checked, of, one_of, quantity
from hetbrian._support.checks import check_broadcast, finite, not_negative, numbers
from hetbrian.network.neuron import ADAPTATIONS, Izhikevich
from hetbrian.network.reset import Reset

if TYPE_CHECKING:
    import xarray

RATES = np.append(0.0, np.geomspace(1e-6, 1e3, 80))
"""Dimensionless population rates between which asynchronous states are looked for."""


@checked(
    vertex=array(least=1),
    v_peak=finite,
    v_reset=finite,
)
def time_saved(vertex: npt.ArrayLike, v_peak: float, v_reset: float) -> np.ndarray:
    r"""
    Return how much a finite cutoff and reset shorten a period, to leading order.

    .. math:: \tau = \int_{v_{peak}}^\infty \frac{dv}{(v - c)^2}
              + \int_{-\infty}^{v_{reset}} \frac{dv}{(v - c)^2}
              = \frac{1}{v_{peak} - c} + \frac{1}{c - v_{reset}}, \qquad
              f = \frac{f_\infty}{1 - \tau f_\infty}

    Not for a reset near or above the vertex: see `firing_rate`.

    Parameters
    ----------
    vertex : array_like, shape (...)
        c = (alpha + g s)/2, dimensionless.
    v_peak, v_reset : float
        Cutoff and reset, dimensionless.

    Returns
    -------
    ndarray, shape (...)
        Time, in units of C/(k \|v_r\|).

    Raises
    ------
    ValueError
        If v_peak is not above or v_reset not below the vertex.

    Examples
    --------
    >>> time_saved(0.0, 200.0, -200.0).item()
    0.01
    """
    vertex = np.asarray(vertex, dtype=float)
    if not (np.all(v_peak > vertex) and np.all(v_reset < vertex)):
        raise ValueError(
            f"v_peak is {v_peak:g} and v_reset {v_reset:g}, expected them above and below the vertex "
            f"{vertex.max():g}: use firing_rate."
        )
    return 1 / (v_peak - vertex) + 1 / (vertex - v_reset)


@checked(
    drive=array(),
    vertex=array(),
    v_peak=array(),
    v_reset=array(),
)
def firing_rate(
    drive: npt.ArrayLike, vertex: npt.ArrayLike, v_peak: npt.ArrayLike, v_reset: npt.ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    r"""
    Return the rate and mean potential of a quadratic neuron at constant input.

    .. math:: \dot v = (v - c)^2 + D, \quad
              f^{-1} = \int_{v_{reset}}^{v_{peak}} \frac{dv}{(v - c)^2 + D}
              = \frac{1}{\sqrt D} \left[\arctan\frac{v_{peak} - c}{\sqrt D}
              - \arctan\frac{v_{reset} - c}{\sqrt D}\right]

    A neuron with D < 0 fires only if its reset is above the unstable fixed point.

    Parameters
    ----------
    drive : array_like, shape (...)
        D, dimensionless.
    vertex : array_like, shape (...)
        c.
    v_peak, v_reset : array_like, shape (...)
        Cutoff and reset.

    Returns
    -------
    rate, potential : ndarray, shape (...)
        Rate f and mean of v over a period; 0 and the stable fixed point if the neuron does not fire.

    Examples
    --------
    >>> rate, _ = firing_rate(1.0, 0.0, 1e9, -1e9)
    >>> round(float(rate * np.pi), 6)
    1.0
    """
    check_broadcast(drive=drive, vertex=vertex, v_peak=v_peak, v_reset=v_reset)
    return _rate(drive, vertex, v_peak, v_reset)


def _rate(drive, vertex, v_peak, v_reset):
    """Return rate and mean potential, see `firing_rate`."""
    drive, vertex, peak, reset = np.broadcast_arrays(drive, vertex, v_peak, v_reset)
    root = np.sqrt(np.abs(drive))
    up, low = peak - vertex, reset - vertex
    with np.errstate(all="ignore"):
        over = (np.arctan2(up, root) - np.arctan2(low, root)) / root
        under = np.log((up - root) * (low + root) / ((up + root) * (low - root))) / (2 * root)
        at = 1 / low - 1 / up
        period = np.select([drive > 0, drive < 0], [over, under], at)
        fires = (drive > 0) | (low > root)
        rate = np.where(fires, 1 / period, 0.0)
        shift = 0.5 * np.log((up**2 + drive) / (low**2 + drive)) * rate
    return rate, vertex + np.where(fires, shift, -root)


def mean_reset(neuron: Izhikevich, theta: npt.ArrayLike, reset: str | Reset, dt: float = 0.0) -> np.ndarray:
    """
    Return where a spike leads on average, given the reset coefficient and Euler's overshoot.

    Parameters
    ----------
    neuron : Izhikevich
        Dimensionless parameter set.
    theta : float, shape () or (n_neurons,)
        Reset coefficients.
    reset : {"residual", "capped", "retain", "mirror"} or Reset
        Reset rule.
    dt : float, optional
        Time step in units of C/(k abs(v_r)); the overshoot is dt v_peak^2/2, half of the last step.

    Returns
    -------
    ndarray, shape () or (n_neurons,)
        Dimensionless potential.

    Examples
    --------
    >>> from hetbrian.network.neuron import Izhikevich
    >>> round(float(mean_reset(Izhikevich.CA3.dimensionless(), 0.5, "residual", 1e-3)), 6)
    -190.0
    """
    return Reset.of(reset).mean_potential(neuron, theta, dt)


@checked(
    neuron=of(Izhikevich, advice="pass Izhikevich.CA3, say"),
    theta=array(None, 0, 1),
    adaptation=one_of(*ADAPTATIONS),
    dt=quantity(second, not_negative),
)
def asynchronous_state(
    neuron: Izhikevich,
    eta: Quantity | npt.ArrayLike,
    g: Quantity | npt.ArrayLike,
    *,
    theta: npt.ArrayLike = 0.0,
    reset: str | Reset = "residual",
    adaptation: str = "own",
    dt: Quantity = 0 * second,
) -> xarray.Dataset:
    r"""
    Return the states in which every neuron of an all-to-all network fires at a constant rate.

    .. math:: r = \frac1N \sum_i f_i, \quad s = \tau_s s_{jump} r, \quad
              D_i = \eta_i - w_i + g_i s e_r - c_i^2, \quad c_i = (\alpha + g_i s)/2, \quad
              w_i = b \bar v_i + w_{jump} f_i/a

    with f_i of `firing_rate`; with shared adaptation all w_i are their mean. For N, v_peak and -v_reset
    to infinity and shared adaptation these are the equilibria of `MeanField`, without the closure in g. Not for
    their stability, nor for neurons that fire less often than their adaptation decays (w is held
    constant between spikes).

    The reset coefficient theta acts through the reset: ``retain`` raises it to
    v_reset + theta (v - v_reset), ``residual`` by theta times the overshoot, on average half an Euler
    step at the cutoff, dt v_peak^2/2, which vanishes with dt.

    Parameters
    ----------
    neuron : Izhikevich
        Parameter set with gating synapses.
    eta : Quantity [amp, or 1 if dimensionless], shape (n_neurons,)
        Background currents.
    g : Quantity [siemens, or 1], shape (n_neurons,)
        Couplings.
    theta : float, shape () or (n_neurons,), optional
        Reset coefficients.
    reset : {"residual", "capped", "retain", "mirror"} or Reset, optional
        Reset rule.
    adaptation : {"own", "shared"}, optional
        Whether every neuron has its own recovery current, or all have their mean.
    dt : Quantity [second], optional
        Time step of Euler's method, which sets the overshoot.

    Returns
    -------
    xarray.Dataset
        Dims (state,), from low to high rates: ``r``, ``s``, ``w`` (its mean), dimensionless. Dims
        (state, neuron): ``rate`` in Hz.

    Raises
    ------
    ValueError
        If the neuron has no gating synapses, an array has the wrong length or is not finite, or theta, the
        reset rule or the adaptation is none that a population accepts.
    DimensionMismatchError
        If eta, g or dt has the wrong unit.

    References
    ----------
    Zhang & Cui 2025, doi 10.3389/fncom.2025.1661070, Eqs. 1-3.
    """
    import xarray as xr
    from scipy.optimize import brentq

    number = neuron.dimensionless()
    if number.E is None or number.tau_s is None or number.s_jump is None:
        raise ValueError("neuron has no gating synapses, expected E, tau_s and s_jump: pass Izhikevich.CA3, say.")
    rule = Reset.of(reset)
    rule.check(theta)
    eta, g = _plain("eta", eta, neuron), _plain("g", g, neuron)
    theta = np.asarray(theta, dtype=float)
    if eta.ndim != 1 or g.shape != eta.shape or theta.shape not in ((), eta.shape):
        raise ValueError(
            f"eta, g and theta have shapes {eta.shape}, {g.shape} and {theta.shape}, expected one value a neuron: "
            "draw as many of each."
        )
    limits = float(number.v_peak), rule.mean_potential(number, theta, float(dt / neuron.time_unit))
    response = _own if adaptation == "own" else _shared

    tau_s, s_jump, reversal = float(number.tau_s / neuron.time_unit), float(number.s_jump), float(number.E)

    def gate(r):
        return min(tau_s * s_jump * r, 1.0)  # Eq. 3 bounds s

    def rates(r):
        vertex = (float(number.v_t) + g * gate(r)) / 2
        return response(number, eta + g * gate(r) * reversal - vertex**2, vertex, *limits)

    excess = np.array([rates(r)[0].mean() - r for r in RATES])
    roots = [0.0] if excess[0] == 0 else []
    for i in np.flatnonzero(np.sign(excess[:-1]) * np.sign(excess[1:]) < 0):
        roots.append(brentq(lambda r: rates(r)[0].mean() - r, RATES[i], RATES[i + 1], xtol=1e-14, rtol=1e-10))
    states = [rates(r) for r in roots]
    per_neuron = np.reshape([state[0] for state in states], (len(roots), eta.size))
    return xr.Dataset(
        {
            "r": ("state", np.array(roots), {"long_name": "population rate"}),
            "s": ("state", np.array([gate(r) for r in roots]), {"long_name": "gating variable"}),
            "w": ("state", np.array([state[1].mean() for state in states]), {"long_name": "mean recovery current"}),
            "rate": (("state", "neuron"), np.asarray(per_neuron / neuron.time_unit / hertz), {"units": "Hz"}),
        },
        attrs={"adaptation": adaptation, "neuron": str(neuron)},
    )


def _own(number, constant, vertex, v_peak, v_reset):
    """Return rates and recovery currents, shape (n_neurons,), where D + w(D) = constant, by bisection."""
    b, a = float(number.beta), float(number.C / number.tau_w)

    def recovery(drive):
        rate, potential = _rate(drive, vertex, v_peak, v_reset)
        return rate, b * potential + float(number.w_jump) * rate / a

    far = np.maximum(np.abs(v_peak), np.abs(v_reset)) + np.abs(vertex)
    above = np.maximum(v_reset - vertex, 0.0)  # with such a reset a neuron fires down to D = -above^2
    bound = 2 * (np.abs(constant) + above**2 + np.abs(b) * far + 4 * b**2)  # beyond it D outweighs w
    low, high = -bound, bound
    for _ in range(80):
        drive = (low + high) / 2
        below = drive + recovery(drive)[1] < constant
        low, high = np.where(below, drive, low), np.where(below, high, drive)
    return recovery(high)


def _shared(number, constant, vertex, v_peak, v_reset):
    """Return rates, shape (n_neurons,), and the recovery current, shape (1,), that they keep up."""
    from scipy.optimize import brentq

    b, a = float(number.beta), float(number.C / number.tau_w)

    def answer(w):
        rate, potential = _rate(constant - w, vertex, v_peak, v_reset)
        return rate, b * potential.mean() + float(number.w_jump) * rate.mean() / a

    bound = 1.0
    while not (answer(bound)[1] < bound and answer(-bound)[1] > -bound):
        bound *= 2
    w = brentq(lambda w: answer(w)[1] - w, -bound, bound, xtol=1e-14, rtol=1e-12)
    return answer(w)[0], np.array([w])


def _plain(name, value, neuron):
    """Return a parameter of every neuron as dimensionless numbers, checked."""
    plain = numbers(value, name, any_unit=True)
    if not have_same_dimensions(value, getattr(neuron, name)):
        raise DimensionMismatchError(
            f"{name} has the wrong unit, expected that of {getattr(neuron, name)}: multiply by it",
            get_dimensions(value),
            get_dimensions(getattr(neuron, name)),
        )
    return plain if neuron.is_dimensionless else plain / float(neuron.scales()[name])
