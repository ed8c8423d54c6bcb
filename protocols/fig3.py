"""Figure 3: FORCE in networks that fail without heterogeneity.

Error on a 5 Hz sine against the strength of one kind of heterogeneity at G = 2000 pA:
(a) half width of the background current, Q = 9000 pA; (b) half width of the coupling, Q = 9000 pA;
(c, d) reset coefficient, Q = 4500 pA and 13 500 pA, for the paper's reset rule (``residual``) and for
incomplete repolarisation (``retain``). Zhang & Cui 2025, doi 10.3389/fncom.2025.1661070.
"""

import numpy as np
from brian2 import pA, second

from hetbrian.study.claims import Evidence, markdown
from hetbrian.study.grid import Grid
from hetbrian.study.sweeps import sweep
from protocols.common.force import per_seed, trained, works
from protocols.common.statements import claim

SMALL = {
    "n_neurons": 200,
    "n_seeds": 1,
    "levels": (0.0, 0.2, 1.0),
    "start": 0.2 * second,
    "stop": 0.6 * second,
    "duration": 1.0 * second,
}

PANELS = {
    "a": {"kind": "eta", "feedback_gain": 9000 * pA, "reset": "residual"},
    "b": {"kind": "g", "feedback_gain": 9000 * pA, "reset": "residual"},
    "c": {"kind": "theta", "feedback_gain": 4500 * pA, "reset": "residual"},
    "c, retain": {"kind": "theta", "feedback_gain": 4500 * pA, "reset": "retain"},
    "d": {"kind": "theta", "feedback_gain": 13500 * pA, "reset": "residual"},
    "d, retain": {"kind": "theta", "feedback_gain": 13500 * pA, "reset": "retain"},
}
"""Every curve of the figure."""

HIGHEST = {"eta": 500 * pA, "g": 2000 * pA, "theta": 0.9}
"""Heterogeneity at level 1: half widths of eta and of G_i = G g_i, value of theta."""

CLAIMED = {
    ("F2", ""): ("a",),
    ("F3", ""): ("b",),
    ("F4", "residual"): ("c", "d"),
    ("F4", "retain"): ("c, retain", "d, retain"),
}
"""Curves that decide each claim, F4 once per reset rule."""

PARAMETER = {"eta": "eta_half_width", "g": "g_half_width", "theta": "theta"}


def point(curve, level, seed, **settings):
    """
    Return the scores of one network.

    Parameters
    ----------
    curve : str
        A key of `PANELS`.
    level : float
        Heterogeneity in units of `HIGHEST`.
    seed : int
        Root seed.
    **settings
        Of `protocols.common.force.trained`, the same for all.

    Returns
    -------
    dict
        See `protocols.common.force.trained`.
    """
    panel = PANELS[curve]
    strength = {PARAMETER[panel["kind"]]: level * HIGHEST[panel["kind"]]}
    return trained(seed, feedback_gain=panel["feedback_gain"], reset=panel["reset"], **strength, **settings)


def compute(
    seed=1,
    n_seeds=5,
    n_neurons=2000,
    levels=(0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0),
    recurrent_gain=2000 * pA,
    synapse="single_exponential",
    start=5 * second,
    stop=10 * second,
    duration=15 * second,
    device="cpp_standalone",
):
    """
    Train a network at every level of heterogeneity, for every curve and seed.

    Parameters
    ----------
    seed, n_seeds : int
        First root seed and how many.
    n_neurons : int
        Network size N.
    levels : tuple of float
        Heterogeneity in units of `HIGHEST`.
    recurrent_gain : Quantity [amp]
        G.
    synapse : {"single_exponential", "double_exponential"}
        Kind of synapse.
    start, stop, duration : Quantity [second]
        Learning interval and end of the test.
    device : str
        Brian2 device.

    Returns
    -------
    xarray.Dataset
        Scores over (curve, level, seed), ``strength`` over (curve, level) in pA or 1.
    """
    return sweep(
        point,
        Grid(curve=tuple(PANELS), seed=range(seed, seed + n_seeds), level=levels),
        view=lambda dataset: _described(dataset, recurrent_gain, n_neurons),
        parameters={
            "recurrent_gain": recurrent_gain,
            "n_neurons": n_neurons,
            "synapse": synapse,
            "start": start,
            "stop": stop,
            "duration": duration,
            "device": device,
        },
    )


def _described(dataset, recurrent_gain, n_neurons):
    """Return the Dataset with what defines each curve."""
    panels = PANELS.values()
    units = [1.0 if panel["kind"] == "theta" else pA for panel in panels]
    highest = np.array([float(HIGHEST[panel["kind"]] / unit) for panel, unit in zip(panels, units, strict=True)])
    gains = [float(panel["feedback_gain"] / pA) for panel in panels]
    dataset = dataset.assign(
        strength=(("curve", "level"), np.outer(highest, dataset.level)),
        kind=("curve", [panel["kind"] for panel in panels]),
        feedback_gain=("curve", gains, {"units": "pA"}),
        reset=("curve", [panel["reset"] for panel in panels]),
    )
    return dataset.assign_attrs(recurrent_gain_pA=float(recurrent_gain / pA), n_neurons=n_neurons)


def claims(dataset):
    """
    Return F2, F3 and F4: a network fails without heterogeneity, and works at most levels above 0.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `compute`.

    Returns
    -------
    list of hetbrian.study.claims.Claim
    """
    setting = f"N = {dataset.attrs['n_neurons']}, G = {dataset.attrs['recurrent_gain_pA']:.0f} pA"
    found = []
    for (name, rule), curves in CLAIMED.items():
        evidence = []
        for curve in curves:
            data = works(dataset.sel(curve=curve))
            where = f"Q = {float(dataset.feedback_gain.sel(curve=curve)):.0f} pA"
            alone, levels = data.where(data.level == 0).mean("level"), data.where(data.level > 0).mean("level")
            evidence += [
                Evidence(f"share that works without heterogeneity, {where}", per_seed(alone), "<", 0.5),
                Evidence(f"share of levels above 0 that work, {where}", per_seed(levels), ">", 0.5),
            ]
        found.append(claim(name, tuple(evidence), f"{setting}, {rule}" if rule else setting))
    return found


def summary(dataset):
    """Return the table that the command line prints."""
    return markdown(claims(dataset))
