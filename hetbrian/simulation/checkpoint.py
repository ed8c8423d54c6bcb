"""The state of a whole network in a file, from which another run goes on, on any device."""

import os

import numpy as np
from brian2 import Synapses, get_device
from brian2.core.variables import ArrayVariable
from brian2.devices.device import RuntimeDevice
from brian2.groups.group import Group
from brian2.monitors import EventMonitor, PopulationRateMonitor, StateMonitor
from brian2.parsing.statements import parse_statement
from brian2.utils.stringtools import get_identifiers

from hetbrian._support.files import arrays, replacing
from hetbrian.simulation.guard import Guard

FILE_FORMAT = 1

NO_STATE = ("i", "N", "t", "dt", "t_in_timesteps", "_spikespace")
"""Variables of a group that belong to its clock, to its size or to one time step only."""


def save_state(network, path):
    """
    Write the state of a network after a run to one ``.npz`` file, whole or not at all.

    The state is the time and every array of every group: potentials, currents, parameters, readout weights
    and P. A run that `load_state` lets go on is bit for bit the one that was not interrupted. Synaptic weights
    are not state, since nothing changes them: build the network with the same ones.

    Not for networks that draw random numbers while they run (the stream starts again) and not with synaptic
    delays or plastic synapses, which it refuses.

    Parameters
    ----------
    network : brian2.Network
        The network, after its run.
    path : path-like
        File to write; an existing one is replaced.

    Raises
    ------
    NotImplementedError
        If synapses have delays or change by themselves.
    OSError
        If the folder cannot be written or the disk is full; an existing file is left as it was.
    """
    _refuse_synapses(network)
    content: dict = {key: np.array(variable.get_value()) for key, variable in _state(network).items()}
    for item in network.sorted_objects:
        if hasattr(item, "portable"):
            content |= {f"{item.name}.{name}": values for name, values in item.portable().items()}
    content |= {"format": np.array(FILE_FORMAT), "time": np.array(_time(network))}
    with replacing(path, "choose another") as temporary, open(temporary, "wb") as file:
        np.savez(file, **content)


def load_state(network, path):
    """
    Let a network go on from a file that `save_state` wrote; before its run, on any device.

    The network has the same groups of the same sizes and starts at the time of the file.

    Parameters
    ----------
    network : brian2.Network
        The network, newly built.
    path : path-like
        The file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no state, or that of another network; this one is then left as it was.
    """
    content = arrays(path, FILE_FORMAT, ("time",), "a saved state", "save_state")
    time = content.pop("time").item()
    state = _state(network)
    sizes = {key: values.size for key, values in content.items()}
    for key in sorted(sizes.keys() | state.keys()):
        found, expected = sizes.get(key, "no"), state[key].size if key in state else "no"
        if found != expected:
            raise ValueError(
                f"{os.fspath(path)!r} has {found} values of {key}, expected {expected}: build the network as the "
                "saved one."
            )
    for key, variable in state.items():
        variable.set_value(content[key])
    network.t_ = time
    device = get_device()
    if not isinstance(device, RuntimeDevice):
        start = device.static_array("_value_network_t", np.array([time]))
        device.insert_code("main", f"{network.name}.t = {start}[0];")


def _state(network):
    """Return the arrays that are state, by 'group.variable'."""
    state = {}
    for item in network.sorted_objects:
        if not isinstance(item, Group) or isinstance(
            item, (Synapses, Guard, EventMonitor, PopulationRateMonitor, StateMonitor)
        ):
            continue
        for name, variable in item.variables.items():
            is_own = isinstance(variable, ArrayVariable) and getattr(variable.owner, "name", None) == item.name
            if is_own and name not in NO_STATE:
                state[f"{item.name}.{name}"] = variable
    return state


def _time(network):
    """Return the time at which a run ended, in seconds; a standalone program may have stopped early."""
    clocks = {item.clock for item in network.sorted_objects}
    return max(float(clock.variables["t"].get_value().item()) for clock in clocks)


def _refuse_synapses(network):
    """Refuse synapses whose state would be lost."""
    for item in network.sorted_objects:
        if not isinstance(item, Synapses):
            continue
        own = {name for name, variable in item.variables.items() if getattr(variable, "owner", None) is not None}
        code = [line for path in item._pathways for line in path.code.splitlines() if get_identifiers(line)]
        changed = {parse_statement(line)[0] for line in code} & own - {
            name for name in own if name.endswith(("_post", "_pre"))
        }
        changed |= set(item.equations.diff_eq_names)
        if changed:
            raise NotImplementedError(
                f"the synapses {item.name!r} change {', '.join(sorted(changed))}, expected constant synapses: their "
                "state cannot be saved yet, save it yourself."
            )
        for path in item._pathways:
            delay = path.variables["delay"].get_value()
            if np.any(np.asarray(delay) >= 0.5 * float(path.clock.dt)):
                raise NotImplementedError(
                    f"the synapses {item.name!r} have delays, expected none: spikes on their way would be lost."
                )
