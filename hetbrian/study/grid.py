"""A grid of named parameters, with units."""

from typing import Any

import numpy as np
from brian2 import Quantity, Unit, get_unit


class Grid:
    """
    Every combination of the values of named parameters, the last one fastest.

    Points that share a built program should be neighbours: put first what needs another program.

    Parameters
    ----------
    **axes : sequence, or (sequence of float, Unit)
        Values of each parameter: numbers, strings, or quantities, which are named in SI units unless the
        unit is given, as in ``gain=((1000, 2000), pA)``. A seed is an axis like any other.

    Raises
    ------
    ValueError
        If there is no axis, or one is empty, holds a value twice, is not one-dimensional or mixes kinds.

    Examples
    --------
    >>> from brian2 import pA
    >>> grid = Grid(kind=("eta", "g"), gain=((1000, 2000, 3000), pA))
    >>> grid.shape, len(grid)
    ((2, 3), 6)
    >>> grid.point(4)
    {'kind': 'g', 'gain': 2. * namp}
    """

    def __init__(self, **axes: Any) -> None:
        if not axes:
            raise ValueError("the grid has no axis, expected named parameters: write Grid(seed=range(5)), say.")
        self.axes = axes
        self._values: dict[str, np.ndarray] = {}
        self._units: dict[str, Any] = {}
        for name, axis in axes.items():
            self._values[name], self._units[name] = _axis(name, axis)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return tuple(self._values)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values of each parameter."""
        return tuple(len(values) for values in self._values.values())

    def __len__(self) -> int:
        return int(np.prod(self.shape))

    def point(self, index: int) -> dict[str, Any]:
        """Return the parameters of a point, with their units."""
        where = np.unravel_index(index, self.shape)
        found = {}
        for (name, values), i in zip(self._values.items(), where, strict=True):
            unit = self._units[name]
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
        return {
            name: {"values": values.tolist(), "unit": str(self._units[name] or "")}
            for name, values in self._values.items()
        }

    def text(self, index: int) -> dict[str, str]:
        """Return the parameters of a point as text, in the units of the grid."""
        where = np.unravel_index(index, self.shape)
        return {
            name: f"{values[i]} {self._units[name] or ''}".strip()
            for (name, values), i in zip(self._values.items(), where, strict=True)
        }


def _axis(name: str, axis: Any) -> tuple[np.ndarray, Any]:
    """Return the numbers or strings of an axis and their unit, None if they have none."""
    unit = None
    if isinstance(axis, tuple) and len(axis) == 2 and isinstance(axis[1], Unit):
        axis, unit = axis
    axis = axis if isinstance(axis, Quantity) else list(axis)
    if unit is None and any(isinstance(value, Quantity) for value in axis):
        axis = Quantity(axis)
        if not axis.is_dimensionless:
            unit = get_unit(axis.dim)
    values = np.asarray(axis)
    if values.ndim != 1 or not values.size or values.dtype.kind not in "biufU":
        raise ValueError(
            f"{name} is {axis!r}, expected a sequence of numbers, strings or quantities of one unit: give at least one."
        )
    if len(np.unique(values)) < values.size:
        raise ValueError(f"{name} holds a value twice ({axis!r}), expected different ones: leave one out.")
    return values, unit
