"""Recorded sounds as targets, and targets as sounds."""

import math
import os
import struct
import warnings

import numpy as np
from brian2 import Hz, Quantity, get_logger, kHz, ms, second
from numpy.typing import ArrayLike, NDArray

from hetbrian._support.arguments import checked, optional, quantity
from hetbrian._support.checks import count, few_enough, file_path, numbers, object_name, positive
from hetbrian._support.files import check_regular
from hetbrian.readout.target import Target

logger = get_logger(f"brian2.{__name__}")  # whose handlers show it

HIGHEST = 8 * kHz
"""Upper edge of the bands of a recording whose sample rate is high enough."""


@checked(path=file_path)
def upper_edge(path: str | os.PathLike[str]) -> Quantity:
    """
    Return the upper edge that the bands of a recording have by default: 8 kHz, or half its sample rate if that is less.

    Parameters
    ----------
    path : path-like
        WAV file, as of `sound`.

    Returns
    -------
    Quantity [hertz]

    Raises
    ------
    FileNotFoundError, ValueError
        As `sound`.
    """
    return _upper_edge(_read_wav(path)[1])


def _upper_edge(rate: float) -> Quantity:
    return min(HIGHEST, rate / 2 * Hz)


@checked(
    path=file_path,
    n_bands=count,
    dt=quantity(second, positive),
    low=quantity(Hz, positive),
    high=optional(quantity(Hz, positive)),
    dynamic_range=positive,
    smoothing=quantity(second, positive),
    name=object_name,
)
def sound(
    path: str | os.PathLike[str],
    *,
    n_bands: int,
    dt: Quantity,
    low: Quantity = 500 * Hz,
    high: Quantity | None = None,
    smoothing: Quantity = 10 * ms,
    dynamic_range: float = 40.0,
    name: str = "sound*",
) -> Target:
    r"""
    Build a target from a recording: how loud each of its frequency bands is.

    The recording passes a bank of bands with the gain :math:`\cos^2(\pi d/2)`, where d < 1 is
    the distance from the band's centre in band spacings on a logarithmic axis. The amplitude of
    the analytic signal of each band is smoothed with a Gaussian and becomes
    :math:`\max(0, 1 + L/R)`, where L is its level in dB below the loudest value of all bands and
    R the dynamic range. All filters wrap around the end, so that the song repeats without a jump.

    Not for pitch: within a band the waveform is lost. `resynthesise` makes what is left audible.

    Parameters
    ----------
    path : path-like
        WAV file: 8 to 64 bit integers or floats; channels are averaged.
    n_bands : int
        Number of bands and outputs.
    dt : Quantity [second]
        Time step of the simulation.
    low, high : Quantity [hertz], optional
        Edges that the bands divide into equal ratios; by default the upper one is that of `upper_edge`.
    smoothing : Quantity [second]
        Standard deviation of the Gaussian.
    dynamic_range : float
        Level difference R between 1 and 0, in dB.
    name : str
        Name in Brian2 code.

    Returns
    -------
    Target
        Values within [0, 1], named after the bands' centres; the period is the length of the
        sound, rounded to whole steps.

    Raises
    ------
    DimensionMismatchError
        If a quantity has the wrong unit.
    FileNotFoundError
        If there is no file at `path`.
    ValueError
        If it is no regular file, or not a WAV file, cut short, empty, silent or not finite, if it is shorter
        than `dt`, or if a number is out of range, such as a band above half the sample rate.
    """
    step, width, decibels = float(dt), float(smoothing), float(dynamic_range)
    samples, rate = _read_wav(path)
    if high is None:
        high = _upper_edge(rate)
        if high < HIGHEST:
            said = "bands end at %s, half the sample rate of %s; resynthesise needs the same as high=."
            logger.info(said % (high, path), "upper_edge", once=True)
    centres = _band_centres(n_bands, low, high, rate)
    n_samples = len(samples)
    n_steps = few_enough(n_samples / rate / step, "dt")
    if n_steps < 1:
        raise ValueError(f"dt is {dt}, expected less than the sound of {n_samples / rate:g} s: reduce dt.")
    frequencies = np.fft.rfftfreq(n_samples, 1 / rate)
    gaussian = np.exp(-2 * (np.pi * frequencies * width) ** 2)
    spectrum = np.fft.rfft(samples)
    grid = np.arange(n_steps) / n_steps * n_samples  # time of each step, in samples
    envelopes = np.empty((n_steps, n_bands))
    for band, centre in enumerate(centres):
        with np.errstate(divide="ignore"):  # 0 Hz is infinitely far from every band
            distance = np.log(frequencies / centre) / math.log(high / low) * n_bands
        gain = np.cos(np.pi / 2 * np.clip(distance, -1, 1)) ** 2
        amplitude = np.abs(np.fft.ifft(2 * gain * spectrum, n=n_samples))
        smooth = np.fft.irfft(gaussian * np.fft.rfft(amplitude), n=n_samples)
        envelopes[:, band] = np.interp(grid, np.arange(n_samples), smooth, period=n_samples)
    loudest = envelopes.max()
    with np.errstate(divide="ignore"):
        levels = 20 * np.log10(np.maximum(envelopes, 0.0) / loudest)
    names = [f"{centre:.0f} Hz" for centre in centres]
    return Target(np.maximum(0.0, 1 + levels / decibels), dt, periodic=True, output_names=names, name=name)


