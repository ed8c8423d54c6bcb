import gc
import logging
import os
import re

import numpy as np
import pytest
import xarray
from brian2 import Clock, Network, NeuronGroup, Synapses, ms, mV, nS, pA, second, volt
from brian2.utils.logger import catch_logs
from numpy.random import default_rng

import hetbrian as hb
from hetbrian.published import force_network
from hetbrian.simulation import record
from hetbrian.simulation.names import REGISTRY, find_recordable
from hetbrian.simulation.record import Recorder, load, sampling_interval, save
from tests.full_disk import full_disk

DT = 0.1 * ms
OF_FORCE = ("z", "y", "weights", "v", "w", "IPSC", "r", "spikes", "rate", "eta", "g", "theta")
OF_GATING = ("v", "w", "s", "spikes", "rate", "eta", "g", "theta")


def force_net():
    return force_network(
        default_rng(1),
        n_neurons=10,
        eta=1500 * pA,
        eta_half_width=20 * pA,
        g_half_width=500 * pA,
        theta=0.5,
        start=0 * ms,
        every=0.5 * ms,
        dt=DT,
    )


def gating_net(parameters=hb.Izhikevich.CA3):
    clock = Clock(0.01 * ms)
    neurons = hb.population(5, parameters, hb.gating(), eta=parameters.eta * 3, clock=clock)
    return Network(neurons, hb.AllToAll(neurons, parameters))


def recorded(network, record, duration=20 * ms, dt=DT):
    recorder = Recorder(network, record, dt)
    network.run(duration, namespace={})
    return recorder.dataset()


@pytest.mark.parametrize(("net", "names"), [(force_net, OF_FORCE), (gating_net, OF_GATING)])
def test_every_registered_name_is_in_a_network(net, names):
    network = net()
    for name in names:
        owner, entry = find_recordable(network, name)
        assert owner in network.objects and entry == REGISTRY[name], name
        assert set(entry.dims) <= {"time", "neuron", "output", "weight", "spike"}
    assert set(OF_FORCE) | set(OF_GATING) == set(REGISTRY)
    assert len({entry.meaning for entry in REGISTRY.values()}) == len(REGISTRY)


def test_values_and_units_of_a_force_network():
    network = force_net()
    dataset = recorded(network, OF_FORCE)
    neurons, force = network["neurons"], network["force"]
    last = dataset.isel(time=-1)
    expected = {
        "z": (force.z[:], "1"),
        "y": (force.y[:], "1"),
        "v": (neurons.v / mV, "mV"),
        "w": (neurons.w / pA, "pA"),
        "IPSC": (neurons.IPSC / pA, "pA"),
        "r": (neurons.r[:], "1"),
        "eta": (neurons.eta / pA, "pA"),
        "g": (neurons.g[:], "1"),
        "theta": (neurons.theta[:], "1"),
        "weights": (force.weights, "1"),
    }
    for name, (value, unit) in expected.items():
        assert np.ptp(value) > 0 or name in ("z", "y", "theta"), name
        # another order of the division by the unit: one rounding
        assert np.allclose(last[name], value, rtol=1e-14, atol=0), name
        assert dataset[name].attrs == {"units": unit, "long_name": REGISTRY[name].meaning}
        assert dataset[name].dims == REGISTRY[name].dims
    assert dataset.time.attrs["units"] == "s"
    assert np.allclose(dataset.time, np.arange(200) * 1e-4, rtol=0, atol=1e-15)  # t is n dt, rounded once
    assert dataset.neuron.values.tolist() == list(range(10)) and dataset.output.values.tolist() == [0]


def test_samples_are_of_the_end_of_the_step():
    """After FORCE of the same step: z at step 0 is Phi r with the spikes of step 0."""
    network = force_net()
    network["force"].weights = np.ones((1, 10))
    network["neurons"].v = 31 * mV  # all fire at once
    dataset = recorded(network, ("z", "r"), 1 * ms)
    # a spike adds ms/tau_d = 1/20; ten roundings of a sum of ten
    assert dataset.r.values[0] == pytest.approx(np.full(10, 0.05), abs=1e-15)
    assert dataset.z.values[0, 0] == pytest.approx(0.5, abs=1e-14)


def test_spikes():
    network = force_net()
    dataset = recorded(network, ("spikes",))
    monitor = network["monitor_spikes"]
    assert dataset.sizes == {"spike": len(monitor.t)} and dataset.sizes["spike"] > 10
    assert np.array_equal(dataset.spike_time, monitor.t / second)
    assert np.array_equal(dataset.spike_neuron, monitor.i[:])
    assert dataset.spike_time.attrs["units"] == "s"
    assert dataset.spike_time.min() >= 0 and 0.01 < dataset.spike_time.max() < 0.02


