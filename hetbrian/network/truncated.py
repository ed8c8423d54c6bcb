"""A law between two bounds."""

from dataclasses import dataclass
from textwrap import shorten
from typing import Any, final

import numpy as np
from brian2 import Quantity
from brian2.units.fundamentalunits import fail_for_dimension_mismatch, get_unit

from hetbrian._support.arguments import checked, of
from hetbrian._support.checks import is_number, shown
from hetbrian.network.distribution import Distribution, exact_repr

LEAST_PROBABILITY = 1e-6  # a truncation that keeps less than this would reject for minutes
LARGEST_BATCH = 2**20  # draws held in memory at once while rejecting


@checked(
    distribution=of(Distribution, advice="give e.g. Lorentzian(centre, half_width)"),
)
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
    >>> from hetbrian.network import Lorentzian
    >>> Lorentzian(centre=1.0, half_width=0.2).truncated(0, 2).quantiles(3).round(4).tolist()
    [0.836, 1.0, 1.164]
    """

    distribution: Distribution
    low: Quantity | float
    high: Quantity | float
    _with_unit = ("low", "high")

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            bound = getattr(self, name)
            if not is_number(bound) or np.isnan(float(bound)):
                raise ValueError(f"Truncated: {name} = {shown(bound)}, expected one number; give a scalar bound")
            message = f"Truncated: {name} = {{value}}, expected the unit of {self._given}; convert it"
            fail_for_dimension_mismatch(bound, get_unit(self.distribution.dimensions), message, value=bound)
        self._require("low", float(self.low) < float(self.high), f"less than high = {exact_repr(self.high)}")
        probability = np.subtract(*self._cdf_of_bounds()[::-1])
        if probability < LEAST_PROBABILITY:
            raise ValueError(
                f"Truncated: {self._given} falls between low = {exact_repr(self.low)} and "
                f"high = {exact_repr(self.high)} with probability {probability:.2g}, expected at least "
                f"{LEAST_PROBABILITY}; widen the bounds"
            )

    @property
    def _given(self) -> str:
        return shorten(repr(self.distribution), 100, placeholder=" ...")

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
