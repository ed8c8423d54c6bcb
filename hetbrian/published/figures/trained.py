"""What training does: loss, validation accuracy, and eta, g and theta before and after; one row per data set."""

import numpy as np

from hetbrian.plot import distribution
from hetbrian.published.figures.fig5 import curves
from hetbrian.published.figures.table1 import TITLES, colour

PARAMETERS = {"eta": r"$\eta$", "g": "g", "theta": r"$\theta$"}


def draw(dataset, axes=None):
    """
    Draw training loss and validation accuracy (mean and range over seeds), and distributions of parameters.

    The distributions are those of the condition with most heterogeneity, all seeds together.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `hetbrian.published.protocols.fig5.compute`, also while it runs.
    axes : array of matplotlib Axes, shape (dataset, 5), optional
        Panels.

    Returns
    -------
    ndarray of Axes, shape (dataset, 5)
    """
    from matplotlib import pyplot

    names = [str(name) for name in dataset.dataset.values]
    if axes is None:
        _, axes = pyplot.subplots(len(names), 5, figsize=(11.5, 0.9 + 2.1 * len(names)), squeeze=False)
    for row, name in zip(np.atleast_2d(axes), names, strict=True):
        data = dataset.sel(dataset=name)
        curves(row[0], data, "loss", 1.0, "training loss")
        score = "validation_accuracy" if "validation_accuracy" in data else "training_accuracy"
        curves(row[1], data, score, 100.0, f"{score.partition('_')[0]} accuracy (%)")
        row[0].set_title(TITLES.get(name, name))
        _distributions(row[2:], data.sel(condition=data.condition.values[-1]))
    first = np.atleast_2d(axes)[0]
    handles, texts = first[0].get_legend_handles_labels()
    shading = pyplot.Rectangle((0, 0), 1, 1, color="0.85", lw=0)
    first[0].figure.legend([*handles, shading], [*texts, "range over seeds"], loc="outside lower left", ncols=6)
    return axes


def _distributions(axes, data):
    """Draw histograms of each parameter before and after."""
    for axis, (name, text) in zip(axes, PARAMETERS.items(), strict=True):
        named = {"before": f"{name}_start", "after": name}
        distribution(data, named, axis, n_bins=20, colour=colour(name), tails=0.0)
        axis.set_xlabel(text)
