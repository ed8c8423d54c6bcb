"""Target and replay of every output, and how well each output is replayed."""

import numpy as np

from figures import COLOURS


def draw(dataset, axes=None):
    """
    Draw the outputs as stacked traces over the last presentation and the replays.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `protocols.common.replay.learn_and_replay`.
    axes : pair of matplotlib Axes, optional
        Traces and correlations.

    Returns
    -------
    ndarray of Axes, shape (2,)
    """
    from matplotlib import pyplot

    n_outputs = dataset.sizes["output"]
    if axes is None:
        _, axes = pyplot.subplots(1, 2, figsize=(7.6, 1.3 + 0.26 * n_outputs), sharey=True, width_ratios=(5, 1))
    traces, bars = axes
    stop, period = dataset.attrs["learning_stop"], dataset.attrs["period"]
    time = dataset.time.values - stop
    shown = slice(None, None, max(1, len(time) // 4000))
    rows = np.arange(n_outputs)
    for row in rows:
        traces.plot(time[shown], row + 0.85 * dataset.y.values[shown, row], color="0.6", lw=2.4)
        traces.plot(time[shown], row + 0.85 * dataset.z.values[shown, row], color=COLOURS["eta"], lw=0.9, alpha=0.85)
    traces.axvspan(time[0], 0, color="0.93", lw=0)
    for replay in range(1, dataset.sizes["replay"]):
        traces.axvline(replay * period, color="0.8", lw=0.6)
    traces.plot([], [], color="0.6", lw=2.4, label="target")
    traces.plot([], [], color=COLOURS["eta"], label="output of the heterogeneous network")
    traces.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, borderaxespad=0)
    traces.set(
        xlabel="time after learning (s)",
        yticks=rows + 0.3,
        yticklabels=dataset.output.values,
        ylim=(-0.2, n_outputs + 0.1),
        xlim=(time[0], time[-1]),
    )
    quality = dataset.correlation
    bars.barh(rows + 0.35, quality.mean("replay"), height=0.6, color=COLOURS["eta"])
    bars.set(xlabel="correlation", xlim=(0, 1))
    bars.set_title(f"mean {float(quality.mean()):.3f}", fontweight="normal")
    return np.array([traces, bars])
