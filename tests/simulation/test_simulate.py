import inspect
import json
import os
import re
import tempfile

import brian2
import numpy as np
import pytest
from brian2 import (
    Clock,
    DimensionMismatchError,
    Network,
    NetworkOperation,
    NeuronGroup,
    SpikeMonitor,
    StateMonitor,
    amp,
    defaultclock,
    get_device,
    ms,
    pA,
    prefs,
    second,
    set_device,
    volt,
)
from brian2.devices.device import previous_devices
from numpy.random import default_rng

import hetbrian as hb
from hetbrian import simulate as simulate_model
from hetbrian._support.errors import DivergenceError
from hetbrian.published import force_network
from hetbrian.simulation.guard import Guard
from tests.caches import without_programs

DT = 0.1 * ms
SIZE = 20
VERSIONS = {"hetbrian", "brian2", "numpy", "python", "git_revision"}
# Sums of 20 terms in another order differ by 4e-15 of z, which is of order 1; 200 updates accumulate.
SAME = 1e-12
OVERFLOW = pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered:RuntimeWarning")


def model(rng, *, eta=1500 * pA, w=None, readout=None):
    """Return a FORCE network, with initial recovery currents w, and a group that draws Brian2's own random numbers."""
    network = force_network(
        rng,
        n_neurons=SIZE,
        recurrent_gain=500 * pA,
        feedback_gain=1000 * pA,
        eta=eta,
        eta_half_width=20 * pA,
        start=2 * ms,
        stop=80 * ms,
        every=0.5 * ms,
        readout=readout,
        dt=DT,
    )
    network["neurons"].w = np.zeros(SIZE) * amp if w is None else w
    clock = network["neurons"].clock
    noise = "dx/dt = xi/sqrt(ms) : 1"
    network.add(NeuronGroup(3, noise, method="euler", clock=clock, namespace={"ms": ms}, name="noise"))
    return network


def short(**options):
    return simulate_model(model, 20 * ms, **{"device": "numpy", "record_dt": DT, **options})


def active():
    return type(get_device()).__name__, get_device().build_on_run


def test_is_the_same_as_a_script_of_brian2():
    dataset = short(seed=5)
    brian2.seed(5)
    network = model(default_rng(5))
    z = StateMonitor(network["force"], "z", record=True, when="end", order=3)
    spikes = SpikeMonitor(network["neurons"], when="thresholds", order=1)
    network.add(z, spikes)
    network.run(20 * ms, namespace={})
    assert set(dataset.variables) == {"z", "y", "time", "output", "spike_time", "spike_neuron"}
    assert np.array_equal(dataset.z.T, z.z) and np.abs(z.z).max() > 0
    assert np.array_equal(dataset.spike_time, spikes.t / second) and len(spikes.t) > 10
    assert np.array_equal(dataset.spike_neuron, spikes.i[:])


def test_the_seed_decides():
    """Of the numbers that the model draws and of Brian2's own."""
    noises = []
    runs = [short(seed=seed, finish=lambda net: noises.append(net["noise"].x[:].copy())) for seed in (1, 2, 1)]
    first, other, again = (run.drop_attrs() for run in runs)
    assert first.identical(again) and np.array_equal(noises[0], noises[2])
    assert not np.array_equal(first.z, other.z) and not np.array_equal(noises[0], noises[1])
    assert first.spike_time.size != other.spike_time.size or not np.array_equal(first.spike_time, other.spike_time)


def test_the_default_device_is_runtime_with_the_preferred_target():
    seen = []
    dataset = short(device="runtime", finish=lambda network: seen.append((active()[0], prefs.codegen.target)))
    assert seen == [("RuntimeDevice", "numpy")]
    assert dataset.attrs["device"] == "runtime"


def test_provenance():
    dataset = short(seed=4, eta=1400 * pA)
    assert set(dataset.attrs) == {"seed", "duration", "device", "parameters", "model"} | VERSIONS
    assert dataset.attrs["seed"] == 4 and dataset.attrs["duration"] == 0.02 and dataset.attrs["device"] == "numpy"
    assert dataset.attrs["parameters"] == '{"eta": "1.4 nA"}'
    assert dataset.attrs["model"].endswith("test_simulate.model")
    assert dataset.attrs["hetbrian"] == hb.__version__ and dataset.attrs["brian2"] == brian2.__version__


def test_monitors_only_what_was_asked_for():
    seen = {}

    def look(network):
        seen[len(seen)] = sorted(item.name for item in network.objects)

    plain = ["force", "guard_neurons", "neurons", "noise", "recurrent"]
    for record, monitors in (((), []), ("spikes", ["monitor_spikes"]), (("z", "eta"), ["monitor_z"])):
        short(record=record, finish=look)
        assert seen[len(seen) - 1] == sorted([*plain, *monitors])


