"""Figure 2: the reservoir with and without heterogeneity.

(a, b) Output and target of a training and a test trial, homogeneous and with a spread of the background current;
(c-f) mean square error, degrees of freedom and synchrony against the half width of eta, that of g, the reset
coefficient theta and its half width. Theta once with the paper's reset rule (``residual``) and once with incomplete
repolarisation (``retain``). Both presets of `protocols.common.reservoir`. Zhang & Cui 2025,
doi 10.3389/fncom.2025.1661070.
"""

from protocols.common.reservoir import evaluate, point, summary_table

__all__ = ["CURVES", "SMALL", "compute", "point", "summary"]

SMALL = {
    "n_seeds": 2,
    "levels": 2,
    "n_neurons": 200,
    "settle": 100.0,
    "record": 300.0,
    "n_training": 3,
    "dt": 4e-3,
}

CURVES = {
    "eta": {"panel": "c", "parameter": "eta_half_width", "levels": (0.02, 0.5, 0.002, 0.1), "fixed": {}},
    "g": {"panel": "d", "parameter": "g_half_width", "levels": (0.2, 1.0, 0.02, 0.5), "fixed": {}},
    "theta": {"panel": "e", "parameter": "theta", "levels": (0.5, 0.9, 0.2, 0.7), "fixed": {}},
    "theta, retain": {
        "panel": "e",
        "parameter": "theta",
        "levels": (0.2, 0.45, 0.4, 0.3),
        "fixed": {"reset": "retain"},
    },
    "spread of theta": {
        "panel": "f",
        "parameter": "theta_half_width",
        "levels": (0.1, 0.5, 0.02, 0.2),
        "fixed": {"theta": 0.5},
    },
    "spread of theta, retain": {
        "panel": "f",
        "parameter": "theta_half_width",
        "levels": (0.02, 0.1, 0.005, 0.05),
        "fixed": {"theta": 0.4, "reset": "retain"},
    },
}
"""Every curve: its panel, the parameter that varies from 0, its levels, the most telling first, and what stays."""


def compute(
    seed=1,
    n_seeds=50,
    levels=4,
    n_neurons=1000,
    settle=500.0,
    record=1000.0,
    n_training=5,
    n_test=1,
    dt=1e-3,
    device="cpp_standalone",
):
    """
    Simulate every curve at every level with every seed.

    Parameters
    ----------
    seed, n_seeds : int
        First root seed and how many.
    levels : int
        How many of the levels of `CURVES`, besides 0.
    n_neurons, settle, record, n_training, n_test, dt, device
        See `protocols.common.reservoir.point`.

    Returns
    -------
    xarray.Dataset
        See `protocols.common.reservoir.evaluate`, with ``curve`` and ``strength`` over (condition,); a network that
        belongs to several curves is there once for each.
    """
    rows, conditions = [], {}
    for curve, setting in CURVES.items():
        for level in sorted((0.0, *setting["levels"][:levels])):
            parameters = {**setting["fixed"], setting["parameter"]: level}
            name = _name(parameters)
            conditions.setdefault(name, parameters if name != "homogeneous" else {})
            rows.append((name, curve, level))
    names, curves, strengths = zip(*rows, strict=True)
    return evaluate(
        conditions,
        range(seed, seed + n_seeds),
        lambda dataset: dataset.sel(condition=list(names)).assign(
            curve=("condition", list(curves)), strength=("condition", list(strengths))
        ),
        n_neurons=n_neurons,
        settle=settle,
        record=record,
        n_training=n_training,
        n_test=n_test,
        dt=dt,
        device=device,
    )


def _name(parameters):
    """Return the name of a network; without theta the reset rules are one network, the homogeneous one."""
    kinds = {"eta_half_width": "eta", "g_half_width": "g", "theta": "theta", "theta_half_width": "+-"}
    parts = [f"{kind} {parameters[name]:g}" for name, kind in kinds.items() if parameters.get(name)]
    if not parts:
        return "homogeneous"
    return " ".join(parts) + ", retain" * ("reset" in parameters)


def summary(dataset):
    """Return the table that the command line prints."""
    return summary_table(dataset, "Figure 2")
