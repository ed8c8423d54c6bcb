"""Which activities are linear filters, and how they change in a time step: by hand, and by running Brian2."""

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, TimedArray, ms, prefs

import hetbrian as hb
from hetbrian.readout.linearfilter import filter_states, step_matrix

DT = 0.1 * ms
SYNAPSES = {"single": hb.single_exponential(), "double": hb.double_exponential(), "gating": hb.gating(tau_r=10 * ms)}


def prepared(group, namespace=None):
    prefs.codegen.target = "numpy"
    Network(group).run(0 * ms, namespace=namespace or {})
    return group


def group_of(equations, method="euler", **options):
    return NeuronGroup(2, equations, method=method, dt=DT, name="source", **options)


@pytest.mark.parametrize(
    ("equations", "method", "matrix"),
    [
        ("dr/dt = -r/(20*ms) : 1", "euler", [[1 - 0.1 / 20]]),
        ("dr/dt = -r/(20*ms) : 1", "exact", [[np.exp(-0.1 / 20)]]),
        ("dr/dt = -r/(20*ms) : 1", "rk2", [[1 - 0.1 / 20 + (0.1 / 20) ** 2 / 2]]),
        (
            "dr/dt = -r/(2*ms) + h : 1\ndh/dt = -h/(20*ms) : Hz",
            "euler",
            [[1 - 0.1 / 2, 1e-4], [0, 1 - 0.1 / 20]],
        ),
        ("dr/dt = -r/tau + x : 1\nx = 3*h/tau : Hz\ndh/dt = -h/tau : 1", "euler", [[0.99, 0.03], [0, 0.99]]),
        ("dr/dt = h/tau : 1\ndh/dt = -r/tau : 1", "euler", [[1, 0.01], [-0.01, 1]]),
    ],
)
def test_the_change_of_a_step_is_that_of_the_method(equations, method, matrix):
    group = prepared(group_of(equations, method, namespace={"ms": ms, "tau": 10 * ms}))
    states = filter_states(group, "r")
    assert states == ("r", "h")[: len(matrix)]
    assert step_matrix(group, states, {}) == pytest.approx(np.array(matrix), rel=1e-13)


@pytest.mark.parametrize("method", ["euler", "rk4"])
@pytest.mark.parametrize("kind", SYNAPSES)
def test_the_synapses_of_a_population_are_filters_whose_steps_are_those_of_a_run(kind, method):
    group = hb.population(2, hb.Izhikevich.FORCE, SYNAPSES[kind], method=method) if kind != "gating" else None
    if group is None:
        group = hb.population(2, hb.Izhikevich.CA3, SYNAPSES[kind], method=method)
        gate = hb.AllToAll(group, hb.Izhikevich.CA3)
        network = Network(group, gate)
    else:
        network = Network(group)
    prefs.codegen.target = "numpy"
    states = filter_states(group, "r")
    assert states == (("r", "h_r") if kind == "double" else ("r",))
    old = np.random.default_rng(1).random((len(states), 2))
    for name, values in zip(states, old, strict=True):
        group.variables[name].set_value(values)
    network.run(group.clock.dt, namespace={})
    new = np.array([group.variables[name].get_value() for name in states])
    assert step_matrix(group, states, {}) @ old == pytest.approx(new, rel=1e-14)


@pytest.mark.parametrize(
    "equations",
    [
        "r : 1",
        "r = 2*x : 1\ndx/dt = -x/tau : 1",
        "dr/dt = -r/tau_i : 1\ntau_i : second",
        "dr/dt = -r/tau_i : 1\ntau_i : second (shared)",
        "dr/dt = -r/tau + xi*tau**-0.5 : 1",
        "dr/dt = -r/tau : 1 (unless refractory)",
        "dr/dt = -r*(1 + sin(t/tau))/tau : 1",
        "dr/dt = -r*stimulus(t)/tau : 1",
        "dr/dt = (h - r)/tau : 1\ndh/dt = (g - h)/tau : 1\ndg/dt = -g/tau : 1",
    ],
)
def test_other_activities_are_none(equations):
    assert filter_states(group_of(equations, threshold="r > 1", refractory=1 * ms), "r") == ()


@pytest.mark.parametrize("equations", ["dr/dt = -r**2/tau : 1", "dr/dt = (1 - r)/tau : 1", "dr/dt = -f(r)/tau : 1"])
def test_what_is_not_linear_has_no_matrix(equations):
    namespace = {"tau": 10 * ms, "f": TimedArray([1.0, 2.0], dt=1 * ms)}
    equations = equations.replace("f(r)", "f(r*tau)")
    group = prepared(group_of(equations, namespace=namespace))
    assert filter_states(group, "r") == ("r",)
    assert step_matrix(group, ("r",), {}) is None


def test_random_numbers_of_other_equations_are_not_drawn():
    group = group_of("dr/dt = -r/tau : 1\ndx/dt = -x/tau + xi*tau**-0.5 : 1", namespace={"tau": 10 * ms})
    prepared(group)
    before = str(np.random.get_state())  # noqa: NPY002
    assert step_matrix(group, filter_states(group, "r"), {}) == pytest.approx(0.99)
    assert str(np.random.get_state()) == before  # noqa: NPY002


def test_names_may_come_from_the_run():
    group = prepared(group_of("dr/dt = -r/tau : 1"), {"tau": 10 * ms})
    assert step_matrix(group, ("r",), {"tau": 10 * ms}) == pytest.approx(0.99)
