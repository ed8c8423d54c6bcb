"""Handwritten digits as N-MNIST shows them: a still picture before a camera that makes three saccades."""

from functools import cache
from itertools import pairwise

import numpy as np
from scipy.ndimage import shift, zoom

from hetbrian.training.data.standins.camera import EventCamera

CAMERA = EventCamera(threshold=0.42, mismatch=0.03, jitter=0.8e-3, noise=0.33)
SIDE = 34
"""Pixels of the sensor, along x and y."""
CORNERS = np.array([(0.0, 0.0), (3.5, 7.0), (7.0, 0.0), (0.0, 0.0)])
"""Pixels (x, y) by which the picture has moved before and after each saccade (Orchard et al. 2015)."""
SACCADE = 0.105
"""Seconds that a saccade takes."""
STEPS = 15
"""Frames of a saccade."""


@cache
def digits():
    """
    Return scikit-learn's handwritten digits.

    Returns
    -------
    images : ndarray of float64, shape (1797, 8, 8)
        0 to 16.
    labels : ndarray of int64, shape (1797,)

    Raises
    ------
    ImportError
        If scikit-learn is not installed.
    """
    from hetbrian._support.optional import load_digits

    found = load_digits()
    return found.images, found.target


def film(image, start=(0.0, 0.0)):
    """
    Return what the camera sees of a picture during three saccades.

    Parameters
    ----------
    image : ndarray, shape (8, 8)
        0 to 16.
    start : tuple of float
        Where the picture is off its place at first, (x, y) in pixels.

    Returns
    -------
    film : ndarray of float64, shape (frame, 34, 34)
        Brightness.
    times : ndarray, shape (frame,)
        In s.
    """
    still = np.zeros((SIDE, SIDE))
    still[6:28, 6:28] = zoom(image / 16, 22 / 8, order=1).clip(0, 1)
    # slow, fast, slow, as eyes move
    share = 0.5 - 0.5 * np.cos(np.pi * np.arange(1, STEPS + 1) / STEPS)[:, None]
    places = [CORNERS[:1], *(a + share * (b - a) for a, b in pairwise(CORNERS))]
    places = np.concatenate(places) - CORNERS.max(axis=0) / 2 + start
    frames = [0.12 + shift(still, (y, x), order=1) for x, y in places]
    return np.array(frames), np.linspace(0, 3 * SACCADE, len(frames))


def saccade_events(image, rng):
    """
    Return the events of a picture, from a place that is up to half a pixel off.

    Parameters
    ----------
    image : ndarray, shape (8, 8)
        0 to 16.
    rng : Generator

    Returns
    -------
    times, x, y, on : ndarray, shape (event,)
        As those of `EventCamera.events`.

    References
    ----------
    Orchard et al. 2015, Front. Neurosci. 9:437, https://doi.org/10.3389/fnins.2015.00437

    Examples
    --------
    >>> times, x, y, on = saccade_events(np.full((8, 8), 16.0), np.random.default_rng(0))
    >>> bool(0.3 < times.max() <= 0.315), int(x.max()), int(y.max())
    (True, 33, 33)
    """
    frames, times = film(image, rng.uniform(-0.5, 0.5, 2))
    return CAMERA.events(frames, times, rng)
