"""The state of a whole network in a file, from which another run goes on, on any device."""

import json
import os
from collections.abc import Collection
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from brian2 import Network, Synapses, get_device
from brian2.devices.device import RuntimeDevice
from brian2.groups.group import CodeRunner, Group
from brian2.monitors import EventMonitor, PopulationRateMonitor, StateMonitor

from hetbrian._support.allowed import Limited
from hetbrian._support.arguments import checked, of
from hetbrian._support.checks import file_path, shown
from hetbrian._support.entries import ADVICE, FINITE, NOT_NEGATIVE, NUMBERS, Entry, check_entries
from hetbrian._support.files import arrays, check_sizes, save_arrays
from hetbrian._support.variables import assigned, own_arrays
from hetbrian.simulation.duration import check_steps
from hetbrian.simulation.guard import Guard
from hetbrian.simulation.likeness import differences, known_values, likeness

FILE_FORMAT = 1

TIME, LIKENESS = Entry("f", 0, NOT_NEGATIVE), Entry("U", 0)

NO_STATE = ("i", "N", "t", "dt", "t_in_timesteps", "_spikespace")
"""Variables of a group that belong to its clock, to its size or to one time step only."""

RESUMED: WeakKeyDictionary[Network, tuple[str, dict[str, str]]] = WeakKeyDictionary()
"""File of each network that goes on from one, and hashes of what it holds that this network did not know before."""


