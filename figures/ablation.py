"""Which quirk of the authors' script decides which claim: one row per repair, one column per claim."""

import numpy as np

from figures import COLOURS
from protocols.ablation import ROWS, evidence, rows

PANELS = {
    "R2": (r"$\log_{10}$ of the error of $y_1$, I over", {"II": "eta", "III": "combined"}),
    "R3": ("relative training error", {"homogeneous": "homogeneous", r"$\Delta_\eta$ = 0.02": "eta"}),
    "R4": (
        "relative training error",
        {r"$\Delta_\eta$ = 0.02": "eta", r"$\Delta_g$ = 0.2": "g", r"$\theta$ = 0.5 $\pm$ 0.1": "theta"},
    ),
    "R5": (
        "ratio of training errors",
        {r"$\Delta_\theta$ = 0.1 over 0": "theta", r"$\theta$ = 0.5 over 0": "combined"},
    ),
}
"""Axis of each claim, and its quantities with their colours."""

THRESHOLDS = {"R2": (0.0,), "R3": (0.5,), "R4": (0.5,), "R5": (0.9, 1.1)}


def draw(dataset, axes=None):
    """
    Draw mean and 95 % interval of what decides each claim, row by row.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `protocols.ablation.compute`.
    axes : sequence of matplotlib Axes, shape (4,), optional
        One per claim.

    Returns
    -------
    ndarray of Axes, shape (4,)
    """
    from matplotlib import pyplot

    if axes is None:
        _, axes = pyplot.subplots(1, 4, figsize=(10.0, 5.2), sharey=True)
    axes = np.ravel(axes)
    errors = rows(dataset)
    places = _places()
    for axis, (name, (text, quantities)) in zip(axes, PANELS.items(), strict=True):
        for row, place in places.items():
            pieces = {piece.quantity: piece for piece in evidence(errors.sel(row=row))[name]}
            for number, (piece, colour) in enumerate(zip(pieces.values(), quantities.values(), strict=True)):
                low, high = piece.interval
                height = place + 0.18 * (number - (len(quantities) - 1) / 2)
                axis.plot([low, high], [height] * 2, color=COLOURS[colour], lw=1.6)
                axis.plot(piece.mean, height, "o", color=COLOURS[colour], ms=3.5)
        for label, colour in quantities.items():
            axis.plot([], [], "o-", color=COLOURS[colour], label=label)
        for threshold in THRESHOLDS[name]:
            axis.axvline(threshold, color="0.5", lw=0.8, ls=":")
        axis.set(title=name, xlabel=text, yticks=list(places.values()), yticklabels=list(places))
        axis.legend(loc="lower left", bbox_to_anchor=(0, 1.06), fontsize=7, borderpad=0)
        for place in places.values():
            axis.axhline(place, color="0.93", lw=0.6, zorder=0)
    axes[0].invert_yaxis()
    return axes


def _places():
    """Return the height of each row, with a gap between single repairs and the path."""
    gap = list(ROWS).index("thinning")
    return {row: number + 0.8 * (number >= gap) for number, row in enumerate(ROWS)}
