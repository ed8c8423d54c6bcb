import doctest
import tracemalloc

import numpy as np
import pytest
from numpy.random import default_rng
from scipy.stats import norm

from hetbrian.analysis import activity
from hetbrian.analysis.activity import binned, exponential_activity, gaussian_activity


def spikes(n_spikes=500, n_neurons=7, duration=40.0, seed=0):
    """Return sorted spike times and their neurons."""
    rng = default_rng(seed)
    return np.sort(rng.uniform(0, duration, n_spikes)), rng.integers(0, n_neurons, n_spikes)


def test_docstrings():
    result = doctest.testmod(activity)
    assert result.attempted >= 3 and result.failed == 0


def test_gaussian_activity_is_the_smoothed_count():
    times, neurons = spikes()
    found = gaussian_activity(times, neurons, 7, 40.0, bin=0.5, sigma=1.5)
    assert found.shape == (80, 7)
    counts = np.array([np.histogram(times[neurons == n], bins=80, range=(0, 40))[0] for n in range(7)]).T
    # far from the ends: a convolution with the density at the bins, normalised, cut at 4 sigma = 12 bins
    kernel = norm.pdf(np.arange(-12, 13), scale=3)
    expected = np.array([np.convolve(column, kernel / kernel.sum(), "same") for column in counts.T]).T
    np.testing.assert_allclose(found[12:-12], expected[12:-12], atol=1e-13)  # rounding of 25 terms
    # and the mirrored ends lose no spike
    np.testing.assert_allclose(found.sum(axis=0), counts.sum(axis=0), rtol=1e-12)


def test_exponential_activity_is_the_sum_over_spikes():
    times, neurons = spikes()
    found = exponential_activity(times, neurons, 7, 40.0, bin=0.5, tau=2.0)
    ends = 0.5 * np.arange(1, 81)
    age = ends[:, np.newaxis] - times
    decayed = np.where(age > 0, np.exp(-np.maximum(age, 0) / 2.0), 0)  # (bin, spike)
    expected = np.array([decayed[:, neurons == n].sum(axis=1) for n in range(7)]).T
    np.testing.assert_allclose(found, expected, rtol=1e-6)  # a spike is placed to 1e-9 of a bin


def test_exponential_activity_samples_the_same_signal_with_any_bin():
    times, neurons = spikes()
    fine = exponential_activity(times, neurons, 7, 40.0, bin=0.1, tau=2.0)
    coarse = exponential_activity(times, neurons, 7, 40.0, bin=1.0, tau=2.0)
    np.testing.assert_allclose(fine[9::10], coarse, rtol=1e-6)


def test_spikes_on_an_edge_belong_to_the_later_bin():
    # 3 * 0.1 > 0.3 and 0.7/0.1 < 7 in floating point
    times = np.array([0.3, 3 * 0.1, 0.7])
    assert (binned(times, [0, 0, 0], 1, 1.0, 0.1)[0].astype(int) == [3, 3, 7]).all()


def test_spikes_after_the_last_whole_bin_are_left_out():
    found = gaussian_activity([0.5, 2.4], [0, 0], 1, 2.5, bin=1.0, sigma=0.1)
    assert found[:, 0].round(6).tolist() == [1.0, 0.0]


def test_silence_is_zero():
    for found in (gaussian_activity([], [], 3, 2.0, 1.0, 1.0), exponential_activity([], [], 3, 2.0, 1.0, 1.0)):
        assert found.shape == (2, 3) and not found.any()


@pytest.mark.parametrize("filtered", [gaussian_activity, exponential_activity])
def test_memory_is_that_of_the_result_whatever_the_time_step(filtered):
    n_neurons, n_bins, n_spikes = 200, 400, 20_000
    times, neurons = spikes(n_spikes, n_neurons, n_bins)
    tracemalloc.start()
    found = filtered(times, neurons, n_neurons, n_bins, 1.0, 10.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # two matrices of the result's size (counts before they become floats) and ten numbers per spike: at
    # N = 1000 and T = 2000 that bounds 32 MB and 14 MB; at dt = 1e-3 a spike matrix of bytes alone would take 2 GB
    assert peak < 2 * found.nbytes + 80 * n_spikes


ONE = ([0.5], [0], 1, 2.0, 1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gaussian_activity(*ONE, 0.0), "sigma is 0.0, expected more than 0"),
        (lambda: exponential_activity(*ONE, np.inf), "tau is inf, expected one finite number"),
        (lambda: binned([0.5, 0.6], [0], 1, 2.0, 1.0), r"shapes \(2,\) and \(1,\), expected \(spike,\) for both"),
        (lambda: binned([0.5], [0], 0, 2.0, 1.0), "n_neurons is 0, expected an integer of at least 1"),
        (lambda: binned([0.5], [0], 1, np.nan, 1.0), "duration is nan, expected one finite number"),
        (lambda: binned([0.5], [0], 1, 2.0, -1.0), "bin is -1.0, expected more than 0"),
        (lambda: binned([0.5], [0], 1, 2.0, 2.1), "bin = 2.1, expected at most duration = 2.0; narrow the bin"),
        (lambda: binned([2.5], [0], 1, 2.0, 1.0), "spike_times leave the interval from 0 to 2.0 s"),
        (lambda: binned([np.nan], [0], 1, 2.0, 1.0), "spike_times has NaN or infinite entries"),
        (lambda: binned([0.5], [1], 1, 2.0, 1.0), "spike_neurons leave 0 to 0"),
    ],
)
def test_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()
