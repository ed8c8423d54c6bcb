"""Training on two made-up data sets: what must hold whatever is learned."""

import csv
import os
import resource
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from brian2 import ms

from hetbrian._support.optional import lightning, torch
from hetbrian.published.protocols.common.samples import toy
from hetbrian.training.batches import Batches
from hetbrian.training.callbacks import AtomicFiles, History, TrainingProgress
from hetbrian.training.checkpoint import read
from hetbrian.training.classifier import Classifier
from hetbrian.training.data.binning import Binning
from hetbrian.training.experiment import _quiet, fit
from hetbrian.training.layers import exported, layer
from hetbrian.training.module import NonFiniteLoss, Training, rate_penalty
from hetbrian.training.network import build
from hetbrian.training.preset import Preset

ROOT = Path(__file__).parents[2]
BINNING = Binning(20, 10 * ms)
TINY = Preset.STRONG.replace(n_hidden=12, epochs=3, batch_size=16)


def sets():
    return [toy("order", rng) for rng in np.random.default_rng(3).spawn(2)]


def train(preset=TINY, binning=BINNING, validation=True, **options):
    training, test = sets()
    options = {"progress": False, "is_fused": False} | options
    return fit(preset, binning, training, validation=test if validation else None, test=test, **options)


def network(preset=TINY, **options):
    return build(preset, BINNING, sets()[0], 0, is_fused=False, **options)


def module(preset):
    found = network(preset)
    return found, Training(found.classifier, preset)


def test_it_learns_what_only_the_order_of_spikes_tells():
    result = train(TINY.replace(n_hidden=48, epochs=15), validation=False)
    assert float(result.loss[0]) > 0.9  # log 3 is chance
    assert float(result.test_accuracy) > 0.8  # 1/3 is chance; 60 samples have an error of 0.05


def test_readout_is_the_leaky_membrane():
    classifier = network().classifier
    spikes = (torch.rand(30, 2, 12) < 0.2).float()
    drive, u, expected = spikes @ classifier.weight + classifier.bias, torch.zeros(2, 3), []
    for now in drive:
        u = classifier.decay * u + (1 - classifier.decay) * now
        expected.append(u)
    assert classifier.decay == pytest.approx(np.exp(-10 / 100))
    assert float((classifier.potentials(spikes) - torch.stack(expected)).detach().abs().max()) < 1e-6  # float32 sums
    without = Classifier(classifier.cell, 3, tau_out=0.0, is_fused=False)
    assert torch.allclose(without.potentials(spikes), spikes @ without.weight)


def test_the_mean_potential_decides_where_that_is_asked_for():
    highest, mean = (network(TINY.replace(readout=kind)).classifier for kind in ("max", "mean"))
    events = BINNING.events(sets()[0], range(6))
    potentials = highest.potentials(highest(events)[1])
    assert torch.equal(highest(events)[0], potentials.amax(0))
    assert torch.equal(mean(events)[0], potentials.mean(0))  # the same seed draws the same weights
    with pytest.raises(ValueError, match="readout is 'last', expected max, mean"):
        TINY.replace(readout="last")


def test_two_filters_are_a_synapse_and_a_membrane_one_after_the_other():
    classifier = network(TINY.replace(readout_filters=2)).classifier
    spikes = (torch.rand(30, 2, 12) < 0.2).float()
    drive, a = spikes @ classifier.weight + classifier.bias, classifier.decay
    s, u, expected = torch.zeros(2, 3), torch.zeros(2, 3), []
    for now in drive:
        s = a * s + (1 - a) * now
        u = a * u + (1 - a) * s
        expected.append(u)
    assert float((classifier.potentials(spikes) - torch.stack(expected)).detach().abs().max()) < 1e-6  # float32 sums
    three = Classifier(classifier.cell, 3, tau_out=0.0, filters=3, is_fused=False)
    assert torch.allclose(three.potentials(spikes), spikes @ three.weight)


