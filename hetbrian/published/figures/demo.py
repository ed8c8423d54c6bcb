"""Output and target of each condition around the end of learning."""

import numpy as np

from hetbrian.published.figures import COLOURS


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
        trace = shown.z.sel(condition=condition)
        axis.axvspan(float(shown.time[0]), stop, color="0.93", lw=0)
        axis.plot(shown.time, shown.y[:, 0], color=COLOURS["target"], lw=0.9, ls="--", label="target")
        axis.plot(shown.time, trace[:, 0], color=COLOURS.get(str(condition), COLOURS["combined"]), label="output")
        axis.set(ylabel="output", ylim=(-1.6, 1.6))
        axis.set_title(
            f"{condition}: {float(scores.rate):.1f} Hz, mean square error {float(scores.mse):.3g} in the test"
        )
    axes[0].legend(loc="upper right", ncols=2, borderaxespad=0)
    axes[0].annotate("learning", (stop, -1.5), (-4, 0), textcoords="offset points", ha="right", color="0.4", size=8)
    axes[-1].set_xlabel("time (s)")
    return axes
