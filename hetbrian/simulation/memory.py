"""How much memory a network needs, said before it is allocated."""

import sys
from contextlib import suppress

import numpy as np
from brian2 import Network, Synapses

from hetbrian._support.variables import own_arrays

WORTH_SAYING = 2**30
"""Bytes from which the need is said."""

OF_SYNAPSE = 8
"""Bytes of a synapse beside its variables, which are both ends, delay and weight: its place in a growing list."""

GB = 1e9


def needed_bytes(network: Network) -> dict[str, int]:
    """
    Return how many bytes the arrays of a network take while it runs, without what monitors record.

    Parameters
    ----------
    network : brian2.Network
        The network, assembled.

    Returns
    -------
    dict of str to int
        By the name of the array; what belongs to synapses under the name of these.
    """
    found: dict[str, int] = {}
    for item in network.sorted_objects:
        if isinstance(item, Synapses):
            size = OF_SYNAPSE + sum(np.dtype(variable.dtype).itemsize for variable in item._registered_variables)
            with suppress(NotImplementedError):  # made by code, and not yet
                found[item.name] = size * int(np.ravel(item.variables["N"].get_value())[0])
        elif hasattr(item, "variables"):
            for name, variable in own_arrays(item).items():
                size = int(np.prod(variable.size))
                found[f"{item.name}.{name.lstrip('_')}"] = size * np.dtype(variable.dtype).itemsize
    return found


def free_bytes() -> int | None:
    """
    Return how many bytes of memory processes can still have here, None if the system does not say.

    Returns
    -------
    int or None
    """
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            line = next(line for line in file if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return None
    return int(line.split()[1]) * 1024


def check_memory(network: Network, of_gpu: int | None = None) -> None:
    """
    Say how much memory a large network needs, in one line on stderr, and refuse one that does not fit.

    Parameters
    ----------
    network : brian2.Network
        The network, assembled.
    of_gpu : int, optional
        Bytes that are free on the GPU that is to run it, which holds all of the arrays as the host does.

    Raises
    ------
    MemoryError
        If it needs more than is free.
    """
    parts, free = needed_bytes(network), free_bytes()
    need = sum(parts.values())
    if need < WORTH_SAYING:
        return
    largest = max(parts, key=lambda name: parts[name])
    text = f"{need / GB:.1f} GB of memory, of which {largest} {parts[largest] / GB:.1f} GB"
    places = {"are free": free, "are free on the GPU": of_gpu}
    for where, size in places.items():
        if size is not None and need > size:
            raise MemoryError(
                f"the network needs {text}, and {size / GB:.1f} GB {where}, expected no more than that: take fewer "
                "neurons, FORCE with dtype='float32', or a machine with more memory."
            )
    known = "".join(f"; {size / GB:.1f} GB {where}" for where, size in places.items() if size is not None)
    print(f"This network needs {text}{known}.", file=sys.stderr)
