"""Bifurcation diagrams of any vector field: equilibria along a parameter."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from hetbrian._support.arguments import checked, of
from hetbrian._support.checks import count, finite, positive, text
from hetbrian.analysis.continuation import check_range
from hetbrian.analysis.equilibrium import branch, tests
from hetbrian.analysis.path import OFF, RANGE, Path, augmented, correct, rates, tangent
from hetbrian.analysis.vectorfield import VectorField

if TYPE_CHECKING:
    import xarray as xr

SHARE = 0.02
"""Largest arc length of a step, in sizes of the state."""

MAX_BRANCHES = 20
"""Branches after which no further branch point is left along its other branch."""


@checked(
    field=of(VectorField, advice="make one of the equations"),
    parameter=text,
    lower=finite,
    upper=finite,
    start=of(Mapping, advice="name each variable"),
    max_step=positive,
    max_points=count,
)
def equilibria(
    field: VectorField,
    parameter: str,
    lower: float,
    upper: float,
    start: Mapping[str, float],
    max_step: float | None = None,
    max_points: int = 5000,
) -> "xr.Dataset":
    """
    Follow equilibria along a parameter, in both directions and across branch points.

    A branch that leaves the range is followed for as far again as the range is wide: where it comes back, it counts
    as another branch. Branches that do not connect to the start in this way are not found.

    Parameters
    ----------
    field : VectorField
        The system; its own value of the parameter is where the start is taken.
    parameter : str
        Parameter to vary.
    lower, upper : float
        Its range.
    start : mapping of str to float
        State close to an equilibrium.
    max_step : float, optional
        Largest change of the parameter between points, by default a hundredth of the range. State variables change by
        no more than `SHARE` of their size; steps are shorter where the branch bends and where its stability changes
        quickly.
    max_points : int, optional
        Largest number of points in each direction.

    Returns
    -------
    xarray.Dataset
        As `hetbrian.analysis.equilibrium.branch`, each branch point once, with the number of the ``branch`` at each
        point. Attribute ``ends``: where each branch begins and ends, and why.

    Raises
    ------
    ValueError
        If the parameter or a state variable is unknown, the range is empty or does not hold the start, a setting is
        not positive, the right-hand side is not finite, no equilibrium is close to the start or none follows it, or
        equilibria are a continuum.

    Examples
    --------
    >>> from hetbrian.analysis.vectorfield import VectorField
    >>> field = VectorField("dx/dt = mu - x**2 : 1", {"mu": 1.0})
    >>> diagram = equilibria(field, "mu", -1, 2, {"x": 0.9})
    >>> fold = diagram.isel(point=diagram.kind == "fold")
    >>> abs(float(fold.mu[0])) < 1e-9
    True
    >>> diagram.ends
    'branch 0 begins at mu = 2: the range ends; branch 0 ends at mu = 2: the range ends'
    """
    import xarray as xr

    from hetbrian._support.progress import Bar

    check_range(field, parameter, lower, upper)
    max_step = (upper - lower) / 100 if max_step is None else max_step
    value = float(np.asarray(field.parameters[parameter]))
    if not lower <= value <= upper:
        raise ValueError(f"{parameter} is {value} in the field, expected {lower} to {upper}: start inside the range.")
    first = np.append(_settle(field, start), value)
    _check_isolated(field, parameter, first, upper - lower)
    scale = np.append(_sizes(field, parameter, first, upper - lower), max_step / SHARE)
    branches: list[xr.Dataset] = []
    ends: list[str] = []
    crossings: list[np.ndarray] = []
    listed: list[np.ndarray] = []
    queue = [(first, tangent(field, parameter, first, scale))]
    with Bar(0, text="equilibria") as bar:

        def follow(begin, direction):
            return Path(
                field,
                parameter,
                (lower, upper),
                upper - lower,
                begin,
                direction,
                scale,
                tests,
                SHARE,
                max_points,
                lambda point: bar.show(0, f"equilibria, {parameter} = {point[-1]:.4g}"),
            )

        while queue and len(branches) < MAX_BRANCHES:
            points, reasons = _both_ways(follow, *queue.pop(0), keep=not branches)
            reached = _reached(scale, points)
            for piece, why in _inside(field, parameter, points, reasons, (lower, upper), scale):
                diagram = _located(field, parameter, piece, scale, (lower, upper))
                number = len(branches)
                shown = _once(field, parameter, diagram, reached, listed)
                branches.append(shown.assign(branch=("point", np.full(shown.sizes["point"], number))))
                for verb, at, reason in zip(("begins", "ends"), piece[[0, -1], -1], why, strict=True):
                    ends.append(f"branch {number} {verb} at {parameter} = {at:.6g}: {reason}")
                for at, direction in _crossings(field, parameter, diagram, reached):
                    if not _among(at, crossings, reached):
                        crossings.append(at)
                        queue.append((at, direction))
            for at, reason in zip(points[[0, -1], -1], reasons, strict=True):
                if not lower <= at <= upper and reason != RANGE:
                    ends.append(f"outside the range, the branch is left at {parameter} = {at:.6g}: {reason}")
            if not branches:
                raise ValueError(
                    f"no equilibrium follows the one at {parameter} = {value:g} in the range, expected a branch: "
                    f"{'; '.join(reasons)}."
                )
    joined = xr.concat(branches, "point", combine_attrs="override")
    return joined.assign_attrs(ends="; ".join(ends))


def _settle(field, start):
    """Return the equilibrium close to a state given by name, shape (n_variables,)."""
    from scipy.optimize import root

    if set(start) != set(field.variables):
        raise ValueError(f"start names {', '.join(start)}, expected {', '.join(field.variables)}: name each once.")
    guess = np.array([finite(start[name], f"{name} of start") for name in field.variables])
    field.check_finite(field.rhs(guess), guess)
    solution = root(field.rhs, guess, jac=field.jacobian, tol=1e-13).x
    velocity, jacobian = field.rhs(solution), field.jacobian(solution)
    size = np.abs(jacobian) @ np.maximum(np.abs(solution), np.abs(guess)) + np.abs(jacobian).max(axis=-1) * 1e-3
    if not (np.all(np.isfinite(jacobian)) and np.all(np.abs(velocity) <= 1e-9 * size)):
        raise ValueError(f"no equilibrium is close to {dict(start)}, expected one: give a closer start.")
    return solution


def _check_isolated(field, parameter, point, width):
    """Refuse equilibria that fill a curve at one parameter: there is no one branch to follow, nor a change of it."""
    from scipy.optimize import least_squares

    for shift in (0.0, 1e-3, -1e-3):  # a branch point is singular alone
        at = point[-1] + shift * width
        state = least_squares(lambda state, at=at: field.rhs(state, **{parameter: at}), point[:-1]).x if shift else None
        matrix = augmented(field, parameter, point if state is None else np.append(state, at))
        for axis in (1, 0):  # whatever the units of equations and variables
            size = np.linalg.norm(matrix, axis=axis, keepdims=True)
            matrix = matrix / np.where(size > 0, size, 1.0)
        if np.linalg.svd(matrix)[1][-1] > 1e-12:
            return
    raise ValueError(
        f"equilibria at {parameter} = {point[-1]:g} are a continuum, expected isolated ones: replace a variable by "
        "what the equations conserve."
    )


def _sizes(field, parameter, point, width):
    """Return how far the state is expected to move, from itself and its change along the range."""
    matrix = augmented(field, parameter, point)
    change = np.abs(np.linalg.lstsq(matrix[:, :-1], -matrix[:, -1], rcond=None)[0]) * width
    change = np.maximum(np.abs(point[:-1]), np.minimum(change, 1.0))
    return np.where(change > 1e-12 * change.max(), change, 1.0)


def _reached(scale, points):
    """Return units of state and parameter that are no smaller than any point: rounding is a share of them."""
    return np.append(np.maximum(scale, np.abs(points).max(axis=0))[:-1], scale[-1])


def _both_ways(follow, begin, direction, keep):
    """Return the points of a branch, with or without the one where it begins, and the reasons of both ends."""
    ahead = follow(begin, direction)
    if ahead.closed:
        return ahead.points, (ahead.end, ahead.end)
    behind = follow(begin, -direction)
    return np.concatenate([behind.points[:0:-1], ahead.points[int(not keep) :]]), (behind.end, ahead.end)


def _inside(field, parameter, points, reasons, limits, scale):
    """Return the parts of a branch within the range, each to the very limit, and why both their ends are ends."""
    within = (points[:, -1] >= limits[0]) & (points[:, -1] <= limits[1])
    cuts = np.flatnonzero(np.diff(within.astype(int))) + 1
    pieces = []
    for piece in np.split(np.arange(len(points)), cuts):
        if not len(piece) or not within[piece[0]]:
            continue
        part, why = [points[piece]], list(reasons)
        for side, (end, beyond) in enumerate(((piece[0], piece[0] - 1), (piece[-1], piece[-1] + 1))):
            if 0 <= beyond < len(points):
                why[side] = RANGE
                edge = _edge(field, parameter, points[end], points[beyond], limits, scale)
                part.insert(len(part) if side else 0, edge)
        whole = np.concatenate(part)
        if len(whole) > 1:
            pieces.append((whole, why))
    return pieces


def _edge(field, parameter, inside, outside, limits, scale):
    """Return the equilibrium at the limit between two points, shape (1, n_variables + 1), or none if it is a point."""
    scale = _reached(scale, np.stack([inside, outside]))
    limit = limits[int(outside[-1] > limits[1])]
    share = (limit - inside[-1]) / (outside[-1] - inside[-1])
    guess = inside + share * (outside - inside)
    across = np.append(np.zeros(len(guess) - 1), 1.0)
    edge = correct(field, parameter, guess, across, scale)
    edge[-1] = limit
    length = np.linalg.norm((outside - inside) / scale)
    good = np.linalg.norm((edge - guess) / scale) < OFF * length and inside[-1] != limit
    return edge[None][: int(good)]


def _located(field, parameter, points, scale, limits):
    """Return a branch through points, shape (n_points, n_variables + 1), with its special points."""

    def curve(position):
        i = min(int(position), len(points) - 2)
        chord = points[i + 1] - points[i]
        point = points[i] + (position - i) * chord
        if position != int(position):
            units = _reached(scale, points[i : i + 2])
            along = chord / units
            exact = correct(field, parameter, point, along / np.linalg.norm(along), units)
            # at a branch point itself Newton's method has no limit, but the chord is as close as can be
            point = exact if np.all(np.isfinite(exact)) else point
        return point[:-1], point[-1]

    return branch(field, parameter, curve, np.arange(len(points)), limits)


def _among(point, others, scale):
    """Return whether a branch point is one of others, each located to the square root of rounding."""
    return any(np.linalg.norm((point - other) / scale) <= 1e-4 for other in others)


def _once(field, parameter, diagram, scale, listed):
    """Return a branch without the branch points that are listed already, and list the others."""
    points = np.stack([diagram[name].values for name in (*field.variables, parameter)], axis=-1)
    keep = np.ones(len(points), dtype=bool)
    for i in np.flatnonzero(diagram.kind.values == "branch point"):
        keep[i] = not _among(points[i], listed, scale)
        if keep[i]:
            listed.append(points[i])
    return diagram.isel(point=keep)


def _crossings(field, parameter, diagram, scale):
    """Return (branch point, direction of the other branch there) of the branch points of a branch."""
    points = np.stack([diagram[name].values for name in (*field.variables, parameter)], axis=-1)
    found = []
    for i in np.flatnonzero(diagram.kind.values == "branch point").tolist():
        here = (points[min(i + 1, len(points) - 1)] - points[max(i - 1, 0)]) / scale
        directions = branching(field, parameter, points[i], scale)
        if len(directions):
            found.append((points[i], directions[np.argmin(np.abs(directions @ here))]))
    return found


def branching(field, parameter, point, scale):
    r"""
    Return the directions of the branches through a branch point.

    In the plane of the null vectors :math:`\phi_i` of the derivatives they solve the algebraic branching equation,
    :math:`\sum_{ij} \langle \psi, D^2 f[\phi_i, \phi_j]\rangle \alpha_i \alpha_j = 0`.

    Parameters
    ----------
    field : VectorField
        The system.
    parameter : str
        Parameter along which the branches run.
    point : ndarray, shape (n_variables + 1,)
        State and parameter of the branch point.
    scale : ndarray, shape (n_variables + 1,)
        Units of state and parameter.

    Returns
    -------
    ndarray, shape (n_branches, n_variables + 1)
        Two directions of length one in units of the scale, or none at an isolated or degenerate point.

    References
    ----------
    Keller 1977, in: Applications of Bifurcation Theory, ed. Rabinowitz; Kuznetsov 2004, Sec. 10.2.
    """
    matrix = augmented(field, parameter, point) * scale
    size = rates(field, parameter, point, scale)[:, None]
    left, _, right = np.linalg.svd(matrix / size)
    plane, step = right[-2:], 1e-4
    form = np.empty((2, 2))
    for i, along in enumerate(plane):
        above, below = (augmented(field, parameter, point + sign * step * along * scale) for sign in (1, -1))
        form[i] = left[:, -1] @ ((above - below) * scale / size / (2 * step)) @ plane.T
    mean, difference = (form[0, 0] + form[1, 1]) / 2, (form[0, 0] - form[1, 1]) / 2
    mixed = (form[0, 1] + form[1, 0]) / 2
    radius = np.hypot(difference, mixed)
    if not radius > abs(mean):
        return np.empty((0, len(point)))
    middle, spread = np.arctan2(mixed, difference), np.arccos(-mean / radius)
    angles = np.array([middle + spread, middle - spread]) / 2
    return np.column_stack([np.cos(angles), np.sin(angles)]) @ plane
