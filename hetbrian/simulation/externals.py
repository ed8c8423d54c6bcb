"""What a standalone program reads from files instead of its sources: initial values and connections."""

import shutil
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Clock, Synapses
from brian2.core.variables import ArrayVariable

from hetbrian.simulation.structure import LARGE, digest

HEADER = Path(__file__).with_suffix(".h")
"""C++ that a program is given to read connections, write results and end with the process that started it."""


def externalise(device: Any, is_cuda: bool = False) -> dict[str, np.ndarray]:
    """
    Let the program read from files what Brian2 would write into its sources: initial values and numbers of synapses.

    Brian2 keeps arrays in files already, but their lengths in the sources. Afterwards networks that differ only in
    numbers have the same sources: parameters, learning times, weights, targets, and in C++ connections from arrays
    (``synapses.connect(i=..., j=...)``), however many. Clocks come in the order of their names, as Brian2 keeps them in
    a set.

    Parameters
    ----------
    device : brian2.devices.cpp_standalone.CPPStandaloneDevice
        The device, after a network was assembled and again after ``network.run``; its clocks and its queue of
        initialisations are put in order and rewritten.
    is_cuda : bool
        Whether it is brian2cuda's, which makes synapses itself.

    Returns
    -------
    dict of str to ndarray
        Arrays of any length by the name of their file, for `write_files`.
    """
    _order_clocks(device)
    files = {} if is_cuda else _connections(device)
    variables = {name: variable for variable, name in device.arrays.items()}
    for position, (kind, arguments) in enumerate(device.main_queue):
        if kind not in ("set_by_constant", "set_by_single_value"):
            continue
        name, variable = arguments[0], variables.get(arguments[0])
        if variable is None or variable.dynamic or name.endswith("space"):  # an event space, which holds no numbers
            continue
        if kind == "set_by_constant":
            value = np.full(variable.size, arguments[1], dtype=variable.dtype)
            entry = ("set_by_array", (name, device.static_array(name, value), False))
        else:
            _, item, text = arguments
            try:
                value = np.array([float(text.replace(" ", ""))]).astype(variable.dtype)
            except ValueError:
                continue  # true or false
            index, value = (
                device.static_array(f"_index_{name}", np.array([item])),
                device.static_array(f"_value_{name}", value),
            )
            entry = ("set_array_by_array", (name, index, value))
        device.main_queue[position] = entry
    return files


def write_files(folder: Path, files: dict[str, np.ndarray], written: Mapping[str, Any]) -> dict[str, Any]:
    """
    Write arrays where the program looks for them, unless they are there.

    Parameters
    ----------
    folder : Path
        The project.
    files : dict of str to ndarray
        Arrays by the name of their file.
    written : dict of str to object
        What this function returned of those that are there.

    Returns
    -------
    dict of str to object
        What tells the arrays from others, by the name of their file.
    """
    place = folder / "static_arrays"
    place.mkdir(parents=True, exist_ok=True)
    digests = {name: digest(values) for name, values in files.items()}
    for name, values in files.items():
        if digests[name] != written.get(name) or values.nbytes >= LARGE:
            (place / name).unlink(missing_ok=True)  # some file systems wait for the disk before they write one anew
            values.tofile(place / name)
    return digests


def set_in(device: Any, synapses: Synapses) -> dict[ArrayVariable, bool]:
    """
    Return which variables of synapses the initialisations of a C++ program set.

    Parameters
    ----------
    device : brian2.devices.cpp_standalone.CPPStandaloneDevice
        The device, after `externalise`.
    synapses : Synapses
        Of its network.

    Returns
    -------
    dict of ArrayVariable to bool
        Whether all values are set at once, however many there are, each time that some are set.
    """
    names = {device.get_array_name(item, access_data=False): item for item in synapses._registered_variables}
    found: dict[ArrayVariable, bool] = {}
    for kind, given in device.main_queue:
        if kind == "run_network":
            break
        if kind == "run_code_object":
            items = set(names.values()) & set(given[0].variables.values())
        elif kind == "insert_code":
            items = {item for name, item in names.items() if given.startswith(f"hetbrian::read({name},")}
        elif kind == "seed":  # of Brian2's random numbers
            items = set()
        else:
            items = {names[given[0]]} if given[0] in names else set()
        is_whole = kind in ("run_code_object", "insert_code", "set_by_constant")
        found |= {item: is_whole and found.get(item, True) for item in items}
    return found


