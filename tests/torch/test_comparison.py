import subprocess
import sys

import numpy as np
import pytest
from brian2 import DimensionMismatchError, Network, NeuronGroup, SpikeMonitor, ms, second, volt

from hetbrian import cli
from hetbrian._support.optional import torch
from hetbrian.torch.comparison import compare, compare_model, compare_recorded
from hetbrian.torch.export import to_torch
from tests.torch.models import MODELS


def drifting(slope=1.0, name="drifting"):
    group = NeuronGroup(
        2,
        "dv/dt = slope/second : 1\nslope : 1",
        threshold="v > 0.0105",
        reset="v = 0",
        method="euler",
        namespace={"second": second},
        name=name,
    )
    group.slope = [10 * slope, 1]
    return group


def test_differences_are_found_where_they_are():
    """The module's first neuron climbs 5 % slower: after 10 steps it is 5e-4 behind, and it spikes a step later."""
    group, module = drifting(), to_torch(drifting(0.95), dtype=torch.float64)
    found = compare(group, module, 3 * ms)
    assert found.n_spikes == 2 and found.n_spikes_torch == 2 and found.n_equal == 0 and found.agreement == 0
    assert float(found.first_difference / ms) == pytest.approx(1.0)
    assert found.variables["v"].before == pytest.approx(5e-4, rel=1e-9)
    assert found.variables["v"].after > 9e-3 and found.variables["v"].unit == "1"
    assert "the first 0 of 2 spikes agree, until 1. ms" in str(found) and "v " in str(found)


def test_brian2_is_left_as_it_was():
    group, (synapses,), _ = MODELS["residual"](10)
    before = np.array(group.v_)
    module = to_torch(group, synapses, dtype=torch.float64)
    found = [compare(group, module, 5 * ms, [synapses]) for _ in range(2)]
    assert found[0] == found[1] and "all " in str(found[0])
    assert np.array_equal(group.v_, before)
    monitor = SpikeMonitor(group)
    network = Network(group, synapses, monitor)  # another network may still run them
    network.run(5 * ms, namespace={})
    count = monitor.num_spikes
    assert count == found[0].n_spikes
    module = to_torch(group, synapses, dtype=torch.float64)  # and both go on from there
    found = compare(group, module, 50 * ms, network)
    assert found.first_difference is None and found.n_spikes > 0 and monitor.num_spikes == count


def test_arguments_are_checked():
    group, others, _ = MODELS["everything"](5)
    module = to_torch(group, others[1])
    with pytest.raises(ValueError, match=r"duration is .*, expected a multiple of the time step"):
        compare(group, module, 0.25 * ms, others)
    with pytest.raises(DimensionMismatchError, match=r"duration is 1. V, expected a quantity in s"):
        compare(group, module, 1 * volt, others)
    with pytest.raises(ValueError, match="the module needs 'everything_source', expected it among the others"):
        compare(group, module, 1 * ms)
    with pytest.raises(ValueError, match="'u' is no state variable, expected J, n_spikes, tired, v: check the name"):
        compare_recorded(module, 1, ((), ()), {"u": np.zeros((1, 5))})


def test_a_module_with_synapses_is_not_compared_without_them():
    group, (synapses,), _ = MODELS["residual"](10)
    module = to_torch(group, synapses, dtype=torch.float64)
    with pytest.raises(ValueError, match=f"the module needs '{synapses.name}', expected it among the others: pass the"):
        compare(group, module, 5 * ms)
    network = Network(group, synapses)
    network.run(1 * ms, namespace={})
    module = to_torch(group, synapses, dtype=torch.float64)
    with pytest.raises(ValueError, match=f"{group.name} ran in a network already, expected that network as the others"):
        compare(group, module, 5 * ms, [synapses])
    assert compare(group, module, 5 * ms, network).first_difference is None


def test_models_are_checked():
    group = drifting()
    network = Network(group)
    with pytest.raises(TypeError, match=r"network is NeuronGroup.*, expected a Network: return Network"):
        compare_model(group, 1 * ms)
    with pytest.raises(ValueError, match="the network has no group 'neurons', expected drifting: name one"):
        compare_model(network, 1 * ms)
    with pytest.raises(ValueError, match="precision is 'half', expected float64, float32: choose one of them"):
        compare_model(network, 1 * ms, "drifting", precision="half")
    assert compare_model(network, 3 * ms, "drifting").n_equal == 2


def test_gating_variables_are_found():
    group, (gate,), _ = MODELS["all_to_all"](10)
    found = compare_model(Network(group, gate), 3 * ms, "all_to_all")
    assert found.first_difference is None and "all_to_all_gating.s" in found.variables


@pytest.mark.slow
def test_from_the_command_line(tmp_path):
    said = subprocess.run(
        [
            *(sys.executable, "-m", "hetbrian", "compare", "force_network", "--input", "I_feedback"),
            *("--set", "n_neurons=30", "--set", "start=1*ms", "--duration", "5*ms", "--seed", "3"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "spikes agree over 5. ms" in said and "IPSC" in said and " pA" in said


def test_a_model_file_without_the_function_is_refused(tmp_path):
    path = tmp_path / "empty.py"
    path.write_text("x = 1\n")
    with pytest.raises(ValueError, match=r"empty.py has no function model, expected one that returns a brian2 Network"):
        cli.compare(None, str(path))


def test_an_unknown_network_is_refused():
    with pytest.raises(ValueError, match=r"'force_netwok' is no network, expected ca3_net.*mean 'force_network'"):
        cli.compare(None, "force_netwok")
