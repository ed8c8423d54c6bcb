"""Figure 3: FORCE in networks that fail without heterogeneity.

Error on a 5 Hz sine against the strength of one kind of heterogeneity at G = 2000 pA:
(a) half width of the background current, Q = 9000 pA; (b) half width of the coupling, Q = 9000 pA;
(c, d) reset coefficient, Q = 4500 pA and 13 500 pA, for the paper's reset rule (``residual``) and for
incomplete repolarisation (``retain``). Zhang & Cui 2025, doi 10.3389/fncom.2025.1661070.
"""

import numpy as np
from brian2 import pA, second

from hetbrian.published.protocols.common.force import numbers, trained, works
from hetbrian.published.protocols.common.statements import claim, per_seed
from hetbrian.published.protocols.common.traces import of_one_seed
from hetbrian.study.claims import Evidence, markdown
from hetbrian.study.grid import Grid
from hetbrian.study.sweeps import sweep

SMALL = {
    "n_neurons": 200,
    "n_seeds": 1,
    "eta_half_widths": (0, 100, 500) * pA,
    "g_half_widths": (0, 400, 2000) * pA,
    "thetas": (0.0, 0.5, 0.9),
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

ETA_HALF_WIDTHS = (0, 5, 10, 20, 50, 100, 200, 500) * pA
G_HALF_WIDTHS = (0, 20, 50, 100, 200, 500, 1000, 2000) * pA
THETAS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.9)

MODERATE = (0.3, 0.6)
"""Least and largest theta at which neurons keep part of their potential and still repolarise."""

CLAIMED = {
    ("F2", ""): ("a",),
    ("F3", ""): ("b",),
    ("F4", "residual"): ("c", "d"),
    ("F4", "retain"): ("c, retain", "d, retain"),
}
"""Curves that decide each claim, F4 once per reset rule."""

PARAMETER = {"eta": "eta_half_width", "g": "g_half_width", "theta": "theta"}
UNITS = {"eta": pA, "g": pA, "theta": 1.0}


def point(curve, level, seed, strengths, **settings):
    """
    Return the scores of one network.

    Parameters
    ----------
    curve : str
        A key of `PANELS`.
    level : int
        Which strength of heterogeneity.
    seed : int
        Root seed.
    strengths : dict of str to sequence
        Half widths in pA, or theta, by kind.
    **settings
        Of `hetbrian.published.protocols.common.force.trained`, the same for all.

    Returns
    -------
    dict
        See `hetbrian.published.protocols.common.force.trained`.
    """
    panel = PANELS[curve]
    kind = panel["kind"]
    strength = {PARAMETER[kind]: strengths[kind][level] * UNITS[kind]}
    return trained(seed, feedback_gain=panel["feedback_gain"], reset=panel["reset"], **strength, **settings)


def compute(
    seed=1,
    n_seeds=20,
    n_neurons=2000,
    eta_half_widths=ETA_HALF_WIDTHS,
    g_half_widths=G_HALF_WIDTHS,
    thetas=THETAS,
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
    eta_half_widths, g_half_widths : Quantity [amp], shape (n,)
        D_eta and D_g, the half width of G_i = G g_i; the first is 0, without heterogeneity.
    thetas : tuple of float, length n
        Reset coefficients of all neurons, 0 first.
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
        Scores over (curve, level, seed), ``strength`` over (curve, level) in pA or 1, and what
        `hetbrian.published.protocols.common.traces.of_one_seed` keeps of the first seed.

    Raises
    ------
    ValueError
        If the kinds have different numbers of strengths, or the first is not 0.
    """
    given = {"eta": eta_half_widths, "g": g_half_widths, "theta": thetas}
    strengths = {kind: numbers(values, UNITS[kind]) for kind, values in given.items()}
    lengths = {len(values) for values in strengths.values()}
    if len(lengths) > 1 or any(values[0] != 0 for values in strengths.values()):
        raise ValueError(
            f"eta_half_widths, g_half_widths and thetas are {', '.join(map(str, strengths.values()))}, "
            "expected as many of each, 0 first: fill them up."
        )
    return sweep(
        point,
        Grid(curve=tuple(PANELS), seed=range(seed, seed + n_seeds), level=range(lengths.pop())),
        view=lambda dataset: of_one_seed(
            _described(dataset, strengths, recurrent_gain, n_neurons), seed, start, stop, duration
        ),
        parameters={
            "strengths": strengths,
            "recurrent_gain": recurrent_gain,
            "n_neurons": n_neurons,
            "synapse": synapse,
            "start": start,
            "stop": stop,
            "duration": duration,
            "device": device,
            "traced": seed,
        },
    )


def _described(dataset, strengths, recurrent_gain, n_neurons):
    """Return the Dataset with what defines each curve."""
    panels = PANELS.values()
    gains = [float(panel["feedback_gain"] / pA) for panel in panels]
    dataset = dataset.assign(
        strength=(("curve", "level"), [strengths[panel["kind"]] for panel in panels]),
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
            data, strength = works(dataset.sel(curve=curve)), dataset.strength.sel(curve=curve)
            where = f"Q = {float(dataset.feedback_gain.sel(curve=curve)):.0f} pA"
            shares = [
                Evidence(f"share that works {text}, {where}", per_seed(data.where(chosen)), relation, 0.5, "share")
                for text, chosen, relation in (
                    ("without heterogeneity", strength == 0, "<"),
                    ("of levels above 0", strength > 0, ">"),
                )
            ]
            if rule:
                low, high = MODERATE
                chosen = data.where((strength >= low) & (strength <= high))
                text = f"share that works of theta {low:g} to {high:g}, {where}"
                if np.isfinite(chosen).any():
                    shares.append(Evidence(text, per_seed(chosen), ">", 0.5, "share", control=True))
            evidence += shares
        found.append(claim(name, tuple(evidence), f"{setting}, {rule}" if rule else setting))
    return found


def summary(dataset):
    """Return the table that the command line prints."""
    return markdown(claims(dataset), verdicts="small" not in dataset.attrs)
