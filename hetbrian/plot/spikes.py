"""Spikes of a population: who fired when, and how often they all did, beside the mean field if there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from brian2 import Quantity, second

from hetbrian._support.arguments import checked, quantity
from hetbrian._support.checks import choice, positive, text
from hetbrian.plot.inputs import a_dataset, interval, learning_interval, of_numbers, seconds, some_axes
from hetbrian.plot.labels import label
from hetbrian.plot.style import COLOURS, LEARNING, panels, say_learning, styled

if TYPE_CHECKING:
    import xarray as xr

N_BINS = 200
"""Bins of the rate over a run, by default."""

DOT = (1.2, 3.0)
"""Smallest and largest size of the dots, in points: those of 125 neurons and more, and of 50 and fewer."""


@checked(
    dataset=a_dataset,
    axes=some_axes,
    population=text,
    sort_by=text,
    bin_width=quantity(second, positive),
    learning=interval,
)
@styled
def raster(
    dataset: xr.Dataset,
    axes: Any = None,
    *,
    population: str | None = None,
    sort_by: str | None = None,
    bin_width: Quantity | None = None,
    learning: tuple[Quantity, Quantity] | None = None,
) -> np.ndarray:
    """
    Draw the spikes of a population over time, and below them its rate.

    The rate is the recorded ``rate``, the mean over all neurons; where it was not recorded, that of all spikes
    together, because spikes do not say how many neurons there are.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `hetbrian.simulate` with ``record=("spikes", "rate")``.
    axes : Axes or pair of Axes, optional
        Spikes and rate; with one the rate is left out.
    population : str, optional
        Name of the population, if ``"NAME.spikes"`` of several were recorded.
    sort_by : str, optional
        A recorded variable with a value for each neuron, as ``"eta"``: neurons are drawn in its order.
    bin_width : Quantity [second], optional
        Interval over which rates are averaged, by default the 200th part of the run.
    learning : pair of Quantity [second], optional
        Learning interval to shade, by default as the Dataset says.

    Returns
    -------
    ndarray of Axes, shape (2,) or (1,)

    Raises
    ------
    ValueError
        If spikes were not recorded, or the variable to sort by was not, or not of all neurons that fired.
    TypeError
        If an argument is of another kind.
    DimensionMismatchError
        If a time is none.
    """
    prefix = _prefix(dataset, population)
    record = f"record='{prefix}spikes' with hb.simulate"
    times = seconds(of_numbers(dataset, f"{prefix}spike_time", record, f"{prefix}spike"))
    neurons = of_numbers(dataset, f"{prefix}spike_neuron", record, f"{prefix}spike").values
    rows, name = _rows(dataset, neurons, sort_by, prefix)
    low, high = _span(dataset, times)
    axes = panels(axes, 2, (7.5, 4.4), least=1, height_ratios=(2.5, 1))
    axes[0].plot(
        times, rows, ".", color="0.15", ms=np.clip(150 / max(rows.max(initial=0), 1), *DOT), mew=0, rasterized=True
    )
    axes[0].set(ylabel=name, ylim=(-0.5, 1.1 * max(rows.max(initial=0), 1) + 0.5))
    width = (high - low) / N_BINS if bin_width is None else float(bin_width / second)
    if len(axes) > 1:
        edges = low + width * np.arange(max(1, round((high - low) / width)) + 1)
        if f"{prefix}rate" in dataset and "time" in dataset[f"{prefix}rate"].dims:
            variable = of_numbers(dataset, f"{prefix}rate", f"record='{prefix}rate'", "time")
            rate, text = _binned(seconds(dataset["time"]), variable.values, edges), label(variable, "population\nrate")
        else:
            rate, text = np.histogram(times, edges)[0] / width, "rate of all\nneurons (spikes/s)"
        axes[1].stairs(rate, edges, color=COLOURS["eta"], lw=1.2)
        axes[1].set(ylabel=text, ylim=(0, None))
    axes[-1].set(xlabel="time (s)", xlim=(low, high))
    if learnt := learning_interval(dataset, learning, high):
        for axis in axes:
            axis.axvspan(*learnt, **LEARNING)
        say_learning(axes[0], learnt, (low, high))
    return axes


@checked(
    dataset=a_dataset,
    meanfield=a_dataset,
    axes=some_axes,
    population=text,
    bin_width=quantity(second, positive),
)
@styled
def population_rate(
    dataset: xr.Dataset,
    meanfield: xr.Dataset,
    axes: Any = None,
    *,
    population: str | None = None,
    bin_width: Quantity | None = None,
) -> np.ndarray:
    """
    Draw the rate of a network over that of its mean field.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `hetbrian.simulate` with ``record="rate"``.
    meanfield : xarray.Dataset
        Of `hetbrian.MeanField.trajectory`, or another with a ``rate`` over time.
    axes : Axes, optional
        Where to draw.
    population : str, optional
        Name of the population, if ``"NAME.rate"`` was recorded.
    bin_width : Quantity [second], optional
        Interval over which the network's rate is averaged, by default as it was recorded.

    Returns
    -------
    ndarray of Axes, shape (1,)

    Raises
    ------
    ValueError
        If one of them has no rate over time, or they are in different units.
    TypeError
        If an argument is of another kind.
    DimensionMismatchError
        If the width of a bin is no time.
    """
    name = "rate" if population is None else f"{population}.rate"
    network = of_numbers(dataset, name, f"record={name!r} with hb.simulate", "time")
    theory = of_numbers(meanfield, "rate", "take that of MeanField.trajectory", "time", given="meanfield")
    if network.attrs.get("units") != theory.attrs.get("units"):
        raise ValueError(
            f"meanfield has a rate in {theory.attrs.get('units', 'no unit')}, expected "
            f"{network.attrs.get('units', 'no unit')} as in dataset: convert it."
        )
    times, rate = seconds(dataset["time"]), network.values
    (axis,) = panels(axes, 1, (7.5, 3.0))
    if bin_width is not None:
        width = float(bin_width / second)
        n_whole = int((times[-1] + _step(times) - times[0]) / width + 1e-9)
        edges = times[0] + width * np.arange(max(1, n_whole) + 1)
        times, rate = edges[:-1] + width / 2, _binned(times, rate, edges)
    axis.plot(times, rate, color="0.6", lw=1.0, label="network")
    axis.plot(seconds(meanfield["time"]), theory.values, color=COLOURS["g"], label="mean field")
    top = np.nanmax([np.nanmax(rate), np.nanmax(theory.values)])
    axis.set(xlabel="time (s)", ylabel=label(network, "population rate"), ylim=(0, 1.25 * top if top > 0 else 1))
    axis.set_xlim(times[0], times[-1])
    axis.legend(loc="upper right", ncols=2)
    return np.array([axis])


def _prefix(dataset: xr.Dataset, population: str | None) -> str:
    """Return what the names of a population's spikes begin with in a Dataset."""
    ends = "spike_time"
    there = [str(name).removesuffix(ends) for name in dataset.data_vars if str(name).endswith(ends)]
    names = [prefix.removesuffix(".") for prefix in there]
    if population is not None and population not in names and there:
        choice(population, "population", names)
    if not there:
        raise ValueError("dataset holds no spikes, expected those of a population: record='spikes' with hb.simulate.")
    if population is None and len(there) > 1:
        raise ValueError(
            f"dataset holds the spikes of {' and '.join(names)}, expected to know which to draw: "
            f"give population={names[0]!r}, say."
        )
    return there[0] if population is None else f"{population}." if population else ""


