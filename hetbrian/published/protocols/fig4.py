"""Figure 4: where in the plane of G and Q the FORCE network works, with each kind of heterogeneity.

(a) homogeneous, (b) background current, (c) coupling, (d) partial reset, (e) coupling and reset, (f) all three.
G is the gain of the recurrent weights, Q that of the feedback. Zhang & Cui 2025, doi 10.3389/fncom.2025.1661070,
who publish no strength of heterogeneity: ours are those of `fig4_strengths` with which most of the plane works.
"""

import numpy as np
from brian2 import ms, pA, second

from hetbrian.published.protocols.common.force import WORKS, numbers, trained, works
from hetbrian.published.protocols.common.statements import claim, per_seed
from hetbrian.published.protocols.common.traces import of_one_seed
from hetbrian.study.claims import Evidence, markdown
from hetbrian.study.grid import Grid
from hetbrian.study.store import STATUS
from hetbrian.study.sweeps import sweep

SMALL = {
    "n_neurons": 500,
    "n_seeds": 2,
    "recurrent_gains": (1000, 2000, 3000, 5000, 9000, 13000, 19000) * pA,
    "feedback_gains": (1500, 4500, 9000, 15000) * pA,
}

PANELS = {
    "a": (),
    "b": ("eta",),
    "c": ("g",),
    "d": ("theta",),
    "e": ("g", "theta"),
    "f": ("eta", "g", "theta"),
}
"""Kinds of heterogeneity of each panel."""

RECURRENT_GAINS = (1000, 2000, 3000, 5000, 7000, 9000, 11000, 13000, 15000, 17000, 19000) * pA
FEEDBACK_GAINS = (1500, 3000, 4500, 6000, 7500, 9000, 10500, 12000, 13500, 15000) * pA

SILENT_BELOW = 3000.0
"""G in pA below which the paper finds the homogeneous network silent."""


def point(
    seed,
    panel,
    recurrent_gain,
    feedback_gain,
    eta_half_width,
    g_half_width,
    relative_g_half_width,
    theta,
    **settings,
):
    """
    Return the scores of one network.

    Parameters
    ----------
    seed : int
        Root seed.
    panel : str
        A key of `PANELS`.
    recurrent_gain, feedback_gain : Quantity [amp]
        G and Q.
    eta_half_width : Quantity [amp]
        D_eta.
    g_half_width, relative_g_half_width : Quantity [amp], float
        D_g is the first plus G times the second.
    theta : float
        Reset coefficient.
    **settings
        Of `hetbrian.published.protocols.common.force.trained`, the same for all.

    Returns
    -------
    dict
        See `hetbrian.published.protocols.common.force.trained`.
    """
    strength = {
        "eta": {"eta_half_width": eta_half_width},
        "g": {"g_half_width": g_half_width + relative_g_half_width * recurrent_gain},
        "theta": {"theta": theta},
    }
    parameters = {name: value for kind in PANELS[panel] for name, value in strength[kind].items()}
    return trained(seed, recurrent_gain=recurrent_gain, feedback_gain=feedback_gain, **parameters, **settings)


def compute(
    seed=1,
    n_seeds=5,
    n_neurons=2000,
    panels=tuple(PANELS),
    recurrent_gains=RECURRENT_GAINS,
    feedback_gains=FEEDBACK_GAINS,
    eta=1000 * pA,
    eta_half_width=100 * pA,
    g_half_width=400 * pA,
    relative_g_half_width=0.0,
    theta=0.1,
    target="sine",
    reset="residual",
    synapse="single_exponential",
    start=5 * second,
    stop=10 * second,
    duration=15 * second,
    dt=0.04 * ms,
    device="cpp_standalone",
):
    """
    Train a network at every point of the grid, for every panel and seed.

    Parameters
    ----------
    seed, n_seeds : int
        First root seed and how many.
    n_neurons : int
        Network size N.
    panels : tuple of str
        Keys of `PANELS`.
    recurrent_gains, feedback_gains : Quantity [amp], shape (n,)
        G and Q.
    eta : Quantity [amp]
        Background current (BIAS), the centre of its distribution.
    eta_half_width : Quantity [amp]
        D_eta.
    g_half_width, relative_g_half_width : Quantity [amp], float
        D_g is the first plus G times the second.
    theta : float
        Reset coefficient.
    target : {"sine", "product", "lorenz", "ode_to_joy"}
        What is learned, see `hetbrian.published.protocols.common.force.TARGETS`.
    reset : {"residual", "retain"}
        Reset rule; it matters where theta is not 0.
    synapse : {"single_exponential", "double_exponential"}
        Kind of synapse.
    start, stop, duration : Quantity [second]
        Learning interval and end of the test.
    dt : Quantity [second]
        Time step of Euler's method.
    device : str
        Brian2 device.

    Returns
    -------
    xarray.Dataset
        Scores over (seed, panel, recurrent_gain, feedback_gain), gains in pA, and what
        `hetbrian.published.protocols.common.traces.of_one_seed` keeps of the first seed.
    """
    grid = Grid(
        seed=range(seed, seed + n_seeds),
        panel=tuple(panels),
        recurrent_gain=(numbers(recurrent_gains, pA), pA),
        feedback_gain=(numbers(feedback_gains, pA), pA),
    )
    return sweep(
        point,
        grid,
        view=lambda dataset: of_one_seed(dataset.assign_attrs(n_neurons=n_neurons), seed, start, stop, duration),
        parameters={
            "n_neurons": n_neurons,
            "eta": eta,
            "eta_half_width": eta_half_width,
            "g_half_width": g_half_width,
            "relative_g_half_width": relative_g_half_width,
            "theta": theta,
            "target": target,
            "reset": reset,
            "synapse": synapse,
            "start": start,
            "stop": stop,
            "duration": duration,
            "dt": dt,
            "device": device,
            "traced": seed,
        },
    )


