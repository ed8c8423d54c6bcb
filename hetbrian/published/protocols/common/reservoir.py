"""Settle, pulse and record the reservoir, and fit its readout, as a `Procedure` says."""

from dataclasses import dataclass

import numpy as np
import xarray
from brian2 import second

import hetbrian as hb
from hetbrian.analysis import degrees_of_freedom, dimensionality, mse, synchrony
from hetbrian.published.models.reservoir import TIME_UNIT, reservoir
from hetbrian.published.protocols.common.procedure import PROCEDURES, Procedure
from hetbrian.study.grid import Grid
from hetbrian.study.sweeps import sweep

TARGETS = {
    "y1": lambda t: np.sin(12 * np.pi * t),
    "y2": lambda t: np.sin(12 * np.pi * t) * np.sin(24 * np.pi * t),
}
"""Targets over t = 0 to 0.5 s."""

PARTS = {"train": "training", "test": "test"}
"""Parts of an error's name, in words."""

SIGMA = 10.0
"""Standard deviation of the smoothing in time units, in the script and in ours."""

EVERY = 5
"""The fit sees every fifth time unit: a Gaussian of 10 has no more than 3e-9 of its amplitude beyond the highest
frequency that these resolve, so that a penalty of gamma/5 gives the weights of gamma and all time units."""

SCORES = {
    "mse_train": ("mean square error, training", "1"),
    "mse_test": ("mean square error, test", "1"),
    "gamma": ("ridge penalty", "1"),
    "rate": ("population rate", "Hz"),
    "synchrony": ("synchrony of spike counts in 10 time units", "1"),
    "dimensionality": ("participation ratio", "1"),
    "degrees_of_freedom": ("degrees of freedom", "1"),
}
"""What is reported: long name and unit. The last four describe the first training trial, the last one at the penalty
that was used."""


def evaluate(conditions, seeds, procedure, view=None, **parameters):
    """
    Return errors and state of the network for every condition and seed.

    Parameters
    ----------
    conditions : dict of str to dict
        Name of each condition and the parameters of `hetbrian.published.reservoir` that define it.
    seeds : iterable of int
        Root seeds; conditions share the random numbers of a seed.
    procedure : str
        A key of `PROCEDURES`, or ``both``.
    view : callable, optional
        ``view(dataset)`` adds to what is returned and watched.
    **parameters
        Of `point`, the same for all.

    Returns
    -------
    xarray.Dataset
        `SCORES` over (procedure, condition, seed), errors also over (target,); ``z_train`` and ``z_test`` over
        (procedure, condition, time, target) for the first seed, ``y`` over (time, target).
    """
    seeds = tuple(seeds)
    names = tuple(PROCEDURES) if procedure == "both" else (procedure,)
    for name in names:
        Procedure.of(name)  # refused before anything runs
    grid = Grid(procedure=names, condition=conditions, seed=seeds)

    def first_seed(dataset):
        if "y" in dataset:  # the first seed is there
            traces = dataset[["z_train", "z_test", "y"]].isel(seed=0, drop=True)
            y = traces.y.stack(point=("procedure", "condition")).dropna("point", how="all").isel(point=0, drop=True)
            dataset = dataset.assign(traces.assign(y=y.drop_vars(["procedure", "condition"], errors="ignore")))
        return view(dataset) if view is not None else dataset

    return sweep(point, grid, parameters={**parameters, "traced": seeds[0]}, view=first_seed)


def point(
    *,
    seed,
    procedure="corrected",
    n_training=0,
    n_test=1,
    settle=500.0,
    record=2000.0,
    n_neurons=1000,
    device="cpp_standalone",
    dt=0.0,
    traced=None,
    **parameters,
):
    """
    Simulate one network and fit its readout.

    Parameters
    ----------
    seed : int
        Root seed.
    procedure : str
        A key of `PROCEDURES`.
    n_training, n_test : int
        Trials to fit, 0 for those of the procedure, and to test.
    settle, record : float
        Lengths T1 and T before and after the begin of the pulse, in time units.
    n_neurons : int
        N.
    device : str
        Brian2 device.
    dt : float
        Euler step in time units, 0 for that of the procedure.
    traced : int, optional
        The seed of which the traces are returned, by default any.
    **parameters
        Of `hetbrian.published.reservoir`.

    Returns
    -------
    xarray.Dataset
        As `evaluate`, for one procedure, condition and seed.

    Raises
    ------
    ValueError
        If there is no training or test trial or the record is shorter than a time unit.
    """
    given = {"n_training": n_training, "dt": dt}
    chosen = Procedure.of(procedure).replace(**{name: value for name, value in given.items() if value})
    trials = simulated(
        chosen,
        seed=seed,
        n_test=n_test,
        settle=settle,
        record=record,
        n_neurons=n_neurons,
        device=device,
        **parameters,
    )
    found = scored(trials, chosen)
    return found if traced in (None, seed) else found.drop_dims("time")


