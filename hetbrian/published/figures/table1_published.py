"""Table 1 by the published procedure: its panels, and how many trainings ended early."""

import numpy as np

from hetbrian.published.figures import table1

__all__ = ["draw"]


def draw(dataset, axes=None):
    """
    Draw table 1, and beside each row how many of its trainings ended as the gradient was not finite.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `hetbrian.published.protocols.table1_published.compute`.
    axes : array of matplotlib Axes, shape (dataset,), optional
        One panel per data set.

    Returns
    -------
    ndarray of Axes, shape (dataset,)
    """
    axes = table1.draw(dataset, axes)
    ended = dataset.error.str.startswith("NonFiniteLoss").sum("seed")
    for axis, name in zip(np.ravel(axes), dataset.dataset.values, strict=True):
        for place, condition in enumerate(dataset.condition.values[::-1]):
            if number := int(ended.sel(dataset=name, condition=condition)):
                text = f"{number} of {dataset.sizes['seed']} ended early"
                axis.text(0.98, place + 0.25, text, transform=axis.get_yaxis_transform(), ha="right", fontsize=7)
    return axes
