"""Regimes of CA3 at another heterogeneity or coupling, and networks on top of figure 1a; ours, beside the paper.

The bifurcation diagram of figure 1a with networks of the same numbers: every neuron with adaptation of its own (the
paper's Eq. 1), or all with the population's mean (of which the mean field is the limit); see docs/meanfield.md. Then
the Hopf points and folds of cycles that bound the regimes when the half width of eta or the coupling g varies too,
with the generalised Hopf points at which cycles begin to fold.
"""

import numpy as np
import xarray

from hetbrian._support.provenance import provenance
from hetbrian.analysis import hopf_curve, limit_cycles
from hetbrian.published.protocols.common.population_rate import mean_field_rate, network_rate
from hetbrian.published.protocols.fig1 import diagram, mean_field
from hetbrian.published.protocols.fig1 import summary as summary_of_diagram

SMALL = {"n_rates": 200, "n_samples": 2, "max_step": 0.05, "network_etas": (), "narrow_half_widths": ()}

SIZE = "continuations in two parameters, and 12 networks; --small: no network"
"""What ``--help`` says of how much is computed."""

SECOND = {"half_width": ("eta_half_width", "Delta_eta"), "coupling": ("g", "g")}
"""The second parameter of each regime map: its name in `MeanField` and in the equations."""

LIMITS = {"half_width": (0.001, 0.09), "coupling": (0.3, 2.0)}
"""Their ranges. Below a half width of 0.001 the cycles on the left are canards that nothing can follow."""

SAMPLED = {"half_width": (0.006, 0.036), "coupling": (0.95, 2.0)}
"""Where one branch of cycles gives both folds: between the generalised Hopf points and the canards."""

MESHES = (100, 150)
"""Mesh intervals of the cycles at narrow heterogeneity, where integration cannot confirm a canard."""

AGREEMENT = 1e-5
"""Largest difference in eta, between both meshes, of a fold of cycles that counts."""


def compute(
    eta_half_width=0.02,
    g=0.0,
    lower=0.0,
    upper=0.3,
    n_rates=1000,
    n_samples=12,
    max_step=0.015,
    narrow_half_widths=(0.002, 0.004),
    parameters="published",
    network_etas=(0.02, 0.06, 0.1, 0.15, 0.21, 0.27),
    n_neurons=1000,
    adaptations=("own", "shared"),
    seed=1,
    device="cpp_standalone",
):
    """
    Compute the diagram, the networks on top of it, and both maps.

    Parameters
    ----------
    eta_half_width, g, lower, upper, n_rates, parameters
        See `hetbrian.published.protocols.fig1.compute`; half width and coupling are those of the diagram and the middle
        of the maps.
    n_samples : int
        Values of the second parameter at which folds of cycles are looked for.
    max_step : float
        Largest arc length between the limit cycles of the maps.
    narrow_half_widths : tuple of float
        Half widths at which folds of cycles are looked for from both Hopf points, see `narrow_folds`.
    network_etas : tuple of float
        Mean background currents at which networks are simulated; none if empty.
    n_neurons : int
        Their size.
    adaptations : tuple of {"own", "shared"}
        Their kinds.
    seed : int
        Their root seed.
    device : str
        Brian2 device.

    Returns
    -------
    xarray.Dataset
        Of `hetbrian.published.protocols.fig1.diagram`, `networks` and `regime_map`.

    Raises
    ------
    ValueError
        If there is no such set of parameters.
    """
    meanfield = mean_field(parameters, eta_half_width, g)
    parts = [diagram(meanfield, lower, upper, n_rates)]
    if network_etas and adaptations:
        parts.append(networks(meanfield, network_etas, adaptations, n_neurons, seed, device))
    maps = [regime_map(meanfield, name, lower, upper, n_samples, max_step) for name in SECOND]
    maps += [narrow_folds(meanfield.replace(eta_half_width=width)) for width in narrow_half_widths]
    parts.append(xarray.concat(maps, "map_point", combine_attrs="drop_conflicts"))
    dataset = xarray.merge(parts, combine_attrs="drop_conflicts")
    return dataset.assign_attrs({"parameters": parameters, **provenance()})


def networks(meanfield, etas, adaptations, n_neurons, seed, device):
    """
    Return the points on top of panel a.

    Parameters
    ----------
    meanfield : MeanField
        Parameters of the networks, but for eta.
    etas : tuple of float
        Mean background currents.
    adaptations : tuple of {"own", "shared"}
        Kinds of network.
    n_neurons : int
        Their size.
    seed : int
        Root seed.
    device : str
        Brian2 device.

    Returns
    -------
    xarray.Dataset
        Dims (network,): ``network_eta``, ``network_adaptation`` and, in Hz, ``network_rate_min`` and
        ``network_rate_max`` over a cycle, both the mean where the network does not oscillate.
    """
    rows = []
    for eta in etas:
        at = meanfield.replace(eta=eta)
        start = mean_field_rate(at, duration=250.0)[1]
        for adaptation in adaptations:
            found = network_rate(
                at,
                settle=200.0,
                duration=800.0,  # four cycles
                dt=2e-3,
                start=start,
                seed=seed,
                device=device,
                n_neurons=n_neurons,
                adaptation=adaptation,
            )
            rows.append((eta, adaptation, found["low"], found["high"]))
    etas, kinds, low, high = zip(*rows, strict=True)
    return xarray.Dataset(
        {
            "network_eta": ("network", np.array(etas)),
            "network_adaptation": ("network", np.array(kinds)),
            "network_rate_min": ("network", np.array(low), {"units": "Hz"}),
            "network_rate_max": ("network", np.array(high), {"units": "Hz"}),
        }
    )


