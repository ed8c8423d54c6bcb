"""Spikes to smooth activity: what a linear readout sees, without a spike matrix at the simulation's time step.

Every function is a numeric kernel: times are plain numbers in seconds (any other unit does if all are in it).
Spikes are counted straight into bins, so memory is that of the result, whatever the time step was.
"""

import numpy as np
from numpy.typing import ArrayLike

from hetbrian._support.arguments import array, checked
from hetbrian._support.checks import LARGEST_COUNT, count, integers, positive

MOST_DURATIONS = 10  # how long a standard deviation may be; everything is the mean long before
EDGE = 1e-9  # of a bin; spike times are multiples of dt only up to rounding


@checked(
    spike_times=array(),
    n_neurons=count,
    duration=positive,
    bin=positive,
)
def binned(
    spike_times: ArrayLike, spike_neurons: ArrayLike, n_neurons: int, duration: float, bin: float
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return each spike's time in units of a bin and its neuron, without those after the last whole bin.

    Parameters
    ----------
    spike_times, spike_neurons, n_neurons, duration, bin
        As `gaussian_activity`.

    Returns
    -------
    times : ndarray, shape (spike,)
        Times in bins, whose whole part is the number of the bin.
    neurons : ndarray of int, shape (spike,)
        The neuron of each.
    n_bins : int
        Number of whole bins.

    Raises
    ------
    ValueError
        If the spike arrays differ in shape, a spike time or neuron is out of range, `n_neurons` is below 1,
        `duration` or `bin` is not positive, or `bin` is longer than `duration`.
    """
    spike_times, spike_neurons = np.asarray(spike_times, dtype=float), integers(spike_neurons, "spike_neurons")
    if spike_times.ndim != 1 or spike_times.shape != spike_neurons.shape:
        raise ValueError(
            f"spike_times and spike_neurons have shapes {spike_times.shape} and {spike_neurons.shape}, "
            f"expected (spike,) for both; give one neuron a spike"
        )
    n_bins = int(min(duration / bin + EDGE, LARGEST_COUNT))
    if n_bins < 1:
        raise ValueError(f"bin = {bin}, expected at most duration = {duration}; narrow the bin")
    if n_bins * n_neurons >= LARGEST_COUNT:
        raise ValueError(
            f"duration = {duration}, bin = {bin} and n_neurons = {n_neurons} make more than {LARGEST_COUNT} counts, "
            "expected fewer: widen the bin."
        )
    bins = spike_times / bin + EDGE
    if not ((bins >= 0) & (bins <= duration / bin + 2 * EDGE)).all():
        raise ValueError(f"spike_times leave the interval from 0 to {duration} s; subtract the start of the interval")
    if not ((spike_neurons >= 0) & (spike_neurons < n_neurons)).all():
        raise ValueError(f"spike_neurons leave 0 to {n_neurons - 1}; give indices within the population")
    kept = bins < n_bins
    return bins[kept], spike_neurons[kept], n_bins


@checked(
    sigma=positive,
)
def gaussian_activity(
    spike_times: ArrayLike, spike_neurons: ArrayLike, n_neurons: int, duration: float, bin: float, sigma: float
) -> np.ndarray:
    """Return binned spike counts, smoothed with a Gaussian.

    Column n is the spike count of neuron n per bin, convolved with a normal density of standard deviation
    `sigma` that is cut at 4 `sigma` and mirrored at both ends of the record, so that a constant count stays
    what it is.

    Not causal: use `exponential_activity` for a readout that has to run online.

    Parameters
    ----------
    spike_times : array_like, shape (spike,)
        Times since the start of the record.
    spike_neurons : array_like of int, shape (spike,)
        The neuron of each spike, 0 to `n_neurons` - 1.
    n_neurons : int
        Size of the population, silent neurons included.
    duration : float
        Length of the record; spikes after its last whole bin are left out.
    bin : float
        Width of a bin.
    sigma : float
        Standard deviation.

    Returns
    -------
    ndarray, shape (bin, neuron)
        Spikes per bin.

    Raises
    ------
    ValueError
        If `sigma` is not positive, or as `binned`.

    Examples
    --------
    >>> gaussian_activity([0.5, 0.5, 2.5], [0, 1, 0], n_neurons=2, duration=3.0, bin=1.0, sigma=0.1).round(6).tolist()
    [[1.0, 1.0], [0.0, 0.0], [1.0, 0.0]]
    """
    from scipy.ndimage import gaussian_filter1d

    bins, neurons, n_bins = binned(spike_times, spike_neurons, n_neurons, duration, bin)
    if sigma > MOST_DURATIONS * duration:
        raise ValueError(f"sigma = {sigma}, expected at most {MOST_DURATIONS} times duration = {duration}; narrow it")
    counts = np.bincount(bins.astype(int) * n_neurons + neurons, minlength=n_bins * n_neurons)
    activity = counts.astype(float).reshape(n_bins, n_neurons)
    return gaussian_filter1d(activity, sigma / bin, axis=0, output=activity)


@checked(
    tau=positive,
)
def exponential_activity(
    spike_times: ArrayLike, spike_neurons: ArrayLike, n_neurons: int, duration: float, bin: float, tau: float
) -> np.ndarray:
    r"""Return the exponentially filtered spikes of each neuron, sampled at the end of every bin.

    .. math:: x_n(t) = \sum_k e^{-(t - t_n^k)/\tau}, \quad t = 1, 2, \dots \text{ bins}

    over the spikes of neuron n before t. Sampling is the only thing that depends on the bin.

    Parameters
    ----------
    spike_times, spike_neurons, n_neurons, duration, bin
        As `gaussian_activity`.
    tau : float
        Decay time.

    Returns
    -------
    ndarray, shape (bin, neuron)
        The activity; a spike adds 1.

    Raises
    ------
    ValueError
        If `tau` is not positive, or as `binned`.

    Examples
    --------
    >>> activity = exponential_activity([0.5], [0], n_neurons=1, duration=3.0, bin=1.0, tau=1.0)
    >>> np.log(activity[:, 0]).round(6).tolist()
    [-0.5, -1.5, -2.5]
    """
    bins, neurons, n_bins = binned(spike_times, spike_neurons, n_neurons, duration, bin)
    last = bins.astype(int)
    left = np.exp((bins - last - 1) * bin / tau)  # of each spike at the end of its bin
    activity = np.bincount(last * n_neurons + neurons, left, minlength=n_bins * n_neurons)
    activity = activity.astype(float, copy=False).reshape(n_bins, n_neurons)  # without spikes they are integers
    decay = np.exp(-bin / tau)
    for row in range(1, n_bins):
        activity[row] += decay * activity[row - 1]
    return activity
