"""Recordings of event data: read from their files, checked, binned."""

from hetbrian.training.data.binning import Binning
from hetbrian.training.data.datasets import check, is_stand_in, load
from hetbrian.training.data.originals import DATA_SETS, DamagedDataError, DataSet
from hetbrian.training.data.recordings import Recordings

__all__ = ["DATA_SETS", "Binning", "DamagedDataError", "DataSet", "Recordings", "check", "is_stand_in", "load"]
