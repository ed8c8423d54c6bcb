import numpy as np
import pytest
from brian2 import (
    Clock,
    Network,
    NeuronGroup,
    PoissonGroup,
    SpikeMonitor,
    Synapses,
    TimedArray,
    ms,
    mV,
    nS,
    pA,
    pF,
    second,
)

import hetbrian as hb
from hetbrian.network.nirexport import to_nir
from hetbrian.network.nirimport import from_nir

nir = pytest.importorskip("nir", reason="needs the extra nir")
from tests.network.test_nirimport import DT, EDGES, given, nodes, play  # noqa: E402  # needs it too


def test_a_graph_that_was_read_and_written_is_the_same_network(tmp_path):
    rng = np.random.default_rng(2)
    part, spikes = nodes(rng), given(rng)
    nir.write(tmp_path / "one.nir", nir.NIRGraph(part, EDGES))
    network = from_nir(nir.read(tmp_path / "one.nir"), DT)
    graph = to_nir(network)
    nir.write(tmp_path / "two.nir", graph)
    again = from_nir(nir.read(tmp_path / "two.nir"), DT)
    assert {type(node).__name__ for node in graph.nodes.values()} == {
        "Input", "Affine", "Linear", "CubaLIF", "Delay", "LIF", "LI", "Output"
    }  # fmt: skip
    for name in ("tau_syn", "tau_mem", "r", "v_leak", "v_threshold", "v_reset"):
        assert getattr(graph.nodes["cuba"], name) == pytest.approx(getattr(part["cuba"], name), rel=1e-12), name
    for name in ("tau", "r", "v_threshold", "v_reset"):
        assert getattr(graph.nodes["lif"], name) == pytest.approx(getattr(part["lif"], name), rel=1e-12), name
    at_rest = part["lif"].v_leak + part["lif"].r * part["w_out"].bias
    assert graph.nodes["lif"].v_leak == pytest.approx(at_rest, rel=1e-12)
    assert graph.nodes["cuba_to_lif"].weight == pytest.approx(part["w_out"].weight, rel=1e-12)
    of_input = graph.nodes["input_to_cuba"]  # weight and gain are a product, whose bias is a third factor
    assert graph.nodes["cuba"].w_in[:, None] * of_input.weight == pytest.approx(
        part["cuba"].w_in[:, None] * part["w_in"].weight, rel=1e-12
    )
    (bias,) = (node.bias for name, node in graph.nodes.items() if name.endswith("to_cuba") and hasattr(node, "bias"))
    assert graph.nodes["cuba"].w_in * bias == pytest.approx(part["cuba"].w_in * part["w_in"].bias, rel=1e-12)
    one, two = (play(item, spikes, ("cuba", "lif")) for item in (network, again))
    assert all(np.array_equal(a, b) and a.any() for a, b in zip(one, two, strict=True))


def test_equations_of_ones_own_are_recognised_whatever_they_look_like():
    clock = Clock(0.1 * ms)
    values = {"g_L": 10 * nS, "E_L": -70 * mV, "tau_s": 5 * ms, "above": 20 * mV}
    neurons = NeuronGroup(
        3,
        """
        dV/dt = leak/C + (I_s + I_0)/C : volt
        leak = g_L*(E_L - V) : amp
        limit = E_L + above : volt
        dI_s/dt = -I_s/tau_s : amp
        C : farad
        I_0 : amp (constant)
        """,
        threshold="V > limit",
        reset="V = E_L - 5*mV",
        method="exact",
        clock=clock,
        name="neurons",
        namespace=values,
    )
    neurons.C, neurons.I_0 = [100, 200, 300] * pF, [0, 50, 100] * pA
    source = PoissonGroup(2, 10 / second, clock=clock, name="source")
    synapses = Synapses(source, neurons, "w : 1", on_pre="I_s_post += 2*w*unit", clock=clock, name="synapses")
    synapses.connect(i=[0, 1, 1], j=[2, 0, 0])  # two for one pair
    synapses.w = [1, 2, 3]
    unit = 10 * pA
    graph = to_nir(Network(neurons, source, synapses, SpikeMonitor(neurons)))
    assert unit == 10 * pA  # a name of the caller, as Brian2 takes it
    node, matrix = graph.nodes["neurons"], np.zeros((3, 2))
    matrix[2, 0], matrix[0, 1] = 20e-12, 100e-12
    assert type(node) is nir.CubaLIF and type(graph.nodes["synapses"]) is nir.Linear
    for name, expected in {
        "tau_mem": [0.01, 0.02, 0.03],
        "tau_syn": [0.005] * 3,
        "r": [1e8] * 3,
        "v_leak": [-0.07, -0.065, -0.06],
        "v_threshold": [-0.05] * 3,
        "v_reset": [-0.075] * 3,
        "w_in": [50.0] * 3,
    }.items():
        assert getattr(node, name) == pytest.approx(expected, rel=1e-12), name
    assert graph.nodes["synapses"].weight == pytest.approx(matrix, rel=1e-12)
    assert sorted(graph.edges) == [("neurons", "neurons_output"), ("source", "synapses"), ("synapses", "neurons")]


def test_a_group_on_its_own_has_an_input_and_an_output(tmp_path):
    group = leaky()
    wires = Synapses(group, group, "w : 1", on_pre="v_post += w", name="wires")
    wires.connect(j="i")
    wires.w = 0.5
    nir.write(tmp_path / "own.nir", to_nir(Network(group, wires)))
    network = from_nir(nir.read(tmp_path / "own.nir"), 0.1 * ms)
    found = {item.name: len(item) for item in network.objects if isinstance(item, (Synapses, NeuronGroup))}
    assert found == {"cells": 2, "cells_to_cells": 2, "cells_input_to_cells": 2}
    assert len(network["cells_input"]) == 2 and np.array(network["cells_to_cells"].weight) == pytest.approx([0.5, 0.5])


