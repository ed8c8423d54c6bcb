"""FORCE at the published settings: which kind of heterogeneity lets a failing network learn.

Nicola & Clopath's 5 Hz sine (G = Q = 5000 pA, double exponential), the
paper's network at G = 10 000 pA, and the paper's network where the homogeneous one fails (G = 1000 and
2000 pA, Q = 4500 and 9000 pA) with each kind of heterogeneity.
"""

import numpy as np
from brian2 import pA, second

from hetbrian.published.protocols.common.force import point, train

__all__ = ["SMALL", "compute", "conditions", "markdown", "point", "summary"]

SMALL = {"seeds": (1,), "n_neurons": 200, "start": 0.1 * second, "stop": 0.3 * second, "duration": 0.5 * second}


def conditions():
    """
    Return the rows of the table.

    Returns
    -------
    dict of str to dict
        Name and parameters of `hetbrian.published.force_network`.
    """
    rows = {
        "Nicola & Clopath, G = Q = 5000": {
            "synapse": "double_exponential",
            "recurrent_gain": 5000 * pA,
            "feedback_gain": 5000 * pA,
        },
        "G = 10000, Q = 4500, homogeneous": {"recurrent_gain": 10000 * pA, "feedback_gain": 4500 * pA},
    }
    kinds = {
        "homogeneous": {},
        "eta": {"eta_half_width": 100 * pA},
        "g": {"g_half_width": 0.5},
        "theta, residual": {"theta": 0.5, "reset": "residual"},
        "theta, retain": {"theta": 0.5, "reset": "retain"},
    }
    for recurrent_gain in (1000 * pA, 2000 * pA):
        for feedback_gain in (4500 * pA, 9000 * pA):
            for kind, parameters in kinds.items():
                chosen = {"recurrent_gain": recurrent_gain, "feedback_gain": feedback_gain, **parameters}
                if kind == "g":
                    chosen["g_half_width"] = parameters["g_half_width"] * recurrent_gain
                name = f"G = {recurrent_gain / pA:.0f}, Q = {feedback_gain / pA:.0f}, {kind}"
                rows[name] = chosen
    return rows


def compute(
    seeds=(1, 2, 3, 4, 5),
    n_neurons=2000,
    start=5 * second,
    stop=10 * second,
    duration=15 * second,
    device="cpp_standalone",
):
    """
    Train every row with every seed.

    Parameters
    ----------
    seeds : tuple of int
        Root seeds.
    n_neurons : int
        Network size N.
    start, stop, duration : Quantity [second]
        Learning interval and end of the test.
    device : str
        Brian2 device.

    Returns
    -------
    xarray.Dataset
        See `hetbrian.published.protocols.common.force.train`, without the traces.
    """
    dataset = train(conditions(), seeds, start=start, stop=stop, duration=duration, device=device, n_neurons=n_neurons)
    return dataset.drop_dims("time", errors="ignore")


def markdown(dataset):
    """
    Return the table as Markdown: medians and quartiles over seeds.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `compute`.

    Returns
    -------
    str
    """
    columns = {"rate": "rate (Hz)", "mse_first_second": "mse, first second", "mse": "mse, whole test"}
    columns |= {"mse_shifted": "mse, best shift"}
    head = ["G, Q (pA), heterogeneity", *columns.values(), "silent", "diverged"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for condition in dataset.condition.values:
        row = dataset.sel(condition=condition)
        cells = [str(condition)]
        for key in columns:
            values = row[key].values
            low, median, high = np.quantile(values[~np.isnan(values)], (0.25, 0.5, 0.75), method="nearest")
            cells.append(f"{median:.3g} ({low:.3g}-{high:.3g})")
        cells += [f"{row[key].values.mean():.0%}" for key in ("silent", "diverged")]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def summary(dataset):
    """Return the table that the command line prints."""
    return markdown(dataset)
