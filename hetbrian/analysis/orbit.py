"""A limit cycle between its collocation points: where it turns, and whether it stays at an equilibrium."""

from dataclasses import dataclass

import numpy as np

DEGREE = 4
"""Degree of the collocation polynomials, one in each mesh interval, where nothing else is said."""

RESTS = 0.02
"""Distance from a saddle, in extents of the cycle, at which a cycle counts as close to a homoclinic orbit."""


@dataclass(frozen=True)
class Orbit:
    """
    Hold one period of a limit cycle as piecewise polynomials.

    Parameters
    ----------
    times : ndarray, shape (n_intervals*degree + 1,)
        Times of the values, at equal distances in each mesh interval.
    states : ndarray, shape (n_intervals*degree + 1, n_variables)
        State at each.
    degree : int, optional
        Degree of the polynomials.

    Examples
    --------
    >>> times = np.linspace(0, 2 * np.pi, 41)
    >>> Orbit(times, np.column_stack([np.cos(times), np.sin(times + 0.1)])).extrema()[1].round(6).tolist()
    [1.0, 1.0]
    """

    times: np.ndarray
    states: np.ndarray
    degree: int = DEGREE

    def extrema(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the lowest and highest value of each variable on the polynomials, each of shape (n_variables,)."""
        pieces = self._pieces()
        fine = np.vander(np.linspace(0, 1, 4 * self.degree + 1), self.degree + 1) @ pieces  # (interval, time, variable)
        found = []
        for sign in (-1, 1):
            peaks = (sign * fine).max(axis=1)
            best = peaks.max(axis=0)
            near = peaks >= best - 0.01 * np.ptp(fine, axis=(0, 1))
            found.append([sign * max(self._peaks(sign * pieces[near[:, i], :, i], best[i])) for i in range(len(best))])
        return np.array(found[0]), np.array(found[1])

    def _pieces(self):
        """Return the polynomials, shape (n_intervals, degree + 1, n_variables), highest power first."""
        index = np.arange(0, len(self.states) - 1, self.degree)[:, None] + np.arange(self.degree + 1)
        return np.linalg.inv(np.vander(np.linspace(0, 1, self.degree + 1))) @ self.states[index]

    @staticmethod
    def _peaks(polynomials, at_least):
        """Yield a value and those of the polynomials where they are flat."""
        yield at_least
        for polynomial in polynomials:
            roots = np.roots(np.trim_zeros(np.polyder(polynomial), "f"))
            inside = roots.real[(np.abs(roots.imag) < 1e-9) & (roots.real >= 0) & (roots.real <= 1)]
            yield from np.polyval(polynomial, inside)

    def rests_at(self, field, closeness: float = RESTS, **changes: float) -> np.ndarray | None:
        """
        Return the saddle at which the cycle all but stops, as close to a homoclinic orbit.

        Parameters
        ----------
        field : VectorField
            The system.
        closeness : float, optional
            Largest distance from the saddle, in extents of the cycle.
        **changes : float
            Parameters that differ from those of the field.

        Returns
        -------
        ndarray, shape (n_variables,), or None
            An equilibrium with growing and decaying directions, no farther from the cycle than that.
        """
        from scipy.optimize import root

        extent = np.maximum(np.ptp(self.states, axis=0), 1e-300)
        speed = np.linalg.norm(field.rhs(self.states, **changes) / extent, axis=-1)
        slowest = self.states[np.argmin(speed)]
        solution = root(lambda y: field.rhs(slowest + extent * y, **changes) / extent, np.zeros(len(extent)), tol=1e-12)
        saddle = slowest + extent * solution.x
        jacobian = field.jacobian(saddle, **changes)
        if not (solution.success and np.all(np.isfinite(jacobian))):
            return None
        away = np.linalg.norm((self.states - saddle) / extent, axis=-1).min()
        growth = np.linalg.eigvals(jacobian).real
        return saddle if away < closeness and growth.max() > 0 > growth.min() else None
