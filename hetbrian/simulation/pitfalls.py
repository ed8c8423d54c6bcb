"""What Brian2 and its devices do otherwise than a network says, without a word: refused before the run."""

from typing import Any

from brian2 import Synapses, second
from brian2.core.variables import ArrayVariable
from brian2.groups.group import VariableOwner

from hetbrian._support.variables import own_arrays, owner_name

LATE = 64 * second
"""Time after which rounding separates coinciding ticks of two clocks in standalone programs."""


def refuse_pitfalls(network: Any, device: str, end: Any) -> None:
    """
    Refuse a network that would silently do something else on a device.

    Parameters
    ----------
    network : brian2.Network
        The network.
    device : str
        Name of the device.
    end : Quantity [second]
        When the run ends.

    Raises
    ------
    ValueError
        If a variable is linked to a group that is gone, synapses have a (summed) variable and another time step than
        their target, which Brian2 ignores, or on CUDA a variable has a name for which brian2cuda takes it for a list of
        spikes.
    NotImplementedError
        If a standalone program would run coinciding steps of two clocks in the wrong order.
    """
    items = sorted(network, key=lambda item: item.name)
    for item in items:
        _refuse_lost_links(item)
        if isinstance(item, Synapses):
            _refuse_other_step_of_sums(item)
    if not device.endswith("standalone"):
        return
    steps = sorted({float(item.clock.dt) for item in items})
    if len(steps) > 1 and end > LATE:
        raise NotImplementedError(
            f"the network has the time steps {', '.join(f'{step:g} s' for step in steps)} and runs to {end}, but "
            f"{device} mixes up their order after {LATE}; expected one: record with SampledMonitor, gate code by "
            "t_in_timesteps, or use the runtime device."
        )
    if device == "cuda_standalone":
        for item in items:
            if isinstance(item, VariableOwner):
                _refuse_names_of_spike_lists(item)


def _refuse_lost_links(item: Any) -> None:
    for name in sorted(getattr(item, "_linked_variables", ())):
        variable = item.variables.get(name)
        if isinstance(variable, ArrayVariable) and owner_name(variable) is None:
            raise ValueError(
                f"{name!r} of {item.name} is linked to a group that is gone, expected one that the network holds: "
                "add it to the network that the model returns."
            )


def _refuse_other_step_of_sums(synapses: Synapses) -> None:
    for name, updater in synapses.summed_updaters.items():
        target, own = updater.target.clock.dt, synapses.clock.dt
        if updater.clock.dt == target != own:
            raise ValueError(
                f"{synapses.name} sums {name} every {target}, the time step of {updater.target.name}, and not every "
                f"{own} as they say, expected one time step: give both the same, or sum into a group of that step."
            )


def _refuse_names_of_spike_lists(owner: Any) -> None:
    for name in own_arrays(owner):
        if name.endswith("space") and not name.startswith("_"):
            raise ValueError(
                f"{owner.name} has a variable {name!r}, which brian2cuda takes for a list of spikes; expected a name "
                "that does not end in 'space': rename it."
            )
