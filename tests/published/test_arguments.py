"""Published networks refuse what they are not made of by the name of the argument; 0 needs no unit."""

import numpy as np
import pytest
from brian2 import DimensionMismatchError, Network, mV, nA, pA

from hetbrian.published import ca3_network, force_network, force_values, reservoir

GAINS = {"recurrent_gain": 1 * nA, "feedback_gain": 1 * nA, "built_gain": 1 * nA}
CALLS = {
    ca3_network: {},
    force_network: {},
    force_values: GAINS,
    reservoir: {"onsets": [1.0], "trial_length": 30.0},
}


def called(function, **changes):
    return function(np.random.default_rng(1), **{"n_neurons": 5, **CALLS[function], **changes})


@pytest.mark.parametrize(
    ("function", "changes", "error", "message"),
    [
        (force_network, {"target": print}, TypeError, "target returned None, expected a Target: let the function"),
        (force_network, {"drive": print}, TypeError, "drive returned None, expected a Drive: let the function return"),
        (force_network, {"start": -1 * pA}, DimensionMismatchError, "start is -1. pA, expected a quantity in s"),
        (force_network, {"theta": [1, 2]}, ValueError, r"theta is \[1, 2\], expected one finite number"),
        (force_network, {"eta": 1 * mV}, DimensionMismatchError, "eta is 1. mV, expected a quantity in A"),
        (force_network, {"probability": 2}, ValueError, "probability is 2, expected 0 < p <= 1"),
        (force_network, {"initial_P": "no"}, TypeError, "initial_P is no, expected a finite number above 0|initial_P"),
        (force_network, {"dtype": "int"}, ValueError, "dtype = 'int', expected 'float64' or 'float32'"),
        (force_network, {"eta_half_width": ""}, TypeError, "eta_half_width is '', expected one finite number"),
        (
            force_network,
            {"recurrent_gain": 0 * pA, "g_half_width": 1 * pA},
            ValueError,
            "g_half_width is 1. pA and recurrent_gain 0, expected a gain that can differ: leave one out",
        ),
        (force_values, {"built_gain": 0}, ValueError, "built_gain is 0, expected more than 0"),
        (
            force_values,
            {"etta": 1},
            ValueError,
            "an argument of force_values is 'etta', expected .*: did you mean 'eta'",
        ),
        (force_values, {"theta_half_width": None}, TypeError, "theta_half_width is None, expected one number: give 0"),
        (
            ca3_network,
            {"adaptation": np.ones(3)},
            ValueError,
            r"adaptation is array\(.*\), expected own, shared: choose",
        ),
        (ca3_network, {"reset": np.ones((9, 9))}, ValueError, "reset is array.*, expected one of residual, .*: choose"),
        (reservoir, {"eta": None}, TypeError, "eta is None, expected one finite number"),
        (reservoir, {"trial_length": 1e9}, ValueError, "trial_length over dt, makes 1e.12 values, expected at most"),
    ],
)
def test_what_a_network_is_not_made_of_is_refused_by_name(function, changes, error, message):
    with pytest.raises(error, match=message) as raised:
        called(function, **changes)
    assert "\n" not in str(raised.value)


def test_nothing_has_any_unit():
    plain = called(force_network, recurrent_gain=0, feedback_gain=0, start=0, eta_half_width=0, g_half_width=0)
    right = called(force_network, recurrent_gain=0 * pA, feedback_gain=0 * pA)
    assert isinstance(plain, Network)
    for network in (plain, right):
        assert not network["recurrent"].omega_[:].any() and not np.any(network["force"].encoder / pA)
    assert plain["force"].start[:] == 0
    assert not np.any(called(force_values, feedback_gain=0)["force.encoder"] / pA)


def test_the_sign_of_a_gain_leaves_the_width_of_its_rows():
    """g_i = G_i/G with G_i ~ Lorentzian(G, D) has the half width D/|G|."""
    plus, minus = (called(force_network, recurrent_gain=gain * pA, g_half_width=100 * pA) for gain in (1000, -1000))
    assert np.array_equal(plus["neurons"].g[:], minus["neurons"].g[:]) and np.ptp(plus["neurons"].g[:]) > 0
