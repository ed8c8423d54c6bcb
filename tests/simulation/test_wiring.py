"""Synapses that a run has in place of those that the model connected."""

import os

import brian2
import numpy as np
import pytest
from brian2 import Clock, Network, NeuronGroup, SpikeMonitor, StateMonitor, Synapses, ms, pA

import hetbrian as hb
from hetbrian.published import force_network, force_values
from hetbrian.simulation.program import Program

STANDALONE = pytest.param("cpp_standalone", marks=pytest.mark.standalone)
DEVICES = ["numpy", "cython", STANDALONE]

GAIN = 2000 * pA
FORCE = {
    "n_neurons": 40, "start": 2 * ms, "stop": 30 * ms, "dt": 0.1 * ms, "recurrent_gain": GAIN, "feedback_gain": GAIN,
    "record": ("z", "weights", "spikes"),
}  # fmt: skip

BUILT = (np.array([0, 0, 1, 4, 2]), np.array([1, 3, 2, 0, 2]))
OTHER = (np.array([3, 1, 0, 0, 4, 4, 2, 1]), np.array([0, 0, 2, 1, 3, 1, 4, 4]))
"""Senders and receivers: other ones, not in order and of another number."""

WEIGHT = {"pathways.w": np.linspace(0.1, 0.8, 8)}


def leaky(rng, ends=BUILT, w=0.5, delay=None, change=None):
    """Return five neurons that fire, with synapses that learn something and two pathways."""
    clock = Clock(0.1 * ms, name="clock")
    neurons = NeuronGroup(
        5,
        "dv/dt = (drive - v)/tau : 1\ndrive : 1\ntau : second\nseen = n_seen_out : 1\nn_seen_out : 1",
        threshold="v > 1",
        reset="v = 0",
        method="euler",
        clock=clock,
        namespace={},
        name="neurons",
    )
    neurons.drive, neurons.tau, neurons.v = np.linspace(1.5, 4, 5), 2 * ms, np.linspace(0, 0.9, 5)
    synapses = Synapses(
        neurons,
        neurons,
        "w : 1\ncount : 1\nn_seen_out_post = count : 1 (summed)",
        on_pre="v_post += 0.1*w; count += 1",
        on_post="w *= 1.01",
        clock=clock,
        namespace={},
        delay={"post": 0.3 * ms},
        name="pathways",
    )
    synapses.connect(i=ends[0], j=ends[1])
    synapses.w = w
    if delay is not None:
        synapses.pre.delay = delay
    network = Network(neurons, synapses)
    if change is not None:
        change(network, synapses)
    return network


def opened(device, record="spikes", **options):
    return Program(leaky, 20 * ms, record=record, device=device, **options)


def as_values(seed):
    return force_values(
        np.random.default_rng(seed), 40, recurrent_gain=GAIN, feedback_gain=GAIN, built_gain=GAIN, probability=0.1
    )


@pytest.mark.parametrize("device", DEVICES)
def test_values_of_another_seed_give_its_network_to_the_last_bit_and_are_not_kept(device):
    expected = {seed: hb.simulate(force_network, 40 * ms, seed=seed, device=device, **FORCE) for seed in (0, 3, 4)}
    assert len({run.z.values.tobytes() for run in expected.values()}) == 3
    with Program(force_network, 40 * ms, device=device, **FORCE) as program:
        found = [(3, program.run(as_values(3))), (4, program.run(as_values(4))), (0, program.run())]
        found += [(4, program.run(seed=4)), (3, program.run(as_values(3), seed=4)), (4, program.run(seed=4))]
    for seed, run in found:
        for name in ("z", "weights", "spike_time", "spike_neuron"):
            np.testing.assert_array_equal(run[name].values, expected[seed][name].values, err_msg=f"{name} of {seed}")


@pytest.mark.parametrize("device", DEVICES)
def test_other_synapses_are_those_of_a_network_that_was_built_with_them(device):
    """Variables of a synapse, sums over them and a delay of all; what nobody has set is 0 again."""
    record = ("spikes", "neurons.seen")
    with opened(device, record) as program:
        before = program.run()
        found = program.run({"pathways.i": OTHER[0], "pathways.j": OTHER[1], **WEIGHT})
        again = program.run()
    chosen = {"ends": OTHER, "w": WEIGHT["pathways.w"]}
    expected = hb.simulate(leaky, 20 * ms, record=record, device=device, parameters=chosen)
    for name in ("spike_time", "spike_neuron", "neurons.seen"):
        np.testing.assert_array_equal(found[name].values, expected[name].values)
        np.testing.assert_array_equal(again[name].values, before[name].values)
    assert not np.array_equal(before.spike_time, found.spike_time) and found["neurons.seen"].max() > 5


