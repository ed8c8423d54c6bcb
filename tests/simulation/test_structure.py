import numpy as np
import pytest
from brian2 import Clock, Network, NeuronGroup, SpikeGeneratorGroup, Synapses, TimedArray, ms, prefs

from hetbrian.published import force_network
from hetbrian.simulation.compiled import Compiled
from hetbrian.simulation.device import activated
from hetbrian.simulation.program import Program


class Told:
    """Something of a user's that generated code might depend on."""

    def __init__(self, what):
        self.what = what


def scaled(factor):
    """Return a function that holds on to a number."""
    return lambda value: factor * value


def small(rng, *, seeded="", other=False):
    """Return two neurons and a synapse; what ``seeded`` names differs if the network is the other one."""
    chosen = {
        "tau": 10 * ms,
        "dt": 0.1 * ms,
        "equations": "dv/dt = (drive(t) - v)/tau : 1",
        "threshold": "v > 1",
        "reset": "v = 0",
        "order": 0,
        "code": "v_post += w",
        "shape": 5,
        "attribute": Told([{"deep": 1}]),
        "array": np.arange(3.0),
        "function": scaled(2),
        "method": "euler",
    }
    others = {
        "tau": 20 * ms,
        "dt": 0.2 * ms,
        "equations": "dv/dt = (drive(t) - 2*v)/tau : 1",
        "threshold": "v > 2",
        "reset": "v = 0.5",
        "order": 1,
        "code": "v_post += 2*w",
        "shape": 6,
        "attribute": Told([{"deep": 2}]),
        "array": np.arange(3.0) + 1e-16 * np.array([0, 2, 0]) * 2,
        "function": scaled(3),
        "method": "rk2",
    }
    if other and seeded:
        chosen[seeded] = others[seeded]
    clock = Clock(chosen["dt"], name="clock")
    drive = TimedArray(rng.standard_normal(chosen["shape"]), dt=1 * ms, name="drive")
    neurons = NeuronGroup(
        3,
        chosen["equations"],
        threshold=chosen["threshold"],
        reset=chosen["reset"],
        method=chosen["method"],
        namespace={"tau": chosen["tau"], "drive": drive, "ms": ms},
        order=chosen["order"],
        clock=clock,
        name="neurons",
    )
    for key in ("attribute", "array", "function"):
        neurons.add_attribute(f"of_user_{key}")
        setattr(neurons, f"of_user_{key}", chosen[key])
    neurons.v = rng.random(3)
    synapses = Synapses(
        neurons, neurons, "w : 1", on_pre=chosen["code"], namespace={}, clock=clock, order=0, name="synapses"
    )
    n_synapses = rng.integers(2, 20)
    synapses.connect(i=rng.integers(0, 3, n_synapses), j=rng.integers(0, 3, n_synapses))
    synapses.w = rng.random(n_synapses)
    return Network(neurons, synapses)


def difference(model, seeds=(1, 2), **parameters):
    """Return what differs between the networks of two seeds; nothing is compiled."""
    program = Program(model, 5 * ms, device="cpp_standalone", record=(), parameters=parameters)
    with activated("cpp_standalone", None) as folder:
        compiled = Compiled("cpp_standalone", seeds[0], program._assembled, program._prepare)
        compiled.folder, compiled._written = folder, {}
        return compiled.draw(seeds[1])


def test_other_numbers_and_other_numbers_of_synapses_are_no_difference():
    assert difference(small) == ""
    assert difference(force_network, n_neurons=40, start=1 * ms, stop=3 * ms) == ""


@pytest.mark.parametrize(
    ("seeded", "found"),
    [
        ("tau", "neurons"),
        ("dt", "guard_neurons"),  # the first of what counts time steps
        ("equations", "neurons"),
        ("threshold", "neurons"),
        ("reset", "neurons"),
        ("order", "neurons"),
        ("code", "synapses"),
        ("shape", "drive"),
        ("attribute", "neurons"),
        ("array", "neurons"),
        ("function", "neurons"),
        ("method", "neurons"),
    ],
)
def test_whatever_the_code_depends_on_is_a_difference_with_the_name_of_what_has_it(seeded, found):
    def model(rng):
        chosen = rng.bit_generator.state["state"]["state"]
        rng = np.random.default_rng(0)
        return small(rng, seeded=seeded, other=chosen == np.random.default_rng(2).bit_generator.state["state"]["state"])

    assert found in difference(model)
    assert difference(model, seeds=(1, 3)) == ""


def test_numbers_that_brian2_reads_while_it_prepares_a_run_are_a_difference():
    """It sorts the spikes of a generator into time steps then, and the program gets the result."""

    def model(rng):
        clock = Clock(0.1 * ms, name="clock")
        times = np.sort(rng.integers(0, 40, 5)) * 0.1 * ms
        source = SpikeGeneratorGroup(5, np.arange(5), times, clock=clock, name="source")
        return Network(source)

    assert difference(model)


def test_a_value_that_cannot_be_told_from_another_is_a_difference():
    def model(rng):
        network = small(np.random.default_rng(0))
        network["neurons"].of_user_attribute = rng
        return network

    assert difference(model) == "neurons"


def test_objects_that_brian2_names_itself_have_the_same_names():
    def model(rng):
        clock = Clock(0.1 * ms)
        return Network(NeuronGroup(2, "v : 1", clock=clock, namespace={}), NeuronGroup(3, "u : 1", clock=clock))

    other = NeuronGroup(1, "v : 1", namespace={}, name="neurongroup")  # of the user, or not collected yet
    assert difference(model) == "" and other.name == "neurongroup"


def test_other_preferences_are_a_difference():
    before, switch = prefs.codegen.loop_invariant_optimisations, iter((True, False))

    def model(rng):
        prefs.codegen.loop_invariant_optimisations = next(switch)
        return small(np.random.default_rng(0))

    try:
        assert difference(model) == "its preferences"
    finally:
        prefs.codegen.loop_invariant_optimisations = before
