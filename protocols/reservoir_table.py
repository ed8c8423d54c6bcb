"""Claims R1-R6 of Zhang & Cui 2025: the conditions that decide them, both presets, and the verdicts.

The thresholds were fixed before the runs. Errors are relative to that of the best constant, which is the target's
variance: 1 is no fit, and a fit succeeds below 0.5. Ratios are taken per seed.
"""

import numpy as np

from hetbrian.analysis.meanfield import MeanField
from hetbrian.study.claims import Evidence, markdown
from protocols.common.reservoir import evaluate, point, summary_table
from protocols.common.statements import claim

__all__ = ["CONDITIONS", "SMALL", "claims", "compute", "point", "summary"]

SMALL = {
    "n_seeds": 2,
    "n_neurons": 100,
    "settle": 100.0,
    "record": 200.0,
    "n_training": 3,
    "dt": 4e-3,
}

SPREAD = {"eta_half_width": 0.02}

CONDITIONS = {
    "homogeneous": {},
    "eta 0.02": SPREAD,
    "g 0.2": {"g_half_width": 0.2},
    "theta 0.5": {"theta": 0.5},
    "theta 0.4, retain": {"theta": 0.4, "reset": "retain"},
    "regime I": {"eta": 0.04, **SPREAD},
    "regime III": {"eta": 0.25, **SPREAD},
    "eta 0.1": {"eta_half_width": 0.1},
    "g 1": {"g_half_width": 1.0},
    "theta 0.9": {"theta": 0.9},
    "theta 0.5, spread 0.1": {"theta": 0.5, "theta_half_width": 0.1},
    "theta 0.4, retain, spread 0.1": {"theta": 0.4, "theta_half_width": 0.1, "reset": "retain"},
}
"""Regime II is ``eta 0.02``. Resets are ``residual``, the paper's, unless named."""


def compute(
    seed=1,
    n_seeds=50,
    n_neurons=1000,
    settle=500.0,
    record=1000.0,
    n_training=5,
    n_test=1,
    jitter=0.0,
    dt=2e-3,
    device="cpp_standalone",
):
    """
    Simulate every condition with every seed.

    Parameters
    ----------
    seed, n_seeds : int
        First root seed and how many.
    n_neurons, settle, record, n_training, n_test, jitter, dt, device
        See `protocols.common.reservoir.point`.

    Returns
    -------
    xarray.Dataset
        See `protocols.common.reservoir.evaluate`, without the traces.
    """
    dataset = evaluate(
        CONDITIONS,
        range(seed, seed + n_seeds),
        n_neurons=n_neurons,
        settle=settle,
        record=record,
        n_training=n_training,
        n_test=n_test,
        jitter=jitter,
        dt=dt,
        device=device,
    )
    power = (dataset.y**2).mean("time")
    for name in ("train", "test"):
        relative = (dataset[f"mse_{name}"] / power).mean("target")
        dataset[f"relative_{name}"] = relative.assign_attrs(long_name=f"relative error, {name}", units="1")
    return dataset.drop_dims("time")


def claims(dataset):
    """
    Return R1 to R6, each of R2 to R6 once per preset.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `compute`.

    Returns
    -------
    list of hetbrian.study.claims.Claim
    """
    hopf = np.sort(MeanField.CA3.replace(eta_half_width=0.02).hopf_points(0.0, 0.3).eta.values)
    found = [
        claim(
            "R1",
            (Evidence("Hopf points along eta at D_eta = 0.02", (float(len(hopf)),), ">", 1.5, "exact"),),
            "mean field",
        )
    ]
    for name in ("R2", "R3", "R4", "R5", "R6"):
        for preset in dataset.preset.values:
            evidence = globals()[f"_{name.lower()}"](_Errors(dataset.sel(preset=preset)))
            found.append(claim(name, tuple(evidence), str(preset)))
    return found


class _Errors:
    """Errors of one preset by condition: relative to a constant, or per target."""

    def __init__(self, dataset):
        self.dataset = dataset

    def __call__(self, condition, part, target=None):
        data = self.dataset.sel(condition=condition)
        if target is None:
            return data[f"relative_{part}"].values
        return data[f"mse_{part}"].sel(target=target).values


PARTS = {"train": "training", "test": "test"}


def _r2(error):
    for part, word in PARTS.items():
        for target in ("y1", "y2"):
            active = (error("eta 0.02", part, target) + error("regime III", part, target)) / 2
            ratio = error("regime I", part, target) / active
            yield Evidence(f"{word} error of {target}, regime I over mean of II and III", tuple(ratio), ">", 1.0)


def _r3(error):
    for part, word in PARTS.items():
        yield Evidence(f"relative {word} error, homogeneous", tuple(error("homogeneous", part)), ">", 0.5)
        yield Evidence(f"relative {word} error, D_eta = 0.02", tuple(error("eta 0.02", part)), "<", 0.5)


def _r4(error):
    for part, word in PARTS.items():
        for condition in ("eta 0.02", "g 0.2", "theta 0.5", "theta 0.4, retain"):
            yield Evidence(f"relative {word} error, {condition}", tuple(error(condition, part)), "<", 0.5)
    for more, less, relation, threshold in (
        ("eta 0.1", "eta 0.02", ">", 0.8),
        ("g 1", "g 0.2", ">", 1.0),
        ("theta 0.9", "theta 0.5", ">", 1.0),
    ):
        ratio = error(more, "test") / error(less, "test")
        yield Evidence(f"test error, {more} over {less}", tuple(ratio), relation, threshold)


def _r5(error):
    for rule, mean in (("residual", "theta 0.5"), ("retain", "theta 0.4, retain")):
        for part, word in PARTS.items():
            ratio = tuple(error(f"{mean}, spread 0.1", part) / error(mean, part))
            yield Evidence(f"{word} error, D_theta = 0.1 over 0, {rule}", ratio, ">", 0.9)
            yield Evidence(f"{word} error, D_theta = 0.1 over 0, {rule}", ratio, "<", 1.1)
            ratio = tuple(error(mean, part) / error("homogeneous", part))
            yield Evidence(f"{word} error, {mean} over homogeneous", ratio, "<", 0.9)


def _r6(error):
    for condition in ("eta 0.02", "g 0.2"):
        gains = {part: 1 - error(condition, part) / error("homogeneous", part) for part in PARTS}
        difference = tuple(gains["train"] - gains["test"])
        yield Evidence(f"gain of the training error minus that of the test error, {condition}", difference, ">", 0.0)


def summary(dataset):
    """Return the tables that the command line prints."""
    from rich.console import Group

    return Group(summary_table(dataset, "Reservoir"), markdown(claims(dataset), verdicts="small" not in dataset.attrs))
