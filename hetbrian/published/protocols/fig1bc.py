"""Figure 1b, c: error of the reservoir against the mean background current, for two targets.

Panels b (y1) and c (y2), as published and corrected (`hetbrian.published.protocols.common.procedure`), with the rate,
the synchrony and the degrees of freedom of the network along the same axis. Zhang & Cui 2025, doi
10.3389/fncom.2025.1661070.
"""

import numpy as np

from hetbrian.analysis.meanfield import MeanField
from hetbrian.published.protocols.common.reservoir import PARTS, evaluate, point, summary_table
from hetbrian.published.protocols.common.statements import claim
from hetbrian.study.claims import Evidence, markdown

__all__ = ["SMALL", "claims", "compute", "point", "summary"]

SMALL = {
    "procedure": "both",
    "n_seeds": 2,
    "etas": (0.04, 0.12, 0.25),
    "n_neurons": 100,
    "settle": 50.0,
    "record": 200.0,
    "n_training": 2,
    "dt": 4e-3,
}

REGIMES = {"I": 0.04, "II": 0.12, "III": 0.25}
"""The background current of each regime at which the claim is decided."""


def compute(
    procedure="corrected",
    seed=1,
    n_seeds=20,
    etas=(0.0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.15, 0.18, 0.21, 0.25, 0.3),
    eta_half_width=0.02,
    n_neurons=1000,
    settle=500.0,
    record=2000.0,
    n_training=0,
    n_test=1,
    dt=0.0,
    device="cpp_standalone",
):
    """
    Simulate every mean background current with every seed.

    Parameters
    ----------
    procedure : {"corrected", "as_published", "both"}
        See `hetbrian.published.protocols.common.procedure`.
    seed, n_seeds : int
        First root seed and how many; the paper has 50.
    etas : tuple of float
        Mean background currents, dimensionless.
    eta_half_width : float
        Their half width at half maximum.
    n_neurons, settle, record, n_training, n_test, dt, device
        See `hetbrian.published.protocols.common.reservoir.point`.

    Returns
    -------
    xarray.Dataset
        See `hetbrian.published.protocols.common.reservoir.evaluate`, with ``strength`` (eta) over (condition,) and
        ``hopf`` over (hopf_point,), the Hopf points of the mean field between the regimes.
    """
    conditions = {f"eta = {eta:g}": {"eta": float(eta), "eta_half_width": eta_half_width} for eta in etas}
    hopf = MeanField.CA3.replace(eta_half_width=eta_half_width).hopf_points(min(etas), max(etas))
    return evaluate(
        conditions,
        range(seed, seed + n_seeds),
        procedure,
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


def claims(dataset):
    """
    Return R1, and R2 once per procedure for the training and for the test error.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `compute`; R2 needs the currents of `REGIMES`.

    Returns
    -------
    list of hetbrian.study.claims.Claim
    """
    hopf = Evidence("Hopf points along eta at D_eta = 0.02", (float(dataset.sizes["hopf_point"]),), ">", 1.5, "exact")
    found = [claim("R1", (hopf,), "mean field")]
    decided = {f"eta = {eta:g}" for eta in REGIMES.values()} <= set(dataset.condition.values.tolist())
    for procedure in dataset.procedure.values if decided else ():
        data = dataset.sel(procedure=procedure)
        for part, word in PARTS.items():
            evidence = [item for target in data.target.values for item in order(data, part, target)]
            found.append(claim("R2", tuple(evidence), f"{procedure}, {word}"))
    return found


def order(data, part, target):
    """Yield what R2 says of one error: that of regime I over those of II and III."""
    errors = data[f"mse_{part}"].sel(target=target)
    quiet, *active = (errors.sel(condition=f"eta = {eta:g}").values for eta in REGIMES.values())
    for name, error in zip(("II", "III"), active, strict=True):
        ratio = tuple(np.log10(quiet / error))
        yield Evidence(f"log10 of the error of {target}, I over {name}", ratio, ">", 0.0)


def summary(dataset):
    """Return the tables that the command line prints."""
    from rich.console import Group

    return Group(
        summary_table(dataset, "Figure 1b, c"), markdown(claims(dataset), verdicts="small" not in dataset.attrs)
    )
