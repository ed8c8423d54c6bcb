"""Figure 1a: bifurcation diagram of the mean field."""

import numpy as np

from hetbrian.plot import bifurcation_diagram
from hetbrian.plot.diagram import DYNAMICS
from hetbrian.plot.style import REGIMES

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
    limits = (dataset.attrs["lower"], dataset.attrs["upper"])
    equilibria = _part(dataset, "equilibrium").assign_attrs(parameter="eta")
    eta, kind = equilibria.eta.values, equilibria.kind.values
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
    families, top = [], float(equilibria.rate[eta <= limits[1]].max())
    if "cycle_eta" in dataset:
        cycles = _part(dataset, "cycle")
        families = [cycles.isel(point=cycles.family.values == family) for family in np.unique(cycles.family)]
        top = max(top, float(cycles.rate_max.max()))
    bifurcation_diagram(equilibria, families, axis, variable="rate")
    axis.set(xlabel=ETA, xlim=limits, ylim=(0, 1.22 * top))
    unit = dataset.attrs["time_unit"]
    right = axis.secondary_yaxis("right", functions=(lambda rate: rate * unit, lambda r: r / unit))
    right.set_ylabel("r (dimensionless)")
    right.spines["right"].set_visible(True)


def name_lines(axis, place, **layout):
    """Name each kind of line once, those of `DYNAMICS` first."""
    handles = {text: handle for handle, text in zip(*axis.get_legend_handles_labels(), strict=True)}
    names = [*(name for name in DYNAMICS if name in handles), *(name for name in handles if name not in DYNAMICS)]
    axis.legend([handles[name] for name in names], names, loc=place, **layout)


def _part(dataset, prefix):
    """Return equilibria or cycles as `bifurcation_diagram` takes them."""
    there = dataset[[name for name in dataset.data_vars if dataset[name].dims == (prefix,)]]
    return there.rename({name: name.removeprefix(f"{prefix}_") for name in there.data_vars} | {prefix: "point"})