def workable_fraction(dataset):
    """
    Return the fraction of the grid that works.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `compute`.

    Returns
    -------
    xarray.DataArray
        Over (seed, panel).
    """
    return works(dataset).mean(("recurrent_gain", "feedback_gain"))


def learns(dataset):
    """
    Return where the error is below `WORKS` of the target's variance in the last second of learning.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `compute`.

    Returns
    -------
    xarray.DataArray
        1 or 0, NaN where there is no point or it failed with an error.
    """
    variance = (dataset.mse_shifted / dataset.relative_error).where(dataset.diverged == 0).median()
    return (dataset.mse_learning < WORKS * variance).astype(float).where(dataset.status == STATUS["done"])


def claims(dataset):
    """
    Return F1, F5 and F6.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `compute`.

    Returns
    -------
    list of hetbrian.study.claims.Claim
    """
    gains = dataset.recurrent_gain
    data, low, none = works(dataset), gains < SILENT_BELOW, dataset.where(gains < SILENT_BELOW).sel(panel="a")
    lowest = gains.where(data.max("feedback_gain") > 0).min("recurrent_gain").fillna(2 * float(gains.max()))
    fraction = workable_fraction(dataset)
    setting = f"{dataset.attrs['target']}, N = {dataset.attrs['n_neurons']}, {dataset.attrs['reset']}"
    below = f"G < {SILENT_BELOW:.0f} pA"
    evidence = {
        "F1": [
            (f"share of silent networks, {below}, homogeneous", none.silent, ">", 0.5, "share"),
            (f"share of the grid that works, {below}, homogeneous", data.where(low).sel(panel="a"), "<", 0.05),
            (f"share of the grid that works, G >= {SILENT_BELOW:.0f} pA, homogeneous",
             data.where(~low).sel(panel="a"), ">", 0.5, "mean", True),
            (f"share of the grid with a small error in the last second of learning, {below}, homogeneous",
             learns(dataset).where(low).sel(panel="a"), "<", 0.05, "mean", True),
        ],
        "F5": [
            ("lowest G in pA at which some Q works, homogeneous", lowest.sel(panel="a"), ">", 1500.0),
            ("lowest G in pA at which some Q works, with D_eta", lowest.sel(panel="b"), "<", 1500.0),
        ],
        "F6": [
            (f"share of the grid that works, {'with ' + ', '.join(PANELS[name])} minus homogeneous",
             fraction.sel(panel=name) - fraction.sel(panel="a"), ">", 0.0)
            for name in ("c", "d", "e", "f")
        ] + [
            ("share of the grid that works, all three", fraction.sel(panel="f"), ">", 0.95),
            ("share of the grid with a small error in the last second of learning, all three",
             learns(dataset).sel(panel="f"), ">", 0.95, "mean", True),
        ],
    }  # fmt: skip
    return [
        claim(name, tuple(Evidence(text, per_seed(values), *bound) for text, values, *bound in rows), setting)
        for name, rows in evidence.items()
    ]


def markdown_fractions(dataset):
    """
    Return what works in each panel as Markdown: mean and range over seeds.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `compute`.

    Returns
    -------
    str
    """
    fraction, paper = workable_fraction(dataset), (np.log10(dataset.mse) > 0).where(dataset.status == 1)
    shares = {
        "works": fraction,
        "silent": dataset.silent.mean(("recurrent_gain", "feedback_gain")),
        "diverged": dataset.diverged.mean(("recurrent_gain", "feedback_gain")),
        "small in learning": learns(dataset).mean(("recurrent_gain", "feedback_gain")),
        "log(MSE) > 0": paper.mean(("recurrent_gain", "feedback_gain")),
    }
    lines = [f"| panel | heterogeneity | {' | '.join(shares)} |", "|" + "---|" * (2 + len(shares))]
    for panel in dataset.panel.values:
        cells = []
        for values in shares.values():
            of = values.sel(panel=panel)
            cells.append(f"{float(of.mean()):.0%} ({float(of.min()):.0%}-{float(of.max()):.0%})")
        lines.append(f"| {panel} | {', '.join(PANELS[panel]) or 'none'} | {' | '.join(cells)} |")
    return "\n".join(lines)


def summary(dataset):
    """Return the tables that the command line prints."""
    return f"{markdown_fractions(dataset)}\n\n{markdown(claims(dataset), verdicts='small' not in dataset.attrs)}"
