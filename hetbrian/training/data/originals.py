"""The files of the data sets as tonic's classes read them: what is where, and what is wrong with it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hetbrian._support.checks import choice

STAND_IN = "STAND-IN.txt"
"""File that tells a stand-in from the data set."""


@dataclass(frozen=True)
class DataSet:
    """
    Hold where a data set keeps what.

    Parameters
    ----------
    kind : str
        Name of tonic's class, and of the folder.
    shape : tuple of int
        As that of `Recordings`.
    options : dict of str to dict
        Arguments of the class for each split.
    sources : dict of str to str
        File or folder of each split.
    pattern : str
        Files of a split that is a folder.
    is_cut : bool
        Whether its times go on from what was recorded before.
    sizes : dict of str to int
        Samples of each split, where they are published; editions of DVS128 Gesture are cut into different numbers.
    """

    kind: str
    shape: tuple[int, ...]
    options: dict[str, dict[str, Any]]
    sources: dict[str, str]
    pattern: str = ""
    is_cut: bool = False
    sizes: dict[str, int] = field(default_factory=dict)


TWO: dict[str, dict[str, Any]] = {"train": {"train": True}, "test": {"train": False}}
DATA_SETS = {
    "nmnist": DataSet(
        "NMNIST",
        (2, 34, 34),
        TWO,
        {"train": "Train", "test": "Test"},
        "*/*.bin",
        sizes={"train": 60_000, "test": 10_000},  # Orchard et al. 2015, doi 10.3389/fnins.2015.00437
    ),
    "dvs128": DataSet(
        "DVSGesture", (2, 128, 128), TWO, {"train": "ibmGestureTrain", "test": "ibmGestureTest"}, "*/*.npy", is_cut=True
    ),
    # sizes of SHD and SSC: Cramer et al. 2022, doi 10.1109/TNNLS.2020.3044364
    "shd": DataSet(
        "SHD",
        (700,),
        TWO,
        {"train": "shd_train.h5", "test": "shd_test.h5"},
        sizes={"train": 8_156, "test": 2_264},
    ),
    "ssc": DataSet(
        "SSC",
        (700,),
        {"train": {"split": "train"}, "validation": {"split": "valid"}, "test": {"split": "test"}},
        {"train": "ssc_train.h5", "validation": "ssc_valid.h5", "test": "ssc_test.h5"},
        sizes={"train": 75_466, "validation": 9_981, "test": 20_382},
    ),
}
"""By name."""


class DamagedDataError(ValueError):
    """A file of a data set is not what it should be."""


def known(name: str, split: str) -> DataSet:
    """
    Return a data set that has such a split.

    Parameters
    ----------
    name, split : str

    Returns
    -------
    DataSet

    Raises
    ------
    ValueError
        If there is none.
    """
    choice(name, "the data set", DATA_SETS)
    if split not in DATA_SETS[name].sources:
        raise ValueError(
            f"{name} has no split {split!r}, expected one of {', '.join(DATA_SETS[name].sources)}: "
            "hold out speakers or samples with Recordings.split."
        )
    return DATA_SETS[name]


def archive_of(data: DataSet, split: str) -> tuple[str, str, str]:
    """
    Return what tonic knows of the archive that a split comes from.

    Parameters
    ----------
    data : DataSet
    split : str

    Returns
    -------
    file, md5, url : str

    Examples
    --------
    >>> archive_of(DATA_SETS["shd"], "test")
    ('shd_test.h5.zip', '1503a5064faa34311c398fb0a1ed0a6f', 'https://zenkelab.org/datasets/shd_test.h5.zip')
    """
    from hetbrian._support.optional import tonic

    kind = getattr(tonic.datasets, data.kind)
    part = {"validation": "valid"}.get(split, split)
    archive = getattr(kind, f"{part}_filename", None) or getattr(kind, f"{part}_zip")
    url = getattr(kind, f"{part}_url", None) or kind.base_url + archive
    return archive, getattr(kind, f"{part}_md5"), url


def opened(data, split, folder):
    """
    Return tonic's data set, which takes what is there for complete.

    Parameters
    ----------
    data : DataSet
    split : str
    folder : Path
        Its folder.

    Returns
    -------
    tonic.Dataset
    """
    from hetbrian._support.optional import tonic

    kind = getattr(tonic.datasets, data.kind)
    # of the same name, because tonic makes the folder's name of it
    local = type(data.kind, (kind,), {"_check_exists": lambda self: True})
    return local(str(folder.parent), **data.options[split])


@dataclass(frozen=True)
class Samples:
    """
    Hold what is known of samples before their events are read.

    Parameters
    ----------
    order : ndarray of int64, shape (sample,)
        Their numbers in tonic's data set.
    labels : ndarray of int64, shape (sample,)
    groups : ndarray of int64, shape (sample,), or None
        As in `Recordings`.
    places : list of str
        Where each is, for errors.
    shape : tuple of int or None
        As that of `Recordings`, where it is another than the data set's.
    """

    order: np.ndarray
    labels: np.ndarray
    groups: np.ndarray | None
    places: list[str]
    shape: tuple[int, ...] | None = None


def _digit_samples(dataset, source):
    """Return the samples of N-MNIST, whose folders are the labels."""
    for path in map(Path, dataset.data):
        if path.parent.name not in map(str, range(10)):
            raise DamagedDataError(
                f"{str(path.parent)!r} is out of range, expected folders 0 to 9, the labels: remove or rename it."
            )
        size = path.stat().st_size
        if size == 0 or size % 5:
            raise DamagedDataError(
                f"{str(path)!r} has {size} bytes, expected 5 for each event: it is cut off, so get it again."
            )
    return Samples(np.arange(len(dataset.data)), np.array(dataset.targets, dtype=int), None, list(dataset.data))


def _gesture_samples(dataset, source):
    """Return the samples of DVS128 in the order of their names; tonic takes them as the file system gives them."""
    order = np.argsort(dataset.data)
    labels, users = (np.array(column, dtype=int)[order] for column in (dataset.targets, dataset.users))
    return Samples(order, labels, users, [dataset.data[at] for at in order])


def _word_samples(dataset, source):
    """Return the samples of SHD or SSC."""
    import h5py

    with h5py.File(source) as file:
        labels, speakers = file["labels"][()].astype(int), file["extra/speaker"][()].astype(int)
        shape = (int(file.attrs["n_channels"]),) if "n_channels" in file.attrs else None
        times, units = file["spikes/times"], file["spikes/units"]
        kind = h5py.check_vlen_dtype(units.dtype) or units.dtype
        if kind.kind not in "iu":
            raise DamagedDataError(f"{str(source)!r} has units of the dtype {kind}, expected integers: get it again.")
        for at, (when, which) in enumerate(zip(times, units, strict=True)):  # tonic would repeat a single unit
            if len(when) != len(which):
                raise DamagedDataError(
                    f"'sample {at} of {source}' has {len(when)} times and {len(which)} units, expected one unit for "
                    "each time: get it again."
                )
    places = [f"sample {at} of {source}" for at in range(len(labels))]
    return Samples(np.arange(len(labels)), labels, speakers, places, shape)


SAMPLES = {"nmnist": _digit_samples, "dvs128": _gesture_samples, "shd": _word_samples, "ssc": _word_samples}
"""Function that returns the samples of tonic's data set and a split's file or folder."""


def check_labels(labels, classes, source, places, may_lack=False):
    """
    Refuse labels without a class, and classes without samples.

    Parameters
    ----------
    labels : ndarray of int64, shape (sample,)
    classes : sequence of str
    source : Path
        File or folder of the split.
    places : list of str
        Where each sample is.
    may_lack : bool
        Whether classes without samples are no sign of an incomplete copy, as of clips of one's own.

    Raises
    ------
    DamagedDataError
        If there is one.
    """
    wrong = np.flatnonzero((labels < 0) | (labels >= len(classes)))
    if len(wrong):
        raise DamagedDataError(
            f"{places[wrong[0]]!r} has the label {labels[wrong[0]]}, expected 0 to {len(classes) - 1}: get it again."
        )
    empty = np.setdiff1d(np.arange(len(classes)), labels)
    if len(empty) and not may_lack:
        raise DamagedDataError(
            f"{str(source)!r} has no sample of class {classes[empty[0]]!r}, expected some of every class: "
            "complete the copy."
        )


def events(dataset, samples, data):
    """
    Yield the events of each sample.

    Parameters
    ----------
    dataset : tonic.Dataset
    samples : Samples
    data : DataSet

    Yields
    ------
    times : ndarray of float64, shape (event,)
        In s, sorted.
    channels : ndarray of int64, shape (event,)

    Raises
    ------
    DamagedDataError
        If an event cannot be read or is outside the sensor.
    """
    shape = samples.shape or data.shape
    for at, place in zip(samples.order, samples.places, strict=True):
        try:
            found, _ = dataset[int(at)]
        except Exception as error:  # h5py and numpy raise all sorts, even a TokenError, at damaged files
            raise DamagedDataError(f"{place!r} could not be read ({error}), expected events: get it again.") from error
        times = found["t"] * 1e-6  # tonic has microseconds
        if len(times) and times.min() < 0:
            raise DamagedDataError(f"{place!r} has an event at {times.min():.3g} s, expected at least 0: get it again.")
        axes = (found["p"].astype(int), found["y"], found["x"]) if len(shape) == 3 else (found["x"],)
        for axis, size in zip(axes, shape, strict=True):
            wrong = axis[(axis < 0) | (axis >= size)]
            if len(wrong):
                raise DamagedDataError(f"{place!r} has an event at {wrong[0]}, expected 0 to {size - 1}: get it again.")
        channels = np.ravel_multi_index(axes, shape)
        if len(times) and data.is_cut:
            times = times - times.min()
        order = np.argsort(times, kind="stable")
        yield times[order], channels[order]