@pytest.mark.parametrize("validation", [True, False])
def test_following_the_test_changes_nothing_else(validation):
    plain, followed = (train(TINY.replace(dropout=0.3), validation=validation, is_test_followed=on) for on in (0, 1))
    for name in plain.data_vars:
        assert np.array_equal(plain[name], followed[name]), name
    assert set(followed.data_vars) - set(plain.data_vars) == {"epoch_test_accuracy", "epoch_test_loss"}
    curve = followed.epoch_test_accuracy.values
    if validation:  # the same samples there
        assert np.array_equal(curve, followed.validation_accuracy.values)
    else:  # the last epoch is tested
        assert curve.shape == (3,) and curve[-1] == float(followed.test_accuracy)


def test_hidden_neurons_are_dropped_only_with_a_generator():
    classifier = network(TINY.replace(dropout=0.5)).classifier
    events = BINNING.events(sets()[0], range(8))
    whole, again = classifier(events)[0], classifier(events)[0]
    one, same = (classifier(events, torch.Generator().manual_seed(1))[0] for _ in range(2))
    assert torch.equal(whole, again) and torch.equal(one, same) and not torch.equal(whole, one)


def trajectory(reset, theta, kick=8.0):
    """Return the largest potential of a layer that is kicked, after each of 60 steps, and whether it is finite."""
    preset = TINY.replace(reset=reset, theta=theta, theta_limit=0.99, input_scale=kick, recurrent_scale=3.0)
    neurons, synapses = layer(preset, 20, 10 * ms, np.random.default_rng(0))
    cell = exported(preset, neurons, synapses)
    spikes = (torch.rand(60, 16, 20, generator=torch.Generator().manual_seed(0)) < 0.2).float()
    with torch.no_grad():
        output = cell(spikes={"source": spikes}, record=("v",))
    v = output.recorded["v"]
    return v, bool(torch.isfinite(v).all()), preset.neuron


@pytest.mark.parametrize("reset", ["residual", "retain"])
def test_the_membrane_blows_up_with_a_large_theta(reset):
    _, is_finite, _ = trajectory(reset, 0.9)
    assert not is_finite


@pytest.mark.parametrize("theta", [0.0, 0.5, 0.9, 0.98])
def test_a_capped_reset_keeps_the_membrane_below_the_peak(theta):
    v, is_finite, neuron = trajectory("capped", theta)
    assert is_finite and (v.amax((1, 2)) > 0.5).sum() > 30  # it fires all along
    assert float(v.max()) < neuron.v_peak  # recorded before each step, after the reset


def test_gradients_are_bounded_unless_the_preset_says_otherwise():
    assert network().classifier.cell.neurons.bounds == {"v": 1.0}
    assert network(TINY.replace(jacobian_bound=0.0)).classifier.cell.neurons.bounds == {}
    assert Preset.PAPER.jacobian_bound == 0.0


def test_rate_penalty_is_its_formula_and_pulls_rates_into_the_range():
    spikes = torch.zeros(4, 1, 2)
    spikes[:3, 0, 0] = 1  # rates 0.75 and 0
    assert float(rate_penalty(spikes, 0.1, 0.5)) == pytest.approx((0.25**2 + 0.1**2) / 2 / 0.4**2)
    quiet = {"rate_low": 0.0, "rate_high": 0.02, "epochs": 8}
    with_it, without = (
        float(train(TINY.replace(rate_strength=strength, **quiet), validation=False).rate[-1]) for strength in (10.0, 0)
    )
    assert with_it < 0.05 < without
    silent = TINY.replace(neuron=TINY.neuron.replace(eta=-0.3), input_scale=0.05, recurrent_scale=0.0)
    woken = train(silent.replace(rate_low=0.1, rate_strength=10.0, epochs=15), validation=False)
    assert float(woken.rate[0]) < 0.01 < float(woken.rate[-1])


