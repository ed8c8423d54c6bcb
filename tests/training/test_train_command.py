import sys

import numpy as np
import pytest
from rich.console import Console

from hetbrian import cli
from hetbrian.published.protocols.common.samples import toy
from hetbrian.simulation.record import load
from hetbrian.training.data import split

TINY = ("--n_hidden", "8", "--epochs", "2", "--n_bins", "10", "--bin_width", "20*ms", "--pool", "1", "--jitter", "0")


@pytest.fixture
def train(monkeypatch, tmp_path, capsys):
    """Run ``hetbrian train shd`` on made-up recordings and return its exit status and what it said."""
    seeds = {"train": 0, "test": 1}
    monkeypatch.setattr(split, "load", lambda name, split, root: toy("order", np.random.default_rng(seeds[split])))

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["hetbrian", "train", "shd", "--out", str(tmp_path), *TINY, *arguments])
        status = 0
        try:
            cli.main()
        except SystemExit as stopped:
            status = stopped.code
        return status, capsys.readouterr().err

    return run


def test_train_writes_what_it_measured(train, tmp_path):
    status, said = train("--het", "eta,theta", "--trainable", "eta", "--tau_w", "80*ms", "--seed", "3")
    assert status == 0 and "test accuracy" in said and "after 2 epochs" in said
    result = load(tmp_path / "training.nc")
    assert result.attrs["het"] == "('eta', 'theta')" and result.attrs["trainable"] == "('eta',)"
    assert "tau_w=80. * msecond" in result.attrs["neuron"] and "n_bins=10" in result.attrs["binning"]
    assert result.attrs["seed"] == "3" and result.sizes["neuron"] == 8
    assert not np.array_equal(result.eta, result.eta_start) and np.array_equal(result.theta, result.theta_start)
    assert (tmp_path / "last.ckpt").exists() and (tmp_path / "history.csv").exists()


def test_a_setting_without_a_value_so_far_can_be_given(train, tmp_path):
    status, said = train("--synapse", "conductance", "--E", "1.5", "--epochs", "1")
    assert status == 0, said
    result = load(tmp_path / "training.nc")
    assert "E=1.5" in result.attrs["neuron"] and result.attrs["synapse"] == "'conductance'"


def test_a_name_that_the_neuron_has_too_changes_what_the_layer_reads(train, tmp_path):
    # Izhikevich.tau_s is that of gating synapses, which the layer does not have
    status, said = train("--preset", "paper", "--tau_s", "40*ms", "--bin_width", "20*ms", "--epochs", "1")
    assert status == 0, said
    assert load(tmp_path / "training.nc").attrs["tau_s"] == "40. * msecond"


def test_playback_says_whether_brian2_decides_as_torch(train, tmp_path, capsys, monkeypatch):
    said = []
    monkeypatch.setattr(Console, "print", lambda self, text, **options: said.append(str(text)))
    status, _ = train("--playback", "6", "--playback-devices", "numpy")
    assert status == 0 and said[-1].startswith("numpy: 6 of 6 recordings decided as in torch (float64, ")
    assert load(tmp_path / "training.nc").sizes["played"] == 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--n_hiden", "9"), "'n_hiden' is no setting, expected one of n_hidden, n_layers, eta_half_width"),
        (("--preset", "weak"), "preset is 'weak', expected paper, strong"),
        (("--het", "tau"), "an entry of het is 'tau', expected eta, g, theta"),
        (("--playback-devices", "gpu"), "an entry of playback_devices is 'gpu', expected runtime, numpy"),
        (
            ("--synapse", "conductance"),
            "synapse is 'conductance' and the neuron has no E, expected its reversal potential",
        ),
        (("--E", "high"), "E is 'high', expected a value like 1.0: write numbers and units"),
        (("--E", "1*mV"), "E"),
        (("--s_jump", "2"), "'s_jump' is no setting, expected one of n_hidden"),
        (("--held-out", "1.5"), "held_out is 1.5, expected at least 0 and below 1"),
    ],
)
def test_mistakes_end_in_one_sentence(train, arguments, message):
    status, said = train(*arguments)
    assert status == 1 and message in said
