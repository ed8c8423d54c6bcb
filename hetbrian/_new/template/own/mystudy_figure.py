"""How the study is drawn: from its Dataset, without computing anything."""

import numpy as np


def draw(dataset, axes=None):
    """
    Draw the error against the spread, and output and target of the first network at the widest spread.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `mystudy.compute`.
    axes : sequence of matplotlib Axes, optional
        Two.

    Returns
    -------
    ndarray of Axes
    """
    from matplotlib import pyplot

    if axes is None:
        _, axes = pyplot.subplots(1, 2, figsize=(8, 3), width_ratios=(1, 2), layout="constrained")
    left, right = axes
    left.plot(dataset.half_width, dataset.relative_error, "o", color="0.6", ms=4)
    left.plot(dataset.half_width, dataset.relative_error.median("seed"), "-", color="#0072b2", label="median")
    left.set(xlabel="half width of the current (pA)", ylabel="relative error", ylim=(0, None))
    left.legend()
    shown = dataset.isel(half_width=-1, seed=0)
    right.axvspan(dataset.attrs["learning_start"], dataset.attrs["learning_stop"], color="0.93", lw=0, label="learning")
    right.plot(shown.time, shown.target, "--", color="black", lw=0.9, label="target")
    right.plot(shown.time, shown.output, color="#0072b2", lw=0.9, label="output")
    right.set(xlabel="time (s)", ylabel="output", title=f"half width {float(shown.half_width):g} pA", ylim=(-2.4, 1.8))
    right.legend(loc="lower center", ncols=3, fontsize="small")
    return np.array([left, right])
