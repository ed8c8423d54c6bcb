"""Regimes: networks on top of the bifurcation diagram, and the plane of background current and a second parameter."""

import numpy as np
from scipy.interpolate import PchipInterpolator

from hetbrian.plot.diagram import DYNAMICS
from hetbrian.plot.style import REGIMES
from hetbrian.published.figures.fig1 import ETA, diagram, name_lines

NETWORKS = {
    "own": {"ls": "", "marker": "s", "ms": 4, "mfc": "white", "mec": "black"},
    "shared": {"ls": "", "marker": "x", "ms": 4, "mec": "black"},
}
"""Markers of networks, by their adaptation."""

SECOND = {
    "half_width": r"half width $\Delta_\eta$ (dimensionless)",
    "coupling": r"mean coupling $\bar g$ (dimensionless)",
}

BASE = {"half_width": "eta_half_width", "coupling": "g"}
"""Attribute with the value of each second parameter in the diagram."""


def draw(dataset, axes=None):
    """
    Draw networks on top of the diagram (a), and where the regimes end at other half widths (b) and couplings (c).

    Curves of folds of cycles are interpolated between those that were computed, which have dots.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `hetbrian.published.protocols.regimes.compute`.
    axes : sequence of matplotlib Axes, optional
        One per panel.

    Returns
    -------
    ndarray of Axes, shape (3,)
    """
    axes = _axes() if axes is None else np.ravel(axes)
    diagram(dataset, axes[0])
    for adaptation, marker in NETWORKS.items():
        if "network_eta" in dataset:
            points = dataset.isel(network=dataset.network_adaptation.values == adaptation)
            for side in ("min", "max"):
                name = f"network, {adaptation} adaptation"
                axes[0].plot(points.network_eta, points[f"network_rate_{side}"], zorder=5, label=name, **marker)
    name_lines(axes[0], "center left", bbox_to_anchor=(1.1, 0.5))
    for axis, name in zip(axes[1:], SECOND, strict=True):
        _map(dataset, name, axis)
    name_lines(axes[2], "center left", bbox_to_anchor=(1.02, 0.5))
    for axis, letter in zip(axes, "abc", strict=True):
        axis.set_title(letter)
    return axes


def _axes():
    from matplotlib import pyplot

    figure = pyplot.figure(figsize=(9.0, 6.8))
    grid = figure.add_gridspec(2, 2, height_ratios=(1.15, 1))
    return np.array([figure.add_subplot(grid[0, :]), figure.add_subplot(grid[1, 0]), figure.add_subplot(grid[1, 1])])


def _map(dataset, name, axis):
    data = dataset.isel(map_point=dataset.map_name.values == name)
    curve, eta, second = (data[key].values for key in ("map_curve", "map_eta", "map_second"))
    hopf, generalised = curve == "hopf", np.flatnonzero(curve == "generalised hopf")
    margin = 0.35 * np.ptp(eta[hopf])
    limits = (eta[hopf].min() - margin, eta[hopf].max() + margin)
    arcs = _arcs(eta[hopf], second[hopf])
    axis.fill(eta[hopf], second[hopf], color=REGIMES["II"], lw=0)
    for (x, y), limit, regime in zip(arcs, limits, ("I", "III"), strict=True):
        axis.fill_betweenx(y, limit, x, color=REGIMES[regime], lw=0)
    _hopf_curve(axis, eta[hopf], second[hopf], data.map_lyapunov.values[hopf])
    for side, arc in zip(("left", "right"), arcs, strict=True):
        # folds of cycles begin at the generalised Hopf point on their side
        start = [i for i in generalised if np.abs(arc[0] - eta[i]).min() < 1e-9]
        rows = np.concatenate([np.flatnonzero(curve == f"fold of cycles, {side}"), np.array(start, dtype=int)])
        _folds(axis, eta[rows], second[rows], *arc)
    axis.plot(eta[generalised], second[generalised], "D", color="black", ms=4, zorder=4, label="generalised Hopf point")
    base = dataset.attrs[BASE[name]]
    axis.axhline(base, color="0.6", lw=0.8, ls=":", label="panel a")
    left, right = (x[np.argmin(np.abs(y - base))] for x, y in arcs)
    for regime, x in zip(REGIMES, ((limits[0] + left) / 2, (left + right) / 2, (right + limits[1]) / 2), strict=True):
        axis.annotate(regime, (x, base), (0, 3), textcoords="offset points", ha="center", color="0.35")
    is_top = name == "half_width"  # the Hopf curve closes there: beyond it nothing oscillates
    ends = [[pick(y) for pick in (np.min, np.max)] for _, y in arcs]  # both arcs reach from where to where
    lowest, highest = max(low for low, _ in ends), min(high for _, high in ends)
    beyond = 0.12 * (highest - lowest)
    axis.set(xlabel=ETA, ylabel=SECOND[name], xlim=limits)
    axis.set_ylim(*((lowest, highest + beyond) if is_top else (lowest - beyond, highest)))
    axis.annotate(
        "no Hopf point",
        (0.02, 0.98 if is_top else 0.02),
        xycoords="axes fraction",
        va="top" if is_top else "bottom",
        color="0.35",
        fontsize=8,
    )


def _folds(axis, eta, second, hopf_eta, hopf_second):
    """
    Draw a curve of folds of cycles: its distance from the Hopf curve is interpolated.

    The distance is smooth, and 0 at the generalised Hopf point, where both curves have the same tangent.
    """
    order = np.argsort(hopf_second)
    at = np.interp(second, hopf_second[order], hopf_eta[order])
    second, rows = np.unique(second, return_index=True)
    if len(second) < 2:
        return
    fine = np.union1d(second, np.linspace(second[0], second[-1], 200))
    distance = PchipInterpolator(second, (eta - at)[rows])(fine)
    axis.plot(
        distance + np.interp(fine, hopf_second[order], hopf_eta[order]),
        fine,
        color=DYNAMICS["unstable limit cycle"]["color"],
        marker=".",
        ms=5,
        markevery=np.searchsorted(fine, second).tolist(),
        label="fold of cycles (dots: computed)",
    )


def _arcs(eta, second):
    """Split a Hopf curve at its tip into (eta, second) of the left and the right arc."""
    tip = int(np.argmax(np.abs(second - (second[0] + second[-1]) / 2)))
    arcs = [(eta[: tip + 1], second[: tip + 1]), (eta[tip:], second[tip:])]
    return sorted(arcs, key=lambda arc: arc[0].mean())


def _hopf_curve(axis, eta, second, lyapunov):
    """Draw a Hopf curve, solid where stable cycles are born (supercritical) and dashed elsewhere."""
    negative = lyapunov < 0
    for piece in np.split(np.arange(len(eta)), np.flatnonzero(np.diff(negative.astype(int))) + 1):
        line, name = ("-", "supercritical Hopf") if negative[piece[0]] else ((0, (3, 1.5)), "subcritical Hopf")
        piece = np.arange(piece[0], min(piece[-1] + 2, len(eta)))
        axis.plot(eta[piece], second[piece], color="black", ls=line, label=name)
