"""Monitors that record what is asked for, the Dataset of it, and files that keep it."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from brian2 import (
    Hz,
    Network,
    PopulationRateMonitor,
    Quantity,
    SpikeMonitor,
    get_logger,
    get_unit,
    ms,
    mV,
    nS,
    pA,
    second,
)
from brian2.units.fundamentalunits import DIMENSIONLESS

from hetbrian._support.arguments import checked
from hetbrian._support.checks import file_path, instance, shown, whole_steps
from hetbrian._support.files import check_regular, replacing
from hetbrian._support.signed import is_as_signed, sign
from hetbrian._support.spool import Spool
from hetbrian.simulation.names import Recorded, contents, find_recordable, free_name, of_spikes, readouts
from hetbrian.simulation.sampling import SampledMonitor

if TYPE_CHECKING:
    import xarray as xr

logger = get_logger(f"brian2.{__name__}")  # whose handlers show it

DISPLAY_UNITS = {DIMENSIONLESS: (1, "1")} | {unit.dim: (unit, str(unit)) for unit in (mV, pA, nS, second)}

RECORD = ("z", "y", "spikes")
"""What is recorded if the user names nothing."""

LABELLED = ("neuron", "output")
"""Dimensions of which ``record=`` can choose a part."""


def _dataset(value: Any, name: str) -> None:
    """Refuse what is no Dataset."""
    import xarray

    instance(value, name, xarray.Dataset, "give what a run returns")


def sampling_interval(steps: Iterable[Quantity]) -> Quantity:
    """
    Return 1 ms, or what is nearest to it among the multiples of the longest time step; it says so then.

    Parameters
    ----------
    steps : iterable of Quantity [second]
        Time steps of what is sampled.

    Returns
    -------
    Quantity [second]
    """
    known = [float(step) for step in steps]
    ratios = [1e-3 / step for step in known]
    if all(round(ratio) >= 1 and math.isclose(ratio, round(ratio), rel_tol=1e-6) for ratio in ratios):
        return 1 * ms
    longest = max(known)
    interval = max(1, round(1e-3 / longest)) * longest * second
    logger.info(
        f"record_dt is {interval}, the multiple of the time step nearest to 1 ms", "sampling_interval", once=True
    )
    return interval


class Recorder:
    """
    The monitors of one run, and the Dataset that they fill.

    Parameters
    ----------
    network : brian2.Network
        The network; the monitors are added to it.
    record : iterable of str, or dict of str to index
        Names ``"object.variable"``, of variables and ``spikes`` and ``rate`` of any object, or short ones of
        `hetbrian.simulation.names.REGISTRY`; a dict also chooses neurons or outputs, the same for all of an object
        that have them, e.g. ``{"v": [0, 1], "z": True}``, and of spikes those of neighbours, ``{"spikes": range(20)}``.
        What does not change, and variables of synapses, are taken when the run ends.
    dt : Quantity [second], optional
        Sampling interval of time series, a multiple of the time step; by default that of `sampling_interval`.

    Raises
    ------
    ValueError
        If a name is unknown, the network has no such object, or a choice or the interval does not fit.
    """

    def __init__(
        self, network: Network, record: str | Iterable[str] | Mapping[str, Any], dt: Quantity | None = None
    ) -> None:
        chosen = _requested(record)
        if record is RECORD and not readouts(network):
            raise ValueError(
                f"record is {RECORD} by default, expected a readout, which this network of {contents(network)} lacks: "
                "give what to record, as in record='spikes', or record=() for nothing."
            )
        self.found = {name: find_recordable(network, name) for name in chosen}
        self._refuse_names_of_the_dataset()
        self.labels: dict[str, Any] = {}
        self.monitors: dict[str, Any] = {}
        sampled = [owner.clock.dt for owner, entry in self.found.values() if "time" in entry.dims]
        self.dt = dt = sampling_interval(sampled) if dt is None else dt
        for name, (owner, entry) in self.found.items():
            index = self._choose(name, owner, entry, chosen[name])
            label, counts = free_name(network, f"monitor_{name.replace('.', '_')}"), of_spikes(owner, entry.variable)
            if counts and entry.variable == "spikes":
                source = owner if index is True else _neighbours(owner, name, index)
                monitor = SpikeMonitor(source, when="thresholds", order=1, name=label)
            elif "time" in entry.dims:
                whole_steps(dt, owner.clock.dt, "record_dt")
                if entry.variable == "every":
                    raise ValueError(
                        f"record has {name!r}, a name that the monitor itself needs, expected another one: "
                        "rename the variable."
                    )
                if counts:
                    monitor = PopulationRateMonitor(owner, name=label)
                else:
                    monitor = SampledMonitor(owner, entry.variable, index, every=dt, name=label)
            else:
                continue
            self.monitors[name] = monitor
            network.add(monitor)

    def _refuse_names_of_the_dataset(self) -> None:
        """Refuse variables that are called like a dimension or the spikes of what is recorded."""
        made = {dimension for _, entry in self.found.values() for dimension in entry.dims}
        for name, (owner, entry) in self.found.items():
            if of_spikes(owner, entry.variable):
                made |= {f"{name.removesuffix('spikes')}{part}" for part in ("spike_time", "spike_neuron")}
        for name in sorted(made & self.found.keys()):
            raise ValueError(
                f"record has {name!r}, as the Dataset calls something else that is recorded, expected a name of its "
                "own: rename the variable."
            )

    def _choose(self, name: str, owner: Any, entry: Recorded, index: Any) -> Any:
        """Return the chosen neurons or outputs of a variable, and keep them as labels of its dimension."""
        labelled = [dimension for dimension in entry.dims if dimension.rpartition(".")[2] in LABELLED]
        spikes = entry.variable == "spikes" and of_spikes(owner, "spikes")
        if index is not True and entry.dims[-1:] != tuple(labelled) and not spikes:
            raise ValueError(f"record has {name!r}: {index!r}, expected True: it has no neurons or outputs to choose.")
        if index is None or (isinstance(index, np.bool_ | bool) and not index):
            raise ValueError(
                f"record has {name!r}: {index!r}, expected True or whole numbers: leave out what is not to be recorded."
            )
        if not labelled and (index is True or not spikes):
            return True
        key = slice(None) if isinstance(index, np.bool_ | bool) else list(index) if isinstance(index, tuple) else index
        try:
            chosen = np.atleast_1d(np.arange(len(owner))[key])
        except (IndexError, TypeError, ValueError) as error:
            raise ValueError(
                f"record has {name!r}: {index!r}, expected whole numbers below {len(owner)}: it has no more."
            ) from error
        if chosen.ndim != 1:
            raise ValueError(f"record has {name!r}: {index!r}, expected whole numbers: give them in one list.")
        for dimension in labelled:
            if not np.array_equal(self.labels.setdefault(dimension, chosen), chosen):
                raise ValueError(
                    f"record chooses other {dimension}s for {name!r} than before, expected the same for all: "
                    f"choose {self.labels[dimension].tolist()}."
                )
        return chosen

    def dataset(self, **attributes: Any) -> xr.Dataset:
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
            ``neuron`` and ``output`` hold the numbers of those that were chosen. Of a full name the variables and
            dimensions, apart from time, begin with the object: ``exc.v``, ``exc.spike_time``, ``exc.neuron``.
        """
        return self._dataset(self.found, attributes)

    def sampled(self, **attributes: Any) -> xr.Dataset:
        """
        Return what was sampled so far, also while the network runs: of that only monitors are read.

        Parameters
        ----------
        **attributes
            As of `dataset`.

        Returns
        -------
        xarray.Dataset
            Time series of it, without rates.
        """
        sampled = {name for name, monitor in self.monitors.items() if isinstance(monitor, SampledMonitor)}
        return self._dataset({name: found for name, found in self.found.items() if name in sampled}, attributes)

    def _dataset(self, found: Mapping[str, tuple[Any, Recorded]], attributes: Mapping[str, Any]) -> xr.Dataset:
        """Return some of what was recorded."""
        import xarray

        variables: dict = {}
        coordinates: dict = dict(self.labels)
        for name, (owner, entry) in found.items():
            monitor: Any = self.monitors.get(name)
            counts = of_spikes(owner, entry.variable)
            if counts and entry.variable == "spikes":
                prefix, (spike,) = name.removesuffix("spikes"), entry.dims
                # copies: Brian2's dynamic arrays free their memory with the monitor, views of it dangle
                times, neurons = np.array(monitor.t / second), np.array(monitor.i[:], dtype=np.int32)
                neurons += getattr(monitor.source, "start", 0)
                variables[f"{prefix}spike_time"] = (spike, times, {"units": "s", "long_name": "spike time"})
                variables[f"{prefix}spike_neuron"] = (spike, neurons, {"long_name": "neuron that fired"})
                continue
            if counts:
                times, values = _binned(monitor, whole_steps(self.dt, owner.clock.dt, "record_dt"))
                unit, text = Hz, "Hz"
            else:
                variable = owner.variables.get(entry.variable)
                dimension = DIMENSIONLESS if variable is None else variable.dim
                unit, text = DISPLAY_UNITS.get(dimension, (get_unit(dimension), str(get_unit(dimension))))
                if monitor is not None:
                    times, values = np.array(monitor.t / second), np.array(getattr(monitor, f"{entry.variable}_")).T
                    values = values if len(entry.dims) == 2 else values[:, 0]  # of the only element
                else:
                    # not its attribute of that name, which may be Brian2's own, as "order" is
                    view = getattr(owner, entry.variable) if variable is None else owner.state(entry.variable, False)
                    values = np.array(view)
                    if len(entry.dims) == 1 and entry.dims[0] in self.labels:
                        values = values[self.labels[entry.dims[0]]]
                    values = values if entry.dims else values.reshape(())
                values = values / float(unit)
            if "time" in entry.dims:
                coordinates["time"] = ("time", times, {"units": "s"})
            variables[name] = (entry.dims, values, {"units": text, "long_name": entry.meaning})
        kept = {key: _plain(value) for key, value in attributes.items()}
        return xarray.Dataset(variables, coordinates, attrs=kept)