def _rows(dataset: xr.Dataset, neurons: np.ndarray, sort_by: str | None, prefix: str) -> tuple[np.ndarray, str]:
    """Return the row of each spike, and what the rows are."""
    if sort_by is None:
        return neurons, "neuron"
    variable = of_numbers(dataset, sort_by, f"record={sort_by!r} with hb.simulate", f"{prefix}neuron")
    numbered = dataset.coords.get(f"{prefix}neuron", None)
    labels = np.arange(variable.size) if numbered is None else np.asarray(numbered.values)
    place = np.full(max(labels.max(initial=0), neurons.max(initial=0)) + 1, -1)
    place[labels[np.argsort(variable.values, kind="stable")]] = np.arange(variable.size)
    if (place[neurons] < 0).any():
        missing = neurons[place[neurons] < 0][0]
        raise ValueError(
            f"sort_by is {sort_by!r}, which neuron {missing} lacks, expected all: record it of all neurons."
        )
    return place[neurons], f"neuron, sorted by\n{label(variable).rpartition(' (')[0] or label(variable)}"


def _span(dataset: xr.Dataset, times: np.ndarray) -> tuple[float, float]:
    """Return when a run began and ended: as spikes, samples and its duration say."""
    known = [times] + ([seconds(dataset["time"])] if "time" in dataset.coords else [])
    all_times = np.concatenate(known)
    duration = float(dataset.attrs.get("duration", 0.0))
    first, last = all_times.min(initial=0.0 if not all_times.size else np.inf), all_times.max(initial=0.0)
    low = 0.0 if last <= duration or first <= 0 else first
    return low, max(last, low + duration, low + 1e-3) if low == 0 else max(last, low + 1e-3)


def _binned(times: np.ndarray, rate: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the mean rate in each bin, NaN where nothing was recorded; each sample begins at its time."""
    times = times + _step(times) / 2
    sums, _ = np.histogram(times, edges, weights=np.nan_to_num(rate))
    counts, _ = np.histogram(times, edges)
    with np.errstate(invalid="ignore"):
        return sums / np.where(counts > 0, counts, np.nan)


def _step(times: np.ndarray) -> float:
    """Return the sampling interval, 0 of a single sample."""
    return float(times[1] - times[0]) if len(times) > 1 else 0.0
