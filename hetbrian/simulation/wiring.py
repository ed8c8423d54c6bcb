"""Synapses that the values of a run put in the place of those that a model connected."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from brian2 import Network, Synapses
from brian2.core.variables import ArrayVariable
from brian2.groups.group import VariableOwner
from brian2.groups.subgroup import Subgroup

from hetbrian._support.checks import numbers
from hetbrian._support.variables import own_arrays

ENDS = {"i": "_synaptic_pre", "j": "_synaptic_post"}
"""Brian2's arrays of the sending and the receiving neurons, by the names of a user."""


def counts(network: Network, values: Mapping[str, Any]) -> dict[ArrayVariable, int]:
    """
    Return how many synapses there will be, where the values of a run say which.

    Parameters
    ----------
    network : brian2.Network
        Whose synapses are meant.
    values : dict of str to array
        By ``"object.variable"``.

    Returns
    -------
    dict of ArrayVariable to int
        By the variable N of the synapses.

    Raises
    ------
    ValueError
        If one end is missing, they do not fit together, or these synapses cannot be others.
    TypeError
        If an end is no array of numbers.
    """
    found = {}
    for item in network.objects:
        given = {name: f"{item.name}.{name}" for name in ENDS if f"{item.name}.{name}" in values}
        if not isinstance(item, Synapses) or not given:
            continue
        if len(given) < len(ENDS):
            other = next(name for name in ENDS if name not in given)
            raise ValueError(
                f"{next(iter(given.values()))!r} is given without '{item.name}.{other}', expected both ends of each "
                "synapse: give the other end too."
            )
        i, j = (  # their unit, and which numbers they are, is checked with all other values
            numbers(values[text], repr(text), dtype=None, any_unit=True, may_be_infinite=True)
            for text in given.values()
        )
        if i.shape != j.shape or i.ndim != 1 or not i.size:
            raise ValueError(
                f"'{item.name}.i' and '{item.name}.j' have the shapes {i.shape} and {j.shape}, expected one length of "
                "at least 1: give a number of a neuron for each end of each synapse."
            )
        if "b" in (i.dtype.kind, j.dtype.kind):
            raise ValueError(
                f"'{item.name}.i' or '{item.name}.j' are truth values, expected the number of a neuron for each end: "
                "give np.flatnonzero() of them, say."
            )
        _refuse_fixed(network, item)
        found[item.variables["N"]] = i.size
    return found


def check_end(synapses: Synapses, name: str, neurons: np.ndarray) -> None:
    """
    Refuse neurons that there are not.

    Parameters
    ----------
    synapses : Synapses
        Which get other ends.
    name : str
        Of `ENDS`.
    neurons : ndarray of int32, shape (n_synapses,)

    Raises
    ------
    ValueError
        If there is one.
    """
    group = {"i": synapses.source, "j": synapses.target}[name]
    outside = neurons[(neurons < 0) | (neurons >= len(group))]
    if outside.size:
        raise ValueError(
            f"'{synapses.name}.{name}' has the neuron {outside[0]}, expected 0 to {len(group) - 1} of {group.name}: "
            "check where it comes from."
        )


def wired(network: Network, resolved: Mapping[str, tuple[Any, np.ndarray]]) -> Iterator[tuple[Synapses, dict]]:
    """
    Yield the synapses that a run has instead, with their ends.

    Parameters
    ----------
    network : brian2.Network
        Whose synapses are meant.
    resolved : dict
        Of `hetbrian.simulation.values.resolve`.

    Yields
    ------
    Synapses, dict of str to ndarray of int32, shape (n_synapses,)
        Object, and the number of a neuron for each end, by `ENDS`.
    """
    for item in network.objects:
        if isinstance(item, Synapses) and f"{item.name}.i" in resolved:
            yield item, {name: resolved[f"{item.name}.{name}"][1] for name in ENDS}


def refuse_kept(
    synapses: Synapses, resolved: Mapping[str, tuple[Any, np.ndarray]], is_set: Callable[[ArrayVariable], bool]
) -> None:
    """
    Refuse other synapses that would have to do with the weights or delays of those before.

    Parameters
    ----------
    synapses : Synapses
        Which a run has instead.
    resolved : dict
        Of `hetbrian.simulation.values.resolve`.
    is_set : callable
        ``is_set(variable)``, whether the model has given it another value than 0.

    Raises
    ------
    ValueError
        If that is so; the message says which.
    """
    given = {target for target, _ in resolved.values() if isinstance(target, ArrayVariable)}
    own = set(own_arrays(synapses).values())
    for variable in sorted(synapses._registered_variables, key=lambda variable: variable.name):
        if variable in given or not is_set(variable):
            continue
        if variable not in own:  # Brian2's programs know no name of the delays of a pathway
            raise ValueError(
                f"'{synapses.name}.i' cannot be set, because the model sets the {variable.name} of each synapse, which "
                "no run can; expected one for all, as Synapses(delay=...): build a network with these."
            )
        raise ValueError(
            f"'{synapses.name}.i' is given without '{synapses.name}.{variable.name}', expected the values of the new "
            "synapses, those that the model set belong to the ones before: give them too."
        )


def rewire(synapses: Synapses, ends: Mapping[str, np.ndarray]) -> None:
    """
    Let a network that was built on the runtime device have other synapses, whose variables are 0.

    Parameters
    ----------
    synapses : Synapses
        Which are connected.
    ends : dict of str to ndarray of int32, shape (n_synapses,)
        Number of a neuron for each end, by `ENDS`.
    """
    for size in (0, ends["i"].size):  # nothing of the synapses before is left
        for variable in synapses._registered_variables:
            variable.resize(size)
    synapses.variables["N"].set_value(ends["i"].size)
    for name, array in ENDS.items():
        synapses.variables[array].get_value()[:] = ends[name]
    for name in ("N_incoming", "N_outgoing"):
        synapses.variables[name].get_value()[:] = 0
    synapses._update_synapse_numbers(0)


def _refuse_fixed(network: Network, synapses: Synapses) -> None:
    """Refuse to change the synapses of an object, where something else depends on which there are."""
    if any(isinstance(group, Subgroup | Synapses) for group in (synapses.source, synapses.target)):
        reason = "they lead to or from a part of a group, or other synapses"
    elif synapses.multisynaptic_index is not None:
        reason = f"{synapses.multisynaptic_index} counts those between the same neurons"
    elif not synapses.active:
        reason = "the built network has none"
    else:
        parts = [item for item in (synapses, *synapses.contained_objects) if isinstance(item, VariableOwner)]
        own = {variable for part in parts for variable in own_arrays(part).values()}
        users = [
            item.name
            for item in network.objects
            if isinstance(item, VariableOwner) and item not in parts and own & set(item.variables.values())
        ]
        if not users:
            return
        reason = f"{min(users)} holds some of their variables"
    raise ValueError(
        f"'{synapses.name}.i' cannot be set, because {reason}; expected synapses between whole groups that nothing "
        "else refers to: build a network with these."
    )