@checked(
    dataset=_dataset,
    path=file_path,
)
def save(dataset: xr.Dataset, path: str | os.PathLike[str]) -> None:
    """
    Write a Dataset to one netCDF file, whole or not at all, with a checksum behind its end that `load` verifies.

    Parameters
    ----------
    dataset : xarray.Dataset
        What to keep.
    path : path-like
        File to write (``.nc``); an existing one is replaced.

    Raises
    ------
    ValueError
        If netCDF cannot keep it; the message names the variable or attribute.
    OSError
        If the folder cannot be written or the disk is full; an existing file is left as it was.
    """
    with replacing(path, "choose another --out") as temporary:
        file = Spool(temporary)
        try:
            with file:
                dataset.to_netcdf(file, engine="h5netcdf")
        except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError, NotImplementedError) as error:
            raise ValueError(
                f"the Dataset cannot be saved: {_unsavable(dataset)}, expected numbers or texts that netCDF keeps, "
                f"with names of letters, digits and _ ({shown(str(error))}): convert it or leave it out."
            ) from error
        finally:
            if file.failure is not None:
                raise file.failure
        sign(temporary)


def _unsavable(dataset: xr.Dataset) -> str:
    """Return which attribute or variable of a Dataset netCDF cannot keep: the first that cannot be written alone."""
    import xarray

    whole = [
        (f"its attribute {shown(name)}", xarray.Dataset(attrs={name: value})) for name, value in dataset.attrs.items()
    ]
    for name, variable in dataset.variables.items():
        bare = xarray.Variable(variable.dims, variable.values)
        whole.append((f"its variable {shown(name)}", xarray.Dataset({name: bare})))
        whole += [
            (f"the attribute {shown(key)} of its variable {shown(name)}", xarray.Dataset({"x": ((), 0, {key: value})}))
            for key, value in variable.attrs.items()
        ]
    for said, part in whole:
        try:
            part.to_netcdf(engine="h5netcdf")
        except Exception:  # whatever h5py and xarray raise
            return said
    return f"its {len(dataset.variables)} variables together"


