"""Values of a built program that change from run to run, checked before it starts."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import Network, Synapses, TimedArray
from brian2.core.variables import ArrayVariable
from brian2.groups.group import VariableOwner
from brian2.groups.subgroup import Subgroup

from hetbrian._support.allowed import Limited
from hetbrian._support.checks import check_dimensions, did_you_mean, numbers
from hetbrian._support.variables import own_arrays
from hetbrian.simulation.names import CHECK_NAMES, full_name
from hetbrian.simulation.wiring import ENDS, check_end, counts, refuse_kept, rewire, wired


def resolve(network: Network, values: Mapping[Any, Any]) -> dict[str, tuple[Any, np.ndarray]]:
    """
    Return the arrays that values of a network's variables and timed arrays set.

    Brian2's programs print a message for an array of the wrong size, an infinite number or an unknown
    name, and most go on with the old values: here each is an error before the program starts.

    Parameters
    ----------
    network : brian2.Network
        Whose objects are meant.
    values : dict
        ``{"neurons.eta": array*pA}``; a key is ``"object.variable"``, as in ``record=``, a short name of
        `hetbrian.simulation.names.REGISTRY`, ``"timedarray.values"``, or what Brian2's ``run_args`` takes:
        ``neurons.eta`` itself, or a TimedArray. ``"force.weights"``, ``"force.encoder"`` and ``"force.every"`` are
        those attributes of `hetbrian.readout.force.FORCE`. ``"recurrent.i"`` and ``"recurrent.j"`` are the ends of
        synapses that take the place of those that the model connected, as many as there are; whatever the model gave
        those, weights say, is to be given for these.

    Returns
    -------
    dict of str to (ArrayVariable or TimedArray, ndarray)
        Key of the program, what it sets, and the value in SI units, one for each element or a single one.

    Raises
    ------
    ValueError
        If a name is unknown, given twice, private, belongs to a part of a group, cannot be set, or a value does not
        fit, is not finite, is none that its object allows or, of an integer or boolean variable, no whole number or
        truth value that it can hold.
    TypeError
        If a value is no number and no array of numbers.
    DimensionMismatchError
        If a value has the wrong unit.
    """
    owners = {item.name: item for item in network.objects if isinstance(item, VariableOwner)}
    timed = timed_arrays(network)
    resolved: dict[str, tuple[Any, np.ndarray]] = {}
    named: dict[str, Any] = {}
    given: dict[str, str] = {}
    for key, value in values.items():
        text = full_name(network, name_of(key))
        if text in given:
            raise ValueError(
                f"{given[text]!r} and {name_of(key)!r} are the same variable, expected one of them: leave out the "
                "other."
            )
        given[text], named[text] = name_of(key), value
    n_synapses = counts(network, named)
    for text, value in named.items():
        owner_name, _, name = text.rpartition(".")
        if owner_name in timed and name == "values":
            target = timed[owner_name]
            resolved[text] = (target, _checked(text, value, target.values.shape, target.dim, target.values.dtype))
            continue
        owner = owners.get(owner_name)
        if isinstance(owner, Subgroup) or owner_name.rpartition("_subgroup")[1]:
            raise ValueError(
                f"{text!r} belongs to a part of a group, expected a variable of the whole group: "
                "give a value for each of its elements."
            )
        if name.startswith("_"):
            public = f"{owner_name}.{name.lstrip('_')}"
            advice = f"set {public!r}" if public in _known(owners, timed) else "set what it is derived from"
            raise ValueError(f"{text!r} is private, expected a variable without leading underscore: {advice}.")
        if owner is not None and hasattr(owner, "run_value"):
            name, value = owner.run_value(name, value)
            text = f"{owner_name}.{name}"
        is_end = isinstance(owner, Synapses) and name in ENDS
        variable = owner.variables.get(ENDS[name] if is_end else name) if owner is not None else None
        if not isinstance(variable, ArrayVariable):
            advice = did_you_mean(text, _known(owners, timed), CHECK_NAMES)
            raise ValueError(f"{text!r} is no variable of this network, expected 'object.variable'{advice}")
        if name not in settable(owner) and not is_end:
            raise ValueError(
                f"{text!r} cannot be set, because it is read-only or belongs to another object; expected a parameter "
                "or state variable: set that of its owner."
            )
        n_values = n_synapses.get(variable.owner.variables.get("N")) if variable.dynamic else None
        n_values = n_values or len_of(variable)
        resolved[text] = (variable, _checked(text, value, (n_values,), variable.dim, variable.dtype))
        if is_end:
            check_end(owner, name, resolved[text][1])
    for owner_name, owner in owners.items():
        if isinstance(owner, Limited):
            own = {
                text.rpartition(".")[2].lstrip("_"): value
                for text, (_, value) in resolved.items()
                if text.rpartition(".")[0] == owner_name
            }
            owner.refuse({name: value.item() if value.size == 1 else value for name, value in own.items()})
    return resolved


def apply(network: Network, resolved: Mapping[str, tuple[Any, np.ndarray]]) -> None:
    """
    Set values in a network that was built on the runtime device.

    Parameters
    ----------
    network : brian2.Network
        The network, before its run.
    resolved : dict
        Of `resolve`.

    Raises
    ------
    ValueError
        If values of other synapses are missing.
    """
    for synapses, ends in wired(network, resolved):
        refuse_kept(synapses, resolved, lambda variable: bool(np.any(variable.get_value())))
        rewire(synapses, ends)
    for target, value in resolved.values():
        if isinstance(target, TimedArray):
            target.values[...] = value.reshape(target.values.shape) if value.size > 1 else value
        else:
            target.get_value()[:] = value


def refuse_other_synapses(values: Mapping[Any, Any]) -> None:
    """
    Refuse other synapses of a network that goes on from a saved state, which belongs to those that it was saved with.

    Parameters
    ----------
    values : dict
        See `resolve`.

    Raises
    ------
    ValueError
        If there are some.
    """
    for text in map(name_of, values):
        if text.rpartition(".")[2] == "i":  # neurons may have a variable j of their own
            raise ValueError(
                f"{text!r} is given to a network that goes on from a saved state, expected the synapses that it was "
                "saved with: leave them out, or build a network with others and let it start anew."
            )


def timed_arrays(network: Network) -> dict[str, TimedArray]:
    """
    Return the timed arrays that the objects of a network use, by name.

    Parameters
    ----------
    network : brian2.Network

    Returns
    -------
    dict of str to TimedArray
    """
    spaces = [item.namespace for item in network.objects if getattr(item, "namespace", None)]
    return {value.name: value for space in spaces for value in space.values() if isinstance(value, TimedArray)}


def len_of(variable: ArrayVariable) -> int:
    """
    Return how many values a variable has; the device knows it for synapses.

    Parameters
    ----------
    variable : ArrayVariable

    Returns
    -------
    int
    """
    if variable.dynamic:
        return int(np.ravel(variable.owner.variables["N"].get_value())[0])
    return int(variable.size)


def used_by_initialisations(device: Any) -> dict[str, str]:
    """
    Return the arrays that initialisations of a standalone program read before the values of a run are set.

    Parameters
    ----------
    device : brian2.devices.cpp_standalone.CPPStandaloneDevice
        The device with its generated code.

    Returns
    -------
    dict of str to str
        Name of the object that reads it, by the name of an array or timed array.
    """
    used: dict[str, str] = {}
    for kind, arguments in device.main_queue:
        if kind == "run_network":
            break
        if kind != "run_code_object":
            continue
        (code_object,) = arguments
        text = str(code_object.code.cpp_file if hasattr(code_object.code, "cpp_file") else code_object.code)
        for variable in code_object.variables.values():
            if isinstance(variable, TimedArray):
                used[variable.name] = code_object.owner.name
            elif variable in device.arrays:
                array = device.arrays[variable]
                if not re.search(rf"{array}\w*\[[^\]]*\] [-+*/]?= ", text):
                    used[array] = code_object.owner.name
    return used


def refuse_used(device: Any, resolved: Mapping[str, tuple[Any, np.ndarray]], used: Mapping[str, str]) -> None:
    """
    Refuse values that an initialisation of a standalone program has already read when they are set.

    ``neurons.v = "2*eta"`` is computed before the values of a run replace eta.

    Parameters
    ----------
    device : brian2.devices.cpp_standalone.CPPStandaloneDevice
        The device.
    resolved : dict
        Of `resolve`.
    used : dict of str to str
        Of `used_by_initialisations`.

    Raises
    ------
    ValueError
        If that is so; the message names both.
    """
    for key, (target, _) in resolved.items():
        reader = used.get(target.name if isinstance(target, TimedArray) else device.arrays[target])
        if reader is not None:
            raise ValueError(
                f"{key!r} is read by an initialisation of {reader} before the values of a run are set, expected one "
                "that nothing is derived from: compute what depends on it in Python, and give both."
            )


def name_of(key: Any) -> str:
    """
    Return the name that a key of values stands for.

    Parameters
    ----------
    key : str, VariableView or TimedArray
        What Brian2's run_args takes, or a name.

    Returns
    -------
    str
        ``"object.variable"``, or a short name as it was given.

    Raises
    ------
    ValueError
        If it is something else.
    """
    if isinstance(key, str):
        return key
    if isinstance(key, TimedArray):
        return f"{key.name}.values"
    if hasattr(key, "group_name"):  # a VariableView
        return f"{key.group_name}.{key.name}"
    raise ValueError(
        f"a key is a {type(key).__name__}, expected 'object.variable', a variable of a group or a TimedArray: "
        "name what is to be set."
    )


def settable(owner: VariableOwner) -> dict[str, ArrayVariable]:
    """Return the variables of an object that a program can set, by name: its own, which may be written."""
    return {name: variable for name, variable in own_arrays(owner).items() if not variable.read_only}


def _known(owners: Mapping[str, VariableOwner], timed: Mapping[str, TimedArray]) -> list[str]:
    """Return the names that a user can set; those of `FORCE.run_value` stand for private variables."""
    known = [f"{name}.values" for name in timed]
    for owner_name, owner in owners.items():
        names = settable(owner)
        mapped = ("weights", "encoder", "every") if hasattr(owner, "run_value") else ()
        public = [name for name in names if not name.startswith("_")] + [key for key in mapped if f"_{key}" in names]
        ends = ENDS if isinstance(owner, Synapses) else ()
        known += [f"{owner_name}.{name}" for name in (*public, *ends)]
    return known


def _checked(key: str, value: Any, shape: tuple[int, ...], dimensions: Any, dtype: Any) -> np.ndarray:
    """Return a value as an array of one number or of the given shape, flat."""
    if isinstance(value, str):
        raise ValueError(f"{key!r} is {value!r}, expected numbers: code cannot be set in a built program.")
    array = numbers(value, repr(key), dtype=None, any_unit=True, may_be_infinite=True)
    check_dimensions(key, value, dimensions)
    if array.shape not in ((), shape):
        raise ValueError(f"{key!r} has shape {array.shape}, expected one value or {shape}: give one for each element.")
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise ValueError(
            f"{key!r} has the value {array.ravel()[bad[0]]}, expected finite numbers, which a program can read: "
            "check where they come from."
        )
    with np.errstate(invalid="ignore", over="ignore"):  # what does not fit is refused below
        cast = array.astype(dtype)
    wrong = np.flatnonzero(cast != array if cast.dtype.kind in "biu" else ~np.isfinite(cast))
    if wrong.size:
        expected = "True or False" if cast.dtype.kind == "b" else f"numbers that {cast.dtype} can hold"
        raise ValueError(f"{key!r} has the value {array.ravel()[wrong[0]]}, expected {expected}: round or scale it.")
    return np.ravel(cast)
