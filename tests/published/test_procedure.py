"""The published procedure: its network against the script's step in plain numpy, its readout against all bins."""

from dataclasses import asdict

import numpy as np
import pytest
from brian2 import SpikeMonitor

import hetbrian as hb
from hetbrian.published.models.reservoir import TIME_UNIT, reservoir
from hetbrian.published.protocols.common.procedure import PROCEDURES, QUIRKS, Procedure
from hetbrian.published.protocols.common.reservoir import SIGMA, Trials, fitted, point, scored, simulated, smoothed

PUBLISHED = Procedure.of("as_published")


def script(eta, g, theta, dt, n_steps, onset):
    """
    Return v, w, s and spikes of the script's loop, written from what it does, with nothing of ours.

    A step of ``n_steps``: who is at v >= 200 is reset and left out; the others integrate v, w and an s of their own.
    """
    n = len(eta)
    v, w, s, spikes = np.zeros(n), np.zeros(n), np.zeros(n), []
    a, b, alpha, s_jump, w_jump = 0.25 / (0.2 * 2.5 * 65), -1 / 162.5, 40.4 / 65, 200 / 162.5, 200 / 10562.5
    for step in range(n_steps):
        fired = v >= 200
        spikes += [(step, i) for i in np.flatnonzero(fired)]
        pulse = 0.6215 if onset <= step < onset + round(20 / 1e-3) else 0.0
        jump = s_jump**2 if step < onset else s_jump
        dv = v * (v - alpha) - w + eta + pulse + g * s * (1 - v)
        dw = a * (b * v - w)
        ds = np.minimum(s + dt * -s / 2.6 + jump * fired.sum() / n, 1) - s
        v = np.where(fired, np.where(theta > 0, -200 + theta * (v - 200), -v), v + dt * dv)
        w = np.where(fired, w + w_jump, w + dt * dw)
        s = np.where(fired, s, s + ds)
    return v, w, s, spikes


@pytest.mark.parametrize(
    "spread",
    [{}, {"eta_half_width": 0.1, "g_half_width": 0.2}, {"theta": 0.5, "theta_half_width": 0.1, "g_half_width": 0.2}],
    ids=["homogeneous", "eta and g", "theta and g"],
)
def test_the_published_network_is_the_loop_of_the_script(spread):
    onset, duration = 15.0, 55.0
    reset = "residual" if "theta" in spread else "mirror"
    parameters = {**PUBLISHED.network, "pulse_sigma": 1e-4, "reset": reset, "n_neurons": 7}  # edges of the loop
    network = reservoir(np.random.default_rng(3), onsets=(onset,), trial_length=None, **parameters, **spread)
    neurons = network["neurons"]
    monitor = SpikeMonitor(neurons, name="spikes")
    network.add(monitor)
    step = neurons.clock.dt_
    network.run(duration * TIME_UNIT, namespace={})
    eta, g, theta = (np.array(getattr(neurons, f"{name}_")) for name in ("eta", "g", "theta"))
    v, w, s, spikes = script(eta, g, theta, step / float(TIME_UNIT), round(duration / 1e-3), round(onset / 1e-3))
    # the script sees a spike a step after that in which v passed 200; one of the last step it does not see
    found = [(round(t / step) + 1, i) for t, i in zip(monitor.t_, monitor.i, strict=True)]
    assert [spike for spike in sorted(found) if spike[0] < round(duration / 1e-3)] == sorted(spikes)
    assert len(spikes) > 20
    # rounding (parameters too), amplified by some 1e3 on the upswing of each of a dozen spikes
    for name, expected in (("v", v), ("w", w), ("s", s)):
        np.testing.assert_allclose(getattr(neurons, f"{name}_"), expected, rtol=1e-8, atol=1e-12)


def coupling(**repaired):
    """Return s of every neuron of a network with a spread of g after 40 time units."""
    parameters = {**PUBLISHED.network, "dt": 4e-3, "n_neurons": 10, "g_half_width": 0.2, **repaired}
    network = reservoir(np.random.default_rng(1), onsets=(5.0,), trial_length=None, **parameters)
    monitor = SpikeMonitor(network["neurons"], name="spikes")
    network.add(monitor)
    network.run(60 * TIME_UNIT, namespace={})
    assert monitor.num_spikes
    return np.ptp(monitor.count[:]), np.array(network["neurons"].v_[:]), network["gating"]


def test_neurons_that_start_alike_and_fire_together_never_couple():
    """A spread of g then does nothing; either repair makes them differ."""
    _, v, _ = coupling()
    assert np.ptp(v) == 0
    assert np.ptp(coupling(start="random")[1]) > 0
    assert np.ptp(coupling(gating="shared")[1]) > 0


def test_without_any_quirk_it_is_ours():
    assert Procedure.of("as_published", tuple(QUIRKS)) == PROCEDURES["corrected"] == Procedure()
    for name, quirk in QUIRKS.items():
        once = asdict(Procedure.of("as_published", (name,)))
        changed = {field for field, value in asdict(PUBLISHED).items() if once[field] != value}
        assert changed == set(quirk.fields) and quirk.says
        assert Procedure.of("corrected", (name,)) == Procedure()
    with pytest.raises(ValueError, match=r"repaired is 'thinnning', expected one of start, gating, .*: choose one"):
        Procedure.of("as_published", ("thinnning",))


