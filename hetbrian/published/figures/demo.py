"""Output and target of each condition around the end of learning."""

import numpy as np

from hetbrian.plot import output_and_target
from hetbrian.plot.style import COLOURS


def draw(dataset, axes=None):
    """
    Draw the traces of the first output, one row per condition.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `hetbrian.published.protocols.common.force.train`.
    axes : sequence of matplotlib Axes, optional
        One per condition.

    Returns
    -------
    ndarray of Axes
    """
    from matplotlib import pyplot

    conditions = dataset.condition.values
    if axes is None:
        size = (7.0, 1.4 + 1.3 * len(conditions))
        _, axes = pyplot.subplots(len(conditions), 1, sharex=True, figsize=size, squeeze=False)
    axes = np.atleast_1d(axes).ravel()
    stop = dataset.attrs["learning_stop"]
    end = min(float(dataset.time[-1]), stop + 1.5)
    shown = dataset.sel(time=slice(max(0.0, stop - 0.5), end))
    for axis, condition in zip(axes, conditions, strict=True):
        scores = dataset.sel(condition=condition).isel(seed=0)
        trace = shown[["y"]].assign(z=shown.z.sel(condition=condition))
        output_and_target(trace, axis, colour=COLOURS.get(str(condition), COLOURS["combined"]))
        axis.set(xlabel="", ylim=(-1.6, 2.0))
        axis.get_legend().remove()
        axis.set_title(
            f"{condition}: {float(scores.rate):.1f} Hz, mean square error {float(scores.mse):.3g} in the test"
        )
    axes[0].legend(loc="upper right", ncols=2, borderaxespad=0)
    size = f"N = {dataset.attrs['n_neurons']}, " if "n_neurons" in dataset.attrs else ""
    axes[-1].set_xlabel("time (s)")
    axes[-1].set_title(f"{size}seed {int(dataset.seed[0])}", loc="right", fontweight="normal")
    return axes
