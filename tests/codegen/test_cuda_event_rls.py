"""The event-driven kernels of a GPU, emulated on the CPU, against `RecursiveLeastSquares`."""

import numpy as np
import pytest
from brian2 import Clock, Network, NeuronGroup, ms

from hetbrian import FORCE, RecursiveLeastSquares
from hetbrian.codegen import waiting
from hetbrian.codegen.waiting import COUNTS
from tests.codegen.cuda_emulation.emulate import EmulatedCode
from tests.codegen.test_cuda_code import cuda_device, generate, source_of  # noqa: F401  - a fixture
from tests.codegen.test_event_rls import DOUBLE, EULER

pytest.importorskip("brian2cuda", reason="brian2cuda is not installed: pip install 'hetbrian[cuda]'")
pytestmark = [
    pytest.mark.cuda,
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),  # brian2cuda leaves closing to Python
]

N, EVERY, CAPACITY = 70, 2, 8
EQUATIONS = {
    "single": ("dr/dt = -r/(20*ms) : 1", EULER, ("r",)),
    "double": ("dr/dt = -r/(2*ms) + h : 1\ndh/dt = -h/(20*ms) : 1/second", DOUBLE, ("r", "h")),
}


@pytest.fixture
def few_wait(monkeypatch):
    """Let so few updates wait that some hundred of them are written into P many times."""
    monkeypatch.setattr(waiting, "CAPACITY", CAPACITY)


def spiking(kind, steps, rng):
    """Yield the states of neurons of which 2 % fire in a time step of 0.04 ms, as (state, neuron)."""
    _, step, names = EQUATIONS[kind]
    # h is in 1/second: the step of Brian2 has seconds, that of test_event_rls milliseconds
    scale = np.array([1.0, 1e3])[: len(names)]
    matrix = step * scale[:, np.newaxis] / scale
    states = np.zeros((len(names), N))
    for _ in range(steps):
        states = matrix @ states
        states[-1, rng.random(N) < 0.02] += 0.05 * scale[-1]
        yield states


def noise(kind, steps, rng):
    """Yield states that all change in each step."""
    for _ in range(steps):
        yield rng.random((len(EQUATIONS[kind][2]), N)) / 20


class Emulated:
    """The readout's step, whose arrays have what Brian2 gives them; nothing else is set to zero."""

    def __init__(self, project, folder, kind, threads=64, networks=1, **options):
        equations, _, self.names = EQUATIONS[kind]
        neurons = NeuronGroup(
            N * networks,
            equations,
            method="euler",
            clock=Clock(0.04 * ms, name="clock"),
            name="neurons",
            namespace={"ms": ms},
        )
        self.m, n_outputs = N + options.get("bias", False), options.get("n_outputs", 1)
        target = f"sin(0.3*t_in_timesteps + i % {n_outputs})"
        self.force = FORCE(neurons, target, every=EVERY * 0.04 * ms, networks=networks, name="force", **options)
        self.arrays = generate(project, Network(neurons, self.force))
        self.code = EmulatedCode(project, source_of(project, "force_step"), folder, threads)
        given = {"dt": 4e-5, "stop": 1e9, "_every": EVERY, "largest_output": 1e300, "_scale": 1.0}
        given |= {"forgetting": options.get("forgetting", 1.0), "initial_P": options.get("initial_P", 2.0)}
        for name, (array, size) in self.arrays.items():
            owner, _, variable = name.partition(".")
            if owner == "force" or variable in self.names:
                empty = np.full(size, np.nan) if variable in ("_P", "_by", "_along", "_product") else np.zeros(size)
                if f"dev{array}" in self.code.dtypes:
                    self.code[f"dev{array}"] = np.full(size, given[variable]) if variable in given else empty
                if array in self.code.dtypes:
                    self.code[array] = np.full(size, given.get(variable, 0.0))
        self.code["dev" + self.arrays["force.i"][0]] = np.arange(n_outputs * networks)
        rls = {"rule": options.get("rule", "prior"), "bias": options.get("bias", False)}
        self.rls = RecursiveLeastSquares(
            N, n_outputs, initial_P=given["initial_P"], forgetting=given["forgetting"], **rls
        )
        self.forgetting, self.time, self.was_dense = given["forgetting"], 0, []

    def device(self, name):
        return self.code["dev" + self.arrays[name][0]]

    def host(self, name):
        return self.code[self.arrays[name][0]]

    def step(self, states):
        """Let the kernels learn from the states of a step."""
        self.host("force.t")[:], self.host("force.t_in_timesteps")[:] = self.time * 4e-5, self.time
        for name, values in zip(self.names, states, strict=True):
            self.device(f"neurons.{name}")[:] = values
        self.code.run()

    def run(self, samples):
        """Let the kernels and the reference learn from the states of each step."""
        for states in samples:
            self.step(states)
            if self.time % EVERY == 0 and self.time > 0:  # start < t, by some roundings
                self.rls.update(states[0], np.sin(0.3 * self.time + np.arange(len(self.device("force.y")))))
            elif self.time == 0:
                self.rls.update(states[0], np.sin(np.arange(len(self.device("force.y")))))
            self.was_dense.append(int(self.host("force._is_dense")[0]))
            assert self.device("force._is_dense")[0] == self.was_dense[-1]
            self.time += 1
        assert self.device("force.n_updates")[0] == self.rls.n_updates

    def errors(self):
        """Return the relative errors of weights and of P."""
        names = ("_P", "_waiting", "_c", "_gain", "_gains", "_scale", "_counts")
        values = {name: self.device(f"force.{name}") for name in names}
        P = waiting.settled(values, self.m, self.forgetting)
        stored = values["_P"].reshape(self.m, self.m)
        assert np.array_equal(stored, stored.T)  # the kernels keep the symmetry to the last bit
        weights = self.device("force._weights").reshape(self.rls.weights.shape)
        return (
            np.abs(weights - self.rls.weights).max() / np.abs(self.rls.weights).max(),
            np.abs(P - self.rls.P).max() / np.abs(self.rls.P).max(),
        )


