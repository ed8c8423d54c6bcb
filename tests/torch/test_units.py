import numpy as np
import pytest
from brian2 import Hz, amp, farad, ms, mV, nS, ohm, pA, second, siemens, volt
from brian2.units.fundamentalunits import DIMENSIONLESS

from hetbrian.torch.units import COHERENT, SI, UnitSystem


@pytest.mark.parametrize(
    ("unit", "exponent"), [(volt, -3), (second, -3), (amp, -12), (siemens, -9), (farad, -12), (ohm, 9), (Hz, 3)]
)
def test_derived_units_have_no_factor(unit, exponent):
    """The nS is pA/mV, and so on."""
    assert COHERENT.exponent(unit.dim) == exponent and SI.exponent(unit.dim) == 0
    assert COHERENT.to_si(1.0, unit.dim) == 10.0**exponent


def test_equations_keep_their_form():
    current, conductance, voltage = 120 * pA, 3 * nS, 40 * mV
    assert float(conductance * voltage) == pytest.approx(float(current), rel=1e-15)
    numbers = [COHERENT.from_si(float(value), value.dim) for value in (current, conductance, voltage)]
    assert numbers == pytest.approx([120, 3, 40], rel=1e-15) and numbers[1] * numbers[2] == pytest.approx(numbers[0])


def test_values_are_rounded_once():
    values = np.random.default_rng(0).normal(size=1000) * 1e-12
    back = COHERENT.to_si(COHERENT.from_si(values, amp.dim), amp.dim)
    assert np.abs(back / values - 1).max() <= 2.3e-16
    assert COHERENT.from_si(0.03, volt.dim) == 30.0


def test_roots_and_numbers():
    root = (second**-0.5).dim
    assert COHERENT.from_si(1.0, root) == pytest.approx(10**-1.5, rel=1e-15)
    assert COHERENT.from_si(7.0, DIMENSIONLESS) == 7.0 and COHERENT.exponent(None) == 0
    assert [COHERENT.label(item) for item in (volt.dim, ms.dim, DIMENSIONLESS)] == ["mV", "ms", "1"]


def test_other_systems():
    assert UnitSystem(amp=-9).exponent(siemens.dim) == -6
