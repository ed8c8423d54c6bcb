"""What heterogeneity is worth in current: the exchange rate between a spread and a shift.

FORCE networks at G = 2000 pA, Q = 9000 pA over the background current of all neurons (BIAS, 1000 pA in the paper, which
is the rheobase with adaptation) and the half width of one kind of heterogeneity, of the background current or of the
coupling; with learning, and without, where the lifetime of the activity counts. Ours: Zhang & Cui 2025, doi
10.3389/fncom.2025.1661070, ask what heterogeneity rescues, not what else would.
"""

import numpy as np
import xarray
from brian2 import pA, second
from scipy.optimize import isotonic_regression

from hetbrian.network.neuron import Izhikevich
from hetbrian.published.protocols.common.force import trained as point
from hetbrian.published.protocols.common.force import works
from hetbrian.study.grid import Grid
from hetbrian.study.sweeps import sweep

SMALL = {
    "n_neurons": (200,),
    "axis_sizes": (),
    "n_seeds": 2,
    "biases": (1000, 1100) * pA,
    "eta_half_widths": (100,) * pA,
    "g_half_widths": (1000,) * pA,
    "start": 0.2 * second,
    "stop": 0.6 * second,
    "duration": 1.0 * second,
}

BIASES = (980, 1000, 1010, 1020, 1040, 1070, 1100, 1200, 1500) * pA
ETA_HALF_WIDTHS = (2, 5, 10, 20, 50, 100, 200) * pA
G_HALF_WIDTHS = (20, 50, 100, 200, 500, 1000, 2000) * pA

RHEOBASE = round(float(Izhikevich.FORCE.rheobase_with_adaptation / pA), 9)
"""BIAS in pA from which shifts are counted: rheobase with adaptation, and the paper's current; without rounding errors,
so that it equals one of the currents."""

KINDS = {"eta": "eta_half_width", "g": "g_half_width"}
"""Half width of each kind of heterogeneity."""

RESAMPLES = 2000
"""Bootstrap samples of seeds behind an interval."""


def compute(
    seed=1,
    n_seeds=10,
    n_neurons=(500, 1000, 2000),
    axis_sizes=(4000,),
    biases=BIASES,
    eta_half_widths=ETA_HALF_WIDTHS,
    g_half_widths=G_HALF_WIDTHS,
    recurrent_gain=2000 * pA,
    feedback_gain=9000 * pA,
    synapse="single_exponential",
    start=5 * second,
    stop=10 * second,
    duration=15 * second,
    device="cpp_standalone",
):
    """
    Train a network at every background current and half width.

    Parameters
    ----------
    seed, n_seeds : int
        First root seed and how many.
    n_neurons : tuple of int
        Network sizes with every pair of current and half width.
    axis_sizes : tuple of int
        Network sizes with the currents of homogeneous networks and the half widths at `RHEOBASE` only.
    biases : Quantity [amp], shape (n,)
        Background currents (BIAS).
    eta_half_widths, g_half_widths : Quantity [amp], shape (n,)
        D_eta and D_g above 0; 0 is always there.
    recurrent_gain, feedback_gain : Quantity [amp]
        G and Q.
    synapse : {"single_exponential", "double_exponential"}
        Kind of synapse.
    start, stop, duration : Quantity [second]
        Learning interval and end of the test.
    device : str
        Brian2 device.

    Returns
    -------
    xarray.Dataset
        Scores over (n_neurons, seed, learning, condition), of which ``eta``, ``eta_half_width`` and ``g_half_width``
        are over (condition,) in pA; NaN where a size has no such condition. ``shift_eta`` and ``shift_g`` are those of
        `equivalent_shift`.
    """
    spreads = [{}] + [{"eta_half_width": value} for value in eta_half_widths]
    spreads += [{"g_half_width": value} for value in g_half_widths]
    every = {_name(bias, spread): {"eta": bias, **spread} for bias in biases for spread in spreads}
    axes = {name: item for name, item in every.items() if len(item) == 1 or item["eta"] == RHEOBASE * pA}
    parameters = {
        "recurrent_gain": recurrent_gain,
        "feedback_gain": feedback_gain,
        "synapse": synapse,
        "start": start,
        "stop": stop,
        "duration": duration,
        "device": device,
    }
    found = [
        sweep(
            point,
            Grid(
                n_neurons=sizes,
                seed=range(seed, seed + n_seeds),
                learning={"with": {"learning": True}, "without": {"learning": False}},
                condition=conditions,
            ),
            name=name,
            view=_described,
            parameters=parameters,
        )
        for name, sizes, conditions in (("plane", n_neurons, every), ("axes", axis_sizes, axes))
        if len(sizes)
    ]
    if len(found) == 1:
        return _with_shifts(found[0])
    # the currents and half widths of a condition are in its name, so that they come back
    found = [dataset.drop_vars(["eta", *KINDS.values()]) for dataset in found]
    both = xarray.concat(found, "n_neurons", data_vars="all", join="outer", combine_attrs="override")
    return _with_shifts(_described(both.assign(status=both.status.fillna(0), error=both.error.fillna(""))))


