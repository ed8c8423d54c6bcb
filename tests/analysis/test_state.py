import math

import numpy as np
import pytest
from numpy.random import default_rng

from hetbrian.analysis.state import (
    active_fraction,
    degrees_of_freedom,
    dimensionality,
    firing_rates,
    is_diverged,
    is_silent,
    synchrony,
)

INF, NAN = float("inf"), float("nan")


def test_rates_and_active_fraction():
    counts = [0, 1, 10, 40]
    assert firing_rates(counts, 2.0).tolist() == [0, 0.5, 5, 20]
    assert active_fraction(counts, 2.0) == 0.75
    assert active_fraction(counts, 2.0, threshold=0.5) == 0.5


def test_silence():
    assert is_silent(np.zeros(100), 5.0)
    assert not is_silent([0] * 99 + [1], 5.0)
    assert is_silent([0] * 99 + [1], 5.0, threshold=0.1)


@pytest.mark.parametrize(
    ("output", "rates", "voltage", "diverged"),
    [
        ([0.0, 1.0], [499.0, 501.0], 0.0, False),
        ([0.0, NAN], [10.0], 0.0, True),
        ([0.0, 1.0], [10.0], [1.0, INF], True),
        ([0.0, 1.0], [400.0, 601.0], 0.0, True),
        ([0.0, 1.0], [NAN], 0.0, True),
    ],
)
def test_divergence(output, rates, voltage, diverged):
    assert is_diverged(output, rates, voltage) is diverged


def poisson_trains(n_neurons, rate, duration, seed):
    rng = default_rng(seed)
    counts = rng.poisson(rate * duration, n_neurons)
    neurons = np.repeat(np.arange(n_neurons), counts)
    return rng.uniform(0, duration, counts.sum()), neurons


def test_synchrony_of_independent_trains_is_one_over_n():
    # the variance of the mean is 1/N of the single one; its estimate over 10 000 bins
    # scatters by sqrt(2/10 000), 1.4 %, times 4
    times, neurons = poisson_trains(100, 20.0, 100.0, seed=0)
    assert synchrony(times, neurons, 100, 100.0, bin=0.01) == pytest.approx(0.01, rel=0.057)


def test_synchrony_of_identical_trains_is_one():
    times, _ = poisson_trains(1, 20.0, 10.0, seed=1)
    neurons = np.repeat(np.arange(50), len(times))
    assert synchrony(np.tile(times, 50), neurons, 50, 10.0, bin=0.01) == pytest.approx(1, abs=1e-12)  # rounding


def test_synchrony_with_silent_neurons():
    # n_active of N neurons fire one train: the mean is n_active/N of it, so chi^2 = n_active/N
    times, _ = poisson_trains(1, 20.0, 10.0, seed=2)
    neurons = np.repeat(np.arange(20), len(times))
    assert synchrony(np.tile(times, 20), neurons, 80, 10.0, bin=0.01) == pytest.approx(0.25, abs=1e-12)


def test_synchrony_equals_the_definition_on_a_dense_matrix():
    times, neurons = poisson_trains(7, 30.0, 3.05, seed=3)
    dense = np.zeros((30, 7))  # the last 50 ms are half a bin and are left out
    for t, i in zip(times, neurons, strict=True):
        if t < 3.0:
            dense[int(t / 0.1), i] += 1
    expected = dense.mean(axis=1).var() / dense.var(axis=0).mean()
    assert synchrony(times, neurons, 7, 3.05, bin=0.1) == pytest.approx(expected, rel=1e-12)  # rounding


def test_synchrony_where_nothing_varies_is_nan():
    assert math.isnan(synchrony([], [], 10, 1.0, bin=0.1))


def test_synchrony_keeps_spikes_and_bins_that_lie_on_an_edge():
    clock = np.arange(10) / 10  # one spike in each bin; 0.3/0.1 rounds to less than 3
    assert math.isnan(synchrony(clock, np.zeros(10), 1, 1.0, bin=0.1))
    # counts 1, 0, 0 and 0, 0, 1: the mean has variance 1/18, the single neurons 2/9
    assert synchrony([0.0, 0.25], [0, 1], 2, 0.3, bin=0.1) == pytest.approx(0.25, rel=1e-12)  # rounding


@pytest.mark.parametrize("shape", [(40, 15), (15, 40)])
def test_dimensionality_is_the_participation_ratio_of_the_covariance(shape):
    activity = default_rng(1).normal(size=shape) @ np.diag(np.linspace(0.1, 3, shape[1])) + 5.0
    eigenvalues = np.linalg.eigvalsh(np.cov(activity.T))
    expected = eigenvalues.sum() ** 2 / (eigenvalues**2).sum()
    assert dimensionality(activity) == pytest.approx(expected, rel=1e-10)  # rounding of sums of 40 terms
    one = np.outer(np.sin(np.arange(shape[0])), np.arange(1, shape[1] + 1)) + 7.0
    assert dimensionality(one) == pytest.approx(1.0, rel=1e-10)
    assert math.isnan(dimensionality(np.ones(shape)))


@pytest.mark.parametrize("shape", [(40, 15), (15, 40)])
def test_degrees_of_freedom_are_the_trace_of_the_hat_matrix(shape):
    activity = default_rng(2).normal(size=shape)
    gram = activity.T @ activity + 0.7 * np.eye(shape[1])
    hat = activity @ np.linalg.solve(gram, activity.T)
    assert degrees_of_freedom(activity, 0.7) == pytest.approx(np.trace(hat), rel=1e-10)
    assert degrees_of_freedom(activity, 1e-12) == pytest.approx(15.0, rel=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: firing_rates([1, 2], 0.0), "duration is 0.0, expected more than 0"),
        (lambda: firing_rates([], 1.0), r"spike_counts has shape \(0,\), expected \(neuron,\)"),
        (lambda: firing_rates([[1]], 1.0), r"spike_counts has shape \(1, 1\), expected \(neuron,\)"),
        (lambda: active_fraction([1, -1], 1.0), "spike_counts has negative or NaN entries"),
        (lambda: is_diverged([0.0], []), "rates has 0 numbers, expected at least 1"),
        (lambda: synchrony([0.1], [0, 1], 2, 1.0, 0.1), r"shapes \(1,\) and \(2,\), expected \(spike,\)"),
        (lambda: synchrony([0.1], [0], 0, 1.0, 0.1), "n_neurons is 0, expected an integer of at least 1"),
        (lambda: synchrony([0.1], [0], 2, 1.0, 0.0), "bin is 0.0, expected more than 0"),
        (lambda: synchrony([0.1], [0], 2, 1.0, 0.6), "bin = 0.6, expected at most half of duration = 1.0"),
        (lambda: synchrony([1.5], [0], 2, 1.0, 0.1), "spike_times leave the interval from 0 to 1.0 s"),
        (lambda: synchrony([-0.5], [0], 2, 1.0, 0.1), "spike_times leave the interval"),
        (lambda: synchrony([0.1], [2], 2, 1.0, 0.1), "spike_neurons leave 0 to 1"),
        (lambda: dimensionality([1.0, 2.0]), r"activity has shape \(2,\), expected \(time, neuron\)"),
        (lambda: dimensionality([[1.0, NAN]]), "activity has NaN or infinite entries"),
        (lambda: degrees_of_freedom([[]], 1.0), r"activity has shape \(1, 0\), expected \(time, neuron\)"),
        (lambda: degrees_of_freedom([[1.0]], 0.0), "gamma is 0.0, expected more than 0"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
