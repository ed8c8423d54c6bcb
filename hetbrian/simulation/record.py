"""What can be recorded: names, dimensions, units; monitors that do it; files that keep it."""

import json
import os
from dataclasses import dataclass

import numpy as np
from brian2 import Hz, PopulationRateMonitor, SpikeMonitor, get_unit, mV, nS, pA, second
from brian2.units.fundamentalunits import DIMENSIONLESS

from hetbrian._support.checks import whole_steps
from hetbrian._support.files import replacing
from hetbrian.simulation.sampling import SampledMonitor

DISPLAY_UNITS = {DIMENSIONLESS: (1, "1")} | {unit.dim: (unit, str(unit)) for unit in (mV, pA, nS, second)}

LABELLED = ("neuron", "output")
"""Dimensions of which ``record=`` can choose a part."""


@dataclass(frozen=True)
class Recorded:
    """
    One recordable variable.

    Parameters
    ----------
    owner : str
        Name of the object in the network that has it.
    variable : str
        Its name there.
    dims : tuple of str
        Dimensions in the Dataset.
    meaning : str
        What it is, for axis labels.
    """

    owner: str
    variable: str
    dims: tuple
    meaning: str


REGISTRY = {
    "z": Recorded("force", "z", ("time", "output"), "network output"),
    "y": Recorded("force", "y", ("time", "output"), "target"),
    "weights": Recorded("force", "weights", ("output", "weight"), "readout weights"),
    "v": Recorded("neurons", "v", ("time", "neuron"), "membrane potential"),
    "w": Recorded("neurons", "w", ("time", "neuron"), "recovery current"),
    "IPSC": Recorded("neurons", "IPSC", ("time", "neuron"), "synaptic current at unit row gain"),
    "r": Recorded("neurons", "r", ("time", "neuron"), "filtered spikes per ms"),
    "s": Recorded("gating", "s", ("time",), "gating variable"),
    "spikes": Recorded("neurons", "spikes", ("spike",), "spikes"),
    "rate": Recorded("neurons", "spikes", ("time",), "population rate"),
    "eta": Recorded("neurons", "eta", ("neuron",), "background current"),
    "g": Recorded("neurons", "g", ("neuron",), "coupling"),
    "theta": Recorded("neurons", "theta", ("neuron",), "reset coefficient"),
}
"""Every name that ``record=`` of `simulate` knows. ``spikes`` gives spike_time and spike_neuron,
``rate`` the mean over the neurons and the sampling interval that begins at each time, without memory for spikes."""


