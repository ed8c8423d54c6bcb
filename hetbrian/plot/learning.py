"""What a readout learns: its output against the target, and how the error falls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from brian2 import Quantity, second

from hetbrian._support.arguments import checked, quantity
from hetbrian._support.checks import positive
from hetbrian.plot.inputs import a_colour, a_dataset, interval, learning_interval, of_numbers, seconds, some_axes
from hetbrian.plot.labels import label
from hetbrian.plot.style import COLOURS, LEARNING, above, panels, say_learning, styled

if TYPE_CHECKING:
    import xarray as xr

RECORD = "record=('z', 'y') with hb.simulate"

MOST_SHOWN = 4000
"""Samples of a line; more look the same at the width of a page."""

LEAST = 1e-12
"""Smallest error that has a place on a logarithmic axis."""


@checked(
    dataset=a_dataset,
    axes=some_axes,
    learning=interval,
    colour=a_colour,
)
@styled
def output_and_target(
    dataset: xr.Dataset,
    axes: Any = None,
    *,
    learning: tuple[Quantity, Quantity] | None = None,
    colour: str = COLOURS["eta"],
) -> np.ndarray:
    """
    Draw the output of a readout against its target, and below both the error z - y.

    Several outputs are drawn above each other, as far apart as the largest target is wide. The mean square errors in
    the title are those while it learns and after that.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `hetbrian.simulate` with ``record=("z", "y")``: output ``z`` and target ``y``, dims (time, output).
    axes : Axes or pair of Axes, optional
        Traces and error; with one the error is left out.
    learning : pair of Quantity [second], optional
        Learning interval to shade, by default as the Dataset says: its attributes ``learning_start`` and
        ``learning_stop``, what ``record=("force.start", "force.stop")`` recorded, or the model's parameters ``start``
        and ``stop``.
    colour : str
        Of the output.

    Returns
    -------
    ndarray of Axes, shape (2,) or (1,)

    Raises
    ------
    ValueError
        If output and target were not recorded, or over more than time and output, or the colour is none.
    TypeError
        If an argument is of another kind.
    DimensionMismatchError
        If a time is none.
    """
    times, z, y, learnt = _recorded(dataset, learning)
    axes = panels(axes, 2, (7.5, 3.5 + 0.5 * (z.shape[1] - 1)), least=1, height_ratios=(2.2, 1))
    shown = slice(None, None, max(1, len(times) // MOST_SHOWN))
    several = z.shape[1] > 1
    apart = 1.1 * max(float(np.ptp(y, axis=0).max()), 1e-9) if several else 0.0
    for k in range(z.shape[1]):
        first = k == 0
        axes[0].plot(times[shown], z[shown, k] + k * apart, color=colour, lw=1.2, label="output" if first else None)
        look = {"color": COLOURS["target"], "lw": 0.9, "ls": "--", "label": "target" if first else None}
        axes[0].plot(times[shown], y[shown, k] + k * apart, **look)
        if len(axes) > 1:
            axes[1].plot(times[shown], (z - y)[shown, k], color=colour, lw=0.8)
    low, high = float(y.min()), float(y[:, -1].max()) + (z.shape[1] - 1) * apart
    beyond = 0.6 * apart if several else 0.4 * max(high - low, 1e-9)
    axes[0].set_ylim(low - beyond, high + beyond)
    if several:
        middles = y.mean(axis=0) + apart * np.arange(z.shape[1])
        names = dataset["output"].values if "output" in dataset.coords else np.arange(z.shape[1])
        axes[0].set_yticks(middles, [str(name) for name in names])
    axes[0].set_ylabel("output" if several else label(dataset["z"], "output"))
    above(axes[0])
    if len(axes) > 1:
        axes[1].axhline(0, color="0.6", lw=0.8, ls=":")
        axes[1].set_ylabel(label(dataset["z"], "error"))
        extent = 1.1 * max(float(np.quantile(np.abs(z - y), 0.999)), 1e-9)
        axes[1].set_ylim(-extent, extent)
    axes[-1].set(xlabel="time (s)", xlim=(times[0], times[-1]))
    if learnt is not None:
        for axis in axes:
            axis.axvspan(*learnt, **LEARNING)
        say_learning(axes[0], learnt, (times[0], times[-1]))
        axes[0].set_title(_errors(times, z, y, learnt), fontweight="normal")
    return axes


@checked(
    dataset=a_dataset,
    axes=some_axes,
    learning=interval,
    window=quantity(second, positive),
)
@styled
def learning_curve(
    dataset: xr.Dataset,
    axes: Any = None,
    *,
    learning: tuple[Quantity, Quantity] | None = None,
    window: Quantity | None = None,
) -> np.ndarray:
    """
    Draw the mean square error of successive windows, and the norm of the weights where it is known over time.

    A run records the weights as they are at its end. Those of several runs that go on from each other
    (``simulate(..., resume=...)``), joined with times, are a course:
    ``joined["weights"] = xarray.concat([run.weights for run in runs], times)``.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `hetbrian.simulate` with ``record=("z", "y")``, and ``weights`` over (times, output, weight) if known.
    axes : Axes or pair of Axes, optional
        Error, and norm of the weights.
    learning : pair of Quantity [second], optional
        Learning interval to shade, by default as the Dataset says, see `output_and_target`.
    window : Quantity [second], optional
        Over which errors are averaged, by default the 50th part of the run; whole periods of the target look calmest.

    Returns
    -------
    ndarray of Axes, shape (1,) or, with weights over time, (2,)

    Raises
    ------
    ValueError
        If output and target were not recorded, the window is shorter than two samples, or two axes are given and the
        weights are not known over time.
    TypeError
        If an argument is of another kind.
    DimensionMismatchError
        If a time is none.
    """
    times, z, y, learnt = _recorded(dataset, learning)
    step = (times[-1] - times[0]) / (len(times) - 1)
    span = step * len(times)
    width = span / 50 if window is None else float(window / second)
    n_samples = round(width / step)
    if n_samples < 2 or n_samples > len(times):
        raise ValueError(
            f"window is {width:g} s, expected at least two samples of {step:g} s and at most the run of {span:g} s: "
            "choose another."
        )
    n_windows = len(times) // n_samples
    square = ((z - y) ** 2).mean(axis=1)[: n_windows * n_samples].reshape(n_windows, n_samples).mean(axis=1)
    middles = times[: n_windows * n_samples].reshape(n_windows, n_samples).mean(axis=1)
    norm = _norm(dataset)
    if axes is not None and np.size(axes) > 1 and norm is None:
        raise ValueError(
            "axes has 2 of them, expected 1: weights over time are not in the dataset; join those of runs that "
            "resume each other, as the help of this function shows."
        )
    axes = panels(axes, 1 if norm is None else 2, (7.5, 2.8 if norm is None else 4.4), least=1)
    axes[0].plot(middles, np.maximum(square, LEAST), color=COLOURS["eta"], marker=".", ms=4)
    power = float(y.var(axis=0).mean())
    if power > 0:
        axes[0].axhline(power, color="0.5", lw=0.9, ls=":", label="error of the best constant")
        above(axes[0])
    axes[0].set_yscale("log")
    axes[0].set_ylim(top=3 * axes[0].get_ylim()[1])
    axes[0].set(ylabel=f"mean square error\nover {1000 * n_samples * step:.4g} ms")
    if norm is not None and len(axes) > 1:
        axes[1].plot(*norm, color=COLOURS["theta"], marker="o")
        axes[1].set(ylabel=label(dataset["weights"], "norm of the\nreadout weights"), ylim=(0, None))
    axes[-1].set(xlabel="time (s)", xlim=(times[0], times[-1]))
    if learnt is not None:
        for axis in axes:
            axis.axvspan(*learnt, **LEARNING)
        say_learning(axes[0], learnt, (times[0], times[-1]))
    return axes


def _recorded(dataset, learning):
    """Return times, output and target, shape (time, output), and the learning interval of a run."""
    z, y = (of_numbers(dataset, name, RECORD, "time", "output").values for name in ("z", "y"))
    times = seconds(dataset["time"])
    if len(times) < 2:
        raise ValueError(f"dataset has {len(times)} samples over time, expected at least 2: run for longer.")
    return times, z, y, learning_interval(dataset, learning, float(times[-1]))


def _norm(dataset):
    """Return times in seconds and the norm of the weights at each, None if they are not known over time."""
    if "weights" not in dataset or dataset["weights"].ndim != 3:
        return None
    weights = dataset["weights"]
    (over,) = (dim for dim in weights.dims if dim not in ("output", "weight"))
    norm = np.sqrt((weights.astype(float) ** 2).sum(("output", "weight")))
    return seconds(dataset[over]), norm.values


def _errors(times, z, y, learnt):
    """Return the mean square errors while a readout learns and after it, as a title."""
    parts = {"learning": (times >= learnt[0]) & (times < learnt[1]), "after it": times >= learnt[1]}
    texts = [f"{np.mean((z - y)[rows] ** 2):.2g} {name}" for name, rows in parts.items() if rows.any()]
    return f"mean square error: {', '.join(texts)}" if texts else ""
