"""A grid of named parameters, with units."""

import itertools
import math
from collections.abc import Iterable, Mapping, Set
from typing import Any

import numpy as np
from brian2 import DimensionMismatchError, Quantity, Unit, get_unit
from brian2.units.fundamentalunits import DIMENSIONLESS

from hetbrian._support.checks import shown, whole
from hetbrian.study.identity import exact
from hetbrian.study.names import NAMEABLE, is_nameable

RESERVED = ("status", "error")
"""Variables that a sweep adds to those of its points."""

MOST_POINTS = 10**7
"""Points of a grid; more would need tens of GB of memory, and days even if nothing were computed."""


class Grid:
    """
    Every combination of the values of named parameters, the last one fastest.

    Points that share a built program should be neighbours: put first what needs another program.

    Parameters
    ----------
    **axes : sequence, (sequence of float, Unit), or dict of str to dict
        Values of each parameter: numbers, strings, or quantities, which are named in SI units unless the
        unit is given, as in ``gain=((1000, 2000), pA)``. A seed is an axis like any other. A dict is an axis of named
        conditions: a point gets the parameters of its condition, and not the name.

    Raises
    ------
    ValueError
        If there is no axis, or one is called ``status`` or ``error`` or as no file can be, is empty, holds a value
        twice or a masked one, is not one-dimensional or mixes kinds, if two axes give one parameter, or if there are
        more than 10 million points.
    DimensionMismatchError
        If an axis mixes units.

    Examples
    --------
    >>> from brian2 import pA
    >>> grid = Grid(kind=("eta", "g"), gain=((1000, 2000, 3000), pA))
    >>> grid.shape, len(grid)
    ((2, 3), 6)
    >>> grid.point(4)
    {'kind': 'g', 'gain': 2. * namp}
    >>> Grid(condition={"homogeneous": {}, "eta": {"half_width": 0.1}}, seed=range(3)).point(3)
    {'half_width': 0.1, 'seed': 0}
    """

    def __init__(self, **axes: Any) -> None:
        if not axes:
            raise ValueError("the grid has no axis, expected named parameters: write Grid(seed=range(5)), say.")
        self.axes = axes
        self._values: dict[str, np.ndarray] = {}
        self._units: dict[str, Any] = {}
        self._conditions: dict[str, dict[str, dict[str, Any]]] = {}
        self.parameters: set[str] = set()
        for name, axis in axes.items():
            given = {name}
            if not is_nameable(name):
                raise ValueError(
                    f"{shown(name)} is the name of an axis, expected {NAMEABLE}: a sweep is kept under these names."
                )
            if name in RESERVED:
                raise ValueError(f"{name} is an axis, expected another name: a sweep says by it how its points ended.")
            if isinstance(axis, Mapping):
                if not all(isinstance(value, Mapping) for value in axis.values()):
                    raise ValueError(
                        f"{name} is {shown(axis)}, expected a dict of parameters for each condition: "
                        "write {'plain': {}, 'double': {'gain': 2.0}}, say."
                    )
                self._conditions[name] = {key: dict(value) for key, value in axis.items()}
                given = set().union(*axis.values())
            self._values[name], self._units[name] = _axis(name, axis)
            if twice := given & self.parameters:
                raise ValueError(
                    f"{min(twice)} is given by {name} and by another axis, expected one of them: leave the other out."
                )
            self.parameters |= given
        _check_size("the grid", math.prod(self.shape), "points")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return tuple(self._values)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values of each parameter."""
        return tuple(len(values) for values in self._values.values())

    def __len__(self) -> int:
        return math.prod(self.shape)

    def _where(self, index: int) -> Any:
        """Return the place of a point along each axis."""
        whole(index, "index", 0, len(self) - 1)
        return np.unravel_index(index, self.shape)

    def point(self, index: int) -> dict[str, Any]:
        """Return the parameters of a point, with their units."""
        where = self._where(index)
        found: dict[str, Any] = {}
        for (name, values), i in zip(self._values.items(), where, strict=True):
            unit = self._units[name]
            if name in self._conditions:
                found |= self._conditions[name][values[i]]
            else:
                found[name] = values[i].item() if unit is None else Quantity(float(values[i]) * unit)
        return found

    def coordinates(self) -> dict[str, tuple[str, np.ndarray, dict[str, str]]]:
        """Return the axes as xarray coordinates."""
        return {
            name: (name, values, {} if self._units[name] is None else {"units": str(self._units[name])})
            for name, values in self._values.items()
        }

    def description(self) -> dict[str, Any]:
        """Return the axes as plain data, the same for the same grid."""
        found: dict[str, Any] = {
            name: {"values": values.tolist(), "unit": str(self._units[name] or "")}
            for name, values in self._values.items()
        }
        for name, conditions in self._conditions.items():
            found[name]["parameters"] = {
                key: {parameter: exact(value, parameter) for parameter, value in sorted(given.items())}
                for key, given in conditions.items()
            }
        return found

    def text(self, index: int) -> dict[str, str]:
        """Return the parameters of a point as text, in the units of the grid."""
        where = self._where(index)
        return {
            name: f"{values[i]} {self._units[name] or ''}".strip()
            for (name, values), i in zip(self._values.items(), where, strict=True)
        }


def _check_size(name: str, size: int, what: str) -> None:
    """Refuse more points, or values of an axis, than a sweep can have; before they are made."""
    if size > MOST_POINTS:
        raise ValueError(f"{name} has {size} {what}, expected at most {MOST_POINTS}: make several sweeps of it.")


def _quantity(name: str, axis: list[Any]) -> Any:
    """Return quantities of one unit as one, or refuse them."""
    dims = [getattr(value, "dim", DIMENSIONLESS) for value in axis]
    for other in dims:
        if other != dims[0]:
            said = f"{name} is {shown(axis)}, expected quantities of one unit: give each value with it."
            raise DimensionMismatchError(said, dims[0], other)
    return Quantity(np.asarray(axis), dims[0])


def _axis(name: str, axis: Any) -> tuple[np.ndarray, Any]:
    """Return the numbers or strings of an axis and their unit, None if they have none."""
    unit = None
    if isinstance(axis, tuple) and len(axis) == 2 and isinstance(axis[1], Unit):
        axis, unit = axis
    is_single = (
        isinstance(axis, str | bytes | Set) or getattr(axis, "shape", None) == () or not isinstance(axis, Iterable)
    )
    if is_single:
        values = np.asarray(None)
    else:
        if hasattr(axis, "__len__"):
            _check_size(name, len(axis), "values")
        if not isinstance(axis, Quantity):
            axis = list(itertools.islice(axis, MOST_POINTS + 1))  # one that counts would never end
            _check_size(name, len(axis), "values or more")
            if any(value is np.ma.masked for value in axis):
                raise ValueError(f"{name} is {shown(axis)}, expected no masked value: leave it out.")
            if any(isinstance(value, Quantity) for value in axis):
                axis = _quantity(name, axis)
        if isinstance(axis, Quantity) and not axis.is_dimensionless:
            if unit is not None:
                raise ValueError(f"{name} is {shown(axis)} and its unit {unit}, expected numbers: leave the unit out.")
            unit = get_unit(axis.dim)
        try:
            values = np.asarray(axis)
        except ValueError:  # of sequences of different lengths
            values = np.asarray(None)
    is_mixed = values.dtype.kind == "U" and not all(isinstance(value, str) for value in axis)
    if values.ndim != 1 or not values.size or values.dtype.kind not in "biufU" or is_mixed:
        raise ValueError(
            f"{name} is {shown(axis)}, expected a sequence of numbers, strings or quantities of one unit: give at "
            "least one."
        )
    if len(np.unique(values)) < values.size:
        raise ValueError(f"{name} holds a value twice ({shown(axis)}), expected different ones: leave one out.")
    return values, unit
