import numpy as np
import pytest
from brian2 import Clock, Network, NeuronGroup, Synapses, ms, mV, pA

import hetbrian as hb
from hetbrian.published import force_network

SIZE = {
    "n_neurons": 40,
    "start": 5 * ms,
    "stop": 70 * ms,
    "dt": 0.1 * ms,
    "eta": 1500 * pA,
    "eta_half_width": 50 * pA,
    "theta": 0.3,
    "synapse": "double_exponential",
    "recurrent_gain": 500 * pA,
}
HALF = 40 * ms
RECORD = ("z", "y", "spikes", "weights", "r")
DEVICES = ["numpy", pytest.param("cpp_standalone", marks=pytest.mark.standalone)]


def simulated(duration, device, seed=1, **options):
    return hb.simulate(force_network, duration, seed=seed, device=device, record=RECORD, **SIZE, **options)


def state_of(model, duration, path):
    """Save the state of another network after a run."""
    hb.simulate(model, duration, device="numpy", record=(), finish=lambda network: hb.save_state(network, path))
    return path


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("device", DEVICES)
def test_training_goes_on_bit_for_bit(device, dtype, tmp_path):
    path = tmp_path / "state.npz"
    whole = simulated(2 * HALF, device, dtype=dtype)
    first = simulated(HALF, device, dtype=dtype, finish=lambda network: hb.save_state(network, path))
    second = simulated(HALF, device, dtype=dtype, resume=path)
    assert np.array_equal(second.weights, whole.weights) and np.abs(whole.weights).max() > 0.01
    assert second.time[0] == 0.04 and whole.spike_time.size > 100
    for name in ("z", "y", "r"):
        halves = np.concatenate([first[name], second[name]])
        assert np.array_equal(halves, whole[name]), name
    for name in ("spike_time", "spike_neuron"):
        assert np.array_equal(np.concatenate([first[name], second[name]]), whole[name]), name


@pytest.mark.standalone
def test_what_one_device_saved_goes_on_on_another(tmp_path):
    path = tmp_path / "state.npz"
    whole = simulated(2 * HALF, "numpy")
    simulated(HALF, "numpy", finish=lambda network: hb.save_state(network, path))
    second = simulated(HALF, "cpp_standalone", resume=path)
    late = whole.spike_time >= 0.04
    assert np.array_equal(second.spike_time, whole.spike_time[late])
    assert np.abs(second.weights - whole.weights).max() < 1e-12  # sums in another order, see test_force


def test_an_all_to_all_network_with_refractory_neurons_goes_on(tmp_path):
    def model(rng):
        clock = Clock(0.1 * ms, name="clock")
        parameters = hb.Izhikevich.CA3
        group = hb.population(10, parameters, hb.gating(), v=rng.uniform(-60, -50, 10) * mV, clock=clock)
        leaky = NeuronGroup(
            2,
            "dv/dt = (2 - v)/(5*ms) : 1 (unless refractory)",
            threshold="v > 1",
            reset="v = 0",
            refractory=7 * ms,
            method="euler",
            clock=clock,
            namespace={"ms": ms},
            name="leaky",
        )
        return Network(group, hb.AllToAll(group, parameters), leaky)

    path, states = tmp_path / "state.npz", []
    keep = lambda net: states.append([net[n].v_[:].copy() for n in ("neurons", "leaky")] + [net["gating"].s[:].copy()])  # noqa: E731
    hb.simulate(model, 60 * ms, device="numpy", record=(), finish=keep)
    state_of(model, 33 * ms, path)
    hb.simulate(model, 27 * ms, device="numpy", record=(), resume=path, finish=keep)
    assert all(np.array_equal(a, b) for a, b in zip(*states, strict=True))
    assert states[0][2] > 0


def test_a_state_of_another_network_is_refused_and_changes_nothing(tmp_path):
    def model(rng, n=3):
        group = NeuronGroup(n, "v : 1", clock=Clock(1 * ms, name="clock"), namespace={}, name="neurons")
        group.v = 1
        return Network(group)

    path = state_of(lambda rng: model(rng, 4), 2 * ms, tmp_path / "state.npz")
    network = model(None)
    with pytest.raises(ValueError, match=r"state.npz' has 4 values of neurons.v, expected 3: build the network as the"):
        hb.load_state(network, path)
    network["neurons"]._name = "others"
    with pytest.raises(ValueError, match=r"has 4 values of neurons.v, expected no: build the network as the saved one"):
        hb.load_state(network, path)
    assert network.t == 0 * ms and network["others"].v[:].tolist() == [1, 1, 1]


@pytest.mark.parametrize("kind", ["text", "other npz", "truncated", "format"])
def test_what_is_no_state_is_refused(kind, tmp_path):
    path = tmp_path / "state.npz"
    network = Network(NeuronGroup(1, "v : 1", clock=Clock(1 * ms), namespace={}, name="neurons"))
    network.run(1 * ms, namespace={})
    hb.save_state(network, path)
    if kind == "text":
        path.write_text("no state")
    elif kind == "other npz":
        np.savez(path, x=np.zeros(2))
    elif kind == "truncated":
        path.write_bytes(path.read_bytes()[:100])
    else:
        with np.load(path) as file:
            np.savez(path, **{**file, "format": 99})
    with pytest.raises(
        ValueError, match=r"state.npz' is not a saved state, expected a file that save_state wrote: sav"
    ):
        hb.load_state(network, path)


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none.npz' does not exist, expected a saved state: check the path"):
        hb.load_state(Network(), tmp_path / "none.npz")


@pytest.mark.parametrize(
    ("equations", "code", "delay", "message"),
    [
        (
            "w : 1",
            "v_post += w",
            2 * ms,
            "the synapses 'mine' have delays, expected none: spikes on their way would be",
        ),
        ("w : 1", "v_post += w\nw += 1", 0 * ms, "the synapses 'mine' change w, expected constant synapses"),
        ("w : 1", "v_post += w; w += 1  # too", 0 * ms, "the synapses 'mine' change w, expected constant synapses"),
        ("dx/dt = -x/ms : 1 (clock-driven)", "x += 1", 0 * ms, "the synapses 'mine' change x, expected constant"),
        ("dx/dt = -x/ms : 1 (event-driven)", "v_post += x", 0 * ms, "the synapses 'mine' change x, expected constant"),
        ("w : 1\nregularly : 1", "v_post += w", 0 * ms, "the synapses 'mine' change w, expected constant synapses"),
    ],
)
def test_synapses_whose_state_would_be_lost_are_refused(equations, code, delay, message, tmp_path):
    group = NeuronGroup(2, "v : 1", threshold="v > 1", clock=Clock(1 * ms), namespace={})
    synapses = Synapses(
        group,
        group,
        equations,
        on_pre=code,
        delay=delay,
        method="euler",
        clock=group.clock,
        namespace={"ms": ms},
        name="mine",
    )
    synapses.connect()
    if "regularly" in synapses.equations:
        synapses.run_regularly("w = 0.9*w")
    network = Network(group, synapses)
    network.run(1 * ms, namespace={})
    with pytest.raises(NotImplementedError, match=message):
        hb.save_state(network, tmp_path / "state.npz")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(NotImplementedError, match=message):  # whatever is in the file
        hb.load_state(network, tmp_path / "state.npz")
