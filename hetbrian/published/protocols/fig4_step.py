"""Whether Euler's step decides the top of figure 4: large G with the step of Zhang & Cui 2025 and with half of it.

With 0.04 ms v leaves v_peak so far behind at G = 19 000 pA that the next step carries it back from beyond, and neurons
fire at every step: a blow-up of the method, not a state of the model. doi 10.3389/fncom.2025.1661070.
"""

from brian2 import ms, pA, second

from hetbrian.published.protocols.common.force import numbers, works
from hetbrian.published.protocols.fig4 import PANELS, point
from hetbrian.study.grid import Grid
from hetbrian.study.sweeps import sweep

__all__ = ["SMALL", "compute", "point", "summary"]

SMALL = {
    "n_neurons": 200,
    "n_seeds": 1,
    "recurrent_gains": (13000,) * pA,
    "feedback_gains": (9000,) * pA,
    "start": 0.2 * second,
    "stop": 0.6 * second,
    "duration": 1.0 * second,
}


def compute(
    seed=1,
    n_seeds=2,
    n_neurons=2000,
    dts=(0.04, 0.02) * ms,
    recurrent_gains=(13000, 15000, 17000, 19000) * pA,
    feedback_gains=(4500, 9000, 15000) * pA,
    eta_half_width=100 * pA,
    g_half_width=400 * pA,
    theta=0.1,
    target="sine",
    reset="residual",
    synapse="single_exponential",
    start=5 * second,
    stop=10 * second,
    duration=15 * second,
    device="cpp_standalone",
):
    """
    Train the networks of figure 4 with several time steps.

    Parameters
    ----------
    seed, n_seeds : int
        First root seed and how many.
    n_neurons : int
        Network size N.
    dts : Quantity [second], shape (n,)
        Time steps of Euler's method.
    recurrent_gains, feedback_gains, eta_half_width, g_half_width, theta
        See `hetbrian.published.protocols.fig4.compute`.
    target, reset, synapse, start, stop, duration, device
        See `hetbrian.published.protocols.fig4.compute`.

    Returns
    -------
    xarray.Dataset
        Scores over (dt, seed, panel, recurrent_gain, feedback_gain), steps in ms and gains in pA.
    """
    return sweep(
        point,
        Grid(
            dt=(numbers(dts, ms), ms),
            seed=range(seed, seed + n_seeds),
            panel=tuple(PANELS),
            recurrent_gain=(numbers(recurrent_gains, pA), pA),
            feedback_gain=(numbers(feedback_gains, pA), pA),
        ),
        parameters={
            "n_neurons": n_neurons,
            "eta_half_width": eta_half_width,
            "g_half_width": g_half_width,
            "relative_g_half_width": 0.0,
            "theta": theta,
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
    """Return as Markdown what works and the median rate, by panel and G, for every step."""
    steps = [float(dt) for dt in dataset.dt.values]
    columns = [f"{what}, {dt:g} ms" for what in ("works", "rate (Hz)") for dt in steps]
    lines = [f"| panel | G (pA) | {' | '.join(columns)} |", "|" + "---|" * (2 + len(columns))]
    share = works(dataset).mean(("seed", "feedback_gain"))
    rate = dataset.rate.median(("seed", "feedback_gain"))  # of those that stayed finite
    for panel in dataset.panel.values:
        for gain in dataset.recurrent_gain.values:
            place = {"panel": panel, "recurrent_gain": gain}
            cells = [f"{float(value):.0%}" for value in share.sel(place).transpose("dt")]
            cells += [f"{float(value):.3g}" for value in rate.sel(place).transpose("dt")]
            lines.append(f"| {panel} | {gain:g} | {' | '.join(cells)} |")
    return "\n".join(lines)
