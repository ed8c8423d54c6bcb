import numpy as np
import pytest
from brian2 import Clock, Network, NeuronGroup, ms, pA, second
from brian2.codegen import cpp_prefs

from hetbrian._support.compiler import CompilerError
from hetbrian.published import force_network
from hetbrian.simulation import standalone
from hetbrian.simulation.program import simulate
from tests.caches import without_programs

pytestmark = pytest.mark.standalone

SIZE = {"n_neurons": 60, "start": 2 * ms, "stop": 30 * ms}


@pytest.fixture
def compilations(monkeypatch, tmp_path):
    """Count how often a program is compiled, with an empty cache."""
    monkeypatch.setenv("HETBRIAN_CACHE", without_programs(tmp_path / "cache"))
    compiled = []
    build = standalone.build
    monkeypatch.setattr(standalone, "build", lambda *given: compiled.append(build(*given)))
    return compiled


def test_one_program_serves_every_seed_parameter_and_draw(compilations):
    """Each run from the kept program equals the numpy run of the same network."""
    for seed, gain in enumerate((1000, 5000, 9000)):
        chosen = {
            **SIZE,
            "seed": seed,
            "recurrent_gain": gain * pA,
            "eta_half_width": 50 * (1 + seed) * pA,
            "g_half_width": 100 * pA,
            "theta": 0.1 * seed,
            "feedback_gain": 2 * gain * pA,
        }
        kept = simulate(force_network, 40 * ms, device="cpp_standalone", **chosen)
        plain = simulate(force_network, 40 * ms, device="numpy", **chosen)
        assert np.array_equal(kept.spike_neuron, plain.spike_neuron)
        assert np.array_equal(kept.spike_time, plain.spike_time)
        # sums in another order: 1e-16 relative each, a few thousand of them
        assert np.abs(kept.z.values - plain.z.values).max() < 1e-11
    assert compilations == [True, False, False]


def test_a_kept_program_gives_bit_for_bit_what_a_fresh_one_gives(compilations, tmp_path, monkeypatch):
    chosen = {**SIZE, "seed": 5, "eta_half_width": 70 * pA, "feedback_gain": 3000 * pA}
    simulate(force_network, 40 * ms, device="cpp_standalone", **{**chosen, "seed": 1})
    kept = simulate(force_network, 40 * ms, device="cpp_standalone", **chosen)
    monkeypatch.setenv("HETBRIAN_CACHE", str(tmp_path / "another"))
    fresh = simulate(force_network, 40 * ms, device="cpp_standalone", **chosen)
    assert compilations == [True, False, True]
    for name in ("z", "spike_time", "spike_neuron"):
        assert np.array_equal(kept[name], fresh[name])


def test_other_equations_get_another_program(compilations):
    def model(rng, rate):
        equations = f"dv/dt = {rate}/second : 1"
        return Network(
            NeuronGroup(1, equations, method="euler", clock=Clock(1 * ms, name="clock"), namespace={}, name="neurons")
        )

    for rate in (1, 2):
        run = simulate(model, 0.1 * second, device="cpp_standalone", record=("v",), rate=rate)
        assert run.v.values[-1, 0] == pytest.approx(0.1 * rate, rel=1e-12)
    assert compilations == [True, True]


def test_a_cache_that_cannot_be_written_costs_only_time(compilations, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HETBRIAN_CACHE", str(tmp_path / "file"))
    run = simulate(force_network, 10 * ms, device="cpp_standalone", **SIZE)
    assert run.sizes["time"] == 10 and compilations == [True]


def test_a_compiler_that_is_missing_once_is_not_taken_for_one_without_options(compilations, monkeypatch):
    """Brian2 notes which options a compiler has: with none it has none, and programs would be slow from then on."""
    before = dict(cpp_prefs._compiler_flag_compatibility)
    with monkeypatch.context() as patch:
        patch.setenv("CXX", "no-such-compiler")
        with pytest.raises(CompilerError, match="no-such-compiler"):
            simulate(force_network, 20 * ms, device="cpp_standalone", **SIZE)
    assert before == cpp_prefs._compiler_flag_compatibility


def test_the_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("HETBRIAN_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert standalone.cache_folder() == tmp_path / "hetbrian"


def test_a_kept_program_that_lost_its_permissions_runs(compilations, tmp_path):
    def model(rng):
        group = NeuronGroup(1, "dv/dt = 1/second : 1", method="euler", clock=Clock(1 * ms), namespace={}, name="group")
        group.namespace["second"] = second
        return Network(group)

    found = []
    for _ in range(2):
        found.append(simulate(model, 3 * ms, device="cpp_standalone", record="v").v.values.tolist())
        for path in (tmp_path / "cache").iterdir():
            if path.is_file():
                path.chmod(0o600)
    assert found[0] == found[1] and compilations == [True, False]


@pytest.mark.parametrize("damage", [lambda content: b"", lambda content: content[:-1], lambda content: b"#!/bin/sh\n"])
def test_a_damaged_program_is_named_and_built_anew(compilations, tmp_path, damage):
    first = simulate(force_network, 20 * ms, device="cpp_standalone", **SIZE)
    (kept,) = (path for path in (tmp_path / "cache").iterdir() if path.is_file() and not path.suffix)
    kept.write_bytes(damage(kept.read_bytes()))
    with pytest.warns(UserWarning, match=rf"{kept.name}' was damaged and is made anew"):
        again = simulate(force_network, 20 * ms, device="cpp_standalone", **SIZE)
    assert compilations == [True, True] and np.array_equal(first.z, again.z)
    simulate(force_network, 20 * ms, device="cpp_standalone", **SIZE)
    assert compilations == [True, True, False]
