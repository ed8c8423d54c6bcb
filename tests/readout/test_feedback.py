"""Whatever else writes the variable that a readout drives, the network is refused, and nothing else is."""

import itertools
import re

import numpy as np
import pytest
from brian2 import BrianObjectException, Clock, Network, NeuronGroup, Synapses, linked_var, ms

import hetbrian as hb

ENCODERS = np.random.default_rng(1).uniform(-0.3, 0.3, (2, 5))


def neurons(extra="", feedback="I_feedback : 1", reset="", name="neurons"):
    group = NeuronGroup(
        5,
        f"dv/dt = (2 + I_feedback + other - v)/(10*ms) : 1\ndr/dt = -r/(20*ms) : 1\n{feedback}\nother : 1\n{extra}",
        threshold="v > 1",
        reset=f"v = 0; r += 1{reset}",
        method="euler",
        clock=Clock(0.1 * ms),
        namespace={"ms": ms},
        name=name,
    )
    return group


def force(group, label="force", feedback="I_feedback", number=0):
    return hb.FORCE(group, "0.1", ENCODERS[number], feedback=feedback, stop=5 * ms, name=label)


def synapses(group, code="I_feedback_post += 0.2", **options):
    found = Synapses(group, group, on_pre=code, clock=group.clock, namespace={}, name="onto_it", **options)
    found.connect("i != j")
    return found


def summed(group):
    found = Synapses(
        group, group, "I_feedback_post = 0.1*r_pre : 1 (summed)", clock=group.clock, namespace={}, name="sums"
    )
    found.connect("i != j")
    return found


def regularly(group, code="I_feedback = 0.1*v"):
    group.run_regularly(code, clock=group.clock, name="mine")
    return group


OTHERS = {
    "a readout called before": (lambda group: force(group, "a", number=1), "a and force|force and a"),
    "a readout called after": (lambda group: force(group, "z", number=1), "z and force|force and z"),
    "synapses": (synapses, "onto_it_pre and force"),
    "summed variable": (summed, "sums_summed_variable_I_feedback_post and force"),
    "run_regularly": (regularly, "mine and force"),
    "run_regularly of a part": (lambda group: regularly(group[1:3]), "mine and force"),
}


@pytest.mark.parametrize(("other", "names"), OTHERS.values(), ids=OTHERS)
def test_two_writers_of_one_variable_are_refused_whatever_their_names(other, names):
    group = neurons()
    network = Network(group, force(group), other(group))
    with pytest.raises(BrianObjectException) as raised:
        network.run(1 * ms, namespace={})
    match = f"({names}) both write I_feedback of neurons, expected one of them, which the other would overwrite: give"
    assert re.match(match, str(raised.value.__cause__))


@pytest.mark.parametrize("part", ["equations", "reset"])
def test_the_group_itself_is_a_writer(part):
    feedback = "dI_feedback/dt = -I_feedback/(5*ms) : 1" if part == "equations" else "I_feedback : 1"
    group = neurons(feedback=feedback, reset="; I_feedback = 0" if part == "reset" else "")
    with pytest.raises(BrianObjectException) as raised:
        Network(group, force(group)).run(1 * ms, namespace={})
    name = "neurons_stateupdater" if part == "equations" else "neurons_spike_resetter"
    assert str(raised.value.__cause__).startswith(f"{name} and force both write I_feedback of neurons, expected one")


@pytest.mark.parametrize("names", list(itertools.permutations("ab")))
def test_two_variables_add_up_in_the_equations(names):
    group = neurons()
    first, second = (
        force(group, name, variable, k) for k, (name, variable) in enumerate(zip(names, VARIABLES, strict=True))
    )
    for readout in (first, second):
        readout.weights = np.ones((1, 5))
    Network(group, first, second).run(20 * ms, namespace={})
    for readout, variable in zip((first, second), VARIABLES, strict=True):
        assert np.allclose(getattr(group, variable)[:], readout.encoder @ readout.z[:], rtol=1e-15)
        assert np.abs(readout.z[:]).max() > 1e-3


VARIABLES = ("I_feedback", "other")


def test_what_is_not_in_the_network_or_not_active_or_only_reads_is_no_writer():
    group = neurons(extra="copy : 1")
    force(group, "a")  # never in a network
    passive = force(group, "b")
    passive.active = False
    for part in passive.contained_objects:
        part.active = False
    reading = synapses(group, "v_post += 0*I_feedback_post  # I_feedback_post = 1")
    Network(group, force(group), passive, reading, regularly(group, "copy = I_feedback")).run(2 * ms, namespace={})
    assert np.array_equal(group.copy[:].shape, (5,))


def test_a_readout_without_its_population_is_refused_as_a_monitor_is():
    for make in (lambda group: force(group), lambda group: hb.RLS(group, "1"), hb.Guard):
        item = make(neurons())
        with pytest.raises(ValueError, match="included in the network but not the object on which it depends"):
            Network(item).run(1 * ms, namespace={})


@pytest.mark.parametrize("index", [None, [4, 3, 2, 1, 0]])
def test_an_activity_that_another_group_has_is_read_or_refused(index):
    source = NeuronGroup(5, "r : 1", clock=Clock(0.1 * ms), namespace={}, name="source")
    source.r = np.arange(5)
    group = NeuronGroup(5, "r : 1 (linked)", clock=source.clock, namespace={}, name="group")
    group.r = linked_var(source, "r") if index is None else linked_var(source, "r", index=index)
    if index is not None:
        with pytest.raises(ValueError, match="group has no variable 'r' of one value a neuron"):
            hb.FORCE(group, "1")
        return
    readout = hb.FORCE(group, "1", stop=0 * ms)
    readout.weights = np.ones((1, 5))
    Network(source, group, readout).run(0.2 * ms, namespace={})
    assert readout.z[:] == 10