@pytest.mark.parametrize("device", ["numpy", pytest.param("cpp_standalone", marks=pytest.mark.standalone)])
def test_spikes_of_neighbours_are_those_of_all_that_they_fired(device):
    options = {"n_neurons": 40, "start": 10 * ms, "stop": 30 * ms, "seed": 3, "device": device}
    everyone = hb.simulate(force_network, 60 * ms, record=("z", "spikes"), **options)
    some = hb.simulate(force_network, 60 * ms, record={"z": True, "spikes": range(5, 20)}, **options)
    inside = (everyone.spike_neuron >= 5) & (everyone.spike_neuron < 20)
    assert 20 < some.sizes["spike"] < everyone.sizes["spike"]
    assert np.array_equal(some.spike_neuron, everyone.spike_neuron[inside])
    assert np.array_equal(some.spike_time, everyone.spike_time[inside])
    assert np.array_equal(some.z, everyone.z)


def test_the_rate_counts_the_spikes_of_each_interval():
    dataset = recorded(force_net(), ("spikes", "rate", "z"), 20.5 * ms, 1 * ms)
    edges = np.append(np.arange(21) * 1e-3, 20.5e-3) - 0.5e-4  # half a step before: times are rounded multiples of dt
    counts = np.histogram(dataset.spike_time, edges)[0]
    assert counts.sum() == dataset.sizes["spike"] > 10
    assert np.allclose(dataset.rate, counts / 10 / np.diff(edges), rtol=1e-12, atol=0)  # a division each way
    assert dataset.rate.attrs["units"] == "Hz" and np.allclose(dataset.time, np.arange(21) * 1e-3, rtol=0, atol=1e-15)


def test_units_of_a_gating_network():
    network = gating_net()
    network["neurons"].v = 13 * volt  # above v_peak: all fire at once
    dataset = recorded(network, OF_GATING, 5 * ms, 0.1 * ms)
    assert {name: dataset[name].attrs["units"] for name in ("v", "w", "eta", "g", "s")} == {
        "v": "mV",
        "w": "pA",
        "eta": "pA",
        "g": "nS",
        "s": "1",
    }
    assert np.allclose(dataset.g, network["neurons"].g / nS, rtol=1e-14, atol=0)  # one rounding
    assert dataset.s.dims == ("time",) and dataset.sizes["time"] == 50
    assert dataset.s[-1] > 0
    unitless = recorded(gating_net(hb.Izhikevich.CA3.dimensionless()), ("v", "eta"), 0.1 * ms)
    assert unitless.v.attrs["units"] == unitless.eta.attrs["units"] == "1"


def test_data_outlive_the_network():
    """Brian2's dynamic arrays free their memory with the monitor: a view of it would show other numbers."""
    network = force_net()
    recorder = Recorder(network, ("spikes", "v", "eta"), DT)
    network.run(20 * ms, namespace={})
    dataset = recorder.dataset()
    for monitor, variable, name in (
        ("monitor_spikes", "i", "spike_neuron"),
        ("monitor_spikes", "t", "spike_time"),
        ("monitor_v", "t", "time"),
        ("monitor_v", "v", "v"),
        ("neurons", "eta", "eta"),
    ):
        assert not np.shares_memory(dataset[name].values, network[monitor].variables[variable].get_value()), name
    kept = dataset.copy(deep=True)
    del recorder, network, monitor
    gc.collect()
    noise = [np.full(1000, 7, dtype=np.int32) for _ in range(1000)]  # takes the memory that was freed
    assert dataset.identical(kept) and len(noise) == 1000


def test_only_what_was_asked_for():
    network = force_net()
    before = {item.name for item in network}
    recorder = Recorder(network, ("z", "eta", "weights", "spikes"), DT)
    assert {item.name for item in network.objects} - before == {"monitor_z", "monitor_spikes"}
    assert set(recorder.monitors) == {"z", "spikes"}
    nothing = recorded(force_net(), (), 1 * ms)
    assert not nothing.variables


def test_interval():
    dataset = recorded(force_net(), "z", 20 * ms, 2 * ms)
    assert np.allclose(dataset.time, np.arange(10) * 2e-3, rtol=0, atol=1e-15)