def test_parameters_are_trained_in_their_own_scale_and_stay_within_bounds():
    preset = TINY.replace(neuron_rate=30.0, epochs=4, het=("theta",))
    _, training = module(preset)
    (groups,) = (item.param_groups for item in [training.configure_optimizers()])
    sizes = preset.scales(10 * ms)
    assert [group["lr"] for group in groups[1:]] == pytest.approx([0.3 * sizes[name][0] for name in preset.trainable])
    assert groups[0]["lr"] == 0.01 and len(groups[0]["params"]) == 4  # two weights, readout, bias
    assert sizes["C"][0] == 25 and sizes["tau_w"][0] == 100 and sizes["eta"][0] == pytest.approx(0.09)
    before = {name: value.detach().clone() for name, (value,) in training.parameters_in_scale.items()}
    data = sets()[0]
    loader = Batches(data, BINNING, 16, 0).loader()
    with _quiet():
        quiet_trainer(4).fit(training, loader)
    for name, (value,) in training.parameters_in_scale.items():
        scale, low, high = sizes[name]
        assert bool(((value >= low) & (value <= high)).all()), name
        assert float((value - before[name]).detach().abs().max()) > 0.1 * scale, name  # each in its own scale
    assert float(training.parameters_in_scale["theta"][0].detach().min()) == 0.0  # this rate drives some to their bound


def test_delays_are_trained_around_their_value_and_end_within_their_bounds():
    preset = TINY.replace(longest_delay=50 * ms, trainable=("eta", "delay"), epochs=8)
    found, training = module(preset)
    given, before = found.classifier.cell.couplings["given"], np.asarray(found.synapses[0].delay / ms)
    assert before.min() >= 0 and 40 < before.max() <= 50 and before.std() == pytest.approx(50 / 12**0.5, rel=0.1)
    with _quiet():
        quiet_trainer(8).fit(training, Batches(sets()[0], BINNING, 16, 0).loader())
    after = given.delay.detach().numpy()
    assert given.sigma == 0.5 and after.min() >= 0 and after.max() <= 50 and np.abs(after - before).max() > 2
    found.classifier.cell.write_back(found.neurons, *found.synapses)
    assert np.allclose(found.synapses[0].delay / ms, after, rtol=1e-6)


def test_trained_values_go_back_to_brian2():
    found, training = module(TINY.replace(trainable=("eta", "g", "theta")))
    with _quiet():
        quiet_trainer(1).fit(training, Batches(sets()[0], BINNING, 16, 0).loader())
    found.classifier.cell.write_back(found.neurons, *found.synapses)
    for name, (value,) in training.parameters_in_scale.items():
        assert np.allclose(getattr(found.neurons, name), value.detach().numpy(), rtol=1e-6) and value.std() > 0
    assert np.allclose(found.synapses[0].omega, found.classifier.cell.couplings["given"].omega.detach().numpy())


@pytest.mark.parametrize("is_fused", [False, True])
def test_layers_are_trained_together(is_fused, tmp_path):
    """All layers have their groups in the optimiser; the loss of the readout and of the rates reaches the lowest."""
    preset = TINY.replace(n_layers=2, longest_delay=50 * ms, trainable=("eta", "theta", "delay"), rate=3e-2)
    found = build(preset, BINNING, sets()[0], 0, is_fused=is_fused)
    training = Training(found.classifier, preset)
    groups = training.configure_optimizers().param_groups
    assert [len(group["params"]) for group in groups] == [6, 2, 2, 2]  # weights and readout, then one a layer
    before = {name: value.detach().clone() for name, value in training.named_parameters()}
    with _quiet():
        quiet_trainer(3).fit(training, Batches(sets()[0], BINNING, 16, 0).loader())
    for name, value in training.named_parameters():
        assert not torch.equal(value, before[name]), name
    assert [path.sigma for path in training.delayed] == [0.5, 0.5]
    outputs, spikes = found.classifier(BINNING.events(sets()[0], range(4)))
    assert outputs.shape == (4, 3) and spikes.shape == (20, 4, 24)
    (neurons, synapses), *more = found.above
    assert not more and [item.name for item in (neurons, *synapses)] == ["neurons_2", "given_2", "recurrent_2"]
    found.classifier.cells[1].write_back(neurons, *synapses)
    assert np.allclose(found.parameters()["eta"][12:], neurons.eta, rtol=1e-6)


