"""
Write your own protocol
=======================

A protocol is a file with a function ``compute`` that returns a Dataset. The command line gives it options, a small
size, a figure, a table and a place in the report, without any code of yours for that. This page is such a file.
"""

# %%
# Compute
# -------
# The docstring of the file says what is measured; every argument of ``compute`` becomes an option, with the unit of its
# default: ``hetbrian run plot_7_protocol.py --n_neurons 400 --gain '300*pA'``. ``SMALL`` is what ``--small`` changes.

import matplotlib.pyplot as plt
import numpy as np
import xarray
from brian2 import Clock, Network, ms, pA, second

import hetbrian as hb
from hetbrian._support.provenance import provenance

SMALL = {"n_neurons": 100, "duration": 0.5 * second}


def model(rng, n_neurons, gain, theta, reset):
    """Return a population whose neurons share one reset coefficient."""
    currents = hb.Gaussian(1300 * pA, 100 * pA).draw(n_neurons, rng)
    neurons = hb.population(
        n_neurons,
        hb.Izhikevich.FORCE,
        hb.single_exponential(),
        eta=currents,
        theta=theta,
        reset=reset,
        clock=Clock(0.1 * ms, name="clock"),
    )
    return Network(neurons, hb.recurrent(neurons, gain, rng=rng))


def compute(seed=0, n_neurons=1000, gain=500 * pA, thetas=(0.0, 0.2, 0.4), duration=2 * second, device="numpy"):
    """Return the population rate for both reset rules and several reset coefficients."""
    rules = ("residual", "retain")
    rates = np.empty((len(rules), len(thetas)))
    for i, reset in enumerate(rules):
        for j, theta in enumerate(thetas):
            options = {"n_neurons": n_neurons, "gain": gain, "theta": theta, "reset": reset}
            run = hb.simulate(model, duration, seed=seed, device=device, record="rate", **options)
            rates[i, j] = run.rate.mean()
    return xarray.Dataset(
        {"rate": (("reset", "theta"), rates, {"units": "Hz", "long_name": "population rate"})},
        coords={"reset": list(rules), "theta": list(thetas)},
        attrs={"seed": seed, **provenance()},
    )


# %%
# Draw and tell
# -------------
# ``draw`` takes the Dataset and returns axes; it simulates nothing. ``summary`` returns what is printed. Both may be
# left out.


def draw(dataset, axes=None):
    """Draw the rate against theta."""
    axis = plt.subplots(figsize=(4.5, 3), layout="constrained")[1] if axes is None else axes
    for reset in dataset.reset.values:
        axis.plot(dataset.theta, dataset.rate.sel(reset=reset), "o-", label=str(reset))
    axis.set(xlabel="reset coefficient theta", ylabel="population rate (Hz)", ylim=(0, None), title="what theta does")
    axis.legend(title="reset rule")
    return axis


def summary(dataset):
    """Return the table that the command line prints."""
    return "\n".join(
        f"{reset!s:10}" + "".join(f"{float(rate):8.1f} Hz" for rate in dataset.rate.sel(reset=reset))
        for reset in dataset.reset.values
    )


# %%
# Run
# ---
# ``hetbrian run plot_7_protocol.py --small`` writes ``out/plot_7_protocol/plot_7_protocol.nc`` with a PNG and a PDF,
# and ``hetbrian report`` puts them on a page. As a script it does what that command does. With the paper's rule,
# ``residual``, theta hardly acts, because it multiplies the overshoot above the peak, which a time step makes small
# (:doc:`/science`).

if __name__ == "__main__":
    result = compute(**SMALL)
    print(summary(result))
    draw(result)
    plt.show()
