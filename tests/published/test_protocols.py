import importlib
import wave

import matplotlib
import numpy as np
import pytest
from brian2 import ms, pA, second

from hetbrian.simulation.record import load, save
from hetbrian.study.figure import find_figure
from hetbrian.study.protocol import protocols

matplotlib.use("Agg")

NAMES = sorted(protocols())
MEAN_FIELD = {"fig1", "regimes"}
"""Continuation: in test_fig1.py and test_regimes.py."""
TRAINED = {"fig5", "speech", "table1", "table1_published", "trained"}
RESERVOIR = {"ablation", "fig1bc", "fig2"}
"""Millions of Euler steps: in test_reservoir.py and test_ablation.py."""


def compute_small(name, tmp_path, **changes):
    module = importlib.import_module(f"hetbrian.published.protocols.{name}")
    return module, module.compute(**{**module.SMALL, **changes})


FORCE = {"exchange", "fig3", "fig4", "fig4_current", "fig4_step", "fig4_strengths"}
"""Many networks: in test_fig4.py and test_exchange.py."""


# those of TRAINED are in test_classification.py
@pytest.mark.parametrize(
    "name", [name for name in NAMES if name not in {"song", *FORCE, *TRAINED, *MEAN_FIELD, *RESERVOIR}]
)
def test_every_protocol_computes_and_draws_at_its_small_size(name, tmp_path):
    module, dataset = compute_small(name, tmp_path, device="numpy")
    save(dataset, tmp_path / "d.nc")
    kept = load(tmp_path / "d.nc")
    assert set(kept.data_vars) == set(dataset.data_vars)
    draw = find_figure(module)
    if draw is not None:
        before = kept.copy(deep=True)
        axes = np.ravel(draw(kept))
        axes[0].figure.savefig(tmp_path / "d.png")
        matplotlib.pyplot.close(axes[0].figure)
        assert kept.identical(before)
        assert all(axis.get_xlabel() or axis.get_ylabel() for axis in axes[-1:])
    if hasattr(module, "summary"):
        assert module.summary(kept)


def test_heterogeneity_of_one_kind_leaves_every_other_random_number_alone():
    from hetbrian.published import force_network

    plain, spread = (
        force_network(np.random.default_rng(3), n_neurons=30, eta_half_width=width * pA) for width in (0, 100)
    )
    assert not np.array_equal(plain["neurons"].eta_, spread["neurons"].eta_)
    for name in ("v_", "g_", "theta_"):
        assert np.array_equal(getattr(plain["neurons"], name), getattr(spread["neurons"], name))
    assert np.array_equal(plain["recurrent"].omega_, spread["recurrent"].omega_)
    assert np.array_equal(plain["force"].encoder, spread["force"].encoder)


def test_an_unknown_synapse_is_refused():
    from hetbrian.published import force_network

    with pytest.raises(ValueError, match="synapse is 'papre', expected single_exponential, double_exponential: choose"):
        force_network(np.random.default_rng(0), synapse="papre")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy says so when numbers overflow, which they have to
def test_a_diverged_run_is_a_row_with_infinite_error():
    from hetbrian.published.protocols.common.force import train

    dataset = train(
        {"homogeneous": {}, "exploding": {"feedback_gain": 1e300 * pA}},
        (1,),
        start=5 * ms,
        stop=30 * ms,
        duration=150 * ms,
        device="numpy",
        n_neurons=20,
        recurrent_gain=5000 * pA,
    )
    assert dataset.diverged.sel(condition="exploding").item() == 1
    assert np.isinf(dataset.mse.sel(condition="exploding").item())
    assert dataset.diverged.sel(condition="homogeneous").item() == 0


def test_a_song_is_learned_replayed_and_written_as_sound(tmp_path):
    rate, seconds = 8000, 0.2
    time = np.arange(int(rate * seconds)) / rate
    chirp = np.sin(2 * np.pi * (800 + 4000 * time) * time)
    path = tmp_path / "song.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((20000 * chirp).astype("<i2").tobytes())
    module = importlib.import_module("hetbrian.published.protocols.song")
    dataset = module.compute(
        str(path), n_bands=3, n_neurons=60, presentations=2, replays=1, n_pulses=20, device="numpy"
    )
    assert dataset.sizes["output"] == 3 and dataset.sizes["replay"] == 1
    assert dataset.attrs["high"] == rate / 2  # a recording at 8 kHz has nothing above
    assert dataset.attrs["learning_seconds"] == pytest.approx(2 * seconds, rel=1e-6)
    written = module.write(dataset, tmp_path)
    assert [item.name for item in written] == ["target.wav", "replay.wav"]
    for item in written:
        with wave.open(str(item)) as file:
            assert file.getnframes() / file.getframerate() == pytest.approx(seconds, abs=0.01)  # a few ms of window


@pytest.mark.parametrize("name", ["presentations", "replays"])
def test_learning_needs_a_presentation_and_a_replay(name):
    module = importlib.import_module("hetbrian.published.protocols.melody")
    with pytest.raises(ValueError, match=f"{name} is 0, expected at least 1"):
        module.compute(**{**module.SMALL, name: 0, "quarter": 0.1 * second})
