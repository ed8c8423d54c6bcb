"""Labelled event recordings of one split of a data set, all in memory, as flat arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hetbrian._support.allowed import Allowed
from hetbrian._support.arguments import checked, of, optional
from hetbrian._support.checks import LARGEST_COUNT, generator, integers, shown, whole

BLOCK = 2**22
"""Events that are checked at once, so that the arrays may be larger than the memory."""


def sizes(value: Any, name: str) -> None:
    """Refuse what is no shape of a sensor."""
    if not isinstance(value, (tuple, list)) or len(value) not in (1, 3):
        raise ValueError(f"{name} is {shown(value)}, expected units, (700,), or (2, 34, 34): give one or three sizes.")
    for size in value:
        whole(size, f"a size of {name}", 1)
    if math.prod(value) > LARGEST_COUNT:
        raise ValueError(f"{name} is {shown(value)}, expected at most {LARGEST_COUNT} inputs: give smaller sizes.")


HELD_OUT = Allowed("a share between 0 and 1", "give 0.1, say", low=0.0, high=1.0, included=(False, False))

ARRAY = of(np.ndarray, advice="convert it")


@checked(
    times=ARRAY,
    channels=ARRAY,
    begin=ARRAY,
    labels=ARRAY,
    groups=optional(ARRAY),
    shape=sizes,
    classes=of(tuple, list, advice="give the name of each label"),
)
@dataclass(frozen=True)
class Recordings:
    """
    Hold the events of many samples, one after the other.

    Parameters
    ----------
    times : ndarray of float32, shape (event,)
        Seconds from the sample's start, growing within a sample.
    channels : ndarray of int32, shape (event,)
        Which input: the unit of a cochlea, or polarity*height*width + y*width + x of a camera.
    begin : ndarray of int64, shape (sample + 1,)
        Where the events of each sample begin; ends with their number.
    labels : ndarray of int64, shape (sample,)
        Class of each sample.
    groups : ndarray of int64, shape (sample,), or None
        Who spoke or moved, or None if that is not known.
    shape : tuple of int
        Units, (700,), or polarities, height and width, (2, 34, 34).
    classes : tuple of str
        Names of the labels.

    Raises
    ------
    TypeError
        If times are no floating-point numbers, or channels, beginnings, labels or groups no integers.
    ValueError
        If the arrays do not fit together, or a label, channel or time is out of range.

    Examples
    --------
    >>> two = Recordings(
    ...     times=np.array([0.1, 0.2, 0.1], np.float32), channels=np.array([0, 1, 1], np.int32),
    ...     begin=np.array([0, 2, 3]), labels=np.array([0, 1]), groups=None, shape=(2,), classes=("one", "two"),
    ... )
    >>> two.counts().tolist(), len(two.select([1]).times)
    ([[1, 1], [0, 1]], 1)
    """

    times: np.ndarray
    channels: np.ndarray
    begin: np.ndarray
    labels: np.ndarray
    groups: np.ndarray | None
    shape: tuple[int, ...]
    classes: tuple[str, ...]

    def __post_init__(self):
        """Check what binning and training rely on."""
        for name in ("times", "channels", "begin", "labels", "groups"):
            array = getattr(self, name)
            kinds, expected = ("f", "floating-point seconds") if name == "times" else ("iu", "integers")
            if array is not None and array.dtype.kind not in kinds:
                raise TypeError(f"{name} have the dtype {array.dtype}, expected {expected}: convert them.")
            if array is not None and array.ndim != 1:
                raise ValueError(f"{name} have {array.ndim} axes, expected one: flatten them.")
            if isinstance(array, np.ma.MaskedArray):
                raise TypeError(f"{name} are a masked array, expected all events: leave out what is masked.")
        object.__setattr__(self, "begin", self.begin.astype(np.int64, copy=False))  # whose differences may be negative
        n_events, n_samples = len(self.times), len(self.labels)
        fits = len(self.begin) == n_samples + 1 and self.begin[0] == 0 and self.begin[-1] == n_events
        if not fits or len(self.channels) != n_events or (np.diff(self.begin) < 0).any():
            raise ValueError(
                f"{n_events} times, {len(self.channels)} channels and {len(self.begin)} beginnings do not make "
                f"{n_samples} samples, expected one channel a time and begin from 0 to their number: check the arrays."
            )
        if self.groups is not None and len(self.groups) != n_samples:
            raise ValueError(f"{len(self.groups)} groups are given, expected {n_samples}: give one for each sample.")
        _within(self.labels, len(self.classes), "label")
        _within(self.channels, self.n_channels, "channel")
        if n_events and not (self.times.min() >= 0 and math.isfinite(self.times.max())):  # min of a nan is nan
            raise ValueError("times are negative or not finite, expected seconds from the sample's start: check them.")
        for first in range(0, n_events, BLOCK):
            part = self.times[first : first + BLOCK + 1]
            falls = np.flatnonzero(part[1:] < part[:-1]) + first + 1
            falls = falls[~np.isin(falls, self.begin)]
            if len(falls):
                sample = int(np.searchsorted(self.begin, falls[0], side="right")) - 1
                raise ValueError(f"the times of sample {sample} fall, expected them sorted: sort each sample by time.")

    def __len__(self):
        return len(self.labels)

    @property
    def n_channels(self):
        """Int : number of inputs."""
        return math.prod(self.shape)

    def _samples(self, samples: ArrayLike) -> np.ndarray:
        """Return numbers of samples; others than there are are refused."""
        found = integers(samples, "samples")
        if found.ndim != 1 or (found.size and not 0 <= found.min() <= found.max() < len(self)):
            raise ValueError(f"samples is {shown(samples)}, expected numbers below {len(self)}: it has no more.")
        return found

    def slices(self, samples: ArrayLike) -> list[slice]:
        """
        Return where the events of some samples are.

        Parameters
        ----------
        samples : array-like of int, shape (chosen,)

        Returns
        -------
        list of slice
            Into ``times`` and ``channels``, for each sample.
        """
        chosen = self._samples(samples)
        return [slice(*ends) for ends in zip(self.begin[chosen].tolist(), self.begin[chosen + 1].tolist(), strict=True)]

    def select(self, samples: ArrayLike) -> Recordings:
        """
        Return some samples, in the order given.

        Parameters
        ----------
        samples : array-like of int, shape (chosen,)

        Returns
        -------
        Recordings
        """
        samples = self._samples(samples)
        parts = self.slices(samples)
        times, channels = (
            np.concatenate([array[:0], *(array[part] for part in parts)]) for array in (self.times, self.channels)
        )
        begin = np.concatenate([[0], np.cumsum(self.begin[samples + 1] - self.begin[samples])])
        groups = None if self.groups is None else self.groups[samples]
        return Recordings(times, channels, begin, self.labels[samples], groups, self.shape, self.classes)

    def counts(self) -> np.ndarray:
        """
        Return how many events each channel has in each sample.

        Returns
        -------
        ndarray of int32, shape (sample, channel)
        """
        counts = np.empty((len(self), self.n_channels), dtype=np.int32)
        for row, first, last in zip(counts, self.begin, self.begin[1:], strict=False):
            row[:] = np.bincount(self.channels[first:last], minlength=self.n_channels)
        return counts

    @checked(
        held_out=HELD_OUT,
        rng=generator,
    )
    def split(self, held_out: float, rng: np.random.Generator) -> tuple[Recordings, Recordings]:
        """
        Hold samples out for validation: whole groups where there are groups, else a share of each class.

        Speakers and subjects must not be on both sides: a network that knows the voice recognises the word
        more easily, and the validation would promise too much.

        Parameters
        ----------
        held_out : float
            Share of the groups, or of the samples of each class; at least one.
        rng : Generator
            Draws which.

        Returns
        -------
        training, validation : Recordings

        Raises
        ------
        ValueError
            If the share is not between 0 and 1, or a class has nothing left to train on.
        """
        out = np.zeros(len(self), dtype=bool)
        if self.groups is None:
            for label in np.unique(self.labels):
                members = np.flatnonzero(self.labels == label)
                out[rng.permutation(members)[: max(1, round(held_out * len(members)))]] = True
        else:
            groups = np.unique(self.groups)
            out = np.isin(self.groups, rng.permutation(groups)[: max(1, round(held_out * len(groups)))])
        lost = np.setdiff1d(self.labels, self.labels[~out])
        if len(lost):
            raise ValueError(
                f"class {self.classes[lost[0]]!r} has no training samples left, expected at least one: "
                "hold out less, or add samples."
            )
        return self.select(np.flatnonzero(~out)), self.select(np.flatnonzero(out))


def of_samples(
    times: Sequence[np.ndarray],
    channels: Sequence[np.ndarray],
    labels: np.ndarray,
    shape: tuple[int, ...],
    classes: tuple[str, ...],
) -> Recordings:
    """
    Return recordings of samples that are made one by one, their events sorted by time.

    Parameters
    ----------
    times, channels : sequence of ndarray, shape (event,)
        Of each sample; times in s.
    labels : ndarray of int, shape (sample,)
    shape, classes : tuple
        As those of `Recordings`.

    Returns
    -------
    Recordings
    """
    orders = [np.argsort(row) for row in times]
    return Recordings(
        np.concatenate([row[order] for row, order in zip(times, orders, strict=True)]).astype(np.float32),
        np.concatenate([row[order] for row, order in zip(channels, orders, strict=True)]).astype(np.int32),
        np.concatenate([[0], np.cumsum([len(row) for row in times])]),
        labels,
        None,
        shape,
        classes,
    )


def joined(parts: Sequence[Recordings]) -> Recordings:
    """
    Return the samples of several recordings, one after the other.

    Parameters
    ----------
    parts : sequence of Recordings
        Of one data set.

    Returns
    -------
    Recordings

    Raises
    ------
    ValueError
        If their channels or classes differ.
    """
    first = parts[0]
    for part in parts[1:]:
        if (part.shape, part.classes) != (first.shape, first.classes):
            raise ValueError(
                f"recordings of shape {first.shape} and {part.shape}, {len(first.classes)} and {len(part.classes)} "
                "classes, expected the same: take them from one data set."
            )
    times, channels, labels = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("times", "channels", "labels")
    )
    begin = np.concatenate([[0], np.cumsum(np.concatenate([np.diff(part.begin) for part in parts]))])
    groups = None if any(part.groups is None for part in parts) else np.concatenate([part.groups for part in parts])
    return Recordings(times, channels, begin, labels, groups, first.shape, first.classes)


def _within(values, size, name):
    """Refuse what is no index into ``size`` items."""
    if len(values) and not 0 <= values.min() <= values.max() < size:
        wrong = int(values.min()) if values.min() < 0 else int(values.max())
        raise ValueError(f"{name} {wrong} is out of range, expected 0 to {size - 1}: the file may be damaged.")
