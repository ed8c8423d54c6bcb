import inspect
import os
import re

import numpy as np
import pytest
from brian2 import (
    BrianObjectException,
    Clock,
    DimensionMismatchError,
    Network,
    NetworkOperation,
    NeuronGroup,
    SpikeMonitor,
    StateMonitor,
    TimedArray,
    amp,
    check_units,
    get_device,
    ms,
    pA,
    prefs,
    run,
    second,
    set_device,
    volt,
)
from brian2.codegen.runtime.cython_rt import CythonCodeObject
from brian2.core.preferences import PreferenceError
from numpy.random import default_rng

import hetbrian as hb
from hetbrian._support.errors import DivergenceError
from hetbrian.readout import force as force_module
from hetbrian.readout.operation import ReadoutOperation

DT = 0.1 * ms
AFTER = {"when": "end", "order": 3}
FULL = {"n_outputs": 3, "bias": True, "forgetting": 0.999, "rule": "posterior"}
# Sums in another order differ by about n = 20 roundings (4e-15) of numbers of order 1, and P is well conditioned,
# so that 200 updates accumulate some 1e-14; a wrong sample, sign or order gives 1e-3.
SAME = 1e-12
# Half the digits of float64 and P as large as 2: 1e-7 a rounding, some 1e-6 after 200 updates.
SAME_FLOAT = 1e-5


def neurons(n=20, *, seed=1, label="", feedback=True, eta=1500 * pA):
    """Return a population heterogeneous in eta, g and theta, and its synapses."""
    rng, parameters = default_rng(seed), hb.Izhikevich.FORCE
    group = hb.population(
        n,
        parameters,
        hb.single_exponential(),
        eta=hb.Lorentzian(eta, 20 * pA).draw(n, rng),
        g=hb.Lorentzian(1.0, 0.1).draw(n, rng),
        theta=hb.Lorentzian(0.5, 0.1).truncated(0.0, 1.0).draw(n, rng),
        v=hb.Uniform(parameters.v_r, parameters.v_peak).draw(n, rng),
        feedback=feedback,
        clock=Clock(DT, name=f"clock{label}"),
        name=f"neurons{label}",
    )
    return group, hb.recurrent(group, 500 * pA, 0.3, rng=rng, name=f"recurrent{label}")


def waves(n_outputs, label=""):
    """Return n_outputs sines of different phase with a period of 20 ms."""
    phase = 2 * np.pi * np.arange(200)[:, np.newaxis] / 200 + np.arange(n_outputs)
    return hb.Target(np.sin(phase), DT, periodic=True, name=f"waves{label}")


def encoder(n, n_outputs=1):
    return 1000 * pA * default_rng(5).uniform(-1, 1, (n, n_outputs))


def network(n_outputs=1, *, n=20, seed=1, label="", feedback=True, **options):
    """Return a network that learns, with its z and spikes monitored."""
    group, recurrent = neurons(n, seed=seed, label=label)
    options = {"start": 1 * ms, "every": 0.5 * ms, **options}
    force = hb.FORCE(
        group,
        waves(n_outputs, label),
        encoder(n, n_outputs) if feedback else None,
        name=f"force{label}",
        **options,
    )
    spikes = SpikeMonitor(group, when="thresholds", order=1, name=f"spikes{label}")
    z = StateMonitor(force, "z", record=True, name=f"z{label}", **AFTER)
    return Network(group, recurrent, force, spikes, z)


def simulated(net, *durations):
    for duration in durations:
        net.run(duration, namespace={})
    return net


def outcome(net, label=""):
    force, spikes = net[f"force{label}"], net[f"spikes{label}"]
    return {
        "weights": force.weights,
        "P": force.P,
        "z": np.array(net[f"z{label}"].z),
        "spikes": np.array([np.array(spikes.t), np.array(spikes.i)]),
        "n_updates": force.n_updates[:],
    }


def assert_same(actual, expected, bound=0.0):
    """Assert identical spikes and updates and weights, P and z within a bound relative to the largest."""
    assert expected["spikes"].shape[1] > 20
    assert np.array_equal(actual["spikes"], expected["spikes"])
    assert actual["n_updates"] == expected["n_updates"] > 0
    for name in ("weights", "P", "z"):
        scale = max(1.0, np.abs(expected[name]).max())
        assert np.abs(actual[name] - expected[name]).max() <= bound * scale, name
    assert np.abs(expected["weights"]).max() > 0.1


CASES = {
    "one output": {},
    "three outputs": {"n_outputs": 3},
    "bias, forgetting, posterior": FULL,
    "bias, prior": {"bias": True},
    "posterior": {"rule": "posterior"},
    "no feedback": {"n_outputs": 3, "feedback": False},
    "float32": {"n_outputs": 3, "bias": True, "dtype": "float32"},
}


