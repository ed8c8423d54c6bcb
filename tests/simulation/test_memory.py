import numpy as np
import pytest
from brian2 import Clock, Network, NeuronGroup, Synapses, ms

import hetbrian as hb
from hetbrian.published import force_network
from hetbrian.simulation import memory
from hetbrian.simulation.device import activated

SIZE = {"n_neurons": 60, "start": 2 * ms, "stop": 30 * ms}


@pytest.mark.parametrize("device", ["numpy", "cpp_standalone"])
def test_the_need_is_that_of_P_synapses_and_states(device):
    with activated(device, None):
        network = force_network(np.random.default_rng(0), **SIZE, dtype="float32")
        found = memory.needed_bytes(network)
        count = int(network["recurrent"].variables["N"].get_value().item())
    assert 60 * 60 * 4 <= found["force.P"] < 3 * 200 * 200 * 4
    assert found["recurrent"] == count * (8 + 4 + 4 + 8 + 8) and found["neurons.v"] == 60 * 8


def test_synapses_made_by_code_are_left_out_of_the_need():
    with activated("cpp_standalone", None):
        clock = Clock(0.1 * ms, name="clock")
        neurons = NeuronGroup(5, "v : 1", threshold="v > 1", clock=clock, namespace={}, name="neurons")
        synapses = Synapses(neurons, neurons, "w : 1", clock=clock, namespace={}, name="synapses")
        synapses.connect("i != j")
        assert "synapses" not in memory.needed_bytes(Network(neurons, synapses))


def test_what_does_not_fit_is_refused_before_it_runs(monkeypatch):
    monkeypatch.setattr(memory, "WORTH_SAYING", 1000)
    monkeypatch.setattr(memory, "free_bytes", lambda: 20_000)
    message = r"the network needs 0.0 GB of memory, of which force.\w+ 0.0 GB, and 0.0 GB are free, expected no more"
    with pytest.raises(MemoryError, match=message):
        hb.simulate(force_network, 10 * ms, device="numpy", **SIZE)


def test_what_does_not_fit_the_gpu_is_refused_and_what_does_is_said(monkeypatch, capsys):
    monkeypatch.setattr(memory, "WORTH_SAYING", 1000)
    monkeypatch.setattr(memory, "free_bytes", lambda: 64 * 10**9)
    network = force_network(np.random.default_rng(0), **SIZE)
    memory.check_memory(network, 80 * 10**9)
    assert capsys.readouterr().err.endswith("; 64.0 GB are free; 80.0 GB are free on the GPU.\n")
    with pytest.raises(
        MemoryError, match=r"and 0.0 GB are free on the GPU, expected no more than that: take fewer neuro"
    ):
        memory.check_memory(network, 20_000)


@pytest.mark.cuda
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_a_gpu_of_80_gb_holds_P_of_32_000_neurons_in_float32():
    pytest.importorskip("brian2cuda")
    with activated("cuda_standalone", None):
        clock = Clock(0.1 * ms, name="clock")
        neurons = NeuronGroup(
            32_000, "dr/dt = -r/(20*ms) : 1", clock=clock, method="euler", namespace={"ms": ms}, name="neurons"
        )
        found = memory.needed_bytes(Network(neurons, hb.FORCE(neurons, "1.0", dtype="float32", name="force")))
    assert found["force.P"] == 4 * 32_000**2 and 4.1e9 < sum(found.values()) < 4.2e9


@pytest.mark.parametrize(("free", "end"), [(16 * 10**9, "; 16.0 GB are free.\n"), (None, " 0.0 GB.\n")])
def test_the_need_of_a_large_network_is_said_in_one_line(monkeypatch, capsys, free, end):
    monkeypatch.setattr(memory, "WORTH_SAYING", 1000)
    monkeypatch.setattr(memory, "free_bytes", lambda: free)
    hb.simulate(force_network, 1 * ms, device="numpy", **SIZE)
    said = capsys.readouterr().err
    assert said.startswith("This network needs 0.0 GB of memory, of which ") and said.endswith(end)
    assert said.count("\n") == 1


def test_of_a_small_network_nothing_is_said(capsys):
    hb.simulate(force_network, 1 * ms, device="numpy", **SIZE)
    assert capsys.readouterr().err == ""


def test_free_memory_is_what_the_system_says(monkeypatch):
    free = memory.free_bytes()
    assert free is None or 2**20 < free < 2**50

    def missing(*given, **options):
        raise OSError

    monkeypatch.setattr("builtins.open", missing)
    assert memory.free_bytes() is None
