"""Equilibria along a parameter: stability, Hopf points with their criticality, folds."""

import itertools
from typing import Any

import numpy as np

from hetbrian.analysis.path import rates, scaled

KINDS = ("regular", "hopf", "fold", "branch point")
"""What a point of a branch can be; a branch point is a transcritical or a pitchfork."""

TWICE = 1e-5
"""Distance along a branch, in steps, below which two zeros are a double one but for rounding (its square root)."""


def first_lyapunov(field, state, **changes):
    r"""
    Return the first Lyapunov coefficient of a Hopf point and its angular frequency.

    .. math:: l_1 = \frac{1}{2\omega} \Re[\langle p, C(q, q, \bar q)\rangle
              - 2 \langle p, B(q, A^{-1} B(q, \bar q))\rangle
              + \langle p, B(\bar q, (2 i \omega - A)^{-1} B(q, q))\rangle]

    Negative: supercritical, stable cycles are born. Positive: subcritical.

    Parameters
    ----------
    field : VectorField
        The system.
    state : array_like, shape (n_variables,)
        Equilibrium at the Hopf point.
    **changes : float
        Parameters that differ from those of the field.

    Returns
    -------
    lyapunov, frequency : float
        Coefficient, for an eigenvector q of length one, and frequency [radian per unit of time].

    Raises
    ------
    ValueError
        If no pair of eigenvalues is close to the imaginary axis.

    References
    ----------
    Kuznetsov 2004, doi 10.1007/978-1-4757-3978-7, Eq. 5.39.

    Examples
    --------
    >>> from hetbrian.analysis.vectorfield import VectorField
    >>> field = VectorField("dx/dt = -3*y - x**3 : 1\ndy/dt = 3*x - y**3 : 1", {})
    >>> lyapunov, frequency = first_lyapunov(field, [0.0, 0.0])
    >>> round(lyapunov, 6), round(frequency, 6)
    (-0.5, 3.0)
    """
    A = field.jacobian(state, **changes)
    values, vectors = np.linalg.eig(A)
    index = int(np.argmin(np.where(values.imag > 1e-9 * np.abs(values).max(), np.abs(values.real), np.inf)))
    frequency = values[index].imag
    if not frequency > 1e3 * abs(values[index].real):
        raise ValueError(
            f"eigenvalues are {np.array2string(values, precision=3)}, expected a pair on the imaginary axis: "
            "give the state and the parameters of a Hopf point."
        )
    q = vectors[:, index] / np.linalg.norm(vectors[:, index])
    left_values, left_vectors = np.linalg.eig(A.T)
    p = left_vectors[:, np.argmin(np.abs(left_values - np.conj(values[index])))]
    p = p / np.conj(np.vdot(p, q))  # <p, q> = 1
    second, third = (field.derivative(order, state, **changes) for order in (2, 3))

    def B(x, y):
        return np.einsum("ijk,j,k->i", second, x, y)

    cubic = np.einsum("ijkl,j,k,l->i", third, q, q, q.conj())
    steady = -2 * B(q, np.linalg.solve(A, B(q, q.conj())))
    double = B(q.conj(), np.linalg.solve(2j * frequency * np.eye(len(q)) - A, B(q, q)))
    return float(np.vdot(p, cubic + steady + double).real / (2 * frequency)), float(frequency)


def fold_test(eigenvalues):
    """Return the product of the eigenvalues over the last axis: zero at folds and branch points."""
    return np.prod(eigenvalues, axis=-1).real


def hopf_test(eigenvalues):
    """Return the product of all sums of two eigenvalues: zero at Hopf points and neutral saddles."""
    first, second = np.triu_indices(eigenvalues.shape[-1], k=1)
    return np.prod(eigenvalues[..., first] + eigenvalues[..., second], axis=-1).real


def tests(jacobians):
    """Return what vanishes at special points, shape (..., 2): `fold_test` and `hopf_test`, NaN if not finite."""
    finite = np.isfinite(jacobians).all(axis=(-2, -1))
    values = np.linalg.eigvals(np.where(finite[..., None, None], jacobians, 0)).astype(complex)
    return np.where(finite[..., None], np.stack([fold_test(values), hopf_test(values)], axis=-1), np.nan)


