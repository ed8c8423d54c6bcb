"""Names of what a network holds: ``"object.variable"``, and short ones where only one object can be meant."""

from dataclasses import dataclass, replace
from typing import Any

from brian2 import Network, NeuronGroup, StateMonitor, Synapses
from brian2.core.network import _get_all_objects
from brian2.core.variables import ArrayVariable, Subexpression
from brian2.groups.group import Group
from brian2.monitors import EventMonitor, PopulationRateMonitor

from hetbrian._support.checks import did_you_mean
from hetbrian.simulation.guard import Guard


@dataclass(frozen=True)
class Recorded:
    """
    One recordable variable.

    Parameters
    ----------
    owner : {"population", "readout", "gate"}
        What has it: neurons, something with weights, or a single element that never fires and that neurons read.
    variable : str
        Its name there.
    dims : tuple of str
        Dimensions in the Dataset.
    meaning : str
        What it is, for axis labels.
    """

    owner: str
    variable: str
    dims: tuple[str, ...]
    meaning: str


REGISTRY = {
    "z": Recorded("readout", "z", ("time", "output"), "network output"),
    "y": Recorded("readout", "y", ("time", "output"), "target"),
    "weights": Recorded("readout", "weights", ("output", "weight"), "readout weights"),
    "v": Recorded("population", "v", ("time", "neuron"), "membrane potential"),
    "w": Recorded("population", "w", ("time", "neuron"), "recovery current"),
    "IPSC": Recorded("population", "IPSC", ("time", "neuron"), "synaptic current at unit row gain"),
    "r": Recorded("population", "r", ("time", "neuron"), "filtered spikes per ms"),
    "s": Recorded("gate", "s", ("time",), "gating variable"),
    "spikes": Recorded("population", "spikes", ("spike",), "spikes"),
    "rate": Recorded("population", "rate", ("time",), "population rate"),
    "eta": Recorded("population", "eta", ("neuron",), "background current"),
    "g": Recorded("population", "g", ("neuron",), "coupling"),
    "theta": Recorded("population", "theta", ("neuron",), "reset coefficient"),
}
"""Short names, for a network with one population, readout or gate, whatever it is called. ``spikes`` gives spike_time
and spike_neuron, ``rate`` the mean over the neurons and the sampling interval that begins at each time, without memory
for spikes."""


CHECK_NAMES = "check the names of the object and its variable"

WATCHERS = (Guard, EventMonitor, PopulationRateMonitor, StateMonitor)
"""What only looks at a network, and has nothing to record."""


def full_name(network: Network, name: str) -> str:
    """
    Return ``"object.variable"`` of a name.

    Parameters
    ----------
    network : brian2.Network
        Whose object is meant.
    name : str
        A name of `REGISTRY` is replaced, all others come back as they are.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If no object of the network can be meant by a short name, or more than one.
    """
    if name not in REGISTRY:
        return name
    entry = REGISTRY[name]
    names = sorted(item.name for item in _candidates(network, entry))
    if not names:
        raise ValueError(
            f"{name!r} is {entry.variable!r} of a {entry.owner}, which this network of {contents(network)} lacks: "
            "name another."
        )
    if len(names) > 1:
        meant = " or ".join(repr(f"{owner}.{entry.variable}") for owner in names)
        raise ValueError(f"{name!r} is of {len(names)} objects, expected {meant}: name one of them in full.")
    return f"{names[0]}.{entry.variable}"


def contents(network: Network) -> str:
    """
    Return the names of a network's objects, without those that only watch it, for an error.

    Parameters
    ----------
    network : brian2.Network

    Returns
    -------
    str
    """
    return ", ".join(sorted(item.name for item in network.objects if not isinstance(item, WATCHERS))) or "nothing"


def free_name(network: Network, name: str) -> str:
    """
    Return a name for a new object of a network, which neither an object there has nor a part of one.

    Parameters
    ----------
    network : brian2.Network
    name : str
        What to call it if nothing has this name or one that begins with it, as parts of an object have.

    Returns
    -------
    str
        The name, with a number behind it if need be.
    """
    taken, free, number = {item.name for item in _get_all_objects(network.objects)}, name, 1
    while any(f"{other}_".startswith(f"{free}_") for other in taken):
        number += 1
        free = f"{name}_{number}"
    return free


