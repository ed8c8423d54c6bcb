"""Figure 3: FORCE in networks that fail without heterogeneity.

Error on a 5 Hz sine against the strength of one kind of heterogeneity at G = 2000 pA:
(a) half width of the background current, Q = 9000 pA; (b) half width of the coupling, Q = 9000 pA;
(c, d) reset coefficient, Q = 4500 pA and 13 500 pA, for the paper's reset rule (``residual``) and for
incomplete repolarisation (``retain``). Zhang & Cui 2025, doi 10.3389/fncom.2025.1661070.
"""

import xarray
from brian2 import pA, second

from protocols.training import train

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

PARAMETER = {"eta": "eta_half_width", "g": "g_half_width", "theta": "theta"}


def compute(
    seed=1,
    n_seeds=5,
    n_neurons=2000,
    levels=(0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0),
    recurrent_gain=2000 * pA,
    preset="paper",
    start=5 * second,
    stop=10 * second,
    duration=15 * second,
    device="runtime",
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
    preset : {"paper", "nicola_clopath"}
        Synapses.
    start, stop, duration : Quantity [second]
        Learning interval and end of the test.
    device : str
        Brian2 device.

    Returns
    -------
    xarray.Dataset
        Scores over (curve, level, seed), ``strength`` over (curve, level) in pA or 1.
    """
    curves = []
    for name, panel in PANELS.items():
        parameter, highest = PARAMETER[panel["kind"]], HIGHEST[panel["kind"]]
        conditions = {f"{level:g}": {parameter: level * highest} for level in levels}
        scores = train(
            conditions,
            range(seed, seed + n_seeds),
            start=start,
            stop=stop,
            duration=duration,
            device=device,
            n_neurons=n_neurons,
            recurrent_gain=recurrent_gain,
            feedback_gain=panel["feedback_gain"],
            reset=panel["reset"],
            preset=preset,
        )
        attributes = scores.attrs
        unit = pA if panel["kind"] != "theta" else 1.0
        scores = scores.drop_dims("time", errors="ignore").rename(condition="level")
        scores = scores.assign_coords(level=list(levels))
        scores["strength"] = ("level", [float(level * highest / unit) for level in levels])
        curves.append(scores.expand_dims(curve=[name]))
    dataset = xarray.concat(curves, "curve", data_vars="all")
    dataset["kind"] = ("curve", [panel["kind"] for panel in PANELS.values()])
    gains = [float(panel["feedback_gain"] / pA) for panel in PANELS.values()]
    dataset["feedback_gain"] = ("curve", gains, {"units": "pA"})
    dataset["reset"] = ("curve", [panel["reset"] for panel in PANELS.values()])
    dataset.attrs = {**attributes, "recurrent_gain_pA": float(recurrent_gain / pA), "n_neurons": n_neurons}
    return dataset
