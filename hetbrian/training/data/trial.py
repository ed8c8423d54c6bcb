"""Whether an HDF5 file of others can be read at all, tried where it may fail."""

import subprocess
import sys
from pathlib import Path

from hetbrian.training.data.originals import DamagedDataError

SECONDS, SECONDS_PER_MEGABYTE = 30.0, 1.0
"""How long reading may take; the slowest disk is ten times as fast."""

READ = """
import sys, h5py
def read(name, item):
    dict(item.attrs)
    if isinstance(item, h5py.Dataset):
        for first in range(0, len(item) if item.ndim else 0, 1000):
            item[first : first + 1000]
with h5py.File(sys.argv[1]) as file:
    file.visititems(read)
"""


def try_hdf5(path: Path) -> None:
    """
    Refuse an HDF5 file on which HDF5 itself never ends or dies; a process of its own, because nothing can stop it here.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    DamagedDataError
        If that is so. What raises an error is left to who reads it.
    """
    longest = SECONDS + SECONDS_PER_MEGABYTE * path.stat().st_size / 1e6
    command = [sys.executable, "-I", "-c", READ, str(path)]
    try:
        ended = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=longest, check=False
        )
        what = f"kills what reads it, by signal {-ended.returncode}" if ended.returncode < 0 else ""
    except subprocess.TimeoutExpired:
        what = f"could not be read within {longest:.0f} s"
    if what:
        raise DamagedDataError(f"{str(path)!r} {what}, expected a whole HDF5 file: get it again.")
