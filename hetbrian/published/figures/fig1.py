"""Figure 1a: bifurcation diagram of the mean field."""

import numpy as np

from hetbrian.published.figures import REGIMES

DYNAMICS = {
    "stable fixed point": "#2ca02c",
    "unstable fixed point": "#1f4e9e",
    "stable limit cycle": "#d62728",
    "unstable limit cycle": "#d4a017",
}
"""The paper's colours: green, blue, red, mustard."""

OPEN = {"color": "0.5", "ls": ":"}
"""How cycles are drawn that integration did not confirm, so that nobody knows whether they are stable."""

MEANINGS = {"I": "quiescent", "II": "oscillatory", "III": "persistently active"}

ETA = r"mean background current $\bar\eta$ (dimensionless)"


def draw(dataset, axes=None):
    """
    Draw fixed points and the smallest and largest rate of limit cycles over the mean background current.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `hetbrian.published.protocols.fig1.compute`.
    axes : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    ndarray of Axes, shape (1,)
    """
    from matplotlib import pyplot

    (axis,) = [pyplot.subplots(figsize=(7.0, 4.4))[1]] if axes is None else np.ravel(axes)
    diagram(dataset, axis)
    axis.set_title("a")
    name_lines(axis, "upper center", bbox_to_anchor=(0.5, -0.15), ncols=3)
    return np.array([axis])


def diagram(dataset, axis):
    """
    Draw the bifurcation diagram, in Hz on the left and without units on the right.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `hetbrian.published.protocols.fig1.diagram`.
    axis : matplotlib Axes
        Where to draw.
    """
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
    top = rate[eta <= limits[1]].max()
    if "cycle_eta" in dataset:
        for family in np.unique(dataset.cycle_family):
            cycles = dataset.isel(cycle=dataset.cycle_family.values == family)
            is_open = ~cycles.cycle_verified.values & (cycles.cycle_kind.values == "regular")
            for side in ("min", "max"):
                values = cycles[f"cycle_rate_{side}"].values
                _segments(axis, cycles.cycle_eta.values, values, cycles.cycle_stable.values, "limit cycle", is_open)
        top = max(top, float(dataset.cycle_rate_max.max()))
    axis.plot(eta[kind == "hopf"], rate[kind == "hopf"], "o", color="black", ms=4, zorder=4, label="Hopf point")
    axis.set(xlabel=ETA, ylabel="population rate (Hz)", xlim=limits, ylim=(0, 1.22 * top))
    unit = dataset.attrs["time_unit"]
    right = axis.secondary_yaxis("right", functions=(lambda rate: rate * unit, lambda r: r / unit))
    right.set_ylabel("r (dimensionless)")
    right.spines["right"].set_visible(True)


def name_lines(axis, place, **layout):
    """Name each kind of line once, those of `DYNAMICS` first."""
    handles = {text: handle for handle, text in zip(*axis.get_legend_handles_labels(), strict=True)}
    names = [*(name for name in DYNAMICS if name in handles), *(name for name in handles if name not in DYNAMICS)]
    axis.legend([handles[name] for name in names], names, loc=place, **layout)


def _segments(axis, x, y, stable, what, is_open=False):
    """
    Draw a curve in one style per stability, without gaps.

    A Hopf point or a fold has no stability of its own and counts as unstable: both pieces that it divides reach to it.
    """
    style = np.where(is_open, 2, np.where(stable, 1, 0))
    for piece in np.split(np.arange(len(x)), np.flatnonzero(np.diff(style)) + 1):
        kind = style[piece[0]]
        name = f"{('unstable', 'stable')[kind]} {what}" if kind < 2 else f"{what}, stability unknown"
        if kind:
            piece = np.arange(max(piece[0] - 1, 0), min(piece[-1] + 2, len(x)))
        look = OPEN if kind == 2 else {"color": DYNAMICS[name]}
        axis.plot(x[piece], y[piece], label=name, solid_capstyle="round", **look)
