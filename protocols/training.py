"""Train the FORCE network under several conditions and seeds, and score every run the same way."""

import sys

import numpy as np
import xarray
from brian2 import second
from rich.console import Console
from rich.progress import track

import hetbrian as hb
from hetbrian.provenance import provenance
from hetbrian.score import force_scores
from models.force import force_network

SCORES = {
    "mse_first_second": ("mean square error, first second", "1"),
    "mse": ("mean square error, whole test", "1"),
    "mse_shifted": ("mean square error after the best time shift", "1"),
    "shift": ("best time shift", "s"),
    "correlation": ("correlation of output and target", "1"),
    "rate": ("firing rate in the test", "Hz"),
    "active_fraction": ("fraction of active neurons", "1"),
    "silent": ("network silent in the test", "1"),
    "diverged": ("network diverged", "1"),
}
"""What is reported of every run: long name and unit."""

DIVERGED = dict.fromkeys(("mse_first_second", "mse", "mse_shifted"), np.inf) | {
    "shift": np.nan,
    "correlation": np.nan,
    "rate": np.nan,
    "active_fraction": np.nan,
    "silent": 0.0,
    "diverged": 1.0,
}
"""Scores of a run that left the finite numbers before its test."""


def train(conditions, seeds, *, start, stop, duration, device="runtime", **parameters):
    """
    Return the scores of every condition and seed, and the traces of the first seed.

    Parameters
    ----------
    conditions : dict of str to dict
        Name of each condition and the parameters of `models.force.force_network` that define it.
    seeds : iterable of int
        Root seeds; conditions share the random numbers of a seed.
    start, stop, duration : Quantity [second]
        Learning interval and end of the test.
    device : str
        Brian2 device.
    **parameters
        Parameters of the network that all conditions share.

    Returns
    -------
    xarray.Dataset
        Scores over (condition, seed); ``z`` over (condition, time, output) and ``y`` over (time, output)
        for the first seed.
    """
    seeds = tuple(seeds)
    points = [(name, seed) for name in conditions for seed in seeds]
    scores = {key: np.full((len(conditions), len(seeds)), np.nan) for key in SCORES}
    outputs, shared = {}, None
    for name, seed in track(points, "training", console=Console(file=sys.stderr), transient=True):
        where = list(conditions).index(name), seeds.index(seed)
        try:
            run = hb.simulate(
                force_network,
                duration,
                seed=seed,
                device=device,
                start=start,
                stop=stop,
                **{**parameters, **conditions[name]},
            )
        except hb.DivergenceError:
            result = DIVERGED
        else:
            result = score(run, stop, parameters.get("n_neurons", 2000))
            if seed == seeds[0]:
                outputs[name], shared = run.z.values, run
        for key, value in result.items():
            scores[key][where] = value
    dataset = xarray.Dataset(
        {
            key: (("condition", "seed"), values, {"long_name": SCORES[key][0], "units": SCORES[key][1]})
            for key, values in scores.items()
        },
        coords={"condition": list(conditions), "seed": list(seeds)},
        attrs={"learning_start": float(start), "learning_stop": float(stop), "device": device, **provenance()},
    )
    if shared is not None:
        empty = np.full(shared.z.shape, np.nan)
        dataset["z"] = (
            ("condition", "time", "output"),
            np.stack([outputs.get(name, empty) for name in conditions]),
            shared.z.attrs,
        )
        dataset["y"] = (("time", "output"), shared.y.values, shared.y.attrs)
        dataset = dataset.assign_coords(time=shared.time)
    return dataset


def score(run, stop, n_neurons):
    """Return the scores of one simulated Dataset, as `hetbrian.score.force_scores`."""
    stop = float(stop / second)
    tested = run.spike_neuron.values[run.spike_time.values >= stop]
    counts = np.bincount(tested, minlength=n_neurons)
    return force_scores(run.time.values, run.z.values, run.y.values, counts, stop)


def summary_table(dataset, title):
    """Return a rich table: one row per condition, medians over seeds."""
    from rich.table import Table

    table = Table(title=title)
    columns = {
        "condition": None,
        "Hz": "rate",
        "mse 1 s": "mse_first_second",
        "mse": "mse",
        "mse shift": "mse_shifted",
        "corr.": "correlation",
        "silent": "silent",
        "div.": "diverged",
    }
    for name in columns:
        table.add_column(name, justify="left" if name == "condition" else "right", no_wrap=True)
    table.caption = "medians over seeds; mse: mean square error of the first second, of the test, after the best shift"
    for condition in dataset.condition.values:
        row = dataset.sel(condition=condition)
        cells = [str(condition)]
        for key in list(columns.values())[1:]:
            values = row[key].values
            if key in ("silent", "diverged"):
                cells.append(f"{values.mean():.0%}")
            else:
                cells.append(f"{np.nanmedian(values):.2g}" if np.isfinite(values).any() else "-")
        table.add_row(*cells)
    return table
