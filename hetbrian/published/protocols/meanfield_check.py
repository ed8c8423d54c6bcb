"""The mean field (Eqs. 8-11) against networks: size, the closure in g, finite cutoff, reset and theta.

Size: population rate of the all-to-all CA3 network at two fixed points and on the limit cycle, for N from 250 to
16 000, with adaptation shared (which the mean field is the limit of) and own (Eq. 1, the paper's network).

Closure: rate over eta and the half width of g, against the mean field with both signs sigma of the closure.

Cutoff: rate for finite v_peak, v_reset and theta, against the time that they save.
"""

import numpy as np
import xarray

from hetbrian._support.provenance import provenance
from hetbrian.analysis.asynchronous import asynchronous_state, mean_reset, time_saved
from hetbrian.analysis.meanfield import MeanField
from hetbrian.published.protocols.common.population_rate import asynchronous_rate, grid, mean_field_rate, network_rate

SMALL = {
    "etas": (0.25,),
    "sizes": (100, 200),
    "most_seeds": 1,
    "closure_etas": (0.25,),
    "closure_half_widths": (0.2,),
    "closure_size": 100,
    "cutoffs": (200.0,),
    "residual_thetas": (1.0,),
    "retain_thetas": (0.3,),
    "cutoff_size": 100,
    "settle": 2.0,
    "duration": 4.0,
}

SIZE = "some hundred networks of 250 to 16000 neurons, each for 800 time units; --small: some of 100 to 200"
"""What ``--help`` says of how much is computed."""

ADAPTATIONS = ("shared", "own")

LARGEST_RANDOM = 4000
"""Largest network with random draws; they are made at the highest eta only."""

BIOPHYSICAL = (1 + 30 / 65, 1 - 55 / 65)
"""Cutoff 30 mV and reset -55 mV."""

UNBOUNDED = 1e9
"""A cutoff and reset that save no time."""


def compute(
    part="all",
    seed=1,
    eta_half_width=0.02,
    etas=(0.05, 0.15, 0.25),
    sizes=(250, 500, 1000, 2000, 4000, 8000, 16000),
    most_seeds=3,
    closure_etas=(0.05, 0.15, 0.25, 0.35),
    closure_half_widths=(0.05, 0.1, 0.2, 0.4),
    closure_size=2000,
    cutoffs=(200.0, 100.0, 50.0, 20.0, 10.0, 5.0),
    residual_thetas=(0.5, 1.0),
    retain_thetas=(0.2, 0.3, 0.4),
    cutoff_size=2000,
    settle=200.0,
    duration=800.0,
    dt=2e-3,
    device="cpp_standalone",
):
    """
    Simulate networks and integrate the mean field beside them.

    Parameters
    ----------
    part : {"all", "size", "closure", "cutoff"}
        What to compute.
    seed : int
        First root seed.
    eta_half_width : float
        Half width of the background current, dimensionless.
    etas : tuple of float
        Centres of the background current at which sizes are compared.
    sizes : tuple of int
        Numbers of neurons N.
    most_seeds : int
        Seeds of the smaller networks; there are most_seeds*1000/N, at least one, of larger ones.
    closure_etas, closure_half_widths : tuple of float
        Centres of eta and half widths of g in the comparison of both signs.
    closure_size : int
        N there.
    cutoffs : tuple of float
        v_peak = -v_reset, dimensionless.
    residual_thetas, retain_thetas : tuple of float
        Reset coefficients of each reset rule, at the first cutoff.
    cutoff_size : int
        N there.
    settle, duration : float
        Time before and in the record, in units of time (1.54 ms); all networks of a size share one program then.
    dt : float
        Time step in units of time. The time saved by a cutoff of 200 is then within 1 % of that at dt -> 0.
    device : str
        Brian2 device.

    Returns
    -------
    xarray.Dataset
        See `size`, `closure` and `cutoff`; rates in Hz, periods in units of time.

    Raises
    ------
    ValueError
        If there is no such part.
    """
    meanfield = MeanField.CA3.replace(eta_half_width=eta_half_width)
    thetas = {"residual": residual_thetas, "retain": retain_thetas}
    runs = {"settle": settle, "duration": duration, "dt": dt, "device": device}
    parts = {
        "size": lambda: size(meanfield, etas, sizes, seed, most_seeds, runs),
        "closure": lambda: closure(meanfield, closure_etas, closure_half_widths, closure_size, seed, runs),
        "cutoff": lambda: cutoff(meanfield, cutoffs, thetas, cutoff_size, seed, runs),
    }
    if part != "all" and part not in parts:
        raise ValueError(f"part is {part!r}, expected all, {', '.join(parts)}: choose one of them.")
    chosen = parts if part == "all" else [part]
    dataset = xarray.merge([parts[name]() for name in chosen], combine_attrs="drop_conflicts")
    dataset.attrs = {"eta_half_width": eta_half_width, "dt": dt, "seed": seed, "device": device, **provenance()}
    return dataset