CASES = {
    "plain": {},
    "outputs, bias, forgetting, posterior": {"n_outputs": 3, "bias": True, "forgetting": 0.999, "rule": "posterior"},
    "strong forgetting": {"forgetting": 0.9},  # its scale makes it write P before as many wait
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("kind", EQUATIONS)
def test_weights_and_P_are_those_of_the_reference(cuda_device, tmp_path, few_wait, kind, case):  # noqa: F811
    emulated = Emulated(cuda_device, tmp_path / "emulated", kind, **case)
    emulated.run(spiking(kind, 150, np.random.default_rng(1)))
    weights, P = emulated.errors()
    # sums of 70 terms in another order, 75 updates: 1e-14, and more where P grows, 0.9^-75 = 3e3 times
    bound = 1e-12 if case.get("forgetting") != 0.9 else 1e-9
    assert max(weights, P) < bound and np.abs(emulated.rls.weights).max() > 0.01
    assert not any(emulated.was_dense) and emulated.device("force._gain")[0] == 0


def test_with_the_threads_of_a_gpu_and_in_the_other_order(cuda_device, tmp_path, few_wait):  # noqa: F811
    import ctypes

    emulated = Emulated(cuda_device, tmp_path / "emulated", "double", threads=None, bias=True)
    ctypes.c_int.in_dll(emulated.code.library, "emulated_backwards").value = 1  # a barrier that is missing shows
    emulated.run(spiking("double", 25, np.random.default_rng(1)))
    assert max(emulated.errors()) < 1e-12


def test_single_precision(cuda_device, tmp_path, few_wait):  # noqa: F811
    """P carries 24 bits, 6e-8, and the updates amplify it about a hundred times, as in the dense kernel."""
    emulated = Emulated(cuda_device, tmp_path / "emulated", "single", dtype="float32")
    emulated.run(spiking("single", 150, np.random.default_rng(1)))
    assert 0 < max(emulated.errors()) < 2e-5


def test_changes_between_the_kernels_where_the_host_looks(cuda_device, tmp_path, few_wait):  # noqa: F811
    """Spikes, changes everywhere, and spikes again; the host looks every 250 steps."""
    emulated, rng = Emulated(cuda_device, tmp_path / "emulated", "single", bias=True), np.random.default_rng(1)
    for samples in (spiking, noise, spiking):
        emulated.run(samples("single", 300, rng))
        assert max(emulated.errors()) < 1e-10  # 450 updates, of which a third of noise
    changes = np.flatnonzero(np.diff(emulated.was_dense)) + 1
    assert changes.tolist() == [500, 750]


def test_goes_on_from_what_waits_and_from_what_the_dense_kernel_left(cuda_device, tmp_path, few_wait):  # noqa: F811
    """Half of it in one program, whose arrays as files hold them another goes on with; one update is pending in c."""
    first = Emulated(cuda_device, tmp_path / "first", "single")
    samples = list(spiking("single", 120, np.random.default_rng(1)))
    first.run(samples[:90])
    assert first.device("force._counts")[COUNTS.index("waiting")] == 45 % CAPACITY > 0
    names = [name for name in first.arrays if name.startswith("force.") and name != "force.i"]
    kept = {name: first.device(name).copy() for name in names if "dev" + first.arrays[name][0] in first.code.arrays}
    first.run(samples[90:])
    expected, whole = first.device("force._weights").copy(), first.errors()
    for name, values in kept.items():
        first.device(name)[:] = values
    values = {name: kept[f"force.{name}"] for name in ("_P", "_waiting", "_c", "_gain", "_gains", "_scale", "_counts")}
    P = waiting.settled(values, N, 1.0)
    for pending in (False, True):
        for name, array in kept.items():
            first.device(name)[:] = array
        if pending:  # as the dense kernel leaves it: P, and the last update in c and gain
            c, gain = np.random.default_rng(2).random(N) / 50, 0.7
            first.device("force._P")[:] = (P + gain * np.outer(c, c)).ravel()
            first.device("force._c")[:], first.device("force._gain")[:] = c, gain
            first.device("force._counts")[:], first.device("force._scale")[:] = 0, 1
        for time, states in enumerate(samples[90:], 90):
            first.host("force.t")[:], first.host("force.t_in_timesteps")[:] = time * 4e-5, time
            first.device("neurons.r")[:] = states[0]
            first.code.run()
        apart = np.abs(first.device("force._weights") - expected).max() / np.abs(expected).max()
        assert apart < 1e-12 if pending else apart == 0
    assert max(whole) < 1e-12


def test_each_update_is_one_that_waits_after_a_number_that_is_not_finite(cuda_device, tmp_path, few_wait):  # noqa: F811
    """A run goes on to its end on a GPU, and more than the kernels have room for would be written elsewhere."""
    emulated = Emulated(cuda_device, tmp_path / "emulated", "single")
    emulated.run(spiking("single", 5 * EVERY, np.random.default_rng(1)))
    before = emulated.device("force.n_updates")[0]
    for _ in range(3 * CAPACITY * EVERY):
        emulated.step([np.full(N, np.nan)])
        emulated.time += 1
        if emulated.host("force._is_dense")[0]:
            break
        n_updates = emulated.device("force.n_updates")[0]
        assert emulated.device("force._counts")[COUNTS.index("waiting")] == n_updates % CAPACITY
    assert n_updates >= before + CAPACITY and np.isnan(emulated.device("force._gain")[0])
