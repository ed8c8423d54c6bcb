"""Synapses that change, or have other values than one a synapse, are refused; names of weights are the user's."""

import pytest
from brian2 import NeuronGroup, Synapses, TimedArray, ms

from hetbrian._support.optional import torch
from hetbrian.torch.comparison import compare
from hetbrian.torch.export import to_torch
from hetbrian.torch.limits import ExportError


def pair(model="w : 1", on_pre="v_post += w", namespace=None, name="links", **options):
    """Return four neurons and synapses between them, of which some have several of one target."""
    equations = "dv/dt = (1.5 - v)/(5*ms) : 1"
    neurons = NeuronGroup(4, equations, threshold="v > 1", reset="v = 0", method="euler", namespace={"ms": ms})
    neurons.v = [0, 0.3, 0.6, 0.9]
    synapses = Synapses(neurons, neurons, model, on_pre=on_pre, namespace=namespace or {}, name=name, **options)
    synapses.connect(i=[0, 0, 1, 3], j=[1, 2, 3, 0])
    if "w" in synapses.equations:
        synapses.w = 0.05
    return neurons, synapses


def regularly(**options):
    neurons, synapses = pair()
    synapses.run_regularly("w = 0.9*w", **options)
    return neurons, synapses


CHANGING = {
    "regular": (lambda: regularly(), "links holds 'links_run_regularly', which changes its weights, expected weights"),
    "slow": (lambda: regularly(dt=1 * ms), "links holds 'links_run_regularly', which changes its weights"),
    "over dt": (
        lambda: pair("w : 1\nx = 2*w : 1 (constant over dt)", "v_post += x"),
        "links holds 'links_subexpression_update', which changes its weights",
    ),
    "event-driven": (
        lambda: pair("w : 1\ndx/dt = -x/(5*ms) : 1 (event-driven)", "v_post += w*x", {"ms": ms}),
        "links has synaptic differential equations, expected weights",
    ),
    "clock-driven": (
        lambda: pair("w : 1\ndx/dt = -x/(5*ms) : 1 (clock-driven)", "v_post += w*x", {"ms": ms}, method="euler"),
        "links has synaptic differential equations, expected weights",
    ),
    "delay": (
        lambda: pair(on_pre="v_post += w*delay/ms", namespace={"ms": ms}),
        "on_pre of links uses 'delay', expected v",
    ),
    "time": (lambda: pair(on_pre="v_post += w*int(t > 1*ms)", namespace={"ms": ms}), "links uses 't' of defaultclock"),
}


@pytest.mark.parametrize("case", CHANGING)
def test_weights_that_change_are_refused(case):
    """Some were exported with the value that they had before the run."""
    build, message = CHANGING[case]
    neurons, synapses = build()
    with pytest.raises(ExportError, match=message):
        to_torch(neurons, synapses, namespace={})


def test_what_is_switched_off_does_not_change_weights():
    neurons, synapses = regularly()
    synapses.contained_objects[-1].active = False
    found = compare(neurons, to_torch(neurons, synapses, dtype=torch.float64, namespace={}), 20 * ms, [synapses])
    assert found.first_difference is None and found.variables["v"].relative < 1e-12


@pytest.mark.parametrize("name", ["N_incoming", "N_outgoing"])
def test_values_of_one_a_neuron_are_refused(name):
    """With as many synapses as neurons they passed for weights of the synapses."""
    neurons, synapses = pair(on_pre=f"v_post += w/{name}")
    with pytest.raises(ExportError, match=f"links uses '{name}', one value a neuron, expected variables of the syn"):
        to_torch(neurons, synapses, namespace={})


def test_timed_arrays_are_refused():
    array = TimedArray([0.1, 0.2], dt=1 * ms)
    neurons, synapses = pair(on_pre="v_post += w*array(0*ms)", namespace={"array": array, "ms": ms})
    with pytest.raises(ExportError, match="links uses the TimedArray 'array', expected variables of the synapses"):
        to_torch(neurons, synapses, namespace={})


@pytest.mark.parametrize("name", ["float", "ops", "values", "repr"])
def test_constants_have_any_name(name):
    neurons, synapses = pair("", f"v_post += {name}*scale", {name: 0.1, "scale": 0.5})
    module = to_torch(neurons, synapses, dtype=torch.float64, namespace={})
    found = compare(neurons, module, 20 * ms, [synapses])
    assert found.first_difference is None and found.n_spikes and found.variables["v"].relative < 1e-12


@pytest.mark.parametrize("name", ["keys", "training", "forward"])
def test_names_of_a_dictionary_of_modules_are_refused(name):
    neurons, synapses = pair(name=name)
    with pytest.raises(ExportError, match=f"'{name}' is a name that torch modules need, expected another"):
        to_torch(neurons, synapses, namespace={})
