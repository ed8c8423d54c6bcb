"""How pictures look: colours that colour-blind eyes tell apart, one style sheet, the axes that a function draws on."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

STYLE = Path(__file__).with_name("hetbrian.mplstyle")
"""Matplotlib's settings for every picture; `save_figure` of protocols takes the same."""

COLOURS = {
    "homogeneous": "#6b6b6b",
    "eta": "#0072b2",
    "g": "#d55e00",
    "theta": "#009e73",
    "combined": "#8f4fa8",
    "target": "#000000",
}
"""One colour per kind of heterogeneity, in every figure; most are those of Okabe and Ito."""

REGIMES = {"I": "#eef3f8", "II": "#fbeceb", "III": "#eef6ec"}
"""Backgrounds: I quiescent, II oscillatory, III persistently active."""

LEARNING = {"color": "0.93", "lw": 0, "zorder": 0}
"""How the learning interval is shaded."""


def styled[Draws: Callable[..., Any]](function: Draws) -> Draws:
    """Return a function that draws with `STYLE` if it makes its own axes; those of a user keep the user's settings."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*arguments: Any, **keywords: Any) -> Any:
        from matplotlib import pyplot

        if signature.bind(*arguments, **keywords).arguments.get("axes") is not None:
            return function(*arguments, **keywords)
        with pyplot.style.context(STYLE):
            return function(*arguments, **keywords)

    return call  # type: ignore[return-value]


def panels(axes: Any, rows: int, size: tuple[float, float], least: int | None = None, **layout: Any) -> np.ndarray:
    """
    Return the axes to draw on, below each other.

    Parameters
    ----------
    axes : Axes or sequence of Axes, optional
        Those of the user; by default a new figure.
    rows : int
        How many there are.
    size : tuple of float
        Of a new figure, in inches.
    least : int, optional
        How many are enough, if a user gives fewer: the last ones are left out.
    **layout
        For ``pyplot.subplots``.

    Returns
    -------
    ndarray of Axes, shape (n_axes,)

    Raises
    ------
    ValueError
        If the user gave another number.
    """
    from matplotlib import pyplot

    if axes is None:
        return pyplot.subplots(rows, 1, figsize=size, sharex=True, squeeze=False, **layout)[1][:, 0]
    given = np.ravel(np.asarray(axes, dtype=object))
    least = rows if least is None else least
    if not least <= len(given) <= rows:
        wanted = f"{rows}" if least == rows else f"{least} to {rows}"
        raise ValueError(
            f"axes has {len(given)} of them, expected {wanted}: make them with pyplot.subplots({rows}, 1), say."
        )
    return given


def say_learning(axis: Any, learnt: tuple[float, float], shown: tuple[float, float]) -> None:
    """Write into the shaded learning interval what it is, as far as it is within the times that are shown."""
    low, high = max(learnt[0], shown[0]), min(learnt[1], shown[1])
    if low < high:
        place = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "va": "top"}
        axis.annotate("learning", (low, 1), (3, -3), color="0.4", fontsize=8, **place)


def above(axis: Any, **layout: Any) -> None:
    """Put the legend of axes above them on the right, where it hides nothing and leaves room for a title."""
    axis.legend(loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0, ncols=4, **layout)


def name_once(axis: Any, **layout: Any) -> Any:
    """Name each kind of line once, and return the legend; without a name there is none."""
    named = {text: handle for handle, text in zip(*axis.get_legend_handles_labels(), strict=True)}
    return axis.legend(list(named.values()), list(named), **layout) if named else None
