"""Figure 2: the reservoir with and without heterogeneity.

(a, b) Output and target of a training and a test trial, homogeneous and with a spread of the background current;
(c-f) mean square error against the half width of eta, that of g, the reset coefficient theta, in all neurons alike and
with a spread, and its half width. As published and corrected (`hetbrian.published.protocols.common.procedure`). Zhang &
Cui 2025, doi 10.3389/fncom.2025.1661070.
"""

from hetbrian.published.figures.fig2 import CURVES, PARAMETERS, curve
from hetbrian.published.protocols.common.reservoir import PARTS, evaluate, point, relative, summary_table
from hetbrian.published.protocols.common.statements import claim
from hetbrian.study.claims import Evidence, markdown

__all__ = ["CURVES", "SMALL", "claims", "compute", "curve", "point", "summary"]

SMALL = {
    "procedure": "both",
    "n_seeds": 2,
    "eta_half_widths": (0.02, 0.1),
    "g_half_widths": (0.2, 1.0),
    "thetas": (0.5,),
    "theta_half_widths": (0.1,),
    "n_neurons": 100,
    "settle": 50.0,
    "record": 200.0,
    "n_training": 2,
    "dt": 4e-3,
}


def compute(
    procedure="corrected",
    seed=1,
    n_seeds=20,
    eta_half_widths=(0.002, 0.02, 0.1, 0.5),
    g_half_widths=(0.02, 0.2, 0.5, 1.0),
    thetas=(0.2, 0.5, 0.9),
    theta_half_widths=(0.02, 0.1, 0.5),
    n_neurons=1000,
    settle=500.0,
    record=2000.0,
    n_training=0,
    n_test=1,
    dt=0.0,
    device="cpp_standalone",
):
    """
    Simulate every network with every seed.

    Parameters
    ----------
    procedure : {"corrected", "as_published", "both"}
        See `hetbrian.published.protocols.common.procedure`.
    seed, n_seeds : int
        First root seed and how many; the paper has 50.
    eta_half_widths, g_half_widths, thetas, theta_half_widths : tuple of float
        Levels of each curve, besides 0.
    n_neurons, settle, record, n_training, n_test, dt, device
        See `hetbrian.published.protocols.common.reservoir.point`.

    Returns
    -------
    xarray.Dataset
        See `hetbrian.published.protocols.common.reservoir.evaluate`, with the values of
        `hetbrian.published.figures.fig2.PARAMETERS` over (condition,).
    """
    levels = {"eta_half_width": eta_half_widths, "g_half_width": g_half_widths, "theta": thetas}
    levels["theta_half_width"] = theta_half_widths
    found = [{}]
    for _, parameter, fixed in CURVES.values():
        found += [{**fixed, parameter: float(level)} for level in levels[parameter]]
    conditions = {name_of(parameters): parameters for parameters in found}
    columns = {
        name: ("condition", [parameters.get(name, 0.0) for parameters in conditions.values()])
        for name in PARAMETERS.values()
    }
    return evaluate(
        conditions,
        range(seed, seed + n_seeds),
        procedure,
        lambda dataset: dataset.assign_coords(columns),
        n_neurons=n_neurons,
        settle=settle,
        record=record,
        n_training=n_training,
        n_test=n_test,
        dt=dt,
        device=device,
    )


def name_of(parameters):
    """Return the name of a network."""
    parts = [f"{kind} {parameters[name]:g}" for kind, name in PARAMETERS.items() if parameters.get(name)]
    return " ".join(parts) or "homogeneous"


def claims(dataset):
    """
    Return R3 to R6 once per procedure, R3 to R5 for the training and for the test error.

    The thresholds were fixed before the runs. Errors are relative to that of the best constant: 1 is no fit, and a fit
    succeeds below 0.5. Ratios are taken per seed.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `compute`, with the levels that `NEEDED` names.

    Returns
    -------
    list of hetbrian.study.claims.Claim
    """
    if not set(NEEDED) <= set(dataset.condition.values.tolist()):
        return []
    found = []
    for procedure in dataset.procedure.values:
        errors = relative(dataset.sel(procedure=procedure))
        training, test = (
            {name: errors[f"relative_{part}"].sel(condition=name).values for name in NEEDED} for part in PARTS
        )
        for word, error in (("training", training), ("test", test)):
            for name, evidence in (("R3", _r3), ("R4", _r4), ("R5", _r5)):
                found.append(claim(name, tuple(evidence(error)), f"{procedure}, {word}"))
        found.append(claim("R6", tuple(_r6(training, test)), str(procedure)))
    return sorted(found, key=lambda item: item.name)


NEEDED = (
    "homogeneous",
    *("eta 0.02", "eta 0.1", "g 0.2", "g 1"),
    *("theta 0.5", "theta 0.5 +- 0.1"),
)
"""The networks that decide."""


def _r3(error):
    yield Evidence("relative error, homogeneous", tuple(error["homogeneous"]), ">", 0.5)
    yield Evidence("relative error, D_eta = 0.02", tuple(error["eta 0.02"]), "<", 0.5)


def _r4(error):
    for condition in ("eta 0.02", "g 0.2", "theta 0.5 +- 0.1"):
        yield Evidence(f"relative error, {condition}", tuple(error[condition]), "<", 0.5)
    yield Evidence("relative error, theta 0.5 in all neurons", tuple(error["theta 0.5"]), "<", 0.5, control=True)
    for more, less, threshold in (("eta 0.1", "eta 0.02", 0.8), ("g 1", "g 0.2", 1.0)):
        yield Evidence(f"error, {more} over {less}", tuple(error[more] / error[less]), ">", threshold)


def _r5(error):
    ratio = tuple(error["theta 0.5 +- 0.1"] / error["theta 0.5"])
    yield Evidence("error, D_theta = 0.1 over 0 at theta = 0.5", ratio, ">", 0.9)
    yield Evidence("error, D_theta = 0.1 over 0 at theta = 0.5", ratio, "<", 1.1)
    ratio = tuple(error["theta 0.5"] / error["homogeneous"])
    yield Evidence("error, theta = 0.5 in all neurons over homogeneous", ratio, "<", 0.9)


def _r6(training, test):
    for condition in ("eta 0.02", "g 0.2"):
        gains = [1 - error[condition] / error["homogeneous"] for error in (training, test)]
        difference = tuple(gains[0] - gains[1])
        yield Evidence(f"gain of the training error minus that of the test error, {condition}", difference, ">", 0.0)


def summary(dataset):
    """Return the tables that the command line prints."""
    from rich.console import Group

    return Group(summary_table(dataset, "Figure 2"), markdown(claims(dataset), verdicts="small" not in dataset.attrs))
