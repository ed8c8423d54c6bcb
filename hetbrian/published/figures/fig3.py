"""Figure 3: error against the strength of each kind of heterogeneity."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from hetbrian.plot.asked import Curve, asked_levels
from hetbrian.plot.style import COLOURS
from hetbrian.published.figures.kept import runs, summed

AXIS = {
    "eta": r"half width of background current $\Delta_\eta$ (pA)",
    "g": r"half width of coupling $\Delta_g$ (pA)",
    "theta": r"reset coefficient $\theta$",
}
WORDS = {
    "eta": "half width of background current (pA)",
    "g": "half width of coupling (pA)",
    "theta": "reset coefficient",
}
"""What varies, in words."""

HIGHEST_ERROR = 1e3
"""Where the error axis ends."""

RULES = {"residual": ("-", "o"), "retain": ("--", "s")}
"""Line and marker of each reset rule."""

ERRORS = {"mse": ("whole test", 1.0, 0.18), "mse_shifted": ("after the best shift", 0.45, 0.0)}
"""Text, strength of the line and of the band of each error."""

CONSTANT = {"color": "0.6", "lw": 0.8, "ls": ":"}
"""How the error of the best constant is drawn, which is the power of the sine: 0.5."""


def draw(dataset, axes=None):
    """
    Draw median and quartiles over seeds of the error of the whole test, and the median after the best time shift.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `hetbrian.published.protocols.fig3.compute`.
    axes : array of matplotlib Axes, shape (2, 2), optional
        Panels a to d.

    Returns
    -------
    ndarray of Axes, shape (2, 2)
    """
    from matplotlib import pyplot

    if axes is None:
        _, axes = pyplot.subplots(2, 2, figsize=(7.4, 5.4), sharey=True)
    panels = dict(zip("abcd", np.ravel(axes), strict=True))
    for curve in dataset.curve.values:
        data = dataset.sel(curve=curve)
        kind, rule = str(data.kind.values), str(data.reset.values)
        axis, (line, marker) = panels[str(curve)[0]], RULES[rule]
        place, colour = np.arange(data.sizes["level"]), COLOURS[kind] if rule == "residual" else COLOURS["combined"]
        for name, (text, strength, band) in ERRORS.items():
            # a diverged run has an infinite error: clipped, it stays in the quantiles and leaves the axis at the top
            errors = data[name].clip(1e-9, HIGHEST_ERROR)
            low, median, high = (errors.quantile(q, "seed").values for q in (0.25, 0.5, 0.75))
            axis.fill_between(place, low, high, color=colour, alpha=band, lw=0)
            label = f"{rule}, {text}" if kind == "theta" else text
            axis.plot(place, median, line, marker=marker, ms=3.5, color=colour, alpha=strength, label=label)
        axis.axhline(0.5, **CONSTANT)
        axis.set_xticks(place, [f"{value:g}" for value in data.strength.values])
        axis.set(yscale="log", xlabel=AXIS[kind])
        gain = float(data.feedback_gain)
        axis.set_title(f"{str(curve)[0]}   G = {dataset.attrs['recurrent_gain_pA']:.0f} pA, Q = {gain:.0f} pA")
        axis.legend(fontsize=6.5)
    top = float(dataset.mse.clip(1.0, HIGHEST_ERROR).quantile(0.75, "seed").max())
    for axis in np.ravel(axes):
        axis.set_ylim(top=2 * top)
    for axis in np.asarray(axes)[:, 0]:
        axis.set_ylabel("mean square error")
    lines = {
        "error of the best constant": Line2D([], [], **CONSTANT),
        "quartiles over seeds, whole test": Patch(color="0.2", alpha=0.18, lw=0),
    }
    np.ravel(axes)[0].figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=2, fontsize=7.5)
    return axes


def ask(dataset):
    """
    Return the figure to ask: a slider walks along each curve, and shows errors by seed and the run that was kept.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `hetbrian.published.protocols.fig3.compute`.

    Returns
    -------
    bokeh.models.Column
    """
    found, remark = runs(dataset, ("curve", "level"))
    curves = {}
    for number, name in enumerate(dataset.curve.values):
        data = dataset.sel(curve=name)
        strengths = [f"{value:g}" for value in data.strength.values]
        errors = data.mse.where(data.status == 1, drop=True).transpose("level", "seed")
        label = WORDS[str(data.kind.values)]
        texts = [
            f"{label} {strength}; rate {float(data.rate.sel(level=row.level).median()):.3g} Hz\n"
            f"mean square error of the whole test, median and range: {summed(row)}\n{remark}"
            for strength, row in zip(strengths, errors, strict=True)
        ]
        rule = f", {data.reset.values}" if data.kind == "theta" else ""
        text = f"{str(name)[0]}   Q = {float(data.feedback_gain):.0f} pA{rule}"
        curves[text] = Curve(label, strengths, errors.values, texts, number * len(strengths))
    return asked_levels(curves, dataset.seed.values, (1e-4, HIGHEST_ERROR), found)
