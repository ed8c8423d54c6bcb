"""Calls of the room plot."""

import functools

import matplotlib
import numpy as np
import xarray
from brian2 import ms, pA, second

from hetbrian import analysis, network, plot
from tests.fuzz.calls import Call

N = 4
FIELD = analysis.VectorField("dx/dt = y : 1\ndy/dt = -x - y : 1", {})


@functools.cache
def run():
    """Return what a run of four neurons might have recorded."""
    time, rng = np.arange(100) * 1e-3, np.random.default_rng(1)
    sine = np.sin(60 * time)[:, None]
    second_dim, hertz = {"units": "s"}, {"units": "Hz"}
    return xarray.Dataset(
        {
            "z": (("time", "output"), sine + 0.1),
            "y": (("time", "output"), sine),
            "rate": ("time", 10 + sine[:, 0], hertz),
            "spike_time": ("spike", [0.01, 0.05], second_dim),
            "spike_neuron": ("spike", [1, 3]),
            "eta": ("neuron", [1000.0, 1010.0, 990.0, 1005.0], {"units": "pA"}),
            "weights": (("output", "weight"), rng.standard_normal((1, N))),
            "recurrent.omega": ("recurrent.synapse", [1.0, 2.0, 3.0], {"units": "pA"}),
            "recurrent.i": ("recurrent.synapse", [0, 1, 2]),
            "recurrent.j": ("recurrent.synapse", [1, 2, 3]),
        },
        {"time": ("time", time, second_dim)},
        {"duration": 0.1},
    )


@functools.cache
def diagram():
    return analysis.equilibria(analysis.VectorField("dx/dt = mu - x**2 : 1", {"mu": 1.0}), "mu", -1, 2, {"x": 0.9})


def sweep():
    values = np.linspace(0.1, 1.0, 6).reshape(2, 3)
    return xarray.Dataset({"mse": (("row", "column"), values)}, {"row": [1.0, 2.0], "column": [1.0, 2.0, 4.0]})


def closing(function):
    """Return a function that draws without a screen, and closes its figure."""

    @functools.wraps(function)
    def drawn(*arguments, **keywords):
        matplotlib.use("Agg")
        from matplotlib import pyplot

        try:
            function(*arguments, **keywords)
        finally:
            pyplot.close("all")

    return drawn


LEARNING = (10 * ms, 50 * ms)

PLOT = {
    "bifurcation_diagram": lambda: Call(
        closing(plot.bifurcation_diagram),
        {"equilibria": diagram(), "cycles": (), "variable": "x"},
        says={"variable": ("equilibria",)},
    ),
    "distribution": lambda: Call(
        closing(plot.distribution),
        {
            "dataset": run(),
            "variables": "eta",
            "law": network.Gaussian(1000 * pA, 10 * pA),
            "n_bins": 10,
            "colour": "red",
        },
        says={"variables": ("dataset",)},
    ),
    "heat_map": lambda: Call(
        closing(plot.heat_map),
        {"dataset": sweep(), "variable": "mse", "x": "column", "y": "row", "works": {"mse": 0.5}, "limits": (0.0, 1.0)},
    ),
    "learning_curve": lambda: Call(
        closing(plot.learning_curve), {"dataset": run(), "learning": LEARNING, "window": 0.01 * second}
    ),
    "output_and_target": lambda: Call(
        closing(plot.output_and_target), {"dataset": run(), "learning": LEARNING, "colour": "red"}
    ),
    "phase_plane": lambda: Call(
        closing(plot.phase_plane), {"field": FIELD, "ranges": {"x": (-1.0, 1.0), "y": (-1.0, 1.0)}}
    ),
    "population_rate": lambda: Call(
        closing(plot.population_rate),
        {"dataset": run(), "meanfield": run(), "bin_width": 0.01 * second},
        says={"population": ("dataset",)},
    ),
    "raster": lambda: Call(
        closing(plot.raster),
        {"dataset": run(), "sort_by": "eta", "bin_width": 0.01 * second, "learning": LEARNING},
        says={"sort_by": ("dataset",), "population": ("dataset",)},
    ),
    "readout_weights": lambda: Call(closing(plot.readout_weights), {"dataset": run()}),
    "spectrum": lambda: Call(
        closing(plot.spectrum), {"dataset": run(), "encoder": np.ones(N) * pA, "synapses": "recurrent.omega"}
    ),
}
