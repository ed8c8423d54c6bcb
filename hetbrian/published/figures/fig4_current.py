"""Figure 4, a and b, with a background current above the rheobase: the same panels."""

from hetbrian.published.figures.fig4 import draw

__all__ = ["draw"]
