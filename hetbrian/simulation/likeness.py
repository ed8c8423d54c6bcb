"""What defines a network: hashes of its code, its constants and its connections, by which two can be told apart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from brian2 import Network, NeuronGroup, Synapses, TimedArray
from brian2.core.functions import Function
from brian2.core.variables import ArrayVariable
from brian2.groups.group import CodeRunner, Group

from hetbrian._support.variables import own_arrays

DIGITS = 16
"""Of a hash: 64 bits."""

CONNECTIONS = ("_synaptic_pre", "_synaptic_post")
"""Variables of synapses that say what they connect."""

NUMBERS = ("N", "i", "j", "N_incoming", "N_outgoing", "lastupdate", "delay")
"""Variables that follow from the others; `save_state` refuses delays."""


def likeness(network: Network, groups: Iterable[Group]) -> dict[str, str]:
    """
    Return hashes of what defines a network, by name; what a standalone program computes only when it runs is left out.

    Parameters
    ----------
    network : brian2.Network
        The network.
    groups : iterable of Group
        The groups that keep a state.

    Returns
    -------
    dict of str to str
        ``"eta of neurons"`` for a constant array, ``"the equations of neurons"`` and the like for code,
        ``"_synaptic_pre of recurrent"``, ``"omega of recurrent"``, ``"the values of sine"`` for a timed array.
    """
    found: dict[str, Any] = {}
    synapses = [item for item in network.sorted_objects if isinstance(item, Synapses)]
    for item in [*groups, *synapses]:
        if isinstance(item, CodeRunner):  # a pathway, which belongs to its synapses
            continue
        parts = {"time step": float(item.clock.dt), **_code(item)}
        found |= {f"the {part} of {item.name}": value for part, value in parts.items()}
        found |= {f"{name} of {item.name}": values for name, values in _constants(item).items()}
        for name, value in (getattr(item, "namespace", None) or {}).items():
            found |= _named(item, name, value)
    return {name: _digest(value) for name, value in found.items() if value is not None}


def differences(saved: Mapping[str, str], own: Mapping[str, str]) -> list[str]:
    """
    Return what two networks differ in, of what is known of both.

    Parameters
    ----------
    saved, own : dict of str to str
        Of `likeness`.

    Returns
    -------
    list of str
    """
    return [name for name in own if name in saved and saved[name] != own[name]]


def _code(item: Any) -> dict[str, Any]:
    """Return the texts that define an object, by what they are."""
    equations = getattr(item, "equations", None)
    texts: dict[str, Any] = {}
    if equations is not None:
        texts["equations"] = "\n".join(sorted(str(line) for line in equations.values()))
        texts["method"] = str(getattr(item, "method_choice", None))
    if isinstance(item, NeuronGroup):
        texts["threshold"] = repr(sorted(item.events.items()))
        texts["reset"] = repr(sorted(item.event_codes.items()))
        texts["refractory"] = repr(item._refractory)
    for path in getattr(item, "_pathways", ()):
        texts[f"code of {path.objname}"] = path.code
    runners = [part for part in item.contained_objects if type(part) is CodeRunner and part.abstract_code]
    texts |= {f"code of {runner.name}": runner.abstract_code for runner in runners}
    if not hasattr(item, "defining"):  # one more or less has no name in both networks
        texts["number of run_regularly"] = str(len(runners))
    return texts | (item.defining() if hasattr(item, "defining") else {})


def _constants(item: Any) -> dict[str, Any]:
    """Return the constant arrays of an object, and the connections of synapses."""
    if hasattr(item, "defining"):
        return {}
    found = {}
    for name, variable in own_arrays(item).items():
        if isinstance(item, Synapses):
            is_kept = name in CONNECTIONS or not (variable.scalar or name.startswith("_") or name in NUMBERS)
        else:
            is_kept = variable.constant and not (name.startswith("_") or name in NUMBERS)
        if is_kept:
            found[name] = known_values(variable, getattr(item, "n_spare", 0))
    return found


def known_values(variable: ArrayVariable, n_spare: int = 0) -> np.ndarray | None:
    """Return the values of an array without those at its end, None if only a standalone program will know them."""
    try:
        values = np.asarray(variable.get_value())
    except NotImplementedError:
        return None
    return values[: len(values) - n_spare] if n_spare else values


def _named(item: Any, name: str, value: Any) -> dict[str, Any]:
    """Return what a name of an object's namespace stands for."""
    if isinstance(value, TimedArray):
        return {f"the values of {value.name}": value.values, f"the time step of {value.name}": float(value.dt)}
    if isinstance(value, Function) or callable(value):
        return {}
    array = np.asarray(value)
    return {f"{name} in the namespace of {item.name}": array} if array.dtype.kind in "biuf" else {}


def _digest(value: Any) -> str:
    """Return a hash of a text, a number or an array."""
    found = hashlib.sha256()
    if isinstance(value, str):
        found.update(value.encode())
    else:
        array = np.asarray(value)
        array = np.ascontiguousarray(array, dtype=float if array.dtype.kind == "f" else np.int64)  # devices differ
        found.update(f"{array.dtype.kind} {array.shape}".encode())
        found.update(array.tobytes())
    return found.hexdigest()[:DIGITS]
