"""A coherent system of units, in which equations keep their form and only their numbers change."""

from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
from brian2 import Quantity
from brian2.units.fundamentalunits import DIMENSIONLESS, Dimension

from hetbrian._support.arguments import checked, of, optional
from hetbrian._support.checks import numbers, whole

FINEST = 64
"""Largest denominator of a dimension's exponent, e.g. 2 for the square root of a time."""


def _values(value: Any, name: str) -> None:
    """Refuse what is neither a tensor nor numbers."""
    if type(value).__module__.partition(".")[0] != "torch":
        numbers(value, name, may_be_infinite=True)


EXPONENT = partial(whole, least=-30, most=30)
"""What an exponent of ten may be: SI has prefixes from 1e-30 to 1e30."""

DIMENSION = optional(of(Dimension, advice="give the dim of a quantity"))


@checked(
    volt=EXPONENT,
    second=EXPONENT,
    amp=EXPONENT,
    metre=EXPONENT,
    kelvin=EXPONENT,
    mole=EXPONENT,
    candela=EXPONENT,
)
@dataclass(frozen=True)
class UnitSystem:
    r"""
    Hold a coherent system of units, given by powers of ten of volt, second and ampere.

    Coherent means that the unit of a derived quantity is the product of base units, without a
    factor: from mV, ms and pA follow nS = pA/mV, pF = pA ms/mV, GOhm and kHz. An equation that is
    dimensionally consistent then holds for the numbers as it stands. The mass follows from
    V = kg m^2 s^-3 A^-1.

    Parameters
    ----------
    volt, second, amp : int
        Exponents of ten: -3, -3 and -12 are mV, ms and pA.
    metre, kelvin, mole, candela : int
        Exponents of the other base units.

    Examples
    --------
    >>> from brian2 import mV, nS
    >>> print(UnitSystem().from_si(float(-60 * mV), mV.dim), UnitSystem().from_si(float(2.5 * nS / mV), (nS / mV).dim))
    -60.0 2.5
    """

    volt: int = -3
    second: int = -3
    amp: int = -12
    metre: int = 0
    kelvin: int = 0
    mole: int = 0
    candela: int = 0

    @checked(dimension=DIMENSION)
    def exponent(self, dimension: Dimension) -> Fraction:
        """Return the power of ten of the unit of a dimension."""
        if dimension is None or dimension is DIMENSIONLESS:
            return Fraction(0)
        mass = self.volt + 3 * self.second + self.amp - 2 * self.metre
        bases = (self.metre, mass, self.second, self.amp, self.kelvin, self.mole, self.candela)
        powers = (Fraction(power).limit_denominator(FINEST) for power in dimension._dims)
        return sum((power * base for power, base in zip(powers, bases, strict=True)), Fraction(0))

    @checked(values=_values, dimension=DIMENSION)
    def from_si(self, values: Any, dimension: Dimension | None) -> Any:
        """Return values in this system from values in SI, rounded once as powers of ten to 22 are exact."""
        return _times_ten_to(values, -self.exponent(dimension))

    @checked(values=_values, dimension=DIMENSION)
    def to_si(self, values: Any, dimension: Dimension | None) -> Any:
        """Return values in SI from values in this system."""
        return _times_ten_to(values, self.exponent(dimension))

    @checked(dimension=DIMENSION)
    def label(self, dimension: Dimension | None) -> str:
        """Return what the unit of a dimension is called, e.g. ``mV``."""
        if dimension is None or dimension is DIMENSIONLESS:
            return "1"
        return str(Quantity(self.to_si(1.0, dimension), dim=dimension)).removeprefix("1. ")


COHERENT = UnitSystem()
"""mV, ms, pA, and so nS, pF, GOhm, kHz."""

SI = UnitSystem(volt=0, second=0, amp=0)
"""Volt, second, ampere: conductances of 1e-9 and currents of 1e-12 then share one optimiser."""


def _times_ten_to(values, exponent):
    if exponent.denominator != 1:
        return values * 10.0 ** float(exponent)
    whole = int(exponent)
    return values * np.float64(10.0**whole) if whole >= 0 else values / np.float64(10.0**-whole)