def bound(case):
    return SAME_FLOAT if case.get("dtype") == "float32" else SAME


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_numpy_equals_the_reference(case):
    expected = outcome(simulated(network(reference=True, **case), 100 * ms))
    assert_same(outcome(simulated(network(**case), 100 * ms)), expected, bound(case))


SILENT = {
    "plain": {},
    "bias": {"n_outputs": 3, "bias": True, "forgetting": 0.999},
    "float32": CASES["float32"],
    "loaded": {},
}


def many_readouts(readout, *, reference=False):
    """Return a network with feedback of three outputs and more readouts of it, because each device compiles slowly."""
    net = network(reference=reference, **FULL)
    for label, options in SILENT.items():
        target = waves(options.get("n_outputs", 1), f"_{label}")
        net.add(hb.FORCE(net["neurons"], target, **options, reference=reference, name=f"force_{label}"))
    net["force_loaded"].load(readout)
    return net


def compared(net):
    """Return all that has to agree: of every readout weights, P, z and n_updates, and the spikes."""
    readouts = {
        label: {"weights": force.weights, "P": force.P, "z": np.array(force.z[:]), "n_updates": force.n_updates[:]}
        for label in SILENT
        for force in [net[f"force_{label}"]]
    }
    outcomes = {"feedback": outcome(net), **readouts}
    return {label: {"spikes": outcomes["feedback"]["spikes"], **found} for label, found in outcomes.items()}


@pytest.mark.parametrize(
    "device", [pytest.param("cython", marks=pytest.mark.long), pytest.param("cpp", marks=pytest.mark.standalone)]
)
def test_compiled_code_equals_the_reference(device, tmp_path):
    trained = simulated(network(feedback=False), 50 * ms)["force"]
    trained.save(tmp_path / "readout.npz")
    expected = compared(simulated(many_readouts(tmp_path / "readout.npz", reference=True), 100 * ms))
    if device == "cpp":
        set_device("cpp_standalone", build_on_run=False)
    else:
        prefs.codegen.target = "cython"
    net = simulated(many_readouts(tmp_path / "readout.npz"), 40 * ms, 60 * ms)
    if device == "cpp":
        get_device().build(directory=str(tmp_path / "project"), with_output=False)
    actual = compared(net)
    for label in expected:
        assert_same(actual[label], expected[label], bound(SILENT.get(label, {})))
    assert np.array_equal(actual["loaded"]["weights"], trained.weights)


@pytest.mark.parametrize("reference", [False, True])
def test_splitting_a_run_changes_nothing(reference):
    whole = outcome(simulated(network(**FULL, reference=reference), 50 * ms))
    parts = outcome(simulated(network(**FULL, reference=reference), 13.7 * ms, 0.1 * ms, 36.2 * ms))
    assert_same(parts, whole)


@pytest.mark.parametrize("reference", [False, True])
def test_store_and_restore_repeat_a_run(reference):
    net = network(**FULL, reference=reference)
    simulated(net, 20 * ms)
    net.store()
    first = outcome(simulated(net, 30 * ms))
    net.restore()
    assert_same(outcome(simulated(net, 30 * ms)), first)