def copy_header(device: Any, folder: Path) -> None:
    """
    Give a C++ project the header of the code that `externalise` and `choose_results` have put into it.

    Parameters
    ----------
    device : brian2.devices.cpp_standalone.CPPStandaloneDevice
    folder : Path
        The project.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(HEADER, folder / "hetbrian.h")
    device.headers.append('"hetbrian.h"')


def _order_clocks(device: Any) -> None:
    """Put clocks and what sets them into the order of their names."""
    clocks = {name for variable, name in device.arrays.items() if isinstance(variable.owner, Clock)}
    if device.clocks:  # which are known when the run has been prepared
        device.clocks = dict.fromkeys(sorted(device.clocks, key=lambda clock: clock.name))
    groups = groupby(device.main_queue, key=lambda entry: entry[0].startswith("set_") and entry[1][0] in clocks)
    device.main_queue[:] = [
        entry
        for is_of_clocks, entries in groups
        for entry in (sorted(entries, key=lambda entry: entry[1][0]) if is_of_clocks else entries)
    ]


def _connections(device: Any) -> dict[str, np.ndarray]:
    """Let the program read synapses and their values, and return what it reads."""
    made = [
        given[0]
        for kind, given in device.main_queue
        if kind == "run_code_object" and given[0].template_name == "synapses_create_array"
    ]
    owners = [code.owner.name for code in made]
    files: dict[str, np.ndarray] = {}
    for code in made:
        if owners.count(code.owner.name) == 1 and _is_plain(code):
            files |= _read_synapses(device, code)
    return files


def _is_plain(code: Any) -> bool:
    """Return whether synapses are made from the numbers of neurons alone, between whole groups of fixed sizes."""
    offsets = [code.variables[name] for name in ("_source_offset", "_target_offset") if name in code.variables]
    return (
        code.owner.multisynaptic_index is None
        and not any(variable.array or variable.get_value() for variable in offsets)
        and not any(code.variables[name].array for name in ("N_pre", "N_post"))
    )


def _read_synapses(device: Any, code: Any) -> dict[str, np.ndarray]:
    """Replace the code that makes synapses, and that which sets their values from arrays."""
    owner, variables = code.owner, code.variables

    def name(variable: Any) -> str:
        return device.get_array_name(variable, access_data=False)

    files: dict[str, np.ndarray] = {}
    queue = []
    own = {name(variable): variable for variable in owner._registered_variables}
    ends = {name(variables["sources"]): "i", name(variables["targets"]): "j"}
    for kind, given in device.main_queue:
        if kind.startswith("set_by_") and given[0] in ends:  # one synapse is set by its value
            neurons = device.static_arrays.pop(given[1]) if kind == "set_by_array" else [int(given[-1])]
            files[f"{owner.name}.{ends[given[0]]}"] = np.asarray(neurons, dtype=np.int32)
        elif kind == "set_by_array" and given[0] in own:
            values = device.static_arrays.pop(given[1])
            files[given[1]] = values.astype(own[given[0]].dtype, copy=False)
            queue.append(("insert_code", f'hetbrian::read({given[0]}, "{owner.name}", "{given[1]}");'))
        elif kind == "run_code_object" and given[0] is code:
            pre, post, outgoing, incoming = (
                name(variables[key]) for key in ("_synaptic_pre", "_synaptic_post", "N_outgoing", "N_incoming")
            )
            n_pre, n_post = (variables[key].get_value() for key in ("N_pre", "N_post"))
            lines = [
                f'hetbrian::connect("{owner.name}", {pre}, {post}, {outgoing}, {n_pre}, {incoming}, {n_post}, '
                f"{name(variables['N'])});",
                *(f"{registered}.resize({pre}.size());" for registered in sorted(own)),
            ]
            queue.append(("insert_code", "\n".join(lines)))
        else:
            queue.append((kind, given))
    device.main_queue[:] = queue
    del device.code_objects[code.name]
    for variable in (variables["sources"], variables["targets"]):
        del device.arrays[variable]
        device.array_cache.pop(variable, None)
    device.zero_arrays = [entry for entry in device.zero_arrays if entry[1] not in ends]
    for key in ("_synaptic_pre", "_synaptic_post"):
        device.array_cache[variables[key]] = None  # the program writes them if they are asked for
    return files