@checked(
    dt=quantity(second, positive),
    low=quantity(Hz, positive),
    high=optional(quantity(Hz, positive)),
    dynamic_range=positive,
    rate=quantity(Hz, positive),
)
def resynthesise(
    envelopes: ArrayLike,
    *,
    dt: Quantity,
    low: Quantity = 500 * Hz,
    high: Quantity | None = None,
    dynamic_range: float = 40.0,
    rate: Quantity = 44.1 * kHz,
) -> NDArray[np.float64]:
    """
    Turn the envelopes of `sound`, or what a readout learned of them, into audio.

    Each band is a sine at its centre, as loud as its envelope says; values at or below 0 are
    silent, values above 1 count as 1. Not the recording: its phases are lost.

    Parameters
    ----------
    envelopes : array, shape (time, n_bands)
        Values of the outputs.
    dt : Quantity [second]
        Time between two rows.
    low, high : Quantity [hertz], optional
        Edges, as given to `sound`; by default the upper one is 8 kHz, or half of `rate` if that is less.
    dynamic_range : float
        Level difference between 1 and 0 in dB, as given to `sound`.
    rate : Quantity [hertz]
        Sample rate of the audio.

    Returns
    -------
    array, shape (samples,)
        Audio within [-1, 1] for ``scipy.io.wavfile.write``; all 0 if every envelope is silent.

    Raises
    ------
    DimensionMismatchError
        If a quantity has the wrong unit.
    ValueError
        If `envelopes` is not two-dimensional, empty or not finite, or a number is out of range.

    Examples
    --------
    >>> from brian2 import ms
    >>> audio = resynthesise([[0, 1, 0]] * 100, dt=1*ms)
    >>> audio.shape, round(float(abs(audio).max()), 3)
    ((4410,), 1.0)
    """
    values = numbers(envelopes, "envelopes", may_be_infinite=True)
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(
            f"envelopes has shape {values.shape}, expected (time, n_bands), both at least 1: give one column per band."
        )
    if not np.all(np.isfinite(values)):
        raise ValueError("envelopes contains nan or inf, expected finite numbers: check the readout.")
    step, decibels, rate_ = float(dt), float(dynamic_range), float(rate)
    centres = _band_centres(values.shape[1], low, _upper_edge(rate_) if high is None else high, rate_)
    seconds = np.arange(few_enough(len(values) * step * rate_, "rate times dt")) / rate_
    audio = np.zeros(len(seconds))
    for band, centre in enumerate(centres):
        value = np.clip(np.interp(seconds, np.arange(len(values)) * step, values[:, band]), 0, 1)
        amplitude = np.where(value > 0, 10 ** ((value - 1) * decibels / 20), 0.0)
        # phases quadratic in the band keep the peaks low (Schroeder 1970, doi:10.1109/TIT.1970.1054411)
        audio += amplitude * np.sin(2 * np.pi * centre * seconds + np.pi * band**2 / len(centres))
    peak = np.max(np.abs(audio), initial=0.0)
    return audio / peak if peak > 0 else audio


def _read_wav(path: str | os.PathLike[str]) -> tuple[NDArray[np.float64], float]:
    """Return the mean over the channels of a WAV file, shape (samples,), and its sample rate (Hz)."""
    from scipy.io import wavfile

    check_regular(path, "a WAV file")
    if os.path.getsize(path) == 0:
        raise ValueError(f"path is '{path}', expected a WAV file, got an empty file: record it again.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", wavfile.WavFileWarning)  # a file cut short only warns
            warnings.filterwarnings("ignore", "Chunk .non-data. not understood", wavfile.WavFileWarning)
            rate, samples = wavfile.read(path)
    except (ValueError, struct.error, ZeroDivisionError, wavfile.WavFileWarning) as error:
        raise ValueError(f"path is '{path}', expected a whole WAV file ({error}): convert it to 16-bit PCM.") from error
    if samples.size == 0:
        raise ValueError(f"path is '{path}', expected a sound, got zero samples: record it again.")
    mono = samples.astype(float).reshape(len(samples), -1).mean(axis=1)
    if not np.all(np.isfinite(mono)):
        raise ValueError(f"path is '{path}', expected finite samples, got nan or inf: export it again.")
    if np.ptp(mono) == 0:
        raise ValueError(f"path is '{path}', expected a sound, got a silent recording: check the channels.")
    return mono - mono.mean(), float(rate)


def _band_centres(n_bands: int, low: Quantity, high: Quantity, rate: float) -> NDArray[np.float64]:
    """Return the geometric centres (Hz) of bands that divide low to high into equal ratios."""
    low_, high_ = float(low), float(high)
    if low_ >= high_:
        raise ValueError(f"low is {low}, expected less than high = {high}: exchange or move the edges.")
    if high_ > rate / 2:
        raise ValueError(f"high is {high}, expected at most half the sample rate, {rate / 2:g} Hz: reduce high.")
    return low_ * (high_ / low_) ** ((np.arange(n_bands) + 0.5) / n_bands)
