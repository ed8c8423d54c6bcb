"""The compiled time loop of a torch cell, forward and backward."""

from hetbrian.torch.fused.cell import FusedCell, fuse

__all__ = ["FusedCell", "fuse"]
