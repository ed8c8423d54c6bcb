"""Recordings of event data: read from their files, checked, split, binned."""

from hetbrian.training.data.binning import BINNINGS, Binning
from hetbrian.training.data.datasets import check, is_original, is_stand_in, load
from hetbrian.training.data.originals import DATA_SETS, DamagedDataError, DataSet
from hetbrian.training.data.recordings import Recordings
from hetbrian.training.data.split import splits

__all__ = [
    "BINNINGS", "DATA_SETS", "Binning", "DamagedDataError", "DataSet", "Recordings", "check", "is_original",
    "is_stand_in", "load", "splits",
]  # fmt: skip
