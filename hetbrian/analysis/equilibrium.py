"""Equilibria along a parameter: stability, Hopf points with their criticality, folds."""

from typing import Any

import numpy as np

KINDS = ("regular", "hopf", "fold", "branch point")
"""What a point of a branch can be; a branch point is a transcritical or a pitchfork."""


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


def branch(field, parameter, curve, positions):
    """
    Assemble a branch of equilibria and find its Hopf points and folds to machine precision.

    Parameters
    ----------
    field : VectorField
        The system.
    parameter : str
        Parameter along which the branch runs.
    curve : callable
        Takes a position along the branch and returns (state, value of the parameter).
    positions : array_like, shape (n_positions,)
        Increasing positions, close enough that no two special points share an interval.

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
    eigenvalues = field.eigenvalues(states, **{parameter: values})
    special = _special_points(field, parameter, curve, positions, eigenvalues)
    if special:
        where, extra_states, extra_values, names = zip(*special, strict=True)
        states = np.insert(states, where, extra_states, axis=0)
        values = np.insert(values, where, extra_values)
        kinds = np.insert(kinds, where, names)
    return dataset(field, parameter, states, values, kinds)


def _special_points(field, parameter, curve, positions, eigenvalues):
    """Return (index to insert before, state, value, kind) of every zero of the tests, along the branch."""
    from scipy.optimize import brentq

    found = []
    for test in (fold_test, hopf_test):

        def at(position, test=test):
            state, value = curve(position)
            return test(field.eigenvalues(state, **{parameter: value}))

        signs = np.sign(test(eigenvalues))
        for i in np.flatnonzero(signs[:-1] * signs[1:] < 0):
            position = brentq(at, positions[i], positions[i + 1], xtol=1e-15, rtol=1e-14)
            state, value = curve(position)
            if test is hopf_test:
                kind = _oscillates(field.eigenvalues(state, **{parameter: value})) and "hopf"
            else:
                nearby = 1e-2 * (positions[i + 1] - positions[i])
                rise, fall = (curve(position + shift)[1] - value for shift in (nearby, -nearby))
                kind = "fold" if abs(rise - fall) < abs(rise + fall) else "branch point"
            if kind:
                found.append((position, i + 1, state, value, kind))
    return [row[1:] for row in sorted(found, key=lambda row: row[0])]


def _oscillates(eigenvalues):
    """Return whether the pair that sums to zero is imaginary (Hopf) rather than real (neutral saddle)."""
    imaginary = np.abs(eigenvalues.real) < 1e-6 * np.abs(eigenvalues.imag)
    return bool(imaginary.any())


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