def test_the_lowest_layer_is_that_of_one_layer():
    one, two = network(TINY.replace(het=("g",))), network(TINY.replace(het=("g",), n_layers=2))
    for name, value in one.classifier.cells[0].state_dict().items():
        assert torch.equal(value, two.classifier.cells[0].state_dict()[name]), name
    upper = two.classifier.cells[1]
    assert upper.sources == {"neurons": 12} and upper.neurons.g.std() > 0.05
    assert not torch.equal(upper.neurons.g, two.classifier.cells[0].neurons.g)
    # a tenth of 12 neurons a step adds up to a standard deviation of 1
    assert float(upper.couplings["given_2"].omega.detach().std()) == pytest.approx(1 / 1.2**0.5, rel=0.2)


def test_a_training_of_layers_is_kept_and_measured(tmp_path):
    preset = TINY.replace(n_layers=2)
    result = train(preset, folder=tmp_path, playback=10, playback_devices=("numpy",), is_fused=True)
    assert result.layer.values.tolist() == 12 * [1] + 12 * [2] and int(result.spikes_apart.sum()) == 0
    assert (result.brian2_decision == result.torch_decision).all()
    again = build(preset, BINNING, sets()[0], 0)
    again.restore(tmp_path / "best.ckpt")  # the one that was tested
    assert np.array_equal(again.parameters()["eta"], result.eta)
    with pytest.raises(ValueError, match="n_layers is 2 there and 1 here"):
        train(TINY, folder=tmp_path, is_fused=True)


def test_a_network_takes_the_values_of_a_checkpoint(tmp_path):
    result = train(folder=tmp_path)
    found = network()
    found.restore(tmp_path / "last.ckpt")
    assert not np.array_equal(found.parameters()["eta"], network().parameters()["eta"])
    best = network()
    best.restore(tmp_path / "best.ckpt")  # the one that was tested
    events = BINNING.events(sets()[1], range(60))
    with torch.no_grad():
        right = best.classifier(events)[0].argmax(1).numpy() == sets()[1].labels
    assert right.mean() == pytest.approx(float(result.test_accuracy), abs=1e-6)
    with pytest.raises(ValueError, match=r"last.ckpt' has .* shape .240,. for .*omega, expected .* .260,."):
        network(TINY.replace(n_hidden=13)).restore(tmp_path / "last.ckpt")


def quiet_trainer(epochs):
    return lightning.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def test_gradients_are_clipped_in_units_of_the_scale():
    _, training = module(TINY)
    optimizer = training.configure_optimizers()
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = torch.full_like(parameter, 1e6)
    training.on_before_optimizer_step(optimizer)
    for group in optimizer.param_groups:
        norm = torch.cat([item.grad.ravel() for item in group["params"]]).norm()
        assert float(norm * group["scale"]) == pytest.approx(1.0, rel=1e-3)


def test_heterogeneity_of_one_kind_leaves_every_other_draw_alone():
    plain, het = network(), network(TINY.replace(het=("g",)))
    for name in ("eta", "theta"):
        assert torch.equal(getattr(plain.classifier.cell.neurons, name), getattr(het.classifier.cell.neurons, name))
    assert het.classifier.cell.neurons.g.std() > 0.05 and plain.classifier.cell.neurons.g.std() == 0
    assert torch.equal(plain.classifier.weight, het.classifier.weight)
    for a, b in zip(plain.synapses, het.synapses, strict=True):
        assert np.array_equal(a.omega, b.omega)


def test_batches_depend_on_seed_and_epoch_alone():
    data, changing = sets()[0], Binning(20, 10 * ms, drop=0.3)
    first, again, later = (Batches(data, changing, 16, 5, epoch) for epoch in (0, 0, 1))
    assert torch.equal(first[2].events.index, again[2].events.index)
    assert not torch.equal(first[2].events.index, later[2].events.index)
    assert sorted(np.concatenate(first.parts)) == list(range(60))
    assert [len(part) for part in Batches(data, changing, 29, 5).parts] == [29, 29]  # two samples are no batch
    assert [len(part) for part in Batches(data, changing, 29).parts] == [29, 29, 2]  # but all are evaluated
    halves = [Batches(data, changing, 16, 5, rank=rank, world_size=2).parts[0] for rank in range(2)]
    assert sorted(np.concatenate(halves)) == sorted(first.parts[0])


