"""Figure 4, a and b, with a background current above the rheobase: the same panels."""

from hetbrian.published.figures import fig4
from hetbrian.published.figures.fig4 import ask

__all__ = ["ask", "draw"]


def draw(dataset, axes=None):
    """
    Draw the panels of figure 4 that were computed, and say with which current.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `hetbrian.published.protocols.fig4_current.compute`.
    axes : array of matplotlib Axes, optional
        See `hetbrian.published.figures.fig4.draw`.

    Returns
    -------
    ndarray of Axes, shape (rows, columns)
    """
    axes = fig4.draw(dataset, axes)
    axes[0, 0].figure.suptitle(f"background current {dataset.attrs['eta'].replace('. ', ' ')}", fontsize=9)
    return axes
