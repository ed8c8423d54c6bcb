"""Laws of heterogeneity: random draws from an explicit generator, or a deterministic quantile grid.

A law is a value: its parameters are stored as given, and its repr rebuilds it. Parameters may be Brian2
quantities or plain numbers; what comes out has the unit of what went in.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from brian2 import units
from brian2.units.fundamentalunits import (
    DIMENSIONLESS,
    Quantity,
    fail_for_dimension_mismatch,
    get_dimensions,
    get_unit,
)

from hetbrian._support.arguments import checked
from hetbrian._support.checks import count, generator, is_number, shown

if TYPE_CHECKING:
    import numpy.typing as npt

    from hetbrian.network.fit import Fit
    from hetbrian.network.truncated import Truncated


def exact_repr(value: Quantity | float) -> str:
    """Write a scalar so that evaluating the text gives the same float again.

    Brian2's own repr keeps eight digits.

    Parameters
    ----------
    value : Quantity or float
        The scalar to write.

    Returns
    -------
    str
        A Python expression in Brian2's unit names.

    Examples
    --------
    >>> from brian2 import pA
    >>> exact_repr(200 * pA), exact_repr(1 / 3 * pA), exact_repr(0.12)
    ('200.0 * pamp', '0.3333333333333333 * pamp', '0.12')
    """
    if not isinstance(value, Quantity):
        return repr(value.item()) if isinstance(value, np.generic) else repr(value)
    unit = value.get_best_unit()
    if repr(unit) in vars(units):  # 1e-24 A would be one yamp, which Brian2 does not export
        number = float(value / unit)
        for candidate in (float(f"{number:.12g}"), number):
            if float(candidate * unit) == float(value):
                return f"{candidate!r} * {unit!r}"
    return f"{float(value)!r} * {get_unit(value.dim)!r}"


def _common_dimensions(owner: str, values: dict[str, Any]) -> Any:
    """Return the dimensions that all values share; a plain 0 goes with any unit, as elsewhere in Brian2."""
    dimensions = next((d for v in values.values() if (d := get_dimensions(v)) is not DIMENSIONLESS), DIMENSIONLESS)
    for name, value in values.items():
        message = f"{owner}: {name} = {{value}}, expected the unit of the other arguments; give all in one unit"
        fail_for_dimension_mismatch(value, get_unit(dimensions), message, value=value)
    return dimensions


class Distribution(ABC):
    """A law of one heterogeneous parameter across the neurons of a population.

    A subclass gives the cumulative distribution function and its inverse on plain floats in SI units.
    """

    _with_unit: ClassVar[tuple[str, ...]]  # the parameters that carry the unit of the law
    _positive: ClassVar[tuple[str, ...]] = ()
    _not_negative: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        owner = type(self).__name__
        for name, value in self._parameters().items():
            if not is_number(value) or not np.isfinite(float(value)):
                raise ValueError(f"{owner}: {name} = {shown(value)}, expected one finite number; give a scalar")
            if name not in self._with_unit:
                message = f"{owner}: {name} = {{value}}, expected a number without unit; divide by its unit"
                fail_for_dimension_mismatch(value, error_message=message, value=value)
        _common_dimensions(owner, {name: getattr(self, name) for name in self._with_unit})
        for name in self._positive:
            self._require(name, getattr(self, name) > 0, "more than 0")
        for name in self._not_negative:
            self._require(name, getattr(self, name) >= 0, "0 or more")

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={exact_repr(value)}" for name, value in self._parameters().items())
        return f"{type(self).__name__}({arguments})"

    @property
    def dimensions(self) -> Any:
        """The Brian2 dimensions of what the law draws."""
        return _common_dimensions(type(self).__name__, {name: getattr(self, name) for name in self._with_unit})

    @checked(
        size=count,
        rng=generator,
    )
    def draw(self, size: int, rng: np.random.Generator) -> Quantity | np.ndarray:
        """Draw independent values, x = F^-1(U) with U uniform on (0, 1).

        Parameters
        ----------
        size : int
            How many values.
        rng : numpy.random.Generator
            The generator that the draws advance.

        Returns
        -------
        Quantity or ndarray, shape (size,)
            The values, in the unit of the law.

        Raises
        ------
        TypeError
            If `rng` is not a generator.
        ValueError
            If `size` is no integer of at least 1.
        """
        return self._in_unit(self._sample(size, rng))

    @checked(
        size=count,
    )
    def quantiles(self, size: int) -> Quantity | np.ndarray:
        """Return the deterministic grid x_j = F^-1(j/(N + 1)), j = 1 ... N.

        Not for statistics that assume independent neurons: the grid is sorted.

        Parameters
        ----------
        size : int
            The number N of values.

        Returns
        -------
        Quantity or ndarray, shape (size,)
            The values in ascending order, in the unit of the law.

        Raises
        ------
        ValueError
            If `size` is no integer of at least 1.
        """
        return self._in_unit(self._inverse_cdf(np.arange(1, size + 1) / (size + 1)))

    def truncated(self, low: Quantity | float, high: Quantity | float) -> Truncated:
        """Return the law restricted to low < x <= high; see `Truncated`.

        Parameters
        ----------
        low, high : Quantity or float
            Bounds in the unit of the law.

        Returns
        -------
        Truncated
            The restricted law.
        """
        from hetbrian.network.truncated import Truncated

        return Truncated(self, low, high)

    @classmethod
    def fit(cls, values: npt.ArrayLike | Quantity) -> tuple[Fit, ...]:
        """Fit laws to measured values by maximum likelihood, and rank them by Akaike's information criterion.

        ``Distribution.fit`` tries `Lorentzian`, `Gaussian`, `Uniform`, `LogNormal` and `Gamma` (the last two if all
        values are positive), ``Gamma.fit`` that one only. Whether the best one describes the values well is another
        question, which the distance of each `Fit` answers. For the values themselves take `Empirical`.

        Parameters
        ----------
        values : Quantity or array_like, shape (n,)
            Measured values, in any unit.

        Returns
        -------
        tuple of Fit
            The best law first, in the unit of the values.

        Raises
        ------
        ValueError
            If there are fewer than three values, one is not finite, all are equal, or none of the laws can describe
            them.

        Examples
        --------
        >>> from hetbrian.network import Distribution, LogNormal
        >>> best = Distribution.fit(LogNormal(median=2.0, sigma=0.5).draw(1000, np.random.default_rng(1)))[0]
        >>> type(best.distribution).__name__, round(best.distribution.median, 1)
        ('LogNormal', 2.0)
        """
        from hetbrian.network.fit import fit

        return fit(values, cls)

    @abstractmethod
    def _cdf(self, x: Any) -> Any: ...

    @abstractmethod
    def _inverse_cdf(self, probability: Any) -> Any: ...

    def _sample(self, size: int, rng: np.random.Generator) -> Any:
        uniform = np.maximum(rng.random(size), 2.0**-54)  # numpy's U may be 0, where F^-1 is infinite
        return self._inverse_cdf(uniform)

    def _parameters(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]

    def _require(self, name: str, fulfilled: Any, expected: str) -> None:
        if not fulfilled:
            given = f"{type(self).__name__}: {name} = {exact_repr(getattr(self, name))}"
            raise ValueError(f"{given}, expected {expected}; change {name}")

    def _in_unit(self, x: Any) -> Any:
        x = np.asarray(x, dtype=float)
        return x if self.dimensions is DIMENSIONLESS else Quantity.with_dimensions(x, self.dimensions)
