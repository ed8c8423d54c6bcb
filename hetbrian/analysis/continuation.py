"""The continuation engine behind `bifurcation`: XPPAUT's AUTO through xpplab, and the guards around it."""

import shutil
from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy

from hetbrian._support.allowed import Allowed
from hetbrian._support.checks import instance, numbers, shown
from hetbrian.analysis.orbit import Orbit
from hetbrian.analysis.path import correct, tangent

TOLERANCES = {"epsl": 1e-8, "epsu": 1e-8, "epss": 1e-7, "dsmin": 1e-8}
"""Newton and location tolerances with which Hopf points come out to 1e-9 and folds to 1e-8."""


LARGEST = 1e8
"""Length of a state up to which the engine follows a branch."""

STEP = Allowed(
    "more than 0 and at most 1e8, beyond which the engine follows nothing, or crashes",
    "leave it out for a fiftieth of the range",
    low=0.0,
    high=LARGEST,
    included=(False, True),
)
"""Arc length of a step along a branch."""


def ode_text(field, free, values, state):
    """
    Write a vector field in XPPAUT's language.

    Variables become u0, u1 ... and parameters p0, p1 ..., since XPPAUT ignores case, cuts names
    at ten characters and continues in the first eight parameters only.

    Parameters
    ----------
    field : VectorField
        The system.
    free : tuple of str
        Parameters to continue in; they come first.
    values : mapping of str to float
        Values of the free parameters.
    state : array_like, shape (n_variables,)
        Initial state.

    Returns
    -------
    str
    """
    names = [*free, *(name for name in field.parameters if name not in free)]
    symbols = {name: sympy.Symbol(f"u{i}", real=True) for i, name in enumerate(field.variables)}
    symbols |= {name: sympy.Symbol(f"p{i}", real=True) for i, name in enumerate(names)}
    renaming = {sympy.Symbol(name, real=True): symbol for name, symbol in symbols.items()}
    renaming[sympy.E] = sympy.Float(sympy.E, 17)
    lines = []
    for i, expression in enumerate(field.expressions):
        text = str(expression.xreplace(renaming))
        lines.append(f"u{i}'={text.replace('**', '^')}")
    numbers = {**field.parameters, **values}
    lines += [f"par p{i}={float(np.asarray(numbers[name]))!r}" for i, name in enumerate(names)]
    lines += [f"init u{i}={float(x)!r}" for i, x in enumerate(state)]
    return "\n".join([*lines, "done", ""])


class Model:
    """
    A vector field in the engine, for one diagram.

    Every diagram gets a fresh model: a second branch of equilibria renumbers the labels of the
    first, and the cost of a run grows with the number of points in the diagram.

    Parameters
    ----------
    field : VectorField
        The system.
    free : tuple of str
        Parameters to continue in.
    values : mapping of str to float
        Their values at the start.
    state : array_like, shape (n_variables,)
        Equilibrium to start from.
    limits : tuple of float
        Range of the first free parameter.
    max_step : float
        Largest arc length of a step.

    Raises
    ------
    ImportError
        If xpplab is not installed.
    RuntimeError
        If the engine's right-hand side differs from the field's.
    """

    def __init__(self, field, free, values, state, limits, max_step):
        from hetbrian._support.optional import xpplab

        self.field, self.free = field, free
        self._model = xpplab.Model.from_text(ode_text(field, free, values, state))
        probe = np.asarray(state, dtype=float) + 0.01 * (1 + np.arange(len(state)))
        ours, theirs = field.rhs(probe, **values), self._model.rhs(probe)
        if not np.allclose(ours, theirs, rtol=1e-9, atol=1e-12):
            raise RuntimeError(
                f"the engine evaluates the equations to {theirs}, expected {ours}: please report the equations."
            )
        self._auto = self._model.auto
        self._auto.set(parmin=limits[0], parmax=limits[1], normmax=LARGEST, npr=10**6, dsmax=max_step, **TOLERANCES)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        """Free the engine and remove the file that it was loaded from."""
        self._model.close()
        shutil.rmtree(self._model.path.parent, ignore_errors=True)

    def equilibria(self, step, max_points):
        """Continue equilibria from the start; the sign of the step is the direction. Once per model."""
        return list(self._auto.equilibria("p0", ds=step, nmax=max_points))

    def follow(self, point, action, step, max_points, **settings):
        """Continue from a labelled point of this model; actions as in xpplab."""
        second = {"second": "p1"} if action == "two-parameter" else {}
        return list(self._auto.continue_from(point, action, ds=step, nmax=max_points, **second, **settings))

    def set(self, **settings):
        """Change settings of the engine."""
        self._auto.set(**settings)

    def state(self, point, which="u0"):
        """Return u0, umin, umax or umean of a point, shape (n_variables,)."""
        return np.array(list(getattr(point, which).values()))

    def orbit(self, point, degree):
        """Return the limit cycle at a point with a label, of polynomials of a degree."""
        run = self._auto.orbit(point)
        return Orbit(run["T"], np.column_stack([run[f"U{i}"] for i in range(len(self.field.variables))]), degree)


