"""Draw one sample of each data set: python docs/data.py FOLDER (by default HETBRIAN_DATA)."""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from hetbrian.training.data.datasets import is_stand_in, load

HERE = Path(__file__).parent
MOMENTS = {
    "nmnist": (3, ((0.04, 0.07), (0.15, 0.17), (0.25, 0.27))),
    "dvs128": (3, ((0.2, 0.23), (0.4, 0.43), (0.6, 0.63))),
}
"""Label, and intervals in s that are shown."""


def sample(recordings, label):
    """
    Return the events of the first sample of a class.

    Parameters
    ----------
    recordings : Recordings
    label : int

    Returns
    -------
    times, channels : ndarray, shape (event,)
    """
    at = int(np.flatnonzero(recordings.labels == label)[0])
    events = slice(recordings.begin[at], recordings.begin[at + 1])
    return recordings.times[events], recordings.channels[events]


def draw_raster(axes, recordings, label):
    """
    Draw the spikes of a word.

    Parameters
    ----------
    axes : Axes
    recordings : Recordings
    label : int
    """
    times, channels = sample(recordings, label)
    axes.plot(times, channels, ",", color="k", rasterized=True)
    axes.set(xlabel="time (s)", ylabel="channel", ylim=(0, recordings.n_channels))


def draw_frames(axes, recordings, label, intervals):
    """
    Draw the events of a few short intervals as pictures.

    Parameters
    ----------
    axes : sequence of Axes
    recordings : Recordings
    label : int
    intervals : sequence of (float, float)
        In s.
    """
    times, channels = sample(recordings, label)
    for panel, (first, last) in zip(axes, intervals, strict=True):
        shown = channels[(times >= first) & (times < last)]
        off, on = np.bincount(shown, minlength=recordings.n_channels).reshape(recordings.shape)
        panel.imshow(on - off, cmap="RdBu_r", norm=plt.Normalize(-2, 2))
        panel.set(xticks=[], yticks=[], xlabel=f"{1000 * first:.0f}-{1000 * last:.0f} ms")


def draw(root=None):
    """
    Draw a sample of each data set.

    Parameters
    ----------
    root : path-like, optional
        As in `load`.

    Returns
    -------
    Figure
    """
    figure = plt.figure(figsize=(7, 4.3), layout="constrained")
    for part, name in zip(
        figure.subfigures(2, 2, height_ratios=(1.2, 1)).ravel(), ("shd", "ssc", "nmnist", "dvs128"), strict=True
    ):
        recordings = load(name, "train", root)
        if len(recordings.shape) == 1:
            label = 8
            draw_raster(part.subplots(), recordings, label)
        else:
            label, intervals = MOMENTS[name]
            draw_frames(part.subplots(1, 3), recordings, label, intervals)
        stand_in = " (stand-in)" if is_stand_in(name, root) else ""
        part.suptitle(f"{name}{stand_in}: {recordings.classes[label]}", x=0.02, ha="left", weight="bold")
    return figure


if __name__ == "__main__":
    plt.style.use(HERE.parent / "hetbrian" / "plot" / "hetbrian.mplstyle")
    draw(*sys.argv[1:]).savefig(HERE / "data.png", dpi=110)
