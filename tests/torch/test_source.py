"""Thresholds, indices and types of every kind that Brian2 has."""

import numpy as np
import pytest
from brian2 import NeuronGroup, TimedArray, ms

from hetbrian._support.optional import torch
from hetbrian.torch.comparison import compare
from hetbrian.torch.export import to_torch
from hetbrian.torch.fused.cell import fuse
from hetbrian.torch.limits import ExportError

ROUNDING = {torch.float64: 1e-12, torch.float32: 1e-5}
"""50 operations a step for 200 steps of neurons that forget, without chaos."""

COLUMNS = TimedArray(np.random.default_rng(1).uniform(0, 1, (20, 4)), dt=0.3 * ms, name="columns")


def group(equations="", drive="1.5", **options):
    equations = f"dv/dt = ({drive} - v)/(5*ms) : 1\n{equations}"
    options = {"threshold": "v > 1", "reset": "v = 0.3*v", "method": "euler"} | options
    neurons = NeuronGroup(4, equations, namespace={"ms": ms, "columns": COLUMNS}, **options)
    neurons.v = [0, 0.3, 0.6, 0.9]
    for name, values in {"flag": [True, False, True, False], "k": [3, 1, 1, 0], "a": [0, 0.4, 0.6, 1]}.items():
        if name in neurons.equations:
            setattr(neurons, name, values)
    return neurons


THRESHOLDS = {
    "time": ("t % (3*ms) < 0.1*ms", {}),
    "time of each neuron": ("t >= (2 + i)*ms", {"refractory": 2 * ms}),
    "array": ("columns(t, i) > 0.5", {}),
    "parameter": ("a > 0.5", {}),
    "truth value": ("flag", {}),
    "no truth value": ("not flag", {"reset": "flag = True; v = 0"}),
    "always": ("True", {"refractory": 1 * ms}),
    "mixed": ("(flag or v > 1) and t > 2*ms", {}),
}


@pytest.mark.parametrize("dtype", ROUNDING)
@pytest.mark.parametrize("case", THRESHOLDS)
def test_thresholds_need_no_state(case, dtype):
    """What hangs on time and parameters alone has no surrogate; some of it was a raw error."""
    threshold, options = THRESHOLDS[case]
    neurons = group("flag : boolean\na : 1", threshold=threshold, **options)
    found = compare(neurons, to_torch(neurons, dtype=dtype, namespace={}), 20 * ms)
    assert found.first_difference is None and found.n_spikes
    assert found.variables["v"].relative < ROUNDING[dtype]


@pytest.mark.parametrize("index", ["2", "i", "(i + 1) % N", "k"])
def test_columns_of_an_array_have_any_index(index):
    neurons = group("k : integer", drive=f"1.5 + columns(t, {index})")
    module = to_torch(neurons, dtype=torch.float64, namespace={})
    found = compare(neurons, module, 20 * ms)
    assert found.first_difference is None and found.variables["v"].relative < ROUNDING[torch.float64]
    plain, fast = module(200, 1), fuse(module)(200, 1)
    assert torch.equal(plain.spikes, fast.spikes)
    assert float((plain.state["v"] - fast.state["v"]).abs().max()) < 1e-12


@pytest.mark.parametrize("drive", ["1.5 - flag", "1.5 + int(k and v > 0.5)"])
def test_types_that_brian2_refuses_are_refused(drive):
    neurons = group("flag : boolean\nk : integer", drive=drive)
    with pytest.raises(ExportError, match=r"Brian2 refuses .*boolean.*expected units and types that fit: corr"):
        to_torch(neurons, namespace={})


@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")  # of Brian2, which compares with 1e50
@pytest.mark.parametrize("dtype", [np.float32, {"u": np.float32}])
def test_variables_in_float32_are_refused_in_float64(dtype):
    """Brian2 rounds them in each step."""
    neurons = group("du/dt = (0.3 - u)/(3*ms) : 1", drive="1.5 + u", dtype=dtype)
    with pytest.raises(ExportError, match=r"'[uv]' of .* is kept in float32, expected float64, in which the module"):
        to_torch(neurons, dtype=torch.float64, namespace={})
    found = compare(neurons, to_torch(neurons, namespace={}), 20 * ms)
    assert found.first_difference is None and found.variables["u"].relative < ROUNDING[torch.float32]
