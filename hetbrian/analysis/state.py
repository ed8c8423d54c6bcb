"""Spikes and activity in, numbers out: what state a network is in.

Every function is a numeric kernel: times are plain numbers in seconds and rates in Hz, and spike counts have shape
(neuron,).
"""

import numpy as np
from numpy.typing import ArrayLike

from hetbrian._support.arguments import array, checked
from hetbrian._support.checks import finite, numbers, positive
from hetbrian.analysis.activity import binned

HIGHEST_RATE = 500.0  # Hz; a population rate above this counts as divergence


def _activity(activity: ArrayLike) -> np.ndarray:
    activity = numbers(activity, "activity")
    if activity.ndim != 2 or activity.size == 0:
        raise ValueError(f"activity has shape {activity.shape}, expected (time, neuron); give one column a neuron")
    return activity


def _counts(spike_counts: ArrayLike) -> np.ndarray:
    spike_counts = numbers(spike_counts, "spike_counts", may_be_infinite=True)
    if spike_counts.ndim != 1 or spike_counts.size == 0:
        raise ValueError(f"spike_counts has shape {spike_counts.shape}, expected (neuron,); give one count a neuron")
    if not (spike_counts >= 0).all():
        raise ValueError("spike_counts has negative or NaN entries, expected 0 or more; count spikes per neuron")
    return spike_counts


@checked(
    duration=positive,
)
def firing_rates(spike_counts: ArrayLike, duration: float) -> np.ndarray:
    """Return the mean firing rate of each neuron.

    Parameters
    ----------
    spike_counts : array_like, shape (neuron,)
        Spikes of each neuron.
    duration : float
        The time over which they were counted, in seconds.

    Returns
    -------
    ndarray, shape (neuron,)
        Rates in Hz.

    Raises
    ------
    ValueError
        If counts are negative or have another shape, or `duration` is not positive.

    Examples
    --------
    >>> firing_rates([0, 10], duration=2.0).tolist()
    [0.0, 5.0]
    """
    return _counts(spike_counts) / duration


@checked(
    threshold=finite,
)
def active_fraction(spike_counts: ArrayLike, duration: float, threshold: float = 0.0) -> float:
    """Return the fraction of neurons that fire faster than a threshold.

    Parameters
    ----------
    spike_counts : array_like, shape (neuron,)
        Spikes of each neuron.
    duration : float
        The time over which they were counted, in seconds.
    threshold : float, optional
        Rate in Hz; at 0 a single spike makes a neuron active.

    Returns
    -------
    float
        The fraction, 0 to 1.

    Raises
    ------
    ValueError
        As `firing_rates`.

    Examples
    --------
    >>> active_fraction([0, 1, 10, 20], duration=1.0, threshold=1.0)
    0.5
    """
    return float(np.mean(firing_rates(spike_counts, duration) > threshold))


def synchrony(spike_times: ArrayLike, spike_neurons: ArrayLike, n_neurons: int, duration: float, bin: float) -> float:
    """Return Golomb and Rinzel's synchrony chi^2 from binned spike counts.

    chi^2 is the variance over time of the population mean, over the mean of the single neurons' variances: 1
    when all neurons fire the same train, 1/`n_neurons` when they are independent. It depends on the bin: give
    the width that matters for the readout. Spikes after the last whole bin are left out.

    Parameters
    ----------
    spike_times : array_like, shape (spike,)
        Times in seconds from the start of the interval.
    spike_neurons : array_like of int, shape (spike,)
        The neuron of each spike, 0 to `n_neurons` - 1.
    n_neurons : int
        Size of the population, silent neurons included.
    duration : float
        Length of the interval in seconds.
    bin : float
        Width of a bin in seconds, at most half of `duration`.

    Returns
    -------
    float
        chi^2, 0 to 1; NaN if no neuron's count varies, as in a silent network.

    Raises
    ------
    ValueError
        If `bin` is longer than half of `duration`, or as `hetbrian.analysis.activity.binned`.

    References
    ----------
    .. [1] Golomb & Rinzel (1993), doi:10.1103/PhysRevE.48.4810; the formula in Golomb (2007),
           doi:10.4249/scholarpedia.1347, applied here to spike counts instead of voltages.

    Examples
    --------
    >>> synchrony([0.1, 0.1, 0.7, 0.7], [0, 1, 0, 1], n_neurons=2, duration=2.0, bin=0.5)
    1.0
    """
    times, neurons, n_bins = binned(spike_times, spike_neurons, n_neurons, duration, bin)
    if n_bins < 2:
        raise ValueError(f"bin = {bin}, expected at most half of duration = {duration}; narrow the bin")
    bins = times.astype(int)
    population = np.bincount(bins, minlength=n_bins) / n_neurons  # (bin,)
    totals = np.bincount(neurons, minlength=n_neurons)  # (neuron,)
    occupied = np.unique(neurons * n_bins + bins, return_counts=True)[1]  # counts of the pairs that have any
    variance = np.sum(occupied**2) / n_bins / n_neurons - np.mean((totals / n_bins) ** 2)
    return float(np.var(population) / variance) if variance > 0 else float("nan")


