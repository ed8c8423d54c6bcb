"""A camera that reports changes of brightness, pixel by pixel, instead of pictures."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class EventCamera:
    r"""
    Turn a film into events.

    A pixel sends an event, ON or OFF, whenever the logarithm of its brightness has changed by its threshold
    since its last event; between two frames the logarithm is taken to change linearly. Pixels differ in their
    thresholds, events come a little early or late, and some come without cause.

    Parameters
    ----------
    threshold : float
        Change of the logarithm.
    mismatch : float
        Relative standard deviation of the threshold over pixels.
    jitter : float
        Standard deviation of an event's time, in s.
    noise : float
        Events per second and pixel without cause.

    References
    ----------
    Rebecq, Gehrig & Scaramuzza 2018, ESIM, CoRL, https://proceedings.mlr.press/v87/rebecq18a.html

    Examples
    --------
    A pixel that becomes e times as bright passes thresholds of 0.25 four times.

    >>> camera = EventCamera(threshold=0.2499, mismatch=0, jitter=0, noise=0)
    >>> film = np.exp(np.linspace(0, 1, 11))[:, None, None]
    >>> times, x, y, on = camera.events(film, np.linspace(0, 1, 11), np.random.default_rng(0))
    >>> times.round(2).tolist(), on.all().item()
    ([0.25, 0.5, 0.75, 1.0], True)
    """

    threshold: float = 0.3
    mismatch: float = 0.05
    jitter: float = 0.5e-3
    noise: float = 0.2

    def events(self, film, times, rng):
        """
        Return the events of a film.

        Parameters
        ----------
        film : ndarray, shape (frame, height, width)
            Brightness, above 0.
        times : ndarray, shape (frame,)
            When each frame is, in s.
        rng : Generator
            Draws thresholds, jitter and noise.

        Returns
        -------
        times : ndarray of float64, shape (event,)
            In s, sorted, within those of the film.
        x, y : ndarray of int64, shape (event,)
        on : ndarray of bool, shape (event,)
            Whether it became brighter.
        """
        n_frames, height, width = film.shape
        pixels = height * width
        levels = np.log(film).reshape(n_frames, pixels)
        threshold = self.threshold * (1 + self.mismatch * rng.standard_normal(pixels)).clip(0.5)
        reference = levels[0].astype(np.float64)
        parts = []
        for frame in range(1, n_frames):
            crossed = np.trunc((levels[frame] - reference) / threshold)
            (active,) = np.nonzero(crossed)
            if not len(active):
                continue
            number = np.abs(crossed[active]).astype(int)
            pixel = np.repeat(active, number)
            nth = np.arange(len(pixel)) - np.repeat(np.cumsum(number) - number, number) + 1
            sign = np.sign(crossed[pixel])
            at = reference[pixel] + sign * nth * threshold[pixel]
            before, after = levels[frame - 1][pixel], levels[frame][pixel]
            change = after - before  # 0 if rounding delayed an event by a frame
            share = np.divide(at - before, change, out=np.zeros(len(at)), where=change != 0).clip(0, 1)
            when = times[frame - 1] + share * (times[frame] - times[frame - 1])
            parts.append((when + self.jitter * rng.standard_normal(len(when)), pixel, sign > 0))
            reference[active] += crossed[active] * threshold[active]
        uncaused = rng.poisson(self.noise * pixels * (times[-1] - times[0]))
        parts.append(
            (rng.uniform(times[0], times[-1], uncaused), rng.integers(0, pixels, uncaused), rng.random(uncaused) < 0.5)
        )
        when, pixel, on = (np.concatenate(column) for column in zip(*parts, strict=True))
        when = when.clip(times[0], times[-1])
        order = np.argsort(when, kind="stable")
        return when[order], pixel[order] % width, pixel[order] // width, on[order]
