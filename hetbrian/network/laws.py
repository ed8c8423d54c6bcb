"""Laws in closed form: Lorentzian, Gaussian, uniform, log-normal, gamma, and one value for all."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from brian2 import Quantity

from hetbrian.network.distribution import Distribution, exact_repr


def _standardised(x: Any, centre: float, scale: float) -> Any:
    """Return (x - centre)/scale; for scale 0 its limit, with the jump of the CDF included at the centre."""
    distance = x - centre
    return distance / scale if scale > 0 else np.where(distance < 0, -np.inf, np.inf)


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

    centre: Quantity | float
    half_width: Quantity | float
    _with_unit = ("centre", "half_width")
    _not_negative = ("half_width",)

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

    mean: Quantity | float
    standard_deviation: Quantity | float
    _with_unit = ("mean", "standard_deviation")
    _not_negative = ("standard_deviation",)

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

    low: Quantity | float
    high: Quantity | float
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

    median: Quantity | float
    sigma: float
    _with_unit = ("median",)
    _positive = ("median",)
    _not_negative = ("sigma",)

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

    mean: Quantity | float
    shape: float
    _with_unit = ("mean",)
    _positive = ("mean", "shape")

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

    value: Quantity | float
    _with_unit = ("value",)

    def _cdf(self, x: Any) -> Any:
        return np.where(x < float(self.value), 0.0, 1.0)

    def _inverse_cdf(self, probability: Any) -> Any:
        return np.full(np.shape(probability), float(self.value))
