"""Figure 1: where along the background current the network computes.

(a) Bifurcation diagram of the mean field of CA3: population rate against the mean background current eta, with
stable and unstable fixed points, stable and unstable limit cycles, and three regimes between the Hopf points:
I quiescent, II oscillatory, III persistently active. Zhang & Cui 2025, doi 10.3389/fncom.2025.1661070.

Regime maps, which the paper does not have: the same Hopf points and folds of cycles when the half width of eta or
the coupling g varies too, with the generalised Hopf points at which cycles begin to fold.

The diagram uses the published dimensionless numbers (`MeanField.CA3`). A network with the exact numbers of
`Izhikevich.CA3` has its Hopf points up to 7e-4 higher in eta.
"""

import numpy as np
import xarray

from hetbrian.bifurcation import hopf_curve, limit_cycles
from hetbrian.meanfield import MeanField
from hetbrian.simulate import provenance
from protocols import fig1bc

SMALL = {"n_rates": 200, "n_samples": 2, "max_step": 0.02}

SECOND = {"half_width": ("eta_half_width", "Delta_eta"), "coupling": ("g", "g")}
"""The second parameter of each regime map: its name in `MeanField` and in the equations."""

LIMITS = {"half_width": (0.001, 0.09), "coupling": (0.3, 2.0)}
"""Their ranges. Below a half width of 0.001 the cycles on the left are canards that nothing can follow."""

SAMPLED = {"half_width": (0.006, 0.036), "coupling": (0.95, 2.0)}
"""Where folds of cycles are sampled: between the generalised Hopf points and the canards."""


def compute(
    panel="all",
    eta_half_width=0.02,
    g=1.2308,
    lower=0.0,
    upper=0.3,
    n_rates=1000,
    n_samples=6,
    max_step=0.006,
):
    """
    Compute the bifurcation diagram, the regime maps, or both.

    Parameters
    ----------
    panel : {"all", "a", "regimes", "bc"}
        What to compute; ``bc`` is `protocols.fig1bc`, the reservoir, which takes hours and is no part of ``all``.
    eta_half_width, g : float
        Half width of the background current and coupling in panel a, dimensionless.
    lower, upper : float
        Range of eta.
    n_rates : int
        Rates at which equilibria are computed.
    n_samples : int
        Values of the second parameter at which folds of cycles are looked for.
    max_step : float
        Largest arc length between limit cycles.

    Returns
    -------
    xarray.Dataset
        Panels b and c: see `protocols.fig1bc.compute`.
        Panel a: ``equilibrium_*`` over (equilibrium,) and ``cycle_*`` over (cycle,), rates in Hz.
        Regimes: ``map_curve``, ``map_eta`` and ``map_second`` over (map_point,), see `regime_map`.

    Raises
    ------
    ValueError
        If there is no such panel.
    """
    meanfield = MeanField.CA3.replace(eta_half_width=eta_half_width, g=g)
    if panel == "bc":
        return fig1bc.compute(eta_half_width=eta_half_width)
    if panel not in ("all", "a", "regimes"):
        raise ValueError(f"panel is {panel!r}, expected all, a, regimes or bc: choose one of them.")
    parts = []
    if panel in ("all", "a"):
        parts.append(diagram(meanfield, lower, upper, n_rates, max_step))
    if panel in ("all", "regimes"):
        maps = [regime_map(meanfield, name, lower, upper, n_samples, 2.5 * max_step) for name in SECOND]
        parts.append(xarray.concat(maps, "map_point"))
    dataset = xarray.merge(parts, combine_attrs="drop_conflicts")
    dataset.attrs = {"eta_half_width": eta_half_width, "g": g, "lower": lower, "upper": upper, **provenance()}
    return dataset