@pytest.fixture
def spikes():
    """Times on the grid of 1e-3 and neurons of a random record of 150 time units."""
    rng = np.random.default_rng(0)
    return np.sort(rng.integers(150_000, size=300)) * 1e-3, rng.integers(4, size=300)


@pytest.mark.parametrize("bin", [1.0, 0.01])
def test_smoothed_activity_is_that_of_all_bins(spikes, bin):
    per_unit = round(1 / bin)
    whole = hb.gaussian_activity(*spikes, 4, 150, bin, SIGMA)
    np.testing.assert_allclose(smoothed(*spikes, 4, 150, bin, "mirror"), whole[per_unit // 2 :: per_unit], atol=1e-14)
    counts = np.zeros((150 * per_unit, 4))
    np.add.at(counts, (np.floor(spikes[0] / bin + 1e-6).astype(int), spikes[1]), 1)
    lags = np.arange(-40 * per_unit, 40 * per_unit + 1) * bin / SIGMA
    kernel = np.exp(-(lags**2) / 2) / np.exp(-(lags**2) / 2).sum()
    padded = np.pad(counts, ((len(lags) // 2,) * 2, (0, 0)))
    expected = np.column_stack([np.convolve(column, kernel, "valid") for column in padded.T])
    found = smoothed(*spikes, 4, 150, bin, "zero")
    np.testing.assert_allclose(found, expected[per_unit // 2 :: per_unit], atol=1e-14)


def test_the_fit_on_samples_is_that_on_all_bins_of_the_script(spikes):
    """Samples are exact but for the ends of the record, which the rule of midpoints sees to 1/24 of the slope there."""
    activity = smoothed(*spikes, 4, 150, 0.01, "zero")
    t = (np.arange(15_000) + 0.5) * 0.01
    every_bin = np.column_stack([np.interp(t, np.arange(150) + 0.5, column) for column in activity.T])
    y = np.sin(2 * np.pi * t / 75)
    sampled = fitted([activity], y[50::100, None], PUBLISHED)
    # the penalty is 1e-3 for all bins
    whole = hb.Ridge(1e-3).fit(every_bin, y)
    np.testing.assert_allclose(sampled.weights, whole.weights, rtol=0.02)
    wrong = hb.Ridge(1e-3).fit(activity, y[50::100])
    assert np.abs(wrong.weights / whole.weights - 1).max() > 0.1


def test_spikes_of_every_tenth_step_are_kept():
    trials = Trials([(np.arange(100, 200), np.zeros(100, int))], np.array([100]), 1, 1, 1, 1e-3)
    times, neurons = trials.times(0, 10)
    np.testing.assert_allclose(times, np.arange(9, 100, 10) * 1e-3)
    assert len(neurons) == 10 and len(trials.times(0)[0]) == 100


def test_published_trials_are_onsets_of_one_network_and_ours_start_anew():
    given = {"seed": 1, "n_test": 1, "settle": 10.0, "record": 30.0, "n_neurons": 12, "device": "numpy"}
    published = simulated(PUBLISHED.replace(dt=4e-3), **given, eta_half_width=0.05)
    assert published.onsets.tolist() == [2500, 10_000] and published.n_training == 1
    ours = simulated(Procedure(dt=4e-3, n_training=2), **given, eta_half_width=0.05)
    assert ours.onsets.tolist() == [2500, 12_500, 22_500]
    assert all(len(neurons) for _, neurons in (*published.spikes, *ours.spikes))


def test_the_target_of_the_script_has_one_speed():
    spike = (np.arange(50), np.zeros(50, int))
    trials = Trials([spike, spike], np.array([0, 0]), 1, 1, 1000, 1e-3)
    half, whole = (scored(trials, PUBLISHED.replace(target_length=length)).y.sel(target="y1") for length in (2e3, None))
    assert (np.diff(np.sign(half)) != 0).sum() == 2  # a period and a half
    assert (np.diff(np.sign(whole)) != 0).sum() == 5


@pytest.mark.slow
@pytest.mark.standalone
def test_the_script_fits_its_training_data_in_the_papers_order():
    """
    N = 1000, T1 = 500, T = 2000: errors of y1 that a loop in plain numbers gave, three seeds each.

    Regime I 0.12, 0.06, 0.09; II 0.05, 0.06, 0.03; III below 0.001.
    """
    ranges = {0.04: (0.03, 0.25), 0.12: (0.015, 0.12), 0.25: (0.0, 0.005)}  # twice beyond both ends
    for eta, (low, high) in ranges.items():
        found = point(seed=1, procedure="as_published", eta=eta, eta_half_width=0.02)
        assert low < float(found.mse_train.sel(target="y1")) < high
    alone = point(seed=1, procedure="as_published", g_half_width=0.2)
    assert float(alone.mse_train.sel(target="y1")) > 0.45 and float(alone.synchrony) == pytest.approx(1.0)