def dimensionality(activity: ArrayLike) -> float:
    r"""Return the participation ratio of the activity: how many dimensions it fills.

    .. math:: D = (\sum_i \lambda_i)^2 / \sum_i \lambda_i^2

    with the eigenvalues of the covariance matrix over time: 1 when all neurons follow one signal, N when N
    neurons are independent and vary alike. Smoothing and the length of the record limit it.

    Parameters
    ----------
    activity : array_like, shape (time, neuron)
        Smooth activity, as of `hetbrian.analysis.activity`.

    Returns
    -------
    float
        The participation ratio, at least 1; NaN if nothing varies.

    Raises
    ------
    ValueError
        If the shape is another, or an entry is not finite.

    References
    ----------
    .. [1] Gao et al. (2017), doi:10.1101/214262, Eq. 1.

    Examples
    --------
    >>> round(dimensionality([[1, 0], [0, 1], [-1, 0], [0, -1]]), 12)
    2.0
    """
    x = _activity(activity)
    x = x / (np.abs(x).max() or 1.0)  # so that squares are finite
    x = x - x.mean(axis=0)
    x = x.T if len(x) > x.shape[1] else x
    gram = x @ x.T  # the same eigenvalues as the covariance, in the smaller dimension
    total = np.trace(gram) ** 2
    return float(total / np.sum(gram**2)) if total > 0 else float("nan")


@checked(
    gamma=positive,
)
def degrees_of_freedom(activity: ArrayLike, gamma: float) -> float:
    r"""Return how many directions of the activity a ridge readout with this penalty can use.

    .. math:: \sum_i \sigma_i^2 / (\sigma_i^2 + \gamma)

    with the singular values of the activity, its mean included. Unlike `dimensionality` it sees directions of
    little variance, as far as the penalty lets the readout use them.

    Parameters
    ----------
    activity : array_like, shape (time, neuron)
        Smooth activity.
    gamma : float
        Ridge penalty, more than 0.

    Returns
    -------
    float
        Between 0 and the smaller side of the activity.

    Raises
    ------
    ValueError
        If `gamma` is not positive, or as `dimensionality`.

    References
    ----------
    .. [1] Hastie, Tibshirani & Friedman (2009), doi:10.1007/978-0-387-84858-7, Eq. 3.50.

    Examples
    --------
    >>> degrees_of_freedom([[1.0, 0.0], [0.0, 1.0]], gamma=1.0)
    1.0
    """
    x = _activity(activity)
    squares = np.clip(np.linalg.eigvalsh(x.T @ x if len(x) > x.shape[1] else x @ x.T), 0, None)
    return float(np.sum(squares / (squares + gamma)))


@checked(
    threshold=finite,
)
def is_silent(spike_counts: ArrayLike, duration: float, threshold: float = 0.0) -> bool:
    """Say whether a population is silent: its mean rate does not exceed a threshold.

    Parameters
    ----------
    spike_counts : array_like, shape (neuron,)
        Spikes of each neuron in the test interval.
    duration : float
        Length of the interval in seconds.
    threshold : float, optional
        Mean rate in Hz; at 0 only a population without any spike is silent.

    Returns
    -------
    bool
        Whether it is silent.

    Raises
    ------
    ValueError
        As `firing_rates`.

    Examples
    --------
    >>> is_silent([0, 0], duration=5.0), is_silent([0, 1], duration=5.0)
    (True, False)
    """
    return bool(np.mean(firing_rates(spike_counts, duration)) <= threshold)


@checked(
    output=array(may_be_infinite=True),
    rates=array(may_be_infinite=True, least=1),
    voltage=array(any_unit=True, may_be_infinite=True),
)
def is_diverged(output: ArrayLike, rates: ArrayLike, voltage: ArrayLike = 0.0) -> bool:
    """Say whether a run diverged: output or voltage not finite, or a population rate above 500 Hz.

    Parameters
    ----------
    output : array_like
        The output z, of any shape.
    rates : array_like, shape (neuron,)
        Firing rates in Hz; their mean is the population rate.
    voltage : array_like, optional
        Membrane potentials of any shape, for example at the end of the run.

    Returns
    -------
    bool
        Whether it diverged.

    Raises
    ------
    ValueError
        If `rates` is empty.

    Examples
    --------
    >>> is_diverged([0.1, 0.2], rates=[10.0, 20.0]), is_diverged([0.1, float("inf")], rates=[10.0, 20.0])
    (False, True)
    """
    finite = np.isfinite(np.asarray(output, dtype=float)).all() and np.isfinite(np.asarray(voltage)).all()
    return not (finite and np.mean(np.asarray(rates)) <= HIGHEST_RATE)
