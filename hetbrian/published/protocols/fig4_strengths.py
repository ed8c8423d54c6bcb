"""How strong heterogeneity has to be in figure 4, of which Zhang & Cui 2025 publish no strength.

A few points of the plane of G and Q, with several half widths of the background current (D_eta) and of the coupling
(D_g), several reset coefficients (theta), and what panels e and f combine. doi 10.3389/fncom.2025.1661070.
"""

from brian2 import pA, second

from hetbrian.published.protocols.common.force import numbers, works
from hetbrian.published.protocols.common.force import trained as point
from hetbrian.study.grid import Grid
from hetbrian.study.sweeps import sweep

__all__ = ["SMALL", "compute", "point", "strengths", "summary"]

SMALL = {
    "n_neurons": 200,
    "n_seeds": 1,
    "recurrent_gains": (9000,) * pA,
    "feedback_gains": (9000,) * pA,
    "start": 0.2 * second,
    "stop": 0.6 * second,
    "duration": 1.0 * second,
}

ALONE = {"eta_half_width": (20, 50, 100, 200), "g_half_width": (200, 400, 1000, 2000), "theta": (0.1, 0.3, 0.5, 0.7)}
"""Strengths of each kind alone; half widths in pA."""

COMBINED = [
    {"eta_half_width": eta, "g_half_width": g, "theta": theta}
    for eta in (0, 100)
    for g in (400, 1000)
    for theta in (0.1, 0.3, 0.5)
]
"""Strengths of the coupling and the reset together, without and with a spread of the background current."""


def strengths():
    """Return the heterogeneity of every condition by its name, as the point of the sweep takes it."""
    each = [{}, *({name: value} for name, values in ALONE.items() for value in values), *COMBINED]
    units = {"eta_half_width": pA, "g_half_width": pA, "theta": 1}
    given = [{name: value for name, value in items.items() if value} for items in each]
    return {
        ", ".join(f"{name} {value:g}" for name, value in items.items()) or "homogeneous": {
            name: value * units[name] for name, value in items.items()
        }
        for items in given
    }


def compute(
    seed=1,
    n_seeds=2,
    n_neurons=2000,
    recurrent_gains=(1000, 3000, 7000, 13000, 17000) * pA,
    feedback_gains=(4500, 10500) * pA,
    target="sine",
    reset="residual",
    synapse="single_exponential",
    start=5 * second,
    stop=10 * second,
    duration=15 * second,
    device="cpp_standalone",
):
    """
    Train a network with every strength at a few points of the plane.

    Parameters
    ----------
    seed, n_seeds : int
        First root seed and how many.
    n_neurons : int
        Network size N.
    recurrent_gains, feedback_gains : Quantity [amp], shape (n,)
        G and Q.
    target : {"sine", "product", "lorenz", "ode_to_joy"}
        What is learned, see `hetbrian.published.protocols.common.force.TARGETS`.
    reset : {"residual", "retain"}
        Reset rule; it matters where theta is not 0.
    synapse : {"single_exponential", "double_exponential"}
        Kind of synapse.
    start, stop, duration : Quantity [second]
        Learning interval and end of the test.
    device : str
        Brian2 device.

    Returns
    -------
    xarray.Dataset
        Scores over (seed, strength, recurrent_gain, feedback_gain), gains in pA.
    """
    return sweep(
        point,
        Grid(
            seed=range(seed, seed + n_seeds),
            strength=strengths(),
            recurrent_gain=(numbers(recurrent_gains, pA), pA),
            feedback_gain=(numbers(feedback_gains, pA), pA),
        ),
        parameters={
            "n_neurons": n_neurons,
            "target": target,
            "reset": reset,
            "synapse": synapse,
            "start": start,
            "stop": stop,
            "duration": duration,
            "device": device,
        },
    )


def summary(dataset):
    """Return what works of each strength as Markdown: of the points, and of both seeds by G."""
    share = works(dataset)
    gains = [float(gain) / 1000 for gain in dataset.recurrent_gain.values]
    header = " | ".join(f"G = {gain:g} nA" for gain in gains)
    lines = [f"| heterogeneity | works | silent | diverged | {header} |", "|" + "---|" * (4 + len(gains))]
    for name in dataset.strength.values:
        of = dataset.sel(strength=name)
        shares = [share.sel(strength=name).mean(), of.silent.mean(), of.diverged.mean()]
        shares += list(share.sel(strength=name).mean(("seed", "feedback_gain")))
        lines.append(f"| {name} | " + " | ".join(f"{float(value):.0%}" for value in shares) + " |")
    return "\n".join(lines)
