import gc
import inspect
import os
import re
import shlex
import subprocess
import tempfile
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from brian2 import Clock, DimensionMismatchError, Network, NeuronGroup, get_device, ms, mV, pA, prefs

import hetbrian as hb
from hetbrian._support.errors import DivergenceError
from hetbrian.published import force_network
from hetbrian.simulation import device as device_module
from hetbrian.simulation import standalone
from hetbrian.simulation.externals import externalise
from hetbrian.simulation.program import CODEGEN_ONLY, Generated, Program
from hetbrian.simulation.values import len_of
from tests.caches import without_programs

SIZE = {"n_neurons": 40, "start": 2 * ms, "stop": 30 * ms, "dt": 0.1 * ms, "recurrent_gain": 500 * pA, "eta": 1500 * pA}
DURATION = 40 * ms
RECORD = ("z", "y", "spikes", "weights", "eta")
STANDALONE = pytest.param("cpp_standalone", marks=pytest.mark.standalone)


@pytest.fixture(scope="module", autouse=True)
def own_programs(tmp_path_factory):
    """Keep the programs of this module apart from others', so that the first is compiled here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HETBRIAN_CACHE", without_programs(tmp_path_factory.mktemp("programs")))
        yield


def program(device, **options):
    return Program(force_network, DURATION, record=RECORD, device=device, **{**SIZE, **options})


def drawn(seed, network):
    """Return values of every kind, another draw for each seed."""
    rng, n = np.random.default_rng(seed), SIZE["n_neurons"]
    n_synapses = len_of(network["recurrent"].variables["omega"])
    return {
        "neurons.eta": hb.Gaussian(1500 * pA, 100 * pA).draw(n, rng),
        "neurons.g": hb.Gaussian(1.0, 0.1).draw(n, rng),
        "neurons.theta": 0.002 * seed,
        "neurons.v": rng.uniform(-60, 30, n) * mV,
        "recurrent.omega": rng.standard_normal(n_synapses) * 500 * pA,
        "force.encoder": rng.uniform(-1, 1, n) * 1000 * pA,
        "force.weights": rng.standard_normal((1, n)) * 1e-3,
        "force.start": (3 + seed % 20) * ms,
        "force.initial_P": 1.0 + seed,
        "sine.values": rng.standard_normal((2000, 1)),
    }


def same(first, second):
    assert set(first.variables) == set(second.variables)
    return all(np.array_equal(first[name], second[name]) for name in first.variables)


@pytest.mark.standalone
def test_runs_of_one_build_equal_fresh_builds_bit_for_bit(monkeypatch, tmp_path):
    """Three of each; ``HETBRIAN_FRESH_BUILDS=100`` takes a hundred, half an hour."""
    with program("cpp_standalone") as kept:
        values = [drawn(seed, kept.network) for seed in range(int(os.environ.get("HETBRIAN_FRESH_BUILDS", 3)))]
        runs = [kept.run(value) for value in values]
        assert same(kept.run(values[2]), runs[2])  # none leaves anything behind
    assert not any(same(runs[0], other) for other in runs[1:])
    assert all(run.spike_time.size > 50 and np.abs(run.weights).max() > 0.01 for run in runs)
    for number, (value, run) in enumerate(zip(values, runs, strict=True)):
        monkeypatch.setenv("HETBRIAN_CACHE", str(tmp_path / str(number)))
        with program("cpp_standalone") as fresh:
            assert same(fresh.run(value), run), number
        print(f"{number + 1} of {len(runs)} the same")
        kept = [path for path in (tmp_path / str(number)).iterdir() if path.is_file() and not path.suffix]
        assert len(kept) == 1  # it was compiled


@pytest.mark.standalone
def test_the_state_update_is_vectorised_and_stays_the_same_bit_for_bit(monkeypatch, tmp_path):
    def vectorised(folder):
        flags = re.search(r"^OPTIMISATIONS = (.*)$", (folder / "makefile").read_text(), re.MULTILINE)[1]
        command = [os.environ.get("CXX", "g++"), "-c", *shlex.split(flags), "-I.", "-fopt-info-vec", "-o", "state.o"]
        (source,) = (folder / "code_objects").glob("neurons_stateupdater_codeobject*.cpp")  # numbered if another lives
        said = subprocess.run([*command, source], cwd=folder, capture_output=True, text=True, check=True)
        return "loop vectorized" in said.stdout + said.stderr

    runs = []
    for name in ("with", "without"):
        before = list(prefs.codegen.cpp.extra_compile_args_gcc)
        with program("cpp_standalone", directory=tmp_path / name, synapse="double_exponential") as opened:
            runs.append(opened.run())
        assert prefs.codegen.cpp.extra_compile_args_gcc == before
        assert vectorised(tmp_path / name) == (name == "with")
        monkeypatch.setattr(device_module, "VECTORISED", "-O3")
    assert same(*runs) and runs[0].spike_time.size > 50


@pytest.mark.standalone
def test_the_order_of_clocks_does_not_matter_to_a_program(tmp_path):
    def fingerprint(folder, is_reversed):
        """Return that of two clocks, whose order in Brian2's set depends on their addresses."""
        gc.collect()  # the names of the network before are free again
        with device_module.activated("cpp_standalone", None):
            clocks = [Clock(dt * ms, name=name) for name, dt in (("first", 0.1), ("second", 0.2))]
            groups = [NeuronGroup(1, "x : 1", clock=clock, name=f"{clock.name}_group") for clock in clocks]
            for group in groups:
                group.run_regularly("x += 1", clock=group.clock)
            Network(groups).run(1 * ms)
            device = get_device()
            queue, names = device.main_queue, sorted(clock.name for clock in clocks)
            start = [f"_array_{name}_{what}" for name in names for what in ("timestep", "t")]
            order = [entry[1][0] for entry in queue[-5:-1]]
            assert sorted(order) == sorted(start)  # so this is where the set's order shows
            if (order == start) == is_reversed:
                queue[-5:-1] = [*queue[-3:-1], *queue[-5:-3]]
            device.clocks = dict.fromkeys(sorted(device.clocks, key=lambda clock: clock.name, reverse=is_reversed))
            externalise(device)
            standalone.build(device, folder)
            return standalone.fingerprint(folder)

    assert fingerprint(tmp_path / "one", False) == fingerprint(tmp_path / "other", True)


