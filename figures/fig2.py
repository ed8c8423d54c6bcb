"""Figure 2: what heterogeneity does to the readout of the reservoir, and why."""

import numpy as np

from figures import COLOURS
from figures.reservoir import errors, state

PANELS = {
    "eta": ("c", r"half width of current $\Delta_\eta$"),
    "g": ("d", r"half width of coupling $\Delta_g$"),
    "theta": ("e", r"reset coefficient $\theta$"),
    "spread of theta": ("f", r"half width of reset $\Delta_\theta$"),
}
"""Panel and axis of each curve, whatever its reset rule."""


def draw(dataset, axes=None):
    """
    Draw overlays of output and target, errors of both presets, and the state of the network.

    Mean and standard deviation over seeds; the dotted line is the error of the best constant.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `protocols.fig2.compute`.
    axes : array of matplotlib Axes, shape (5, 4), optional
        Rows: overlays, errors of each preset, degrees of freedom, synchrony; columns c to f below the overlays.

    Returns
    -------
    ndarray of Axes, shape (5, 4)
    """
    from matplotlib import pyplot

    if axes is None:
        _, axes = pyplot.subplots(5, 4, figsize=(10.5, 10.0), sharey="row")
    axes = np.reshape(axes, (5, 4))
    _overlays(dataset, axes[0])
    for curve in dict.fromkeys(dataset.curve.values.tolist()):
        data = dataset.isel(condition=dataset.curve.values == curve)
        base, _, rule = curve.partition(", ")
        column = list(PANELS).index(base)
        kind = rule or ("residual" if base.endswith("theta") else None)
        look = {"colour": COLOURS[base.rpartition(" ")[2]], "face": "white" if rule else None}
        for row, preset in enumerate(dataset.preset.values, start=1):
            errors(axes[row, column], data, preset, "y1", label=kind, **look)
        for row, name in enumerate(("degrees_of_freedom", "synchrony"), start=3):
            state(axes[row, column], data, name, **look)
    for column, (panel, text) in enumerate(PANELS.values()):
        axes[1, column].set_title(panel)
        axes[4, column].set_xlabel(text)
    for row, preset in enumerate(dataset.preset.values, start=1):
        axes[row, 0].set_ylabel(f"mean square error\n{preset}")
    axes[3, 0].set_ylabel("degrees of freedom")
    axes[4, 0].set_ylabel(r"synchrony $\chi^2$")
    axes[1, 0].legend()
    axes[1, 2].legend(fontsize=6, ncols=2)
    return axes


def _overlays(dataset, axes):
    """Draw the first seed's outputs for y1: training and test of each preset."""
    eta = dataset.isel(condition=(dataset.curve.values == "eta") & (dataset.strength.values > 0))
    networks = {
        "homogeneous": dataset.isel(condition=int(np.argmax(dataset.condition.values == "homogeneous"))),
        "eta": eta.isel(condition=int(np.argmin(np.abs(eta.strength.values - 0.02)))),
    }
    panels = [(preset, part) for preset in dataset.preset.values for part in ("train", "test")]
    for axis, (preset, part) in zip(axes, panels, strict=True):
        axis.plot(dataset.time, dataset.y.sel(target="y1"), color=COLOURS["target"], ls="--", lw=0.9, label="target")
        for name, data in networks.items():
            z = data[f"z_{part}"].sel(preset=preset, target="y1")
            text = name if name == "homogeneous" else rf"$\Delta_\eta$ = {float(data.strength):g}"
            axis.plot(dataset.time, z, color=COLOURS[name], lw=1.0, label=text)
        axis.set_title(f"{'a' if part == 'train' else 'b'}   {preset}, {'training' if part == 'train' else part}")
        axis.set(ylim=(-2.2, 2.2), xlabel="time since the pulse (units)")
    axes[0].set_ylabel("output")
    axes[0].legend(fontsize=6, loc="lower left", ncols=2)
