"""Figure 1: bifurcation diagram of the mean field and the regime maps around it."""

import numpy as np

from figures import REGIMES

DYNAMICS = {
    "stable fixed point": "#2ca02c",
    "unstable fixed point": "#1f4e9e",
    "stable limit cycle": "#d62728",
    "unstable limit cycle": "#d4a017",
}
"""The paper's colours: green, blue, red, mustard."""

NETWORKS = {
    "own": {"ls": "", "marker": "s", "ms": 4, "mfc": "white", "mec": "black"},
    "shared": {"ls": "", "marker": "x", "ms": 4, "mec": "black"},
}
"""Markers of networks, by their adaptation."""

MEANINGS = {"I": "quiescent", "II": "oscillatory", "III": "persistently active"}

SECOND = {
    "half_width": r"half width $\Delta_\eta$ (dimensionless)",
    "coupling": r"mean coupling $\bar g$ (dimensionless)",
}

ETA = r"mean background current $\bar\eta$ (dimensionless)"


def draw(dataset, axes=None):
    """
    Draw what the Dataset holds: the bifurcation diagram, the regime maps, or all three.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `protocols.fig1.compute`. Where it has ``network_eta``, networks are drawn on top of the diagram.
    axes : sequence of matplotlib Axes, optional
        One per panel: the diagram, then the maps.

    Returns
    -------
    ndarray of Axes, shape (n_panels,)
    """
    if "mse_test" in dataset:
        from figures.fig1bc import draw as draw_errors

        return draw_errors(dataset, axes)
    maps = [name for name in SECOND if "map_name" in dataset and (dataset.map_name == name).any()]
    has_diagram = "equilibrium_eta" in dataset
    axes = _axes(has_diagram, len(maps)) if axes is None else np.atleast_1d(axes).ravel()
    if has_diagram:
        _diagram(dataset, axes[0])
        axes[0].set_title("a")
    for axis, name in zip(axes[int(has_diagram) :], maps, strict=True):
        _map(dataset, name, axis)
    if maps:
        _legend(axes[int(has_diagram)], "upper center", ncols=2, columnspacing=1.0, handlelength=1.8, fontsize=7)
    return axes


def _axes(has_diagram, n_maps):
    from matplotlib import pyplot

    if not n_maps:
        return np.array([pyplot.subplots(figsize=(7.0, 3.6))[1]])
    if not has_diagram:
        return np.atleast_1d(pyplot.subplots(1, n_maps, figsize=(3.5 * n_maps, 3.2))[1])
    figure = pyplot.figure(figsize=(7.0, 6.4))
    grid = figure.add_gridspec(2, n_maps, height_ratios=(1.15, 1))
    return np.array([figure.add_subplot(grid[0, :]), *(figure.add_subplot(grid[1, i]) for i in range(n_maps))])


def _diagram(dataset, axis):
    eta, rate = dataset.equilibrium_eta.values, dataset.equilibrium_rate.values
    kind, limits = dataset.equilibrium_kind.values, (dataset.attrs["lower"], dataset.attrs["upper"])
    hopf = np.sort(eta[kind == "hopf"])
    if hopf.size >= 2:
        edges = [limits[0], hopf[0], hopf[-1], limits[1]]
        for regime, left, right in zip(REGIMES, edges, edges[1:], strict=False):
            axis.axvspan(left, right, color=REGIMES[regime], lw=0)
            axis.annotate(
                f"{regime}\n{MEANINGS[regime]}",
                ((left + right) / 2, 1),
                (0, -4),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                ha="center",
                va="top",
                color="0.35",
            )
    _segments(axis, eta, rate, dataset.equilibrium_stable.values, "fixed point")
    if "cycle_eta" in dataset:
        for family in np.unique(dataset.cycle_family):
            cycles = dataset.isel(cycle=dataset.cycle_family.values == family)
            for side in ("min", "max"):
                values = cycles[f"cycle_rate_{side}"].values
                _segments(axis, cycles.cycle_eta.values, values, cycles.cycle_stable.values, "limit cycle")
    axis.plot(eta[kind == "hopf"], rate[kind == "hopf"], "o", color="black", ms=4, zorder=4, label="Hopf point")
    for adaptation, marker in NETWORKS.items():
        if "network_eta" in dataset:
            points = dataset.isel(network=dataset.network_adaptation.values == adaptation)
            for side in ("min", "max"):
                name = f"network, {adaptation} adaptation"
                axis.plot(points.network_eta, points[f"network_rate_{side}"], zorder=5, label=name, **marker)
    top = rate[eta <= limits[1]].max()
    if "cycle_eta" in dataset:
        top = max(top, float(dataset.cycle_rate_max.max()))
    axis.set(xlabel=ETA, ylabel="population rate (Hz)", xlim=limits, ylim=(0, 1.22 * top))
    _legend(axis, "center left", bbox_to_anchor=(1.01, 0.5))


def _legend(axis, place, **layout):
    """Name each kind of line once, stable before unstable."""
    handles = {text: handle for handle, text in zip(*axis.get_legend_handles_labels(), strict=True)}
    names = [*(name for name in DYNAMICS if name in handles), *(name for name in handles if name not in DYNAMICS)]
    axis.legend([handles[name] for name in names], names, loc=place, **layout)


def _segments(axis, x, y, stable, what):
    """Draw a curve in one colour per stability; stable pieces reach to the special points that end them."""
    for piece in np.split(np.arange(len(x)), np.flatnonzero(np.diff(stable.astype(int))) + 1):
        name = f"{'stable' if stable[piece[0]] else 'unstable'} {what}"
        if stable[piece[0]]:
            piece = np.arange(max(piece[0] - 1, 0), min(piece[-1] + 2, len(x)))
        axis.plot(x[piece], y[piece], color=DYNAMICS[name], label=name, solid_capstyle="round")


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
    for side, (arc, _) in zip(("left", "right"), arcs, strict=True):
        # folds of cycles begin at the generalised Hopf point on their side
        start = [i for i in generalised if np.abs(arc - eta[i]).min() < 1e-9]
        rows = np.concatenate([np.flatnonzero(curve == f"fold of cycles, {side}"), np.array(start, dtype=int)])
        rows = rows[np.argsort(second[rows])]
        colour = DYNAMICS["unstable limit cycle"]
        axis.plot(eta[rows], second[rows], color=colour, marker=".", ms=4, label="fold of cycles")
    axis.plot(eta[generalised], second[generalised], "D", color="black", ms=4, zorder=4, label="generalised Hopf point")
    base = dataset.attrs[{"half_width": "eta_half_width", "coupling": "g"}[name]]
    axis.axhline(base, color="0.6", lw=0.8, ls=":")
    left, right = (x[np.argmin(np.abs(y - base))] for x, y in arcs)
    for regime, x in zip(REGIMES, ((limits[0] + left) / 2, (left + right) / 2, (right + limits[1]) / 2), strict=True):
        axis.annotate(regime, (x, base), (0, 3), textcoords="offset points", ha="center", color="0.35")
    lowest, highest = second[hopf].min(), second[hopf].max()
    room = highest - lowest
    axis.set(xlabel=ETA, ylabel=SECOND[name], xlim=limits)
    axis.set_ylim(
        (lowest, highest + 0.45 * room) if name == "half_width" else (lowest - 0.1 * room, highest + 0.02 * room)
    )
    axis.set_title("regimes and heterogeneity" if name == "half_width" else "regimes and coupling")


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
