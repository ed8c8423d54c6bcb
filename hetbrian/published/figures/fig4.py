"""Figure 4: error over the gains of the recurrent weights and of the feedback, with each kind of heterogeneity."""

import numpy as np

from hetbrian.published.figures import COLOURS
from hetbrian.study.claims import Evidence

TITLES = {
    "a": ("homogeneous", "homogeneous"),
    "b": (r"current $\Delta_\eta$", "eta"),
    "c": (r"coupling $\Delta_g$", "g"),
    "d": (r"partial reset $\theta$", "theta"),
    "e": (r"$\Delta_g$, $\theta$", "combined"),
    "f": (r"$\Delta_\eta$, $\Delta_g$, $\theta$", "combined"),
}
"""Title and colour of each panel."""

ERRORS = {"mse": "test", "mse_learning": "last second of learning"}
"""What is drawn in the upper and in the lower panels."""

LIMITS = (-2.5, 1.0)
"""Range of the colour bar, log10 of the mean square error; what lies beyond is drawn in the last colour."""

WORKS = 0.5
"""Relative error below which a network works, see `hetbrian.published.protocols.common.force.WORKS`."""

BLOW_UP = 500.0
"""Median rate in Hz from which a cell is marked: no state of the neurons, but of Euler's step."""


def draw(dataset, axes=None):
    """
    Draw medians over seeds: log10(MSE) in colour, failed points hatched, the boundary of what works.

    White are points that were not computed. A title has the share of the grid that works, with its 95 % interval.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `hetbrian.published.protocols.fig4.compute`, also while it runs.
    axes : array of matplotlib Axes, shape (rows, columns), optional
        The panels, those of the test first, then those of learning.

    Returns
    -------
    ndarray of Axes, shape (rows, columns)
    """
    from matplotlib import colormaps, pyplot
    from matplotlib.colors import Normalize

    n_panels = dataset.sizes["panel"]
    columns = min(n_panels, 3)
    rows = n_panels // columns
    if axes is None:
        shape = (2 * rows, columns)
        size = (2.2 + 2.2 * columns, 0.7 + 2.1 * shape[0])
        _, axes = pyplot.subplots(*shape, figsize=size, sharex=True, sharey=True, layout="constrained", squeeze=False)
    gains = [dataset[name].values / 1000 for name in ("feedback_gain", "recurrent_gain")]
    edges = [_edges(values) for values in gains]
    norm, colours = Normalize(*LIMITS), colormaps["viridis_r"]
    for number, axis in enumerate(np.ravel(axes)):
        name, panel = list(ERRORS)[number // n_panels], str(dataset.panel.values[number % n_panels])
        data = dataset.sel(panel=panel)
        done = data.status == 1
        # a diverged run has an infinite error: clipped, it stays in the median
        error = np.log10(data[name].clip(1e-12, 1e12)).where(done).median("seed")
        image = axis.pcolormesh(*edges, error, norm=norm, cmap=colours, edgecolors="none", rasterized=True)
        text, kind = TITLES[panel]
        if name == "mse":
            relative = data.relative_error.clip(0, 1e12).where(done)
            _mark(axis, edges, relative.median("seed").values, data.rate.where(done).median("seed").values)
            axis.set_title(f"{panel}   {text}\n{_share(relative)}", color=COLOURS[kind])
        else:
            axis.set_title(f"{panel}'   {text}", color=COLOURS[kind])
        axis.spines[:].set_visible(True)
        axis.set_xticks([3, 6, 9, 12, 15])
        axis.set_yticks([1, 5, 9, 13, 17])
        axis.set(xlim=edges[0][[0, -1]], ylim=edges[1][[0, -1]])
    for axis in axes[-1]:
        axis.set_xlabel("feedback gain Q (nA)")
    for axis in axes[:, 0]:
        axis.set_ylabel("recurrent gain G (nA)")
    bar = axes[0, 0].figure.colorbar(image, ax=axes, extend="both", shrink=0.5)
    bar.set_label(r"$\log_{10}$ mean square error: a to f, test; a' to f', last second of learning")
    _explain(axes[0, 0].figure)
    return axes


def _edges(values):
    """Return the borders of cells around gains, which lie halfway between neighbours."""
    if len(values) == 1:
        return values[0] + np.array([-0.5, 0.5])
    middle = (values[1:] + values[:-1]) / 2
    return np.r_[2 * values[0] - middle[0], middle, 2 * values[-1] - middle[-1]]


def _share(relative):
    """Return the share of the grid that works and its interval over seeds, as text."""
    works = (relative < WORKS).where(relative.notnull()).mean(("recurrent_gain", "feedback_gain")).values
    works = works[np.isfinite(works)]
    if not works.size:
        return ""
    low, high = np.clip(Evidence("share", tuple(works.tolist()), ">", 0.0).interval, 0, 1)
    return f"works: {works.mean():.0%}" + (f" ({low:.0%} to {high:.0%})" if works.size > 1 else "")


def _mark(axis, edges, relative, rate):
    """Hatch the points that fail, cross those that fire beyond all bounds, and outline those that work."""
    from matplotlib.patches import Rectangle

    (x, y), works = edges, np.pad(relative < WORKS, 1)
    for row, column in np.argwhere(relative >= WORKS):
        corner, size = (x[column], y[row]), (x[column + 1] - x[column], y[row + 1] - y[row])
        axis.add_patch(Rectangle(corner, *size, fill=False, lw=0, hatch="/////", ec="0.35"))
        if rate[row, column] > BLOW_UP:
            axis.plot(corner[0] + size[0] / 2, corner[1] + size[1] / 2, "x", color="tab:red", ms=4)
    line = {"color": "black", "lw": 1.6, "solid_capstyle": "butt"}
    for row, column in np.argwhere(works[:, 1:] != works[:, :-1]):
        axis.plot([x[column]] * 2, [y[row - 1], y[row]], **line)
    for row, column in np.argwhere(works[1:] != works[:-1]):
        axis.plot([x[column - 1], x[column]], [y[row]] * 2, **line)


def _explain(figure):
    """Say below the panels what the marks mean."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    marks = [
        Patch(fill=False, lw=0, hatch="/////", ec="0.35", label="test fails (median over seeds)"),
        Line2D([], [], color="black", lw=1.6, label="border of what works"),
        Line2D([], [], color="tab:red", marker="x", ls="", ms=4, label=f"above {BLOW_UP:.0f} Hz: Euler's step"),
    ]
    figure.legend(handles=marks, loc="outside lower center", ncols=3, fontsize=7, frameon=False)