def test_batches_refuse_what_cannot_be_divided():
    with pytest.raises(ValueError, match="no samples, expected at least one: check the split"):
        Batches(sets()[0].select([]), BINNING, 4)
    with pytest.raises(ValueError, match="batch_size is 1, expected at least one sample for each of 2 processes"):
        Batches(sets()[0], BINNING, 1, world_size=2)


KILLED = """
import sys, time
sys.path.insert(0, {root!r})
import hetbrian.training.callbacks as callbacks
from tests.training.test_module import TINY, train
from hetbrian.training.data.binning import Binning
from brian2 import ms

callbacks.History.on_train_batch_start = lambda *arguments: time.sleep(0.05)  # so that it can be killed half-way
train(TINY.replace(epochs=6, dropout=0.2), Binning(20, 10*ms, drop=0.2), folder={folder!r})
"""


def lines(folder):
    path = Path(folder) / "history.csv"
    return list(csv.reader(path.read_text().splitlines())) if path.exists() else []


@pytest.mark.slow
def test_after_a_kill_the_loss_curve_is_that_of_an_undisturbed_run(tmp_path):
    undisturbed, disturbed = tmp_path / "a", tmp_path / "b"
    options = {"preset": TINY.replace(epochs=6, dropout=0.2), "binning": Binning(20, 10 * ms, drop=0.2)}
    expected = train(folder=undisturbed, **options)
    program = KILLED.format(root=str(ROOT), folder=str(disturbed))
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    while len(lines(disturbed)) < 3 and process.poll() is None:  # a header and two epochs
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL and 3 <= len(lines(disturbed)) < 7
    resumed = train(folder=disturbed, **options)
    assert lines(disturbed) == lines(undisturbed) and len(lines(disturbed)) == 7
    assert resumed.drop_attrs().identical(expected.drop_attrs())
    again = train(folder=disturbed, **options)  # a finished training only tests again
    assert again.drop_attrs().identical(expected.drop_attrs())


def test_a_folder_that_was_moved_goes_on_with_the_best_epoch_that_it_had(tmp_path, monkeypatch):
    def stop(self, trainer, training):
        if trainer.current_epoch == 2:
            raise KeyboardInterrupt

    expected = train(folder=tmp_path / "undisturbed")
    monkeypatch.setattr(History, "on_train_epoch_start", stop, raising=False)
    with pytest.raises(KeyboardInterrupt, match="the same command goes on"):
        train(folder=tmp_path / "here")
    monkeypatch.undo()
    (tmp_path / "here").rename(tmp_path / "there")
    assert train(folder=tmp_path / "there").drop_attrs().identical(expected.drop_attrs())
    assert len({torch.load(path, weights_only=True)["epoch"] for path in tmp_path.glob("*/best.ckpt")}) == 1


def test_another_training_or_a_damaged_checkpoint_is_refused(tmp_path):
    train(folder=tmp_path)
    with pytest.raises(
        ValueError, match=r"holds another training, expected the same: rate is 0.01 there and 0.002 here"
    ):
        train(TINY.replace(rate=0.002), folder=tmp_path)
    with pytest.raises(ValueError, match=r"seed is 0 there and 4 here; choose another --out"):
        train(folder=tmp_path, seed=4)
    content = (tmp_path / "last.ckpt").read_bytes()
    (tmp_path / "last.ckpt").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="no checkpoint, expected one that training wrote: remove it to start again"):
        train(folder=tmp_path)


def put(checkpoint, change):
    """Change a checkpoint."""
    content = torch.load(checkpoint, weights_only=True)
    change(content)
    torch.save(content, checkpoint)


