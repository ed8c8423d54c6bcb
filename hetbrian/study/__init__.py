"""A protocol at many points: grid, sweep, store, claims, report."""

from hetbrian.study.claims import Claim, Evidence
from hetbrian.study.grid import Grid
from hetbrian.study.sweeps import SweepOptions, sweep

__all__ = ["Claim", "Evidence", "Grid", "SweepOptions", "sweep"]