@dataclass(frozen=True)
class Trials:
    """
    The spikes of a network's trials.

    Parameters
    ----------
    spikes : list of (ndarray, ndarray)
        Steps since the begin of the simulation, and neurons, of each trial.
    onsets : ndarray of int, shape (trial,)
        The step at which each record begins.
    n_neurons, n_training : int
        N, and how many of the trials are to be fitted.
    record, dt : float
        Length of a record and Euler step in time units.
    """

    spikes: list
    onsets: np.ndarray
    n_neurons: int
    n_training: int
    record: float
    dt: float

    def times(self, trial, thinning=1):
        """Return times since the onset of a trial and neurons of the spikes of every ``thinning``-th step."""
        step, neuron = self.spikes[trial]
        # the script sees a spike in the step after that in which v passed 200
        kept = (step + 1) % thinning == 0
        return (step[kept] - self.onsets[trial]) * self.dt, neuron[kept]


def simulated(procedure, *, seed, n_test, settle, record, n_neurons, device, **parameters):
    """
    Return the spikes of the training and test trials of one network.

    Parameters
    ----------
    procedure : Procedure
        Its network and trials.
    seed, n_test, settle, record, n_neurons, device, **parameters
        See `point`.

    Returns
    -------
    Trials

    Raises
    ------
    ValueError
        If there is no training or test trial or the record is shorter than a time unit.
    """
    for name, value in (("n_training", procedure.n_training), ("n_test", n_test), ("record", record)):
        if value < 1:
            raise ValueError(f"{name} is {value}, expected at least 1: the readout is fitted to trials and tested.")
    n_trials, n_bins = procedure.n_training + n_test, int(record)
    if procedure.restarts:
        length, onsets = settle + record, (settle,) * n_trials
        begins = np.arange(n_trials) * length + settle
    else:
        length, begins = None, settle + np.arange(n_trials) * record
        onsets = tuple(begins.tolist())
    if procedure.mirrored and "theta" not in parameters:
        parameters = {"reset": "mirror", **parameters}
    run = hb.simulate(
        reservoir,
        (begins[-1] + record) * TIME_UNIT,
        seed=seed,
        record=("spikes",),
        device=device,
        onsets=onsets,
        trial_length=length,
        n_neurons=n_neurons,
        **procedure.network,
        **parameters,
    )
    step = np.rint(run.spike_time.values / float(TIME_UNIT) / procedure.dt).astype(int)
    starts = np.rint(begins / procedure.dt).astype(int)
    inside = [(step >= start) & (step < start + round(n_bins / procedure.dt)) for start in starts]
    spikes = [(step[chosen], run.spike_neuron.values[chosen]) for chosen in inside]
    return Trials(spikes, starts, n_neurons, procedure.n_training, n_bins, procedure.dt)