class Recorder:
    """
    The monitors of one run, and the Dataset that they fill.

    Parameters
    ----------
    network : brian2.Network
        The network; the monitors are added to it.
    record : iterable of str, or dict of str to index
        Names from `REGISTRY`; a dict also chooses neurons or outputs, the same for all that have them,
        e.g. ``{"v": [0, 1], "z": True}``.
    dt : Quantity [second]
        Sampling interval of time series, a multiple of the time step.

    Raises
    ------
    ValueError
        If a name is unknown, the network has no such object, or a choice or the interval does not fit.
    """

    def __init__(self, network, record, dt):
        self.network = network
        record = (record,) if isinstance(record, str) else record
        self.chosen = dict(record) if isinstance(record, dict) else dict.fromkeys(record, True)
        self.labels = {}
        names = {item.name for item in network.objects}
        self.monitors = {}
        for name, index in self.chosen.items():
            if name not in REGISTRY:
                raise ValueError(f"record has {name!r}, expected names among {', '.join(REGISTRY)}: check the name.")
            entry = REGISTRY[name]
            if entry.owner not in names or not hasattr(network[entry.owner], entry.variable):
                raise ValueError(
                    f"{name!r} is {entry.variable!r} of an object called {entry.owner!r}, which this network of "
                    f"{', '.join(sorted(names))} lacks: record something else."
                )
            owner = network[entry.owner]
            chosen = self._choose(name, entry, index, len(owner))
            if name == "spikes":
                monitor = SpikeMonitor(owner, when="thresholds", order=1, name="monitor_spikes")
            elif name == "rate":
                self._rate_steps = whole_steps(dt, owner.clock.dt, "record_dt")
                monitor = PopulationRateMonitor(owner, name="monitor_rate")
            elif entry.dims[0] == "time":
                whole_steps(dt, owner.clock.dt, "record_dt")
                monitor = SampledMonitor(owner, entry.variable, chosen, every=dt, name=f"monitor_{name}")
            else:
                continue
            self.monitors[name] = monitor
            network.add(monitor)

    def _choose(self, name, entry, index, size):
        """Return the chosen neurons or outputs of a variable, and keep them as labels of its dimension."""
        if index is not True and entry.dims[-1] not in LABELLED:
            raise ValueError(f"record has {name!r}: {index!r}, expected True: it has no neurons or outputs to choose.")
        try:
            chosen = np.atleast_1d(np.arange(size)[slice(None) if index is True else index])
        except IndexError as error:
            raise ValueError(
                f"record has {name!r}: {index!r}, expected whole numbers below {size}: it has no more."
            ) from error
        for dimension in set(entry.dims) & set(LABELLED):
            if not np.array_equal(self.labels.setdefault(dimension, chosen), chosen):
                raise ValueError(
                    f"record chooses other {dimension}s for {name!r} than before, expected the same for all: "
                    f"choose {self.labels[dimension].tolist()}."
                )
        return chosen

    def dataset(self, **attributes):
        """
        Return what was recorded.

        Parameters
        ----------
        **attributes
            Provenance, kept as attributes of the Dataset.

        Returns
        -------
        xarray.Dataset
            Time series over ``time`` in seconds, spikes over ``spike``, each with ``units`` and ``long_name``;
            ``neuron`` and ``output`` hold the numbers of those that were chosen.
        """
        import xarray

        variables: dict = {}
        coordinates: dict = dict(self.labels)
        for name in self.chosen:
            entry = REGISTRY[name]
            if name == "spikes":
                monitor = self.monitors[name]
                # copies: Brian2's dynamic arrays free their memory with the monitor, views of it dangle
                times, neurons = np.array(monitor.t / second), np.array(monitor.i[:], dtype=np.int32)
                variables["spike_time"] = ("spike", times, {"units": "s", "long_name": "spike time"})
                variables["spike_neuron"] = ("spike", neurons, {"long_name": "neuron that fired"})
                continue
            if name == "rate":
                times, values = _binned(self.monitors[name], self._rate_steps)
                coordinates["time"] = ("time", times, {"units": "s"})
                variables[name] = ("time", values, {"units": "Hz", "long_name": entry.meaning})
                continue
            if name in self.monitors:
                monitor = self.monitors[name]
                values = np.array(getattr(monitor, f"{entry.variable}_")).T
                dimension = monitor.variables[entry.variable].dim
                coordinates["time"] = ("time", np.array(monitor.t / second), {"units": "s"})
                values = values if len(entry.dims) == 2 else values[:, 0]
            else:
                owner = self.network[entry.owner]
                values = np.array(getattr(owner, entry.variable))
                values = values[self.labels["neuron"]] if entry.dims == ("neuron",) else values
                variable = owner.variables.get(entry.variable)
                dimension = DIMENSIONLESS if variable is None else variable.dim
            unit, text = DISPLAY_UNITS.get(dimension, (get_unit(dimension), str(get_unit(dimension))))
            variables[name] = (
                entry.dims,
                values / float(unit),
                {"units": text, "long_name": entry.meaning},
            )
        kept = {key: _plain(value) for key, value in attributes.items()}
        return xarray.Dataset(variables, coordinates, attrs=kept)


def save(dataset, path):
    """
    Write a Dataset to one netCDF file, whole or not at all.

    Parameters
    ----------
    dataset : xarray.Dataset
        What to keep.
    path : path-like
        File to write (``.nc``); an existing one is replaced.

    Raises
    ------
    OSError
        If the folder cannot be written or the disk is full; an existing file is left as it was.
    """
    with replacing(path, "choose another --out") as temporary:
        dataset.to_netcdf(temporary, engine="h5netcdf")


def load(path):
    """
    Read a Dataset that `save` wrote.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    xarray.Dataset

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not such a file.
    """
    import xarray

    path = os.fspath(path)
    if not os.path.exists(path):
        raise FileNotFoundError(f"{path!r} does not exist, expected a saved Dataset: check the path.")
    try:
        return xarray.load_dataset(path, engine="h5netcdf")
    except (OSError, ValueError) as error:
        raise ValueError(f"{path!r} is not a saved Dataset, expected a netCDF file: compute it again.") from error


def _binned(monitor, n_steps):
    """Return begin and mean rate of each interval of n_steps steps; the last may be shorter."""
    times, rates = np.array(monitor.t / second), np.array(monitor.rate / Hz)
    starts = np.arange(0, len(rates), n_steps)
    counts = np.diff(np.append(starts, len(rates)))
    return times[starts], np.add.reduceat(rates, starts) / counts


def _plain(value):
    """Return an attribute that netCDF can keep."""
    if isinstance(value, (bool, np.bool_)):
        return int(value)
    if isinstance(value, (int, float, str, np.integer, np.floating)):
        return value
    return json.dumps(value, default=str)
