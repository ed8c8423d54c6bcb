"""How recordings become input spikes: time bins, pooling, and random changes while training."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from brian2 import Quantity, ms, second
from numpy.typing import ArrayLike

from hetbrian._support.allowed import Allowed
from hetbrian._support.arguments import checked, of, quantity
from hetbrian._support.checks import count, flag, generator, positive, whole
from hetbrian._support.optional import torch
from hetbrian.torch.events import Events
from hetbrian.training.data.recordings import Recordings, sizes

MOST = 2**24
"""Units or pixels that a random shift stays below."""

BLOCK = 2**14
"""Events that are binned at once: so many fit the cache, those of a batch do not."""

SHIFT = Allowed(f"at least 0 and below {MOST}", "choose a smaller change", low=0.0, high=MOST, included=(True, False))

SHARE = Allowed("at least 0 and below 1", "choose a smaller change", low=0.0, high=1.0, included=(True, False))


@checked(
    n_bins=count,
    bin_width=quantity(second, positive),
    pool=count,
    merge=flag,
    once=flag,
    jitter=SHIFT,
    shift=partial(whole, least=0, most=MOST - 1),
    stretch=SHARE,
    drop=SHARE,
)
@dataclass(frozen=True)
class Binning:
    r"""
    Cut recordings into time bins, without ever making them dense.

    An event at time t falls into bin :math:`\lfloor t/\Delta t \rfloor`; what comes after the last bin is
    left out. Two events of one channel in one bin count twice, as two spikes do: each adds the
    channel's weight, in the fused cell as in `Events.dense`. With ``once`` they count once.

    The random changes act only where a generator is given, and never move an event to another sample.

    Parameters
    ----------
    n_bins : int
        Number of bins, the time steps of the network.
    bin_width : Quantity [second]
        Duration of a bin.
    pool : int
        So many neighbouring units, or squares of so many pixels a side, become one input.
    merge : bool
        Whether both polarities of a camera share an input.
    once : bool
        Whether an input has at most one event in a bin.
    jitter : float
        Standard deviation of a random shift of each event, in units or in pixels along each axis; events
        that leave the sensor are lost.
    shift : int
        Largest random shift of a whole sample, in units or in pixels along each axis.
    stretch : float
        Each sample is slowed by a factor drawn from 1 - stretch to 1 + stretch.
    drop : float
        Share of the events that are lost.

    Raises
    ------
    ValueError
        If a value is out of range.
    DimensionMismatchError
        If the width is no time.

    Examples
    --------
    >>> from brian2 import ms
    >>> from hetbrian.training.data.recordings import Recordings, sizes
    >>> one = Recordings(np.array([0.001, 0.012, 0.013], np.float32), np.array([0, 4, 5], np.int32), np.array([0, 3]),
    ...                  np.array([0]), None, (6,), ("a",))
    >>> Binning(n_bins=2, bin_width=10 * ms, pool=2).events(one, [0]).dense()[:, 0].tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 2.0]]
    """

    n_bins: int
    bin_width: Quantity
    pool: int = 1
    merge: bool = False
    once: bool = False
    jitter: float = 0.0
    shift: int = 0
    stretch: float = 0.0
    drop: float = 0.0

    @checked(shape=sizes)
    def shape_after(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """
        Return the shape of the inputs.

        Parameters
        ----------
        shape : tuple of int
            ``Recordings.shape``.

        Returns
        -------
        tuple of int
            Their product is the number of inputs.

        Raises
        ------
        ValueError
            If there are no polarities to merge.
        """
        if len(shape) == 1 and self.merge:
            raise ValueError(f"merge is True, expected False for {shape[0]} units without polarity: use pool instead.")
        if len(shape) == 1:
            return (-(-shape[0] // self.pool),)
        polarities, height, width = shape
        return (1 if self.merge else polarities, -(-height // self.pool), -(-width // self.pool))

    @checked(shape=sizes)
    def n_inputs(self, shape: tuple[int, ...]) -> int:
        """Return the number of inputs, the product of `shape_after`."""
        return int(np.prod(self.shape_after(shape)))

    @checked(
        recordings=of(Recordings, advice="load them, or make one"),
        rng=generator,
    )
    def events(self, recordings: Recordings, samples: ArrayLike, rng: np.random.Generator | None = None) -> Events:
        """
        Return the input spikes of a batch.

        Parameters
        ----------
        recordings : Recordings
        samples : array-like of int, shape (batch,)
            Which of them, in this order.
        rng : Generator, optional
            Draws the random changes; without it there are none.

        Returns
        -------
        Events
            Of shape (n_bins, batch, inputs).

        Raises
        ------
        ValueError
            If there are no polarities to merge.
        """
        parts = recordings.slices(samples)
        begin = np.cumsum([0, *(part.stop - part.start for part in parts)])
        scale = np.full(len(parts), (1 + 1e-7) / float(self.bin_width))  # float32 puts 0.01 s before the bin of 0.01 s
        if rng is not None and self.stretch:
            scale *= rng.uniform(1 - self.stretch, 1 + self.stretch, len(parts))
        luck = rng.random(begin[-1], dtype=np.float32) if rng is not None and self.drop else None
        moves = [] if rng is None else self._moves(recordings.shape, len(parts), begin[-1], rng)
        inputs, found = self._inputs(recordings.shape), []
        for some in _blocks(begin):
            sample = np.repeat(np.arange(some.start, some.stop), np.diff(begin[some.start : some.stop + 1]))
            times = np.concatenate([recordings.times[part] for part in parts[some]])
            channel = np.concatenate([recordings.channels[part] for part in parts[some]]).astype(np.int32, copy=False)
            here = slice(begin[some.start], begin[some.stop])
            passed = times * scale[sample]  # compared as they are: late ones fit in no integer
            kept = passed < self.n_bins
            if luck is not None:
                kept &= luck[here] >= self.drop
            if moves:
                channel, inside = _moved(channel, moves, sample, here)
                kept &= inside
            row = sample[kept] * self.n_bins + passed[kept].astype(np.int64)
            found.append((some, row - some.start * self.n_bins, inputs.take(channel[kept])))
        return self._listed(found, len(parts), self.n_inputs(recordings.shape))

    def _inputs(self, shape):
        """Return the input of each channel."""
        axes = np.indices(shape)
        axes[-2:] //= self.pool  # a polarity is no place
        if self.merge:
            axes[0] = 0
        return np.ravel_multi_index(tuple(axes), self.shape_after(shape)).ravel().astype(np.int32)

    def _moves(self, shape, n_samples, n_events, rng):
        """Return random shifts along x and y, or units: the size of the axis, shifts of samples and those of events."""
        moves = []
        for size in shape[::-1][:2] if self.shift or self.jitter else ():  # a polarity stays
            shift = away = None
            if self.shift:
                shift = rng.integers(-self.shift, self.shift, n_samples, dtype=np.int32, endpoint=True)
            if self.jitter:
                away = rng.standard_normal(n_events, dtype=np.float32)
                away *= np.float32(self.jitter)
            moves.append((size, shift, away))
        return moves

    def _listed(self, found, batch, n_inputs):
        """Return the events by time step, of rows by sample and time step, and inputs, of blocks of samples."""
        sizes = np.empty((batch, self.n_bins), dtype=np.int64)
        for some, row, _ in found:
            sizes[some] = np.bincount(row, minlength=sizes[some].size).reshape(-1, self.n_bins)
        begin = np.concatenate([[0], np.cumsum(sizes.T.ravel())])
        index, goes_to = np.empty(begin[-1], dtype=np.int32), begin[:-1].reshape(self.n_bins, batch).T
        for some, row, channel in found:  # rows are sorted: an event's place is where its row goes plus its rank in it
            size = sizes[some].ravel()
            index[np.arange(len(row)) + np.repeat(goes_to[some].ravel() - (np.cumsum(size) - size), size)] = channel
        if self.once:
            seen = np.zeros(self.n_bins * batch * n_inputs, dtype=bool)
            seen[np.repeat(np.arange(self.n_bins * batch) * n_inputs, np.diff(begin)) + index] = True
            row, index = np.divmod(np.flatnonzero(seen), n_inputs)
            begin = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=self.n_bins * batch))])
        return Events(
            torch.from_numpy(begin),
            torch.from_numpy(index.astype(np.int32, copy=False)),
            (self.n_bins, batch, n_inputs),
        )


def _blocks(begin):
    """Yield slices of samples that follow each other and have `BLOCK` events or less, or are one sample."""
    first = 0
    while first < len(begin) - 1:
        last = max(first + 1, int(begin.searchsorted(begin[first] + BLOCK, side="right")) - 1)
        yield slice(first, last)
        first = last


def _moved(channel, moves, sample, here):
    """Return channels after random shifts, and which are still on the sensor; the others get any channel."""
    inside = np.ones(len(channel), dtype=bool)
    moved, stride = 0, 1
    for size, shift, away in moves:
        rest = channel // size
        axis = channel - size * rest
        if shift is not None:
            axis += shift[sample]
        if away is not None:
            axis += np.rint(away[here]).astype(np.int32)
        inside &= (axis >= 0) & (axis < size)
        moved = moved + stride * axis.clip(0, size - 1)
        stride *= size
        channel = rest
    return moved + stride * channel, inside


BINNINGS = {
    # 2000 steps of 0.5 ms for every set; its cameras are not pooled
    "paper": dict.fromkeys(("nmnist", "dvs128", "shd", "ssc"), Binning(2000, 0.5 * ms)),
    "strong": {
        "nmnist": Binning(60, 5 * ms, pool=2, shift=2, stretch=0.1, drop=0.1),
        "dvs128": Binning(75, 20 * ms, pool=4, merge=True, shift=8, stretch=0.1, drop=0.1),
        **dict.fromkeys(("shd", "ssc"), Binning(100, 10 * ms, pool=2, jitter=5.0, shift=20, stretch=0.2, drop=0.1)),
    },
}
"""Time steps, pooling and random changes by preset and data set."""