@checked(
    network=of(Network, advice="give the Network itself"),
    path=file_path,
)
def save_state(network: Network, path: str | os.PathLike[str]) -> None:
    """
    Write the state of a network after a run to one ``.npz`` file, whole or not at all.

    The state is the time and every array of every group: potentials, currents, parameters, readout weights
    and P. A run that `load_state` lets go on is bit for bit the one that was not interrupted. Synaptic weights
    are not state, since nothing changes them: build the network with the same ones. A hash of them, of every constant
    array and of what else defines the network is kept, so that another network is refused.

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
    content = {f"{item.name}.{name}": values for item in _groups(network) for name, values in item.portable().items()}
    hashes = json.dumps(likeness(network, _state_groups(network)))
    save_arrays(path, FILE_FORMAT, {**content, "time": _time(network), "likeness": hashes})


@checked(
    network=of(Network, advice="give the Network itself"),
    path=file_path,
)
def load_state(network: Network, path: str | os.PathLike[str]) -> None:
    """
    Let a network go on from a file that `save_state` wrote; before its run, on any device.

    The network has the same groups of the same sizes, constants, connections and code, and starts at the time of the
    file. What shall be another, as the end of learning, is set afterwards, or by the values of a run. Files that were
    saved without hashes are compared by their sizes only. A standalone program computes some constants itself: those
    are compared after its run (`hetbrian.simulation.simulate` does).

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
        If it is no state, has numbers in it that no state has, or is that of another network, of which the message
        names the differences; this one is then left as it was.
    NotImplementedError
        If its synapses have delays or change by themselves.
    """
    _refuse_synapses(network)
    content = arrays(path, FILE_FORMAT, {"time": TIME}, "a saved state", "save_state")
    hashes = _hashes(path, content.pop("likeness", np.array("{}")))
    time, groups = content.pop("time").item(), {item.name: item for item in _groups(network)}
    parts: dict = {name: {} for name in groups}
    for key, values in content.items():
        owner, _, name = key.rpartition(".")
        parts.setdefault(owner, {})[name] = values
    for name, item in groups.items():
        check_entries(path, parts[name], item.entries(), f"{name}.")
    parts |= {name: item.translated(parts[name]) for name, item in groups.items()}
    found = {f"{owner}.{name}": values for owner, part in parts.items() for name, values in part.items()}
    sizes = {f"{name}.{key}": size for name, item in groups.items() for key, size in item.layout().items()}
    expected = {key: sizes.get(key, "no") for key in sorted(found.keys() | sizes.keys())}
    check_sizes(path, found, expected, "build the network as the saved one")
    own = likeness(network, _state_groups(network))
    _refuse_another(path, hashes, own)
    check_steps(network, time, f"time in {os.fspath(path)!r}", least=0)
    for name, item in groups.items():
        item.refuse_content(path, parts[name])
    RESUMED[network] = os.fspath(path), {name: text for name, text in hashes.items() if name not in own}
    for name, item in groups.items():
        item.restore(parts[name])
    network.t_ = time
    device = get_device()
    if not isinstance(device, RuntimeDevice):
        start = device.static_array("_value_network_t", np.array([time]))
        device.insert_code("main", f"{network.name}.t = {start}[0];")


def check_resumed(network: Network, changed: Collection[str] = ()) -> None:
    """
    Refuse the results of a network that went on from the state of another, as far as that shows after the run only.

    Parameters
    ----------
    network : brian2.Network
        The network, after its run.
    changed : collection of str
        ``"object.variable"`` of what the values of this run set.

    Raises
    ------
    ValueError
        If that is so.
    """
    path, hashes = RESUMED.get(network, ("", {}))
    own = likeness(network, _state_groups(network)) if hashes else {}
    given = {" of ".join(reversed(name.split("."))) for name in changed}
    _refuse_another(path, hashes, {name: text for name, text in own.items() if name not in given})


def _hashes(path: str | os.PathLike[str], values: np.ndarray) -> dict[str, str]:
    """Return the hashes that a file holds, by what they are of."""
    LIKENESS.check(values, "likeness", path)
    try:
        found = json.loads(values.item())
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ValueError(
            f"likeness in {os.fspath(path)!r} is {shown(values.item())}, expected hashes by name as JSON: {ADVICE}."
        )
    return found


def _refuse_another(path: str | os.PathLike[str], saved: dict[str, str], own: dict[str, str]) -> None:
    """Refuse the state of a network that differs from this one."""
    differing = differences(saved, own)
    if differing:
        raise ValueError(
            f"{os.fspath(path)!r} is the state of a network that differs in {', '.join(sorted(differing))}, expected "
            "the same network: build it as the saved one, and set afterwards what shall be another."
        )


def _state_groups(network: Network) -> list[Group]:
    """Return the groups whose state is kept."""
    others = (Synapses, Guard, EventMonitor, PopulationRateMonitor, StateMonitor)
    return [item for item in network.sorted_objects if isinstance(item, Group) and not isinstance(item, others)]


def _groups(network: Network) -> list[Any]:
    """Return what keeps the state of each group."""
    return [group if hasattr(group, "portable") else _Arrays(group) for group in _state_groups(network)]


class _Arrays:
    """The state of a group, which is its arrays as they are; a group that orders them by device has such methods."""

    def __init__(self, group):
        kept = own_arrays(group).items()
        self.name, self.variables = group.name, {name: variable for name, variable in kept if name not in NO_STATE}
        self.integrated = getattr(getattr(group, "equations", None), "diff_eq_names", ())
        self.limited = group if isinstance(group, Limited) else None

    def portable(self):
        return {name: np.array(variable.get_value()) for name, variable in self.variables.items()}

    def layout(self):
        return {name: variable.size for name, variable in self.variables.items()}

    def translated(self, content):
        return content

    def entries(self):
        """Return what each array of a file may be; NaN is a mistake everywhere, infinity where it is integrated."""
        return {
            name: Entry(kind, 1, None if kind == "b" else FINITE if name in self.integrated else NUMBERS)
            for name, variable in self.variables.items()
            if (kind := np.dtype(variable.dtype).kind)
        }

    def refuse_content(self, path, content):
        """Refuse what the group's own limits forbid."""
        if self.limited is None:
            return
        try:
            self.limited.refuse(content)
        except ValueError as error:
            raise ValueError(f"{os.fspath(path)!r} cannot be loaded, because {error}") from None

    def restore(self, content):
        for name, variable in self.variables.items():
            variable.set_value(content[name])


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
        changed = {name for path in item._pathways for name in assigned(path.code)} & own
        changed -= {name for name in own if name.endswith(("_post", "_pre"))}
        changed |= set(item.equations.diff_eq_names)
        changed |= set(item.event_driven.diff_eq_names if item.event_driven is not None else ())
        runners = [part for part in item.contained_objects if type(part) is CodeRunner]
        changed |= {name for part in runners for name in assigned(part.abstract_code)} & own
        if changed:
            raise NotImplementedError(
                f"the synapses {item.name!r} change {', '.join(sorted(changed))}, expected constant synapses: their "
                "state cannot be saved yet, save it yourself."
            )
        for path in item._pathways:
            delay = known_values(path.variables["delay"])  # None if only a standalone program will know it
            if delay is not None and np.any(delay >= 0.5 * float(path.clock.dt)):
                raise NotImplementedError(
                    f"the synapses {item.name!r} have delays, expected none: spikes on their way would be lost."
                )
