"""Parts that figures 1b, c and 2 share: error curves and what the network does along the same axis."""

import numpy as np

LINES = {"train": ("-", "o"), "test": ("--", "s")}
"""Line and marker of training and test errors, in every panel."""

HIGHEST_ERROR = 1e2
"""Where the error axes end."""


def errors(axis, data, preset, target, colour, label=None, face=None):
    """
    Draw mean and standard deviation over seeds of training and test error against ``strength``.

    Parameters
    ----------
    axis : matplotlib Axes
        Where.
    data : xarray.Dataset
        Conditions of one curve, from `protocols.common.reservoir.evaluate`.
    preset, target : str
        Which errors.
    colour : str
        Colour of the curve.
    label : str, optional
        What to call it; by default only train and test.
    face : str, optional
        Colour inside the markers, by default that of the curve.
    """
    chosen = data.sel(preset=preset, target=target).sortby("strength")
    for part, (line, marker) in LINES.items():
        values = chosen[f"mse_{part}"].clip(1e-6, HIGHEST_ERROR)
        _curve(axis, chosen.strength, values, line, marker, colour, f"{label}, {part}" if label else part, face)
    power = float((data.y.sel(target=target) ** 2).mean())
    axis.axhline(power, color="0.6", lw=0.8, ls=":")
    axis.set(yscale="log")


def state(axis, data, name, colour, face=None):
    """
    Draw mean and standard deviation over seeds of a state variable against ``strength``.

    Parameters
    ----------
    axis : matplotlib Axes
        Where.
    data : xarray.Dataset
        Conditions of one curve.
    name : str
        Variable over (condition, seed).
    colour : str
        Colour of the curve.
    face : str, optional
        Colour inside the markers, by default that of the curve.
    """
    chosen = data.sortby("strength")
    _curve(axis, chosen.strength, chosen[name], "-", "o", colour, None, face)


def _curve(axis, x, values, line, marker, colour, label, face):
    mean, deviation = values.mean("seed"), values.std("seed")
    low = np.maximum(mean - deviation, 0.02 * mean) if (values > 0).all() else mean - deviation
    axis.fill_between(x, low, mean + deviation, color=colour, alpha=0.15, lw=0)
    axis.plot(x, mean, line, marker=marker, color=colour, mfc=face or colour, label=label)
