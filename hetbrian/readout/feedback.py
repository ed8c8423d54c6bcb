"""Who writes the variable that a readout drives its population with: the readout, and nothing else."""

from collections.abc import Iterator
from typing import Any

from brian2 import Network
from brian2.core.magic import magic_network
from brian2.groups.group import CodeRunner
from brian2.groups.neurongroup import Resetter, StateUpdater
from brian2.synapses.synapses import SummedVariableUpdater

from hetbrian._support.errors import NetworkError
from hetbrian._support.variables import assigned


def check_sole_writer(readout: Any, variable: str) -> None:
    """
    Refuse a network in which something else writes a variable that a readout sets anew in each step.

    One of the two would overwrite the other, according to their names.

    Parameters
    ----------
    readout : FORCE
        The readout, of which every network is meant.
    variable : str
        Its reference to the variable.

    Raises
    ------
    NetworkError
        If that is so; the message names the other.
    """
    target = readout.variables[variable]
    parts = {id(part) for part in _with_parts(readout)}
    for network in [*(item() for item in Network.__instances__()), magic_network]:
        if network is None or readout not in network.objects:
            continue
        for item in network.sorted_objects:
            if id(item) in parts or not item.active:
                continue
            if any(_variable(item, name) is target for name in _written(item, variable)):
                raise NetworkError(
                    f"{item.name} and {readout.name} both write {target.name} of {target.owner.name}, expected one of "
                    "them, which the other would overwrite: give one readout several outputs, or let each drive a "
                    "variable of its own and add them up in the equations."
                )


def _with_parts(item: Any) -> Iterator[Any]:
    """Yield an object and what it contains."""
    yield item
    for part in item.contained_objects:
        yield from _with_parts(part)


def _variable(item: Any, name: str) -> Any:
    """Return the variable that a name means in the code of an object."""
    owner = getattr(item, "group", item)
    return getattr(owner, "variables", {}).get(name)


def _written(item: Any, variable: str) -> set[str]:
    """Return the names that an object writes to."""
    if not isinstance(item, CodeRunner):
        return {variable}  # of another readout
    if isinstance(item, StateUpdater):
        return set(item.group.equations.diff_eq_names)
    if isinstance(item, SummedVariableUpdater):
        return {item.target_varname}
    code = item.group.event_codes[item.event] if isinstance(item, Resetter) else getattr(item, "code", None)
    code = item.abstract_code if code is None else code
    return assigned(code)
