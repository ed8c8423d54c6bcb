"""Which quirk of the authors' reservoir script decides which claim: from as published to corrected, one at a time.

Single repairs: all as published but one quirk. Path: one repair after the other, up to ours. Claims R2 to R5 by their
training errors, which is where the published procedure shows them. Ours; Zhang & Cui 2025, doi
10.3389/fncom.2025.1661070, figures 1 and 2. Quirks are those of `hetbrian.published.protocols.common.procedure`.
"""

import numpy as np
import xarray

from hetbrian._support.errors import DivergenceError
from hetbrian.plot.style import COLOURS
from hetbrian.published.protocols.common.procedure import Procedure
from hetbrian.published.protocols.common.reservoir import TARGETS, relative, scored, simulated
from hetbrian.published.protocols.common.statements import claim
from hetbrian.study.claims import Evidence, markdown
from hetbrian.study.grid import Grid
from hetbrian.study.sweeps import sweep

__all__ = ["CONDITIONS", "ROWS", "SMALL", "claims", "compute", "deciding", "draw", "point", "summary"]

SMALL = {"n_seeds": 2, "n_neurons": 50, "settle": 25.0, "record": 100.0, "dt": 4e-3}

SPREAD = {"eta_half_width": 0.02}

CONDITIONS = {
    "homogeneous": {},
    "regime I": {"eta": 0.04, **SPREAD},
    "regime II": SPREAD,
    "regime III": {"eta": 0.25, **SPREAD},
    "g 0.2": {"g_half_width": 0.2},
    "theta 0.5": {"theta": 0.5},
    "theta 0.5 +- 0.1": {"theta": 0.5, "theta_half_width": 0.1},
}
"""Networks that decide the claims."""

READOUTS = {
    "as published": (),
    "thinning": ("thinning",),
    "penalty": ("penalty",),
    "padding": ("padding",),
    "target": ("target",),
    "thinning, penalty": ("thinning", "penalty"),
    "all": ("thinning", "penalty", "padding", "target"),
}
"""What is repaired in each readout."""

REST = ("pauses", "settling", "pulse", "mirror")
"""Quirks of the network that are one step of the path."""

NETWORKS = {
    "as published": ((), tuple(READOUTS)),
    "start": (("start",), ("as published", "all")),
    "gating": (("gating",), ("as published",)),
    "start, gating": (("start", "gating"), ("all",)),
    "corrected": (("start", "gating", *REST, "trials", "step"), ("all",)),
    **{quirk: ((quirk,), ("as published",)) for quirk in REST},
    "all but trials": (("start", "gating", *REST, "step"), ("all",)),
}
"""What is repaired in each network, and the readouts that are fitted to it."""

ROWS = {
    "as published": ("as published", "as published"),
    **{f"only {name}": ("as published", name) for name in ("thinning", "penalty", "padding", "target")},
    **{f"only {name}": (name, "as published") for name in ("start", "gating", *REST)},
    "thinning": ("as published", "thinning"),
    "+ penalty": ("as published", "thinning, penalty"),
    "+ padding, target": ("as published", "all"),
    "+ start": ("start", "all"),
    "+ gating": ("start, gating", "all"),
    "+ rest of the network": ("all but trials", "all"),
    "+ trials: corrected": ("corrected", "all"),
}
"""Network and readout of each row, single repairs and then the path. ``trials`` alone repairs nothing: from v = 0 each
trial would be the same, and the test the training."""

PANELS = {
    "R2": (r"$\log_{10}$ of the error of $y_1$, I over", {"II": "eta", "III": "combined"}),
    "R3": ("relative training error", {"homogeneous": "homogeneous", r"$\Delta_\eta$ = 0.02": "eta"}),
    "R4": (
        "relative training error",
        {r"$\Delta_\eta$ = 0.02": "eta", r"$\Delta_g$ = 0.2": "g", r"$\theta$ = 0.5 $\pm$ 0.1": "theta"},
    ),
    "R5": (
        "ratio of training errors\n(1.1: of the spread)",
        {r"$\Delta_\theta$ = 0.1 over 0": "theta", r"$\theta$ = 0.5 over 0": "combined"},
    ),
}
"""Axis of each claim, and its quantities with their colours."""