@pytest.mark.parametrize("reference", [False, True])
@pytest.mark.parametrize(
    ("start", "stop", "every", "steps"),
    [
        (0, 1000, 1, 100),
        (0, 1000, 8, 100),
        (30, 60, 8, 100),  # neither start nor stop is a multiple of every
        (32, 64, 8, 100),  # both are: start is learnt, stop is not
        (30, 30, 1, 100),
        (31.5, 47.5, 1, 100),  # between two steps: from step 32 to 47
        (31.9, 32.1, 8, 100),
        (90, 5000, 7, 100),  # longer than the run
    ],
)
def test_learns_at_every_nth_step_from_start_to_stop(start, stop, every, steps, reference):
    group, recurrent = neurons(5)
    force = hb.FORCE(group, "1", start=start * DT, stop=stop * DT, every=every * DT, reference=reference)
    monitor = StateMonitor(force, "n_updates", record=True, **AFTER)
    simulated(Network(group, recurrent, force, monitor), steps / 3 // 1 * DT, (steps - steps / 3 // 1) * DT)
    due = [step % every == 0 and start <= step < stop for step in range(steps)]
    assert monitor.n_updates[0].tolist() == np.cumsum(due).tolist()


@pytest.mark.parametrize("reference", [False, True])
@pytest.mark.parametrize(
    ("rule", "weight", "error"),
    [
        ("prior", 2 + 3 * 2, 8 - 5),  # c = P r = 2, z - y = -3
        ("posterior", 2 + 3 * 2 / 3, 4 - 5),  # divided by 1 + r c = 3
    ],
)
def test_order_within_a_step(rule, weight, error, reference):
    """Neuron 0 fires in step 1 and r stays 1; z = 2 r until the readout learns y = 5, once, in step 2."""
    group = NeuronGroup(
        2,
        "dx/dt = I_feedback/dt : 1\nr : 1\nI_feedback : 1",
        threshold="i == 0 and t_in_timesteps == 1",
        reset="r += 1",
        method="euler",
        clock=Clock(DT),
        namespace={},
    )
    force = hb.FORCE(
        group,
        "5",
        np.array([1.0, 10.0]),
        start=2 * DT,
        stop=3 * DT,
        every=DT,
        rule=rule,
        initial_P=2,
        reference=reference,
    )
    force.weights = [[2.0, -7.0]]
    z, x = (StateMonitor(owner, name, record=True, **AFTER) for owner, name in ((force, "z"), (group, "x")))
    net = Network(group, force, z, x)
    simulated(net, 5 * DT)
    # r holds the spike of step 1 when z of that step is computed; z of step 2 is from before its update
    assert z.z[0] == pytest.approx([0, 2, 2, weight, weight], abs=1e-15)
    # z drives the next step: x of step 2 is the first that has moved
    assert x.x[0] == pytest.approx([0, 0, 2, 4, 4 + weight], abs=1e-15)
    assert x.x[1] == pytest.approx(10 * x.x[0], abs=1e-13)  # ten times the rounding
    assert force.weights[0] == pytest.approx([weight, -7], abs=1e-15)
    assert pytest.approx(np.diag([2 - 4 / 3, 2]), abs=1e-15) == force.P
    assert force.y[:] == 5 and force.z[0] - force.y[0] == pytest.approx(error, abs=1e-15)


def test_P_before_the_first_update_is_the_initial_one():
    force = hb.FORCE(neurons(3)[0], "1", initial_P=0.5, bias=True)
    assert np.array_equal(force.P, 0.5 * np.eye(4))


def test_encoder_of_one_column_may_be_a_vector():
    group, _ = neurons(3)
    vector, column = [100, 200, -300] * pA, [[100], [200], [-300]] * pA
    forces = [hb.FORCE(group, "1", E, feedback="I_feedback") for E in (vector, column)]
    for force in forces:
        assert force.encoder.shape == (3, 1)
        assert np.array_equal(force.encoder / pA, column / pA)
        assert force.encoder.dim is amp.dim


def test_feedback_of_several_outputs_is_E_z():
    net = simulated(network(3), 30 * ms)
    force, group = net["force"], net["neurons"]
    assert force.encoder.shape == (20, 3)
    assert np.abs(force.z[:]).max() > 1e-3
    # rounding of a sum of three terms below 1000 pA
    assert np.allclose(group.I_feedback / pA, force.encoder / pA @ force.z[:], rtol=0, atol=1e-12)


def test_without_encoder_the_output_does_not_drive_the_network():
    net = simulated(network(feedback=False), 30 * ms)
    assert not net["force"].has_feedback and net["force"].encoder is None
    assert np.abs(net["force"].z[:]).max() > 1e-3
    assert not np.any(net["neurons"].I_feedback[:])


def test_weights_and_encoder_can_be_set():
    force = network(3, bias=True)["force"]
    weights = np.arange(63.0).reshape(3, 21)
    force.weights = weights
    force.encoder = 2 * encoder(20, 3)
    assert np.array_equal(force.weights, weights)
    assert np.array_equal(force.encoder, 2 * encoder(20, 3))
    assert len(force) == 3


TIMES = np.arange(50) * 1e-4


@check_units(t=second, result=1)
def ramp(t):
    return np.asarray(t) * 1000


TARGETS = {
    "code": ("2*sin(omega*t)", {"namespace": {"omega": 100 / second}}, 2 * np.sin(100 * TIMES)[np.newaxis]),
    "code of the output": ("i + t/ms", {"n_outputs": 3}, np.arange(3)[:, np.newaxis] + TIMES * 1e3),
    "1-D TimedArray": (TimedArray(np.arange(20.0), DT), {}, np.minimum(np.arange(50), 19)[np.newaxis]),
    "2-D TimedArray": (
        TimedArray(np.arange(40.0).reshape(20, 2), DT),
        {},
        2 * np.minimum(np.arange(50), 19) + [[0], [1]],
    ),
    "periodic Target": (
        hb.Target(np.arange(40).reshape(20, 2), DT, periodic=True),
        {},
        2 * (np.arange(50) % 20) + [[0], [1]],
    ),
    "function": ("ramp(t) + 1", {"namespace": {"ramp": ramp}}, (1 + TIMES * 1e3)[np.newaxis]),
}


@pytest.mark.parametrize("reference", [False, True])
@pytest.mark.parametrize(("target", "options", "expected"), TARGETS.values(), ids=TARGETS)
def test_target(target, options, expected, reference):
    group, recurrent = neurons(3)
    force = hb.FORCE(group, target, **options, reference=reference)
    y = StateMonitor(force, "y", record=True, **AFTER)
    simulated(Network(group, recurrent, force, y), 5 * ms)
    assert y.y.shape == expected.shape
    # t itself is rounded: 1e-15 relative of values below 40
    assert np.allclose(y.y, expected, rtol=1e-13, atol=1e-13)


def test_in_a_magic_script():
    group, recurrent = neurons()
    force = hb.FORCE(group, waves(1), encoder(20), start=1 * ms, every=0.5 * ms)
    run(20 * ms)
    expected = simulated(network(), 20 * ms)["force"]
    assert len(recurrent) and force.n_updates[:] == 38
    assert np.array_equal(force.weights, expected.weights)


def test_twelve_networks_in_one_process_are_as_each_alone():
    """Brian2 breaks ties of slot and order by name, so numbered names would change the order."""
    first = outcome(simulated(network(2, seed=3), 20 * ms))
    for _ in range(12):
        group, recurrent = neurons(20, seed=3)
        force = hb.FORCE(group, waves(2), encoder(20, 2), start=1 * ms, every=0.5 * ms)
        spikes = SpikeMonitor(group, when="thresholds", order=1)
        simulated(Network(group, recurrent, force, spikes), 20 * ms)
        assert np.array_equal(force.weights, first["weights"])
        assert np.array_equal([np.array(spikes.t), np.array(spikes.i)], first["spikes"])


@pytest.mark.slow
def test_numpy_goes_on_where_cython_stopped_and_back():
    """The two keep P in another order."""
    options = {**FULL, "start": 0 * ms}
    expected, net = outcome(simulated(network(**options), 60 * ms)), network(**options)
    for target in ("cython", "numpy", "cython"):
        prefs.codegen.target = target
        simulated(net, 20 * ms)
    assert_same(outcome(net), expected, SAME)


# Files


def carry_on(old, new):
    """Copy the state of the neurons; the target's period divides the time, so time may start again."""
    for name in ("v", "w", "IPSC", "r", "I_feedback"):
        new["neurons"].variables[name].set_value(np.array(old["neurons"].variables[name].get_value()))


@pytest.mark.parametrize("reference", [False, True])
@pytest.mark.parametrize("case", [{}, FULL, {"dtype": "float32"}], ids=["plain", "full", "float32"])
def test_training_goes_on_from_a_file_bit_for_bit(case, reference, tmp_path):
    options = {**case, "reference": reference, "start": 0 * ms}
    whole = simulated(network(**options), 40 * ms, 40 * ms)
    first, second_half = simulated(network(**options), 40 * ms), network(**options)
    first["force"].save(tmp_path / "readout.npz")
    second_half["force"].load(tmp_path / "readout.npz", learn=True)
    carry_on(first, second_half)
    simulated(second_half, 40 * ms)
    assert second_half["force"].n_updates[:] == whole["force"].n_updates[:] == 160
    assert np.array_equal(second_half["force"].weights, whole["force"].weights)
    assert np.array_equal(second_half["force"].P, whole["force"].P)


@pytest.mark.parametrize("first_reference", [False, True])
def test_reference_and_native_go_on_from_each_others_files(first_reference, tmp_path):
    options = {**FULL, "start": 0 * ms}
    whole = simulated(network(**options), 80 * ms)
    first = simulated(network(**options, reference=first_reference), 40 * ms)
    first["force"].save(tmp_path / "readout.npz")
    second_half = network(**options, reference=not first_reference)
    second_half["force"].load(tmp_path / "readout.npz", learn=True)
    carry_on(first, second_half)
    simulated(second_half, 40 * ms)
    for name in ("weights", "P"):
        assert np.abs(getattr(second_half["force"], name) - getattr(whole["force"], name)).max() < SAME


@pytest.mark.parametrize("case", [{}, FULL, {"feedback": False}], ids=["plain", "full", "no feedback"])
def test_a_loaded_readout_runs_without_learning(case, tmp_path):
    trained = simulated(network(**case), 40 * ms)["force"]
    trained.save(str(tmp_path / "readout.npz"))
    net = network(**case)
    net["force"].load(str(tmp_path / "readout.npz"))
    simulated(net, 40 * ms)
    force = net["force"]
    assert np.abs(net["z"].z).max() > 1e-3
    assert force.n_updates[:] == trained.n_updates[:]
    assert np.array_equal(force.weights, trained.weights)
    assert np.array_equal(force.P, trained.P)
    if force.has_feedback:
        assert np.array_equal(force.encoder, trained.encoder)


def wrong_file(kind, folder):
    path = folder / "readout.npz"
    if kind == "folder":
        path.mkdir()
    elif kind == "text":
        path.write_text("no readout")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "array":
        np.save(folder / "array.npy", np.zeros(3))
        (folder / "array.npy").rename(path)
    elif kind == "other npz":
        np.savez(path, x=np.zeros(3))
    else:
        network()["force"].save(path)
        whole = path.read_bytes()
        if kind == "truncated":
            path.write_bytes(whole[: len(whole) // 2])
        else:  # a later format
            with np.load(path) as file:
                np.savez(path, **{**file, "format": 99})
    return path


@pytest.mark.parametrize("kind", ["folder", "text", "empty", "array", "other npz", "truncated", "later format"])
def test_load_refuses_what_is_no_readout(kind, tmp_path):
    path, force = wrong_file(kind, tmp_path), network()["force"]
    said = "is a folder, a pipe or a device" if kind == "folder" else "is not a saved readout"
    with pytest.raises(ValueError, match=rf"readout.npz' {said}, expected a "):
        force.load(path)


def test_load_refuses_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none.npz' does not exist, expected a saved readout: check the path"):
        network()["force"].load(tmp_path / "none.npz")


@pytest.mark.parametrize(
    ("other", "options", "message"),
    [
        ({"n": 21}, {}, "has 21 values of _weights, expected 20: the readout must be built with the same neurons"),
        ({"n_outputs": 3}, {}, "has 60 values of _weights, expected 20"),
        ({"feedback": False}, {}, "has no values of _encoder, expected 20"),
        ({"n": 19, "bias": True}, {}, "was saved with bias = True, expected False: build the readout as the saved one"),
        ({"rule": "posterior"}, {"learn": True}, "was saved with rule = 'posterior', expected 'prior'"),
    ],
)
def test_load_refuses_a_readout_that_does_not_fit_and_changes_nothing(other, options, message, tmp_path):
    simulated(network(**other), 20 * ms)["force"].save(tmp_path / "readout.npz")
    force = network()["force"]
    force.weights = np.ones((1, 20))
    with pytest.raises(ValueError, match=re.escape(message)):
        force.load(tmp_path / "readout.npz", **options)
    assert np.array_equal(force.weights, np.ones((1, 20)))
    assert force.n_updates[:] == 0 and force.stop[:] > 1 * second


@pytest.mark.parametrize("function", ["savez", "replace"])
def test_a_full_disk_leaves_the_old_file_whole(function, tmp_path, monkeypatch):
    force, path = network()["force"], tmp_path / "readout.npz"
    force.weights = np.full((1, 20), 2.0)
    force.save(path)

    def full(file, *args, **kwargs):
        if function == "savez":
            file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np if function == "savez" else os, function, full)
    force.weights = np.full((1, 20), 3.0)
    with pytest.raises(OSError, match=r"readout.npz' could not be written \(No space left on device\), expected a"):
        force.save(path)
    monkeypatch.undo()
    assert [file.name for file in tmp_path.iterdir()] == ["readout.npz"]
    force.load(path)
    assert np.array_equal(force.weights, np.full((1, 20), 2.0))


def test_an_interrupted_save_leaves_no_temporary_file(tmp_path, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", interrupt)
    with pytest.raises(KeyboardInterrupt):
        network()["force"].save(tmp_path / "readout.npz")
    assert list(tmp_path.iterdir()) == []


def test_save_into_a_missing_folder(tmp_path):
    with pytest.raises(OSError, match=r"readout.npz' could not be written \(No such file or directory\)"):
        network()["force"].save(tmp_path / "none" / "readout.npz")


# Divergence and other errors


def diverging(rng=None):
    """Silent neurons and P(0) = 2, forgotten hundredfold a step: 2e308 overflows at update 154, at 15.4 ms."""
    group, recurrent = neurons(5, eta=-1000 * pA)
    group.v = hb.Izhikevich.FORCE.v_r
    return Network(group, recurrent, hb.FORCE(group, "1", every=DT, forgetting=0.01, name="force"))


P_DIVERGED = r"P of force is not finite at t = 0.0154 s, expected finite values: reduce the gains, initial_P or the"
OVERFLOW = pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered:RuntimeWarning")


@OVERFLOW
def test_P_that_diverges_stops_a_run():
    with pytest.raises(BrianObjectException) as raised:
        simulated(diverging(), 30 * ms)
    assert isinstance(raised.value.__cause__, DivergenceError)
    assert re.match(P_DIVERGED, str(raised.value.__cause__))


@OVERFLOW
def test_P_that_diverges_in_simulate():
    with pytest.raises(DivergenceError, match=P_DIVERGED):
        hb.simulate(diverging, 30 * ms, device="numpy", record=("z",))


@pytest.mark.standalone
def test_P_that_diverges_in_cpp_standalone():
    with pytest.raises(DivergenceError, match=P_DIVERGED):
        hb.simulate(diverging, 30 * ms, device="cpp_standalone", record=("z",))


BAD = {
    "activity": (
        {"activity": "u"},
        "neurons has no variable 'u' of one value a neuron, .*: build it so, or give it as activity",
    ),
    "feedback": ({"feedback": "J"}, "neurons has no variable 'J' of one value a neuron, .* or give it as feedback"),
    "scalar feedback": ({"feedback": "N"}, "neurons has no variable 'N' of one value a neuron"),
    "every": ({"every": 0.25 * ms}, r"every is .*250. us.*, expected a multiple of the time step"),
    "every 0": ({"every": 0 * ms}, "every is 0. s, expected a multiple of the time step"),
    "start after stop": ({"start": 2 * second, "stop": 1 * second}, "start is 2. s and stop 1. s, expected 0 s <= st"),
    "negative start": ({"start": -1 * second}, r"start is -1. s, expected a time of 0 s or later: give it in seconds"),
    "nan start": ({"start": np.nan * second}, "start is nan s, expected a time of 0 s or later"),
    "initial_P": ({"initial_P": 0}, "initial_P is 0, expected a finite number above 0: 1 to 10 is usual"),
    "infinite P": ({"initial_P": np.inf}, "initial_P is inf, expected a finite number above 0"),
    "forgetting": ({"forgetting": 1.1}, "forgetting is 1.1, expected 0 < forgetting <= 1: give 1 to forget nothing"),
    "no forgetting": ({"forgetting": 0}, "forgetting is 0, expected 0 < forgetting <= 1"),
    "rule": ({"rule": "both"}, "rule is 'both', expected prior, posterior: choose one of them"),
    "dtype": ({"dtype": "float16"}, "dtype = 'float16', expected 'float64' or 'float32'; choose one of them"),
    "width": ({"n_outputs": 2}, "target has 1 outputs, expected n_outputs = 2: leave n_outputs out"),
    "no outputs": ({"target": "1", "n_outputs": 0}, "n_outputs is 0, expected an integer of at least 1"),
    "target dt": (
        {"target": hb.Target([[1.0]], 0.2 * ms, periodic=True)},
        "target has the time step 200. us, expected that of the source, 100. us: make it with the same dt",
    ),
    "encoder size": (
        {"encoder": np.ones(4) * pA},
        r"encoder has shape \(4, 1\), expected \(3, 1\): neurons and outputs",
    ),
    "encoder width": ({"encoder": np.ones((3, 2)) * pA}, r"encoder has shape \(3, 2\), expected \(3, 1\)"),
    "nan encoder": (
        {"encoder": [1, np.nan, 1] * pA},
        "encoder of element 1 is nan, expected finite numbers: check",
    ),
}


@pytest.mark.parametrize(("options", "message"), BAD.values(), ids=BAD)
def test_bad_values(options, message):
    group, _ = neurons(3)
    options = {"target": waves(1), "encoder": np.ones(3) * pA, **options}
    with pytest.raises(ValueError, match=message):
        hb.FORCE(group, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoder": np.ones(3)}, "encoder has the wrong unit, expected A: multiply by it"),
        ({"encoder": np.ones(3) * volt}, "encoder has the wrong unit, expected A: multiply by it"),
        ({"start": 1}, "start"),
        ({"stop": 1 * volt}, "stop"),
        ({"every": 1}, "every"),
        ({"target": TimedArray(np.ones(3) * volt, DT)}, "target has a unit, expected plain numbers: divide by it"),
    ],
)
def test_bad_units(options, message):
    group, _ = neurons(3)
    with pytest.raises(DimensionMismatchError, match=message):
        hb.FORCE(group, **{"target": "1", **options})


def test_target_of_another_type():
    with pytest.raises(TypeError, match=r"target is a ndarray, expected a TimedArray or Brian2 code: make one with"):
        hb.FORCE(neurons(3)[0], np.ones(3))


def test_a_population_without_feedback_cannot_be_driven():
    group, _ = neurons(3, feedback=False)
    hb.FORCE(group, "1")
    with pytest.raises(ValueError, match=r"no variable 'I_feedback' of one value a neuron.* and feedback=True: build"):
        hb.FORCE(group, "1", np.ones(3) * pA)


def test_a_part_of_a_population_is_refused():
    """The generated code reads whole arrays, so it would read the first neurons instead of the part."""
    group, _ = neurons(5)
    with pytest.raises(ValueError, match="has no variable 'r' of one value a neuron"):
        hb.FORCE(group[2:], "1")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones((1, 4)), r"weights has shape \(1, 4\), expected \(1, 3\): neurons and outputs must fit"),
        (np.full((1, 3), np.inf), "weights of element 0 is inf, expected finite numbers"),
    ],
)
def test_bad_weights(values, message):
    force = hb.FORCE(neurons(3)[0], "1")
    with pytest.raises(ValueError, match=message):
        force.weights = values
    assert np.array_equal(force.weights, np.zeros((1, 3)))


