"""Clips of an event camera become files of DVS128 Gesture, each cut into parts."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from brian2 import Quantity, second

from hetbrian._support.arguments import checked, quantity
from hetbrian._support.checks import file_path, positive, shown
from hetbrian._support.files import check_regular
from hetbrian._support.optional import tonic
from hetbrian._support.progress import track
from hetbrian._support.provenance import provenance
from hetbrian.training.data.formats import write_gesture
from hetbrian.training.data.newdataset import NewDataSet
from hetbrian.training.data.originals import DATA_SETS, DamagedDataError
from hetbrian.training.data.recordings import HELD_OUT

LABELS = "labels.csv"
"""File beside the clips that says what each shows."""

COLUMNS = ("file", "class")
"""What `LABELS` must have; ``subject`` is 1 where it is not given."""

N_CLASSES = 11
"""Gestures of DVS128, numbered from 1 in its own tables."""

WRAP = 2**23
"""Microseconds after which the 23 bits of an event's time begin again."""


@dataclass(frozen=True)
class Clip:
    """
    Hold what is known of a clip before it is read.

    Parameters
    ----------
    path : Path
        The file.
    gesture, subject : int
        Class from 1, as in the data set's tables, and who moves.
    """

    path: Path
    gesture: int
    subject: int


@checked(folder=file_path)
def clips(folder: str | PathLike[str]) -> list[Clip]:
    """
    Return the clips of a folder that are there, in the order of its table.

    Parameters
    ----------
    folder : path-like
        ``.bs2`` files and ``labels.csv`` with the columns file, class (1 to 11) and perhaps subject; rows of files that
        are not there are left out.

    Returns
    -------
    list of Clip

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no table in it.
    ValueError
        If the table is none, or names no file that is there.
    """
    folder = Path(folder).expanduser()
    table = folder / LABELS
    if not table.exists():
        raise FileNotFoundError(
            f"{str(table)!r} is not there, expected a table with the columns {', '.join(COLUMNS)}: check --clips."
        )
    check_regular(table, "a table of clips")
    try:
        rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
        found = [Clip(folder / row["file"], int(row["class"]), int(row.get("subject") or 1)) for row in rows]
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise ValueError(
            f"{str(table)!r} could not be read ({shown(str(error))}), expected the columns {', '.join(COLUMNS)}, with "
            "names and whole numbers: mend the table."
        ) from error
    for clip in found:
        if clip.path.parent != folder or clip.path.suffix.lower() != ".bs2":
            raise ValueError(f"{str(table)!r} names {clip.path.name!r}, expected .bs2 files beside it: mend the table.")
        if not 1 <= clip.gesture <= N_CLASSES or not 0 <= clip.subject < 100:
            raise ValueError(
                f"{str(table)!r} has class {clip.gesture} and subject {clip.subject} for {clip.path.name!r}, expected "
                f"1 to {N_CLASSES} and 0 to 99: mend the table."
            )
    found = [clip for clip in found if clip.path.exists()]
    if not found:
        raise ValueError(f"{str(table)!r} names no file that is there, expected .bs2 files: check --clips.")
    return found


@checked(path=file_path)
def read_clip(path: str | PathLike[str]) -> np.ndarray:
    """
    Return the events of a clip, through tonic's reader of this format, that of N-MNIST.

    Parameters
    ----------
    path : path-like
        5 bytes an event: x, y, and polarity above 23 bits of microseconds, high byte first.

    Returns
    -------
    structured ndarray, shape (event,)
        x, y, t in us from the first event, and p; sorted by t, also where the 23 bits begin again.

    Raises
    ------
    DamagedDataError
        If it is cut off, empty, or an event is outside the sensor.
    """
    check_regular(path, "a clip")
    size = Path(path).stat().st_size
    if not size or size % 5:
        raise DamagedDataError(
            f"{str(path)!r} has {size} bytes, expected 5 for each event: it is cut off, get it again."
        )
    events = tonic.io.read_mnist_file(str(path), tonic.datasets.NMNIST.dtype)
    _, height, width = DATA_SETS["dvs128"].shape
    # a y of 240 is no pixel in N-MNIST, and tonic drops it; here nothing is dropped
    outside = (events["x"] >= width) | (events["y"] >= height)
    if outside.any() or len(events) != size // 5:
        raise DamagedDataError(
            f"{str(path)!r} has an event outside the sensor, expected x below {width} and y below {height}: get it "
            "again."
        )
    time = events["t"].astype(np.int64)
    events["t"] = time - time[0] + WRAP * np.cumsum(np.diff(time, prepend=time[0]) < -WRAP // 2)
    return events[np.argsort(events["t"], kind="stable")]


@checked(folder=file_path, out=file_path, part=quantity(second, positive), test_share=HELD_OUT)
def make_gestures(
    folder: str | PathLike[str],
    out: str | PathLike[str],
    *,
    part: Quantity = 0.1 * second,
    test_share: float = 0.3,
) -> Path:
    """
    Cut clips into parts, in files of DVS128 Gesture that tonic's class reads unchanged.

    The last parts of each clip are for the test: the same person in the same clip, so that what is told apart are
    clips, and no gesture of anybody else.

    Parameters
    ----------
    folder : path-like
        See `clips`.
    out : path-like
        Where the data sets are; a folder DVSGesture is made in it.
    part : Quantity [second]
        Duration of a part; what is left at the end of a clip is left out.
    test_share : float
        Share of each clip's parts that are tested, at least one.

    Returns
    -------
    Path
        What was written.

    Raises
    ------
    FileNotFoundError, ValueError, DamagedDataError
        If table or clips are not as they should be, or a clip is shorter than two parts.
    FileExistsError
        If the folder is there already.
    """
    data = DATA_SETS["dvs128"]
    new, found = NewDataSet.of(data, data.sources, out), clips(folder)
    note = (
        f"These are {len(found)} clips of {Path(folder).name!r} in the layout of {data.kind}, cut into parts of "
        f"{float(part):g} s, not {data.kind}.\nMade by hetbrian {provenance()['hetbrian']} data make gestures.\n"
        "Their licence is that of the clips.\n"
    )
    with new.written(note) as made:
        for number, clip in enumerate(track(found, "cutting clips", len(found))):
            pieces = list(_parts(clip.path, float(part)))
            if len(pieces) < 2:
                raise ValueError(
                    f"{str(clip.path)!r} has {len(pieces)} whole parts of {float(part):g} s, expected at least 2, for "
                    "training and test: give a shorter --part."
                )
            border = len(pieces) - max(1, round(test_share * len(pieces)))
            for at, events in enumerate(pieces):
                split = "train" if at < max(border, 1) else "test"
                place = made / data.sources[split] / f"user{clip.subject:02d}_clip{number:03d}part{at:03d}"
                place.mkdir(parents=True)
                when = (events["t"] - events["t"][:1]) * 1e-6
                write_gesture(place / f"{clip.gesture - 1}.npy", when, events["x"], events["y"], events["p"])
    return new.target


def _parts(path: Path, part: float) -> Iterator[np.ndarray]:
    """Yield the events of each whole part of a clip that has some."""
    events = read_clip(path)
    number = events["t"] // (part * 1e6)
    whole = int(events["t"][-1] // (part * 1e6))
    for at in range(whole):
        if len(chosen := events[number == at]):
            yield chosen
