"""Figure 5: test accuracy after each epoch, one panel per data set."""

import numpy as np

from hetbrian.published.figures.table1 import TITLES, colour


def draw(dataset, axes=None):
    """
    Draw the mean over seeds of each condition, and their range.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `hetbrian.published.protocols.fig5.compute`, also while it runs.
    axes : array of matplotlib Axes, shape (dataset,), optional
        Panels.

    Returns
    -------
    ndarray of Axes, shape (dataset,)
    """
    from matplotlib import pyplot

    names = [str(name) for name in dataset.dataset.values]
    if axes is None:
        columns = min(2, len(names))
        rows = -(-len(names) // columns)
        _, grid = pyplot.subplots(rows, columns, figsize=(7.4, 0.9 + 2.4 * rows), squeeze=False)
        axes = grid.ravel()[: len(names)]
        for axis in grid.ravel()[len(names) :]:
            axis.remove()
    for axis, name, letter in zip(np.ravel(axes), names, "abcdefgh", strict=False):
        curves(axis, dataset.sel(dataset=name), "epoch_test_accuracy", 100.0, "test accuracy (%)")
        axis.set_title(f"{letter}   {TITLES.get(name, name)}")
    figure = np.ravel(axes)[0].figure
    handles, texts = np.ravel(axes)[0].get_legend_handles_labels()
    shading = pyplot.Rectangle((0, 0), 1, 1, color="0.85", lw=0)
    figure.legend([*handles, shading], [*texts, "range over seeds"], loc="outside lower center", ncols=4)
    return np.ravel(axes)


def curves(axis, data, variable, factor, text):
    """
    Draw one variable over epochs for every condition: mean over seeds, and their range.

    Parameters
    ----------
    axis : matplotlib Axes
        Where to draw.
    data : xarray.Dataset
        Of one data set.
    variable, text : str
        What to draw, and how it is called.
    factor : float
        Unit of the axis.
    """
    epochs = 1 + np.arange(data.sizes["epoch"])
    for condition in data.condition.values:
        values = factor * data[variable].sel(condition=condition).dropna("seed", how="all").values
        if not len(values):
            continue
        axis.plot(epochs, values.mean(0), color=colour(condition), label=str(condition))
        axis.fill_between(epochs, values.min(0), values.max(0), color=colour(condition), alpha=0.12, lw=0)
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.set_xlabel("epoch")
    axis.set_ylabel(text)
