"""Train the FORCE network under several conditions and seeds, and score every run the same way."""

from functools import partial

import numpy as np
import xarray
from brian2 import Hz, ms, pA, second

import hetbrian as hb
from hetbrian.analysis import force_scores, mse
from hetbrian.published.models.force import force_network, force_values
from hetbrian.published.protocols.common.traces import RECORD, traces
from hetbrian.simulation.reuse import reused
from hetbrian.study.grid import Grid
from hetbrian.study.store import STATUS
from hetbrian.study.sweeps import sweep

SCORES = {
    "mse_first_second": ("mean square error, first second", "1"),
    "mse": ("mean square error, whole test", "1"),
    "mse_shifted": ("mean square error after the best time shift", "1"),
    "mse_learning": ("mean square error, last second of learning", "1"),
    "relative_error": ("mean square error after the best time shift over the target's variance", "1"),
    "shift": ("best time shift", "s"),
    "correlation": ("correlation of output and target", "1"),
    "rate": ("firing rate in the test", "Hz"),
    "active_fraction": ("fraction of active neurons", "1"),
    "lifetime": ("end of the last millisecond with a spike", "s"),
    "silent": ("network silent in the test", "1"),
    "diverged": ("network diverged", "1"),
}
"""What is reported of every run: long name and unit."""

DIVERGED = dict.fromkeys(("mse_first_second", "mse", "mse_shifted", "mse_learning", "relative_error"), np.inf) | {
    "shift": np.nan,
    "correlation": np.nan,
    "rate": np.nan,
    "active_fraction": np.nan,
    "lifetime": np.nan,
    "silent": 0.0,
    "diverged": 1.0,
}
"""Scores of a run that left the finite numbers before its test."""


BUILT_GAIN = 5000 * pA
"""G of the network that is built once for all points of a sweep."""

TARGETS = {
    "sine": partial(hb.sine, frequency=5 * Hz, name="target"),
    "product": partial(hb.product_of_sines, frequencies=(4, 6) * Hz, name="target"),
    "lorenz": partial(hb.lorenz, duration=30 * second, name="target"),
    "ode_to_joy": partial(hb.ode_to_joy, quarter=0.25 * second, bars=1, name="target"),
}
"""Signals to learn: 5 Hz, 4 Hz times 6 Hz, a Lorenz trajectory (3 outputs), one bar in a second (5 outputs)."""

WORKS = 0.5
"""Relative error, after the best time shift over the whole test, below which a network works: half of the target's
variance. A silent one has 1, because it is as good as a constant."""

UNLIMITED = 1e9 * Hz
"""No bound for the mean firing rate: at G = 19 000 pA Euler steps carry v back from beyond v_peak, so that the network
fires at 2000 Hz without becoming infinite, which figure 4 shows as a network that does not work."""

N_OUTPUTS = {"sine": 1, "product": 1, "lorenz": 3, "ode_to_joy": 5}


def signal(name, dt):
    """Return a signal of `TARGETS` in time steps of dt."""
    return TARGETS[name](dt=dt)


def trained(
    seed,
    *,
    n_neurons,
    start,
    stop,
    duration,
    device,
    synapse="single_exponential",
    reset="residual",
    target="sine",
    learning=True,
    dt=0.04 * ms,
    traced=None,
    **parameters,
):
    """
    Return the scores of one network, which is built once for all points of a sweep that share its seed.

    Parameters
    ----------
    seed : int
        Root seed.
    n_neurons : int
        N.
    start, stop, duration : Quantity [second]
        Learning interval and end of the test.
    device : str
        Brian2 device.
    synapse, reset : str
        See `hetbrian.published.force_network`.
    target : str
        A key of `TARGETS`.
    learning : bool
        Whether it learns; otherwise its output stays 0, and there is no feedback.
    dt : Quantity [second]
        Time step of Euler's method.
    traced : int, optional
        The seed of which traces are returned too.
    **parameters
        Gains and heterogeneity, see `hetbrian.published.force_values`.

    Returns
    -------
    dict of str to (tuple, float, dict)
        `SCORES` but ``active_fraction``, for `hetbrian.study.sweeps.sweep`; of the seed that is traced also those of
        `hetbrian.published.protocols.common.traces.traces`.

    Raises
    ------
    ValueError
        If there is no such target, or nothing is left to test.
    """
    _check_times(stop, duration)
    if target not in TARGETS:
        raise ValueError(f"target is {target!r}, expected one of {', '.join(TARGETS)}: choose one of them.")
    options = {"n_neurons": n_neurons, "start": start, "stop": stop, "synapse": synapse, "reset": reset}
    options["dt"] = dt
    # not all spikes: a diverging network of 2000 fires some 1e8 of them
    options |= {"record": ("z", "y", "rate") if traced is None else RECORD}
    options |= {"target": partial(signal, target), "recurrent_gain": BUILT_GAIN}
    values = force_values(
        np.random.default_rng(seed),
        n_neurons,
        N_OUTPUTS[target],
        built_gain=BUILT_GAIN,
        reset=reset,
        **parameters,
    )
    values["guard_neurons.highest_rate"] = UNLIMITED
    if not learning:
        values["force.stop"] = start
    kept = {}
    with reused(force_network, duration, seed=seed, device=device, **options) as program:
        try:
            run = program.run(values)
        except hb.DivergenceError:
            result = DIVERGED
        else:
            bin_width = float(run.time[1] - run.time[0])
            count = run.rate.values[run.time.values >= float(stop)].sum() * bin_width
            result = score(run, start, stop, [count])  # as one neuron, the mean of all
            last = run.time.values[run.rate.values > 0][-1:]
            result["lifetime"] = float(last.sum() + bin_width * last.size)
            kept = traces(run, start, stop, duration) if seed == traced else {}
    return kept | described({name: value for name, value in result.items() if name != "active_fraction"})


