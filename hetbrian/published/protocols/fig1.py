"""Figure 1a: where along the background current the network computes.

Bifurcation diagram of the mean field of CA3: population rate against the mean background current eta, with stable and
unstable fixed points, stable and unstable limit cycles, and three regimes between the Hopf points: I quiescent,
II oscillatory, III persistently active. Zhang & Cui 2025, doi 10.3389/fncom.2025.1661070. Panels b and c are
`hetbrian.published.protocols.fig1bc`; what the regimes become at another heterogeneity or coupling, which is ours,
`hetbrian.published.protocols.regimes`.
"""

import numpy as np
import xarray

from hetbrian._support.checks import choice
from hetbrian._support.provenance import provenance
from hetbrian.analysis import limit_cycles
from hetbrian.analysis.meanfield import MeanField
from hetbrian.network.neuron import Izhikevich

SMALL = {"n_rates": 200}

SIZE = "one continuation, about two minutes; no network"
"""What ``--help`` says of how much is computed."""


def compute(eta_half_width=0.02, g=0.0, lower=0.0, upper=0.3, n_rates=1000, max_step=0.006, parameters="published"):
    """
    Compute the bifurcation diagram.

    Parameters
    ----------
    eta_half_width : float
        Half width of the background current, dimensionless.
    g : float
        Coupling, dimensionless; 0 for that of the parameters.
    lower, upper : float
        Range of eta.
    n_rates : int
        Rates at which equilibria are computed.
    max_step : float
        Largest arc length between limit cycles.
    parameters : {"published", "exact"}
        Numbers of CA3, see `mean_field`.

    Returns
    -------
    xarray.Dataset
        See `diagram`.

    Raises
    ------
    ValueError
        If there is no such set of parameters.
    """
    dataset = diagram(mean_field(parameters, eta_half_width, g), lower, upper, n_rates, max_step)
    return dataset.assign_attrs({"parameters": parameters, **provenance()})


def mean_field(parameters, eta_half_width, g=0.0):
    """
    Return the mean field of CA3.

    Parameters
    ----------
    parameters : {"published", "exact"}
        The published dimensionless numbers, rounded to four digits (`MeanField.CA3`), or those that follow from
        `Izhikevich.CA3`, which have their Hopf points up to 7e-4 higher in eta.
    eta_half_width, g : float
        See `compute`.

    Returns
    -------
    MeanField

    Raises
    ------
    ValueError
        If there is no such set of parameters.
    """
    sets = {"published": MeanField.CA3, "exact": MeanField.from_parameters(Izhikevich.CA3, 0.02)}
    chosen = sets[choice(parameters, "parameters", sets)]
    return chosen.replace(eta_half_width=eta_half_width, g=g or chosen.g)


def diagram(meanfield, lower, upper, n_rates, max_step=0.006):
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
        counts the branches of cycles. Attributes say half width, coupling, range of eta, and the unit of time in s.
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
    dataset = xarray.merge(parts, combine_attrs="drop_conflicts")
    settings = {"eta_half_width": meanfield.eta_half_width, "g": meanfield.g, "lower": lower, "upper": upper}
    dataset.attrs = settings | {"time_unit": float(meanfield.time_unit)}
    return dataset


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


def summary(dataset):
    """Return the special points that the command line prints."""
    lines = []
    for prefix, kinds in (("equilibrium", ("hopf", "fold")), ("cycle", ("fold of cycles",))):
        for i in range(dataset.sizes.get(prefix, 0)):
            point = {name: dataset[f"{prefix}_{name}"].values[i] for name in ("kind", "eta", "period")}
            if point["kind"] in kinds:
                text = f"{point['kind']} at eta = {point['eta']:.7f}"
                text += f", period {point['period']:.3f}" if np.isfinite(point["period"]) else ""
                if point["kind"] == "hopf":
                    sign = "sub" if dataset.equilibrium_lyapunov.values[i] > 0 else "super"
                    text += f", {sign}critical"
                lines.append(text)
    return "\n".join(lines)