def first_tensor(content):
    return content["optimizer_states"][0]["state"][0]["exp_avg"]


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("last", lambda c: c["state_dict"]["classifier.weight"].fill_(torch.nan), "has NaN .* of classifier.weight"),
        ("best", lambda c: c["state_dict"]["classifier.weight"].fill_(torch.inf), "has NaN .* of classifier.weight"),
        (
            "last",
            lambda c: c["state_dict"].update({"classifier.weight": torch.ones(2)}),
            r"has torch.float32 of shape \(2,\) for classifier.weight, expected torch.float32 of shape \(\d+, \d+\)",
        ),
        (
            "best",
            lambda c: c["state_dict"].update({"classifier.weight": c["state_dict"]["classifier.weight"].double()}),
            r"has torch.float64 of shape .* for classifier.weight, expected torch.float32",
        ),
        ("last", lambda c: c["state_dict"].pop("classifier.weight"), "has none for classifier.weight, expected torch"),
        ("last", lambda c: first_tensor(c).fill_(torch.nan), "has NaN or infinite entries of optimizer_states 0 state"),
        ("best", lambda c: c.pop("state_dict"), "best.ckpt' is no checkpoint, expected one that training wrote"),
        ("last", lambda c: c.pop("callbacks"), "last.ckpt' is no checkpoint, expected one that training wrote"),
        (
            "last",
            lambda c: c["callbacks"].update(History=5),
            "last.ckpt' has 5 for identity of History, expected texts",
        ),
        (
            "last",
            lambda c: c["callbacks"]["History"].update(rows=[{}]),
            r"has \[\{\}\] for rows of History, expected num",
        ),
        (
            "last",
            lambda c: c["callbacks"]["Checkpoints"].update(waited=-1),
            "has -1 for waited of Checkpoints, expected",
        ),
        ("last", lambda c: c["callbacks"]["Checkpoints"].pop("score"), "has None for score of Checkpoints, expected a"),
        (
            "last",
            lambda c: c.update(loops={"a": 1}),
            r"last.ckpt' cannot be taken up \(.*KeyError.*\), expected what tra",
        ),
        ("last", lambda c: c.update(optimizer_states=[5]), r"cannot be taken up \(.*AttributeError.*\), expected what"),
        (
            "last",
            lambda c: c.pop("lr_schedulers"),
            r"cannot be taken up \(.*KeyError.*\), expected what training wrote",
        ),
        (
            "last",
            lambda c: c.update({"pytorch-lightning_version": "a"}),
            r"cannot be taken up \(.*Version.*\), expected",
        ),
    ],
)
def test_a_checkpoint_with_what_no_training_writes_is_refused_before_it_goes_on(tmp_path, name, change, message):
    train(folder=tmp_path)
    put(tmp_path / f"{name}.ckpt", change)
    with pytest.raises(ValueError, match=message):
        train(folder=tmp_path)


def test_each_bit_of_the_weights_in_a_checkpoint_has_a_checksum(tmp_path):
    train(folder=tmp_path)
    path = tmp_path / "last.ckpt"
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if "/data/" in member.filename]
    whole = path.read_bytes()
    weights = read(path)["state_dict"]["classifier.weight"].numpy().tobytes()
    assert len(members) > 10 and weights in whole
    changed = bytearray(whole)
    changed[whole.index(weights)] ^= 1  # the last bit of a number
    path.write_bytes(changed)
    with pytest.raises(ValueError, match=r"last.ckpt' is no checkpoint, expected one that training wrote"):
        train(folder=tmp_path)


@pytest.mark.parametrize("name", ["last", "best"])
def test_no_code_in_a_checkpoint_runs(tmp_path, name):
    train(folder=tmp_path)

    class Code:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    content = torch.load(tmp_path / f"{name}.ckpt", weights_only=True) | {"hparams": Code()}
    torch.save(content, tmp_path / f"{name}.ckpt")
    with pytest.raises(ValueError, match="ckpt' is no checkpoint, expected one that training wrote"):
        train(folder=tmp_path)
    with pytest.raises(ValueError, match="is no checkpoint"):
        AtomicFiles().load_checkpoint(tmp_path / f"{name}.ckpt")
    assert not (tmp_path / "ran").exists()


def test_a_checkpoint_that_does_not_fit_on_the_disk_is_one_sentence_and_leaves_the_one_before(tmp_path):
    (tmp_path / "last.ckpt").write_text("before")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(
            OSError, match=r"last.ckpt' could not be written \(File too large\), expected a folder with"
        ):
            AtomicFiles().save_checkpoint({"x": torch.ones(10_000)}, tmp_path / "last.ckpt")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert os.listdir(tmp_path) == ["last.ckpt"] and (tmp_path / "last.ckpt").read_text() == "before"