def regime_map(meanfield, name, lower, upper, n_samples, max_step):
    """
    Return the bifurcations in the plane of eta and a second parameter.

    Parameters
    ----------
    meanfield : MeanField
        The mean field in the middle of the map.
    name : {"half_width", "coupling"}
        Second parameter, from `SECOND`.
    lower, upper : float
        Range of eta in which folds of cycles are followed.
    n_samples : int
        Values of the second parameter at which folds of cycles are looked for.
    max_step : float
        Largest arc length between limit cycles.

    Returns
    -------
    xarray.Dataset
        Dims (map_point,): ``map_name``, ``map_curve`` (hopf, fold of cycles left or right of it, generalised
        hopf), ``map_eta``, ``map_second``, the first Lyapunov coefficient ``map_lyapunov`` and, of folds that were
        computed twice, ``map_uncertainty`` in eta.
    """
    argument, symbol = SECOND[name]
    limits = {"eta": (-0.2, 0.5), symbol: LIMITS[name]}
    hopf = meanfield.hopf_points(lower, upper)
    curve = hopf_curve(meanfield.field, limits, hopf.isel(point=0), max_step=0.1)
    columns = (curve[key].values for key in ("eta", symbol, "lyapunov"))
    rows = [("hopf", *row, np.nan) for row in zip(*columns, strict=True)]
    generalised = curve.isel(point=curve.kind == "generalised hopf")
    rows += [
        ("generalised hopf", x, y, 0.0, np.nan)
        for x, y in zip(generalised.eta.values, generalised[symbol].values, strict=True)
    ]
    for value in np.linspace(*SAMPLED[name], n_samples):
        varied = meanfield.replace(**{argument: float(value)})
        points = varied.hopf_points(*limits["eta"])
        cycles = limit_cycles(varied.field, "eta", *limits["eta"], points.isel(point=-1), max_step)
        for fold in cycles.eta[cycles.kind == "fold of cycles"].values:
            side = ("left", "right")[int(np.argmin(np.abs(points.eta[[0, -1]].values - fold)))]
            rows.append((f"fold of cycles, {side}", fold, value, np.nan, np.nan))
    return _map_rows(name, rows)


def narrow_folds(meanfield):
    """
    Return the folds of cycles at a narrow heterogeneity, where a branch is too stiff to join both Hopf points.

    The branches from both Hopf points are followed on two meshes up to their first fold. A fold counts if
    both meshes agree in eta; the period of a canard, which eta hardly determines, need not.

    Parameters
    ----------
    meanfield : MeanField
        The mean field, with its ``eta_half_width``.

    Returns
    -------
    xarray.Dataset
        As `regime_map`, for the map ``half_width``. Folds on which the meshes disagree are called
        ``refused``, with the fine mesh's eta, or NaN if a mesh has none.
    """
    hopf = meanfield.hopf_points(-0.2, 0.5)
    rows = []
    for which, side in ((0, "left"), (-1, "right")):
        folds = []
        for intervals in MESHES:
            cycles = limit_cycles(
                meanfield.field,
                "eta",
                -0.2,
                0.5,
                hopf.isel(point=which),
                max_step=0.012,
                max_points=120,  # the fold comes first; beyond it a canard takes hundreds
                intervals=intervals,
            )
            folds.append(np.append(cycles.eta.values[cycles.kind.values == "fold of cycles"], np.nan)[0])
        difference = float(np.ptp(folds))
        curve = f"fold of cycles, {side}" if difference < AGREEMENT else "refused"
        rows.append((curve, folds[-1], meanfield.eta_half_width, np.nan, difference))
    return _map_rows("half_width", rows)


def _map_rows(name, rows):
    """Return rows (curve, eta, second parameter, Lyapunov coefficient, uncertainty of eta) of a map as a Dataset."""
    curves, eta, second, lyapunov, uncertainty = zip(*rows, strict=True)
    return xarray.Dataset(
        {
            "map_name": ("map_point", np.full(len(rows), name)),
            "map_curve": ("map_point", np.array(curves)),
            "map_eta": ("map_point", np.array(eta), {"long_name": "mean background current"}),
            "map_second": ("map_point", np.array(second)),
            "map_lyapunov": ("map_point", np.array(lyapunov), {"long_name": "first Lyapunov coefficient"}),
            "map_uncertainty": ("map_point", np.array(uncertainty), {"long_name": "difference between two meshes"}),
        }
    )


def summary(dataset):
    """Return the special points that the command line prints."""
    lines = [summary_of_diagram(dataset)]
    for i in np.flatnonzero(dataset.map_curve.values == "generalised hopf"):
        eta, second = dataset.map_eta.values[i], dataset.map_second.values[i]
        lines.append(f"generalised hopf at eta = {eta:.5f}, {dataset.map_name.values[i]} {second:.5f}")
    return "\n".join(lines)
