"""Signals in, numbers out: how well an output follows its target.

Every function is a numeric kernel: times are plain numbers in seconds and rates in Hz, signals are arrays of
shape (time,) or (time, output). Scores are oriented so that a median over seeds stays meaningful: an output that is
not finite has an infinite error, never NaN.
"""

import numpy as np
from numpy.typing import ArrayLike

from hetbrian._support.arguments import array, checked
from hetbrian._support.checks import finite, numbers, positive
from hetbrian.analysis.activity import EDGE
from hetbrian.analysis.state import active_fraction, firing_rates, is_diverged, is_silent


def _signals(output: ArrayLike, target: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return both signals with shape (time, output)."""
    output, target = numbers(output, "output", may_be_infinite=True), numbers(target, "target")
    if output.shape != target.shape or output.ndim not in (1, 2):
        raise ValueError(
            f"output and target have shapes {output.shape} and {target.shape}, expected the same shape "
            f"(time,) or (time, output); cut or reshape one of them"
        )
    if output.size == 0:
        raise ValueError(f"output and target have shape {output.shape}, expected at least one sample; record longer")
    return output.reshape(len(output), -1), target.reshape(len(target), -1)


def mse(output: ArrayLike, target: ArrayLike) -> float:
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


def log_mse(output: ArrayLike, target: ArrayLike) -> float:
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


@checked(
    dt=positive,
    max_shift=finite,
)
def best_shift_mse(output: ArrayLike, target: ArrayLike, dt: float, max_shift: float = 0.1) -> tuple[float, float]:
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


def correlation(output: ArrayLike, target: ArrayLike) -> np.ndarray:
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


@checked(
    time=array(),
    output=array(may_be_infinite=True),
    target=array(may_be_infinite=True),
    learning_stop=finite,
    max_shift=finite,
    active_threshold=finite,
    silent_threshold=finite,
)
def force_scores(
    time: ArrayLike,
    output: ArrayLike,
    target: ArrayLike,
    spike_counts_in_test: ArrayLike,
    learning_stop: float,
    voltage: ArrayLike = 0.0,
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
    if not in_first_second.any():
        raise ValueError(f"learning_stop = {learning_stop}, expected a time of the run, from {time[0]:g} s; correct it")
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
