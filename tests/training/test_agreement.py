import numpy as np
import pytest
import torch
from brian2 import ms

from hetbrian.published.protocols.common.samples import toy
from hetbrian.simulation import simulate
from hetbrian.training import Preset, build, fit
from hetbrian.training.agreement import agreement, margins, summary
from hetbrian.training.data import Binning
from hetbrian.training.playback import Playback

BINNING = Binning(20, 10 * ms, drop=0.1)
PRESET = Preset.STRONG.replace(n_hidden=24, het=("eta", "g", "theta"), epochs=12, batch_size=16)


def sets():
    return [toy("order", rng) for rng in np.random.default_rng(3).spawn(2)]


def trained(devices, **changes):
    """Return what a training measured that ends in 50 test samples in Brian2."""
    training, test = sets()
    options = {"progress": False, "is_fused": False, "playback": 50, "playback_devices": devices}
    return fit(PRESET.replace(**changes), BINNING, training, test=test, **options)


@pytest.mark.parametrize(
    "changes",
    [{}, {"readout": "mean", "readout_filters": 2}, {"trainable": (), "reset": "residual", "tau_out": 0 * ms}],
)
def test_a_trained_layer_decides_in_brian2_as_in_torch(changes):
    found = trained(("numpy",), **changes)
    right = found.torch_decision == found.played_label
    assert right.mean() > 0.6 and len(np.unique(found.torch_decision)) == 3  # 1/3 is chance: decisions differ
    assert found.torch_spikes.sum() > 1000 and found.sizes["played"] == 50
    # two sums in different order part at the last bit, which no neuron of this layer comes near to in 20 steps
    assert int(found.spikes_apart.sum()) == 0
    assert np.array_equal(found.brian2_decision[0], found.torch_decision)
    assert found.brian2_margin.values[0] == pytest.approx(found.torch_margin.values, abs=1e-12)  # a product of float64


@pytest.mark.standalone
@pytest.mark.slow
def test_a_trained_layer_decides_in_cpp_standalone_as_in_torch():
    found = trained(("numpy", "cpp_standalone"))
    assert len(np.unique(found.torch_decision)) == 3 and list(found.device.values) == ["numpy", "cpp_standalone"]
    assert int(found.spikes_apart.sum()) == 0
    assert (found.brian2_decision == found.torch_decision).all()


def other(network, monkeypatch, change):
    """Return the comparison with a layer that Brian2 is given otherwise than torch."""
    whole = Playback.__init__

    def changed(self, *arguments):
        whole(self, *arguments)
        change(self.network)

    monkeypatch.setattr(Playback, "__init__", changed)
    return agreement(network, PRESET, BINNING, sets()[1], range(12), devices=("numpy",))


def louder(network):
    network["heard_given"].omega = 3 * np.array(network["heard_given"].omega)


def test_a_layer_that_is_another_one_in_brian2_is_found_out(monkeypatch):
    network = build(PRESET, BINNING, sets()[0], 1, is_fused=False)
    with torch.no_grad():
        network.classifier.weight *= 20
    found = other(network, monkeypatch, louder)
    assert int(found.spikes_apart.sum()) > 100
    n = int((found.brian2_decision == found.torch_decision).sum())
    assert n < 12
    first, *details = summary(found).splitlines()
    assert f"numpy: {n} of 12 recordings decided as in torch (float64, " in first
    assert len(details) == min(5, 12 - n) and "in torch by" in details[0] and "(median margin " in details[0]


def test_both_compute_in_float64_with_the_numbers_of_the_training():
    single, double = (
        build(PRESET, BINNING, sets()[0], 1, is_fused=False, dtype=dtype) for dtype in (torch.float32, torch.float64)
    )
    single.classifier(BINNING.events(sets()[1], range(4)))  # what it keeps of its own precision is not in the way
    double.classifier.load_state_dict(single.classifier.state_dict())
    one, same = (agreement(item, PRESET, BINNING, sets()[1], range(10), ("numpy",)) for item in (single, double))
    assert one.identical(same) and int(one.spikes_apart.sum()) == 0
    assert single.classifier.weight.dtype == torch.float32  # left as it was


def test_many_recordings_are_played_in_several_runs_with_the_same_spikes(monkeypatch):
    network = build(PRESET, BINNING, sets()[0], 1, is_fused=False)
    options = (network, PRESET, BINNING, sets()[1], range(7), ("numpy",))
    whole = agreement(*options)
    runs = []
    monkeypatch.setattr("hetbrian.training.agreement.TABLE", 3.5 * 8 * 20 * 20)  # of 20 x 20 numbers each
    monkeypatch.setattr(
        "hetbrian.training.agreement.simulate", lambda *given, **more: runs.append(simulate(*given, **more))
    )
    assert agreement(*options).identical(whole) and len(runs) == 2


def test_samples_are_spread_evenly_over_the_test_and_are_not_more_than_it_has():
    training, test = sets()
    quick = PRESET.replace(epochs=1, n_hidden=4)
    options = {"progress": False, "is_fused": False, "playback_devices": ("numpy",)}
    few = fit(quick, BINNING, training, test=test, playback=4, **options)
    all_ = fit(quick, BINNING, training, test=test.select(range(7)), playback=50, **options)
    assert list(few.played) == [0, 20, 39, 59] and list(all_.played) == list(range(7))


def test_the_margin_is_what_the_second_class_lacks():
    assert margins(np.array([[3.0, 1.0, 2.5]])).tolist() == [0.5] and margins(np.ones((2, 1))).tolist() == [np.inf] * 2


@pytest.mark.parametrize(
    ("devices", "message"),
    [
        (("cuda",), "an entry of playback_devices is 'cuda', expected runtime, numpy, cython, cpp_standalone"),
        ((), r"playback_devices is \(\), expected at least one of runtime, .*: name it"),
    ],
)
def test_what_is_no_device_is_refused_before_the_training(devices, message):
    with pytest.raises(ValueError, match=message):
        trained(devices, epochs=10**6)
