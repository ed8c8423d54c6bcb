import doctest

import numpy as np
import pytest
from brian2 import DimensionMismatchError, Network, NeuronGroup, StateMonitor, amp, ms, mV, pA, second

from hetbrian.network import drive
from hetbrian.network.drive import pulses

GIVEN = {"amplitude": 2.0, "starts": [10] * ms, "duration": 20 * ms, "sigma": 1 * ms, "span": 50 * ms}
GIVEN["resolution"] = 0.5 * ms


def test_docstrings():
    result = doctest.testmod(drive)
    assert result.attempted >= 5 and result.failed == 0


def test_pulses_are_rectangles_convolved_with_a_gaussian():
    found = pulses(**{**GIVEN, "starts": [10, 35] * ms, "amplitude": 3 * pA})
    table = found.namespace[found.expression[:-3]]
    fine = (np.arange(-20_000, 70_000) + 0.5) * 1e-6
    shape = ((fine >= 0.010) & (fine < 0.030)) | ((fine >= 0.035) & (fine < 0.055))
    kernel = np.exp(-(np.arange(-6000, 6001) ** 2) / 2 / 1000**2)
    smooth = np.convolve(shape, kernel / kernel.sum(), "same")
    middles = (np.arange(100) + 0.5) * 0.5e-3
    expected = 3e-12 * np.interp(middles, fine, smooth)
    np.testing.assert_allclose(table.values[:-1], expected, atol=3e-12 * 1e-6)  # the sum's step is 1e-3 sigma
    assert table.values[-1] == 0 and table.dim is amp.dim
    assert abs(table.values[:-1].sum() * 0.5e-3 / (3e-12 * (0.020 + 0.015)) - 1) < 1e-6  # second pulse: 15 ms of it


def test_every_neuron_reads_the_table():
    found = pulses(**GIVEN, name="kick")
    group = NeuronGroup(2, f"I = {found.expression} : 1", namespace=found.namespace, dt=0.5 * ms)
    monitor = StateMonitor(group, "I", record=True)
    Network(group, monitor).run(60 * ms)
    assert (monitor.I[0] == monitor.I[1]).all()
    assert (monitor.I[0][:100] == found.namespace["kick"].values[:100]).all()
    assert (monitor.I[0][100:] == 0).all()


def test_size_of_the_table_does_not_depend_on_the_starts():
    sizes = {len(pulses(**{**GIVEN, "starts": [t] * ms}).namespace.popitem()[1].values) for t in (0, 10, 50)}
    assert sizes == {101}


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"amplitude": np.nan}, ValueError, "amplitude is nan, expected one finite number: check its value"),
        ({"amplitude": [1, 2]}, ValueError, "amplitude is .*, expected one finite number"),
        ({"duration": 0 * ms}, ValueError, "duration is 0. s, expected more than 0"),
        ({"sigma": -1 * ms}, ValueError, "sigma is .*, expected more than 0"),
        ({"span": 0 * second}, ValueError, "span is .*, expected more than 0"),
        ({"resolution": 1 * mV}, DimensionMismatchError, "resolution is"),
        ({"starts": [1, 2]}, DimensionMismatchError, "starts is .*, expected a quantity in s: check its unit"),
        ({"starts": [-1] * ms}, ValueError, "starts is .*, expected times from 0 s to span = 50"),
        ({"starts": [51] * ms}, ValueError, "starts is .*, expected times from 0 s to span"),
    ],
)
def test_refuses(changes, error, message):
    with pytest.raises(error, match=message):
        pulses(**{**GIVEN, **changes})