@pytest.mark.parametrize("device", DEVICES)
def test_after_the_run_the_network_has_the_other_synapses_and_then_its_own(device):
    seen = []

    def look(network):
        synapses = network["pathways"]
        found = [np.array(item) for item in (synapses.i[:], synapses.j[:], synapses.w[:])]
        found.append(np.array(synapses.variables["N_outgoing"].get_value()))
        seen.append([*found, len(synapses)])

    with opened(device) as program:
        program.run({"pathways.i": OTHER[0], "pathways.j": OTHER[1], "pathways.w": 0.0}, finish=look)
        program.run(finish=look)
    for (i, j, w, n_outgoing, n), ends in zip(seen, (OTHER, BUILT), strict=True):
        assert (i == ends[0]).all() and (j == ends[1]).all() and n == len(w) == len(ends[0])
        assert (n_outgoing == np.bincount(ends[0], minlength=5)).all()
    assert not seen[0][2].any()


@pytest.mark.parametrize("device", DEVICES)
def test_a_model_may_connect_one_synapse(device):
    with Program(leaky, 20 * ms, record="spikes", device=device, parameters={"ends": ([1], [3])}) as program:
        own = program.run()
        spread = program.run({"pathways.i": OTHER[0], "pathways.j": OTHER[1], **WEIGHT})
        again = program.run()
    chosen = [{"ends": ([1], [3])}, {"ends": OTHER, "w": WEIGHT["pathways.w"]}, {"ends": ([1], [3])}]
    for run, parameters in zip((own, spread, again), chosen, strict=True):
        expected = hb.simulate(leaky, 20 * ms, device=device, record="spikes", parameters=parameters)
        np.testing.assert_array_equal(run.spike_time.values, expected.spike_time.values)
        np.testing.assert_array_equal(run.spike_neuron.values, expected.spike_neuron.values)


@pytest.mark.parametrize("device", DEVICES)
def test_a_model_may_seed_the_random_numbers_of_brian2(device):
    """It then says which they are, whatever noise a run is given."""

    def noisy(rng, is_seeded=True):
        if is_seeded:
            brian2.seed(3)
        network = leaky(rng)
        network["neurons"].drive = "1.5 + 2*rand()"
        return network

    new = {"pathways.i": OTHER[0], "pathways.j": OTHER[1], **WEIGHT}
    found = {}
    for is_seeded in (True, False):
        parameters = {"is_seeded": is_seeded}
        with Program(noisy, 20 * ms, record="spikes", device=device, parameters=parameters) as program:
            found[is_seeded] = [program.run(new, noise=noise).spike_time.values for noise in (1, 2)]
    assert np.array_equal(*found[True])
    assert not np.array_equal(*found[False])


@pytest.mark.parametrize("device", DEVICES)
def test_one_synapse_and_a_view_of_its_ends_will_do(device):
    with opened(device) as program:
        program.run()
        synapses = program.network["pathways"]
        run = program.run({synapses.i: [2], synapses.j: [4], synapses.w: [0.7]})
        spread = program.run({"pathways.i": [2], "pathways.j": [4], "pathways.w": 0.7})
    assert "'pathways.i': 'array of shape (1,)'" in str(run.attrs["values"]).replace('"', "'")
    chosen = {"ends": (np.array([2]), np.array([4])), "w": 0.7}
    expected = hb.simulate(leaky, 20 * ms, device=device, record="spikes", parameters=chosen)
    for found in (run, spread):
        np.testing.assert_array_equal(found.spike_time.values, expected.spike_time.values)


def given(**changes):
    """Return values of other synapses, some of which are changed or missing."""
    values = {"pathways.i": OTHER[0], "pathways.j": OTHER[1], **WEIGHT}
    values |= {f"pathways.{name}": value for name, value in changes.items()}
    return {key: value for key, value in values.items() if value is not None}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (given(j=None), "'pathways.i' is given without 'pathways.j', expected both ends of each synapse: give"),
        (given(i=None), "'pathways.j' is given without 'pathways.i', expected both ends"),
        (
            given(i=OTHER[0][:-1]),
            r"have the shapes \(7,\) and \(8,\), expected one length of at least 1: give a number",
        ),
        (given(i=0, j=1, w=0.1), r"have the shapes \(\) and \(\), expected one length"),
        (given(i=[], j=[], w=0.1), r"have the shapes \(0,\) and \(0,\), expected one length"),
        (given(i=[[0, 1]], j=[[0, 1]], w=0.1), r"have the shapes \(1, 2\) and \(1, 2\)"),
        (given(i=OTHER[0] + 1), "'pathways.i' has the neuron 5, expected 0 to 4 of neurons: check where it comes from"),
        (given(j=OTHER[1] - 1), "'pathways.j' has the neuron -1, expected 0 to 4 of neurons"),
        (given(i=OTHER[0] + 0.5), "'pathways.i' has the value 3.5, expected numbers that int32 can hold: round"),
        (
            given(i=OTHER[0] > 1),
            "'pathways.i' or 'pathways.j' are truth values, expected the number of a neuron for each",
        ),
        (
            given(i=np.ma.masked_equal(OTHER[0], 3)),
            "'pathways.i' has masked entries, expected numbers alone: leave those",
        ),
        (given(w=None), "'pathways.i' is given without 'pathways.w', expected the values of the new synapses, those"),
        (
            given(w=np.ones(5)),
            r"'pathways.w' has shape \(5,\), expected one value or \(8,\): give one for each element",
        ),
        ({"pathways.k": 1}, "'pathways.k' is no variable of this network, expected 'object.variable'"),
    ],
)
@pytest.mark.parametrize("device", ["numpy", STANDALONE])
def test_what_is_no_network_is_refused_before_it_runs(device, values, message):
    with opened(device) as program:
        with pytest.raises(ValueError, match=message):
            program.run(values)
        program.run()


