"""Which numbers a parameter may have: said once, checked on every way in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from brian2 import NeuronGroup, Quantity

from hetbrian._support.checks import check_unit, is_number, no_mask, shown
from hetbrian._support.errors import NetworkError
from hetbrian._support.variables import looked_at

if TYPE_CHECKING:

    class _Group:
        """What `Limited` is mixed into."""

        variables: Any
        name: str

        def before_run(self, run_namespace: dict[str, Any]) -> None: ...
else:
    _Group = object


@dataclass(frozen=True)
class Allowed:
    """
    The numbers that one parameter may have: an interval of real numbers.

    Parameters
    ----------
    expected, advice : str
        The interval in words and what the user can do, for the error.
    low, high : float
        Its ends, which belong to it if they are ``included``.
    included : tuple of bool
        Whether each end does.
    element : str
        What the values of an array belong to, for the error.
    unit : Quantity, optional
        Unit of one number that is checked as an argument; by default it has none.

    Examples
    --------
    >>> share = Allowed("0 < share <= 1", "give a fraction", low=0, high=1, included=(False, True))
    >>> share.check("share", [0.5, 1])
    >>> share.check("share", [0.5, 0])
    Traceback (most recent call last):
    ...
    ValueError: share of element 1 is 0, expected 0 < share <= 1: give a fraction.
    """

    expected: str
    advice: str
    low: float = -np.inf
    high: float = np.inf
    included: tuple[bool, bool] = (True, True)
    element: str = "element"
    unit: Quantity | None = None

    def __call__(self, value: Any, name: str) -> None:
        """
        Refuse an argument that is not one number inside: a rule of `hetbrian._support.arguments.checked`.

        Parameters
        ----------
        value : Quantity or float
            Its value.
        name : str
            What it is called.

        Raises
        ------
        TypeError
            If it is no real number.
        DimensionMismatchError
            If it has another unit.
        ValueError
            If it is outside.
        """
        if not is_number(value):
            raise TypeError(f"{name} is {shown(value)}, expected {self.expected}: {self.advice}.")
        check_unit(value, name, self.unit)
        self.check(name, value)

    def check(self, name: str, values: Any) -> None:
        """
        Refuse values that are outside.

        Parameters
        ----------
        name : str
            What the parameter is called.
        values : array_like
            Its value or values, in SI units.

        Raises
        ------
        ValueError
            If one is outside or no number; the message names the first.
        """
        no_mask(values, name)
        array = np.asarray(values)
        plain = np.atleast_1d(array).ravel()
        if array.dtype.kind not in "biuf":
            raise ValueError(f"{name} is {shown(values)}, expected {self.expected}: {self.advice}.")
        above = plain >= self.low if self.included[0] else plain > self.low
        below = plain <= self.high if self.included[1] else plain < self.high
        outside = np.flatnonzero(~(above & below))
        if outside.size:
            where = f" of {self.element} {outside[0]}" if array.ndim else ""
            given = values if not array.ndim else f"{plain[outside[0]]:g}"
            raise ValueError(f"{name}{where} is {given}, expected {self.expected}: {self.advice}.")


FINITE = Allowed("finite numbers", "check where they come from", -np.inf, np.inf, included=(False, False))
"""What arrays that generated code adds up must be."""

FORGETTING = Allowed("0 < forgetting <= 1", "give 1 to forget nothing", low=0.0, high=1.0, included=(False, True))
"""The share of the old samples' weight."""


class Limited(_Group):
    """
    A Brian2 group whose variables have limits; a mixin, before the group's class.

    The limits hold for what is assigned to an attribute, for the values of a run (`hetbrian.simulation.values`), for
    what is loaded from a file, and, whichever way a value came, before a run and after it.

    Attributes
    ----------
    allowed : dict of str to Allowed
        The limits, by name of the variable as the user knows it.
    """

    allowed: Mapping[str, Allowed] = MappingProxyType({})

    def refuse(self, values: Mapping[str, Any]) -> None:
        """
        Refuse values of this group's variables that are not allowed.

        Parameters
        ----------
        values : dict of str to array_like
            Values in SI units, by name of the variable.

        Raises
        ------
        ValueError
            If one is not; the message names it.
        """
        for name in self.allowed.keys() & values.keys():
            self.allowed[name].check(name, values[name])

    def limited_variables(self) -> dict[str, Any]:
        """Return the variables that have limits, by the name that the user knows."""
        found = {
            name: next((key for key in (name, f"_{name}") if key in self.variables), None) for name in self.allowed
        }
        return {name: self.variables[key] for name, key in found.items() if key is not None}

    def known_values(self) -> dict[str, Any]:
        """Return the values of the limited variables, as far as the device knows them before a run."""
        found = {}
        for name, variable in self.limited_variables().items():
            try:
                values = looked_at(variable)
            except NotImplementedError:  # code that a standalone program evaluates when it starts
                continue
            found[name] = values.item() if variable.scalar else values
        return found

    def before_run(self, run_namespace: dict[str, Any]) -> None:
        """Refuse values that are not allowed, whichever way they came."""
        try:
            self.refuse(self.known_values())
        except ValueError as error:
            raise NetworkError(str(error)) from None
        super().before_run(run_namespace)

    def check(self) -> None:
        """Refuse values that are not allowed after a run, of which a standalone program computed some itself."""
        self.refuse(self.known_values())

    def __setattr__(self, key: str, value: Any, level: Any = 0) -> None:
        if key in self.allowed and not isinstance(value, str):
            self.refuse({key: value})
        super().__setattr__(key, value, level + 1)  # type: ignore[call-arg]


class LimitedNeurons(Limited, NeuronGroup):
    """A NeuronGroup with limits."""