def branch(field, parameter, curve, positions, limits=(-np.inf, np.inf)):
    """
    Assemble a branch of equilibria and find its Hopf points and folds to machine precision.

    Where a test changes sign between two positions, its zero is located; where its size has a minimum, it is looked
    whether it touches zero or changes sign twice. What is found counts if Newton's method confirms it, see `confirmed`,
    and a fold only if the branch turns there, that is, if its test changes sign: at an inflection it does not.

    Parameters
    ----------
    field : VectorField
        The system.
    parameter : str
        Parameter along which the branch runs.
    curve : callable
        Takes a position along the branch and returns (state, value of the parameter).
    positions : array_like, shape (n_positions,)
        Increasing positions, close enough that a test has one extremum at most between two of them.
    limits : tuple of float, optional
        Range of the parameter within which special points count.

    Returns
    -------
    xarray.Dataset
        Dims (point,): the parameter, every state variable, ``stable``, ``kind`` (one of `KINDS`),
        and at Hopf points the ``period`` and first ``lyapunov`` coefficient, elsewhere NaN.
        Dims (point, mode): ``eigenvalue_real`` and ``eigenvalue_imag``. Special points stand
        between the points that they separate and count as not stable.

    Raises
    ------
    ValueError
        If the parameter is unknown.
    """
    field.check_parameter(parameter)
    positions = np.asarray(positions, dtype=float)
    states, values = (np.array(column) for column in zip(*map(curve, positions), strict=True))
    kinds = np.full(len(positions), "regular", dtype="U12")
    special = [
        row
        for row in _special_points(field, parameter, curve, positions, states, values)
        if limits[0] <= row[2] <= limits[1]
    ]
    if special:
        where, extra_states, extra_values, names = zip(*special, strict=True)
        states = np.insert(states, where, extra_states, axis=0)
        values = np.insert(values, where, extra_values)
        kinds = np.insert(kinds, where, names)
    return dataset(field, parameter, states, values, kinds)


def _special_points(field, parameter, curve, positions, states, values):
    """Return (index to insert before, state, value, kind) of every zero of the tests, along the branch."""
    found = []
    signs = tests(field.jacobian(states, **{parameter: values}))
    scale = extent(np.column_stack([states, values]))
    for column in range(signs.shape[-1]):

        def at(position, column=column):
            state, value = curve(position)
            return tests(field.jacobian(state, **{parameter: value}))[column]

        for position in _zeros(at, positions, signs[:, column]):
            i = min(int(np.searchsorted(positions, position, side="right")), len(positions) - 1)
            point = np.append(*curve(position))
            kind = ("fold", "hopf")[column]
            if column == 0 and crosses(field, parameter, point, scale):
                kind = "branch point"
            sides = np.clip([position - TWICE, position + TWICE], positions[0], positions[-1])
            if kind == "fold" and not at(sides[0]) * at(sides[1]) < 0:
                continue  # an inflection: the parameter goes on as before
            if kind == "branch point" or confirmed(field, parameter, point, kind, scale):
                found.append((position, i, point[:-1], point[-1], kind))
    found.sort(key=lambda row: row[0])
    # a double zero is two within rounding
    twice = [one[4] == two[4] and two[0] - one[0] < TWICE for one, two in itertools.pairwise(found)]
    return [row[1:] for row, again in zip(found, [False, *twice], strict=bool(found)) if not again]


def extent(points):
    """Return the size of a branch in each variable and the parameter, 1 where it has none: units for Newton."""
    size = np.maximum(np.ptp(points, axis=0), 1e-3 * np.abs(points).max(axis=0))
    return np.where(size > 1e-12 * size.max(), size, 1.0)  # others vanish but for rounding


def _zeros(function, positions, values):
    """Return the position of every zero, from values at the positions; where a function only touches zero too."""
    from scipy.optimize import brentq, minimize_scalar

    def between(start, end):
        return brentq(function, start, end, xtol=1e-15, rtol=1e-14)

    found = [between(positions[i], positions[i + 1]) for i in np.flatnonzero(values[:-1] * values[1:] < 0)]
    found += positions[1:-1][values[1:-1] == 0].tolist()
    size = np.abs(values)
    same = (values[:-2] * values[1:-1] > 0) & (values[1:-1] * values[2:] > 0)
    dips = same & (size[1:-1] <= size[:-2]) & (size[1:-1] <= size[2:]) & (size[1:-1] < np.maximum(size[:-2], size[2:]))
    for i in np.flatnonzero(dips) + 1:
        sign, ends = np.sign(values[i]), (positions[i - 1], positions[i + 1])
        lowest = minimize_scalar(
            lambda x, sign=sign: sign * function(x), bounds=ends, method="bounded", options={"xatol": 1e-9}
        )
        if lowest.fun < 0:
            found += [between(ends[0], lowest.x), between(lowest.x, ends[1])]
        elif lowest.fun < 1e-9 * size[i - 1 : i + 2].max():
            found.append(lowest.x)
    return found


def crosses(field, parameter, point, scale):
    """
    Return whether a point is a branch point: its derivatives, n rows of n + 1, have rank n - 1.

    Parameters
    ----------
    field : VectorField
        The system.
    parameter : str
        Parameter along which the branch runs.
    point : ndarray, shape (n_variables + 1,)
        State and parameter.
    scale : ndarray, shape (n_variables + 1,)
        Units of state and parameter.

    Returns
    -------
    bool
    """
    _, derivatives = scaled(field, parameter, point, scale, rates(field, parameter, point, scale))
    return bool(
        np.linalg.svd(derivatives, compute_uv=False)[-1] < 1e-5
    )  # a double zero is located to 1e-8, or its root