def test_finish_saves_a_readout_that_the_next_run_uses(tmp_path):
    path = tmp_path / "readout.npz"
    trained = short(record="weights", finish=lambda network: network["force"].save(path))
    replay = short(record=("weights", "z"), readout=path)
    assert np.array_equal(replay.weights, trained.weights) and np.abs(replay.weights).max() > 0.01
    assert replay.attrs["parameters"] == json.dumps({"readout": str(path)})


# What is the user's comes back


@pytest.mark.parametrize("device", ["numpy", "cpp_standalone"])
@pytest.mark.parametrize("before", ["runtime", "cpp_standalone"])
def test_device_target_and_time_step_come_back_after_an_error(before, device, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    set_device(before, build_on_run=before == "runtime")
    prefs.codegen.target = "cython"
    defaultclock.dt = 0.2 * ms
    was, depth = active(), len(previous_devices)
    seen = []

    def fails(rng):
        seen.append((active()[0], prefs.codegen.target))
        defaultclock.dt = 0.05 * ms
        raise LookupError("of the model")

    with pytest.raises(LookupError, match="of the model"):
        simulate_model(fails, 1 * ms, device=device)
    assert seen == [("RuntimeDevice", "numpy") if device == "numpy" else ("CPPStandaloneDevice", "cython")]
    assert active() == was and len(previous_devices) == depth
    assert prefs.codegen.target == "cython" and defaultclock.dt / ms == pytest.approx(0.2)
    assert list(tmp_path.glob("hetbrian_*")) == [] and "HETBRIAN_SEED" not in os.environ


@pytest.mark.parametrize("before", ["runtime", "cpp_standalone"])
def test_device_and_target_come_back_after_success(before):
    set_device(before, build_on_run=before == "runtime")
    prefs.codegen.target = "cython"
    was, depth = active(), len(previous_devices)
    short()
    assert active() == was and len(previous_devices) == depth and prefs.codegen.target == "cython"


def test_objects_on_a_standalone_device_are_left_alone():
    set_device("cpp_standalone", build_on_run=False)
    group = NeuronGroup(3, "v : 1", name="mine", namespace={})
    group.v = [1, 2, 3]
    with pytest.raises(RuntimeError, match="cpp_standalone holds Brian2 objects already, expected none, because simu"):
        short(device="cpp_standalone")
    short()
    assert active()[0] == "CPPStandaloneDevice" and group.v[:].tolist() == [1, 2, 3]


@pytest.mark.standalone
def test_preferences_and_environment_come_back_after_a_program_with_threads(tmp_path, monkeypatch):
    """Also after an error."""
    monkeypatch.setenv("HETBRIAN_CACHE", str(tmp_path))  # a program of its own
    for name in ("OMP_WAIT_POLICY", "LD_BIND_NOW"):
        monkeypatch.delenv(name, raising=False)
    prefs.hetbrian.threads = 2
    before, environment = {name: prefs[name] for name in prefs}, dict(os.environ)

    def fails(network):
        assert os.environ["OMP_WAIT_POLICY"] == "passive"
        raise LookupError("of the caller")

    try:
        with pytest.raises(LookupError, match="of the caller"):
            short(device="cpp_standalone", finish=fails)
        assert {name: prefs[name] for name in prefs} == before and dict(os.environ) == environment
    finally:
        prefs.hetbrian.threads = 1


# Parameters of the model


def test_parameters_reach_the_model_by_either_way():
    plain = short(eta=1400 * pA)
    assert short(parameters={"eta": 1400 * pA}).identical(plain)
    assert json.loads(plain.attrs["parameters"]) == {"eta": "1.4 nA"}


def test_a_parameter_called_like_an_option_is_given_in_parameters():
    def seeded(rng, seed=0):
        return model(rng, eta=(1400 + seed) * pA)

    run = simulate_model(seeded, 1 * ms, device="numpy", seed=5, record="eta", parameters={"seed": 2})
    assert run.attrs["seed"] == 5 and run.attrs["parameters"] == json.dumps({"seed": "2"})
    assert not run.eta.equals(
        simulate_model(seeded, 1 * ms, device="numpy", seed=5, record="eta", parameters={"seed": 3}).eta
    )
    message = r"'seed' is an option of simulate and a parameter of the model, expected .* parameters={'seed': ...}"
    with pytest.raises(ValueError, match=message):
        simulate_model(seeded, 1 * ms, device="numpy", seed=5)


def test_a_parameter_that_is_given_twice_is_refused():
    with pytest.raises(ValueError, match="'eta' is in parameters and a keyword too, expected one of them: leave out"):
        short(parameters={"eta": 1400 * pA}, eta=1300 * pA)


def bare(rng, **others):
    return Network(NeuronGroup(2, "v : 1", clock=Clock(DT), namespace={}, name="cells"))


@pytest.mark.parametrize(("name", "meant"), [("recrd", "record"), ("record_dtt", "record_dt"), ("devise", "device")])
def test_a_misspelt_option_is_no_parameter_of_any_model(name, meant):
    with pytest.raises(
        ValueError, match=rf"'{name}' is no option of simulate and no param.*: did you mean '{meant}'\?"
    ):
        simulate_model(bare, 1 * ms, **{name: "v"})


def test_parameters_that_are_not_much_like_an_option_reach_the_model():
    others = {"reset": "capped", "rate": 3, "target": 4, "direction": 5}
    run = simulate_model(bare, 1 * ms, device="numpy", record="v", parameters={"recrd": 1}, **others)
    assert json.loads(run.attrs["parameters"]) == {"recrd": "1", **{key: str(value) for key, value in others.items()}}


def test_the_default_record_needs_a_readout():
    with pytest.raises(ValueError, match=r"'spikes'\) by default, expected a readout, .* of cells lacks: give what to"):
        simulate_model(bare, 1 * ms, device="numpy")


# Progress


def test_progress_is_written_to_stderr(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    monkeypatch.setenv("TERM", "xterm")
    short(progress=True)
    written = capsys.readouterr()
    assert written.out == "" and "simulating" in written.err and "100%" in written.err


def test_without_progress_nothing_is_written(capfd):
    short()
    assert capfd.readouterr() == ("", "")


# C++ standalone: every run below has one and the same program


@pytest.fixture(scope="module")
def cpp_programs(tmp_path_factory):
    """Keep the programs of this module apart, to count them."""
    folder = tmp_path_factory.mktemp("cpp_programs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HETBRIAN_CACHE", without_programs(folder))
        yield folder


RECORDED = ("z", "y", "v", "spikes", "weights", "eta")


def compiled(device="cpp_standalone", **options):
    progress = device == "cpp_standalone"
    options = {"seed": 1, "record": RECORDED, "record_dt": 0.5 * ms, "progress": progress, **options}
    return simulate_model(model, 100 * ms, device=device, **options)


@pytest.mark.standalone
def test_cpp_standalone_simulates_the_same_network(cpp_programs, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    expected, was = compiled("numpy"), active()
    capfd.readouterr()
    actual = compiled(finish=lambda network: network["force"].save(tmp_path / "readout.npz"))
    written = capfd.readouterr()
    assert written.out == "" and "100 % simulated, about 0 s left" in written.err
    assert active() == was
    assert list(tmp_path.glob("hetbrian_*")) == [] and "HETBRIAN_SEED" not in os.environ
    assert expected.spike_time.size > 50
    assert np.array_equal(actual.spike_neuron, expected.spike_neuron)
    assert np.array_equal(actual.spike_time, expected.spike_time)
    assert np.array_equal(actual.time, expected.time) and np.array_equal(actual.eta, expected.eta)
    for name in ("z", "y", "weights"):
        assert np.abs(actual[name] - expected[name]).max() < SAME, name
    assert np.abs(actual.v - expected.v).max() < 1e-9  # mV; 1e-11 of the range of v, which grows e-fold in some ms
    same = set(expected.attrs) - {"device", "git_revision"}  # a commit may come between
    assert {name: actual.attrs[name] for name in same} == {name: expected.attrs[name] for name in same}
    assert set(actual.attrs) == set(expected.attrs) and actual.attrs["device"] == "cpp_standalone"
    trained = simulate_model(model, 1 * ms, device="numpy", record="weights", readout=tmp_path / "readout.npz")
    assert np.array_equal(trained.weights, actual.weights)


@pytest.mark.standalone
def test_cpp_standalone_runs_every_seed_with_one_program(cpp_programs, tmp_path):
    noises = []

    def run(seed, **options):
        finish = lambda network: noises.append(np.array(network["noise"].x[:]))  # noqa: E731
        return compiled(seed=seed, finish=finish, **options).drop_attrs()

    first, other, again = run(1), run(2), run(1, directory=tmp_path / "project")
    assert first.identical(again) and np.array_equal(noises[0], noises[2])
    assert not np.array_equal(first.z, other.z) and not np.array_equal(noises[0], noises[1])
    assert (tmp_path / "project" / "main").exists()
    assert sum(path.is_file() and not path.suffix for path in cpp_programs.iterdir()) == 1


EXPLOSIVE = np.where(np.arange(SIZE) == 3, 1e200, 0) * amp
"""w of neuron 3 throws v so far in one step that its square overflows in the next; the next look is at 10 ms."""


@OVERFLOW
@pytest.mark.parametrize("device", ["numpy", pytest.param("cpp_standalone", marks=pytest.mark.standalone)])
def test_a_neuron_that_diverges_is_named(device, cpp_programs):
    message = r"v of neuron 3 is not finite at t = 0.01 s, expected finite values: reduce the gains or the time step"
    with pytest.raises(DivergenceError, match=message) as raised:
        compiled(device, w=EXPLOSIVE)
    assert raised.value.__cause__ is None
    assert active()[0] == "RuntimeDevice"


@OVERFLOW
def test_a_neuron_that_diverges_before_the_first_look_is_named():
    with pytest.raises(DivergenceError, match=r"v of neuron 3 is not finite at t = 0.005 s"):
        simulate_model(model, 5 * ms, device="numpy", w=EXPLOSIVE)


def test_any_time_step_can_be_guarded():
    def odd(rng):
        return Network(NeuronGroup(1, "dv/dt = 1/ms : 1", method="euler", clock=Clock(0.03 * ms), namespace={"ms": ms}))

    looks = []
    simulate_model(
        odd,
        3 * ms,
        device="numpy",
        record=(),
        finish=lambda network: looks.extend(
            round(float(g.every) / 0.03e-3) for g in network.objects if isinstance(g, Guard)
        ),
    )
    assert looks == [333]


# Errors


def never(rng):
    raise AssertionError("the model was built")


@pytest.mark.parametrize("duration", [0 * ms, -1 * ms, np.inf * ms, np.nan * ms])
def test_duration_out_of_range(duration):
    with pytest.raises(ValueError, match=re.escape(f"duration is {duration}, expected a positive time: give it in")):
        simulate_model(never, duration)


@pytest.mark.parametrize(("duration", "record_dt", "name"), [(1, 1 * ms, "duration"), (1 * ms, 1 * volt, "record_dt")])
def test_times_of_another_unit(duration, record_dt, name):
    with pytest.raises(DimensionMismatchError, match=name):
        simulate_model(never, duration, record_dt=record_dt)


@pytest.mark.parametrize("device", ["cpp", "gpu", None])
def test_unknown_device(device):
    with pytest.raises(ValueError, match=f"device is {device!r}, expected runtime, numpy, cython, cpp"):
        simulate_model(never, 1 * ms, device=device)


def test_unknown_record_stops_before_the_run():
    def finished(network):
        raise AssertionError("the network ran")

    with pytest.raises(
        ValueError, match=r"record has 'voltage', expected 'object.variable' or a short name among z, y, weights, v"
    ):
        short(record=("z", "voltage"), finish=finished)


def test_a_model_that_returns_no_network():
    with pytest.raises(TypeError, match=r"model returned a NoneType, expected a brian2 Network: return Network\("):
        simulate_model(lambda rng: None, 1 * ms)


class Owner(brian2.Group):
    """Hide a network operation among what an object contains."""

    def __init__(self, operation):
        super().__init__(name="owner", clock=operation.clock, when="start", order=0)
        self.contained_objects.append(operation)


@pytest.mark.parametrize("contained", [False, True])
def test_network_operations_run_in_runtime_and_are_refused_in_standalone(contained):
    calls = []

    def operating(rng):
        operation = NetworkOperation(lambda: calls.append(1), clock=Clock(DT), name="mine")
        return Network(Owner(operation) if contained else operation)

    simulate_model(operating, 1 * ms, device="numpy", record=())
    assert len(calls) == 10
    with pytest.raises(NotImplementedError, match="network operation 'mine', which cpp_standalone ignores; expected"):
        simulate_model(operating, 1 * ms, device="cpp_standalone", record=())
    assert len(calls) == 10


def test_other_errors_of_a_run_come_through():
    def failing(rng):
        def fail():
            raise LookupError("in the run")

        return Network(NetworkOperation(fail, clock=Clock(DT)))

    with pytest.raises(LookupError, match="in the run"):
        simulate_model(failing, 1 * ms, device="numpy", record=())
    assert active()[0] == "RuntimeDevice"


def test_an_error_in_the_code_of_a_model_comes_through():
    def misspelt(rng):
        return Network(NeuronGroup(1, "dv/dt = frequenzy : 1", method="euler", namespace={}, clock=Clock(DT)))

    with pytest.raises(brian2.BrianObjectException) as raised:
        simulate_model(misspelt, 1 * ms, device="numpy", record=())
    assert "frequenzy" in str(raised.value.__cause__)


def test_the_docstring_names_every_parameter():
    for name in inspect.signature(simulate_model).parameters:
        prefix = r"\*\*" if name == "keywords" else ""
        assert re.search(rf"^    ([\w, ]+, )?{prefix}{name}( : |,|$)", simulate_model.__doc__, re.MULTILINE), name


@pytest.mark.parametrize("options", [{"parameters": {"rng": 1}}, {"rng": 1}])
def test_the_generator_is_not_a_parameter(options):
    with pytest.raises(
        ValueError, match=r"'rng' is what simulate gives the model itself, expected no other: give seed="
    ):
        simulate_model(lambda rng: None, 1 * ms, device="numpy", **options)
