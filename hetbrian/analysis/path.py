"""A path of equilibria: steps along the arc length, each small enough for what is looked for on it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

TURN = np.cos(np.radians(20))
"""Cosine of the largest angle between the tangents at both ends of a step: more is taken for a jump."""

OFF = 0.25
"""Largest distance of a point from its prediction, in lengths of the step; an arc of 20 degrees has 0.17."""

FINEST = 1e-10
"""Shortest step, in largest steps: where no equilibrium follows even then, the branch ends."""

RESOLUTION = 1 / 100
"""Shortest step that is taken because a test changes quickly, in largest steps."""

FAR = 1e8
"""Growth of a state variable or a derivative since the start at which a branch may be diverging."""

STILL = 1e-5
"""
Largest change of the parameter, in its unit, over the last hundredfold growth of what diverges.

Before a pole the parameter stands still; the tail of a sigmoid or an exponential grows while it goes on. At a fold it
stands still as well, but nothing grows a hundredfold within the root of this of the state's size.
"""

RANGE = "the range ends"
"""Why most branches end."""


def augmented(system, parameter, point):
    """Return the derivatives with respect to state and parameter, shape (..., n_variables, n_variables + 1)."""
    return system.linearised(point[..., :-1], parameter, **{parameter: point[..., -1]})[1]


def scaled(system, parameter, point, scale, size=None):
    """
    Return velocity and derivatives with respect to state and parameter, each equation divided by its size.

    Parameters
    ----------
    system : VectorField
        The system.
    parameter : str
        Parameter along which the branch runs.
    point : ndarray, shape (n_variables + 1,)
        State and value of the parameter.
    scale : ndarray, shape (n_variables + 1,), or float
        Units of the state and of the parameter.
    size : ndarray, shape (n_variables,), optional
        Units of the equations, by default the largest derivative of each.

    Returns
    -------
    velocity : ndarray, shape (n_variables,)
    derivatives : ndarray, shape (n_variables, n_variables + 1)
        Not finite where either is not.
    """
    velocity, derivatives = system.linearised(point[:-1], parameter, **{parameter: point[-1]})
    derivatives = derivatives * scale
    if size is None:
        largest = np.abs(derivatives).max(axis=-1)
        size = np.where(largest > 0, largest, 1.0)
    return velocity / size, derivatives / size[:, None]


def rates(system, parameter, point, scale):
    """Return the largest change of each equation near a point, per unit of the scale, shape (n_variables,)."""
    nearby = point + 1e-2 * np.vstack([np.zeros(len(point)), np.diag(scale), -np.diag(scale)])
    sizes = np.abs(augmented(system, parameter, nearby) * scale).sum(axis=-1)
    largest = np.where(np.isfinite(sizes), sizes, 0).max(axis=0)
    return np.where(largest > 0, largest, 1.0)


def tangent(system, parameter, point, scale=1.0):
    """
    Return the direction of the branch of equilibria.

    Parameters
    ----------
    system : VectorField
        The system.
    parameter : str
        Parameter along which the branch runs.
    point : ndarray, shape (n_variables + 1,)
        State and value of the parameter.
    scale : ndarray, shape (n_variables + 1,), or float
        Units of the state and of the parameter in which directions have length one.

    Returns
    -------
    ndarray, shape (n_variables + 1,)
        In units of the scale; NaN if a derivative is not finite.
    """
    _, derivatives = scaled(system, parameter, point, scale)
    return np.linalg.svd(derivatives)[2][-1] if np.all(np.isfinite(derivatives)) else np.full_like(point, np.nan)


def correct(system, parameter, guess, direction, scale=1.0):
    """
    Return the equilibrium in the plane through a guess, across a direction, by Newton's method.

    Regular at folds, where Newton's method at a fixed parameter fails.

    Parameters
    ----------
    system : VectorField
        The system.
    parameter : str
        Parameter along which the branch runs.
    guess : ndarray, shape (n_variables + 1,)
        State and value of the parameter.
    direction : ndarray, shape (n_variables + 1,)
        Normal of the plane, in units of the scale.
    scale : ndarray, shape (n_variables + 1,), or float
        Units of the state and of the parameter.

    Returns
    -------
    ndarray, shape (n_variables + 1,)
        NaN if the method does not converge.
    """
    guess = np.asarray(guess, dtype=float)
    start = guess / scale
    point, last = start, np.inf
    rounding = 1e-13 * (1 + np.linalg.norm(start))
    for _ in range(20):
        velocity, derivatives = scaled(system, parameter, point * scale, scale)
        if not (np.all(np.isfinite(velocity)) and np.all(np.isfinite(derivatives))):
            break
        residual = np.append(velocity, direction @ (point - start))
        step = np.linalg.lstsq(np.vstack([derivatives, direction]), residual, rcond=None)[0]
        error, length = np.abs(residual).max(), np.linalg.norm(step)
        if error < 1e-2 * rounding or (error < 1e4 * rounding and (length < rounding or length > last)):
            return point * scale
        point, last = point - step, length if length < 1e-6 else np.inf
    return np.full_like(guess, np.nan)


@dataclass
class Path:
    """
    Follow equilibria in one direction by pseudo-arclength continuation.

    A step counts if Newton's method meets the branch close to the prediction, if the tangents at both ends are
    close, and if tests that are looked at for zeros are near what their derivatives at both ends say; otherwise it is
    halved. So no two neighbours belong to different branches, and no two zeros hide in one step.

    Parameters
    ----------
    system : VectorField
        The system.
    parameter : str
        Parameter along which the branch runs.
    limits : tuple of float
        Range of the parameter in which the tests are looked at.
    beyond : float
        How far outside of it the path goes on.
    start : ndarray, shape (n_variables + 1,)
        Equilibrium and value of the parameter.
    direction : ndarray, shape (n_variables + 1,)
        Where to go, in units of the scale: the tangent there.
    scale : ndarray, shape (n_variables + 1,)
        Units of the state and of the parameter; those of the state grow with it.
    tests : callable
        Takes Jacobians, shape (..., n_variables, n_variables), and returns shape (..., n_tests).
    max_step : float
        Largest length of a step, in units of the scale.
    max_points : int
        Largest number of points.
    progress : callable
        Is told each point.
    """

    system: Any
    parameter: str
    limits: tuple[float, float]
    beyond: float
    start: np.ndarray
    direction: np.ndarray
    scale: np.ndarray
    tests: Callable
    max_step: float
    max_points: int
    progress: Callable = lambda point: None
    points: np.ndarray = field(init=False)
    end: str = field(init=False)
    closed: bool = field(init=False, default=False)

    def __post_init__(self):
        """Follow the path; `points`, shape (n_points, n_variables + 1), begins at the start."""
        points = [np.asarray(self.start, dtype=float)]
        self._first = np.append(np.maximum(self.scale, np.abs(points[0]))[:-1], self.scale[-1])
        self._rates = rates(self.system, self.parameter, points[0], self._first)
        along = self.direction / np.linalg.norm(self.direction)
        self.end, length = "", self.max_step / 10
        tested = self._tested(points[0], along)
        if not np.all(np.isfinite(along)):
            self.end = f"{self._not_finite(points[0])} there"
        while not self.end:
            here = points[-1]
            found = self._step(here, along, length, tested)
            if found is not None:
                here, along, length, tested = found
                points.append(here)
                along, stretch = self._rescaled(here, along)
                tested[1] *= stretch
                self.progress(here)
            self.end = self._reason(points, along, length, found is None)
        self.points = np.array(points)

    def _along(self, point, before):
        """Return the tangent that points where another does, in units of the scale."""
        along = tangent(self.system, self.parameter, point, self.scale)
        return along if along @ before >= 0 else -along

    def _rescaled(self, here, along):
        """Let the units grow with the state; return a direction in the new ones, and the length of an old one."""
        scale = np.append(np.maximum(self.scale[:-1], np.abs(here[:-1])), self.scale[-1])
        along, self.scale = along * self.scale / scale, scale
        size = np.linalg.norm(along)
        return along / size, 1 / size

    def _step(self, here, along, length, tested):
        """Return (point, tangent, length of the next step, tests), or None if even the shortest step fails."""
        while length > FINEST * self.max_step:
            guess = here + length * along * self.scale
            there = correct(self.system, self.parameter, guess, along, self.scale)
            if np.linalg.norm((there - guess) / self.scale) < OFF * length:  # never if it is NaN
                turned = self._along(there, along)
                if turned @ along > TURN:
                    after = self._tested(there, turned)
                    smooth = _resolved(tested, after, length)
                    if smooth or (smooth is not None and length <= RESOLUTION * self.max_step):
                        grown = 2 * length if turned @ along > TURN**0.25 else length
                        return there, turned, min(grown, self.max_step), after
            length /= 2
        return None

    def _tested(self, point, along):
        """Return the tests and their derivatives along the path, shape (2, n_tests); none of them outside the range."""
        if not self.limits[0] <= point[-1] <= self.limits[1]:
            return np.zeros((2, 0))
        step = 1e-5
        near = point + step * np.array([-1, 0, 1])[:, None] * along * self.scale
        before, here, after = self.tests(self.system.jacobian(near[:, :-1], **{self.parameter: near[:, -1]}))
        return np.array([here, (after - before) / (2 * step)])

    def _reason(self, points, along, length, stuck):
        """Return why the path ends here, nothing if it goes on."""
        here = points[-1]
        if stuck:
            ahead = [here + share * self.max_step * along * self.scale for share in (FINEST, 1e-6, 1e-3, 1e-1)]
            broken = [text for text in map(self._not_finite, ahead) if text]
            return f"{broken[0]} beyond" if broken else "no equilibrium follows smoothly: a corner, a pole or a jump"
        if not self.limits[0] - self.beyond <= here[-1] <= self.limits[1] + self.beyond:
            return RANGE
        for growth, text in ((self._grown, "{} diverges"), (self._steepened, "the derivatives of d{}/dt diverge")):
            if growth(here).max() > FAR and (diverging := self._diverging(np.array(points), growth)):
                return text.format(diverging)
        if len(points) > 3 and self._returned(points):
            self.closed = True
            points[-1] = points[0]
            return "the branch is closed"
        return f"{len(points)} points are reached, more need a larger max_points" * (len(points) >= self.max_points)

    def _grown(self, points):
        """Return the growth of each variable since the start, shape (..., n_variables)."""
        return np.abs(points[..., :-1]) / self._first[:-1]

    def _steepened(self, points):
        """Return the growth of the derivatives of each equation since the start, shape (..., n_variables)."""
        return np.abs(augmented(self.system, self.parameter, points) * self._first).sum(axis=-1) / self._rates

    def _diverging(self, points, growth):
        """Return the variable whose growth diverges at the end of the path, nothing if the parameter goes on."""
        sizes = growth(points)
        for variable in np.flatnonzero(sizes[-1] > FAR):
            before = np.flatnonzero(sizes[:, variable] < sizes[-1, variable] / 100)
            since = points[before[-1] if len(before) else 0 :, -1]
            if np.ptp(since) < STILL * self.scale[-1]:
                return self.system.variables[variable]
        return ""

    def _returned(self, points):
        """Return whether the last step passed the start in the direction in which it was left."""
        before, after, start = (point / self.scale for point in (points[-2], points[-1], points[0]))
        step = after - before
        share = (start - before) @ step / (step @ step)
        away = np.linalg.norm(start - before - share * step)
        same = step @ ((points[1] - points[0]) / self.scale)
        return bool(0 <= share <= 1 and away < 0.2 * np.linalg.norm(step) and same > 0)

    def _not_finite(self, point):
        """Return what is not finite at a point, nothing if all is finite."""
        state, value = point[:-1], point[-1]
        velocity = self.system.rhs(state, **{self.parameter: value})
        for name, x in zip(self.system.variables, velocity, strict=True):
            if not np.isfinite(x):
                return f"d{name}/dt is {x:g}"
        finite = np.all(np.isfinite(augmented(self.system, self.parameter, point)))
        return "" if finite else "a derivative is not finite"


def _resolved(before, after, length):
    """
    Return whether tests and their derivatives at both ends of a step describe what lies between; None: not finite.

    They do if the cubic through them has no second zero, does not come near one, and is not far from a line.
    """
    if not (before.size and after.size):
        return True  # outside the range
    both = np.stack([before, after])
    if not np.all(np.isfinite(both)):
        return None
    first, last = both[:, 0]
    rise, fall = length * both[:, 1]
    size = np.maximum(np.abs(first), np.abs(last))
    if np.any(np.abs(last - first - rise) > 0.6 * size) or np.any(np.abs(last - first - fall) > 0.6 * size):
        return False
    s = np.linspace(0, 1, 11)[:, None]
    cubic = (
        first * (1 + 2 * s) * (1 - s) ** 2 + rise * s * (1 - s) ** 2 + last * s**2 * (3 - 2 * s) - fall * s**2 * (1 - s)
    )
    crossings = (np.diff(np.sign(cubic), axis=0) != 0).sum(axis=0)
    dips = np.abs(cubic[1:-1]).min(axis=0) < 0.3 * np.minimum(np.abs(first), np.abs(last))
    return bool(np.all(np.where(first * last > 0, ~dips, crossings < 2)))
