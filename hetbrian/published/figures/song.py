"""Target and replay of every output, and how much each replay differs from the target."""

import numpy as np

from hetbrian.plot.style import COLOURS

MARKERS = "osDv^<>"
"""Of the replays, in their order."""


def draw(dataset, axes=None):
    """
    Draw the outputs as areas under the target's lines, and one minus their correlation.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `hetbrian.published.protocols.common.replay.learn_and_replay`.
    axes : pair of matplotlib Axes, optional
        Traces over the last presentation and the replays, and differences.

    Returns
    -------
    ndarray of Axes, shape (2,)
    """
    from matplotlib import pyplot
    from matplotlib.ticker import NullFormatter

    n_outputs = dataset.sizes["output"]
    if axes is None:
        _, axes = pyplot.subplots(1, 2, figsize=(7.6, 1.7 + 0.3 * n_outputs), sharey=True, width_ratios=(4, 1))
    traces, differences = axes
    stop, period = dataset.attrs["learning_stop"], dataset.attrs["period"]
    time = dataset.time.values - stop
    shown = slice(None, None, max(1, len(time) // 4000))
    rows = np.arange(n_outputs)
    for row in rows:
        z, y = (row + 0.85 * dataset[name].values[shown, row] for name in ("z", "y"))
        traces.fill_between(
            time[shown], row, z, color=COLOURS["eta"], alpha=0.45, lw=0, label="output" if not row else None
        )
        traces.plot(time[shown], y, color=COLOURS["target"], lw=0.6, label=None if row else "target")
    traces.axvspan(time[0], 0, color="0.93", lw=0, zorder=0, label="still learning")
    for replay in range(1, dataset.sizes["replay"]):
        traces.axvline(replay * period, color="0.6", lw=0.6, ls=":", label=None if replay > 1 else "next replay")
    traces.set(
        xlabel="time after learning (s)",
        yticks=rows + 0.3,
        yticklabels=dataset.output.values,
        ylim=(-0.2, n_outputs + 0.1),
        xlim=(time[0], time[-1]),
    )
    away = np.maximum(1 - dataset.correlation.values, 1e-6)  # equal to rounding has no place on a logarithmic axis
    for replay, (marker, values) in enumerate(zip(MARKERS, away, strict=False), 1):
        differences.plot(values, rows + 0.3, marker, ms=3.5, mfc="none", color=COLOURS["eta"], label=f"replay {replay}")
    differences.set(xscale="log", xlabel="1 - correlation")
    if np.isfinite(away).any():  # that of an output that stands still is NaN
        lowest, highest = np.floor(np.log10([np.nanmin(away), np.nanmax(away)]))
        differences.set_xlim(10**lowest, 10 ** (highest + 1))
    differences.xaxis.set_minor_formatter(NullFormatter())  # within a decade their labels would overlap
    differences.grid(axis="y", color="0.9", lw=0.6)
    differences.set_title(f"mean correlation {float(dataset.correlation.mean()):.3f}", fontweight="normal", fontsize=8)
    (areas, of_areas), (dots, of_dots) = (axis.get_legend_handles_labels() for axis in (traces, differences))
    traces.figure.legend([*areas, *dots], [*of_areas, *of_dots], loc="outside lower center", ncols=4)
    return np.array([traces, differences])
