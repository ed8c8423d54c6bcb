"""Arrays in, numbers out: how well an output follows its target, and what state the network is in.

Every function is a numeric kernel: times are plain numbers in seconds and rates in Hz, signals are arrays of
shape (time,) or (time, output), and spike counts have shape (neuron,). Scores are oriented so that a median
over seeds stays meaningful: an output that is not finite has an infinite error, never NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hetbrian.analysis.activity import EDGE, binned

HIGHEST_RATE = 500.0  # Hz; a population rate above this counts as divergence


def _signals(output: Any, target: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return both signals with shape (time, output)."""
    output, target = np.asarray(output, dtype=float), np.asarray(target, dtype=float)
    if output.shape != target.shape or output.ndim not in (1, 2):
        raise ValueError(
            f"output and target have shapes {output.shape} and {target.shape}, expected the same shape "
            f"(time,) or (time, output); cut or reshape one of them"
        )
    if output.size == 0:
        raise ValueError(f"output and target have shape {output.shape}, expected at least one sample; record longer")
    if not np.isfinite(target).all():
        raise ValueError("target has NaN or infinite entries, expected finite numbers; repair the target")
    return output.reshape(len(output), -1), target.reshape(len(target), -1)


def _activity(activity: Any) -> np.ndarray:
    activity = np.asarray(activity, dtype=float)
    if activity.ndim != 2 or activity.size == 0:
        raise ValueError(f"activity has shape {activity.shape}, expected (time, neuron); give one column a neuron")
    if not np.isfinite(activity).all():
        raise ValueError("activity has NaN or infinite entries, expected finite numbers; check the features")
    return activity


def _counts(spike_counts: Any) -> np.ndarray:
    spike_counts = np.asarray(spike_counts)
    if spike_counts.ndim != 1 or spike_counts.size == 0:
        raise ValueError(f"spike_counts has shape {spike_counts.shape}, expected (neuron,); give one count a neuron")
    if not (spike_counts >= 0).all():
        raise ValueError("spike_counts has negative or NaN entries, expected 0 or more; count spikes per neuron")
    return spike_counts


def _check_positive(**values: float) -> None:
    for name, value in values.items():
        if not 0 < value < np.inf:
            raise ValueError(f"{name} = {value}, expected a finite number above 0; give it in seconds")


def mse(output: Any, target: Any) -> float:
    """Return the mean square of output - target over time and outputs.

    Parameters
    ----------
    output, target : array_like, shape (time,) or (time, output)
        The signals.

    Returns
    -------
    float
        The mean square error; infinite if the output is not finite everywhere.

    Raises
    ------
    ValueError
        If the shapes differ or are empty, or the target is not finite.

    Examples
    --------
    >>> mse([0.0, 1.0], [0.0, 3.0]), mse([0.0, float("nan")], [0.0, 3.0])
    (2.0, inf)
    """
    output, target = _signals(output, target)
    if not np.isfinite(output).all():
        return float("inf")
    with np.errstate(over="ignore"):  # a diverging output may overflow to inf, which is its score
        return float(np.mean((output - target) ** 2))


def log_mse(output: Any, target: Any) -> float:
    """Return the decimal logarithm of the mean square error.

    The base is 10 so that -2 reads as an error of 0.01; the failure boundary log(MSE) > 0 is the same in
    every base.

    Parameters
    ----------
    output, target : array_like, shape (time,) or (time, output)
        The signals.

    Returns
    -------
    float
        log10 of `mse`: -inf for a perfect output, inf for one that is not finite.

    Raises
    ------
    ValueError
        As `mse`.

    Examples
    --------
    >>> log_mse([0.1, 0.1], [0.0, 0.2])
    -2.0
    """
    with np.errstate(divide="ignore"):
        return float(np.log10(mse(output, target)))


