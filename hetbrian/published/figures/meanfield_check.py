"""The mean field against networks: error over N, the closure in g, finite cutoff and reset."""

import numpy as np

STYLES = {
    "shared": {"color": "#1f4e9e", "marker": "o", "label": "shared adaptation"},
    "shared, random": {"color": "#1f4e9e", "marker": "o", "mfc": "white", "ls": ":", "label": "shared, random draws"},
    "own": {"color": "#d62728", "marker": "s", "label": "own adaptation"},
}
"""How each kind of network is drawn."""

SIGNS = {-1: ("-", r"$\sigma = -1$"), 1: ("--", r"$\sigma = +1$")}


def draw(dataset, axes=None):
    """
    Draw the parts that the Dataset holds.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `hetbrian.published.protocols.meanfield_check.compute`.
    axes : sequence of matplotlib Axes, optional
        One per panel: an error panel for each eta, a closure panel for each eta, the cutoff panel.

    Returns
    -------
    ndarray of Axes, shape (n_panels,)
    """
    panels = [(_size, {"eta": i}) for i in range(dataset.sizes.get("eta", 0))]
    panels += [(_closure, {"closure_eta": i}) for i in range(dataset.sizes.get("closure_eta", 0))]
    panels += [(_cutoff, {})] if "setting" in dataset.sizes else []
    axes = _axes(len(panels)) if axes is None else np.atleast_1d(axes).ravel()
    for (panel, where), axis in zip(panels, axes, strict=True):
        panel(dataset.isel(where), axis)
    return axes


def _axes(n_panels):
    from matplotlib import pyplot

    columns = min(n_panels, 4)
    rows = -(-n_panels // columns)
    axes = pyplot.subplots(rows, columns, figsize=(2.6 * columns, 2.6 * rows), squeeze=False)[1]
    for axis in axes.ravel()[n_panels:]:
        axis.remove()
    return axes.ravel()[:n_panels]


def _size(data, axis):
    """Relative error of the mean rate over N, with the slope -1/2 of the Lorentzian's tail."""
    sizes = data["size"].values.astype(float)
    largest = 0.0
    for name, style in STYLES.items():
        error = np.abs(data.rate.sel(network=name) / data.meanfield_rate - 1)
        error = np.sqrt((error**2).mean("run")).values
        if np.isfinite(error).any():
            axis.plot(sizes, error, **style)
            largest = max(largest, error[0]) if name == "shared" else largest
    axis.plot(sizes, largest * np.sqrt(sizes[0] / sizes), color="0.6", lw=0.8, label=r"slope $-1/2$")
    axis.set(xscale="log", yscale="log", xlabel="number of neurons", ylabel="relative error of the rate")
    where = "limit cycle" if np.isfinite(data.meanfield_period) else "fixed point"
    axis.set_title(rf"{where}, $\bar\eta = {data.eta.item():g}$")
    if data.eta.item() == 0.25:
        axis.legend(fontsize=6)


def _closure(data, axis):
    """Mean rate over the half width of g: lines are the mean field, markers networks."""
    possible = data.closure_meanfield_rate.where(data.closure_meanfield_low >= 0)
    for sigma, (line, name) in SIGNS.items():
        axis.plot(data.g_half_width, possible.sel(sigma=sigma), ls=line, color="black", label=name)
    for name in data.adaptation.values:
        style = {**STYLES[str(name)], "ls": ""}
        axis.plot(data.g_half_width, data.closure_network_rate.sel(adaptation=name), **style)
    axis.set(xlabel=r"half width $\Delta_g$ (dimensionless)", ylabel="mean rate (Hz)", ylim=(0, None))
    axis.set_title(rf"closure, $\bar\eta = {data.closure_eta.item():g}$")
    if data.closure_eta.item() == 0.25:
        axis.legend(fontsize=6)


def _cutoff(data, axis):
    """Rate gained through finite cutoff, reset and theta: network against expectation."""
    data = data.isel(setting=np.isnan(data.cutoff_period.values))
    expected = (data.cutoff_expected - data.cutoff_unbounded).values
    gained = (data.cutoff_network - data.cutoff_unbounded).values
    ends = [expected.min(), expected.max()]
    axis.plot(ends, ends, color="0.6", lw=0.8, label="equal")
    for reset, marker in (("residual", "s"), ("retain", "D")):
        rows = data.cutoff_reset.values == reset
        axis.plot(expected[rows], gained[rows], marker, color=STYLES["own"]["color"], label=f"reset rule {reset}")
    axis.set(xscale="log", yscale="log", xlabel="expected gain of rate (Hz)", ylabel="gain of the network (Hz)")
    axis.set_title("cutoff, reset, theta")
    axis.legend(fontsize=6)