def test_encoder_of_a_readout_without_feedback():
    force = hb.FORCE(neurons(3)[0], "1")
    with pytest.raises(ValueError, match="this readout has no feedback, expected none to set: construct it with an en"):
        force.encoder = np.ones(3) * pA


def test_the_reference_refuses_standalone():
    set_device("cpp_standalone", build_on_run=False)
    with pytest.raises(NotImplementedError, match="reference implementation is a network operation, which standalone"):
        hb.FORCE(neurons(3)[0], "1", reference=True)


def test_a_device_without_templates_is_refused(monkeypatch):
    class Other:
        pass

    group, _ = neurons(3)
    monkeypatch.setattr(type(get_device()), "code_object_class", lambda self, *args, **kwargs: Other)
    with pytest.raises(
        NotImplementedError, match=r"the device generates code as Other, expected one of NumpyCodeObject, Cy"
    ):
        hb.FORCE(group, "1")


def test_code_that_cython_cannot_compile_is_an_error(monkeypatch):
    """Brian2 skips a code object whose compilation left nothing, so the network would run and not learn."""
    net = network()
    monkeypatch.setattr(CythonCodeObject, "compile_block", lambda self, block: None)
    prefs.codegen.target = "cython"
    with pytest.raises(BrianObjectException) as raised:
        simulated(net, 1 * ms)
    assert re.match("Cython could not compile force_step.*, expected working code", str(raised.value.__cause__))


