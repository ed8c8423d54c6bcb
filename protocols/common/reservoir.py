"""Settle, pulse and record the reservoir under several conditions and seeds, and fit its readout in two ways.

Both presets see the same trials and are tested on the same ones, which start from other potentials than those
they were fitted to. ``paper`` fits one trial with gamma = 1e-3, as Zhang & Cui 2025 (doi 10.3389/fncom.2025.1661070)
do; ``generalising`` fits all training trials with a penalty chosen by leaving trials out.
"""

import numpy as np
import xarray
from brian2 import second

import hetbrian as hb
from hetbrian.analysis import degrees_of_freedom, dimensionality, mse, synchrony
from hetbrian.study.grid import Grid
from hetbrian.study.sweeps import sweep
from models.reservoir import TIME_UNIT, reservoir

TARGETS = {
    "y1": lambda t: np.sin(12 * np.pi * t),
    "y2": lambda t: np.sin(12 * np.pi * t) * np.sin(24 * np.pi * t),
}
"""Targets over t = 0 to 0.5 s, stretched over the record."""

PRESETS = {
    "paper": {"gamma": 1e-3, "n_training": 1, "every": 1},
    "generalising": {"gamma": tuple(10.0 ** np.arange(-4, 3)), "n_training": None, "every": 5},
}
"""Penalties, training trials (None: all) and sampling of the fit in bins: a Gaussian of 10 bins has no more than
3e-9 of its amplitude beyond the highest frequency that samples every 5 bins resolve."""

SCORES = {
    "mse_train": ("mean square error, training", "1"),
    "mse_test": ("mean square error, test", "1"),
    "gamma": ("ridge penalty", "1"),
    "rate": ("population rate", "Hz"),
    "synchrony": ("synchrony of spike counts in 10 time units", "1"),
    "dimensionality": ("participation ratio", "1"),
    "degrees_of_freedom": ("degrees of freedom at gamma = 1e-3", "1"),
}
"""What is reported: long name and unit. The last four describe the first training trial."""


def evaluate(conditions, seeds, view=None, **parameters):
    """
    Return errors and state of the network for every condition and seed.

    Parameters
    ----------
    conditions : dict of str to dict
        Name of each condition and the parameters of `models.reservoir.reservoir` that define it.
    seeds : iterable of int
        Root seeds; conditions share the random numbers of a seed.
    view : callable, optional
        ``view(dataset)`` adds to what is returned and watched.
    **parameters
        Of `point`, the same for all.

    Returns
    -------
    xarray.Dataset
        `SCORES` over (condition, seed), errors also over (preset, target) and gamma over (preset,); ``z_train``
        and ``z_test`` over (condition, preset, time, target) for the first seed, ``y`` over (time, target).
    """
    seeds = tuple(seeds)
    grid = Grid(condition=conditions, seed=seeds)

    def first_seed(dataset):
        if "y" in dataset:  # the first seed is there
            traces = dataset[["z_train", "z_test", "y"]].isel(seed=0, drop=True)
            y = traces.y.dropna("condition", how="all").isel(condition=0, drop=True)
            dataset = dataset.assign(traces.assign(y=y))
        return view(dataset) if view is not None else dataset

    return sweep(point, grid, parameters={**parameters, "traced": seeds[0]}, view=first_seed)


