"""Several networks in one launch: the emulated CUDA kernels give each what they give it alone, to the last bit."""

import numpy as np
import pytest
from brian2 import Network, NetworkOperation, SpikeMonitor, get_device, pA, second, set_device
from brian2.devices.device import reset_device

from hetbrian._gpu.networks import force_network, force_networks
from hetbrian.simulation import cuda
from tests.codegen.cuda_emulation.emulate import EmulatedCode
from tests.codegen.test_cuda_code import cuda_device, generate, source_of  # noqa: F401  - a fixture
from tests.codegen.test_cuda_event_rls import Emulated, few_wait, noise, spiking  # noqa: F401  - a fixture

pytest.importorskip("brian2cuda", reason="brian2cuda is not installed: pip install 'hetbrian[cuda]'")
pytestmark = [
    pytest.mark.cuda,
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),  # brian2cuda leaves closing to Python
]

SEEDS, GAINS, N_NEURONS = range(8), np.linspace(1000, 8000, 8) * pA, 30
LEARNING = {"n_neurons": N_NEURONS, "start": 0.004 * second, "stop": 0.021 * second, "initial_P": "auto"}
DURATION = 0.025 * second


class Loop:
    """Neurons and synapses of a network, by Brian2 in Python, in a loop with the emulated readout of its project."""

    def __init__(self, folder, model, **options):
        cuda.configure(compute_capability=9.0, jobs=1)
        set_device("cuda_standalone", build_on_run=False)
        self.arrays = generate(folder / "project", model(np.random.default_rng(0), **options))
        path = source_of(folder / "project", "force_step")
        self.code = EmulatedCode(folder / "project", path, folder / "emulated", threads=64)
        get_device().reinit()
        reset_device()
        set_device("runtime")

    def run(self, network):
        """Return weights, P and spikes of a network as the project has, with numbers of its own."""
        code = self.code
        neurons, recurrent, force = (network[name] for name in ("neurons", "recurrent", "force"))
        for name, (array, size) in self.arrays.items():
            owner, _, variable = name.partition(".")
            if owner != "force":
                continue
            known = force.variables.get(variable)
            values = np.zeros(size) if variable not in ("_P", "_by", "_along", "_product") else np.full(size, np.nan)
            if known is not None and known.size == size:
                values = known.get_value()
            for pointer in {f"dev{array}", array} & code.dtypes.keys():
                code[pointer] = values
        for name in ("r", "I_feedback"):
            code.share("dev" + self.arrays[f"neurons.{name}"][0], neurons.variables[name].get_value())
        code["sine_values"] = force.target.values
        clock = neurons.clock

        def step():
            for name in ("t", "t_in_timesteps"):
                code[self.arrays[f"force.{name}"][0]][:] = force.variables[name].get_value()
            code.run()

        before = code.count("launches")
        readout = NetworkOperation(step, clock=clock, when="end", order=0, name="readout")
        spikes = SpikeMonitor(neurons, when="thresholds", order=1, name="spikes")
        Network(neurons, recurrent, readout, spikes).run(DURATION, namespace={})
        found = {name: code["dev" + self.arrays[f"force.{name}"][0]] for name in ("_weights", "_P", "n_updates")}
        found["launches"] = code.count("launches") - before
        return found | {"t": np.array(spikes.t / second), "i": np.array(spikes.i[:])}


@pytest.mark.slow
@pytest.mark.parametrize("is_dense", [False, True], ids=["event-driven", "dense"])
def test_eight_networks_in_a_launch_have_the_spikes_weights_and_P_that_each_has_alone(tmp_path, is_dense):
    options = LEARNING | {"is_dense": is_dense}
    of_all = {"seeds": SEEDS, "gains": GAINS}
    together = Loop(tmp_path / "together", force_networks, **options, **of_all)
    found = together.run(force_networks(None, **options, **of_all))
    alone = Loop(tmp_path / "alone", force_network, **options)
    n_spikes = []
    for k, (seed, gain) in enumerate(zip(SEEDS, GAINS, strict=True)):
        expected = alone.run(force_network(np.random.default_rng(seed), gain=gain, **options))
        own = found["i"] // N_NEURONS == k
        assert np.array_equal(found["t"][own], expected["t"])
        assert np.array_equal(found["i"][own] - k * N_NEURONS, expected["i"])
        for name in ("_weights", "_P"):
            assert np.array_equal(found[name].reshape(8, -1)[k], expected[name])
        assert np.abs(expected["_weights"]).max() > 0.01 and found["n_updates"] == expected["n_updates"] == 17
        assert found["launches"] == expected["launches"]  # as many as for one
        n_spikes.append(own.sum())
    assert min(n_spikes) > 30 and len(set(n_spikes)) > 4  # they are different networks


@pytest.mark.slow
def test_each_network_has_the_kernel_that_it_would_have_alone(cuda_device, tmp_path, few_wait):  # noqa: F811
    """Of three networks one changes everywhere, then a second one, while the third only spikes."""
    phases = ((noise, spiking, spiking), (noise, noise, spiking), (spiking, noise, spiking))

    def samples(network):
        rng = np.random.default_rng(network)
        return [states for phase in phases for states in phase[network]("single", 300, rng)]

    options = {"bias": True, "n_outputs": 2, "forgetting": 0.999, "rule": "posterior"}
    together = Emulated(cuda_device, tmp_path / "together", "single", networks=3, **options)
    states, modes = [samples(k) for k in range(3)], []
    for step in range(900):
        together.step(np.concatenate([own[step] for own in states], axis=1))
        modes.append(together.host("force._is_dense").tolist())
        assert together.device("force._is_dense").tolist() == modes[-1]
        together.time += 1
    changes = [step for step in range(1, 900) if modes[step] != modes[step - 1]]  # the host looks every 250 steps
    assert changes == [250, 500, 750] and modes[0] == [0, 0, 0]
    assert [modes[step] for step in changes] == [[1, 0, 0], [1, 1, 0], [0, 1, 0]]

    get_device().reinit()
    get_device().activate(build_on_run=False)
    alone = Emulated(tmp_path / "other", tmp_path / "alone", "single", **options)
    begin = {name: values.copy() for name, values in alone.code.arrays.items()}
    for k in range(3):
        for name, values in begin.items():
            alone.code[name][:] = values
        alone.time = 0
        for step in range(900):
            alone.step(states[k][step])
            assert alone.host("force._is_dense")[0] == modes[step][k]
            alone.time += 1
        for name in ("_weights", "_P", "_waiting", "_products", "_gain", "_scale", "_counts", "z"):
            own = together.device(f"force.{name}").reshape(3, -1)[k]
            assert np.array_equal(own, alone.device(f"force.{name}")), name
        assert np.abs(alone.device("force._weights")).max() > 0.01