def test_the_docstring_names_every_parameter():
    parameters = list(inspect.signature(hb.FORCE.__init__.__wrapped__).parameters)[1:]
    for name in parameters:
        assert re.search(rf"^    ([a-z_, ]+, )?{name}(, [a-z_, ]+)? : ", hb.FORCE.__doc__, re.MULTILINE), name


@pytest.mark.standalone
@pytest.mark.parametrize("case", [{"n_outputs": 3, "bias": True}, {"dtype": "float32"}], ids=["float64", "float32"])
def test_threads_change_nothing_but_the_order_of_sums(case, tmp_path):
    """600 weights and more are three tiles of float64 or two of float32, so that one of the threads may have none."""
    case = {**case, "n": 600}
    expected = outcome(simulated(network(**case), 20 * ms))
    set_device("cpp_standalone", build_on_run=False)
    prefs.hetbrian.threads = 3
    before = {name: prefs[name] for name in prefs}
    try:
        net = simulated(network(**case), 20 * ms)
        get_device().build(directory=str(tmp_path), with_output=False)
        assert "-fopenmp" in (tmp_path / "makefile").read_text()
        assert get_device().run_environment_variables["OMP_WAIT_POLICY"] == "passive"
        assert_same(outcome(net), expected, bound(case))
        assert {name: prefs[name] for name in prefs} == before
    finally:
        prefs.hetbrian.threads = 1