def best_shift_mse(output: Any, target: Any, dt: float, max_shift: float = 0.1) -> tuple[float, float]:
    """Return the least mean square error over time shifts of the output, and that shift.

    The error of shift m is the mean of (output(t + m) - target(t))^2 over the times where both exist: nothing
    wraps round, so a long shift sees fewer samples. One correlation by Fourier transform gives all sums.

    Parameters
    ----------
    output, target : array_like, shape (time,) or (time, output)
        The signals; all outputs are shifted together.
    dt : float
        Time step in seconds.
    max_shift : float, optional
        Longest shift in either direction, in seconds, shorter than the signals.

    Returns
    -------
    mse : float
        The least error; infinite if the output is not finite everywhere.
    shift : float
        The shift in seconds, positive where the output lags the target; NaN if the output is not finite.

    Raises
    ------
    ValueError
        If `dt` is not positive, `max_shift` is negative or not shorter than the signals, or as `mse`.

    Examples
    --------
    >>> target = np.sin(2 * np.pi * 5 * np.arange(0, 1, 0.001))
    >>> error, shift = best_shift_mse(np.roll(target, 20), target, dt=0.001)
    >>> error < 1e-20, shift
    (True, 0.02)
    """
    output, target = _signals(output, target)
    _check_positive(dt=dt)
    n_samples = len(target)
    longest = max_shift / dt + EDGE  # in samples
    if not 0 <= longest < n_samples:
        raise ValueError(
            f"max_shift = {max_shift}, expected 0 or more and less than the "
            f"{n_samples * dt:g} s of the signals; change the shift"
        )
    if not np.isfinite(output).all():
        return float("inf"), float("nan")
    lags = np.arange(-int(longest), int(longest) + 1)
    scale = max(np.abs(output).max(), np.abs(target).max(), np.finfo(float).tiny)
    x, y = output / scale, target / scale  # squares of a diverging output stay finite
    padded = 2 ** int(np.ceil(np.log2(n_samples + int(longest))))
    spectrum = np.fft.rfft(x, padded, axis=0) * np.fft.rfft(y, padded, axis=0).conj()
    products = np.fft.irfft(spectrum, padded, axis=0).sum(axis=1)[lags]  # sum of x(t + lag) y(t); (lag,)
    first, last = np.maximum(-lags, 0), n_samples - np.maximum(lags, 0)  # target samples first <= t < last
    energy_x, energy_y = (np.insert(np.cumsum((s**2).sum(axis=1)), 0, 0.0) for s in (x, y))
    energies = energy_x[last + lags] - energy_x[first + lags] + energy_y[last] - energy_y[first]
    best = int(np.argmin((energies - 2 * products) / (last - first)))
    lag, overlap = int(lags[best]), slice(first[best], last[best])
    return mse(output[first[best] + lag : last[best] + lag], target[overlap]), lag * dt


def correlation(output: Any, target: Any) -> np.ndarray:
    """Return Pearson's correlation coefficient of each output with its target.

    Parameters
    ----------
    output, target : array_like, shape (time,) or (time, output)
        The signals.

    Returns
    -------
    ndarray, shape (output,)
        The coefficients; NaN where a signal is constant or the output is not finite.

    Raises
    ------
    ValueError
        As `mse`.

    Examples
    --------
    >>> correlation([[1, 3], [2, 2], [3, 1]], [[1, 1], [2, 2], [3, 3]]).round(12).tolist()
    [1.0, -1.0]
    """
    output, target = _signals(output, target)
    coefficients = np.full(output.shape[1], np.nan)
    for k, (x, y) in enumerate(zip(output.T, target.T, strict=True)):
        if np.isfinite(x).all() and x.min() < x.max() and y.min() < y.max():
            x, y = x / np.abs(x).max(), y / np.abs(y).max()  # squares neither overflow nor underflow
            x, y = x - x.mean(), y - y.mean()
            coefficients[k] = x @ y / np.sqrt((x @ x) * (y @ y))
    return coefficients


def firing_rates(spike_counts: Any, duration: float) -> np.ndarray:
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
    _check_positive(duration=duration)
    return _counts(spike_counts) / duration


def active_fraction(spike_counts: Any, duration: float, threshold: float = 0.0) -> float:
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


def synchrony(spike_times: Any, spike_neurons: Any, n_neurons: int, duration: float, bin: float) -> float:
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


def dimensionality(activity: Any) -> float:
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
    x = x - x.mean(axis=0)
    x = x.T if len(x) > x.shape[1] else x
    gram = x @ x.T  # the same eigenvalues as the covariance, in the smaller dimension
    total = np.trace(gram) ** 2
    return float(total / np.sum(gram**2)) if total > 0 else float("nan")


def degrees_of_freedom(activity: Any, gamma: float) -> float:
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
    if not 0 < gamma < np.inf:
        raise ValueError(f"gamma = {gamma}, expected a finite number above 0; give the penalty of the readout")
    squares = np.clip(np.linalg.eigvalsh(x.T @ x if len(x) > x.shape[1] else x @ x.T), 0, None)
    return float(np.sum(squares / (squares + gamma)))