def test_a_choice_of_neurons_labels_them():
    network = force_net()
    dataset = recorded(network, {"v": [1, 7], "eta": [1, 7], "z": True})
    assert dataset.v.shape == (200, 2) and dataset.neuron.values.tolist() == [1, 7]
    assert np.allclose(dataset.sel(neuron=7).v[-1], network["neurons"].v[7] / mV, rtol=1e-14, atol=0)  # one rounding
    assert np.allclose(dataset.eta, network["neurons"].eta[[1, 7]] / pA, rtol=1e-14, atol=0)
    one = recorded(force_net(), {"v": 3}, 1 * ms)
    assert one.v.shape == (10, 1) and one.neuron.values.tolist() == [3]


def two_populations():
    """Two populations and two readouts under names of their own, with plastic synapses between them."""
    clock = Clock(DT, name="clock")
    groups = [
        hb.population(n, hb.Izhikevich.FORCE, hb.double_exponential(), eta=1500 * pA, theta=0.1, clock=clock, name=name)
        for n, name in ((4, "exc"), (3, "inh"))
    ]
    synapses = Synapses(groups[0], groups[1], "x : 1", on_pre="x += 1", clock=clock, namespace={}, name="between")
    synapses.connect()
    readouts = [hb.FORCE(group, "1 + i", n_outputs=2, name=f"of_{group.name}") for group in groups]
    for group in groups:
        group.v = np.linspace(-60, 29, len(group)) * mV
    return Network(*groups, synapses, *readouts)


def test_full_names_of_any_object():
    names = ("exc.v", "inh.v", "exc.spikes", "inh.spikes", "inh.rate", "exc.eta", "of_inh.weights", "of_exc.z")
    network = two_populations()
    dataset = recorded(network, (*names, "between.x", "of_exc.n_updates", "of_exc.initial_P", "exc.h"))
    assert dataset["exc.v"].dims == ("time", "exc.neuron") and dataset["exc.v"].shape == (200, 4)
    assert dataset["inh.v"].dims == ("time", "inh.neuron") and dataset["inh.v"].shape == (200, 3)
    assert dataset["exc.v"].attrs == {"units": "mV", "long_name": "membrane potential"}
    assert np.allclose(dataset["inh.v"][-1], network["inh"].v / mV, rtol=1e-14, atol=0)  # one rounding
    assert dataset["of_inh.weights"].dims == ("of_inh.output", "of_inh.weight")
    assert dataset["of_exc.z"].dims == ("time", "of_exc.output")
    counts = {name: dataset.sizes[f"{name}.spike"] for name in ("exc", "inh")}
    assert min(counts.values()) > 0 and set(dataset["inh.spike_neuron"].values) <= {0, 1, 2}
    assert dataset["inh.rate"].sum() * float(DT) * 3 == pytest.approx(counts["inh"], rel=1e-12)
    assert dataset["between.x"].dims == ("between.synapse",) and dataset["between.x"].sum() == counts["exc"] * 3
    assert dataset["of_exc.n_updates"].dims == ("time",) and dataset["of_exc.n_updates"][-1] == 25
    assert dataset["of_exc.initial_P"].dims == () and dataset["of_exc.initial_P"] == 2
    assert dataset["exc.h"].attrs["long_name"] == "h of exc" and dataset["exc.eta"].shape == (4,)


def test_a_full_name_and_a_short_one_are_the_same_numbers():
    network = force_net()
    dataset = recorded(network, {"v": [1, 7], "neurons.w": [2], "force.z": True, "z": True, "rate": True})
    assert np.array_equal(dataset["force.z"], dataset.z) and dataset.neuron.values.tolist() == [1, 7]
    assert dataset["neurons.neuron"].values.tolist() == [2] and dataset["neurons.w"].shape == (200, 1)


def test_short_names_are_of_the_only_one_whatever_its_name():
    clock = Clock(DT, name="clock")
    group = hb.population(3, hb.Izhikevich.FORCE, hb.single_exponential(), clock=clock, name="cells")
    silent = NeuronGroup(2, "v : 1", clock=clock, namespace={}, name="electrodes")
    network = Network(group, silent, hb.RLS(group, "1", name="linear"))
    dataset = recorded(network, ("spikes", "v", "z", "weights"), 1 * ms)
    assert dataset.v.shape == (10, 3) and dataset.weights.shape == (1, 3)


def test_a_short_name_of_two_is_refused():
    with pytest.raises(ValueError, match=r"'v' is of 2 objects, expected 'exc.v' or 'inh.v': name one of them in full"):
        Recorder(two_populations(), "v", DT)


