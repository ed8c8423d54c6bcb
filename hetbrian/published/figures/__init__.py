"""One file per figure: ``draw(dataset, axes=None)`` returns axes; ``data/`` holds what they were drawn from."""

from hetbrian.plot.style import COLOURS, REGIMES

__all__ = ["COLOURS", "REGIMES"]