def confirmed(field, parameter, point, kind, scale):
    """
    Return whether a point on a branch is what it is taken for, see `located`.

    Parameters
    ----------
    field : VectorField
        The system.
    parameter : str
        Parameter along which the branch runs.
    point : ndarray, shape (n_variables + 1,)
        State and parameter.
    kind : {"fold", "hopf"}
        What it should be.
    scale : ndarray, shape (n_variables + 1,)
        Units of state and parameter.

    Returns
    -------
    bool
    """
    values = field.eigenvalues(point[:-1], **{parameter: point[-1]})
    if kind == "hopf" and not np.any(np.abs(values.real) < 1e-6 * np.abs(values.imag)):
        return False  # a neutral saddle
    found = located(field, parameter, point, kind, scale)
    return found is not None and bool(np.linalg.norm((found - point) / scale) < 1e-5)


def located(field, parameter, point, kind, scale):
    r"""
    Return the fold or Hopf point that Newton's method finds near a point, from equations of its own.

    .. math:: f = 0, \quad A v = i \omega v, \quad \langle v_0, v \rangle = 1

    with real v and :math:`\omega = 0` at folds, and complex v at Hopf points, which a fold or Hopf point of any
    smooth system solves, and nothing else nearby does.

    Parameters
    ----------
    field : VectorField
        The system.
    parameter : str
        Parameter along which the branch runs.
    point : ndarray, shape (n_variables + 1,)
        State and parameter.
    kind : {"fold", "hopf"}
        What is looked for.
    scale : ndarray, shape (n_variables + 1,)
        Units of state and parameter.

    Returns
    -------
    ndarray, shape (n_variables + 1,), or None
        None if the method does not converge, or finds a neutral saddle.

    References
    ----------
    Moore & Spence 1980, doi 10.1137/0717048; Griewank & Reddien 1983, doi 10.1093/imanum/3.3.295.
    """
    from scipy.optimize import root

    n = len(point) - 1
    size = rates(field, parameter, point, scale)
    _, derivatives = scaled(field, parameter, point, scale, scale[:-1])
    values, vectors = np.linalg.eig(derivatives[:, :-1])
    if kind == "hopf":
        index = int(np.argmin(np.where(values.imag > 1e-6 * np.abs(values), np.abs(values.real), np.inf)))
        if values[index].imag == 0:
            return None
    else:
        index = int(np.argmin(np.abs(values)))
    speed = values[index].imag or 1.0
    v = vectors[:, index]
    v = v / np.linalg.norm(v)

    def residual(unknown):
        y, vector, omega = unknown[: n + 1], unknown[n + 1 : 2 * n + 1], 0.0
        if kind == "hopf":
            vector, omega = vector + 1j * unknown[2 * n + 1 : 3 * n + 1], unknown[-1] * speed
        velocity, derivatives = scaled(field, parameter, point + y * scale, scale, size)
        change = derivatives[:, :-1] @ vector - 1j * omega * vector * scale[:-1] / size
        rows = [velocity, change.real, [np.vdot(v, vector).real - 1]]
        return np.concatenate(rows + ([change.imag, [np.vdot(v, vector).imag]] if kind == "hopf" else []))

    start = np.concatenate([np.zeros(n + 1), v.real, *([v.imag, [1.0]] if kind == "hopf" else [])])
    if not np.all(np.isfinite(residual(start))):
        return None
    solution = root(residual, start, tol=1e-12)
    converged = np.abs(solution.fun).max() < 1e-8 and (kind == "fold" or abs(solution.x[-1]) > 1e-3)
    return point + solution.x[: n + 1] * scale if converged else None


def dataset(field, parameter, states, values, kinds):
    """
    Return equilibria as a Dataset, with their stability.

    Parameters
    ----------
    field : VectorField
        The system.
    parameter : str
        Parameter along which the branch runs.
    states : ndarray, shape (n_points, n_variables)
        Equilibria.
    values : ndarray, shape (n_points,)
        Parameter values.
    kinds : ndarray of str, shape (n_points,)
        What each point is, from `KINDS`.

    Returns
    -------
    xarray.Dataset
        As `branch`.
    """
    import xarray as xr

    eigenvalues = field.eigenvalues(states, **{parameter: values})
    lyapunov, period = np.full((2, len(values)), np.nan)
    for i in np.flatnonzero(kinds == "hopf"):
        lyapunov[i], frequency = first_lyapunov(field, states[i], **{parameter: values[i]})
        period[i] = 2 * np.pi / frequency
    stable = (eigenvalues.real.max(axis=-1) < 0) & (kinds == "regular")
    data: dict[str, Any] = field.columns("point", states.T) | {
        "stable": ("point", stable),
        "kind": ("point", np.asarray(kinds)),
        "period": ("point", period, {"units": "unit of time of the equations"}),
        "lyapunov": ("point", lyapunov, {"long_name": "first Lyapunov coefficient"}),
        "eigenvalue_real": (("point", "mode"), eigenvalues.real),
        "eigenvalue_imag": (("point", "mode"), eigenvalues.imag),
    }
    coords = field.columns("point", [values], [parameter])
    return xr.Dataset(data, coords, {"parameter": parameter, **field.attributes})
