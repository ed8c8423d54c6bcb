"""Figure 4: error over the gains of the recurrent weights and of the feedback, with each kind of heterogeneity."""

import numpy as np

from figures import COLOURS

TITLES = {
    "a": ("homogeneous", "homogeneous"),
    "b": (r"background current $\Delta_\eta$", "eta"),
    "c": (r"coupling $\Delta_g$", "g"),
    "d": (r"partial reset $\theta$", "theta"),
    "e": (r"$\Delta_g$ and $\theta$", "combined"),
    "f": (r"$\Delta_\eta$, $\Delta_g$ and $\theta$", "combined"),
}
"""Title and colour of each panel."""

LIMITS = (-2.5, 1.0)
"""Range of the colour bars, log10 of the mean square error; what lies beyond is drawn in the last colour."""

WORKS = 0.5
"""Relative error below which a network works, see `protocols.common.force.WORKS`."""


def draw(dataset, axes=None):
    """
    Draw medians over seeds: log10(MSE) in colour, failed points hatched, the boundary of what works.

    White are points that were not computed.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `protocols.fig4.compute`, also while it runs.
    axes : array of matplotlib Axes, shape (2, 3), optional
        Panels a to f.

    Returns
    -------
    ndarray of Axes, shape (2, 3)
    """
    from matplotlib import colormaps, pyplot
    from matplotlib.colors import Normalize

    if axes is None:
        _, axes = pyplot.subplots(2, 3, figsize=(8.6, 5.4), sharex=True, sharey=True)
    gains = [dataset[name].values / 1000 for name in ("feedback_gain", "recurrent_gain")]
    edges = [np.arange(len(values) + 1) - 0.5 for values in gains]
    for panel, axis in zip(dataset.panel.values, np.ravel(axes), strict=True):
        data = dataset.sel(panel=panel)
        done = data.status == 1
        # a diverged run has an infinite error: clipped, it stays in the median
        error = np.log10(data.mse.clip(1e-12, 1e12)).where(done).median("seed")
        relative = data.relative_error.clip(0, 1e12).where(done)
        image = axis.pcolormesh(
            *edges, error, norm=Normalize(*LIMITS), cmap=colormaps["viridis_r"], edgecolors="none", rasterized=True
        )
        _mark(axis, relative.median("seed").values)
        (text, kind), works = TITLES[str(panel)], (relative < WORKS).where(relative.notnull())
        share = float(works.mean()) if works.notnull().any() else np.nan
        axis.set_title(f"{panel}   {text}: {share:.0%}", color=COLOURS[kind])
        axis.spines[:].set_visible(True)
        for which, values in zip((axis.xaxis, axis.yaxis), gains, strict=True):
            which.set_ticks(np.arange(len(values)), [f"{value:g}" for value in values])
    for axis in np.asarray(axes)[-1]:
        axis.set_xlabel("feedback gain Q (nA)")
    for axis in np.asarray(axes)[:, 0]:
        axis.set_ylabel("recurrent gain G (nA)")
    bar = axes[0, 0].figure.colorbar(image, ax=axes, extend="both", shrink=0.9)
    bar.set_label(r"$\log_{10}$ mean square error of the test")
    return axes


def _mark(axis, relative):
    """Hatch the points that fail and outline those that work."""
    from matplotlib.patches import Rectangle

    fails, works = relative >= WORKS, relative < WORKS
    for row, column in np.argwhere(fails):
        axis.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, lw=0, hatch="////", ec="0.35"))
    padded = np.pad(works, 1)
    for row, column in np.argwhere(padded[:, 1:] != padded[:, :-1]):
        axis.plot([column - 0.5] * 2, [row - 1.5, row - 0.5], color="black", lw=1.6, solid_capstyle="butt")
    for row, column in np.argwhere(padded[1:] != padded[:-1]):
        axis.plot([column - 1.5, column - 0.5], [row - 0.5] * 2, color="black", lw=1.6, solid_capstyle="butt")
