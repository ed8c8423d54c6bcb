"""A limit cycle by single shooting, with its Floquet multipliers."""

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from hetbrian._support.arguments import array, checked, of
from hetbrian._support.checks import positive
from hetbrian.analysis.vectorfield import VectorField

if TYPE_CHECKING:
    import xarray as xr

SAMPLES = 401
"""Times at which a cycle is sampled for its extrema."""


EVALUATIONS = 200_000
"""Of the field, before `limit_cycle` gives up: one turn takes some hundreds, and a correction some turns."""


def floquet(field, states, periods, rtol=1e-9, *, watch=None, **changes):
    r"""
    Integrate cycles over one period together with their variational equation.

    .. math:: \dot u = f(u), \quad \dot M = Df(u) M, \quad M(0) = 1

    Not for cycles whose ``growth`` nears 1e8: there rounding decides where the integration ends.

    Parameters
    ----------
    field : VectorField
        The system.
    states : array_like, shape (n_cycles, n_variables)
        A state on each cycle.
    periods : array_like, shape (n_cycles,)
        Periods, in the equations' unit of time.
    rtol : float, optional
        Relative tolerance of the integration.
    watch : callable, optional
        Called without arguments at each evaluation of the field; what it raises ends the integration.
    **changes : array_like, shape (n_cycles,) or ()
        Parameters that differ from those of the field.

    Returns
    -------
    orbit : ndarray, shape (n_cycles, n_variables, n_times)
        One period, from the given state on.
    monodromy : ndarray, shape (n_cycles, n_variables, n_variables)
        M after one period; its eigenvalues are the Floquet multipliers.
    growth : ndarray, shape (n_cycles,)
        Largest norm of M within the period: how much errors grow on the way.
    """
    from scipy.integrate import solve_ivp

    states, periods = np.asarray(states, dtype=float), np.asarray(periods, dtype=float)
    count, n = states.shape
    far = 1e3 * (1 + np.abs(states).max())

    def velocity(_, flat):
        if watch is not None:
            watch()
        both = flat.reshape(count, n, n + 1)
        state, matrix = both[..., 0], both[..., 1:]
        change = field.jacobian(state, **changes) @ matrix
        change = np.concatenate([field.rhs(state, **changes)[..., None], change], axis=-1)
        change[~(np.abs(state).max(axis=-1) < far)] = 0  # an orbit that left must not stop the others
        return (change * periods[:, None, None]).ravel()

    start = np.concatenate([states[..., None], np.broadcast_to(np.eye(n), (count, n, n))], axis=-1)
    solution = solve_ivp(
        velocity,
        (0, 1),
        start.ravel(),
        method="DOP853",
        t_eval=np.linspace(0, 1, SAMPLES),
        rtol=rtol,
        atol=1e-2 * rtol,
    )
    both = solution.y.reshape(count, n, n + 1, -1)
    matrices = both[:, :, 1:, :]
    return both[:, :, 0, :], matrices[..., -1], np.linalg.norm(matrices, axis=(1, 2)).max(axis=-1)


def nontrivial(multipliers):
    """Return the multipliers, shape (..., n - 1), without the one nearest to 1, the least stable first."""
    multipliers = np.asarray(multipliers, dtype=complex)
    trivial = np.argmin(np.abs(multipliers - 1), axis=-1)
    keep = np.arange(multipliers.shape[-1]) != trivial[..., None]
    rest = multipliers[keep].reshape(*multipliers.shape[:-1], -1)
    return np.take_along_axis(rest, np.argsort(-np.abs(rest), axis=-1, kind="stable"), axis=-1)


@checked(
    field=of(VectorField, advice="make one of the equations"),
    state=array(None, 1),
    period=positive,
)
def limit_cycle(field: VectorField, state: np.ndarray, period: float, **changes: float) -> "xr.Dataset":
    """
    Return the limit cycle near a state, by single shooting.

    Not for cycles that repel strongly (multipliers beyond 1e6): follow those with `bifurcation`.

    Parameters
    ----------
    field : VectorField
        The system.
    state : array_like, shape (n_variables,)
        State close to the cycle.
    period : float
        Estimate of the period, in the equations' unit of time.
    **changes : float
        Parameters that differ from those of the field.

    Returns
    -------
    xarray.Dataset
        Every state variable over one period, dims (time,); the ``multiplier_real`` and
        ``multiplier_imag``, dims (mode,), without the trivial one; ``period`` and ``stable``.

    Raises
    ------
    ValueError
        If the method does not converge, or converges to an equilibrium.

    Examples
    --------
    >>> from hetbrian.analysis.vectorfield import VectorField
    >>> field = VectorField('''dx/dt = x - y - x*(x**2 + y**2) : 1
    ... dy/dt = x + y - y*(x**2 + y**2) : 1''', {})
    >>> round(float(limit_cycle(field, [0.9, 0.0], 6.0).period), 6)
    6.283185
    """
    import xarray as xr

    state = np.array(state, dtype=float)
    plane = field.rhs(state, **changes)
    evaluations, given = itertools.count(1), period

    def watch():
        if next(evaluations) > EVALUATIONS:
            raise ValueError(
                f"no limit cycle found near period {given:g} in {EVALUATIONS} evaluations of the field, expected that "
                "of one turn: give a shorter period or a closer state."
            )

    for _ in range(30):
        orbit, monodromy, _ = floquet(field, state[None], [period], watch=watch, **changes)
        end = orbit[0, :, -1]
        matrix = np.block(
            [
                [monodromy[0] - np.eye(len(state)), field.rhs(end, **changes)[:, None]],
                [plane[None], np.zeros((1, 1))],
            ]
        )
        step = np.linalg.lstsq(matrix, np.append(state - end, 0), rcond=None)[0]
        if not np.all(np.isfinite(step)):
            break
        state, period = state + step[:-1], period + step[-1]
        if np.linalg.norm(step[:-1]) < 1e-7 * np.ptp(orbit[0], axis=-1).max():
            break
    extent = np.ptp(orbit[0], axis=-1).max()
    if not (np.linalg.norm(step[:-1]) < 1e-6 * extent and period > 0 and extent > 1e-6 * np.abs(state).max()):
        raise ValueError(f"no limit cycle found near period {period:g}, expected one: give a closer state.")
    multipliers = nontrivial(np.linalg.eigvals(monodromy[0]))
    data: dict[str, Any] = field.columns("time", orbit[0]) | {
        "period": ((), period),
        "stable": ((), bool(np.abs(multipliers).max() < 1)),
        "multiplier_real": ("mode", multipliers.real),
        "multiplier_imag": ("mode", multipliers.imag),
    }
    return xr.Dataset(data, {"time": np.linspace(0, period, SAMPLES)})