@pytest.mark.standalone
def test_a_run_with_values_equals_runtime_and_a_network_built_with_them():
    with program("cpp_standalone") as compiled, program("numpy") as plain:
        eta = hb.Lorentzian(1500 * pA, 100 * pA).draw(SIZE["n_neurons"], np.random.default_rng(3))
        values = {"neurons.eta": eta, "force.start": 5 * ms}
        first, second = compiled.run(values), plain.run(values)

    def built(rng):
        network = force_network(rng, **{**SIZE, "start": 5 * ms})
        network["neurons"].eta = eta
        return network

    third = hb.simulate(built, DURATION, record=RECORD, device="numpy")
    assert same(second, third)
    assert np.array_equal(first.spike_time, second.spike_time) and first.spike_time.size > 50
    assert np.abs(first.weights - second.weights).max() < 1e-12  # sums in another order, see test_force
    assert np.array_equal(first.eta, second.eta)


@pytest.mark.parametrize("device", ["numpy", STANDALONE])
def test_values_are_kept_as_provenance_and_results_are_removed(device, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with program(device) as opened:
        plain = opened.run()
        run = opened.run({"force.start": 5 * ms, "sine.values": np.zeros((2000, 1))}, seed=7)
        if device == "cpp_standalone":
            (folder,) = tmp_path.glob(".hetbrian-*")
            kept = {path.name: path.stat().st_ino for path in (folder / "needed").glob("_*")}
            whole = opened.run(finish=lambda network: network["force"]._P)
            again = opened.run()
            # overwritten in place, apart from those of a run of which all arrays are written
            assert kept == {path.name: path.stat().st_ino for path in (folder / "needed").glob("_*")}
            assert not (folder / "all").exists() and not any("force__P_" in name for name in kept)
            assert again.equals(plain) and whole.equals(plain)
    assert "values" not in plain.attrs and plain.attrs["seed"] == 0
    assert run.attrs["values"] == '{"force.start": "5. ms", "sine.values": "array of shape (2000, 1)"}'
    assert run.attrs["seed"] == 7
    assert list(tmp_path.glob(".hetbrian-*")) == []


@pytest.mark.parametrize("device", ["numpy", STANDALONE])
@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered:RuntimeWarning")
def test_a_run_that_diverges_or_is_refused_leaves_the_program_usable(device):
    with program(device) as opened:
        first = opened.run()
        with pytest.raises(DivergenceError, match="v of neuron 3 is not finite"):
            opened.run({"neurons.w": np.where(np.arange(SIZE["n_neurons"]) == 3, 1e200, 0.0) * pA})
        with pytest.raises(ValueError, match="is no variable of this network"):
            opened.run({"neurons.etta": 1})
        with pytest.raises(DimensionMismatchError, match=r"neurons.eta has the wrong unit, expected A: multiply by it"):
            opened.run({"neurons.eta": 1})
        assert same(opened.run(), first)


@pytest.mark.standalone
def test_a_value_that_an_initialisation_has_read_is_refused():
    def derived(rng):
        group = NeuronGroup(2, "v : 1\nu : 1", clock=Clock(1 * ms, name="clock"), namespace={}, name="neurons")
        group.v = "2*u"
        return Network(group)

    with (
        Program(derived, 3 * ms, device="cpp_standalone", record="v") as opened,
        pytest.raises(ValueError, match=r"'neurons.u' is read by an initialisation of neurons before the values of"),
    ):
        opened.run({"neurons.u": 1.0})


@pytest.mark.standalone
def test_a_closed_program_is_refused_and_the_device_is_free_again():
    with program("cpp_standalone") as opened:
        opened.run()
    assert type(get_device()).__name__ == "RuntimeDevice"
    with pytest.raises(RuntimeError, match=r"the program is not open, expected a context: write 'with Program"):
        opened.run()


@pytest.mark.standalone
def test_learning_times_and_other_single_numbers_are_not_compiled_in(tmp_path, monkeypatch):
    """They are read from files, so that networks which differ in them share a program."""
    monkeypatch.setenv("HETBRIAN_CACHE", str(tmp_path))
    for start, theta, seed in ((2, 0.0, 0), (7, 0.3, 1)):
        chosen = {**SIZE, "start": start * ms, "theta": theta, "initial_P": 1.5 + seed, "seed": seed}
        kept = hb.simulate(force_network, DURATION, device="cpp_standalone", **chosen)
        plain = hb.simulate(force_network, DURATION, device="numpy", **chosen)
        assert np.array_equal(kept.spike_time, plain.spike_time) and kept.spike_time.size > 50
    assert sum(path.is_file() and not path.suffix for path in tmp_path.iterdir()) == 1


@dataclass(eq=False)
class Variable:
    dynamic: bool
    dtype: np.dtype
    size: int
    owner: object = None


def test_externalise_leaves_truth_values_and_event_spaces():
    a, b, space = (Variable(False, np.dtype(float), 3) for _ in range(3))
    queue = [
        ("set_by_constant", ("a", 2.5, False)),
        ("set_by_single_value", ("b", 1, "- 1e-05")),
        ("set_by_single_value", ("b", 0, "true")),
        ("set_by_constant", ("c_space", -1, False)),
        ("set_by_constant", ("unknown", 1, False)),
    ]
    kept = {}
    device = SimpleNamespace(
        arrays={a: "a", b: "b", space: "c_space"},
        clocks=set(),
        main_queue=list(queue),
        static_array=lambda name, array: kept.setdefault(name, array.tolist()) and name,
    )
    externalise(device)
    assert device.main_queue == [
        ("set_by_array", ("a", "a", False)),
        ("set_array_by_array", ("b", "_index_b", "_value_b")),
        *queue[2:],
    ]
    assert kept == {"a": [2.5] * 3, "_index_b": [1], "_value_b": [-1e-5]}


def test_code_is_only_generated_where_the_command_line_asks_for_it(tmp_path, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    token = CODEGEN_ONLY.set(tmp_path / "project")
    try:
        with pytest.raises(ValueError, match=r"device is 'numpy', expected cpp_standalone or cuda_standalone to gener"):
            hb.simulate(force_network, DURATION, device="numpy", **SIZE)
        with pytest.raises(Generated):
            hb.simulate(force_network, DURATION, device="cpp_standalone", **SIZE)
    finally:
        CODEGEN_ONLY.reset(token)
    assert (tmp_path / "project" / "main.cpp").exists() and not (tmp_path / "project" / "main").exists()


def test_the_docstring_names_every_parameter():
    for name in inspect.signature(Program.__init__).parameters:
        prefix = r"\*\*" if name == "keywords" else ""
        assert name == "self" or re.search(rf"^    {prefix}{name}( : |$)", Program.__doc__, re.MULTILINE), name
