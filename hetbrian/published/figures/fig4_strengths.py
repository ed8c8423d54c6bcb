"""How strong heterogeneity has to be in figure 4: what works with each strength."""

import numpy as np

from hetbrian.published.figures.fig4 import WORKS

SYMBOLS = {"eta_half_width": r"$\Delta_\eta$", "g_half_width": r"$\Delta_g$", "theta": r"$\theta$"}
"""What the parameters are called in the figure; half widths are in pA."""


def draw(dataset, axes=None):
    """
    Draw the share of points that work for every strength, in all and by G.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `hetbrian.published.protocols.fig4_strengths.compute`.
    axes : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib Axes
    """
    from matplotlib import pyplot

    if axes is None:
        _, axes = pyplot.subplots(figsize=(7.4, 0.9 + 0.22 * dataset.sizes["strength"]), layout="constrained")
    share = (dataset.relative_error < WORKS).where(dataset.status == 1).mean(("seed", "feedback_gain"))
    share = share.transpose("strength", "recurrent_gain")
    table = np.c_[share.values, share.mean("recurrent_gain").values]
    axes.imshow(table, cmap="Greens", vmin=0, vmax=1.4, aspect="auto")
    for (row, column), value in np.ndenumerate(table):
        axes.text(column, row, f"{value:.0%}", ha="center", va="center", fontsize=7)
    axes.axvline(table.shape[1] - 1.5, color="white", lw=3)
    gains = [f"G = {gain / 1000:g} nA" for gain in dataset.recurrent_gain.values]
    axes.set_xticks(range(table.shape[1]), [*gains, "all"])
    names = [str(name) for name in dataset.strength.values]
    for parameter, symbol in SYMBOLS.items():
        names = [name.replace(parameter, symbol) for name in names]
    axes.set_yticks(range(table.shape[0]), names)
    axes.tick_params(length=0)
    axes.set_title("networks that work")
    return axes
