"""A vector field from Brian2 equations: right-hand side, derivatives, stability, trajectories."""

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import sympy
from brian2 import Equations, get_dimensions
from brian2.equations.equations import DIFFERENTIAL_EQUATION
from brian2.parsing.sympytools import str_to_sympy
from brian2.units.fundamentalunits import DIMENSIONLESS, get_unit

from hetbrian._support.arguments import checked, of
from hetbrian._support.checks import check_broadcast, choice, numbers, shown, text, whole

FUNCTIONS = ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "acos", "atan")
"""Smooth functions that Brian2, sympy, NumPy and XPPAUT share; powers and roots need no function."""

RESERVED = ("point", "mode", "branch", "kind", "stable", "lyapunov", "period", "time")
"""Names of the package's own Dataset variables, which a state variable or parameter may not take."""

LARGEST_START = 1e12
"""Beyond it steps of an integration get too small to end, while the right-hand side is still finite."""

MOST_EVALUATIONS, MOST_A_TIME = 300_000, 1000
"""Of the right-hand side on a trajectory, and more for each time that is asked for: thousands of periods."""


@checked(
    equations=text,
    parameters=of(Mapping, advice="give a value for every name"),
)
@dataclass(frozen=True)
class VectorField:
    r"""
    An autonomous system of ordinary differential equations, :math:`\dot u = f(u, p)`.

    The right-hand side is written once, in Brian2's syntax; the Jacobian and the higher
    derivatives are exact, from sympy. Not for noise, delays, resets or explicit time.

    Parameters
    ----------
    equations : str
        Brian2 equations, one ``dx/dt = ... : unit`` a line; subexpressions are allowed.
    parameters : mapping of str to float or Quantity
        A value for every name that the equations use. Quantities count in SI base units.

    Raises
    ------
    ValueError
        If the equations have no differential equation, use noise, time or a function
        other than `FUNCTIONS`, or if a name is missing or reserved.

    Examples
    --------
    >>> field = VectorField("dx/dt = mu - x**2 : 1", {"mu": 4.0})
    >>> field.rhs([1.0], mu=3.0)
    array([2.])
    >>> field.jacobian([2.0])
    array([[-4.]])
    """

    equations: str
    parameters: Mapping

    def __post_init__(self):
        """Check that the equations and the parameters fit together."""
        for name, value in self.parameters.items():
            numbers(value, f"{name} in parameters", ndim=(0,), any_unit=True, may_be_infinite=True)
        if not self.variables:
            raise ValueError("equations hold no differential equation, expected dx/dt = ... : add one.")
        used = set().union(*(expression.free_symbols for expression in self.expressions))
        needed = {symbol.name for symbol in used} - set(self.variables)
        stochastic = [name for name in needed if name.startswith("xi")]
        if stochastic or "t" in needed:
            culprit = "t" if "t" in needed else stochastic[0]
            raise ValueError(f"equations use {culprit}, expected an autonomous system: remove time and noise.")
        called = {type(f).__name__ for rhs in self.expressions for f in rhs.atoms(sympy.Function)} - set(FUNCTIONS)
        if called:
            raise ValueError(f"equations use {called.pop()}, expected one of {', '.join(FUNCTIONS)}: rewrite them.")
        missing = sorted(needed - set(self.parameters))
        if missing:
            raise ValueError(f"equations use {', '.join(missing)}, expected a value for every name: add to parameters.")
        clash = sorted((set(self.parameters) | set(self.variables)) & set(RESERVED))
        if clash:
            raise ValueError(f"equations name {clash[0]}, which the results use themselves: rename it.")

    @cached_property
    def _parsed(self):
        try:
            return Equations(self.equations)
        except Exception as error:  # Brian2 raises errors of its own and of its parser
            raise ValueError(
                f"equations are {shown(self.equations)}, expected dx/dt = ... : unit on each line, as Brian2 reads "
                f"them ({shown(str(error))}): correct them."
            ) from error

    @cached_property
    def variables(self):
        """Tuple of str : state variables, in the order in which they were written."""
        return tuple(name for name, eq in self._parsed.items() if eq.type == DIFFERENTIAL_EQUATION)

    @cached_property
    def expressions(self):
        """Tuple of sympy.Expr, shape (n_variables,) : the right-hand side."""
        substituted = dict(self._parsed.get_substituted_expressions())
        return tuple(str_to_sympy(substituted[name].code) for name in self.variables)

    @cached_property
    def units(self):
        """Dict of str to str : the unit of every state variable and parameter."""
        dims = {name: self._parsed[name].dim for name in self.variables}
        dims |= {name: get_dimensions(value) for name, value in self.parameters.items()}
        return {name: "1" if dim is DIMENSIONLESS else str(get_unit(dim)) for name, dim in dims.items()}

    def with_parameters(self, **changes):
        """Return the same field with some parameters changed; an unknown name raises ValueError."""
        self.check_parameter(*changes)
        return replace(self, parameters={**self.parameters, **changes})

    def check_parameter(self, *names):
        """
        Refuse names that are not parameters.

        Raises
        ------
        ValueError
            If a name is unknown.
        """
        for name in names:
            choice(name, "parameter", self.parameters)

    def _symbols(self):
        return [sympy.Symbol(name, real=True) for name in self.variables]

    def _compile(self, expressions):
        parameters = [sympy.Symbol(name, real=True) for name in self.parameters]
        return sympy.lambdify([*self._symbols(), *parameters], expressions, modules="numpy", cse=True)

    def _derivatives(self, order):
        """Every partial derivative of the given order, row major: f_i, x_j, x_k ..."""
        directions = list(itertools.product(self._symbols(), repeat=order))
        return [sympy.diff(f, *along) if along else f for f in self.expressions for along in directions]

    @cached_property
    def _compiled(self):
        return {}

    @checked(
        order=partial(whole, least=0, most=3),
    )
    def derivative(self, order, state, **changes):
        """
        Return the derivative of an order from 0 to 3 with respect to the state.

        Parameters
        ----------
        order : int
            0 is the right-hand side, 1 the Jacobian.
        state : array_like, shape (..., n_variables)
            State, in the units of the variables.
        **changes : array_like, shape (...)
            Parameters that differ from `parameters`.

        Returns
        -------
        ndarray, shape (..., n_variables, ...), with 1 + order axes of length n_variables
            The first of them is the equation.
        """
        flat = self._evaluate(order, lambda: self._derivatives(order), state, changes)
        return flat.reshape(*flat.shape[:-1], *([len(self.variables)] * (order + 1)))

    @cached_property
    def _numbers(self):
        return {name: numbers(value, name, any_unit=True) for name, value in self.parameters.items()}

    def _evaluate(self, name, expressions, state, changes):
        """Return the values of expressions, shape (..., n_expressions), made and compiled at the first call."""
        self.check_parameter(*changes)
        if name not in self._compiled:
            self._compiled[name] = self._compile(expressions())
        state = self._of_numbers(state, "state")
        if not state.ndim or state.shape[-1] != len(self.variables):
            raise ValueError(
                f"state has shape {state.shape}, expected (..., {len(self.variables)}): name each variable."
            )
        values = {**self._numbers, **{name: self._of_numbers(value, name) for name, value in changes.items()}}
        with np.errstate(all="ignore"):
            if state.ndim == 1 and not any(value.ndim for value in values.values()):
                return np.array(self._compiled[name](*state, *(value[()] for value in values.values())), dtype=float)
            parts = self._compiled[name](*np.moveaxis(state, -1, 0), *values.values())
        check_broadcast(state=state[..., 0], **values)
        shape = np.broadcast_shapes(state.shape[:-1], *(value.shape for value in values.values()))
        return np.stack([np.broadcast_to(part, shape) for part in parts], axis=-1)

    @staticmethod
    def _of_numbers(value, name):
        """Return numbers as an array; what is one already, as within a continuation, is not looked at."""
        is_one = type(value) in (np.ndarray, np.float64) and value.dtype == float
        return np.asarray(value) if is_one else numbers(value, name, may_be_infinite=True)

    def rhs(self, state, **changes):
        """Return the right-hand side, shape (..., n_variables); arguments as `derivative`."""
        return self.derivative(0, state, **changes)

    def jacobian(self, state, **changes):
        """Return the Jacobian, shape (..., n_variables, n_variables): row = equation; arguments as `derivative`."""
        return self.derivative(1, state, **changes)

    def sensitivity(self, state, parameter, **changes):
        """Return the derivative of the right-hand side with respect to a parameter; arguments as `derivative`."""
        return self.linearised(state, parameter, **changes)[1][..., -1]

    def linearised(self, state, parameter, **changes):
        """
        Return the right-hand side and its derivatives with respect to state and parameter; arguments as `derivative`.

        Returns
        -------
        rhs : ndarray, shape (..., n_variables)
            The right-hand side.
        derivatives : ndarray, shape (..., n_variables, n_variables + 1)
            The Jacobian, and in the last column the derivative with respect to the parameter.
        """
        self.check_parameter(parameter)
        n = len(self.variables)

        def expressions():
            along = [*self._symbols(), sympy.Symbol(parameter, real=True)]
            return [*self.expressions, *(sympy.diff(f, x) for f in self.expressions for x in along)]

        flat = self._evaluate(parameter, expressions, state, changes)
        return flat[..., :n], flat[..., n:].reshape(*flat.shape[:-1], n, n + 1)

    def eigenvalues(self, state, **changes):
        """
        Return the eigenvalues, shape (..., n_variables), the least stable first; arguments as `derivative`.

        Raises
        ------
        ValueError
            If the Jacobian is not finite.
        """
        jacobian = self.jacobian(state, **changes)
        if not np.all(np.isfinite(jacobian)):
            raise ValueError(f"the Jacobian is not finite at {state}, expected finite numbers: change the state.")
        values = np.linalg.eigvals(jacobian).astype(complex)
        return np.take_along_axis(values, np.argsort(-values.real, axis=-1, kind="stable"), axis=-1)

    def trajectory(self, start, times, **changes):
        """
        Integrate from a state with an implicit-explicit solver (LSODA).

        Parameters
        ----------
        start : array_like, shape (n_variables,)
            State at the first time.
        times : array_like, shape (n_times,)
            Increasing times, in the equations' unit of time.
        **changes : float or callable
            Parameters that differ from `parameters`; a callable gets the time.

        Returns
        -------
        xarray.Dataset
            One variable per state variable, dims (time,).

        Raises
        ------
        ValueError
            If the right-hand side is not finite at the start, the state diverges, or the span takes too many
            evaluations of it: one of millions of periods, or one whose square is zero in floating point.
        """
        import xarray as xr
        from scipy.integrate import solve_ivp

        drives: dict[str, Callable] = {name: value for name, value in changes.items() if callable(value)}
        fixed = {name: value for name, value in changes.items() if name not in drives}

        times, start = numbers(times, "times", ndim=(1,), least=1), numbers(start, "start", ndim=(1,))
        left = itertools.count(MOST_EVALUATIONS + MOST_A_TIME * len(times), -1)

        def velocity(time, state):
            if next(left) <= 0:
                raise ValueError(
                    f"times is {shown(times)}, expected a span of fewer evaluations than {MOST_EVALUATIONS:.0e} and "
                    f"{MOST_A_TIME} for each time: change the span, or go on from what an earlier time gave."
                )
            return self.rhs(state, **fixed, **{name: drive(time) for name, drive in drives.items()})

        def escape(_, state):
            return 1e6 * (1 + np.abs(start).max()) - np.abs(state).max()

        escape.terminal = True  # type: ignore[attr-defined]
        if (np.diff(times) <= 0).any():
            raise ValueError(f"times is {shown(times)}, expected increasing times: sort them.")
        if np.abs(start).max() > LARGEST_START:
            raise ValueError(
                f"start reaches {np.abs(start).max():g}, expected at most {LARGEST_START:g}: give it in the units of "
                "the variables."
            )
        self.check_finite(velocity(times[0], start), start)
        solution = solve_ivp(
            velocity,
            times[[0, -1]],
            start,
            method="LSODA",
            t_eval=times,
            events=escape,
            max_step=np.diff(times).max() if drives else np.inf,
            rtol=1e-9,
            atol=1e-12,
        )
        if solution.status != 0:
            raise ValueError(
                f"state diverges after time {solution.t[-1]:g}, expected a bounded trajectory: change the start."
            )
        return xr.Dataset(self.columns("time", solution.y), {"time": times})

    def columns(self, dim: str, rows: Iterable, names: Iterable[str] = (), suffix: str = "") -> dict[str, tuple]:
        """
        Return variables of a Dataset, with their units.

        Parameters
        ----------
        dim : str
            Name of the dimension.
        rows : iterable of ndarray, shape (n_names, n_points)
            Values of each.
        names : iterable of str, optional
            Variables and parameters, by default all variables.
        suffix : str
            What is added to their names.

        Returns
        -------
        dict of str to tuple
        """
        names = tuple(names) or self.variables
        return {name + suffix: (dim, row, {"units": self.units[name]}) for name, row in zip(names, rows, strict=True)}

    @property
    def attributes(self) -> dict[str, str]:
        """Dict of str to str : what every Dataset about the field carries, its equations and parameters."""
        parameters = ", ".join(f"{name}={value}" for name, value in self.parameters.items())
        return {"equations": self.equations.strip(), "parameters": parameters}

    def check_finite(self, velocity, state):
        """
        Refuse a right-hand side that is not finite.

        Raises
        ------
        ValueError
            If a component is NaN or infinite.
        """
        for name, value in zip(self.variables, np.asarray(velocity), strict=True):
            if not np.isfinite(value):
                where = ", ".join(f"{n} = {x:g}" for n, x in zip(self.variables, state, strict=True))
                raise ValueError(f"d{name}/dt is {value:g} at {where}, expected a finite number: change the start.")