def test_threads_in_cython_are_flags_of_our_code_only(monkeypatch):
    given = {}
    monkeypatch.setattr(
        CythonCodeObject, "compile_block", lambda self, block: given.update({self.name: self.extra_compile_args})
    )
    net = network()
    prefs.codegen.target, prefs.hetbrian.threads = "cython", 2
    before = {name: prefs[name] for name in prefs}
    try:
        with pytest.raises(BrianObjectException):  # nothing was compiled
            simulated(net, 1 * ms)
        assert {name: prefs[name] for name in prefs} == before
    finally:
        prefs.hetbrian.threads = 1
    ours = {name: "-fopenmp" in flags for name, flags in given.items()}
    assert ours["force_step_codeobject"] and not ours["neurons_stateupdater_codeobject"]


@pytest.mark.parametrize(
    ("dt", "every"),
    [(0.04 * ms, 0.8 * ms), (0.1 * ms, 0.8 * ms), (0.03 * ms, 0.81 * ms), (0.5 * ms, 1 * ms), (2 * ms, 2 * ms)],
)
def test_the_usual_interval_is_the_multiple_of_the_step_that_is_nearest(dt, every):
    force = hb.FORCE(NeuronGroup(3, "r : 1", dt=dt), "0.1")
    assert float(force.every) == pytest.approx(float(every), rel=1e-9)