def size(meanfield, etas, sizes, seed, most_seeds, runs):
    """
    Compare networks of several sizes with the mean field.

    Parameters
    ----------
    meanfield : MeanField
        The mean field.
    etas : tuple of float
        Centres of the background current.
    sizes : tuple of int
        Numbers of neurons.
    seed, most_seeds : int
        First seed and how many for the smaller networks.
    runs : dict
        Other arguments of `network_rate`.

    Returns
    -------
    xarray.Dataset
        Dims (network, eta, size, run): ``rate``, ``low``, ``high``, ``period`` of networks (``own``, ``shared``, and
        ``shared, random`` with random draws); NaN for runs that were not made. Dims (network, eta, size):
        ``asynchronous_rate`` of `asynchronous_state` for the same neurons. Dims (eta,): ``meanfield_*``.
    """
    networks = {
        "shared": {"adaptation": "shared", "draw": "quantiles"},
        "shared, random": {"adaptation": "shared", "draw": "random"},
        "own": {"adaptation": "own", "draw": "quantiles"},
    }
    keys = ("rate", "low", "high", "period")
    values = np.full((len(keys), len(networks), len(etas), len(sizes), most_seeds), np.nan)
    expected = np.full((len(networks), len(etas), len(sizes)), np.nan)
    references = []
    for j, eta in enumerate(etas):
        at = meanfield.replace(eta=eta)
        reference, start = mean_field_rate(at)
        references.append(reference)
        for i, options in enumerate(networks.values()):
            for k, n_neurons in enumerate(sizes):
                if options["draw"] == "random" and (eta != max(etas) or n_neurons > LARGEST_RANDOM):
                    continue
                if options["draw"] == "quantiles":
                    expected[i, j, k] = asynchronous_rate(at, n_neurons, seed=seed, adaptation=options["adaptation"])
                for run in range(min(most_seeds, max(1, most_seeds * 1000 // n_neurons))):
                    found = network_rate(at, seed=seed + run, n_neurons=n_neurons, start=start, **runs, **options)
                    values[:, i, j, k, run] = [found[key] for key in keys]
    dims = ("network", "eta", "size", "run")
    units = {key: {"units": "Hz" if key != "period" else "unit of time"} for key in keys}
    data = {key: (dims, array, units[key]) for key, array in zip(keys, values, strict=True)}
    data |= {f"meanfield_{key}": ("eta", [row[key] for row in references], units[key]) for key in keys}
    data["asynchronous_rate"] = (dims[:3], expected, {"units": "Hz"})
    return xarray.Dataset(data, {"network": list(networks), "eta": list(etas), "size": list(sizes)})


def closure(meanfield, etas, half_widths, n_neurons, seed, runs):
    """
    Compare networks with heterogeneous g with the mean field for both signs of its closure.

    Parameters
    ----------
    meanfield : MeanField
        The mean field.
    etas, half_widths : tuple of float
        Centres of eta and half widths of g.
    n_neurons : int
        Size of the networks.
    seed : int
        Root seed, which pairs eta with g.
    runs : dict
        Other arguments of `network_rate`.

    Returns
    -------
    xarray.Dataset
        Dims (closure_eta, g_half_width): ``closure_meanfield_*`` over (sigma, ...) and ``closure_network_*``
        over (adaptation, ...), each ``rate``, ``low`` and ``high``; NaN where the mean field diverges, a
        negative ``low`` where its closure fails otherwise.
        ``closure_asynchronous_rate`` over (adaptation, ...) of `asynchronous_state` for the same neurons.
    """
    keys, signs = ("rate", "low", "high"), (-1, 1)
    shape = (2, len(etas), len(half_widths))
    fields, networks, expected = np.full((3, *shape), np.nan), np.full((3, *shape), np.nan), np.full(shape, np.nan)
    for j, eta in enumerate(etas):
        for k, half_width in enumerate(half_widths):
            at = meanfield.replace(eta=eta, g_half_width=half_width)
            for i, adaptation in enumerate(ADAPTATIONS):
                expected[i, j, k] = asynchronous_rate(at, n_neurons, seed=seed, adaptation=adaptation)
            # all start where the network would be if it were asynchronous
            start = meanfield.replace(eta=eta).equilibrium(expected[0, j, k] * float(at.time_unit))[0]
            for i, sigma in enumerate(signs):
                try:
                    found = mean_field_rate(at.replace(sigma=sigma), start)[0]
                except ValueError:  # the closure does not keep the mean field bounded for every half width
                    continue
                fields[:, i, j, k] = [found[key] for key in keys]
            for i, adaptation in enumerate(ADAPTATIONS):
                options = {"n_neurons": n_neurons, "adaptation": adaptation, "seed": seed}
                found = network_rate(at, **runs, start=start, **options)
                networks[:, i, j, k] = [found[key] for key in keys]
    where = ("closure_eta", "g_half_width")
    data = {}
    for key, field, network in zip(keys, fields, networks, strict=True):
        data[f"closure_meanfield_{key}"] = (("sigma", *where), field, {"units": "Hz"})
        data[f"closure_network_{key}"] = (("adaptation", *where), network, {"units": "Hz"})
    data["closure_asynchronous_rate"] = (("adaptation", *where), expected, {"units": "Hz"})
    coordinates = {"sigma": list(signs), "adaptation": list(ADAPTATIONS), "closure_eta": list(etas)}
    return xarray.Dataset(data, coordinates | {"g_half_width": list(half_widths)}, {"closure_size": n_neurons})


def cutoff(meanfield, cutoffs, thetas, n_neurons, seed, runs):
    """
    Compare networks with finite cutoff, reset and theta with the time that these save.

    Parameters
    ----------
    meanfield : MeanField
        The mean field, but for eta: 0.25 (the paper's regime III), and 0.5 too for `BIOPHYSICAL`.
    cutoffs : tuple of float
        v_peak = -v_reset.
    thetas : dict of str to tuple of float
        Reset coefficients at the first cutoff, by reset rule.
    n_neurons : int
        Size of the networks.
    seed : int
        Root seed.
    runs : dict
        Other arguments of `network_rate`.

    Returns
    -------
    xarray.Dataset
        Dims (setting,), prefix ``cutoff_``: ``eta``, ``v_peak``, ``v_reset``, ``theta``, ``reset``; the rate of
        the ``network`` and its ``period`` if it oscillates, the rates ``unbounded`` and ``expected`` of
        `asynchronous_state` without and with these limits; ``time_saved`` per spike, NaN for a reset
        above the vertex.
    """
    settings = [(0.25, v, -v, 0.0, "residual") for v in cutoffs]
    settings += [(0.25, cutoffs[0], -cutoffs[0], theta, reset) for reset, values in thetas.items() for theta in values]
    settings += [(eta, *BIOPHYSICAL, 0.0, "residual") for eta in (0.25, 0.5)]
    rows = []
    for eta, v_peak, v_reset, theta, reset in settings:
        at = meanfield.replace(eta=eta)
        options = {"v_peak": v_peak, "v_reset": v_reset, "theta": theta, "reset": reset}
        start = mean_field_rate(at, duration=500.0)[1]
        found = network_rate(at, **runs, start=start, seed=seed, n_neurons=n_neurons, **options)
        neurons = grid(at, n_neurons, seed)
        unbounded = asynchronous_state(at.neuron(UNBOUNDED, -UNBOUNDED), *neurons)
        how = {"theta": theta, "reset": reset, "dt": runs["dt"] * at.time_unit}
        state = asynchronous_state(at.neuron(v_peak, v_reset), *neurons, **how).isel(state=-1)
        floor = mean_reset(at.neuron(v_peak, v_reset), theta, reset, runs["dt"])
        vertex = (at.alpha + at.g * state.s.item()) / 2
        saved = time_saved(vertex, v_peak, floor) if floor < vertex < v_peak else np.nan
        rates = (data.rate.mean("neuron").values.max() for data in (unbounded, state))
        rows.append((found["rate"], found["period"], *rates, saved))
    columns = (*zip(*settings, strict=True), *zip(*rows, strict=True))
    names = ("eta", "v_peak", "v_reset", "theta", "reset", "network", "period", "unbounded", "expected", "time_saved")
    units = {
        "network": "Hz",
        "unbounded": "Hz",
        "expected": "Hz",
        "period": "unit of time",
        "time_saved": "unit of time",
    }
    return xarray.Dataset(
        {
            f"cutoff_{name}": ("setting", np.array(column), {"units": units.get(name, "1")})
            for name, column in zip(names, columns, strict=True)
        },
        attrs={"cutoff_size": n_neurons},
    )


def summary(dataset):
    """Return the tables, as Markdown, that the command line prints."""
    parts = {"size": _size_table, "sigma": _closure_table, "setting": _cutoff_table}
    return "\n\n".join(table(dataset) for dimension, table in parts.items() if dimension in dataset.sizes)


def _table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _size_table(data):
    """One row per eta and network: relative deviation of the rate, and of the period, from the mean field over N."""
    rows = []
    for eta in data.eta.values:
        for key in ("rate", "period"):
            reference = data[f"meanfield_{key}"].sel(eta=eta)
            for network in data.network.values:
                deviation = data[key].sel(eta=eta, network=network) / reference - 1
                root = np.sqrt((deviation**2).mean("run")) if "random" in network else deviation.mean("run")
                if np.isfinite(root).any():
                    cells = [f"{100 * x:.2f}" if np.isfinite(x) else "" for x in root.values]
                    unit = "Hz" if key == "rate" else "units"
                    rows.append([f"{eta:g}", f"{key}, {reference.item():.2f} {unit}", network, *cells])
            limits = data.asynchronous_rate.sel(eta=eta) / reference - 1
            for network in ("shared", "own") if key == "rate" else ():
                cells = [f"{100 * x:.2f}" for x in limits.sel(network=network).values]
                rows.append([f"{eta:g}", "rate", f"{network}, expected if asynchronous", *cells])
    return _table(["eta", "mean field", "network, deviation (%)", *(f"N = {n}" for n in data["size"].values)], rows)


def _closure_table(data):
    """One row per eta and half width of g: rates, and the sign that is closer to each network."""
    rows = []
    for eta in data.closure_eta.values:
        for half_width in data.g_half_width.values:
            at = data.sel(closure_eta=eta, g_half_width=half_width)
            fields, low = at.closure_meanfield_rate, at.closure_meanfield_low
            row = [f"{eta:g}", f"{half_width:g}"]
            for sigma in data.sigma.values:
                text = f"{fields.sel(sigma=sigma).item():.2f}"
                row.append(text if low.sel(sigma=sigma) >= 0 else "negative")
            for adaptation in data.adaptation.values:
                network = at.closure_network_rate.sel(adaptation=adaptation).item()
                oscillates = at.closure_network_high.sel(adaptation=adaptation).item() > network
                closer = int(fields.sigma[np.abs(fields.where(low >= 0) - network).argmin("sigma")])
                row += [f"{network:.2f}{' (oscillates)' if oscillates else ''}", f"{closer:+d}"]
            rows.append(row)
    head = ["eta", "D_g", "sigma = -1 (Hz)", "sigma = +1 (Hz)"]
    head += [text for name in data.adaptation.values for text in (f"network, {name} (Hz)", "closer sign")]
    return _table(head, rows)


def _cutoff_table(data):
    """One row per setting: rates of the network and of the asynchronous state."""
    rows = []
    for i in range(data.sizes["setting"]):
        at = {name.removeprefix("cutoff_"): data[name].values[i] for name in data if name.startswith("cutoff_")}
        oscillates = f" (oscillates, period {at['period']:.0f})" if np.isfinite(at["period"]) else ""
        limits = [f"{at['eta']:g}", f"{at['v_peak']:.4g}", f"{at['v_reset']:.4g}", f"{at['reset']}, {at['theta']:g}"]
        rates = [f"{at['unbounded']:.2f}", f"{at['expected']:.2f}", f"{at['network']:.2f}{oscillates}"]
        rows.append([*limits, f"{at['time_saved']:.4f}", *rates])
    head = ["eta", "v_peak", "v_reset", "reset rule, theta", "time saved per spike", "without limits (Hz)"]
    return _table([*head, "expected (Hz)", "network (Hz)"], rows)
