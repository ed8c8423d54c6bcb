import os

import numpy as np
import pytest
from brian2 import Clock, Network, NeuronGroup, Synapses, TimedArray, ms, pA

import hetbrian as hb
from hetbrian._support.errors import DivergenceError
from hetbrian.published import force_network
from hetbrian.simulation import compiled as compiled_module
from hetbrian.simulation import standalone
from hetbrian.simulation.program import Program
from tests.caches import without_programs

pytestmark = pytest.mark.standalone

SIZE = {"n_neurons": 40, "start": 2 * ms, "stop": 30 * ms, "dt": 0.1 * ms, "recurrent_gain": 500 * pA, "eta": 1500 * pA}
SPREAD = {"eta_half_width": 50 * pA, "theta": 0.05, "theta_half_width": 0.01}
RECORD = ("z", "y", "spikes", "weights", "eta", "recurrent.omega", "recurrent.i", "v")


@pytest.fixture(scope="module", autouse=True)
def own_programs(tmp_path_factory):
    """Keep the programs of this module apart from others', so that the first is compiled here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HETBRIAN_CACHE", without_programs(tmp_path_factory.mktemp("programs")))
        yield


def opened(seed=1, model=force_network, **options):
    return Program(model, 40 * ms, record=RECORD, device="cpp_standalone", seed=seed, **{**SIZE, **SPREAD, **options})


def same(first, second):
    assert set(first.variables) == set(second.variables)
    return all(np.array_equal(first[name], second[name]) for name in first.variables)


def test_another_seed_gives_what_a_fresh_program_gives_bit_for_bit_and_compiles_nothing(monkeypatch):
    built = []
    build = standalone.build
    monkeypatch.setattr(standalone, "build", lambda *given: built.append(build(*given)))
    with opened() as program:
        runs = {seed: program.run(seed=seed) for seed in (5, 1, 2)}
        again = program.run(seed=5), program.run()
    assert built == [True]
    assert same(again[0], runs[5]) and same(again[1], runs[1])
    assert len({run.sizes["recurrent.synapse"] for run in runs.values()}) == 3
    for seed, run in runs.items():
        assert run.spike_time.size > 50 and np.abs(run.weights).max() > 0.01 and run.attrs["seed"] == seed
        with opened(seed) as fresh:
            assert same(fresh.run(), run)
    assert built == [True, False, False, False]


def test_another_seed_takes_values_and_noise_as_a_fresh_program_does():
    values = {"neurons.eta": np.linspace(1450, 1550, 40) * pA, "force.start": 5 * ms}
    with opened() as program:
        found = program.run(values, seed=3, noise=8)
        with pytest.raises(ValueError, match=r"'recurrent.omega' has shape \(3,\), expected one value or \("):
            program.run({"recurrent.omega": np.ones(3) * pA}, seed=4)
    assert (found.attrs["seed"], found.attrs["noise"]) == (3, 8)
    with opened(3) as fresh:
        assert same(fresh.run(values), found)


def test_the_network_that_finish_gets_is_that_of_the_seed():
    def kept(network):
        found.append(
            (network["force"].encoder, network["force"].P, network["neurons"].eta[:], network["recurrent"].omega[:])
        )

    found = []
    with opened() as program:
        program.run(seed=6, finish=kept)
        assert program.network["force"] is not None
    hb.simulate(
        force_network, 40 * ms, record=RECORD, device="cpp_standalone", seed=6, finish=kept, **{**SIZE, **SPREAD}
    )
    assert all(np.array_equal(one, other) for one, other in zip(*found, strict=True))


def unlike(rng, kind):
    """Return a network that is another for each seed."""
    clock = Clock(0.1 * ms, name="clock")
    drawn = rng.integers(0, 2**31)
    drive = TimedArray(rng.standard_normal(50), dt=1 * ms, name="drive")
    neurons = NeuronGroup(
        5,
        "dv/dt = (drive(t) + x - v)/tau : 1\nx : 1",
        threshold="v > 0.5",
        reset="v = 0",
        method="euler",
        namespace={"tau": 10 * ms + (drawn * 1e-12 * ms if kind == "constant" else 0 * ms), "drive": drive},
        clock=clock,
        name="neurons",
    )
    neurons.v = rng.random(5)
    neurons.x = "0.1*i"
    synapses = Synapses(neurons, neurons, "w : 1", on_pre="v_post += w", namespace={}, clock=clock, name="synapses")
    n_synapses = int(rng.integers(2, 25))
    synapses.connect(i=rng.integers(0, 5, n_synapses), j=rng.integers(0, 5, n_synapses))
    synapses.w = rng.random(n_synapses) / 10
    synapses.delay = rng.integers(0, 20, n_synapses) * 0.1 * ms
    if kind == "error" and drawn != np.random.default_rng(1).integers(0, 2**31):
        raise ZeroDivisionError("this seed has no network")
    return Network(neurons, synapses)


def other(kind, seed=1):
    return Program(unlike, 40 * ms, device="cpp_standalone", record=("v", "synapses.w"), seed=seed, kind=kind)


def test_delays_targets_drawn_in_time_and_initialisations_by_code_are_those_of_the_seed():
    with other("") as program:
        runs = {seed: program.run(seed=seed) for seed in (1, 2, 3)}
    for seed in (2, 3):
        with other("", seed) as fresh:
            assert same(fresh.run(), runs[seed]) and not same(runs[1], runs[seed])


@pytest.mark.parametrize("kind", ["constant", "error"])
def test_a_seed_that_needs_another_program_is_refused_by_name_and_leaves_this_one_as_it_was(kind):
    expected = {
        "constant": pytest.raises(ValueError, match=r"seed 2 draws another 'neurons' than seed 1, not only other numb"),
        "error": pytest.raises(ZeroDivisionError, match="this seed has no network"),
    }
    with other(kind) as program:
        first = program.run()
        with expected[kind]:
            program.run(seed=2)
        assert same(program.run(), first)


def test_a_write_that_failed_is_made_good_before_anything_runs(monkeypatch):
    def full(*given):
        write(*given)
        raise OSError("disk full")

    write = compiled_module.write_files
    with opened() as program:
        first = program.run()
        with monkeypatch.context() as patch:
            patch.setattr(compiled_module, "write_files", full)
            with pytest.raises(OSError, match="disk full"):
                program.run(seed=2)
        assert same(program.run(), first)


def test_without_finish_only_what_is_read_is_written(monkeypatch):
    seen = []
    finished = Program._finished

    def looked(self, *given):
        folder = self._compiled.device.results_dir
        seen.append({name.removeprefix("_array_").rpartition("_")[0] for name in os.listdir(folder)})
        return finished(self, *given)

    monkeypatch.setattr(Program, "_finished", looked)
    with opened() as program:
        program.run()
        program.run(finish=lambda network: None)
    few, everything = seen
    large = {"force__P", "force__products", "force__seen"}
    assert large <= everything and not large & few and {"force_z", "neurons_v"} <= few


def test_a_run_that_diverges_says_so_with_few_results():
    with opened() as program, pytest.raises(DivergenceError, match="v of neuron 3 is not finite"):
        program.run({"neurons.w": np.where(np.arange(40) == 3, 1e200, 0.0) * pA}, seed=2)


def test_an_object_that_checks_itself_finds_all_results():
    class Careful(NeuronGroup):
        def check(self):
            checked.append(self.variables["_private"].get_value().copy())

    def model(rng):
        group = Careful(2, "v : 1", clock=Clock(0.1 * ms, name="clock"), namespace={}, name="neurons")
        group.variables.add_array("_private", size=3, values=rng.random(3))
        group.run_regularly("v = 1", name="neurons_regular")
        return Network(group)

    checked = []
    hb.simulate(model, 1 * ms, record="v", device="cpp_standalone")
    assert np.array_equal(checked, [np.random.default_rng(0).random(3)])
