"""Which law describes measured values: maximum likelihood and Akaike's information criterion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from brian2 import Quantity
from brian2.units.fundamentalunits import DIMENSIONLESS, get_dimensions, get_unit

from hetbrian.network.distribution import Distribution
from hetbrian.network.empirical import checked_sample
from hetbrian.network.laws import Gamma, Gaussian, LogNormal, Lorentzian, Uniform

FAMILIES: dict[type[Any], tuple[str, Callable[..., tuple[float, float]]]] = {
    Lorentzian: ("cauchy", lambda centre, half_width: (centre, half_width)),
    Gaussian: ("norm", lambda mean, deviation: (mean, deviation)),
    Uniform: ("uniform", lambda low, length: (low, low + length)),
    LogNormal: ("lognorm", lambda sigma, _, median: (median, sigma)),
    Gamma: ("gamma", lambda shape, _, scale: (shape * scale, shape)),
}
"""Of each law its name in scipy.stats, and our two parameters from scipy's."""

POSITIVE = (LogNormal, Gamma)
"""Laws of positive values; scipy would shift them."""


@dataclass(frozen=True)
class Fit:
    """
    A law fitted to measured values, see `Distribution.fit`.

    Parameters
    ----------
    distribution : Distribution
        The law with the largest likelihood of its kind.
    log_likelihood : float
        Logarithm of the likelihood of the values in SI units.
    aic : float
        Akaike's information criterion, 2 parameters - 2 log L, of which only differences between laws mean anything:
        a law that is 10 above another has almost no support beside it.
    distance : float
        Largest distance between the law's cumulative distribution and that of the values (Kolmogorov-Smirnov).

    References
    ----------
    Burnham & Anderson 2002, doi 10.1007/b97636, section 2.6.
    """

    distribution: Distribution
    log_likelihood: float
    aic: float
    distance: float


def fit(values: npt.ArrayLike | Quantity, kind: type[Distribution] = Distribution) -> tuple[Fit, ...]:
    """Return the laws of a kind that can describe the values, the best first; see `Distribution.fit`."""
    from scipy import stats

    sample = checked_sample("values", values, least=3)
    if np.ptp(sample) == 0:
        raise ValueError(f"values are all {sample[0]:g}, expected values that differ: take Constant for one value.")
    families = [law for law in FAMILIES if issubclass(law, kind)]
    if not families:
        known = ", ".join(law.__name__ for law in FAMILIES)
        raise ValueError(f"{kind.__name__} has no fit, expected one of {known}: call Distribution.fit(values).")
    if sample.min() <= 0:
        families = [law for law in families if law not in POSITIVE]
        if not families:
            raise ValueError(
                f"values start at {sample.min():g}, expected positive ones for {kind.__name__}: call "
                "Distribution.fit(values), which tries laws of either sign."
            )
    dimensions = get_dimensions(values)
    scale = float(np.median(np.abs(sample)) or np.ptp(sample))  # scipy's optimiser stops at absolute distances
    unit = scale if dimensions is DIMENSIONLESS else scale * get_unit(dimensions)
    fits = []
    for law in families:
        name_in_scipy, ours = FAMILIES[law]
        family = getattr(stats, name_in_scipy)
        found = family.fit(sample / scale, **({"floc": 0} if law in POSITIVE else {}))
        scipys = family(*found)
        names = [item.name for item in fields(law)]  # type: ignore[arg-type]
        numbers = list(zip(names, map(float, ours(*found)), strict=True))
        if not np.isfinite([number * scale for _, number in numbers]).all():
            raise ValueError(f"values reach {np.abs(sample).max():g}, expected squares that are finite: scale them.")
        parameters = {name: number * (unit if name in law._with_unit else 1) for name, number in numbers}
        log_likelihood = float(scipys.logpdf(sample / scale).sum() - sample.size * np.log(scale))
        distance = float(stats.kstest(sample / scale, scipys.cdf).statistic)
        fits.append(Fit(law(**parameters), log_likelihood, 2 * len(parameters) - 2 * log_likelihood, distance))
    return tuple(sorted(fits, key=lambda one: one.aic))
