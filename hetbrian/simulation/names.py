"""Names of what a network holds: ``"object.variable"``, and short ones where only one object can be meant."""

from dataclasses import dataclass, replace
from typing import Any

from brian2 import Network, NeuronGroup, Synapses
from brian2.core.variables import ArrayVariable, Subexpression
from brian2.groups.group import Group

from hetbrian._support.checks import did_you_mean


@dataclass(frozen=True)
class Recorded:
    """
    One recordable variable.

    Parameters
    ----------
    owner : {"population", "readout", "gate"}
        What has it: neurons, something with weights, or a group that never fires and that neurons read.
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
        there = ", ".join(sorted(item.name for item in network.objects))
        raise ValueError(
            f"{name!r} is {entry.variable!r} of a {entry.owner}, which this network of {there} lacks: name another."
        )
    if len(names) > 1:
        meant = " or ".join(repr(f"{owner}.{entry.variable}") for owner in names)
        raise ValueError(f"{name!r} is of {len(names)} objects, expected {meant}: name one of them in full.")
    return f"{names[0]}.{entry.variable}"


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
        If the network has no such variable.
    """
    owner_name, _, variable = full_name(network, name).rpartition(".")
    groups = {item.name: item for item in network.objects if isinstance(item, Group)}
    owner = groups.get(owner_name)
    entry = _entry(owner, variable)
    if entry is None:
        known = [f"{group}.{key}" for group in groups for key in groups[group].variables if not key.startswith("_")]
        advice = did_you_mean(name, [*REGISTRY, *known], CHECK_NAMES)
        raise ValueError(
            f"record has {name!r}, expected 'object.variable' or a short name among {', '.join(REGISTRY)}{advice}"
        )
    if name in REGISTRY:
        return owner, entry
    dims = tuple(dim if dim == "time" else f"{owner_name}.{dim}" for dim in entry.dims)
    return owner, replace(entry, dims=dims)


def _kind(item: Any) -> str:
    """Return which kind of owner of `REGISTRY` an object is."""
    if "_weights" in item.variables:
        return "readout"
    return "gate" if isinstance(item, NeuronGroup) and not item.events else "population"


def _candidates(network: Network, entry: Recorded) -> list[Any]:
    """Return the objects that a short name can mean; of neurons those that fire, if any of them do."""
    has = [item for item in network.objects if isinstance(item, Group) and not isinstance(item, Synapses)]
    has = [item for item in has if _entry(item, entry.variable) is not None]
    if entry.owner == "population":
        has = [item for item in has if isinstance(item, NeuronGroup)]
        return [item for item in has if item.events] or has
    return [item for item in has if _kind(item) == entry.owner]


def _entry(owner: Any, name: str) -> Recorded | None:
    """Return what a variable of an object is, None if it has none of this name."""
    if owner is None:
        return None
    known = REGISTRY.get(name)
    if name in ("spikes", "rate"):
        return known if "_spikespace" in owner.variables else None
    if name == "weights" and _kind(owner) == "readout":
        return known
    variable = owner.variables.get(name)
    if not isinstance(variable, ArrayVariable | Subexpression):
        return None
    if known is not None and _kind(owner) in (known.owner, "gate"):
        return known
    dims = () if variable.scalar else ("synapse" if isinstance(owner, Synapses) else "neuron",)
    is_series = not variable.constant and not isinstance(owner, Synapses)
    return Recorded(_kind(owner), name, ("time", *dims) if is_series else dims, f"{name} of {owner.name}")