def _with_shifts(dataset):
    """Return the Dataset with `equivalent_shift` of each kind, as ``shift_KIND`` over ``half_width_KIND``."""
    shifts = {
        f"shift_{kind}": equivalent_shift(dataset, kind).rename(half_width=f"half_width_{kind}") for kind in KINDS
    }
    return dataset.assign(shifts)


def _name(bias, spread):
    """Return the name of a condition, which says everything of it."""
    return " ".join([f"{bias / pA:g}", *(f"{name} {value / pA:g}" for name, value in spread.items())])


def _described(dataset):
    """Return the Dataset with the current and half widths of each condition, in pA."""
    words = [str(name).split() for name in dataset.condition.values]
    columns = {"eta": [float(parts[0]) for parts in words]}
    for name in KINDS.values():
        columns[name] = [float(parts[2]) if parts[1:2] == [name] else 0.0 for parts in words]
    return dataset.assign_coords({name: ("condition", values, {"units": "pA"}) for name, values in columns.items()})


def equivalent_shift(dataset, kind, resamples=RESAMPLES):
    """
    Return the shift of a homogeneous network's current that does as much as a spread at the rheobase.

    As much: the same mean over seeds of log10 of the relative error of the test, which is taken to fall with the
    current (isotonic regression) and interpolated linearly between the currents that were measured.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `compute`.
    kind : str
        A key of `KINDS`.
    resamples : int
        Bootstrap samples of seeds, the same for both networks.

    Returns
    -------
    xarray.DataArray, dims (n_neurons, half_width, bound)
        Shifts in pA, ``bound`` one of ``measured``, ``low``, ``high`` (95 %). The largest shift that was measured
        means that or more.
    """
    learned = dataset.sel(learning="with")
    # a diverged run has an infinite error: clipped, it counts as ten times that of a constant
    errors = np.log10(learned.relative_error.clip(1e-6, 10.0)).transpose("n_neurons", "seed", "condition")
    above, spread = _homogeneous(errors), _at_rheobase(errors, kind)
    shifts, n_seeds = above.eta.values - RHEOBASE, above.sizes["seed"]
    drawn = np.random.default_rng(0).integers(n_seeds, size=(resamples, n_seeds))
    found = np.empty((spread.sizes["n_neurons"], spread.sizes["condition"], 3))
    for row in range(len(found)):
        samples = np.array(
            [
                _inverse(shifts, above.values[row, seeds].mean(axis=0), spread.values[row, seeds].mean(axis=0))
                for seeds in (np.arange(n_seeds), *drawn)
            ]
        )
        found[row] = np.stack([samples[0], *np.percentile(samples[1:], (2.5, 97.5), axis=0)], axis=1)
    return xarray.DataArray(
        found,
        {
            "n_neurons": spread.n_neurons.values,
            "half_width": spread[KINDS[kind]].values,
            "bound": ["measured", "low", "high"],
        },
        ("n_neurons", "half_width", "bound"),
        attrs={"long_name": "shift of the current that does as much", "units": "pA"},
    )


def _homogeneous(values):
    """Return the values of homogeneous networks from the rheobase on, by current."""
    alone = sum(values[name] for name in KINDS.values()) == 0
    return values.isel(condition=np.flatnonzero(alone & (values.eta >= RHEOBASE))).sortby("eta")


def _at_rheobase(values, kind):
    """Return the values at the rheobase with a spread of one kind, by half width."""
    name = KINDS[kind]
    return values.isel(condition=np.flatnonzero((values.eta == RHEOBASE) & (values[name] > 0))).sortby(name)


def _inverse(shifts, errors, wanted):
    """Return the shifts at which errors that fall with them reach what is wanted."""
    falling = isotonic_regression(errors, increasing=False).x
    # flat parts are one point, their lowest shift
    first = np.r_[True, np.diff(falling) < 0]
    return np.interp(-wanted, -falling[first], shifts[first])


def summary(dataset):
    """Return the exchange rates that the command line prints, as Markdown."""
    lines = [
        "| N | heterogeneity | half width (pA) | works | equal shift (pA) | shift over half width |",
        "|" + "---|" * 6,
    ]
    worked = works(dataset.sel(learning="with"))
    for kind in KINDS:
        rates, share = equivalent_shift(dataset, kind), _at_rheobase(worked.mean("seed"), kind)
        share = share.assign_coords(half_width=share[KINDS[kind]]).swap_dims(condition="half_width")
        for size in rates.n_neurons.values:
            for width in rates.half_width.values:
                measured, low, high = rates.sel(n_neurons=size, half_width=width).values
                cells = [f"{size}", kind, f"{width:g}", f"{float(share.sel(n_neurons=size, half_width=width)):.0%}"]
                cells += [f"{measured:.3g} ({low:.3g} to {high:.3g})"]
                cells += [f"{measured / width:.2g} ({low / width:.2g} to {high / width:.2g})"]
                lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
