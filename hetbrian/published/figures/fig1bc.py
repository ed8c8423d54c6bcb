"""Figure 1b, c: error of the reservoir against the mean background current, as published and corrected."""

import numpy as np

from hetbrian.plot.style import COLOURS, REGIMES
from hetbrian.published.figures.fig1 import ETA
from hetbrian.published.figures.reservoir import MARKS, TITLES, errors, legend


def draw(dataset, axes=None):
    """
    Draw panels b and c below each other, a column per procedure.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `hetbrian.published.protocols.fig1bc.compute`.
    axes : array of matplotlib Axes, shape (2, procedure), optional
        Where.

    Returns
    -------
    ndarray of Axes, shape (2, procedure)
    """
    from matplotlib import pyplot

    n_procedures = dataset.sizes["procedure"]
    if axes is None:
        size = (1.0 + 3.1 * n_procedures, 5.2)
        _, axes = pyplot.subplots(2, n_procedures, figsize=size, sharex=True, sharey=True, squeeze=False)
    axes = np.reshape(axes, (2, n_procedures))
    for column, procedure in enumerate(dataset.procedure.values):
        for panel, axis, target in zip("bc", axes[:, column], dataset.target.values, strict=True):
            errors(axis, dataset.sel(procedure=procedure), target, COLOURS["eta"])
            axis.set_title(f"{panel}{MARKS[procedure]}   {target[0]}$_{target[1]}$, {TITLES[procedure]}")
            _regimes(axis, dataset)
        axes[1, column].set_xlabel(ETA)
    for axis in axes[:, 0]:
        axis.set_ylabel("mean square error")
    legend(axes[0, 0].figure)
    return axes


def _regimes(axis, dataset):
    limits = float(dataset.strength.min()), float(dataset.strength.max())
    margin = 0.03 * (limits[1] - limits[0])
    edges = [limits[0] - margin, *dataset.hopf.values, limits[1] + margin]
    for regime, left, right in zip(REGIMES, edges, edges[1:], strict=False):
        axis.axvspan(left, right, color=REGIMES[regime], lw=0, zorder=0)
        place = ((left + right) / 2, 0.97)
        axis.annotate(regime, place, xycoords=("data", "axes fraction"), va="top", ha="center", color="0.35")
    axis.set_xlim(edges[0], edges[-1])
