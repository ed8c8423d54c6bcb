import numpy as np
import pytest
import torch
from brian2 import device, ms, prefs, set_device

from hetbrian.training import Preset, build
from hetbrian.training.data import Binning, Recordings
from hetbrian.training.module import Training
from hetbrian.training.playback import Playback
from hetbrian.training.preset import OF_NEURONS

BINNING = Binning(40, 5 * ms)
PRESET = Preset.STRONG.replace(n_hidden=24, het=("eta", "g", "theta"))


def recorded(n=50, seed=0):
    """Return samples of 0.2 s with bursts, so that several events of a channel fall into a bin."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(60, 120, n)
    times = [np.sort(rng.choice([0.03, 0.07, 0.12], size) + rng.exponential(0.01, size)) for size in sizes]
    return Recordings(
        np.concatenate(times).astype(np.float32).clip(0, 0.19),
        rng.integers(0, 12, sizes.sum()).astype(np.int32),
        np.concatenate([[0], np.cumsum(sizes)]),
        np.arange(n) % 5,
        None,
        (12,),
        tuple("abcde"),
    )


def trained(preset=PRESET, seed=1):
    """Return a network whose parameters all differ between neurons, as after training."""
    network = build(preset, BINNING, recorded(), seed, is_fused=False, dtype=torch.float64)
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for name, values in Training(network.classifier, preset).parameters_in_scale.items():
            scale, low, high = preset.scales(5 * ms)[name]
            for value in values:
                value += torch.as_tensor(rng.normal(0, 0.2 * scale, len(value)))
                value.clamp_(low, high)
    network.classifier.eval()
    return network


def in_torch(network):
    """Return spikes and classes of the module."""
    with torch.no_grad():
        outputs, spikes = network.classifier(BINNING.events(recorded(), range(50)))
    return spikes.numpy(), outputs.argmax(1).numpy()


def test_what_is_trained_is_a_variable_of_the_group():
    network = trained()
    playback = Playback(network, PRESET, BINNING, recorded(), [0])
    for name in OF_NEURONS:
        values = np.array(getattr(playback.network["neurons"], name))
        kept = getattr(network.classifier.cell.neurons, name).detach().numpy()
        unit = 1e-3 if name in ("C", "tau_w", "tau_s") else 1  # the module counts in ms
        assert values == pytest.approx(kept * unit, rel=1e-12) and values.std() > 0, name


@pytest.mark.parametrize(
    "preset",
    [
        PRESET,
        PRESET.replace(trainable=("C",)),
        PRESET.replace(synapse="conductance", neuron=PRESET.neuron.replace(E=2.0)),
        PRESET.replace(readout="mean"),
        PRESET.replace(longest_delay=40 * ms),
        PRESET.replace(longest_delay=40 * ms, trainable=("eta", "delay")),
        PRESET.replace(n_layers=2),
        PRESET.replace(n_layers=3, longest_delay=40 * ms, trainable=("eta", "delay")),
    ],
)
def test_brian2_decides_as_torch_does(preset):
    network = trained(preset, seed=2)  # with it no preset has the same decision for all recordings
    playback = Playback(network, preset, BINNING, recorded())
    playback.network.run(playback.duration)
    spikes, classes = in_torch(network)
    assert spikes.mean() > 0.02 and len(set(classes)) > 1
    # two sums in different order part at the last bit, which no neuron of this layer comes near to in 40 steps
    assert (playback.spikes() == spikes).mean() > 0.999
    assert (playback.decisions() == classes).mean() >= 0.98


@pytest.mark.parametrize(("delay", "n_layers"), [(0, 1), (40, 1), (40, 3)])
def test_recordings_do_not_know_of_each_other(delay, n_layers):
    preset = PRESET.replace(longest_delay=delay * ms, n_layers=n_layers)
    together, alone = (Playback(trained(preset), preset, BINNING, recorded(), samples) for samples in ([3, 4, 5], [5]))
    for playback in (together, alone):
        playback.network.run(playback.duration)
    assert alone.spikes().any() and np.array_equal(alone.spikes()[:, 0], together.spikes()[:, 2])


def test_it_has_one_clock_so_that_it_may_last_longer_than_a_minute_in_standalone():
    playback = Playback(trained(), PRESET, BINNING, recorded())
    assert {float(item.clock.dt) for item in playback.network} == {float(5 * ms)}


@pytest.mark.standalone
@pytest.mark.slow
def test_cpp_standalone_decides_as_torch_does(tmp_path):
    preset = PRESET.replace(n_layers=2, longest_delay=40 * ms, trainable=(*PRESET.trainable, "delay"))
    network = trained(preset)
    spikes, classes = in_torch(network)
    set_device("cpp_standalone", directory=str(tmp_path), build_on_run=False)
    try:
        playback = Playback(network, preset, BINNING, recorded())
        playback.network.run(playback.duration)
        device.build(directory=str(tmp_path))
        assert (playback.spikes() == spikes).mean() > 0.999
        assert (playback.decisions() == classes).mean() >= 0.98
    finally:
        device.reinit()
        set_device("runtime")


@pytest.mark.parametrize("change", [{"n_layers": 2}, {"n_hidden": 9}])
def test_another_preset_than_that_of_the_training_is_refused(change):
    with pytest.raises(ValueError, match=r"layers of \[.*\] neurons, expected \[24\] as those that were trained: give"):
        Playback(trained(), PRESET.replace(**change), BINNING, recorded())


@pytest.mark.slow
def test_brian2_decides_so_with_cython_too():
    """There a loop has an i of its own: an expression with the i of a synapse was not compiled, without an error."""
    prefs.codegen.target = "cython"
    preset = PRESET.replace(n_hidden=6, longest_delay=20 * ms)
    network = trained(preset)
    playback = Playback(network, preset, BINNING, recorded(), range(4))
    playback.network.run(playback.duration)
    spikes = in_torch(network)[0][:, :4]
    assert spikes.sum() > 20 and np.array_equal(playback.spikes(), spikes)


@pytest.mark.parametrize("binning", [Binning(40, 4 * ms), Binning(40, 5 * ms, pool=2)])
def test_other_bins_than_those_of_the_training_are_refused(binning):
    with pytest.raises(
        ValueError, match=r"inputs in bins of .*, expected 12 in steps of 5\. ms, as the layer has: bin"
    ):
        Playback(trained(), PRESET, binning, recorded())
