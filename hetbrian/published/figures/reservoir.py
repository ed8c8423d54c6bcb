"""Parts that figures 1b, c and 2 share: error curves, and one block of panels per procedure."""

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

LINES = {"train": ("-", "o"), "test": ("--", "s")}
"""Line and marker of training and test errors, in every panel."""

ERRORS = (1e-4, 30.0)
"""Range of the error axes."""

SHADED = (0.05, 0.95)
"""Quantiles over seeds between which curves are shaded."""

TITLES = {"as_published": "as published", "corrected": "corrected"}

MARKS = {"as_published": "", "corrected": "'"}
"""After a panel's letter, so that each letter stands once on a page."""


def errors(axis, data, target, colour):
    """
    Draw training and test error against ``strength``: mean over seeds, and their range without the outer twentieths.

    Parameters
    ----------
    axis : matplotlib Axes
        Where.
    data : xarray.Dataset
        Conditions of one curve and procedure.
    target : str
        Which errors.
    colour : str
        Colour of the curve.
    """
    chosen = data.sel(target=target).sortby("strength")
    for part, (line, marker) in LINES.items():
        values = chosen[f"mse_{part}"].clip(*ERRORS)
        low, high = (values.quantile(share, "seed") for share in SHADED)
        face = colour if part == "train" else "white"
        axis.fill_between(chosen.strength, low, high, color=colour, alpha=0.15, lw=0)
        axis.plot(chosen.strength, values.mean("seed"), line, marker=marker, color=colour, mfc=face)
    power = float((data.y.sel(target=target) ** 2).mean())
    axis.axhline(power, color="0.5", lw=0.8, ls=":")
    axis.set(yscale="log", ylim=ERRORS)


def legend(figure, **more):
    """
    Say below the panels what lines, markers and shades are.

    Parameters
    ----------
    figure : matplotlib Figure
        Where.
    **more : Artist
        Further entries by their label.
    """
    entries = {
        "training": Line2D([], [], color="0.2", ls="-", marker="o"),
        "test": Line2D([], [], color="0.2", ls="--", marker="s", mfc="white"),
        "error of the best constant": Line2D([], [], color="0.5", ls=":", lw=0.8),
        "5 to 95 % of the seeds": Patch(color="0.2", alpha=0.15, lw=0),
        **more,
    }
    figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=4, fontsize=7.5)