@pytest.mark.parametrize("end", ["i", "j"])
def test_ends_that_are_no_array_of_numbers(end):
    with opened("numpy") as program:
        message = rf"'pathways.{end}' is \[\[1\], \[1, 2\]\], expected real numbers: give an array of them"
        with pytest.raises(TypeError, match=message):
            program.run(given(**{end: [[1], [1, 2]]}))


def recorded(network, synapses):
    network.add(StateMonitor(synapses, "w", record=True, clock=synapses.clock, name="watcher"))


def one_by_one(network, synapses):
    synapses.w[0] = 0.25


def part_then_all(network, synapses):
    """The program would write the last of five weights where a run may have one."""
    synapses.w[4] = 0.25
    synapses.w = 0.5


def without_any(network, synapses):
    synapses.active = False


def twice(network, synapses):
    synapses.connect(i=[1, 2], j=[1, 1])
    synapses.w = 0.5


def by_rule(network, synapses):
    synapses.w = "0.1*i"


def in_code(network, synapses):
    synapses.w = "0.5"


def counting(network, synapses):
    others = Synapses(
        synapses.source, synapses.source, "x : 1", on_pre="v += 0*x", multisynaptic_index="number",
        clock=synapses.clock, namespace={}, name="others",
    )  # fmt: skip
    others.connect(i=[0, 1], j=[1, 2])
    network.add(others)


def partly(network, synapses):
    others = Synapses(
        synapses.source[1:4], synapses.source, on_pre="v += 0", clock=synapses.clock, namespace={}, name="others"
    )
    others.connect(i=[0, 1], j=[1, 2])
    network.add(others)


OTHERS = {"others.i": [0, 1], "others.j": [1, 2]}


@pytest.mark.parametrize(
    ("change", "values", "message", "devices"),
    [
        (recorded, given(), "because watcher holds some of their variables; expected synapses between whole", "both"),
        (without_any, given(), "because the built network has none; expected synapses between whole groups", "both"),
        (counting, OTHERS, "because number counts those between the same neurons; expected", "both"),
        (partly, OTHERS, "because they lead to or from a part of a group, or other synapses; expected", "both"),
        (
            one_by_one,
            given(),
            "because the model sets some values of 'w' alone; expected all at once: set",
            "standalone",
        ),
        (
            twice,
            given(),
            "because code of the program makes these synapses; expected a C\\+\\+ program and",
            "standalone",
        ),
        (part_then_all, given(), "because the model sets some values of 'w' alone; expected all at once", "standalone"),
        (
            by_rule,
            given(),
            "because an initialisation of pathways reads these synapses before the values",
            "standalone",
        ),
        (
            in_code,
            given(),
            "because an initialisation of pathways reads these synapses before the values",
            "standalone",
        ),
    ],
)
@pytest.mark.parametrize("device", ["numpy", STANDALONE])
def test_synapses_that_cannot_be_others_are_refused_by_name(device, change, values, message, devices):
    with opened(device, change=change) as program:
        if devices == "both" or device == "cpp_standalone":
            with pytest.raises(ValueError, match=message):
                program.run(values)
        else:  # a network that is built for each run can have them
            plain = opened(device)
            with plain:
                expected = plain.run(values)
            np.testing.assert_array_equal(program.run(values).spike_time.values, expected.spike_time.values)


@pytest.mark.parametrize("device", ["numpy", STANDALONE])
def test_what_all_synapses_share_stays_one_value(device):
    def sharing(rng):
        network = leaky(rng)
        clock, neurons = network["neurons"].clock, network["neurons"]
        others = Synapses(neurons, neurons, "a : 1 (shared)", on_pre="v_post += a", clock=clock, namespace={},
                          name="others")  # fmt: skip
        others.connect(i=[0, 1, 2], j=[1, 2, 3])
        network.add(others)
        return network

    new = {"others.i": [0, 1], "others.j": [1, 2]}
    with Program(sharing, 20 * ms, device=device, record="spikes") as program:
        with pytest.raises(ValueError, match=r"'others.a' has shape \(2,\), expected one value or \(1,\): give one"):
            program.run({**new, "others.a": [0.5, 0.5]})
        assert program.run({**new, "others.a": 0.5}).sizes["spike"] > program.run(new).sizes["spike"]