def test_a_full_name_that_is_not_there():
    with pytest.raises(
        ValueError, match=r"record has 'exc.vv', expected 'object.variable' or .*did you mean 'exc.v'\?"
    ):
        Recorder(two_populations(), "exc.vv", DT)


BAD = {
    "unknown": (
        "u",
        DT,
        "record has 'u', expected 'object.variable' or a short name among z, y, weights, v, w, IPSC, r, s, spikes",
    ),
    "no such object": ("s", DT, "'s' is 's' of a gate, which this network of force, neurons, recu"),
    "too many": ({"v": [10]}, DT, "record has 'v': [10], expected whole numbers below 10: it has no more"),
    "no number": ({"v": [0.5]}, DT, "record has 'v': [0.5], expected whole numbers below 10"),
    "no choice": (
        {"rate": [1]},
        DT,
        "record has 'rate': [1], expected True: it has no neurons or outputs to choose",
    ),
    "no neighbours": (
        {"spikes": [1, 3]},
        DT,
        "record has 'spikes': [1, 3], expected neurons one after the other: write range(20), say, or record all",
    ),
    "nobody": ({"spikes": []}, DT, "record has 'spikes': [], expected neurons one after the other"),
    "no such neuron": ({"spikes": range(8, 12)}, DT, "expected whole numbers below 10: it has no more"),
    "other neurons": (
        {"v": [0, 1], "w": [2]},
        DT,
        "record chooses other neurons for 'w' than before, expected the same for all: choose [0, 1]",
    ),
    "other outputs": (
        {"weights": True, "z": []},
        DT,
        "record chooses other outputs for 'z' than before, expected the same for all: choose [0]",
    ),
    "interval": ("z", 0.25 * ms, "record_dt is 250. us, expected a multiple of the time step 100. us: round it"),
    "too short": ("z", 0.01 * ms, "record_dt is 10. us, expected a multiple of the time step 100. us"),
}