def approach(field, parameter, point, distance):
    """
    Return an equilibrium at a distance from a special point, along its branch.

    Parameters
    ----------
    field : VectorField
        The system.
    parameter : str
        Parameter along which the branch runs.
    point : xarray.Dataset
        One point of a Dataset of equilibria, with the parameter and the state.
    distance : float
        Arc length in state and parameter.

    Returns
    -------
    near, at : ndarray, shape (n_variables + 1,)
        State and parameter there and at the special point.

    Raises
    ------
    ValueError
        If the Dataset holds several points, or its point is no equilibrium.
    """
    missing = [
        name for name in (parameter, *field.variables) if name not in point or point[name].dtype.kind not in "fiu"
    ]
    if missing:
        raise ValueError(f"point has no numbers {missing[0]}, expected the parameter and the state: check the field.")
    if any(point[name].size != 1 for name in (parameter, *field.variables)):
        raise ValueError(f"point holds {point[parameter].size} points, expected one: select it with isel.")
    at = np.array([float(point[name].item()) for name in (*field.variables, parameter)])
    if not np.abs(field.rhs(at[:-1], **{parameter: at[-1]})).max() < 1e-6:  # not even if it is NaN
        raise ValueError(f"point at {parameter} = {at[-1]:g} is no equilibrium, expected one: check the field.")
    along = tangent(field, parameter, at)
    return correct(field, parameter, at + distance * along, along), at


def reach(model, near, at, label, max_step):
    """
    Continue equilibria from a neighbour to a special point and return the engine's point there.

    Parameters
    ----------
    model : Model
        Fresh model that starts at ``near``.
    near, at : ndarray, shape (n_variables + 1,)
        State and parameter at the start and at the special point.
    label : {"HB", "LP"}
        The engine's name of the special point.
    max_step : float
        Largest arc length of a step.

    Returns
    -------
    object
        The engine's point, for `Model.follow`.

    Raises
    ------
    RuntimeError
        If the engine does not find the special point there.
    """
    points = model.equilibria(np.copysign(max_step / 10, at[-1] - near[-1]), 60)
    for point in points:
        here = np.append(model.state(point), point.value)
        if point.type == label and np.linalg.norm(here - at) < 1e-3 * (1e-2 + np.linalg.norm(at)):
            return point
    raise RuntimeError(
        f"the engine finds no {label} point at {model.free[0]} = {at[-1]:.8g}, expected one, as the Jacobian has: "
        "take another max_step."
    )


def dataset(value: Any, name: str) -> None:
    """Refuse what is no Dataset."""
    import xarray

    instance(value, name, xarray.Dataset, "take one point of a Dataset of equilibria")


def ranges(value: Any, name: str) -> None:
    """Refuse what is not two parameters with their ranges."""
    instance(value, name, Mapping, "write {'eta': (0, 1), 'g': (0, 2)}, say")
    if len(value) != 2:
        raise ValueError(f"{name} has {len(value)} parameters, expected two: give the range of each.")
    for parameter, limits in value.items():
        if numbers(limits, f"{parameter} of {name}").shape != (2,):
            raise ValueError(f"{parameter} of {name} is {shown(limits)}, expected its range: give both ends.")


def check_range(field, parameter, lower, upper):
    """
    Refuse an unknown parameter or an empty range.

    Raises
    ------
    ValueError
        If the field has no such parameter, or lower >= upper.
    """
    field.check_parameter(parameter)
    if not lower < upper:
        raise ValueError(f"range of {parameter} is {lower} to {upper}, expected lower < upper: exchange them.")
