"""Figure 1b, c: error of the reservoir, and what the network does, against the mean background current."""

import numpy as np

from figures import COLOURS, REGIMES, label
from figures.reservoir import errors, state

STATE = ("rate", "synchrony", "degrees_of_freedom")


def draw(dataset, axes=None):
    """
    Draw one row of errors per preset, with a column per target, and one row of states.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `protocols.fig1bc.compute`.
    axes : sequence of matplotlib Axes, shape (7,), optional
        Errors row by row, then the states.

    Returns
    -------
    ndarray of Axes, shape (7,)
    """
    axes = _axes() if axes is None else np.ravel(axes)
    places = iter(axes)
    for preset in dataset.preset.values:
        for panel, target in zip("bc", dataset.target.values, strict=True):
            axis = next(places)
            errors(axis, dataset, preset, target, COLOURS["eta"])
            axis.set_title(f"{panel}   {target}, {preset}")
            axis.set_ylabel("mean square error")
    axes[0].legend()
    for name in STATE:
        axis = next(places)
        state(axis, dataset, name, COLOURS["eta"])
        axis.set_ylabel(label(dataset[name]).replace(" at gamma = 1e-3", "").replace(" in 10 time units", ""))
    for axis in axes:
        limits = float(dataset.strength.min()), float(dataset.strength.max())
        edges = [limits[0], *dataset.hopf.values, limits[1]]
        for regime, left, right in zip(REGIMES, edges, edges[1:], strict=False):
            axis.axvspan(left, right, color=REGIMES[regime], lw=0, zorder=0)
            axis.annotate(
                regime, ((left + right) / 2, 0.97), xycoords=("data", "axes fraction"), va="top", color="0.35"
            )
        axis.set(xlim=limits, xlabel=r"mean background current $\bar\eta$")
    return axes


def _axes():
    from matplotlib import pyplot

    figure = pyplot.figure(figsize=(7.2, 7.2))
    grid = figure.add_gridspec(3, 6)
    axes: list = []
    for row in range(2):
        first = figure.add_subplot(grid[row, :3])
        axes += [first, figure.add_subplot(grid[row, 3:], sharey=first)]
    return np.array([*axes, *(figure.add_subplot(grid[2, 2 * column : 2 * column + 2]) for column in range(3))])
