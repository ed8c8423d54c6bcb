"""FORCE with the event-driven kernel: when it is chosen, and what other devices and files make of its state."""

import numpy as np
import pytest
from brian2 import Clock, Network, NeuronGroup, get_device, ms, pA, prefs, set_device
from brian2.devices.device import reset_device

import hetbrian as hb
from hetbrian.codegen import waiting
from hetbrian.published import force_network

SIZE = {
    "n_neurons": 40,
    "start": 5 * ms,
    "stop": 1000 * ms,
    "dt": 0.1 * ms,
    "eta": 1500 * pA,
    "eta_half_width": 50 * pA,
    "theta": 0.3,
    "recurrent_gain": 500 * pA,
}
HALF = 40 * ms


def generated(group, folder, **options):
    """Return the source of the readout's step, without compiling it."""
    set_device("cpp_standalone", build_on_run=False)
    try:
        network = Network(group(), name="network")
        force = hb.FORCE(network["source"], "1", name="force", **options)
        network.add(force)
        network.run(1 * ms, namespace={})
        get_device().build(directory=str(folder), compile=False, run=False)
        (step,) = (folder / "code_objects").glob("force_step_codeobject*.cpp")
        return step.read_text()
    finally:
        get_device().reinit()
        reset_device()


def source(equations, **options):
    return lambda: NeuronGroup(
        3,
        equations,
        method="euler",
        clock=Clock(0.1 * ms, name="clock"),
        name="source",
        namespace={"ms": ms},
        **options,
    )


@pytest.mark.parametrize(
    ("equations", "steps"),
    [
        ("dr/dt = -r/(10*ms) : 1", "{ 0.99 }"),
        ("dr/dt = -r/(2*ms) + h : 1\ndh/dt = -h/(20*ms) : Hz", "{ 0.95, 0.0001, 0.0, 0.995 }"),
        ("r : 1", None),
        ("dr/dt = (1 - r)/(10*ms) : 1", None),
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_is_chosen_for_linear_filters(equations, steps, dtype, tmp_path):
    code = generated(source(equations), tmp_path, dtype=dtype)
    if steps is None:
        assert "hetbrian::rls_step(" in code and "adaptive_step" not in code
    else:
        assert "hetbrian::adaptive_step(" in code and f"_step[] = {steps}" in code


def test_not_for_more_weights_than_a_program_can_count(monkeypatch):
    group = source("dr/dt = -r/(10*ms) : 1")()
    assert "_waiting" in hb.FORCE(group, "1").variables
    assert waiting.length(46_200, "float64") < 2**31 < waiting.length(46_340, "float32")
    monkeypatch.setattr(waiting, "length", lambda size, dtype: 2**31)
    assert "_waiting" not in hb.FORCE(group, "1").variables


def simulated(duration, device, synapse, **options):
    record = ("z", "y", "spikes", "weights")
    return hb.simulate(
        force_network, duration, seed=1, device=device, record=record, synapse=synapse, **SIZE, **options
    )


def save_both(folder):
    """Return what saves the state of a network and its readout, and keeps the number of waiting updates."""

    def finish(network):
        hb.save_state(network, folder / "state.npz")
        network["force"].save(folder / "readout.npz")

    return finish


@pytest.mark.standalone
@pytest.mark.parametrize("synapse", ["single_exponential", "double_exponential"])
@pytest.mark.parametrize(("first", "n_waiting"), [(HALF, 43), (82 * ms, 0)])
def test_others_go_on_where_it_stopped(synapse, first, n_waiting, tmp_path):
    """numpy and the reference know no waiting updates; their sums are in another order: see test_force."""
    simulated(first, "cpp_standalone", synapse, finish=save_both(tmp_path))
    with np.load(tmp_path / "readout.npz") as file:
        assert n_waiting == file["_counts"][0] == file["n_updates"] % waiting.CAPACITY
    whole = simulated(first + HALF, "numpy", synapse)
    late = simulated(HALF, "numpy", synapse, resume=tmp_path / "state.npz")
    assert np.array_equal(late.spike_time, whole.spike_time[whole.spike_time >= float(first)])
    assert np.abs(late.weights - whole.weights).max() < 1e-12 and np.abs(whole.weights).max() > 0.01
    network = force_network(np.random.default_rng(1), synapse=synapse, **SIZE)
    reference = hb.FORCE(network["neurons"], "1", np.ones(40) * pA, reference=True, name="other")
    reference.load(tmp_path / "readout.npz")
    assert np.array_equal(reference.P, _P_of(tmp_path / "readout.npz")) and "_counts" not in reference.variables


def _P_of(path):
    with np.load(path) as file:
        return waiting.settled({name: file[name] for name in file.files}, file["_c"].size, 1.0)


def test_a_file_of_before_still_loads(tmp_path):
    """Without what the kernel keeps, and with P in the length that it had."""
    prefs.codegen.target = "numpy"
    network = force_network(np.random.default_rng(1), synapse="single_exponential", **{**SIZE, "start": 0 * ms})
    network.run(20 * ms, namespace={})
    force = network["force"]
    force.save(tmp_path / "new.npz")
    with np.load(tmp_path / "new.npz") as file:
        content = {name: file[name] for name in file.files if name not in waiting.arrays(1, "float64")}
    content["_P"] = content["_P"][: 40 * 40 + 100]
    np.savez(tmp_path / "old.npz", **content)
    other = force_network(np.random.default_rng(1), synapse="single_exponential", **SIZE)["force"]
    other.variables["_counts"].set_value(np.full(len(waiting.COUNTS), 7))
    other.load(tmp_path / "old.npz", learn=True)
    assert np.array_equal(other.P, force.P) and np.abs(force.P - 2 * np.eye(40)).max() > 0.1
    assert np.array_equal(other.weights, force.weights) and not other.variables["_counts"].get_value().any()