def train(conditions, seeds, *, workers=None, **parameters):
    """
    Return the scores of every condition and seed, and the traces of the first seed.

    Parameters
    ----------
    conditions : dict of str to dict
        Name of each condition and the parameters of `hetbrian.published.force_network` that define it.
    seeds : iterable of int
        Root seeds; conditions share the random numbers of a seed.
    workers : int, optional
        See `hetbrian.study.sweeps.sweep`.
    **parameters
        Parameters of `point` that all conditions share.

    Returns
    -------
    xarray.Dataset
        Scores over (condition, seed); ``z`` over (condition, time, output) and ``y`` over (time, output)
        for the first seed.
    """
    seeds = tuple(seeds)

    def view(dataset):
        attributes = {"learning_start": float(parameters["start"]), "learning_stop": float(parameters["stop"])}
        if "z" in dataset:
            traces = dataset[["z", "y"]].isel(seed=0, drop=True)
            # a network that diverged has none
            dataset = dataset.assign(
                z=traces.z, y=traces.y.dropna("condition", how="all").isel(condition=-1, drop=True)
            )
        return dataset.assign_attrs(attributes)

    grid = Grid(condition=conditions, seed=seeds)
    return sweep(point, grid, parameters={**parameters, "traced": seeds[0]}, workers=workers, view=view)


def point(seed, start, stop, duration, device="runtime", traced=None, **parameters):
    """
    Return the scores of one network, built for it alone.

    Parameters
    ----------
    seed : int
        Root seed.
    start, stop, duration : Quantity [second]
        Learning interval and end of the test.
    device : str
        Brian2 device.
    traced : int, optional
        The seed of which the traces are returned.
    **parameters
        Of `hetbrian.published.force_network`.

    Returns
    -------
    xarray.Dataset
        `SCORES`, and ``z`` and ``y`` over (time, output) of the seed that is traced.

    Raises
    ------
    ValueError
        If nothing is left to test.
    """
    _check_times(stop, duration)
    try:
        run = hb.simulate(force_network, duration, seed=seed, device=device, start=start, stop=stop, **parameters)
    except hb.DivergenceError:
        return xarray.Dataset(described(DIVERGED))
    tested = run.spike_neuron.values[run.spike_time.values >= float(stop)]
    result = score(run, start, stop, np.bincount(tested, minlength=parameters.get("n_neurons", 2000)))
    found = run[["z", "y"]].drop_attrs(deep=False).drop_vars("output") if seed == traced else xarray.Dataset()
    return found.assign(described(result))


def _check_times(stop, duration):
    """Refuse before the run what can only be refused after it."""
    if not stop < duration:
        raise ValueError(
            f"learning stops at {stop} and the run ends at {duration}, expected time for a test between the two: run "
            "longer, or stop earlier."
        )


def described(scores):
    """Return those of `SCORES` that there are as variables of a Dataset."""
    return {
        name: ((), scores[name], {"long_name": text, "units": unit})
        for name, (text, unit) in SCORES.items()
        if name in scores
    }


def works(dataset):
    """
    Return where a network works: its relative error is below `WORKS`, as in the reservoir.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of a sweep of `trained`.

    Returns
    -------
    xarray.DataArray
        1 or 0, NaN where there is no point or it failed with an error.
    """
    return (dataset.relative_error < WORKS).astype(float).where(dataset.status == STATUS["done"])


def numbers(values, unit):
    """Return values in a unit as a list for a `hetbrian.study.grid.Grid`, without the rounding of the division."""
    return np.round(np.atleast_1d(np.asarray(values, dtype=float)) / float(unit), 9).tolist()


def score(run, start, stop, counts):
    """Return the scores of a Dataset: those of `hetbrian.analysis.score.force_scores`, and two that are relative."""
    start, stop = float(start / second), float(stop / second)
    found = force_scores(run.time.values, run.z.values, run.y.values, counts, stop)
    time, z, y = run.time.values, run.z.values, run.y.values
    late = (time >= max(start, stop - 1)) & (time < stop)
    variance = float(y[time >= stop].var(axis=0).mean())
    return found | {"relative_error": found["mse_shifted"] / variance, "mse_learning": mse(z[late], y[late])}


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
