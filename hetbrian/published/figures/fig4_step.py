"""Figure 4 at large G with two time steps: what works, and how fast neurons fire."""

import numpy as np

from hetbrian.published.figures.fig4 import TITLES, WORKS


def draw(dataset, axes=None):
    """
    Draw the share of networks that work, and the median rate, against G for every time step.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `hetbrian.published.protocols.fig4_step.compute`.
    axes : array of matplotlib Axes, shape (2, panels), optional
        Shares above, rates below.

    Returns
    -------
    ndarray of Axes, shape (2, panels)
    """
    from matplotlib import pyplot

    panels = [str(panel) for panel in dataset.panel.values]
    if axes is None:
        size = (1.35 * len(panels) + 0.9, 4.0)
        _, axes = pyplot.subplots(2, len(panels), figsize=size, sharex=True, sharey="row", layout="constrained")
    over = ("seed", "feedback_gain")
    for panel, (above, below) in zip(panels, np.transpose(axes), strict=True):
        for dt, style in zip(dataset.dt.values, ("o-", "s--", "^:"), strict=False):
            data = dataset.sel(panel=panel, dt=dt)
            gains = data.recurrent_gain.values / 1000
            above.plot(gains, (data.relative_error < WORKS).mean(over), style, ms=3.5, label=f"dt = {dt:g} ms")
            below.plot(gains, data.rate.median(over), style, ms=3.5)
        above.set_title(f"{panel}   {TITLES[panel][0]}", fontsize=8)
        above.set_ylim(-0.05, 1.05)
        below.set_yscale("symlog", linthresh=1)
        below.set(xlabel="G (nA)", xticks=dataset.recurrent_gain.values / 1000)
    axes[0, 0].set_ylabel("share that works")
    axes[1, 0].set_ylabel("median rate (Hz)")
    lines = axes[0, 0].get_legend_handles_labels()
    axes[0, 0].figure.legend(*lines, loc="outside lower center", ncols=len(lines[0]), fontsize=7.5)
    return axes
