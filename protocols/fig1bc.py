"""Figure 1b, c: error of the reservoir against the mean background current, for two targets.

Panels b (y1) and c (y2) with both presets of `protocols.common.reservoir`, and the rate, the synchrony and the
degrees of freedom of the network along the same axis. Zhang & Cui 2025, doi 10.3389/fncom.2025.1661070.
"""

import numpy as np

from hetbrian.analysis.meanfield import MeanField
from protocols.common.reservoir import evaluate, point, summary_table

__all__ = ["SMALL", "compute", "point", "summary"]

SMALL = {
    "n_seeds": 2,
    "etas": (0.0, 0.04, 0.12, 0.25),
    "n_neurons": 200,
    "settle": 100.0,
    "record": 300.0,
    "n_training": 3,
    "dt": 4e-3,
}


def compute(
    seed=1,
    n_seeds=50,
    etas=(0.0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.15, 0.18, 0.21, 0.25, 0.3),
    eta_half_width=0.02,
    n_neurons=1000,
    settle=500.0,
    record=1000.0,
    n_training=5,
    n_test=1,
    dt=1e-3,
    device="cpp_standalone",
):
    """
    Simulate every mean background current with every seed.

    Parameters
    ----------
    seed, n_seeds : int
        First root seed and how many.
    etas : tuple of float
        Mean background currents, dimensionless.
    eta_half_width : float
        Their half width at half maximum.
    n_neurons, settle, record, n_training, n_test, dt, device
        See `protocols.common.reservoir.point`.

    Returns
    -------
    xarray.Dataset
        See `protocols.common.reservoir.evaluate`, with ``strength`` (eta) over (condition,) and ``hopf`` over
        (hopf_point,), the Hopf points of the mean field between the regimes.
    """
    conditions = {f"eta = {eta:g}": {"eta": float(eta), "eta_half_width": eta_half_width} for eta in etas}
    hopf = MeanField.CA3.replace(eta_half_width=eta_half_width).hopf_points(min(etas), max(etas))
    return evaluate(
        conditions,
        range(seed, seed + n_seeds),
        lambda dataset: dataset.assign(
            strength=("condition", [float(eta) for eta in etas]), hopf=("hopf_point", np.sort(hopf.eta.values))
        ),
        n_neurons=n_neurons,
        settle=settle,
        record=record,
        n_training=n_training,
        n_test=n_test,
        dt=dt,
        device=device,
    )


def summary(dataset):
    """Return the table that the command line prints."""
    return summary_table(dataset, "Figure 1b, c")