def is_silent(spike_counts: Any, duration: float, threshold: float = 0.0) -> bool:
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


def is_diverged(output: Any, rates: Any, voltage: Any = 0.0) -> bool:
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
    if np.size(rates) == 0:
        raise ValueError("rates is empty, expected shape (neuron,); give the rate of each neuron")
    finite = np.isfinite(np.asarray(output, dtype=float)).all() and np.isfinite(np.asarray(voltage)).all()
    return not (finite and np.mean(rates) <= HIGHEST_RATE)


def force_scores(
    time: Any,
    output: Any,
    target: Any,
    spike_counts_in_test: Any,
    learning_stop: float,
    voltage: Any = 0.0,
    max_shift: float = 0.1,
    active_threshold: float = 0.0,
    silent_threshold: float = 0.0,
) -> dict[str, float]:
    """Score a FORCE run after its learning has stopped.

    After learning the output keeps its shape while its phase drifts, so one mean square over the whole test
    mixes two things; the first second and the best time shift tell them apart.

    Parameters
    ----------
    time : array_like, shape (time,)
        Sample times of the run in seconds, evenly spaced.
    output, target : array_like, shape (time,) or (time, output)
        The signals of the run; what comes before `learning_stop` is ignored.
    spike_counts_in_test : array_like, shape (neuron,)
        Spikes of each neuron from `learning_stop` on.
    learning_stop : float
        When learning stopped, in seconds; the sample at that time belongs to the test.
    voltage : array_like, optional
        Membrane potentials, checked for being finite.
    max_shift : float, optional
        Longest time shift in seconds.
    active_threshold, silent_threshold : float, optional
        Rates in Hz for `active_fraction` and `is_silent`.

    Returns
    -------
    dict of str to float
        ``mse_first_second`` (of the whole test if that is shorter), ``mse``, ``mse_shifted``, ``shift`` (s),
        ``correlation`` (mean over outputs), ``rate`` (Hz, mean over neurons), ``active_fraction``, ``silent``
        and ``diverged`` (0 or 1, so that a mean over seeds is a fraction). An output that is not finite in
        the test has infinite errors and NaN for shift and correlation.

    Raises
    ------
    ValueError
        If `time` is not evenly spaced or does not match the signals, fewer than two samples lie in the test,
        or as the functions that compute each score.

    Examples
    --------
    >>> time = np.arange(0, 3, 0.001)
    >>> target = np.sin(2 * np.pi * 5 * time)
    >>> scores = force_scores(time, target + 0.1, target, [10, 30], learning_stop=1.0)
    >>> round(scores["mse"], 6), round(scores["mse_first_second"], 6), scores["rate"], scores["silent"]
    (0.01, 0.01, 10.0, 0.0)
    """
    time, output, target = (np.asarray(values, dtype=float) for values in (time, output, target))
    if time.ndim != 1 or not time.shape == output.shape[:1] == target.shape[:1]:
        raise ValueError(
            f"time, output and target have shapes {time.shape}, {output.shape} and {target.shape}, expected "
            f"(time,) and twice (time, output) of one length; give the time of each sample"
        )
    steps = np.diff(time)
    if len(steps) == 0 or not (steps > 0).all() or np.ptp(steps) > 1e-3 * steps[0]:
        raise ValueError("time is not evenly spaced and ascending, expected a fixed step; resample the signals")
    dt = (time[-1] - time[0]) / len(steps)
    in_test = time > learning_stop - dt / 2
    duration = np.count_nonzero(in_test) * dt
    if np.count_nonzero(in_test) < 2:
        raise ValueError(f"learning_stop = {learning_stop}, expected samples after it; run until later than that")
    in_first_second = in_test & (time < learning_stop + 1 - dt / 2)
    tested, wanted = output[in_test], target[in_test]
    rates = firing_rates(spike_counts_in_test, duration)
    mse_shifted, shift = best_shift_mse(tested, wanted, dt, max_shift)
    return {
        "mse_first_second": mse(output[in_first_second], target[in_first_second]),
        "mse": mse(tested, wanted),
        "mse_shifted": mse_shifted,
        "shift": float(shift),
        "correlation": float(np.mean(correlation(tested, wanted))),
        "rate": float(np.mean(rates)),
        "active_fraction": active_fraction(spike_counts_in_test, duration, active_threshold),
        "silent": float(is_silent(spike_counts_in_test, duration, silent_threshold)),
        "diverged": float(is_diverged(tested, rates, voltage)),
    }
