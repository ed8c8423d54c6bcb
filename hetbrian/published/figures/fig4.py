"""Figure 4: error over the gains of the recurrent weights and of the feedback, with each kind of heterogeneity."""

import numpy as np

from hetbrian.plot import heat_map
from hetbrian.plot.asked import asked_cells
from hetbrian.plot.cells import BORDER, HATCH, LOG_LIMITS, borders
from hetbrian.plot.style import COLOURS
from hetbrian.published.figures.kept import by_seed, runs, summed
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

WORDS = {
    "a": "homogeneous",
    "b": "current",
    "c": "coupling",
    "d": "partial reset",
    "e": "coupling and partial reset",
    "f": "current, coupling and partial reset",
}
"""What differs between the neurons of each panel, in words."""

ERRORS = {"mse": "test", "mse_learning": "last second of learning"}
"""What is drawn in the upper and in the lower panels."""

GAINS = {"feedback_gain": "feedback gain Q", "recurrent_gain": "recurrent gain G"}
"""The parameters on x and y, and what they are called."""

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
    from matplotlib import pyplot
    from matplotlib.ticker import FixedLocator

    n_panels = dataset.sizes["panel"]
    columns = min(n_panels, 3)
    rows = n_panels // columns
    if axes is None:
        shape = (2 * rows, columns)
        size = (2.2 + 2.2 * columns, 0.7 + 2.1 * shape[0])
        _, axes = pyplot.subplots(*shape, figsize=size, sharex=True, sharey=True, layout="constrained", squeeze=False)
    data = dataset.assign_coords({name: _in_nA(dataset[name], text) for name, text in GAINS.items()})
    for number, axis in enumerate(np.ravel(axes)):
        name, panel = list(ERRORS)[number // n_panels], str(dataset.panel.values[number % n_panels])
        shown, (text, kind) = data.sel(panel=panel), TITLES[panel]
        look = {"log": True, "limits": LIMITS, "colours": "viridis_r"}
        if name == "mse":
            heat_map(shown, name, *GAINS, axis, works={"relative_error": WORKS}, **look)
            _cross(axis, shown)
            axis.set_title(f"{panel}   {text}\n{_share(shown)}", color=COLOURS[kind])
        else:
            heat_map(shown, name, *GAINS, axis, **look)
            axis.set_title(f"{panel}'   {text}", color=COLOURS[kind])
        axis.xaxis.set_major_locator(FixedLocator([3, 6, 9, 12, 15]))  # which leaves the limits where they are
        axis.yaxis.set_major_locator(FixedLocator([1, 5, 9, 13, 17]))
        axis.label_outer()
    image = axes[0, 0].collections[0]
    bar = axes[0, 0].figure.colorbar(image, ax=axes, extend="both", shrink=0.5)
    last = str(dataset.panel.values[-1])
    bar.set_label(rf"$\log_{{10}}$ mean square error: a to {last}, test; a' to {last}', last second of learning")
    _explain(axes[0, 0].figure)
    return axes


def ask(dataset):
    """
    Return the figure to ask: a map of each panel whose cells say their gains, errors and seeds, and show their run.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `hetbrian.published.protocols.fig4.compute`.

    Returns
    -------
    bokeh.models.Column
    """
    names = ("panel", *reversed(GAINS))
    done = dataset[[*ERRORS, "relative_error", "rate"]].where(dataset.status == 1)
    table = done.transpose("seed", *names).stack(cell=names)
    groups = [f"{panel}   {WORDS[panel]}" for panel in table.panel.values.tolist()]
    fails = table.relative_error.median("seed") >= WORKS
    columns = {"group": groups, "hatch": np.where(fails, "right_diagonal_line", " ").tolist()}
    columns |= {name: np.log10(table[name].median("seed").clip(*LOG_LIMITS)).values for name in ERRORS}
    for name, low, high in (("feedback_gain", "left", "right"), ("recurrent_gain", "bottom", "top")):
        edges, place = borders(dataset[name].values / 1000), dataset.get_index(name).get_indexer(table[name].values)
        columns |= {low: edges[place], high: edges[place + 1]}
    found, remark = runs(dataset, names)
    tips, said = [], []
    for k, group in enumerate(groups):
        cell = table.isel(cell=k)
        gains = f"G = {float(cell.recurrent_gain) / 1000:g} nA, Q = {float(cell.feedback_gain) / 1000:g} nA"
        works = int((cell.relative_error < WORKS).sum()), int(cell.relative_error.notnull().sum())
        state = f"works with {works[0]} of {works[1]} seeds, {float(cell.rate.median()):.3g} Hz"
        tips.append("\n".join([gains, state, *(f"{text}: {summed(cell[name])}" for name, text in ERRORS.items())]))
        errors = [f"mean square error, {text}: {by_seed(cell[name])}" for name, text in ERRORS.items()]
        said.append("\n".join([f"{group}: {gains}", state, *errors, remark]))
    labels = tuple(f"{text} (nA)" for text in GAINS.values())
    return asked_cells(columns, ERRORS, tips, said, labels, LIMITS, found)


def _in_nA(gain, text):
    """Return a gain in nA, with its name."""
    return (gain.name, gain.values / 1000, {"long_name": text, "units": "nA"})


def _share(data):
    """Return the share of the grid that works and its interval over seeds, as text."""
    relative = data.relative_error.where(data.status == 1)
    works = (relative < WORKS).where(relative.notnull()).mean(("recurrent_gain", "feedback_gain")).values
    works = works[np.isfinite(works)]
    if not works.size:
        return ""
    low, high = np.clip(Evidence("share", tuple(works.tolist()), ">", 0.0).interval, 0, 1)
    return f"works: {works.mean():.0%}" + (f" ({low:.0%} to {high:.0%})" if works.size > 1 else "")


def _cross(axis, data):
    """Cross the points that fail and fire beyond all bounds."""
    done = data.where(data.status == 1)[["relative_error", "rate"]].median("seed")
    beyond = (done.relative_error >= WORKS) & (done.rate > BLOW_UP)
    for row, column in np.argwhere(beyond.transpose(*reversed(GAINS)).values):
        axis.plot(data.feedback_gain[column], data.recurrent_gain[row], "x", color="tab:red", ms=5, mew=1.5)


def _explain(figure):
    """Say below the panels what the marks mean."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    marks = [
        Patch(**HATCH, ec="0.35", label="test fails (median over seeds)"),
        Line2D([], [], **BORDER, label="border of what works"),
        Line2D(
            [], [], color="tab:red", marker="x", ls="", ms=5, mew=1.5, label=f"above {BLOW_UP:.0f} Hz: Euler's step"
        ),
    ]
    figure.legend(handles=marks, loc="outside lower center", ncols=3, fontsize=7, frameon=False)