def leaky(**changes):
    options = {
        "model": "dv/dt = (E - v + b)/tau : 1\nb : 1\ntau : second",
        "threshold": "v > 1",
        "reset": "v = 0",
        "method": "euler",
        "name": "cells",
        "namespace": {"E": 0.0, "ta": TimedArray([1.0], dt=1 * ms), "taus": 5 * ms},
    } | changes
    group = NeuronGroup(2, **options)
    if "tau" in group.variables:
        group.tau = 10 * ms
    return group


def regularly():
    group = leaky()
    group.run_regularly("b += 1")
    return Network(group)


def inactive():
    group = leaky()
    group.active = False
    return Network(group)


def two_clocks():
    return Network(leaky(), leaky(dt=1 * ms, name="slow"))


def connected(model="w : 1", on_pre="v_post += w", delay=None, part=None, **options):
    group = leaky()
    synapses = Synapses(group, group if part is None else group[part], model, on_pre=on_pre, name="wires", **options)
    synapses.connect()
    if delay is not None:
        synapses.delay = delay
    return Network(group, synapses)


TWO = "dv/dt = (I - v)/tau : 1\ndI/dt = (v - I)/tau : 1\ntau : second\nb : 1"


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            lambda: Network(hb.population(4, hb.Izhikevich.FORCE, hb.single_exponential(), name="izh")),
            r"izh has d.*/dt = .*, expected what NIR has a primitive for \(LIF, LI, IF, .*\): let one variable decay",
        ),
        (
            lambda: Network(leaky(model="dv/dt = v*(v - 1)/tau : 1\ntau : second")),
            "cells has dv/dt = .*, which is not linear in v and constant else, expected .*: write what changes out",
        ),
        (lambda: Network(leaky(model="dv/dt = v/tau : 1\ntau : second")), "has dv/dt = v/tau, which does not decay"),
        (
            lambda: Network(leaky(model="dv/dt = (ta(t) - v)/tau : 1\ntau : second")),
            r"cells has dv/dt = .*ta\(t\).*, which is not linear",
        ),
        (
            lambda: Network(leaky(model="dv/dt = -v/tau + xi*tau**-0.5 : 1\ntau : second")),
            "cells has dv/dt = .*xi.*, which is not linear",
        ),
        (lambda: Network(leaky(model=TWO)), "cells has dI/dt = .*; dv/dt = .*: let one variable decay, or a potential"),
        (
            lambda: Network(leaky(model="dv/dt = I/tau : 1\ndI/dt = -I/tau : 1\ntau : second")),
            "cells has dv/dt = I/tau, which does not decay, expected .*: choose an equation that does",
        ),
        (
            lambda: Network(leaky(model="dv/dt = (I - v)/tau : 1\ndI/dt = I/tau : 1\ntau : second")),
            "cells has dI/dt = I/tau, which does not decay",
        ),
        (lambda: Network(leaky(threshold="v >= 1")), "cells has the threshold 'v >= 1', expected .*: write 'v > ...'"),
        (lambda: Network(leaky(threshold="v > b*v")), "cells has the threshold 'v > b.v', expected .*: write what ch"),
        (
            lambda: Network(leaky(reset="v = 0.2*(v - 1)")),
            "cells has the reset 'v = 0.2.*', expected .*: write what changes out of it",
        ),
        (lambda: Network(leaky(reset="v -= 1")), "cells has the reset 'v -= 1', expected .*: write 'v = ...'"),
        (lambda: Network(leaky(refractory=2 * ms)), "cells is refractory, expected .*: leave refractoriness out"),
        (lambda: Network(leaky(events={"late": "v > 2"})), "cells has the events late, spike, expected .*: leave only"),
        (regularly, "cells has cells_run_regularly.*, expected .*: leave out what runs regularly"),
        (lambda: Network(hb.Guard(leaky(), name="watch")), "watch is a Guard, expected .*: leave it out"),
        (inactive, "cells is not active, expected .*: leave it out"),
        (two_clocks, "the network has the time steps 0.0001 s, 0.001 s, expected .*: take one"),
        (lambda: connected(on_pre="b_post += w"), "wires has on_pre 'b_post .= w', expected .*: write 'v_post .= wei"),
        (
            lambda: connected(on_pre="v_post += w*b_pre"),
            "wires has on_pre 'v_post .= w.b_pre', expected .*: write what",
        ),
        (
            lambda: connected(on_pre="v_post += w", on_post="w += 1"),
            "wires has wires_post, expected .*: leave only on_p",
        ),
        (
            lambda: connected(delay=[1, 2, 3, 4] * ms),
            "wires has several delays from one neuron, expected .*: give each",
        ),
        (lambda: connected(part=slice(0, 1)), "wires connects cells_subgroup.*, which is no whole group here"),
        (
            lambda: Network(leaky(model="dv/dt = -v/tau + J/tau : 1\ndJ/dt = (b - J)/taus : 1\nb : 1\ntau : second")),
            None,
        ),
    ],
)
def test_what_nir_has_no_primitive_for_is_refused_by_name(network, message):
    made = network()
    if message is None:  # nothing is refused where the drive is 0, and it is where it is not
        assert type(to_nir(made).nodes["cells"]) is nir.CubaLIF
        made["cells"].b = 1
        message = "cells has a constant drive and no synapses, expected .*: give it some, whose Affine has the drive"
    with pytest.raises(NotImplementedError, match=message):
        to_nir(made)