def point(
    *,
    seed,
    n_training=5,
    n_test=1,
    settle=500.0,
    record=1000.0,
    jitter=0.0,
    n_neurons=1000,
    sigma=10.0,
    device="cpp_standalone",
    dt=1e-3,
    traced=None,
    **parameters,
):
    """
    Simulate one network, trial after trial, and fit both presets.

    Parameters
    ----------
    seed : int
        Root seed.
    n_training, n_test : int
        Trials to fit and to test.
    settle, record : float
        Lengths T1 and T before and after the begin of the pulse, in time units; bins are one time unit.
    jitter : float
        Each trial settles longer by a random time up to this.
    n_neurons : int
        N.
    sigma : float
        Standard deviation of the smoothing in bins.
    device : str
        Brian2 device.
    dt : float
        Euler step in time units.
    traced : int, optional
        The seed of which the traces are returned, by default any.
    **parameters
        Of `models.reservoir.reservoir`.

    Returns
    -------
    xarray.Dataset
        As `evaluate`, for one condition and seed.

    Raises
    ------
    ValueError
        If there is no training or test trial or the record is shorter than a bin.
    """
    for name, value in (("n_training", n_training), ("n_test", n_test), ("record", record)):
        if value < 1:
            raise ValueError(f"{name} is {value}, expected at least 1: the readout is fitted to trials and tested.")
    n_trials, n_bins = n_training + n_test, int(record)
    onsets = settle + jitter * np.random.default_rng(seed).spawn(5)[4].random(n_trials)
    length = settle + jitter + record
    run = hb.simulate(
        reservoir,
        n_trials * length * TIME_UNIT,
        seed=seed,
        record=("spikes",),
        device=device,
        onsets=tuple(onsets),
        trial_length=length,
        n_neurons=n_neurons,
        dt=dt,
        **parameters,
    )
    time, neuron = run.spike_time.values / float(TIME_UNIT), run.spike_neuron.values
    trials = []
    for k, onset in enumerate(onsets):
        since = time - (k * length + onset)
        # spike times are multiples of dt up to rounding
        inside = (since > -dt / 2) & (since < n_bins - dt / 2)
        trials.append((np.maximum(since[inside], 0), neuron[inside]))
    activity = [hb.gaussian_activity(*spikes, n_neurons, n_bins, bin=1.0, sigma=sigma) for spikes in trials]
    t = (np.arange(n_bins) + 0.5) / n_bins / 2
    y = np.column_stack([target(t) for target in TARGETS.values()])
    scores: dict = {name: [] for name in ("mse_train", "mse_test", "gamma", "z_train", "z_test")}
    for preset in PRESETS.values():
        readout, n_fitted = _fit(activity[:n_training], y, **preset)
        outputs = [readout.predict(trial) for trial in activity]
        errors = np.array([[mse(z[:, i], y[:, i]) for i in range(len(TARGETS))] for z in outputs])
        scores["gamma"].append(readout.chosen_gamma)
        scores["mse_train"].append(errors[:n_fitted].mean(axis=0))
        scores["mse_test"].append(errors[n_training:].mean(axis=0))
        scores["z_train"].append(outputs[0])
        scores["z_test"].append(outputs[-1])
    first_spikes, first = trials[0], activity[0]
    state = {
        "rate": len(first_spikes[0]) / n_neurons / n_bins / float(TIME_UNIT / second),
        "synchrony": synchrony(*first_spikes, n_neurons, n_bins, bin=10.0),
        "dimensionality": dimensionality(first),
        "degrees_of_freedom": degrees_of_freedom(first, PRESETS["paper"]["gamma"]),
    }
    dims = {"gamma": ("preset",), "mse_train": ("preset", "target"), "mse_test": ("preset", "target")}
    units = {name: {"long_name": text, "units": unit} for name, (text, unit) in SCORES.items()}
    trace = ("preset", "time", "target")
    found = xarray.Dataset(
        {
            **{name: (dims[name], np.array(scores[name]), units[name]) for name in dims},
            **{name: ((), value, units[name]) for name, value in state.items()},
            "z_train": (trace, np.array(scores["z_train"]), {"long_name": "output, training"}),
            "z_test": (trace, np.array(scores["z_test"]), {"long_name": "output, test"}),
            "y": (("time", "target"), y, {"long_name": "target"}),
        },
        coords={
            "preset": list(PRESETS),
            "target": list(TARGETS),
            "time": ("time", np.arange(n_bins) + 0.5, {"long_name": "time since the pulse", "units": "time units"}),
        },
    )
    return found if traced in (None, seed) else found.drop_dims("time")


def _fit(activity, y, gamma, n_training, every):
    """Return a readout fitted to the first trials, and how many those were."""
    chosen = activity[:n_training]
    features = np.concatenate([trial[every // 2 :: every] for trial in chosen])
    target = np.concatenate([y[every // 2 :: every]] * len(chosen))
    trial = np.repeat(np.arange(len(chosen)), len(target) // len(chosen))
    return hb.Ridge(gamma).fit(features, target, trial), len(chosen)


def summary_table(dataset, title):
    """Return a rich table: one row per condition, means over seeds."""
    from rich.table import Table

    table = Table(title=title, caption="mean square errors, means over seeds; train, test of each preset and target")
    table.add_column("condition", no_wrap=True)
    columns = [(preset, target) for preset in dataset.preset.values for target in dataset.target.values]
    for preset, target in columns:
        table.add_column(f"{preset}\n{target}", justify="right")
    for name in ("Hz", "synchrony", "d.o.f."):
        table.add_column(name, justify="right")
    for row in range(dataset.sizes["condition"]):
        data = dataset[list(SCORES)].isel(condition=row).mean("seed")
        cells = [str(dataset.condition.values[row])]
        for preset, target in columns:
            errors = data.sel(preset=preset, target=target)
            cells.append(f"{float(errors.mse_train):.2g}, {float(errors.mse_test):.2g}")
        cells += [f"{float(data[name]):.2g}" for name in ("rate", "synchrony", "degrees_of_freedom")]
        table.add_row(*cells)
    return table