@pytest.mark.parametrize("device", ["numpy", STANDALONE])
def test_delays_that_the_model_sets_belong_to_the_synapses_before(device):
    with (
        opened(device, delay=np.full(5, 0.3) * ms) as program,
        pytest.raises(ValueError, match="the model sets the delay of each synapse, which no run can; expected one for"),
    ):
        program.run(given())


@pytest.mark.parametrize("device", ["numpy", STANDALONE])
def test_a_saved_state_goes_on_with_its_synapses_only(device, tmp_path):
    path = tmp_path / "state.npz"
    hb.simulate(force_network, 10 * ms, device=device, finish=lambda network: hb.save_state(network, path), **FORCE)
    message = "'recurrent.i' is given to a network that goes on from a saved state, expected the synapses that it was"
    with (
        Program(force_network, 10 * ms, device=device, resume=path, **FORCE) as program,
        pytest.raises(ValueError, match=message),
    ):
        program.run(as_values(3))


def test_neurons_that_go_on_may_have_a_variable_j(tmp_path):
    def with_j(rng):
        clock = Clock(0.1 * ms, name="clock")
        return Network(NeuronGroup(1, "v = 2*j : 1\nj : 1", clock=clock, namespace={}, name="neurons"))

    path = tmp_path / "state.npz"
    hb.simulate(with_j, 1 * ms, device="numpy", record="v", finish=lambda network: hb.save_state(network, path))
    run = hb.simulate(with_j, 1 * ms, device="numpy", record="v", resume=path, values={"neurons.j": 3.0})
    assert run.v[-1].item() == 6


@pytest.mark.standalone
def test_other_synapses_are_not_left_in_the_environment():
    """Or a program in a kept folder that is started by hand would take them for those of its arguments."""
    before = {key: value for key, value in os.environ.items() if key.startswith("HETBRIAN_")}
    with opened("cpp_standalone") as program:
        program.run(given())
    assert {key: value for key, value in os.environ.items() if key.startswith("HETBRIAN_")} == before


@pytest.mark.parametrize("device", ["numpy", STANDALONE])
def test_a_state_of_other_synapses_is_that_of_another_network(device, tmp_path):
    path = tmp_path / "state.npz"
    with Program(force_network, 10 * ms, device=device, **FORCE) as program:
        program.run(as_values(3), finish=lambda network: hb.save_state(network, path))
        program.run()
    goes_on = hb.simulate(force_network, 5 * ms, seed=3, device=device, resume=path, **FORCE)
    expected = hb.simulate(force_network, 15 * ms, seed=3, device=device, **FORCE)
    assert (goes_on.weights.values == expected.weights.values).all()
    with pytest.raises(ValueError, match="recurrent"):
        hb.simulate(force_network, 5 * ms, device=device, resume=path, **FORCE)


@pytest.mark.standalone
def test_brian2cuda_makes_synapses_itself(monkeypatch):
    with opened("cpp_standalone") as program:
        monkeypatch.setattr(program._compiled, "is_cuda", True)
        with pytest.raises(ValueError, match="because Brian2CUDA makes these synapses; expected a C\\+\\+ program and"):
            program.run(given())


def test_weights_of_synapses_that_stay_are_set_as_before():
    with opened("numpy") as program:
        one = program.run({"pathways.w": np.full(5, 0.5)})
        assert (one.spike_time.values == program.run().spike_time.values).all()


def test_spikes_reach_who_the_new_synapses_lead_to():
    """One neuron fires on its own, and moves the one that it leads to, at the step after."""

    def two(rng):
        clock = Clock(0.1 * ms, name="clock")
        neurons = NeuronGroup(3, "dv/dt = drive/ms : 1\ndrive : 1", method="euler", threshold="v > 1", reset="v = 0",
                              clock=clock, namespace={"ms": ms}, name="neurons")  # fmt: skip
        neurons.drive, neurons.v = [0.5, 0, 0], [0.9, 0, 0]
        synapses = Synapses(neurons, neurons, on_pre="v += 2", clock=clock, namespace={}, name="synapses")
        synapses.connect(i=[0], j=[1])
        return Network(neurons, synapses, SpikeMonitor(neurons, name="fired"))

    with Program(two, 1 * ms, device="numpy", record="spikes") as program:
        assert program.run().spike_neuron.values.tolist() == [0, 1]
        assert program.run({"synapses.i": [0], "synapses.j": [2]}).spike_neuron.values.tolist() == [0, 2]