def scored(trials, procedure):
    """
    Return what a readout that sees the trials makes of them.

    Parameters
    ----------
    trials : Trials
        From `simulated`.
    procedure : Procedure
        Its readout.

    Returns
    -------
    xarray.Dataset
        See `point`.
    """
    n_bins, n_training = trials.record, trials.n_training
    activity = [
        smoothed(*trials.times(k, procedure.thinning), trials.n_neurons, n_bins, procedure.bin, procedure.padding)
        for k in range(len(trials.spikes))
    ]
    t = (np.arange(n_bins) + 0.5) / (procedure.target_length or n_bins) / 2
    y = np.column_stack([target(t) for target in TARGETS.values()])
    readout = fitted(activity[:n_training], y, procedure)
    outputs = [readout.predict(trial) for trial in activity]
    errors = np.array([[mse(z[:, i], y[:, i]) for i in range(len(TARGETS))] for z in outputs])
    spikes = trials.times(0)
    found = {
        "mse_train": (("target",), errors[:n_training].mean(axis=0)),
        "mse_test": (("target",), errors[n_training:].mean(axis=0)),
        "gamma": ((), readout.chosen_gamma * EVERY / procedure.bin),
        "rate": ((), len(spikes[0]) / trials.n_neurons / n_bins / float(TIME_UNIT / second)),
        "synchrony": ((), synchrony(*spikes, trials.n_neurons, n_bins, bin=10.0)),
        "dimensionality": ((), dimensionality(activity[0][EVERY // 2 :: EVERY])),
        "degrees_of_freedom": ((), degrees_of_freedom(activity[0][EVERY // 2 :: EVERY], readout.chosen_gamma)),
    }
    trace = ("time", "target")
    return xarray.Dataset(
        {
            **{name: (*found[name], {"long_name": text, "units": unit}) for name, (text, unit) in SCORES.items()},
            "z_train": (trace, outputs[0], {"long_name": "output, training"}),
            "z_test": (trace, outputs[-1], {"long_name": "output, test"}),
            "y": (trace, y, {"long_name": "target"}),
        },
        coords={
            "target": list(TARGETS),
            "time": ("time", np.arange(n_bins) + 0.5, {"long_name": "time since the pulse", "units": "time units"}),
        },
    )


def fitted(activity, y, procedure):
    """Return the readout of the first trials; of a single one, fifths are left out to choose among penalties."""
    features = np.concatenate([trial[EVERY // 2 :: EVERY] for trial in activity])
    target = np.concatenate([y[EVERY // 2 :: EVERY]] * len(activity))
    n_parts = len(activity) if len(activity) > 1 else 5
    # the sum over all bins is that over the samples times their distance in bins
    gamma = np.multiply(procedure.gamma, procedure.bin / EVERY)
    return hb.Ridge(gamma).fit(features, target, np.arange(len(target)) * n_parts // len(target))


def smoothed(times, neurons, n_neurons, n_bins, bin, padding):
    """
    Return spike counts per bin, smoothed with a Gaussian of `SIGMA`, at the middle of every time unit.

    The kernel is `hetbrian.gaussian_activity`'s, of unit sum over bins and cut at 4 standard deviations; bins may be
    much narrower than the samples, of which none is kept in between.

    Parameters
    ----------
    times, neurons : ndarray, shape (spike,)
        Times since the onset and neurons.
    n_neurons, n_bins : int
        N and the length of the record in time units.
    bin : float
        Width of a bin in time units.
    padding : {"mirror", "zero"}
        What lies beyond the ends.

    Returns
    -------
    ndarray, shape (time, neuron)
    """
    per_unit, reach = round(1 / bin), round(4 * SIGMA / bin)
    # the tiny part of a bin is for times that are multiples of dt up to rounding
    place, total = np.floor(times / bin + 1e-6).astype(int), n_bins * per_unit
    if padding == "mirror":
        near, far = place < reach, place >= total - reach
        place = np.concatenate([place, -1 - place[near], 2 * total - 1 - place[far]])
        neurons = np.concatenate([neurons, neurons[near], neurons[far]])
    kernel = np.exp(-((np.arange(-reach, reach + 1) * bin / SIGMA) ** 2) / 2)
    kernel /= kernel.sum()
    middle = per_unit // 2
    first = -((middle + reach - place) // per_unit)  # the first sample that sees the spike
    activity = np.zeros(n_bins * n_neurons)
    for sample in range(2 * reach // per_unit + 1):
        rows = first + sample
        lag = middle + rows * per_unit - place
        seen = (rows >= 0) & (rows < n_bins) & (lag <= reach)
        np.add.at(activity, rows[seen] * n_neurons + neurons[seen], kernel[lag[seen] + reach])
    return activity.reshape(n_bins, n_neurons)


def relative(dataset):
    """Return the Dataset with ``relative_train`` and ``relative_test``: 1 is the error of the best constant."""
    power = (dataset.y**2).mean("time")
    for name, word in PARTS.items():
        value = (dataset[f"mse_{name}"] / power).mean("target")
        dataset = dataset.assign(
            {f"relative_{name}": value.assign_attrs(long_name=f"relative error, {word}", units="1")}
        )
    return dataset


def summary_table(dataset, title):
    """Return a rich table: one row per procedure and condition, means over seeds."""
    from rich.table import Table

    table = Table(title=title, caption="mean square errors, training and test; means over seeds")
    table.add_column("procedure", no_wrap=True)
    table.add_column("condition", no_wrap=True)
    for name in (*dataset.target.values, "Hz", "synchrony", "d.o.f."):
        table.add_column(str(name), justify="right")
    for procedure in dataset.procedure.values:
        for condition in dataset.condition.values:
            data = dataset[list(SCORES)].sel(procedure=procedure, condition=condition).mean("seed")
            cells = [
                f"{float(data.mse_train.sel(target=target)):.2g}, {float(data.mse_test.sel(target=target)):.2g}"
                for target in dataset.target.values
            ]
            cells += [f"{float(data[name]):.2g}" for name in ("rate", "synchrony", "degrees_of_freedom")]
            table.add_row(str(procedure), str(condition), *cells)
    return table
