"""One file per figure: ``draw(dataset, axes=None)`` returns axes; ``data/`` holds what they were drawn from."""

from hetbrian.published.figures.colours import COLOURS, REGIMES

__all__ = ["COLOURS", "REGIMES"]