THRESHOLDS = {"R2": (0.0,), "R3": (0.5,), "R4": (0.5,), "R5": (0.9, 1.1)}


def compute(
    seed=1,
    n_seeds=20,
    n_neurons=512,
    settle=500.0,
    record=2000.0,
    dt=2e-3,
    device="cpp_standalone",
):
    """
    Simulate every network of `NETWORKS` under every condition with every seed.

    Parameters
    ----------
    seed, n_seeds : int
        First root seed and how many.
    n_neurons
        N. Neurons that start alike stay alike only where a processor rounds them alike: in a compiled loop over 500 the
        last four, which fill no vector, do not, and synchrony breaks. 512 fill them all.
    settle, record, dt, device
        See `hetbrian.published.protocols.common.reservoir.point`; the step is that of all rows, so that it is no
        difference.

    Returns
    -------
    xarray.Dataset
        Errors over (network, condition, seed, readout, target), NaN where a readout is in no row; ``y``.
    """
    networks = {name: {"repaired": repaired, "readouts": readouts} for name, (repaired, readouts) in NETWORKS.items()}
    grid = Grid(network=networks, condition=CONDITIONS, seed=range(seed, seed + n_seeds))
    parameters = {"n_neurons": n_neurons, "settle": settle, "record": record, "dt": dt, "device": device}
    return sweep(point, grid, parameters=parameters, view=_with_targets)


def point(*, seed, repaired, readouts, n_neurons, settle, record, dt, device="cpp_standalone", **parameters):
    """
    Simulate one network and fit readouts to it.

    Parameters
    ----------
    seed : int
        Root seed.
    repaired : tuple of str
        Quirks of the network that are repaired.
    readouts : tuple of str
        Keys of `READOUTS`.
    n_neurons, settle, record, dt, device, **parameters
        See `hetbrian.published.protocols.common.reservoir.point`.

    Returns
    -------
    xarray.Dataset
        Errors over (readout, target), rate, and the target's mean square.
    """
    network = Procedure.of("as_published", repaired).replace(dt=dt)
    given = {"seed": seed, "n_test": 1, "settle": settle, "record": record, "n_neurons": n_neurons, "device": device}
    trials = simulated(network, **given, **parameters)
    found = [
        scored(trials, Procedure.of("as_published", (*repaired, *READOUTS[name])).replace(dt=dt)) for name in readouts
    ]
    errors = xarray.concat(found, "readout", combine_attrs="drop_conflicts").assign_coords(readout=list(readouts))
    names = ["mse_train", "mse_test", "degrees_of_freedom"]
    return errors[names].reindex(readout=list(READOUTS)).assign(rate=found[0].rate)


def _with_targets(dataset):
    """Return the Dataset with the targets over one time unit steps, of which errors are fractions."""
    record = float(dataset.attrs["record"])
    t = (np.arange(int(record)) + 0.5) / record / 2
    y = np.column_stack([target(t) for target in TARGETS.values()])
    return dataset.assign(y=(("time", "target"), y))


def rows(dataset):
    """
    Return the errors of each row.

    A network that diverges has learned nothing: its error is that of the output 0, the target's mean square.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `compute`.

    Returns
    -------
    xarray.Dataset
        ``mse_train``, ``mse_test`` and their ``relative_train`` and ``relative_test`` over (row, condition, seed).
    """
    failed = dataset.error.str.startswith(DivergenceError.__name__)
    errors = dataset[["mse_train", "mse_test"]].where(~failed, (dataset.y**2).mean("time"))
    picked = [errors.sel(network=network, readout=readout, drop=True) for network, readout in ROWS.values()]
    return relative(xarray.concat(picked, "row").assign_coords(row=list(ROWS)).assign(y=dataset.y))


