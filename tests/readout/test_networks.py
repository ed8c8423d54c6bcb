"""Several networks in one: each one's spikes, weights and P are those that it has alone."""

import numpy as np
import pytest
from brian2 import Clock, Hz, Network, SpikeMonitor, TimedArray, ms, mV, pA, prefs, second

import hetbrian as hb
from hetbrian._gpu.networks import force_network, force_networks

SEEDS, GAINS = range(8), np.linspace(1000, 8000, 8) * pA
LEARNING = {"start": 0.05 * second, "stop": 0.25 * second}
DURATION = 0.3 * second
RECORD = ("spikes", "weights", "z")


def of_network(run, number, n_neurons):
    """Return times and neurons of the spikes of one network."""
    own = run.spike_neuron.values // n_neurons == number
    return run.spike_time.values[own], run.spike_neuron.values[own] - number * n_neurons


def assert_as_alone(options, device, seeds=SEEDS, weights=np.array_equal):
    """Let all run in one network and each by itself."""
    gains, n_neurons = GAINS[: len(seeds)], options["n_neurons"]
    options = {"record": RECORD, "device": device, **LEARNING, **options}
    together = hb.simulate(force_networks, DURATION, seeds=tuple(seeds), gains=gains, **options)
    n_spikes = []
    for number, (seed, gain) in enumerate(zip(seeds, gains, strict=True)):
        alone = hb.simulate(force_network, DURATION, seed=seed, gain=gain, **options)
        times, neurons = of_network(together, number, n_neurons)
        assert np.array_equal(times, alone.spike_time) and np.array_equal(neurons, alone.spike_neuron)
        assert weights(together.weights.values[number], alone.weights.values[0])
        assert weights(together.z.values[:, number], alone.z.values[:, 0])
        assert np.abs(alone.weights).max() > 0.01
        n_spikes.append(times.size)
    assert min(n_spikes) > 100 and len(set(n_spikes)) == len(n_spikes)  # they are different networks


def nearly(found, expected):
    """Sums of BLAS may depend on where its arrays lie: 1e-15 of each, which 200 updates amplify a hundredfold."""
    return np.abs(found - expected).max() < 1e-12 * max(np.abs(expected).max(), 1)


def test_networks_are_as_alone_in_numpy():
    assert_as_alone({"n_neurons": 40, "initial_P": "auto"}, "runtime", range(3), nearly)


@pytest.mark.slow
@pytest.mark.standalone
@pytest.mark.parametrize(
    "options",
    [
        {"n_neurons": 67},  # no whole number of vectors: a network begins anywhere
        pytest.param({"n_neurons": 67, "is_dense": True, "initial_P": "auto"}, marks=pytest.mark.long),
        pytest.param({"n_neurons": 130, "dtype": "float32", "initial_P": "auto"}, marks=pytest.mark.long),
    ],
)
def test_eight_networks_are_as_alone_in_cpp_to_the_last_bit(options):
    assert_as_alone(options, "cpp_standalone")


@pytest.mark.slow
@pytest.mark.standalone
def test_a_network_on_each_thread_is_as_alone_on_one():
    options = {"n_neurons": 67, "record": RECORD, "device": "cpp_standalone", **LEARNING}
    options |= {"seeds": tuple(SEEDS), "gains": GAINS}
    expected = hb.simulate(force_networks, DURATION, **options)
    prefs.hetbrian.threads = 3
    found = hb.simulate(force_networks, DURATION, **options)
    assert found.equals(expected) and np.abs(expected.weights).max() > 0.01


@pytest.mark.slow
def test_networks_are_as_alone_in_cython_to_the_last_bit():
    prefs.codegen.target = "cython"
    assert_as_alone({"n_neurons": 67}, "runtime", range(3))


N, OUTPUTS, COUNT = 15, 2, 3


def lessons(network):
    """Return the targets of a network, shape (time, output)."""
    return np.sin(0.05 * np.arange(400)[:, np.newaxis] + network + np.arange(OUTPUTS))


