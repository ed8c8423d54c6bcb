import numpy as np
import pytest
from brian2 import (
    Clock,
    Network,
    NeuronGroup,
    PoissonGroup,
    SpikeMonitor,
    StateMonitor,
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

DT, N_IN, N, M, STEPS = 0.5 * ms, 6, 8, 3, 400


def door(n):
    return np.array([n])


def nodes(rng):
    """Return a heterogeneous recurrent layer of CubaLIF, delayed spikes to LIF, a LI that reads them."""
    cuba = nir.CubaLIF(
        tau_syn=rng.uniform(0.004, 0.01, N),
        tau_mem=rng.uniform(0.01, 0.03, N),
        r=rng.uniform(0.5, 1.5, N),
        v_leak=rng.uniform(-0.1, 0.1, N),
        v_threshold=rng.uniform(0.8, 1.2, N),
        v_reset=rng.uniform(-0.2, 0.2, N),
        w_in=rng.uniform(20, 40, N),
    )
    lif = nir.LIF(
        tau=rng.uniform(0.01, 0.03, M),
        r=rng.uniform(20, 40, M),
        v_leak=rng.uniform(-0.1, 0.1, M),
        v_threshold=np.full(M, 0.7),
        v_reset=np.zeros(M),
    )
    li = nir.LI(tau=np.full(2, 0.05), r=np.array([1.0, 2.0]), v_leak=np.array([0.0, 0.3]))
    return {
        "input": nir.Input({"input": door(N_IN)}),
        "w_in": nir.Affine(rng.normal(0.8, 0.4, (N, N_IN)), rng.uniform(0, 0.02, N)),
        "cuba": cuba,
        "w_rec": nir.Linear(rng.normal(0, 0.3, (N, N))),
        "late": nir.Delay(np.arange(N) % 4 * float(DT)),
        "w_out": nir.Affine(rng.uniform(0, 1, (M, N)), np.full(M, 0.001)),
        "lif": lif,
        "scale": nir.Scale(np.array([1.0, 0.5, 2.0])),
        "w_li": nir.Linear(rng.normal(0, 5, (2, M))),
        "li": li,
        "output": nir.Output({"output": door(2)}),
    }


EDGES = [
    ("input", "w_in"),
    ("w_in", "cuba"),
    ("cuba", "w_rec"),
    ("w_rec", "cuba"),
    ("cuba", "late"),
    ("late", "w_out"),
    ("w_out", "lif"),
    ("lif", "scale"),
    ("scale", "w_li"),
    ("w_li", "li"),
    ("li", "output"),
]


def given(rng):
    return rng.random((STEPS, N_IN)) < 0.1


def by_hand(part, spikes):
    """Return spikes of both layers and the potentials of the last, by Euler's method on the equations of NIR."""
    dt, cuba, lif, li = float(DT), part["cuba"], part["lif"], part["li"]
    w_in, w_out = part["w_in"], part["w_out"]
    current, v, u, y = np.zeros(N), cuba.v_leak.copy(), lif.v_leak.copy(), li.v_leak.copy()
    to_lif, to_li = np.zeros(M), np.zeros(2)  # the signals of the step before
    lag = np.rint(part["late"].delay / dt).astype(int)
    first, last, read = np.zeros((STEPS, N)), np.zeros((STEPS, M)), np.zeros((STEPS, 2))
    for n, x in enumerate(spikes):
        read[n] = y
        v = v + dt / cuba.tau_mem * (cuba.v_leak - v + cuba.r * current)
        current = current + dt / cuba.tau_syn * (cuba.w_in * w_in.bias - current)
        u = u + dt / lif.tau * (lif.v_leak - u + lif.r * (w_out.bias + to_lif))
        y = y + dt / li.tau * (li.v_leak - y + li.r * to_li)
        first[n], last[n] = v > cuba.v_threshold, u > lif.v_threshold
        late = np.array([first[n - k, at] if n >= k else 0 for at, k in enumerate(lag)])
        current = current + dt / cuba.tau_syn * cuba.w_in * (w_in.weight @ x + part["w_rec"].weight @ first[n])
        to_lif, to_li = w_out.weight @ late, part["w_li"].weight @ (part["scale"].scale * last[n])
        v, u = np.where(first[n], cuba.v_reset, v), np.where(last[n], lif.v_reset, u)
    return first, last, read


def play(network, spikes, names, dt=DT):
    """Return the spikes of groups, shape (time, neuron)."""
    step, neuron = np.nonzero(spikes)
    network["input"].set_spikes(neuron, step * dt)
    monitors = [SpikeMonitor(network[name]) for name in names]
    network.add(*monitors)
    network.run(len(spikes) * dt, namespace={})
    found = []
    for monitor in monitors:
        fired = np.zeros((len(spikes), len(monitor.source)))
        fired[np.rint(np.array(monitor.t / dt)).astype(int), np.array(monitor.i)] = 1
        found.append(fired)
    return found


def test_a_graph_in_brian2_is_its_equations_step_by_step():
    rng = np.random.default_rng(1)
    part, spikes = nodes(rng), given(rng)
    first, last, read = by_hand(part, spikes)
    network = from_nir(nir.NIRGraph(part, EDGES), DT)
    monitor = StateMonitor(network["li"], "v", record=True, clock=network["li"].clock, when="start", order=-2)
    network.add(monitor)
    found = play(network, spikes, ("cuba", "lif"))
    assert min(first.sum(0).min(), last.sum(0).min()) > 3  # all of them fire
    assert np.array_equal(found[0], first) and np.array_equal(found[1], last)
    assert np.array(monitor.v.T) == pytest.approx(read, abs=1e-12)  # sums in another order


def test_a_neuron_fires_when_it_does_in_other_tools():
    # paper/01_lif in the repository of NIR (Pedersen et al. 2024): in which ms there is input, and in which steps of
    # 0.1 ms the neuron fires in the exact solution, in snnTorch, Norse and Nengo
    given = [6, 22, 27, 31, 32, 35, 37, 40, 41, *range(43, 54), *range(67, 79), 84, 85]
    elsewhere = [460, 510, 710, 760]
    part = {
        "input": nir.Input({"input": door(1)}),
        "w": nir.Linear(np.ones((1, 1))),
        "lif": nir.LIF(np.array([0.0025]), np.ones(1), np.zeros(1), np.array([0.1]), np.zeros(1)),
        "output": nir.Output({"output": door(1)}),
    }
    network = from_nir(nir.NIRGraph(part, [("input", "w"), ("w", "lif"), ("lif", "output")]), 0.1 * ms)
    spikes = np.zeros((1000, 1))
    spikes[10 * np.array(given)] = 1
    (fired,) = play(network, spikes, ("lif",), 0.1 * ms)
    assert list(np.flatnonzero(fired)) == [step + 1 for step in elsewhere]  # Brian2 hears spikes in the next step


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


@pytest.mark.parametrize("kind", ["IF", "I"])
def test_neurons_that_do_not_leak_add_up_what_comes(kind):
    firing = {"v_threshold": np.array([2.0, 2.0]), "v_reset": np.array([0.5, 0.0])} if kind == "IF" else {}
    node = getattr(nir, kind)(r=np.array([500.0, 1000.0]), **firing)
    part = {
        "input": nir.Input({"input": door(1)}),
        "w": nir.Affine(np.array([[1.0], [1.0]]), np.array([1.0, 0.0])),
        "sum": node,
        "output": nir.Output({"output": door(2)}),
    }
    network = from_nir(nir.NIRGraph(part, [("input", "w"), ("w", "sum"), ("sum", "output")]), 1 * ms)
    back = from_nir(to_nir(network), 1 * ms)
    for item in (network, back):
        spikes = np.zeros((4, 1))
        spikes[0] = 1
        if kind == "IF":
            (fired,) = play(item, spikes, ("sum",), 1 * ms)
            assert fired.tolist() == [[0, 0], [0, 0], [0, 0], [1, 0]]  # 0.5 a step and 0.5 by the spike: 2.5 is above 2
            assert np.array(item["sum"].v) == pytest.approx([0.5, 1.0])
        else:
            play(item, spikes, (), 1 * ms)
            assert np.array(item["sum"].v) == pytest.approx([4 * 0.5 + 0.5, 1.0])  # four steps of 1 ms, and a spike


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


def test_an_imported_layer_goes_to_torch_with_gradients():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    part, spikes = nodes(rng), given(rng)
    network = from_nir(nir.NIRGraph(part, EDGES), DT)
    cell = hb.to_torch(
        network["cuba"],
        [network["input_to_cuba"], network["cuba_to_cuba"]],
        trainable=("tau_mem", "cuba_to_cuba.weight"),
        dtype=torch.float64,
    )
    last = hb.to_torch(network["lif"], [network["cuba_to_lif"]], trainable=("tau",), dtype=torch.float64)
    fired = cell(spikes={"input": torch.tensor(spikes, dtype=torch.float64)}).spikes
    after = last(spikes={"cuba": fired.detach()}).spikes
    first, second_ = play(network, spikes, ("cuba", "lif"))
    assert np.array_equal(fired.detach().numpy(), first) and first.any()
    assert np.array_equal(after.detach().numpy(), second_) and second_.any()
    (fired.mean() + after.mean()).backward()
    assert float(cell.neurons.tau_mem.grad.abs().max()) > 0 and float(last.neurons.tau.grad.abs().max()) > 0


def test_a_recurrent_subgraph_as_snntorch_writes_it_is_taken_apart():
    part = nodes(np.random.default_rng(4))
    inner = nir.NIRGraph(
        {
            "input": nir.Input({"input": door(N)}),
            "lif": part["cuba"],
            "w_rec": part["w_rec"],
            "output": nir.Output({"output": door(N)}),
        },
        [("input", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")],
    )
    outer = {"input": part["input"], "0": part["w_in"], "1": inner, "output": nir.Output({"output": door(N)})}
    graph = nir.NIRGraph(outer, [("input", "0"), ("0", "1"), ("1", "output")])
    network = from_nir(graph, DT)
    assert {item.name for item in network.objects} >= {"input", "node_1_lif", "input_to_node_1_lif"}
    spikes = given(np.random.default_rng(5))
    (found,) = play(network, spikes, ("node_1_lif",))
    assert np.array_equal(found, by_hand(part, spikes)[0]) and found.any()


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


def graph_of(middle, edges, n=2):
    part = {"input": nir.Input({"input": door(n)}), "output": nir.Output({"output": door(n)})} | middle
    return nir.NIRGraph(part, edges, type_check=False)


LIF = nir.LIF(*(np.ones(2) for _ in range(4)))
LEAKY = nir.LI(*(np.ones(2) for _ in range(3)))
LINE = [("input", "a"), ("a", "b"), ("b", "output")]


@pytest.mark.parametrize(
    ("graph", "error", "message"),
    [
        (
            graph_of({"a": nir.Threshold(np.ones(2)), "b": LIF}, LINE),
            NotImplementedError,
            "node 'a' is Threshold, expected LIF, LI, IF, .*: Brian2 objects are made of these only",
        ),
        (
            graph_of({"a": LEAKY, "b": LIF}, LINE),
            NotImplementedError,
            "node 'a' is LI and sends its potential, expected spikes: .* end the graph there",
        ),
        (
            graph_of({"a": nir.LIF(*(np.array(1.0) for _ in range(4))), "b": LIF}, LINE),
            ValueError,
            r"node 'a' has parameters of shape \(\), expected one value a neuron: write arrays of its size",
        ),
        (
            graph_of({"a": nir.Linear(np.ones((2, 2, 2))), "b": LIF}, LINE),
            NotImplementedError,
            "node 'a' has weights of 3 dimensions, expected 2",
        ),
        (
            graph_of(
                {"w": nir.Linear(np.ones((2, 2))), "a": nir.Delay(np.array([0.0, 0.1])), "b": LIF},
                [("input", "w"), ("w", "a"), *LINE[1:]],
            ),
            NotImplementedError,
            "node 'a' has several delays behind weights, expected one, or delays of a source",
        ),
        (
            graph_of({"a": nir.Linear(np.ones((3, 2))), "b": LIF}, LINE),
            ValueError,
            "node 'b' takes 2 values and gets 3 from 'input', expected as many: correct the weights",
        ),
        (
            graph_of({"a": nir.Scale(np.ones(3)), "b": LIF}, LINE),
            ValueError,
            "node 'a' takes 3 values and gets 2 from 'input', expected as many",
        ),
        (5, TypeError, "graph is 5, expected a NIRGraph: read one with nir.read"),
        (
            graph_of(
                {"a": nir.Scale(np.ones(2)), "c": nir.Scale(np.ones(2)), "b": LIF},
                [*LINE, ("a", "c"), ("c", "a")],
            ),
            ValueError,
            "node 'a' is in a circle without neurons, expected one in it: correct the edges",
        ),
        (
            graph_of({"a": nir.NIRGraph({"lif": LIF}, [], type_check=False), "b": LIF}, LINE),
            NotImplementedError,
            "subgraph 'a' has 0 nodes Input, expected one: divide it into graphs",
        ),
    ],
)
def test_a_node_that_brian2_cannot_have_is_refused_by_name(graph, error, message):
    with pytest.raises(error, match=message):
        from_nir(graph)


def test_nodes_with_names_that_brian2_does_not_take_get_others():
    nodes = {
        "input": nir.Input({"input": door(2)}),
        "0.lif": LIF,
        "0-lif": LIF,
        "output": nir.Output({"output": door(2)}),
    }
    edges = [("input", "0.lif"), ("input", "0-lif"), ("0.lif", "output"), ("0-lif", "output")]
    names = {item.name for item in from_nir(nir.NIRGraph(nodes, edges)).objects}
    assert {"node_0_lif", "node_0_lif_2", "input_to_node_0_lif", "input_to_node_0_lif_2"} <= names
