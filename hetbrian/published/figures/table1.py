"""Table 1 as a figure: test accuracy of each kind of heterogeneity, one panel per data set."""

import numpy as np

from hetbrian.plot.style import COLOURS

TITLES = {
    "nmnist": "N-MNIST",
    "dvs128": "DVS128",
    "shd": "SHD",
    "ssc": "SSC",
    "nmnist_1000": "N-MNIST, 1000",
    "fsdd_split": "FSDD, voices known",
    "fsdd": "FSDD, voices new",
    "commands": "Speech Commands",
    "counts": "made up: counts",
    "order": "made up: order",
}
"""Names of the data sets, as the paper has them, and of ours."""

PAPER = {"fmt": "d", "ms": 4, "mfc": "white", "color": "black", "lw": 0.8, "capsize": 1.5}
"""How the paper's values are drawn."""


def colour(condition):
    """Return the colour of a condition of `hetbrian.published.protocols.common.classification`."""
    return COLOURS.get(str(condition), COLOURS["combined"])


def draw(dataset, axes=None):
    """
    Draw mean and standard deviation over seeds, every seed as a dot, and the paper's values above them.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `hetbrian.published.protocols.table1.compute`, also while it runs.
    axes : array of matplotlib Axes, shape (dataset,), optional
        One panel per data set.

    Returns
    -------
    ndarray of Axes, shape (dataset,)
    """
    from matplotlib import pyplot

    names = [str(name) for name in dataset.dataset.values]
    conditions = [str(name) for name in dataset.condition.values]
    if axes is None:
        _, axes = pyplot.subplots(1, len(names), figsize=(1.6 + 1.9 * len(names), 3.6), squeeze=False, sharey=True)
        axes = axes[0]
    places = np.arange(len(conditions))[::-1]
    for axis, name in zip(np.ravel(axes), names, strict=True):
        accuracy = 100 * dataset.test_accuracy.sel(dataset=name)
        for place, condition in zip(places, conditions, strict=True):
            values = accuracy.sel(condition=condition).dropna("seed").values
            if not len(values):
                continue
            spread = values.std(ddof=1) if len(values) > 1 else 0.0
            axis.plot(values, np.full(len(values), place), "o", ms=3, color=colour(condition), alpha=0.35, mew=0)
            axis.errorbar(values.mean(), place, xerr=spread, fmt="|", ms=9, capsize=2, color=colour(condition))
        paper = 100 * dataset.paper_accuracy.sel(dataset=name)
        deviation = 100 * dataset.paper_spread.sel(dataset=name)
        if np.isfinite(paper).any():
            axis.errorbar(paper, places + 0.3, xerr=deviation, **PAPER)
        axis.axvline(float(accuracy.sel(condition=conditions[0]).mean()), color="0.8", lw=0.8, zorder=0)
        axis.set_title(TITLES.get(name, name))
        axis.set_xlabel("test accuracy (%)")
        axis.set_yticks(places, conditions)
    _explain(np.ravel(axes)[0].figure, len(names), bool(np.isfinite(dataset.paper_accuracy).any()))
    return axes


def _explain(figure, n_panels, has_paper):
    """Say below the panels what dots, bars and lines are."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], ls="", marker="o", ms=3, color="0.4", alpha=0.5, label="a seed"),
        Line2D([], [], marker="|", ms=9, color="0.4", label="mean and standard deviation"),
        Line2D([], [], color="0.8", lw=0.8, label="mean, homogeneous"),
    ]
    if has_paper:
        handles.append(Line2D([], [], marker="d", ms=4, mfc="white", color="black", lw=0.8, label="paper"))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(2, n_panels))
