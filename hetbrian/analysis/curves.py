"""Curves of Hopf points and folds in two parameters, through the engine and corrected."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from hetbrian._support.arguments import checked, of
from hetbrian._support.checks import count
from hetbrian.analysis.continuation import STEP, Model, approach, check_range, dataset, ranges, reach
from hetbrian.analysis.equilibrium import first_lyapunov, fold_test, hopf_test
from hetbrian.analysis.vectorfield import VectorField

if TYPE_CHECKING:
    import xarray as xr


@checked(
    field=of(VectorField, advice="make one of the equations"),
    limits=ranges,
    hopf=dataset,
    max_step=STEP,
    max_points=count,
)
def hopf_curve(
    field: VectorField,
    limits: Mapping[str, tuple[float, float]],
    hopf: "xr.Dataset",
    max_step: float | None = None,
    max_points: int = 400,
) -> "xr.Dataset":
    """
    Follow a Hopf point in two parameters.

    Parameters
    ----------
    field : VectorField
        The system; its own value of the second parameter is where the curve starts.
    limits : mapping of str to tuple of float
        Two parameters and their ranges; the first is the one along which the point was found.
    hopf : xarray.Dataset
        One Hopf point of a Dataset of equilibria.
    max_step : float, optional
        Largest arc length between points, by default a fiftieth of the larger range. The period
        counts in it: for slow oscillations take more.
    max_points : int, optional
        Largest number of points in each direction.

    Returns
    -------
    xarray.Dataset
        Dims (point,): both parameters, every state variable, the ``period`` and first
        ``lyapunov`` coefficient, and ``kind``: regular, or generalised hopf where the
        coefficient changes sign. Attribute ``refused``: points of the engine that are no Hopf
        points, such as neutral saddles; the curve is cut before them.

    Raises
    ------
    ValueError
        If a parameter is unknown, a range is empty, or ``hopf`` is no single equilibrium.
    ImportError
        If xpplab is not installed.
    RuntimeError
        If the engine does not find the Hopf point or no curve through it.
    """

    def lyapunov(point):
        return first_lyapunov(field, point[:-2], **dict(zip(limits, point[-2:], strict=True)))

    special = (lambda point: lyapunov(point)[0]), "generalised hopf"
    data = _curve(field, limits, hopf, ("HB", hopf_test), special, max_step, max_points)
    points = np.stack([data[name] for name in (*field.variables, *limits)], axis=-1)
    coefficient, frequency = np.array([lyapunov(point) for point in points]).T
    data["lyapunov"] = ("point", coefficient, {"long_name": "first Lyapunov coefficient"})
    data["period"] = ("point", 2 * np.pi / frequency, {"units": "unit of time of the equations"})
    return data


@checked(
    field=of(VectorField, advice="make one of the equations"),
    limits=ranges,
    fold=dataset,
    max_step=STEP,
    max_points=count,
)
def fold_curve(
    field: VectorField,
    limits: Mapping[str, tuple[float, float]],
    fold: "xr.Dataset",
    max_step: float | None = None,
    max_points: int = 400,
) -> "xr.Dataset":
    """
    Follow a fold of equilibria in two parameters; arguments and errors as `hopf_curve`.

    Returns
    -------
    xarray.Dataset
        Dims (point,): both parameters, every state variable and ``kind``: regular or cusp.
    """
    first = next(iter(limits))

    def curvature(point):
        values = dict(zip(limits, point[-2:], strict=True))
        left, _, right = np.linalg.svd(field.jacobian(point[:-2], **values))
        left, right = left[:, -1], right[-1]
        second = field.derivative(2, point[:-2], **values)
        push = left @ field.sensitivity(point[:-2], first, **values)
        return np.einsum("i,ijk,j,k", left, second, right, right) / push

    return _curve(field, limits, fold, ("LP", fold_test), (curvature, "cusp"), max_step, max_points)


def _curve(field, limits, point, kind, special, max_step, max_points):
    """Follow a special point with its label and test, and mark where another function changes sign."""
    import xarray as xr

    (first, second), (label, test) = limits, kind
    for name in (first, second):
        check_range(field, name, *limits[name])
    max_step = max(upper - lower for lower, upper in limits.values()) / 50 if max_step is None else max_step
    local = np.ptp(limits[first]) / 500
    near, at = approach(field, first, point, 2 * local)
    values = {first: near[-1], second: float(np.asarray(field.parameters[second]))}
    halves = []
    with Model(field, (first, second), values, near[:-1], at[-1] + 50 * local * np.array([-1, 1]), local) as model:
        start = reach(model, near, at, label, local)
        model.set(parmin=limits[first][0], parmax=limits[first][1])
        for step in (-max_step / 10, max_step / 10):
            points = model.follow(start, "two-parameter", step, max_points, dsmax=max_step)
            halves.append([[*model.state(p), p.value, np.nan if p.value2 is None else p.value2] for p in points[1:]])
    refused = 0
    exact = np.append(at, values[second])[None]
    for half in halves:
        exact, guesses = exact[::-1], np.array(half).reshape(-1, exact.shape[1])
        for guess in guesses:
            within = 1e-3 * (1e-2 + np.linalg.norm(guess))
            better = _on_curve(field, (first, second), test, guess, guess - exact[-1], within)
            inside = all(low <= x <= high for x, (low, high) in zip(guess[-2:], limits.values(), strict=True))
            if not inside or better is None:
                refused += inside
                break
            exact = np.append(exact, better[None], axis=0)
    if len(exact) < 3:
        raise RuntimeError(
            f"the engine follows no curve in {first} and {second}, expected points of it: change max_step."
        )
    exact, kinds = _marked(field, (first, second), test, exact, *special)
    data = field.columns("point", exact.T[:-2]) | {"kind": ("point", kinds)}
    coords = field.columns("point", exact.T[-2:], (first, second))
    return xr.Dataset(data, coords, {"refused": refused, **field.attributes})


def _on_curve(field, names, test, guess, direction, within):
    """Return the special equilibrium in the plane through a guess, or None if there is none within a distance."""
    from scipy.optimize import root

    direction = direction / np.linalg.norm(direction)

    def residual(point):
        values = dict(zip(names, point[-2:], strict=True))
        critical = test(field.eigenvalues(point[:-2], **values))
        return np.array([*field.rhs(point[:-2], **values), critical, direction @ (point - guess)])

    if not np.all(np.isfinite(guess)):
        return None
    scale = np.maximum(np.abs(guess), 1e-3)
    solution = root(lambda x: residual(guess + scale * x), np.zeros_like(guess), tol=1e-12)
    point = guess + scale * solution.x
    eigenvalues = field.eigenvalues(point[:-2], **dict(zip(names, point[-2:], strict=True)))
    critical = np.abs(eigenvalues).min() < 1e-9 + 1e-5 * np.abs(eigenvalues).max()
    if test is hopf_test:
        critical = np.any(np.abs(eigenvalues.real) < 1e-5 * np.abs(eigenvalues.imag))
    close = np.linalg.norm(point - guess) < within
    return point if critical and close and np.abs(residual(point)).max() < 1e-8 else None


def _marked(field, names, test, exact, function, mark):
    """Insert the points at which a function along the curve changes sign; return points and kinds."""
    from scipy.optimize import brentq

    def between(share, start, end):
        guess, chord = start + share * (end - start), end - start
        better = _on_curve(field, names, test, guess, chord, np.linalg.norm(chord))
        return guess if better is None else better

    values = np.array([function(point) for point in exact])
    points, kinds = [exact[0]], ["regular"]
    for start, end, before, after in zip(exact, exact[1:], values, values[1:], strict=False):
        if before * after < 0:
            share = brentq(lambda *at: function(between(*at)), 0, 1, (start, end), xtol=1e-10)
            points.append(between(share, start, end))
            kinds.append(mark)
        points.append(end)
        kinds.append("regular")
    return np.array(points), np.array(kinds, dtype="U16")
