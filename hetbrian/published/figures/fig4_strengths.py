"""How strong heterogeneity has to be in figure 4: what works with each strength."""

import xarray

from hetbrian.plot import heat_map
from hetbrian.published.figures.fig4 import WORKS

SYMBOLS = {"eta_half_width": r"$\Delta_\eta$", "g_half_width": r"$\Delta_g$", "theta": r"$\theta$"}
"""What the parameters are called in the figure."""

UNITS = {"eta_half_width": " pA", "g_half_width": " pA"}
"""After a number."""


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
    share = share.assign_coords(recurrent_gain=[f"G = {gain / 1000:g} nA" for gain in share.recurrent_gain.values])
    table = xarray.concat([share, share.mean("recurrent_gain").expand_dims(recurrent_gain=["all"])], "recurrent_gain")
    names = [", ".join(_written(part) for part in str(name).split(", ")) for name in dataset.strength.values]
    table = table.assign_coords(strength=names).to_dataset(name="share")
    heat_map(table, "share", "recurrent_gain", "strength", axes, written=".0%", colours="Greens", limits=(0, 1.4))
    axes.axvline(table.sizes["recurrent_gain"] - 1.5, color="white", lw=3)
    axes.invert_yaxis()
    axes.set(xlabel="", ylabel="")
    axes.set_title("networks that work")
    return axes


def _written(part):
    """Return one strength with its symbol and unit."""
    parameter, _, value = part.partition(" ")
    return f"{SYMBOLS[parameter]} = {value}{UNITS.get(parameter, '')}" if value else part
