"""What a spread is worth in current: networks that work over background current and half width, and equal shifts."""

import numpy as np
from brian2 import pA
from matplotlib.patches import Patch
from scipy.special import stdtrit

from hetbrian.network.neuron import Izhikevich
from hetbrian.plot import heat_map
from hetbrian.plot.style import COLOURS
from hetbrian.study.claims import CONFIDENCE

KINDS = {"eta": "eta_half_width", "g": "g_half_width"}
"""Half width of each kind of heterogeneity in the Dataset."""

WORKS = 0.5
"""Relative error below which a network works, see `hetbrian.published.protocols.common.force.WORKS`."""

RHEOBASE = round(float(Izhikevich.FORCE.rheobase_with_adaptation / pA), 9)
"""Current in pA from which shifts are counted, see `hetbrian.published.protocols.exchange.RHEOBASE`."""

TEXT = {"eta": r"half width $\Delta_\eta$ (pA)", "g": r"half width $\Delta_g$ (pA)"}

CONDITIONS = {"with": "works", "without": "lives untrained"}
"""Share that each pair of columns shows: of seeds that work, and that fire to the end if nothing is learned."""

BELOW = (r"worth of $\Delta_\eta$", r"worth of $\Delta_g$", "homogeneous", "homogeneous")
"""Titles of the last row."""

NEAR = (970.0, 1110.0)
"""Currents in pA around the rheobase, where activity dies."""


def draw(dataset, axes=None):
    """
    Draw shares of networks over current and half width, a row for each size, and equal shifts below.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `hetbrian.published.protocols.exchange.compute`, also while it runs.
    axes : array of matplotlib Axes, shape (sizes + 1, 4), optional
        One row for each size with the whole plane.

    Returns
    -------
    ndarray of Axes
    """
    from matplotlib import pyplot

    alive = (dataset.lifetime >= float(dataset.lifetime.max()) - 0.1).astype(float).where(dataset.status == 1)
    works = (dataset.relative_error < WORKS).astype(float).where(dataset.status == 1)
    shares = {"with": works, "without": alive}
    whole = _is_whole(dataset)
    sizes = dataset.n_neurons.values[whole]
    if axes is None:
        _, axes = pyplot.subplots(len(sizes) + 1, 4, figsize=(9.2, 2.2 * len(sizes) + 2.7))
    for row, size in enumerate(sizes):
        for column, (learning, kind) in enumerate((key, kind) for key in shares for kind in KINDS):
            axis = axes[row, column]
            values = plane(shares[learning].sel(learning=learning, n_neurons=size), kind)
            table = values.to_dataset(name="share")
            heat_map(table, "share", "half_width", "eta", axis, over="mean", even=True, limits=(0, 1))
            axis.set(xlabel=TEXT[kind] if row == len(sizes) - 1 else "", ylabel="")
            axis.tick_params("x", rotation=60)
            axis.tick_params(labelsize=7, labelleft=column == 0)
            axis.set_title(f"{chr(97 + 4 * row + column)}   N = {size}, {CONDITIONS[learning]}", fontsize=7)
        axes[row, 0].set_ylabel("background current\nof all neurons (pA)")
    axes[0, 0].figure.colorbar(axes[0, 0].collections[0], ax=axes[:-1], shrink=0.6, pad=0.03).set_label(
        "share of seeds"
    )
    _shifts(axes[-1], dataset, 4 * len(sizes))
    return axes


def _is_whole(dataset):
    """Return which sizes have the whole plane of currents and half widths."""
    pairs = dataset.status.sel(learning="with").isel(seed=0)
    pairs = pairs.where((dataset.eta != RHEOBASE) & (dataset.eta_half_width > 0))
    return (pairs > 0).any("condition").values


def _shifts(axes, dataset, letter):
    """Draw equal shifts against the half width of each kind, and errors and lifetimes of homogeneous networks."""
    styles = ["-", "--", "-.", ":"]
    for axis, kind in zip(axes, KINDS, strict=False):
        shifts = dataset[f"shift_{kind}"].rename({f"half_width_{kind}": "half_width"})
        top = float(dataset.eta.max()) - RHEOBASE
        for size, style in zip(shifts.n_neurons.values, styles, strict=False):
            chosen = shifts.sel(n_neurons=size)
            low, measured, high = (chosen.sel(bound=name).values for name in ("low", "measured", "high"))
            axis.fill_between(shifts.half_width, low, high, color=COLOURS[kind], alpha=0.12, lw=0)
            axis.plot(shifts.half_width, measured, style, color=COLOURS[kind], marker="o", ms=2.5, label=f"N = {size}")
        axis.axhline(top, color="0.6", lw=0.8, ls=":", label="largest measured")
        ends = shifts.half_width.values[[0, -1]]
        axis.plot(ends, ends, color="0.6", lw=0.8, label="shift = half width")
        axis.set(xscale="log", xlabel=TEXT[kind], ylabel="equal shift (pA)")
        axis.set_yscale("symlog", linthresh=5)
        axis.set_ylim(0, 1.3 * top)
    alone = dataset.isel(condition=np.flatnonzero(sum(dataset[name] for name in KINDS.values()) == 0)).sortby("eta")
    student = stdtrit(alone.sizes["seed"] - 1, (1 + CONFIDENCE) / 2)
    for size, style in zip(alone.n_neurons.values, styles, strict=False):
        error = np.log10(alone.relative_error.sel(learning="with", n_neurons=size).clip(1e-6, 10.0))
        middle, margin = error.mean("seed"), error.std("seed", ddof=1) * student / np.sqrt(error.sizes["seed"])
        axes[2].fill_between(alone.eta, middle - margin, middle + margin, color="0.3", alpha=0.12, lw=0)
        axes[2].plot(alone.eta, middle, style, color=COLOURS["homogeneous"], marker="o", ms=2.5, label=f"N = {size}")
        life = alone.lifetime.sel(learning="without", n_neurons=size).median("seed")
        axes[3].plot(alone.eta, life, style, color=COLOURS["homogeneous"], marker="o", ms=2.5, label=f"N = {size}")
    axes[2].set(ylabel=r"$\log_{10}$ relative error", xlabel="current, trained (pA)")
    axes[3].set(ylabel="lifetime (s)", xlabel="current, untrained (pA)", xlim=NEAR)
    lines = {}
    for axis in (axes[0], axes[3]):  # of the sizes those of the last, in grey
        lines |= {text: line for line, text in zip(*axis.get_legend_handles_labels(), strict=True)}
    lines["95 % interval (bootstrap; o: t)"] = Patch(color="0.3", alpha=0.2, lw=0)
    axes[0].figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=len(lines), fontsize=7)
    for number, (title, axis) in enumerate(zip(BELOW, axes, strict=True)):
        axis.set_title(f"{chr(97 + letter + number)}   {title}", fontsize=8)
        axis.tick_params(labelsize=7)


def plane(values, kind):
    """
    Return values over the plane of background current and half width of one kind.

    Parameters
    ----------
    values : xarray.DataArray
        Over condition and anything else, from `hetbrian.published.protocols.exchange.compute`.
    kind : str
        A key of `KINDS`.

    Returns
    -------
    xarray.DataArray
        Over ``eta`` and ``half_width`` in pA instead of the condition.
    """
    (other,) = (name for key, name in KINDS.items() if key != kind)
    chosen = values.isel(condition=np.flatnonzero(values[other] == 0)).drop_vars(["condition", other])
    chosen = chosen.set_index(condition=("eta", KINDS[kind]))
    return chosen.unstack("condition").rename({KINDS[kind]: "half_width"})