def network(numbers, values, n_outputs=OUTPUTS, **options):
    """Return networks of these numbers, as one, with a target of several columns."""
    clock, rngs = Clock(0.1 * ms, name="clock"), [np.random.default_rng(number) for number in numbers]
    eta = [hb.Lorentzian(1500 * pA, 100 * pA).draw(N, rng) / pA for rng in rngs]
    v = [hb.Uniform(-60, 30).draw(N, rng) for rng in rngs]
    encoder = np.concatenate([rng.uniform(-1, 1, (N, OUTPUTS)) for rng in rngs]) * 1000 * pA
    drawn = {"eta": np.ravel(eta) * pA, "v": np.ravel(v) * mV}
    neurons = hb.population(
        N * len(rngs), hb.Izhikevich.FORCE, hb.single_exponential(), **drawn, feedback=True, clock=clock
    )
    synapses = hb.recurrent(neurons, 1000 * pA, 0.3, rng=rngs)
    target = hb.Target(values, 0.1 * ms, name="lessons")
    options |= {"start": 5 * ms, "every": 0.5 * ms, "n_outputs": n_outputs, "networks": len(rngs)}
    force = hb.FORCE(neurons, target, encoder, **options, name="force")
    spikes = SpikeMonitor(neurons, when="thresholds", order=1, name="spikes")
    return Network(neurons, synapses, force, spikes)


@pytest.mark.parametrize("is_own", [False, True], ids=["one target", "a target each"])
@pytest.mark.parametrize(
    "options",
    [{"bias": True, "forgetting": 0.999, "rule": "posterior"}, {"initial_P": "auto", "dtype": "float32"}],
)
def test_outputs_targets_and_every_option_are_those_of_each_network(options, is_own):
    shared = lessons(0)
    values = np.concatenate([lessons(k) for k in range(COUNT)], axis=1) if is_own else shared
    together = network(range(COUNT), values, **options)
    together.run(40 * ms, namespace={})
    force, spikes = together["force"], together["spikes"]
    size = N + options.get("bias", False)
    assert force.P.shape == (COUNT, size, size) and force.weights.shape == (COUNT * OUTPUTS, size)
    assert force.network[:].tolist() == np.repeat(range(COUNT), OUTPUTS).tolist()
    for k in range(COUNT):
        alone = network([k], lessons(k) if is_own else shared, **options)
        alone.run(40 * ms, namespace={})
        own, rows = spikes.i[:] // N == k, slice(k * OUTPUTS, (k + 1) * OUTPUTS)
        assert np.array_equal(spikes.t[own], alone["spikes"].t) and own.sum() > 10
        precision = 1e-4 if options.get("dtype") == "float32" else 1e-11
        for found, expected in (
            (force.weights[rows], alone["force"].weights),
            (force.P[k], alone["force"].P),
            (force.y[rows], alone["force"].y[:]),
            (force.initial_P[rows], alone["force"].initial_P[:]),
            (force.encoder[k * N : (k + 1) * N] / pA, alone["force"].encoder / pA),
        ):
            assert np.abs(found - expected).max() <= precision * np.abs(expected).max()


def test_a_saved_readout_of_several_networks_runs_on_and_another_number_of_them_is_refused(tmp_path):
    values = lessons(0)
    trained = network(range(COUNT), values)
    trained.run(20 * ms, namespace={})
    trained["force"].save(tmp_path / "readout.npz")
    again = network(range(COUNT), values)
    again["force"].load(tmp_path / "readout.npz", learn=True)
    assert np.array_equal(again["force"].weights, trained["force"].weights) and trained["force"].n_updates == 30
    assert np.array_equal(again["force"].P, trained["force"].P)
    with pytest.raises(ValueError, match="the readout must be built with the same neurons, networks, outputs"):
        network(range(COUNT - 1), values)["force"].load(tmp_path / "readout.npz")
    with pytest.raises(ValueError, match=r"_P in .* has 675 values, expected 900 or more"):
        network(range(COUNT + 1), values)["force"].load(tmp_path / "readout.npz")


def test_a_run_of_several_networks_goes_on_from_its_state(tmp_path):
    whole, first, second_half = (network(range(COUNT), lessons(0)) for _ in range(3))
    whole.run(30 * ms, namespace={})
    first.run(15 * ms, namespace={})
    hb.save_state(first, tmp_path / "state.npz")
    hb.load_state(second_half, tmp_path / "state.npz")
    second_half.run(15 * ms, namespace={})
    assert np.array_equal(second_half["force"].weights, whole["force"].weights)
    assert np.array_equal(second_half["force"].P, whole["force"].P) and np.abs(whole["force"].weights).max() > 0


