"""Laws of heterogeneity: random draws from an explicit generator, or a deterministic quantile grid.

A law is a value: its parameters are stored as given, and its repr rebuilds it. Parameters may be Brian2
quantities or plain numbers; what comes out has the unit of what went in.
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, ClassVar, final

import numpy as np
from brian2 import units
from brian2.units.fundamentalunits import (
    DIMENSIONLESS,
    Quantity,
    fail_for_dimension_mismatch,
    get_dimensions,
    get_unit,
)

LEAST_PROBABILITY = 1e-6  # a truncation that keeps less than this would reject for minutes
LARGEST_BATCH = 2**20  # draws held in memory at once while rejecting


def exact_repr(value: Any) -> str:
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


def _standardised(x: Any, centre: float, scale: float) -> Any:
    """Return (x - centre)/scale; for scale 0 its limit, with the jump of the CDF included at the centre."""
    distance = x - centre
    return distance / scale if scale > 0 else np.where(distance < 0, -np.inf, np.inf)


class Distribution(ABC):
    """A law of one heterogeneous parameter across the neurons of a population.

    A subclass gives the cumulative distribution function and its inverse on plain floats in SI units.
    """

    _with_unit: ClassVar[tuple[str, ...]]  # the parameters that carry the unit of the law

    def __post_init__(self) -> None:
        owner = type(self).__name__
        for name, value in self._parameters().items():
            if np.ndim(value) != 0 or not np.isfinite(float(value)):
                raise ValueError(f"{owner}: {name} = {value!r}, expected one finite number; give a scalar")
            if name not in self._with_unit:
                message = f"{owner}: {name} = {{value}}, expected a number without unit; divide by its unit"
                fail_for_dimension_mismatch(value, error_message=message, value=value)
        _common_dimensions(owner, {name: getattr(self, name) for name in self._with_unit})

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={exact_repr(value)}" for name, value in self._parameters().items())
        return f"{type(self).__name__}({arguments})"

    @property
    def dimensions(self) -> Any:
        """The Brian2 dimensions of what the law draws."""
        return _common_dimensions(type(self).__name__, {name: getattr(self, name) for name in self._with_unit})

    def draw(self, size: int, rng: np.random.Generator) -> Any:
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
            If `rng` is not a generator, or `size` not an integer.
        ValueError
            If `size` is below 1.
        """
        if not isinstance(rng, np.random.Generator):
            raise TypeError(f"rng = {rng!r}, expected a numpy Generator; give numpy.random.default_rng(seed)")
        return self._in_unit(self._sample(self._checked_size(size), rng))

    def quantiles(self, size: int) -> Any:
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
        TypeError
            If `size` is not an integer.
        ValueError
            If `size` is below 1.
        """
        size = self._checked_size(size)
        return self._in_unit(self._inverse_cdf(np.arange(1, size + 1) / (size + 1)))

    def truncated(self, low: Any, high: Any) -> Truncated:
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
        return Truncated(self, low, high)

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

    @staticmethod
    def _checked_size(size: int) -> int:
        try:
            size = operator.index(size)
        except TypeError:
            raise TypeError(f"size = {size!r}, expected an integer; give the number of neurons") from None
        if size < 1:
            raise ValueError(f"size = {size}, expected at least 1; give the number of neurons")
        return size


@final
@dataclass(frozen=True, repr=False, eq=False)
class Lorentzian(Distribution):
    """Lorentzian (Cauchy) law, x = c + D tan(pi (U - 1/2)); it has neither mean nor variance.

    Its quantile grid is x_j = c + D tan(pi/2 (2j - N - 1)/(N + 1)) [1]_.

    Parameters
    ----------
    centre : Quantity or float
        Median and mode c.
    half_width : Quantity or float
        Half width at half maximum D, not negative; 0 gives every neuron the centre.

    Raises
    ------
    ValueError
        If a parameter is not a finite scalar, or `half_width` is negative.
    DimensionMismatchError
        If the units differ.

    References
    ----------
    .. [1] Montbrió, Pazó & Roxin (2015), doi:10.1103/PhysRevX.5.021028, quantile grid of eta_j.

    Examples
    --------
    >>> from brian2 import pA
    >>> Lorentzian(centre=1000 * pA, half_width=100 * pA).quantiles(3)
    array([0.9, 1. , 1.1]) * namp
    """

    centre: Any
    half_width: Any
    _with_unit = ("centre", "half_width")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("half_width", self.half_width >= 0, "0 or more")

    def _cdf(self, x: Any) -> Any:
        return 0.5 + np.arctan(_standardised(x, float(self.centre), float(self.half_width))) / np.pi

    def _inverse_cdf(self, probability: Any) -> Any:
        return float(self.centre) + float(self.half_width) * np.tan(np.pi * (probability - 0.5))


@final
@dataclass(frozen=True, repr=False, eq=False)
class Gaussian(Distribution):
    """Gaussian (normal) law.

    Parameters
    ----------
    mean : Quantity or float
        Mean.
    standard_deviation : Quantity or float
        Standard deviation, not negative; 0 gives every neuron the mean.

    Raises
    ------
    ValueError
        If a parameter is not a finite scalar, or `standard_deviation` is negative.
    DimensionMismatchError
        If the units differ.

    Examples
    --------
    >>> Gaussian(mean=1.0, standard_deviation=0.5).quantiles(3).round(4).tolist()
    [0.6628, 1.0, 1.3372]
    """

    mean: Any
    standard_deviation: Any
    _with_unit = ("mean", "standard_deviation")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("standard_deviation", self.standard_deviation >= 0, "0 or more")

    def _cdf(self, x: Any) -> Any:
        from scipy.special import ndtr

        return ndtr(_standardised(x, float(self.mean), float(self.standard_deviation)))

    def _inverse_cdf(self, probability: Any) -> Any:
        from scipy.special import ndtri

        return float(self.mean) + float(self.standard_deviation) * ndtri(probability)


@final
@dataclass(frozen=True, repr=False, eq=False)
class Uniform(Distribution):
    """Uniform law between two bounds.

    Parameters
    ----------
    low, high : Quantity or float
        Bounds, low < high.

    Raises
    ------
    ValueError
        If a parameter is not a finite scalar, or `low` is not below `high`.
    DimensionMismatchError
        If the units differ.

    Examples
    --------
    >>> Uniform(low=-1, high=1).quantiles(3).tolist()
    [-0.5, 0.0, 0.5]
    """

    low: Any
    high: Any
    _with_unit = ("low", "high")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("low", self.low < self.high, f"less than high = {exact_repr(self.high)}")

    def _cdf(self, x: Any) -> Any:
        return np.clip((x - float(self.low)) / (float(self.high) - float(self.low)), 0, 1)

    def _inverse_cdf(self, probability: Any) -> Any:
        return float(self.low) + (float(self.high) - float(self.low)) * probability


@final
@dataclass(frozen=True, repr=False, eq=False)
class LogNormal(Distribution):
    """Log-normal law, x = median exp(sigma n) with n standard Gaussian.

    Parameters
    ----------
    median : Quantity or float
        Median, above 0; the mean is median exp(sigma^2/2).
    sigma : float
        Standard deviation of log x, not negative, without unit; 0 gives every neuron the median.

    Raises
    ------
    ValueError
        If a parameter is not a finite scalar, `median` not positive or `sigma` negative.
    DimensionMismatchError
        If `sigma` has a unit.

    Examples
    --------
    >>> LogNormal(median=2.0, sigma=0.5).quantiles(3).round(4).tolist()
    [1.4275, 2.0, 2.8022]
    """

    median: Any
    sigma: Any
    _with_unit = ("median",)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("median", self.median > 0, "more than 0")
        self._require("sigma", self.sigma >= 0, "0 or more")

    def _cdf(self, x: Any) -> Any:
        from scipy.special import ndtr

        with np.errstate(divide="ignore"):  # log 0 = -inf is the lower end of the support
            logarithm = np.log(np.maximum(x, 0) / float(self.median))
        return ndtr(_standardised(logarithm, 0, float(self.sigma)))

    def _inverse_cdf(self, probability: Any) -> Any:
        from scipy.special import ndtri

        return float(self.median) * np.exp(float(self.sigma) * ndtri(probability))


@final
@dataclass(frozen=True, repr=False, eq=False)
class Gamma(Distribution):
    """Gamma law with density proportional to x^(shape - 1) exp(-shape x/mean).

    Parameters
    ----------
    mean : Quantity or float
        Mean, above 0.
    shape : float
        Shape, above 0, without unit; the coefficient of variation is 1/sqrt(shape).

    Raises
    ------
    ValueError
        If a parameter is not a finite scalar, or not positive.
    DimensionMismatchError
        If `shape` has a unit.

    Examples
    --------
    >>> Gamma(mean=2.0, shape=1.0).quantiles(1).round(4).tolist()  # exponential: 2 log 2
    [1.3863]
    """

    mean: Any
    shape: Any
    _with_unit = ("mean",)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("mean", self.mean > 0, "more than 0")
        self._require("shape", self.shape > 0, "more than 0")

    def _cdf(self, x: Any) -> Any:
        from scipy.special import gammainc

        return gammainc(float(self.shape), np.maximum(x, 0) * (float(self.shape) / float(self.mean)))

    def _inverse_cdf(self, probability: Any) -> Any:
        from scipy.special import gammaincinv

        return float(self.mean) / float(self.shape) * gammaincinv(float(self.shape), probability)


@final
@dataclass(frozen=True, repr=False, eq=False)
class Constant(Distribution):
    """One value for every neuron: no heterogeneity.

    Parameters
    ----------
    value : Quantity or float
        The value.

    Raises
    ------
    ValueError
        If `value` is not a finite scalar.

    Examples
    --------
    >>> Constant(value=1.2308).quantiles(2).tolist()
    [1.2308, 1.2308]
    """

    value: Any
    _with_unit = ("value",)

    def _cdf(self, x: Any) -> Any:
        return np.where(x < float(self.value), 0.0, 1.0)

    def _inverse_cdf(self, probability: Any) -> Any:
        return np.full(np.shape(probability), float(self.value))


@final
@dataclass(frozen=True, repr=False, eq=False)
class Truncated(Distribution):
    """A law restricted to low < x <= high: draws by rejection, quantiles through the CDF.

    With F the CDF of the law, the grid is F^-1(F(low) + p (F(high) - F(low))), p = j/(N + 1).

    Parameters
    ----------
    distribution : Distribution
        The law to restrict.
    low, high : Quantity or float
        Bounds in the unit of the law, low < high; they may be infinite.

    Raises
    ------
    TypeError
        If `distribution` is not a `Distribution`.
    ValueError
        If a bound is NaN or no scalar, `low` is not below `high`, or the law has a probability below 1e-6
        between them.
    DimensionMismatchError
        If a bound has another unit than the law.

    Examples
    --------
    >>> Lorentzian(centre=1.0, half_width=0.2).truncated(0, 2).quantiles(3).round(4).tolist()
    [0.836, 1.0, 1.164]
    """

    distribution: Any
    low: Any
    high: Any
    _with_unit = ("low", "high")

    def __post_init__(self) -> None:
        if not isinstance(self.distribution, Distribution):
            given = f"Truncated: distribution = {self.distribution!r}"
            raise TypeError(f"{given}, expected a Distribution; give e.g. Lorentzian(centre, half_width)")
        for name in ("low", "high"):
            bound = getattr(self, name)
            if np.ndim(bound) != 0 or np.isnan(float(bound)):
                raise ValueError(f"Truncated: {name} = {bound!r}, expected one number; give a scalar bound")
            message = f"Truncated: {name} = {{value}}, expected the unit of {self.distribution!r}; convert it"
            fail_for_dimension_mismatch(bound, get_unit(self.distribution.dimensions), message, value=bound)
        self._require("low", float(self.low) < float(self.high), f"less than high = {exact_repr(self.high)}")
        probability = np.subtract(*self._cdf_of_bounds()[::-1])
        if probability < LEAST_PROBABILITY:
            raise ValueError(
                f"Truncated: {self.distribution!r} falls between {exact_repr(self.low)} and "
                f"{exact_repr(self.high)} with probability {probability:.2g}, expected at least "
                f"{LEAST_PROBABILITY}; widen the bounds"
            )

    @property
    def dimensions(self) -> Any:
        """The Brian2 dimensions of what the law draws."""
        return self.distribution.dimensions

    def _cdf_of_bounds(self) -> tuple[float, float]:
        return float(self.distribution._cdf(float(self.low))), float(self.distribution._cdf(float(self.high)))

    def _cdf(self, x: Any) -> Any:
        below, up_to = self._cdf_of_bounds()
        return np.clip((self.distribution._cdf(x) - below) / (up_to - below), 0, 1)

    def _inverse_cdf(self, probability: Any) -> Any:
        below, up_to = self._cdf_of_bounds()
        x = self.distribution._inverse_cdf(below + probability * (up_to - below))
        return np.clip(x, float(self.low), float(self.high))  # rounding may step over a bound

    def _sample(self, size: int, rng: np.random.Generator) -> Any:
        below, up_to = self._cdf_of_bounds()
        accepted = np.empty(0)
        while accepted.size < size:
            missing = (size - accepted.size) / (up_to - below)
            batch = self.distribution._sample(min(int(missing) + 1, LARGEST_BATCH), rng)
            inside = (batch > float(self.low)) & (batch <= float(self.high))
            accepted = np.concatenate([accepted, batch[inside]])
        return accepted[:size]
