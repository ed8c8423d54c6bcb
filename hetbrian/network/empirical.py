"""The law of measured values."""

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import numpy.typing as npt
from brian2 import Quantity
from brian2.units.fundamentalunits import DIMENSIONLESS, get_unit

from hetbrian._support.arguments import checked
from hetbrian._support.checks import flag, numbers
from hetbrian.network.distribution import Distribution


@checked(
    interpolate=flag,
)
@final
@dataclass(frozen=True, repr=False, eq=False)
class Empirical(Distribution):
    """The law of a sample of measured values.

    With F the share of the sample that is at most x, x = F^-1(U) is one of the measured values, each as likely as the
    other: draws are a bootstrap of the sample. With ``interpolate`` F is linear between the sorted values, so that
    neurons differ even if there are more of them than cells were measured.

    Not for the tails: nothing is drawn beyond the smallest and the largest measured value. For a law with tails see
    `Distribution.fit`.

    Parameters
    ----------
    values : Quantity or array_like, shape (n_cells,)
        Measured values, in any order and unit.
    interpolate : bool
        Whether values between the measured ones occur.

    Raises
    ------
    ValueError
        If there is no value, or one is not finite.

    Examples
    --------
    >>> Empirical([40.0, 10.0, 20.0]).quantiles(5).tolist()
    [10.0, 10.0, 20.0, 20.0, 40.0]
    >>> Empirical([40.0, 10.0, 20.0], interpolate=True).quantiles(3).tolist()
    [15.0, 20.0, 30.0]
    """

    values: npt.ArrayLike | Quantity
    interpolate: bool = False
    _with_unit = ("values",)
    _sorted: ClassVar[np.ndarray]

    def __post_init__(self) -> None:
        # a copy: the law stays what it is when the caller's array changes
        object.__setattr__(self, "_sorted", np.sort(checked_sample("Empirical: values", self.values)))

    def __repr__(self) -> str:
        numbers = np.asarray(self.values, dtype=float).tolist()
        unit = "" if self.dimensions is DIMENSIONLESS else f" * {get_unit(self.dimensions)!r}"
        return f"Empirical(values={numbers}{unit}, interpolate={self.interpolate})"

    def _cdf(self, x: Any) -> Any:
        if self.interpolate:
            return np.interp(x, self._sorted, np.linspace(0, 1, self._sorted.size))
        return np.searchsorted(self._sorted, x, side="right") / self._sorted.size

    def _inverse_cdf(self, probability: Any) -> Any:
        return np.quantile(self._sorted, probability, method="linear" if self.interpolate else "inverted_cdf")


def checked_sample(name: str, values: npt.ArrayLike | Quantity, least: int = 1) -> np.ndarray:
    """Return measured values as plain floats in SI units, shape (n,); refuse what is no sample of `least` of them."""
    plain = numbers(values, name, any_unit=True, may_be_infinite=True).copy()
    if plain.ndim != 1 or plain.size < least:
        raise ValueError(
            f"{name} has shape {plain.shape}, expected at least {least} measured values in one dimension: "
            "give one value for each cell."
        )
    bad = np.flatnonzero(~np.isfinite(plain))
    if bad.size:
        raise ValueError(f"{name}[{bad[0]}] is {plain[bad[0]]}, expected finite numbers: leave such cells out.")
    return plain