@pytest.mark.slow
def test_updates_that_wait_in_several_networks_go_to_a_kernel_that_lets_none_wait(tmp_path):
    prefs.codegen.target = "cython"
    first = network(range(COUNT), lessons(0))
    first.run(15 * ms, namespace={})
    hb.save_state(first, tmp_path / "state.npz")
    found = []
    for target in ("cython", "numpy"):
        prefs.codegen.target = target
        later = network(range(COUNT), lessons(0))
        hb.load_state(later, tmp_path / "state.npz")
        later.run(15 * ms, namespace={})
        found.append((later["force"].weights, later["force"].P))
    for one, other in zip(*found, strict=True):
        assert np.abs(one - other).max() < 1e-11 * np.abs(one).max()  # other sums of 15 terms, 30 updates


def test_what_stops_one_network_names_it():
    values = np.concatenate([lessons(k) for k in range(COUNT)], axis=1)
    values[200:, 3] = 1e300
    found = network(range(COUNT), values)
    found["force"].variables["_weights"].get_value()[2 * OUTPUTS * N :] = 1e9
    with pytest.raises(Exception) as raised:
        found.run(30 * ms, namespace={})
    assert isinstance(raised.value.__cause__, hb.DivergenceError)
    assert str(raised.value.__cause__).startswith("the output of force in network 2 is")


def test_a_target_that_is_not_finite_names_its_network():
    group = hb.population(20, hb.Izhikevich.FORCE, hb.single_exponential(), eta=1200 * pA)
    force = hb.FORCE(group, "1/(network - 1.0)", networks=2, every=1 * ms, name="force")
    with pytest.raises(Exception) as raised, np.errstate(divide="ignore"):
        Network(group, force).run(2 * ms, namespace={})
    assert "the target of force in network 1 is inf for output 0" in str(raised.value.__cause__)


REFUSED = {
    "sizes": ({"networks": 4}, "neurons has 30 neurons of 4 networks, expected as many in each: build all"),
    "reference": (
        {"networks": 2, "reference": True},
        "reference implementation has one network, expected networks = 1",
    ),
    "count": ({"networks": 0}, "networks is 0, expected"),
    "columns": (
        {"networks": 2, "n_outputs": 2, "target": TimedArray(np.ones((5, 3)), 1 * ms)},
        "target has 3 outputs, expected n_outputs = 2, or 4 for 2 networks: leave n_outputs out",
    ),
    "encoder": (
        {"networks": 2, "encoder": np.ones((15, 1)) * pA},
        r"encoder has shape \(15, 1\), expected \(30, 1\): neurons and outputs must fit",
    ),
}


@pytest.mark.parametrize(("options", "message"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_refused(options, message):
    group = hb.population(30, hb.Izhikevich.FORCE, hb.single_exponential(), feedback=True)
    with pytest.raises((ValueError, TypeError), match=message):
        hb.FORCE(group, **{"target": "1", **options})


def test_values_of_a_run_are_those_of_all_networks():
    options = {"seeds": (0, 1), "gains": GAINS[:2], "n_neurons": 20, **LEARNING}
    with hb.Program(force_networks, 0.1 * second, device="runtime", record="weights", **options) as program:
        plain = program.run()
        other = program.run({"force.initial_P": [2.0, 0.5], "force.encoder": np.zeros((40, 1)) * pA})
    assert not np.array_equal(plain.weights, other.weights)


def test_rls_learns_in_each_network():
    def trained(numbers):
        eta = np.concatenate([np.linspace(1200, 1500 + 100 * k, N) for k in numbers]) * pA
        clock = Clock(0.1 * ms, name="clock")
        group = hb.population(N * len(numbers), hb.Izhikevich.FORCE, hb.single_exponential(), eta=eta, clock=clock)
        rls = hb.RLS(group, "sin(2*pi*20*Hz*t)", namespace={"Hz": Hz}, networks=len(numbers), name="rls")
        Network(group, rls).run(50 * ms, namespace={})
        return rls.weights

    together = trained([0, 1])
    for k in (0, 1):
        assert nearly(together[k], trained([k])[0]) and np.abs(together[k]).max() > 0.1
