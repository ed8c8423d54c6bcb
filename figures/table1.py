"""Table 1 as a figure: test accuracy of each kind of heterogeneity, one panel per data set."""

import numpy as np

from figures import COLOURS


def colour(condition):
    """Return the colour of a condition of `protocols.common.classification`."""
    return COLOURS.get(str(condition), COLOURS["combined"])


def draw(dataset, axes=None):
    """
    Draw mean and standard deviation over seeds, and every seed as a dot.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `protocols.table1.compute`, also while it runs.
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
        _, axes = pyplot.subplots(1, len(names), figsize=(1.2 + 1.9 * len(names), 3.0), squeeze=False, sharey=True)
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
        axis.axvline(float(accuracy.sel(condition=conditions[0]).mean()), color="0.8", lw=0.8, zorder=0)
        axis.set_title(name)
        axis.set_xlabel("test accuracy (%)")
        axis.set_yticks(places, conditions)
    return axes
