"""Two moving arms before an event camera: the eleven gestures of DVS128 Gesture, as stick figures."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hetbrian.training.data.standins.camera import EventCamera

SIDE = 128
"""Pixels of the sensor, along x and y."""
FRAME = 0.005
"""Seconds between two frames of the film."""
LIGHTS = {
    "fluorescent": (0.8, 0.25),
    "fluorescent_led": (0.9, 0.2),
    "lab": (1.0, 0.1),
    "led": (1.1, 0.1),
    "natural": (1.3, 0.05),
}
"""Light of a recording: contrast of the arms, and events per second and pixel without cause."""
REST = (0.2, 0.1)
"""Angles of an arm that hangs down."""


@dataclass(frozen=True)
class Subject:
    """
    Hold how somebody looks and moves.

    Parameters
    ----------
    place : tuple of float
        Middle of the shoulders, (x, y) in pixels.
    shoulders, upper, fore, thickness : float
        Half the width of the shoulders, lengths of upper arm and forearm, half the width of an arm, in pixels.
    tempo : float
        Repetitions per second.
    vigour : float
        Amplitude, 1 on average.
    brightness : float
        Logarithm of the arms' brightness against the background.
    """

    place: tuple[float, float]
    shoulders: float
    upper: float
    fore: float
    thickness: float
    tempo: float
    vigour: float
    brightness: float

    @staticmethod
    def draw(rng):
        """Return somebody."""
        size = rng.uniform(0.85, 1.15)
        return Subject(
            place=(64 + rng.uniform(-8, 8), 52 + rng.uniform(-6, 6)),
            shoulders=15 * size * rng.uniform(0.9, 1.1),
            upper=19 * size * rng.uniform(0.9, 1.1),
            fore=20 * size * rng.uniform(0.9, 1.1),
            thickness=rng.uniform(2.5, 4.5),
            tempo=rng.uniform(1.2, 2.0),
            vigour=rng.uniform(0.8, 1.2),
            brightness=rng.choice([-1, 1]) * rng.uniform(0.7, 1.1),
        )


def arms(label, times, subject, rng):
    """
    Return where shoulders, elbows and hands are.

    Angles count from hanging down, outwards; the subject's right arm is on the left of the picture.

    Parameters
    ----------
    label : int
        0 clapping, 1 and 2 waving (right, left), 3 to 6 circling (right clockwise, right counter-clockwise, left
        likewise), 7 arm roll, 8 drums, 9 guitar, 10 something else.
    times : ndarray, shape (frame,)
        In s.
    subject : Subject
    rng : Generator
        Draws phase and tempo of this repetition, and what "something else" is.

    Returns
    -------
    ndarray, shape (frame, 2, 3, 2)
        Right and left; shoulder, elbow and hand; x and y in pixels.
    """
    phase = 2 * np.pi * (subject.tempo * rng.uniform(0.9, 1.1) * times + rng.random())
    swing = subject.vigour * np.sin(phase)
    joints = np.empty((len(times), 2, 3, 2))
    for side, outward in enumerate((-1, 1)):
        angles = _angles(label, side, phase, swing, times, rng)
        sway = 0.6 * np.sin(0.7 * phase)
        joints[:, side, 0, 0] = subject.place[0] + outward * subject.shoulders + sway
        joints[:, side, 0, 1] = subject.place[1]
        for joint, (angle, length) in enumerate(zip(angles, (subject.upper, subject.fore), strict=True)):
            joints[:, side, joint + 1, 0] = joints[:, side, joint, 0] + outward * length * np.sin(angle)
            joints[:, side, joint + 1, 1] = joints[:, side, joint, 1] + length * np.cos(angle)
    return joints


def _angles(label, side, phase, swing, times, rng):
    """Return the angles of upper arm and forearm over time; `side` is 0 for the right arm."""
    turn = -((-1) ** (label + side))  # 3 and 5 are clockwise in the picture, whose two sides mirror each other
    if label == 0:
        return 0.5 + 0.1 * swing, -1.6 + 0.8 * swing
    if label in (1, 2) and label == side + 1:
        return 1.2 + 0.05 * swing, np.pi + 0.7 * swing
    if label in (3, 4, 5, 6) and (label > 4) == side:
        return turn * phase, turn * phase + 0.3
    if label == 7:
        around = phase * 1.3 + np.pi * side
        return 0.5 + 0.25 * np.cos(around), -1.7 + 0.6 * np.sin(around)
    if label == 8:
        beat = swing if side else -swing
        return 0.6 + 0.1 * beat, -0.4 + 0.9 * beat
    if label == 9:
        return (1.1 + 0.03 * swing, 1.7 + 0.1 * swing) if side else (0.4 + 0.2 * swing, -0.9 + 0.5 * swing)
    if label == 10:
        hertz, starts, sizes = rng.uniform(0.4, 2.5, (2, 2)), rng.uniform(0, 2 * np.pi, (2, 2)), rng.uniform(0.3, 1, 2)
        upper, fore = (
            size * np.sin(2 * np.pi * hz[:, None] * times + start[:, None]).sum(axis=0)
            for hz, start, size in zip(hertz, starts, sizes, strict=True)
        )
        return rng.uniform(0.3, 2) + upper, rng.uniform(-1.5, 2.5) + fore
    return REST[0] + 0 * times, REST[1] + 0 * times


def gesture_events(label, subject, light, duration, rng):
    """
    Return the events of a gesture.

    Parameters
    ----------
    label : int
        0 to 10, as in `arms`.
    subject : Subject
    light : str
        A key of `LIGHTS`.
    duration : float
        In s.
    rng : Generator

    Returns
    -------
    times, x, y, on : ndarray, shape (event,)
        As those of `EventCamera.events`.

    Examples
    --------
    Who waves with the right hand moves nothing on the right of the picture.

    >>> rng = np.random.default_rng(1)
    >>> times, x, y, on = gesture_events(1, Subject.draw(rng), "natural", 0.5, rng)
    >>> bool((x < 64).mean() > 0.7)
    True
    """
    contrast, noise = LIGHTS[light]
    times = np.arange(0, duration + FRAME / 2, FRAME)
    joints = arms(label, times, subject, rng).astype(np.float32)
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    film = np.empty((len(times), SIDE, SIDE), dtype=np.float32)
    for frame, sides in zip(film, joints, strict=True):
        frame[:] = 0
        for side in sides:
            for start, end in pairwise(side):
                _draw_line(frame, x, y, start, end, subject.thickness)
    np.exp(np.float32(subject.brightness * contrast) * film, out=film)
    return EventCamera(threshold=0.35, noise=noise).events(film, times, rng)


def _draw_line(frame, x, y, start, end, thickness):
    """Draw a line with round ends and soft edges; only the pixels near it are looked at."""
    low = np.floor(np.minimum(start, end) - thickness - 1).astype(int).clip(0, SIDE)
    high = np.ceil(np.maximum(start, end) + thickness + 2).astype(int).clip(0, SIDE)
    part = np.s_[low[1] : high[1], low[0] : high[0]]
    along = end - start
    dx, dy = x[part] - start[0], y[part] - start[1]
    share = ((dx * along[0] + dy * along[1]) / max(float(along @ along), 1e-6)).clip(0, 1)
    distance = np.hypot(dx - share * along[0], dy - share * along[1])
    np.maximum(frame[part], (thickness + 0.5 - distance).clip(0, 1), out=frame[part])
