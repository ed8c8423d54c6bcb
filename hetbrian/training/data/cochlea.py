"""A filter bank after the inner ear: sound in, spikes of many frequency channels out."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.fft import ifft, rfft
from scipy.signal import lfilter

from hetbrian._support.arguments import checked
from hetbrian._support.checks import count, positive

CORNER = 24.7 * 9.265
"""Hz; the equivalent rectangular bandwidth is (f + CORNER)/9.265 (Glasberg & Moore 1990)."""

SILENCE = 0.1
"""Seconds after the sound: the filters wrap around, and ring for less than this."""


@checked(n_channels=count, low=positive, high=positive, duration=positive)
@dataclass(frozen=True)
class Cochlea:
    r"""
    Turn sounds into spikes.

    Each channel is a fourth-order gammatone filter of the ear's bandwidth; its envelope e is compressed to
    :math:`\log(1 + e/e_0)`, and what exceeds a share of its own running mean drives a neuron that sums
    its drive and spikes at every whole number, with a dead time. Louder means more and earlier spikes,
    onsets weigh most, as in the auditory nerve.

    Not a model of hearing: the hydrodynamics, hair cells and bushy cells of Cramer et al. are left out.

    Parameters
    ----------
    n_channels : int
        Channels, from low to high, at equal distances in bandwidths.
    low, high : float
        Centre frequencies of the outer channels, in Hz.
    duration : float
        Longest sound, in s; the rest is cut off.
    rate : float
        Spikes per second for a drive of 1, without the dead time.
    dead_time : float
        Shortest interval between spikes of a channel, in s.
    quiet : float
        Envelope e_0 where compression begins, in units of the sound.
    threshold : float
        Drive that is not enough for any spike.
    adaptation, recovery : float
        Share of the running mean that is taken off, and its time constant in s.

    Raises
    ------
    ValueError
        If the lowest channel is not below the highest.

    References
    ----------
    Cramer et al. 2022, IEEE TNNLS 33:2744, https://doi.org/10.1109/TNNLS.2020.3044364;
    Glasberg & Moore 1990, Hearing Research 47:103, https://doi.org/10.1016/0378-5955(90)90170-T

    Examples
    --------
    A tone excites the channel of its frequency most.

    >>> cochlea = Cochlea()
    >>> tone = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(8000) / 16000)
    >>> times, channels = cochlea.spikes(tone, 16000, np.random.default_rng(0))
    >>> bool(abs(cochlea.centres[np.bincount(channels).argmax()] / 1000 - 1) < 0.1)
    True
    """

    n_channels: int = 700
    low: float = 60.0
    high: float = 7500.0
    duration: float = 1.4
    rate: float = 45.0
    dead_time: float = 0.002
    quiet: float = 0.002
    threshold: float = 0.1
    adaptation: float = 0.6
    recovery: float = 0.06

    def __post_init__(self):
        """Check what relates two values."""
        if not self.low < self.high:
            raise ValueError(f"low is {self.low:g} Hz and high {self.high:g}, expected low below high: exchange them.")

    @cached_property
    def centres(self):
        """Ndarray of shape (channel,) : centre frequencies in Hz."""
        return np.geomspace(self.low + CORNER, self.high + CORNER, self.n_channels) - CORNER

    @property
    def _window(self):
        """Float : seconds that are transformed."""
        return self.duration + SILENCE

    @cached_property
    def _bands(self):
        """Return for each channel its bins of the spectrum, and their gains."""
        half = round(512 * self._window)  # bins of 1/window: bands of 1024 Hz, moved to 0 Hz
        offsets = np.arange(-half, half)
        bandwidth = 1.019 * (self.centres + CORNER) / 9.265
        gains = (1 + (offsets / self._window / bandwidth[:, None]) ** 2) ** -2
        bins = np.rint(self.centres * self._window).astype(int)[:, None] + offsets
        # shifted so that the band's centre comes first, as the inverse transform wants it
        bins, gains = np.fft.ifftshift(bins, axes=1), np.fft.ifftshift(gains, axes=1)
        return bins.clip(0), np.where(bins > 0, gains, 0).astype(np.float32)

    def envelopes(self, sound, sample_rate):
        """
        Return the envelope of each channel, 1024 times a second, until a little after the sound.

        Parameters
        ----------
        sound : ndarray, shape (sample,)
        sample_rate : float
            In Hz.

        Returns
        -------
        ndarray of float32, shape (channel, time)
            1 for a sine of amplitude 1 at the centre.
        """
        n = round(self._window * sample_rate)
        bins, gains = self._bands
        spectrum = np.zeros(max(n // 2, bins.max() + 1), dtype=np.complex64)  # nothing above the Nyquist frequency
        heard = np.asarray(sound[: round(self.duration * sample_rate)], dtype=np.float32)
        spectrum[: n // 2] = rfft(heard, n)[: n // 2]
        bands = ifft(spectrum[bins] * gains, axis=1, overwrite_x=True)
        kept = round((len(heard) / sample_rate + SILENCE / 2) * bins.shape[1] / self._window)
        return np.abs(bands[:, :kept]) * np.float32(2 * bins.shape[1] / n)

    def spikes(self, sound, sample_rate, rng):
        """
        Return the spikes of a sound.

        Parameters
        ----------
        sound : ndarray, shape (sample,)
        sample_rate : float
            In Hz.
        rng : Generator
            Draws where between two spikes each channel starts.

        Returns
        -------
        times : ndarray of float64, shape (spike,)
            In s, sorted.
        channels : ndarray of int64, shape (spike,)
        """
        envelopes = self.envelopes(sound, sample_rate)
        step = self._window / self._bands[0].shape[1]
        drive = np.log1p(envelopes * np.float32(1 / self.quiet))
        forgets = np.float32(step / self.recovery)
        mean = lfilter(np.array([forgets]), np.array([1, forgets - 1], dtype=np.float32), drive, axis=1)
        rate = np.float32(self.rate) * (drive - np.float32(self.adaptation) * mean - np.float32(self.threshold)).clip(0)
        advance = rate / (np.float32(1 / step) + rate * np.float32(self.dead_time / step))
        start = rng.random((self.n_channels, 1), dtype=np.float32)
        phase = np.cumsum(np.concatenate([start, advance], axis=1), axis=1)
        whole = np.floor(phase)
        channels, at = np.nonzero(whole[:, 1:] > whole[:, :-1])
        late = (phase[channels, at + 1] - whole[channels, at + 1]) / advance[channels, at]  # since then, in steps
        times = np.maximum(at + 1 - late, 0) * step
        order = np.argsort(times, kind="stable")
        return times[order], channels[order]