@checked(
    path=file_path,
)
def load(path: str | os.PathLike[str]) -> xr.Dataset:
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
        If it is not such a file, or damaged.
    """
    import xarray

    path = os.fspath(path)
    check_regular(path, "a saved Dataset")
    try:
        is_whole = is_as_signed(path)
    except OSError as error:
        raise OSError(
            f"{path!r} cannot be read ({error.strerror}), expected a saved Dataset: check the disk."
        ) from error
    if not is_whole:
        raise ValueError(f"{path!r} is damaged, expected the checksum that it was saved with: compute it again.")
    try:
        import h5py

        with h5py.File(path) as file:  # what h5netcdf stumbles over, and over that again when it is collected
            file.attrs.get("_nc3_strict")
        return xarray.load_dataset(path, engine="h5netcdf")
    except ImportError:
        raise
    except Exception as error:  # h5py raises whatever it meets in a damaged file
        raise ValueError(f"{path!r} is not a saved Dataset, expected a netCDF file: compute it again.") from error


def _requested(record: Any) -> dict[str, Any]:
    """Return the names that are asked for, with what is chosen of each."""
    record = (record,) if isinstance(record, str) else record
    if not isinstance(record, Iterable):
        raise ValueError(f"record is {record!r}, expected names, as in record='v': give record=() for nothing.")
    chosen = list(record.items()) if isinstance(record, Mapping) else [(name, True) for name in record]
    for name, _ in chosen:
        if not isinstance(name, str):
            raise ValueError(f"record has {name!r}, expected 'object.variable' or a short name: give it as a string.")
    return dict(chosen)


def _neighbours(owner: Any, name: str, chosen: np.ndarray) -> Any:
    """Return the part of a group whose spikes are recorded."""
    if not len(chosen) or np.any(np.diff(chosen) != 1):
        raise ValueError(
            f"record has {name!r}: {shown(chosen.tolist())}, expected neurons one after the other: "
            "write range(20), say, or record all."
        )
    return owner[int(chosen[0]) : int(chosen[-1]) + 1]


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