def test_every_is_the_time_that_was_given_and_can_be_another():
    force = hb.FORCE(neurons(3)[0], "1", every=0.3 * ms)  # 3*0.1 is not 0.3
    assert float(force.every) == float(0.3 * ms)
    force.every = 0.7 * ms
    assert float(force.every) == float(0.7 * ms) and force.variables["_every"].get_value()[0] == 7
    force.variables["_every"].set_value(9)  # as a run with values does
    assert float(force.every) == pytest.approx(0.9e-3, rel=1e-15)
    for wrong, error, message in (
        (5, DimensionMismatchError, "every is 5, expected a quantity in s: check its unit"),
        (0.25 * ms, ValueError, "every is .*250. us.*, expected a multiple of the time step"),
    ):
        with pytest.raises(error, match=message):
            force.every = wrong
    assert float(force.every) == pytest.approx(0.9e-3, rel=1e-15)


class LeastMeanSquares(ReadoutOperation):
    """Another rule, as a user writes it."""

    def learn(self, activity, target):
        self.rls.weights -= 0.01 * np.outer(self.rls.predict(activity) - target, activity)


class MadeAnew(ReadoutOperation):
    """The same, with weights that are another array after each sample."""

    def learn(self, activity, target):
        error = self.rls.predict(activity) - target
        self.rls.weights = self.rls.weights - 0.01 * np.outer(error, activity)