@pytest.mark.parametrize(("record", "dt", "message"), BAD.values(), ids=BAD)
def test_bad_requests(record, dt, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Recorder(force_net(), record, dt)


BAD_FORMS = {
    "number": ([5], "record has 5, expected 'object.variable' or a short name: give it as a string"),
    "list": ([["v"]], "record has ['v'], expected 'object.variable' or a short name: give it as a string"),
    "none": (None, "record is None, expected names, as in record='v': give record=() for nothing"),
    "true": (True, "record is True, expected names, as in record='v': give record=() for nothing"),
    "not": ({"neurons.v": False}, "record has 'neurons.v': False, expected True or whole numbers: leave out what is"),
    "numpy": ({"v": np.False_}, "record has 'v': np.False_, expected True or whole numbers: leave out what is"),
    "nothing": ({"v": None}, "record has 'v': None, expected True or whole numbers: leave out what is"),
    "nested": ({"v": ((0, 1), (2, 3))}, "record has 'v': ((0, 1), (2, 3)), expected whole numbers: give them in one"),
    "word": ({"v": "all"}, "record has 'v': 'all', expected whole numbers below 10"),
}


@pytest.mark.parametrize(("record", "message"), BAD_FORMS.values(), ids=BAD_FORMS)
def test_bad_forms_of_a_request(record, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Recorder(force_net(), record, DT)


@pytest.mark.parametrize("index", [(1, 7), [1, 7], np.array([1, 7]), range(1, 8, 6), slice(1, 8, 6)], ids=str)
def test_a_choice_is_any_sequence(index):
    recorder = Recorder(force_net(), {"v": index}, DT)
    assert recorder.labels["neuron"].tolist() == [1, 7]
    assert Recorder(force_net(), {"v": np.True_}, DT).labels["neuron"].size == 10


def cells(equations, name, value, clock):
    group = NeuronGroup(2, equations, threshold="t >= 0*ms", reset="", clock=clock, namespace={"ms": ms}, name=name)
    (variable,) = group.equations.parameter_names
    getattr(group, variable)[:] = value
    return group


def test_names_that_are_alike_with_underscores_are_kept_apart():
    clock = Clock(DT, name="clock")
    first, second = cells("b_v : 1", "a", [1, 2], clock), cells("v : 1", "a_b", [3, 4], clock)
    like_ours = cells("v : 1", "monitor_a_b_v", [5, 6], clock)
    names = ("a_b.v", "a.b_v", "monitor_a_b_v.v")
    dataset = recorded(Network(first, second, like_ours), names, 1 * ms)
    assert [dataset[name][-1].values.tolist() for name in names] == [[3, 4], [1, 2], [5, 6]]


@pytest.mark.parametrize(
    ("variable", "others", "message"),
    [
        ("spike_time", ["a.spikes"], "record has 'a.spike_time', as the Dataset calls something else that is recorded"),
        ("neuron", [], "record has 'a.neuron', as the Dataset calls something else that is recorded"),
        ("every", [], "record has 'a.every', a name that the monitor itself needs, expected another one: rename"),
    ],
)
def test_a_variable_called_like_something_of_ours_is_refused(variable, others, message):
    network = Network(cells(f"{variable} : 1", "a", [1, 2], Clock(DT, name="clock")))
    with pytest.raises(ValueError, match=re.escape(message)):
        Recorder(network, [f"a.{variable}", *others], DT)


def test_the_default_without_a_readout():
    message = (
        "record is ('z', 'y', 'spikes') by default, expected a readout, which this network of gating, neurons lacks: "
        "give what to record, as in record='spikes', or record=() for nothing"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        Recorder(gating_net(), record.RECORD, DT)
    with pytest.raises(ValueError, match="'z' is 'z' of a readout, which this network of gating, neurons lacks"):
        Recorder(gating_net(), list(record.RECORD), DT)


def test_a_variable_that_the_population_lacks():
    with pytest.raises(ValueError, match=r"'IPSC' is 'IPSC' of a population, which this network of .* lacks"):
        Recorder(gating_net(), ("v", "IPSC"), DT)


# Files


def example(value=1.0):
    return xarray.Dataset(
        {"z": (("time", "output"), np.full((3, 2), value), {"units": "1"})},
        {"time": ("time", [0.0, 0.1, 0.2], {"units": "s"})},
        {"seed": 3, "parameters": "{}"},
    )


def test_round_trip(tmp_path):
    attributes = {"seed": 3, "duration": 0.02, "ok": True, "none": None, "parameters": {"G": "1. nA", "n": 3}, "x": "a"}
    network = force_net()
    recorder = Recorder(network, OF_FORCE, DT)
    network.run(5 * ms, namespace={})
    dataset = recorder.dataset(**attributes)
    assert dataset.attrs == {**attributes, "ok": 1, "none": "null", "parameters": '{"G": "1. nA", "n": 3}'}
    save(dataset, tmp_path / "run.nc")
    assert load(tmp_path / "run.nc").identical(dataset)
    assert os.listdir(tmp_path) == ["run.nc"]


def test_a_saved_file_can_be_replaced_while_loaded(tmp_path):
    path = str(tmp_path / "run.nc")
    save(example(1.0), path)
    first = load(path)
    save(example(2.0), path)
    assert first.identical(example(1.0)) and load(path).identical(example(2.0))


@pytest.mark.parametrize("failure", ["write", "replace"])
def test_a_full_disk_leaves_the_old_file_whole(failure, tmp_path, monkeypatch):
    path = tmp_path / "run.nc"
    save(example(1.0), path)

    def full(self, target, **options):
        target.write(b"half of it")
        raise OSError(28, "No space left on device")

    def cannot_replace(*args):
        raise OSError(28, "No space left on device")

    if failure == "write":
        monkeypatch.setattr(xarray.Dataset, "to_netcdf", full)
    else:
        monkeypatch.setattr(record.os, "replace", cannot_replace)
    with pytest.raises(
        OSError, match=r"run.nc' could not be written \(No space left on device\), expected a folder with"
    ):
        save(example(2.0), path)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["run.nc"]
    assert load(path).identical(example(1.0))


def test_an_interrupted_save_leaves_no_temporary_file(tmp_path, monkeypatch):
    def interrupt(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(xarray.Dataset, "to_netcdf", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save(example(), tmp_path / "run.nc")
    assert os.listdir(tmp_path) == []


def test_save_into_a_missing_folder(tmp_path):
    with pytest.raises(OSError, match=r"run.nc' could not be written \(No such file or directory\)"):
        save(example(), tmp_path / "none" / "run.nc")


def test_load_of_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none.nc' does not exist, expected a saved Dataset: check the path"):
        load(tmp_path / "none.nc")


@pytest.mark.parametrize("content", [b"", b"no netCDF", "truncated", "folder"])
def test_load_of_something_else(content, tmp_path):
    path = tmp_path / "run.nc"
    if content == "folder":
        path.mkdir()
    elif content == "truncated":
        save(example(), path)
        path.write_bytes(path.read_bytes()[:2000])
    else:
        path.write_bytes(content)
    kind = "is a folder, a pipe" if content == "folder" else "is not a saved Dataset, expected a netCDF file: compute"
    with pytest.raises(ValueError, match=rf"run.nc' {kind}"):
        load(path)


def test_every_damaged_byte_of_a_saved_dataset_is_noticed_and_nothing_else_is_said(tmp_path, capfd):
    path = tmp_path / "run.nc"
    save(example(), path)
    data = path.read_bytes()
    for at in range(0, len(data), 7):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :])
        with pytest.raises(ValueError, match=r"run.nc' is (damaged, expected the checksum|not a saved Dataset, expec)"):
            load(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="only Linux has such a file, which cannot be read")
def test_a_file_that_cannot_be_read_is_one_sentence():
    with pytest.raises(
        OSError, match=r"mem' cannot be read \(Input/output error\), expected a saved Dataset: check the"
    ):
        load("/proc/self/mem")


def test_a_saved_dataset_that_another_program_changed_is_read(tmp_path):
    import h5py

    save(example(), tmp_path / "run.nc")
    with h5py.File(tmp_path / "run.nc", "r+") as file:
        file.attrs["remark"] = "read by others"
    assert load(tmp_path / "run.nc").remark == "read by others"


@pytest.mark.parametrize(
    ("steps", "interval"),
    [
        ((0.1,), 1.0),
        ((0.04, 0.1), 1.0),
        ((), 1.0),
        ((0.3,), 0.9),
        ((0.7,), 0.7),
        ((2.5,), 2.5),
        ((0.1, 0.3), 0.9),
    ],
)
def test_the_default_interval_fits_the_time_steps(steps, interval):
    assert float(sampling_interval([step * ms for step in steps])) == pytest.approx(interval * 1e-3, rel=1e-12)


def test_a_network_with_an_odd_time_step_is_recorded_and_the_interval_said():
    def model(rng):
        clock = Clock(0.35 * ms, name="clock")
        return Network(NeuronGroup(2, "v = t/second : 1", clock=clock, name="neurons", namespace={"second": second}))

    with catch_logs(log_level=logging.INFO) as logs:
        run = hb.simulate(model, 3 * ms, device="numpy", record="v")
    assert np.allclose(run.time, np.arange(3) * 1.05e-3, atol=1e-12)
    assert [text for level, _, text in logs if level == "INFO"] == [
        "record_dt is 1.05 ms, the multiple of the time step nearest to 1 ms"
    ]


UNSAVABLE = {
    "its attribute 'a',": [
        xarray.Dataset(attrs={"a": value})
        for value in (None, object(), {1}, {"x": 1}, ["a", 1], "x\0y", "\ud800", 10**400)
    ],
    "its variable 'a',": [
        xarray.Dataset({"b": 1, "a": ("t", np.array([value], dtype=object))}) for value in (2**70, object(), "\ud800")
    ],
    "its variable 1,": [xarray.Dataset({1: ("t", [1.0])})],
    "its variable 'a/b',": [xarray.Dataset({"a/b": ("t", [1.0])})],
    "the attribute 'u' of its variable 'a',": [xarray.Dataset({"a": ("t", [1.0], {"u": None})})],
}


@pytest.mark.parametrize("part", UNSAVABLE)
def test_a_dataset_that_netcdf_cannot_keep_is_refused_by_the_name_of_what_is_wrong(tmp_path, part):
    path = tmp_path / "run.nc"
    save(example(1.0), path)
    before = path.read_bytes()
    for dataset in UNSAVABLE[part]:
        with pytest.raises(ValueError, match="the Dataset cannot be saved: ") as refused:
            save(dataset, path)
        assert part in str(refused.value) and "\n" not in str(refused.value)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["run.nc"]


@pytest.mark.parametrize("size", [0, 5_000, 50_000, 799_000, 840_000])
def test_a_full_disk_is_one_sentence_and_leaves_the_file_that_was_there(tmp_path, size):
    path = tmp_path / "run.nc"
    save(example(1.0), path)
    before = path.read_bytes()
    large = xarray.Dataset({"x": ("t", np.random.default_rng(0).random(100_000)), "s": ("u", ["text"] * 5000)})
    with (
        full_disk(size),
        pytest.raises(OSError, match=r"run.nc' could not be written \(File too large\), expected a folder with space"),
    ):
        save(large, path)
    gc.collect()  # what HDF5 could not close would crash here
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["run.nc"]