def find_recordable(network: Network, name: str) -> tuple[Any, Recorded]:
    """
    Return the object that has a variable, and what it is.

    Parameters
    ----------
    network : brian2.Network
    name : str
        Full or short.

    Returns
    -------
    Group
        The object.
    Recorded
        The variable; under a full name its dimensions, apart from time, belong to the object: ``"exc.neuron"``.

    Raises
    ------
    ValueError
        If the network has no such variable, or two things of that name.
    """
    owner_name, _, variable = full_name(network, name).rpartition(".")
    groups = {item.name: item for item in network.objects if isinstance(item, Group) and not isinstance(item, WATCHERS)}
    owner = groups.get(owner_name)
    if owner is not None and variable == "t":
        raise ValueError(f"record has {name!r}, which every time series has as its coordinate 'time': leave it out.")
    if owner is not None and variable in owner.variables and of_spikes(owner, variable):
        raise ValueError(
            f"record has {name!r}, which is a variable of {owner_name} and its {REGISTRY[variable].meaning} as well, "
            "expected to know which is meant: rename the variable."
        )
    entry = _entry(owner, variable)
    if entry is None:
        known = [f"{key}.{item}" for key, group in groups.items() for item in _recordable(group)]
        advice = did_you_mean(name, [*REGISTRY, *known], CHECK_NAMES)
        raise ValueError(
            f"record has {name!r}, expected 'object.variable' or a short name among {', '.join(REGISTRY)}{advice}"
        )
    if name in REGISTRY:
        return owner, entry
    dims = tuple(dim if dim == "time" else f"{owner_name}.{dim}" for dim in entry.dims)
    return owner, replace(entry, dims=dims)


def of_spikes(owner: Any, name: str) -> bool:
    """
    Return whether a name means the spikes of an object or their rate, and not a variable.

    Parameters
    ----------
    owner : Group
    name : str
        ``spikes``, ``rate`` or the name of a variable.

    Returns
    -------
    bool
    """
    return name in ("spikes", "rate") and "_spikespace" in owner.variables


def readouts(network: Network) -> list[Any]:
    """
    Return the readouts of a network.

    Parameters
    ----------
    network : brian2.Network

    Returns
    -------
    list of Group
    """
    return [item for item in network.objects if isinstance(item, Group) and _kind(item) == "readout"]


def _kind(item: Any) -> str:
    """Return which kind of owner of `REGISTRY` an object is."""
    if "_weights" in item.variables:
        return "readout"
    return "gate" if isinstance(item, NeuronGroup) and not item.events and len(item) == 1 else "population"


def _candidates(network: Network, entry: Recorded) -> list[Any]:
    """Return the objects that a short name can mean; of neurons those that fire, if any of them do."""
    has = [item for item in network.objects if isinstance(item, Group) and not isinstance(item, (Synapses, *WATCHERS))]
    has = [item for item in has if _entry(item, entry.variable) is not None]
    if entry.owner == "population":
        has = [item for item in has if isinstance(item, NeuronGroup)]
        firing = [item for item in has if item.events]
        return firing if firing or entry.variable in ("spikes", "rate") else has
    return [item for item in has if _kind(item) == entry.owner]


def _recordable(owner: Any) -> list[str]:
    """Return the names of what can be recorded of an object, for an error."""
    names = {*owner.variables, "spikes", "rate", "weights"} - {"t"}
    return sorted(name for name in names if _entry(owner, name) is not None)


def _entry(owner: Any, name: str) -> Recorded | None:
    """Return what a variable of an object is, None if it has none of this name."""
    if owner is None:
        return None
    kind = _kind(owner)
    if of_spikes(owner, name) or (name == "weights" and kind == "readout"):
        return REGISTRY[name]
    variable = owner.variables.get(name)
    if name.startswith("_") or not isinstance(variable, ArrayVariable | Subexpression):
        return None
    fits = not isinstance(owner, Synapses) and name not in ("spikes", "rate")
    known = REGISTRY.get(name) if fits else None
    if known is not None and known.owner != kind and (known.owner, kind) != ("population", "gate"):
        known = None
    element = "synapse" if isinstance(owner, Synapses) else "output" if kind == "readout" else "neuron"
    is_one = variable.scalar or (known is not None and known.owner == "gate")
    is_series = not variable.constant and not isinstance(owner, Synapses)
    dims = (*(("time",) if is_series else ()), *(() if is_one else (element,)))
    return Recorded(kind, name, dims, f"{name} of {owner.name}") if known is None else replace(known, dims=dims)