def evidence(errors):
    """
    Return what decides R2 to R5 in one row.

    Parameters
    ----------
    errors : xarray.Dataset
        One row of `rows`.

    Returns
    -------
    dict of str to tuple of Evidence
    """
    fit = {name: errors.relative_train.sel(condition=name).values for name in CONDITIONS}
    y1 = {name: errors.mse_train.sel(condition=f"regime {name}", target="y1").values for name in ("I", "II", "III")}
    spread = tuple(fit["theta 0.5 +- 0.1"] / fit["theta 0.5"])
    return {
        "R2": tuple(
            Evidence(f"log10 of the error of y1, I over {name}", tuple(np.log10(y1["I"] / y1[name])), ">", 0.0)
            for name in ("II", "III")
        ),
        "R3": (
            Evidence("relative error, homogeneous", tuple(fit["homogeneous"]), ">", 0.5),
            Evidence("relative error, D_eta = 0.02", tuple(fit["regime II"]), "<", 0.5),
        ),
        "R4": tuple(
            Evidence(f"relative error, {name}", tuple(fit[name]), "<", 0.5)
            for name in ("regime II", "g 0.2", "theta 0.5 +- 0.1")
        ),
        "R5": (
            Evidence("D_theta = 0.1 over 0 at theta = 0.5", spread, ">", 0.9),
            Evidence("D_theta = 0.1 over 0 at theta = 0.5", spread, "<", 1.1),
            Evidence("theta = 0.5 over homogeneous", tuple(fit["theta 0.5"] / fit["homogeneous"]), "<", 0.9),
        ),
    }


def claims(dataset):
    """
    Return R2 to R5, once per row.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `compute`.

    Returns
    -------
    list of hetbrian.study.claims.Claim
    """
    errors = rows(dataset)
    found = {row: evidence(errors.sel(row=row)) for row in ROWS}
    return [claim(name, found[row][name], row) for name in ("R2", "R3", "R4", "R5") for row in ROWS]


def deciding(dataset):
    """
    Return which single repairs change what a quantity says, as published.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `compute`.

    Returns
    -------
    dict of (str, str, str) to dict of str to str
        By claim, quantity and relation: the outcome of each row where it differs from that as published.
    """
    found: dict = {}
    by_row: dict = {}
    for item in claims(dataset):
        for piece in item.evidence:
            by_row.setdefault((item.name, piece.quantity, piece.relation), {})[item.setting] = piece.outcome
    for key, outcomes in by_row.items():
        found[key] = {row: outcome for row, outcome in outcomes.items() if outcome != outcomes["as published"]}
    return found


def summary(dataset):
    """Return the table that the command line prints."""
    return markdown(claims(dataset), verdicts="small" not in dataset.attrs)


def draw(dataset, axes=None):
    """
    Draw mean and 95 % interval of what decides each claim, row by row.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `compute`.
    axes : sequence of matplotlib Axes, shape (4,), optional
        One per claim.

    Returns
    -------
    ndarray of Axes, shape (4,)
    """
    from matplotlib import pyplot

    if axes is None:
        _, axes = pyplot.subplots(1, 4, figsize=(9.0, 5.2), sharey=True)
    axes = np.ravel(axes)
    errors = rows(dataset)
    places = _places()
    for axis, (name, (text, quantities)) in zip(axes, PANELS.items(), strict=True):
        for row, place in places.items():
            pieces = {piece.quantity: piece for piece in evidence(errors.sel(row=row))[name]}
            for number, (piece, colour) in enumerate(zip(pieces.values(), quantities.values(), strict=True)):
                low, high = piece.interval
                height = place + 0.18 * (number - (len(quantities) - 1) / 2)
                axis.plot([low, high], [height] * 2, color=COLOURS[colour], lw=1.6)
                axis.plot(piece.mean, height, "o", color=COLOURS[colour], ms=3.5)
        for label, colour in quantities.items():
            axis.plot([], [], "o-", color=COLOURS[colour], label=label)
        for threshold in THRESHOLDS[name]:
            axis.axvline(threshold, color="0.5", lw=0.8, ls=":")
        axis.set(title=name, xlabel=text, yticks=list(places.values()), yticklabels=list(places))
        axis.legend(loc="lower left", bbox_to_anchor=(0, 1.06), fontsize=7, borderpad=0)
        for place in places.values():
            axis.axhline(place, color="0.93", lw=0.6, zorder=0)
    axes[0].invert_yaxis()
    return axes


def _places():
    """Return the height of each row, with a gap between single repairs and the path."""
    gap = list(ROWS).index("thinning")
    return {row: number + 0.8 * (number >= gap) for number, row in enumerate(ROWS)}
