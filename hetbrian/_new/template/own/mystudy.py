"""How well a network learns a sine whose neurons differ more or less in their background current.

The relative error of the test after learning, at each spread of the current and for several networks.
"""

import xarray
from brian2 import pA, second
from mystudy_figure import draw  # noqa: F401  - `hetbrian run` draws with it
from mystudy_model import network

import hetbrian as hb

SMALL = {
    "n_seeds": 1,
    "n_neurons": 100,
    "half_widths": (0, 100) * pA,
    "start": 0.1 * second,
    "stop": 0.4 * second,
    "duration": 0.6 * second,
}
"""What ``--small`` changes."""


def point(half_width, seed, start, stop, duration, device, **options):
    """
    Return the relative error and the rate of one network after learning, and what it said.

    Parameters
    ----------
    half_width : float
        Of the background current, in pA.
    seed : int
        Which network.
    start, stop, duration : Quantity [second]
        When it learns, and when the test ends.
    device : str
        Brian2 device.
    **options
        Of `mystudy_model.network`.

    Returns
    -------
    xarray.Dataset
    """
    options |= {"half_width": half_width * pA, "start": start, "stop": stop}
    run = hb.simulate(network, duration, seed=seed, device=device, record=("z", "y", "rate"), **options)
    output, target = (run[name].isel(output=0, drop=True) for name in ("z", "y"))
    is_test = run.time >= float(stop)
    error = ((output - target) ** 2).where(is_test).mean() / target.where(is_test).var()
    rate = run.rate.where(run.time >= float(stop)).mean()
    return xarray.Dataset({"relative_error": error, "rate": rate, "output": output, "target": target}).drop_attrs()


def compute(
    seed=1,
    n_seeds=3,
    half_widths=(0, 50, 100, 200) * pA,
    n_neurons=400,
    gain=2000 * pA,
    start=1 * second,
    stop=3 * second,
    duration=5 * second,
    device="cpp_standalone",
):
    """
    Train a network at every spread of the current, with every seed: 12 networks of 5 s, some minutes on one core.

    Parameters
    ----------
    seed, n_seeds : int
        First seed and how many.
    half_widths : Quantity [amp], shape (n,)
        Half widths of the background current.
    n_neurons : int
        How many neurons.
    gain : Quantity [amp]
        Strength of the recurrent synapses, G.
    start, stop, duration : Quantity [second]
        When the readout learns, and when the test ends.
    device : str
        Brian2 device.

    Returns
    -------
    xarray.Dataset
        ``relative_error`` and ``rate`` over (half_width, seed), ``output`` and ``target`` over time too.
    """
    grid = hb.Grid(half_width=[float(width / pA) for width in half_widths], seed=range(seed, seed + n_seeds))
    settings = {"n_neurons": n_neurons, "gain": gain, "start": start, "stop": stop, "duration": duration}
    dataset = hb.sweep(point, grid, parameters={**settings, "device": device})
    return dataset.assign_attrs(learning_start=float(start), learning_stop=float(stop))


def summary(dataset):
    """Return what `hetbrian run` prints."""
    median = dataset.relative_error.median("seed")
    return "\n".join(
        f"half width {width:4.0f} pA: relative error {float(median.sel(half_width=width)):.3g}"
        for width in dataset.half_width.values
    )
