"""N-MNIST, DVS128 Gesture, SHD and SSC as recordings, through tonic's classes."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path

from hetbrian._support.arguments import checked, texts
from hetbrian._support.cache import cache_folder
from hetbrian._support.checks import file_path, flag, text
from hetbrian._support.files import check_regular
from hetbrian._support.progress import track
from hetbrian.training.data.cache import read_recordings, write_recordings
from hetbrian.training.data.originals import (
    DATA_SETS,
    SAMPLES,
    STAND_IN,
    DamagedDataError,
    archive_of,
    check_labels,
    events,
    known,
    opened,
)
from hetbrian.training.data.recordings import Recordings
from hetbrian.training.data.trial import try_hdf5

ROOT = "HETBRIAN_DATA"
"""Environment variable that names the folder of the data sets."""


def data_root(root: str | PathLike[str] | None = None) -> Path:
    """
    Return the folder of the data sets: what is given, else ``HETBRIAN_DATA``.

    Parameters
    ----------
    root : path-like, optional

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If neither is given.
    FileNotFoundError
        If there is no such folder.
    """
    chosen = root or os.environ.get(ROOT)
    if not chosen:
        raise ValueError(f"no folder of data sets is given, expected one: use --data-root, or set {ROOT}.")
    path = Path(chosen).expanduser()
    if not path.is_dir():
        raise FileNotFoundError(
            f"{str(path)!r} is not there, expected the folder of the data sets: check --data-root and {ROOT}."
        )
    return path


@checked(
    name=text,
    root=file_path,
)
def is_stand_in(name: str, root: str | PathLike[str] | None = None) -> bool:
    """
    Return whether what lies in a data set's place is a stand-in that hetbrian made.

    Parameters
    ----------
    name : str
        A key of `DATA_SETS`.
    root : path-like, optional
        As in `load`.

    Returns
    -------
    bool
    """
    return (data_root(root) / known(name, "train").kind / STAND_IN).exists()


@checked(name=text, root=file_path)
def is_original(name: str, root: str | PathLike[str] | None = None) -> bool:
    """
    Return whether what is there is the data set itself: no stand-in, and all of it.

    Parameters
    ----------
    name : str
        Data set.
    root : path-like, optional
        Folder with the data sets.

    Returns
    -------
    bool
    """
    sizes = known(name, "train").sizes
    return not is_stand_in(name, root) and all(len(load(name, split, root)) == size for split, size in sizes.items())


@checked(
    name=text,
    split=text,
    root=file_path,
    download=flag,
)
def load(
    name: str, split: str = "train", root: str | PathLike[str] | None = None, download: bool = False
) -> Recordings:
    """
    Return the recordings of a split.

    tonic's class reads the files the first time; then they are kept in ``HETBRIAN_CACHE``, in a form that
    is mapped into memory, until they change. An incomplete copy is read as it is. If the archive that was
    downloaded is there, its checksum is verified.

    Parameters
    ----------
    name : str
        "nmnist", "dvs128", "shd" or "ssc".
    split : str
        "train" or "test", for SSC also "validation".
    root : path-like, optional
        Folder that holds a folder NMNIST, DVSGesture, SHD or SSC; by default ``HETBRIAN_DATA``.
    download : bool
        Whether tonic downloads what is missing.

    Returns
    -------
    Recordings

    Raises
    ------
    ValueError
        If there is no such data set or split, or no folder is given.
    FileNotFoundError
        If the files are not there; the message says where they come from.
    DamagedDataError
        If a file is damaged, a label or channel is out of range, or a class has no samples.
    ImportError
        If tonic is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from hetbrian.training.data.standins.make import make_stand_in
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = make_stand_in("nmnist", folder, {"train": 12, "test": 1})
    ...     recordings = load("nmnist", "train", folder)
    >>> len(recordings), recordings.shape, recordings.labels.tolist()
    (12, (2, 34, 34), [0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    data = known(name, split)
    folder = data_root(root) / data.kind
    if not (folder / data.sources[split]).exists():
        if not download:
            raise _missing(name, split, folder)
        _download(data, split, folder)
    fingerprint = _fingerprint(data, folder / data.sources[split])
    key = hashlib.sha256(f"{folder.resolve()}/{split}".encode()).hexdigest()[:16]
    kept = cache_folder() / "recordings" / f"{name}-{split}-{key}"
    recordings = read_recordings(kept, fingerprint)
    if recordings is None:
        check_archive(name, split, root)
        _store(name, split, folder, kept, fingerprint)
        recordings = read_recordings(kept, fingerprint)
        assert recordings is not None
    return recordings


@checked(name=text, root=file_path)
def speaker_names(name: str, root: str | PathLike[str] | None = None) -> list[str]:
    """
    Return what the speakers of recordings are called, by number; SHD and SSC name nobody.

    Parameters
    ----------
    name : str
        Data set.
    root : path-like, optional
        As in `load`.

    Returns
    -------
    list of str
        Empty where they have numbers only.

    Examples
    --------
    >>> speaker_names("nmnist", ".")
    []
    """
    import h5py

    data = known(name, "train")
    path = data_root(root) / data.kind / data.sources["train"]
    if path.suffix != ".h5":
        return []
    with h5py.File(path) as file:
        return [item.decode() for item in file["extra/speaker_names"]] if "extra/speaker_names" in file else []


def check_archive(name: str, split: str, root: str | PathLike[str] | None = None) -> bool:
    """
    Verify the checksum of the archive that a split comes from.

    Parameters
    ----------
    name, split, root
        As in `load`.

    Returns
    -------
    bool
        Whether there is one; a stand-in has none.

    Raises
    ------
    DamagedDataError
        If it is not the published one.
    """
    from hetbrian._support.optional import calculate_md5

    data = known(name, split)
    folder = data_root(root) / data.kind
    archive, expected, url = archive_of(data, split)
    path = folder / archive
    if not path.exists() or (folder / STAND_IN).exists():
        return False
    found = calculate_md5(str(path))
    if found != expected:
        raise DamagedDataError(
            f"{str(path)!r} has the md5 {found}, expected {expected}: remove it and what came out of it, "
            f"and get it again from {url}."
        )
    return True


@checked(
    names=texts("names of data sets: give them in a list"),
    root=file_path,
    download=flag,
)
def check(
    names: Sequence[str] | None = None, root: str | PathLike[str] | None = None, download: bool = False
) -> Iterator[tuple[str, ...]]:
    """
    Read data sets, verify what checksums there are, and say what is there.

    Parameters
    ----------
    names : sequence of str, optional
        By default those of which a split is there.
    root, download
        As in `load`.

    Yields
    ------
    name, split, samples, classes, speakers, events a sample, checksum : str

    Raises
    ------
    FileNotFoundError
        If no data set is there, or none of the splits of one that is named.
    ValueError, DamagedDataError, ImportError
        As in `load`.
    """
    folder = data_root(root)
    there = {
        name: [split for split, source in data.sources.items() if download or (folder / data.kind / source).exists()]
        for name, data in DATA_SETS.items()
    }
    names = names or [name for name, data in DATA_SETS.items() if (folder / data.kind).exists()]
    if not names:
        folders = ", ".join(data.kind for data in DATA_SETS.values())
        raise FileNotFoundError(
            f"{str(folder)!r} holds no data set, expected one of the folders {folders}: check --data-root and {ROOT}."
        )
    for name in names:
        known(name, "train")
        for split in there[name] or ["train"]:
            recordings = load(name, split, root, download)
            checksum = "verified" if check_archive(name, split, root) else "no archive"
            yield (
                name,
                split,
                str(len(recordings)),
                str(len(recordings.classes)),
                "unknown" if recordings.groups is None else str(len(set(recordings.groups.tolist()))),
                f"{len(recordings.times) / len(recordings):.0f}",
                "stand-in" if is_stand_in(name, root) else checksum,
            )


def _download(data, split, folder):
    """Let tonic download a split, which verifies its checksum."""
    from hetbrian._support.optional import tonic

    archive, _, url = archive_of(data, split)
    try:
        getattr(tonic.datasets, data.kind)(str(folder.parent), **data.options[split])
    except (OSError, RuntimeError) as error:
        raise OSError(
            f"{archive} could not be downloaded from {url} ({error}), expected the data set {data.kind}: "
            f"download it by hand into {str(folder)!r} and unpack it there."
        ) from error


def _missing(name, split, folder):
    """Return the error that says what is missing and how to get it."""
    data = DATA_SETS[name]
    archive, _, url = archive_of(data, split)
    return FileNotFoundError(
        f"{str(folder / data.sources[split])!r} does not exist, expected the {split} split of {data.kind}: "
        f"get {archive} from {url} and unpack it there, or make a stand-in: "
        f"hetbrian data make {name} --out {str(folder.parent)!r}."
    )


def _fingerprint(data, source):
    """Return what changes when a file of a split changes."""
    files = sorted(source.glob(data.pattern)) if data.pattern else [source]
    digest = hashlib.sha256()
    for file in files:
        try:
            check_regular(file, "a file of events")
            status = file.stat()
        except (OSError, ValueError) as error:
            raise DamagedDataError(str(error)) from error
        digest.update(f"{file.relative_to(source)} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _store(name, split, folder, kept, fingerprint):
    """Read a split through tonic and keep it."""
    data = DATA_SETS[name]
    source = folder / data.sources[split]
    if source.suffix == ".h5":
        try_hdf5(source)
    try:
        dataset = opened(data, split, folder)
        samples = SAMPLES[name](dataset, source)
        classes = tuple(item.decode() if isinstance(item, bytes) else str(item) for item in dataset.classes)
    except DamagedDataError:
        raise
    except (OSError, LookupError, ValueError, RuntimeError, TypeError) as error:
        archive, _, url = archive_of(data, split)
        raise DamagedDataError(
            f"{str(source)!r} could not be read ({error}), expected the {split} split of {data.kind}: "
            f"get {archive} again from {url}."
        ) from error
    are_clips = name == "dvs128" and (folder / STAND_IN).exists()  # a few gestures of one's own
    check_labels(samples.labels, classes, source, samples.places, may_lack=are_clips)
    read = track(events(dataset, samples, data), f"reading {name} {split}", len(samples.labels))
    write_recordings(kept, fingerprint, read, samples.labels, samples.groups, samples.shape or data.shape, classes)