@pytest.mark.parametrize("rule", [LeastMeanSquares, MadeAnew])
def test_a_rule_of_ones_own_is_a_class_derived_from_the_operation(rule):
    net = simulated(network(feedback=False, reference=rule), 50 * ms)
    force = net["force"]
    assert force.n_updates[:] == 98 and 0.01 < np.abs(force.weights).max() < 10
    assert np.array_equal(force.P, np.zeros((20, 20)))  # it has none
    same = simulated(network(feedback=False, reference=True), 50 * ms)["force"]
    assert np.abs(same.weights - force.weights).max() > 0.1


@pytest.mark.parametrize(
    ("device", "expected"),
    [("runtime", {"_c", "_tiles"}), ("cpp_standalone", {"_c", "_tiles"})],
)
def test_a_device_allocates_only_its_own_scratch_arrays(device, expected):
    set_device(device, **({} if device == "runtime" else {"build_on_run": False}))
    force = hb.FORCE(neurons(3)[0], "1")
    assert {"_c", "_tiles", "_x", "_product"} & force.variables.keys() == expected


@pytest.mark.parametrize("threads", [0, -1, 1.5, "two"])
def test_threads_are_a_positive_whole_number(threads):
    with pytest.raises(PreferenceError, match=r"Value .* for preference 'hetbrian\.threads' is invalid"):
        prefs.hetbrian.threads = threads


def test_more_weights_than_a_standalone_program_can_count_are_refused(monkeypatch):
    monkeypatch.setattr(force_module, "LARGEST", 20**2)
    group, _ = neurons(20)
    hb.FORCE(group, "1", bias=True)  # runtime has no such limit
    set_device("cpp_standalone", build_on_run=False)
    group, _ = neurons(20)
    hb.FORCE(group, "1")
    with pytest.raises(
        ValueError, match=r"neurons gives 21 weights, expected at most 20 on a standalone device, whose"
    ):
        hb.FORCE(group, "1", bias=True, name="larger")
    group, _ = neurons(40)
    with pytest.raises(
        ValueError, match=r"gives 20 weights in each of 2 networks, expected at most 14 on a standalone"
    ):
        hb.FORCE(group, "1", networks=2)
    assert 46340**2 < 2**31 < 46341**2 and force_module.math.isqrt(2**31 - 1) == 46340


def test_a_network_operation_beside_force_is_refused_in_standalone(tmp_path):
    """Also in a script that does not use simulate: Brian2 would leave it out of the program without a word."""
    set_device("cpp_standalone", build_on_run=False)
    net = network()
    net.add(NetworkOperation(lambda: None, clock=net["neurons"].clock, name="mine"))
    with pytest.raises(BrianObjectException) as raised:
        simulated(net, 1 * ms)
    assert re.match("the network holds the network operation 'mine', which the stand", str(raised.value.__cause__))


@pytest.mark.slow
@pytest.mark.standalone
@pytest.mark.parametrize("device", ["numpy", "cpp_standalone"])
@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")  # Brian2 compares float32 with 1e50
def test_float32_state_of_the_whole_network_learns_the_same(device, tmp_path):
    """prefs.core.default_float_dtype: half the memory traffic of every state variable; the readout stays double."""
    if device == "cpp_standalone":
        set_device(device, build_on_run=False)
    dtype = prefs.core.default_float_dtype
    prefs.core.default_float_dtype = np.float32
    try:
        net = simulated(network(2, start=0 * ms), 50 * ms)
        if device == "cpp_standalone":
            get_device().build(directory=str(tmp_path), with_output=False)
        single = outcome(net)
        assert net["neurons"].variables["v"].dtype == np.float32 and net["force"].variables["z"].dtype == np.float64
    finally:
        prefs.core.default_float_dtype = dtype
    if device == "cpp_standalone":
        get_device().reinit()
        set_device("runtime")
    double = outcome(simulated(network(2, start=0 * ms), 50 * ms))
    early = lambda found: found["spikes"][:, found["spikes"][0] < 0.01]  # noqa: E731
    assert np.array_equal(early(single), early(double)) and early(double).shape[1] > 5
    # r is a sum of float32 numbers near 1 (6e-8 each), and 100 updates amplify it while the spikes are the same
    assert np.abs(single["z"][:, :100] - double["z"][:, :100]).max() < 1e-4
    assert single["n_updates"] == double["n_updates"] == 100


@pytest.mark.parametrize("name", ["rule", "bias"])
def test_what_stands_in_the_code_cannot_be_set_afterwards(name):
    group, _ = neurons()
    force = hb.FORCE(group, "1")
    with pytest.raises(AttributeError, match=f"property '{name}' of 'FORCE' object has no setter"):
        setattr(force, name, "posterior")