def test_a_pipe_is_no_checkpoint(tmp_path):
    os.mkfifo(tmp_path / "last.ckpt")
    with pytest.raises(ValueError, match="is a folder, a pipe or a device, expected a checkpoint of training"):
        train(folder=tmp_path)


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_checkpoint(tmp_path, monkeypatch):
    right = Training.training_step

    def wrong(self, batch, batch_idx):
        if self.current_epoch == 2:
            with torch.no_grad():
                self.classifier.weight += torch.nan
        return right(self, batch, batch_idx)

    monkeypatch.setattr(Training, "training_step", wrong)
    message = r"the loss is nan in epoch 2, step 8, expected a finite number: "
    with pytest.raises(NonFiniteLoss, match=message + r".*last\.ckpt"):
        train(folder=tmp_path)
    with pytest.raises(NonFiniteLoss, match=message + ".*; none is kept"):  # in a folder that is gone
        train()
    kept = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert kept["epoch"] == 1 and all(bool(torch.isfinite(value).all()) for value in kept["state_dict"].values())
    monkeypatch.undo()
    assert np.isfinite(train(folder=tmp_path).loss).all()  # and goes on from it


def test_a_gradient_that_is_not_finite_stops_before_the_step(monkeypatch):
    def wrong(self, batch, batch_idx):
        return (self.classifier.weight * torch.tensor(float("inf"))).sum() * 0

    monkeypatch.setattr(Training, "training_step", wrong)
    with pytest.raises(NonFiniteLoss, match=r"the gradient is nan in epoch 0, step 0, .*; none is kept"):
        train(TINY)


def test_it_stops_when_validation_no_longer_improves_and_stays_stopped(tmp_path):
    still = TINY.replace(rate=1e-9, epochs=20, patience=2)
    stopped = train(still, folder=tmp_path)
    assert stopped.sizes["epoch"] == 3  # the first was the best
    assert train(still, folder=tmp_path).sizes["epoch"] == 3
    best = torch.load(tmp_path / "best.ckpt", weights_only=True)
    assert best["epoch"] == 0 and float(stopped.test_accuracy) == pytest.approx(float(stopped.validation_accuracy[0]))


def test_ctrl_c_says_how_to_go_on(tmp_path, monkeypatch):
    def interrupt(self, trainer, training):
        raise KeyboardInterrupt

    monkeypatch.setattr(History, "on_train_start", interrupt, raising=False)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(
        KeyboardInterrupt, match=r"Stopped; the epochs so far are kept in .*, and the same command goes on"
    ):
        train(folder=tmp_path)
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(KeyboardInterrupt, match=r"are not kept"):
        train()


@pytest.mark.parametrize("precision", ["64-true", "bf16-mixed"])
def test_other_precisions_learn_too(precision):
    result = train(TINY, validation=False, precision=precision)
    assert float(result.loss[-1]) < float(result.loss[0])


def test_what_does_not_fit_together_is_refused(tmp_path):
    training, _ = sets()
    with pytest.raises(ValueError, match="precision is '8', expected 32-true"):
        fit(TINY, BINNING, training, precision="8")
    other = toy("order", np.random.default_rng(0), n_channels=5)
    with pytest.raises(
        ValueError, match=r"the test recordings have shape \(5,\) and 3 classes, expected \(20,\) and 3"
    ):
        fit(TINY, BINNING, training, test=other)
    with pytest.raises(ValueError, match=r"tau_s is 5. ms and a time step 10. ms, expected no longer step"):
        fit(TINY.replace(tau_s=5 * ms), BINNING, training)
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"cannot be written .*, expected a folder of yours: choose another --out"):
        fit(TINY, BINNING, training, folder=tmp_path / "file" / "folder")


def test_progress_tells_the_time_left(capsys, monkeypatch):
    monkeypatch.setattr("hetbrian._support.progress.INTERVAL", 0.0)
    train(validation=True, progress=True)
    said = capsys.readouterr().err
    assert "epoch 2 of 3, loss 1" in said and "validation accuracy 0." in said and " s left" in said
    assert TrainingProgress().on_exception(None, None, None) is None
