"""Figure 2: what heterogeneity does to the readout of the reservoir, as published and corrected."""

import numpy as np
from matplotlib.lines import Line2D

from hetbrian.plot.asked import Curve, Runs, asked_levels
from hetbrian.plot.style import COLOURS
from hetbrian.published.figures.kept import summed
from hetbrian.published.figures.reservoir import ERRORS, MARKS, TITLES, errors, legend

AXES = {
    "c": r"half width of current $\Delta_\eta$",
    "d": r"half width of coupling $\Delta_g$",
    "e": r"mean reset coefficient $\bar\theta$",
    "f": r"half width of reset $\Delta_\theta$",
}
"""What varies in each panel."""

PARAMETERS = {"eta": "eta_half_width", "g": "g_half_width", "theta": "theta", "+-": "theta_half_width"}
"""What a number in the name of a condition is."""

SPREAD = 0.1
"""Half width of theta where its mean varies."""

MEAN = 0.5
"""Mean theta where its half width varies."""

CURVES = {
    "eta": ("c", "eta_half_width", {}),
    "g": ("d", "g_half_width", {}),
    "theta": ("e", "theta", {}),
    "theta, spread": ("e", "theta", {"theta_half_width": SPREAD}),
    "spread of theta": ("f", "theta_half_width", {"theta": MEAN}),
}
"""Panel, the parameter that varies from 0, and what stays; everything else is homogeneous."""

WORDS = {
    "eta": "half width of current",
    "g": "half width of coupling",
    "theta": "reset coefficient, all neurons alike",
    "theta, spread": f"mean reset coefficient, half width {SPREAD}",
    "spread of theta": f"half width of the reset coefficient, mean {MEAN}",
}
"""What varies along each curve, in words."""

PARTS = {"test": "test", "train": "training"}
"""Which trials are shown, in words."""

EVERY = 4
"""Of this many samples one is shown on the page to ask: outputs are smoothed over 10."""

LOOKS = {"eta": "eta", "g": "g", "theta": "homogeneous", "theta, spread": "theta", "spread of theta": "theta"}
"""Colour of each curve: without a spread all neurons are alike."""


def curve(dataset, name):
    """
    Return the conditions of a curve, along its parameter.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `hetbrian.published.protocols.fig2.compute`.
    name : str
        A key of `CURVES`.

    Returns
    -------
    xarray.Dataset
        With ``strength`` over (condition,).
    """
    _, varying, fixed = CURVES[name]
    belongs = np.ones(dataset.sizes["condition"], bool)
    for parameter in PARAMETERS.values():
        if parameter != varying:
            belongs &= dataset[parameter].values == fixed.get(parameter, 0.0)
    return dataset.isel(condition=belongs).assign(strength=dataset[varying][belongs]).sortby("strength")


def draw(dataset, axes=None):
    """
    Draw panels a to f of each procedure: outputs of the first seed for y1, and mean square errors of y1.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `hetbrian.published.protocols.fig2.compute`.
    axes : array of matplotlib Axes, shape (procedure, 6), optional
        Panels a to f of each procedure.

    Returns
    -------
    ndarray of Axes, shape (procedure, 6)
    """
    n_procedures = dataset.sizes["procedure"]
    axes = _axes(n_procedures) if axes is None else np.reshape(axes, (n_procedures, 6))
    for row, procedure in zip(axes, dataset.procedure.values, strict=True):
        data = dataset.sel(procedure=procedure)
        for panel, axis, part, text in zip("ab", row[:2], ("train", "test"), ("training", "test"), strict=True):
            _overlay(axis, data, part)
            axis.set_title(f"{panel}{MARKS[procedure]}   {TITLES[procedure]}, {text}")
        for panel, axis in zip(AXES, row[2:], strict=True):
            for name, (place, _, _) in CURVES.items():
                if place == panel:
                    errors(axis, curve(data, name), "y1", COLOURS[LOOKS[name]])
            axis.set(title=f"{panel}{MARKS[procedure]}   {TITLES[procedure]}", xlabel=AXES[panel])
    for panel, text in ((0, "output"), (2, "mean square error"), (4, "mean square error")):
        axes[0, panel].set_ylabel(text)
    lines = {
        "target $y_1$": Line2D([], [], color=COLOURS["target"], ls=":", lw=0.9),
        "homogeneous (a, b), all neurons alike (e)": Line2D([], [], color=COLOURS["homogeneous"]),
        r"$\Delta_\eta$ = 0.02 (a, b)": Line2D([], [], color=COLOURS["eta"]),
        r"$\Delta_\theta$ = 0.1 (e), $\bar\theta$ = 0.5 (f)": Line2D([], [], color=COLOURS["theta"]),
    }
    legend(axes[0, 0].figure, **lines)
    return axes


def _axes(n_procedures):
    """Return panels a to f of each procedure, in blocks side by side."""
    from matplotlib import pyplot

    _, axes = pyplot.subplots(3, 2 * n_procedures, figsize=(4.5 * n_procedures, 6.2), sharey="row", squeeze=False)
    return np.array([axes[:, 2 * block : 2 * block + 2].ravel() for block in range(n_procedures)])


def _overlay(axis, data, part):
    """Draw the first seed's outputs for y1."""
    axis.plot(data.time, data.y.sel(target="y1"), color=COLOURS["target"], ls=":", lw=0.9, zorder=3)
    for name in ("homogeneous", "eta"):
        condition = "eta 0.02" if name == "eta" else name
        if condition in data.condition:
            z = data[f"z_{part}"].sel(condition=condition, target="y1")
            axis.plot(data.time, z, color=COLOURS[name], lw=1.0)
    axis.set(ylim=(-2.5, 2.5), xlabel="time since the pulse\n(time units)")


def ask(dataset):
    """
    Return the figure to ask: a slider walks along each curve, and shows the output for y1 and the errors by seed.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `hetbrian.published.protocols.fig2.compute`.

    Returns
    -------
    bokeh.models.Column
    """
    data = dataset.sel(target="y1").isel(time=slice(EVERY // 2, None, EVERY))
    curves, outputs = {}, []
    for procedure in data.procedure.values:
        for part, word in PARTS.items():
            for name in CURVES:
                chosen = curve(data.sel(procedure=procedure), name)
                scores = chosen[f"mse_{part}"].where(chosen.status == 1).transpose("condition", "seed")
                strengths = [f"{value:g}" for value in chosen.strength.values]
                texts = [
                    f"{WORDS[name]} {strength}\nmean square error of y1, {word}, median and range: {summed(row)}\n"
                    f"below: the first seed, {int(dataset.seed[0])}"
                    for strength, row in zip(strengths, scores, strict=True)
                ]
                curves[f"{TITLES[str(procedure)]}, {word}: {WORDS[name]}"] = Curve(
                    WORDS[name], strengths, scores.values, texts, len(outputs)
                )
                outputs += list(chosen[f"z_{part}"].transpose("condition", "time").values)
    runs = Runs(data.time.values, np.array(outputs)[..., None], data.y.values[:, None], label="time (time units)")
    return asked_levels(curves, dataset.seed.values, ERRORS, runs)
