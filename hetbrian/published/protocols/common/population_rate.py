"""The rate of the all-to-all CA3 network beside its mean field: simulate, average, find the cycle."""

import numpy as np
from brian2 import hertz
from scipy.ndimage import uniform_filter1d

from hetbrian.analysis.asynchronous import asynchronous_state
from hetbrian.published.models.ca3 import ca3_network, heterogeneity
from hetbrian.simulation.program import simulate

PHASES = np.linspace(0, 1, 201)
"""Phases at which the waveform of a cycle is averaged."""

SMOOTHING = 20
"""Samples over which a rate is averaged to find its cycles, 10 units of time of a period of 130 or more."""

SAMPLE = 0.5
"""Interval of the recorded gating variable, in units of time; it decays within 2.6."""


def mean_field_rate(meanfield, start=(0.05, 0.3, 0.1, 0.1), duration=1500.0, step=0.5):
    """
    Integrate the mean field until it has settled, and return its rate and last state.

    Parameters
    ----------
    meanfield : MeanField
        The mean field.
    start : array_like, shape (4,)
        r, v, w, s at the start.
    duration : float
        Time that is recorded, and as much before it, in units of time.
    step : float
        Interval of the record.

    Returns
    -------
    found : dict of str to float
        As `cycle`, of the rate that the synapses see.
    state : ndarray, shape (4,)
        r, v, w, s at the end.

    Raises
    ------
    ValueError
        If the mean field diverges.
    """
    times = np.arange(0, 2 * duration, step)
    orbit = meanfield.trajectory(times * meanfield.time_unit, start=start)
    late = slice(len(times) // 2, None)
    state = np.array([orbit[name].values[-1] for name in meanfield.field.variables])
    return cycle(times[late], filtered_rate(meanfield, orbit.s.values[late])), state


def network_rate(meanfield, settle, duration, *, start, seed, device, dt, **options):
    """
    Simulate the network and return what its population rate does, as the synapses see it.

    Parameters
    ----------
    meanfield : MeanField
        Parameters of the network.
    settle, duration : float
        Time before and in the record, in units of time.
    start : array_like, shape (4,)
        State of the mean field at the start.
    seed : int
        Root seed.
    device : str
        Brian2 device.
    dt : float
        Time step, in units of time.
    **options
        Passed to `hetbrian.published.ca3_network`.

    Returns
    -------
    dict of str to float
        As `cycle`, of s/(tau_s s_jump) in Hz, whose mean is that of the population rate.
    """
    data = simulate(
        ca3_network,
        (settle + duration) * meanfield.time_unit,
        seed=seed,
        record=("s",),
        record_dt=SAMPLE * meanfield.time_unit,
        device=device,
        meanfield=meanfield,
        start=start,
        dt=dt,
        **options,
    )
    late = slice(round(settle / SAMPLE), None)
    return cycle(np.arange(data.sizes["time"])[late] * SAMPLE, filtered_rate(meanfield, data.s.values[late]))


def asynchronous_rate(meanfield, n_neurons, *, seed, adaptation):
    """
    Return the rate of `asynchronous_state` for the neurons of a network.

    Parameters
    ----------
    meanfield : MeanField
        Parameters of the network.
    n_neurons, seed : int
        Its size and root seed; eta and g are on the grid of quantiles.
    adaptation : {"own", "shared"}
        Its adaptation.

    Returns
    -------
    float
        Rate in Hz, that of the state with the lowest rate if there are several.
    """
    eta, g = grid(meanfield, n_neurons, seed)
    return asynchronous_state(meanfield.neuron(), eta, g, adaptation=adaptation).rate.mean("neuron").values[0]


def grid(meanfield, n_neurons, seed):
    """Return eta and g, shape (n_neurons,), which `hetbrian.published.ca3_network` has with a seed and quantiles."""
    drawn = heterogeneity(meanfield).quantiles(n_neurons, np.random.default_rng(seed).spawn(2)[0])
    return drawn["eta"], drawn["g"]


def filtered_rate(meanfield, s):
    """Return the rate [hertz, without units] that keeps the gating variable at s."""
    return np.asarray(meanfield.rate(np.asarray(s) / (meanfield.tau_s * meanfield.s_jump)) / hertz)


def cycle(times, rate):
    """
    Return what a rate does: its mean, and the period and extrema if it oscillates.

    A cycle runs from one rise through half of the maximum, after a fall below a quarter of it, to the
    next. Cycles are averaged at equal phase, so that the extrema are not those of the noise.

    Parameters
    ----------
    times : array_like, shape (n_times,)
        Times.
    rate : array_like, shape (n_times,)
        Population rate.

    Returns
    -------
    dict of str to float
        ``rate`` (mean over whole cycles), ``period``, ``low``, ``high``; without a whole cycle the mean over
        all times for all three rates, and a period that is not a number.
    """
    times, rate = np.asarray(times), np.asarray(rate)
    smooth = uniform_filter1d(rate, SMOOTHING, mode="nearest")  # few neurons at low rates cross any level
    half = 0.5 * smooth.max()
    starts, last = [], 0
    for i in np.flatnonzero((smooth[:-1] < half) & (smooth[1:] >= half)):
        if smooth[last : i + 1].min() < 0.5 * half:
            starts.append(np.interp(half, smooth[i : i + 2], times[i : i + 2]))
            last = i + 1
    if len(starts) < 2:
        return {"rate": rate.mean(), "period": np.nan, "low": rate.mean(), "high": rate.mean()}
    lengths = np.diff(starts)
    phases = [
        np.interp(first + PHASES * length, times, rate) for first, length in zip(starts[:-1], lengths, strict=True)
    ]
    waveform = np.mean(phases, axis=0)
    return {
        "rate": np.average([np.trapezoid(phase, PHASES) for phase in phases], weights=lengths),
        "period": lengths.mean(),
        "low": waveform.min(),
        "high": waveform.max(),
    }
