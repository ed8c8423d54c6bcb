import numpy as np
import pytest
from brian2 import SpikeMonitor, StateMonitor, ms

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