def diagram(meanfield, lower, upper, n_rates, max_step):
    """
    Return panel a.

    Parameters
    ----------
    meanfield : MeanField
        The mean field.
    lower, upper : float
        Range of eta.
    n_rates : int
        Rates at which equilibria are computed.
    max_step : float
        Largest arc length between limit cycles.

    Returns
    -------
    xarray.Dataset
        All variables of `MeanField.equilibria` and `limit_cycles` with the prefixes ``equilibrium_``
        and ``cycle_``, with ``rate`` (for cycles ``rate_min`` and ``rate_max``) in Hz; ``cycle_family``
        counts the branches of cycles.
    """
    equilibria = meanfield.equilibria(lower, upper, n_rates)
    hopf = equilibria.isel(point=(equilibria.kind == "hopf") & (equilibria.eta >= lower) & (equilibria.eta <= upper))
    families = []
    for i in range(hopf.sizes["point"]):
        ends = [family.eta[-1].item() for family in families if family.attrs["end"] == "hopf"]
        if not any(abs(end - hopf.eta[i].item()) < max_step for end in ends):
            family = limit_cycles(meanfield.field, "eta", lower, upper, hopf.isel(point=i), max_step)
            families.append(family.assign(family=("point", np.full(family.sizes["point"], len(families)))))
    parts = [_prefixed(meanfield, equilibria, "equilibrium")]
    if families:
        cycles = xarray.concat(families, "point", combine_attrs="drop_conflicts")
        parts.append(_prefixed(meanfield, cycles, "cycle"))
    return xarray.merge(parts, combine_attrs="drop_conflicts")


def _prefixed(meanfield, data, prefix):
    """Name variables and dims after what the points are, and add rates in Hz."""
    attrs = {"units": "Hz", "long_name": "population rate"}
    rates = {name: name.replace("r", "rate", 1) for name in ("r", "r_min", "r_max") if name in data}
    data = data.assign(
        {new: ("point", np.asarray(meanfield.rate(data[old].values)), attrs) for old, new in rates.items()}
    )
    data = data.reset_coords().drop_vars("eigenvalue_imag", errors="ignore")
    names = {name: f"{prefix}_{name}" for name in data.data_vars}
    return data.rename(names).rename(point=prefix, mode=f"{prefix}_mode")


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
        hopf), ``map_eta``, ``map_second`` and the first Lyapunov coefficient ``map_lyapunov``.
    """
    argument, symbol = SECOND[name]
    limits = {"eta": (-0.2, 0.5), symbol: LIMITS[name]}
    hopf = meanfield.hopf_points(lower, upper)
    curve = hopf_curve(meanfield.field, limits, hopf.isel(point=0), max_step=0.1)
    rows = [("hopf", *row) for row in zip(*(curve[key].values for key in ("eta", symbol, "lyapunov")), strict=True)]
    generalised = curve.isel(point=curve.kind == "generalised hopf")
    rows += [
        ("generalised hopf", x, y, 0.0) for x, y in zip(generalised.eta.values, generalised[symbol].values, strict=True)
    ]
    for value in np.linspace(*SAMPLED[name], n_samples):
        varied = meanfield.replace(**{argument: float(value)})
        points = varied.hopf_points(*limits["eta"])
        cycles = limit_cycles(varied.field, "eta", *limits["eta"], points.isel(point=-1), max_step)
        for fold in cycles.eta[cycles.kind == "fold of cycles"].values:
            side = ("left", "right")[int(np.argmin(np.abs(points.eta[[0, -1]].values - fold)))]
            rows.append((f"fold of cycles, {side}", fold, value, np.nan))
    curves, eta, second, lyapunov = zip(*rows, strict=True)
    return xarray.Dataset(
        {
            "map_name": ("map_point", np.full(len(rows), name)),
            "map_curve": ("map_point", np.array(curves)),
            "map_eta": ("map_point", np.array(eta), {"long_name": "mean background current"}),
            "map_second": ("map_point", np.array(second)),
            "map_lyapunov": ("map_point", np.array(lyapunov), {"long_name": "first Lyapunov coefficient"}),
        }
    )
