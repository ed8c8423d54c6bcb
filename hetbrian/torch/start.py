"""The time step at which a group would go on in Brian2."""

from brian2 import Network, NeuronGroup
from brian2.core.clocks import check_dt

from hetbrian.torch.limits import refused
from hetbrian.torch.statements import SCHEDULE


def first_step(group: NeuronGroup) -> int:
    """
    Return the number of the time step at which a group goes on: that of its network, 0 in a new one.

    The clock itself may have been run by another network in the meantime, or have another dt since.

    Parameters
    ----------
    group : NeuronGroup
        The group.

    Returns
    -------
    int

    Raises
    ------
    ExportError
        If the time is no multiple of a new dt, or the network runs the slots of a step in another order.
    """
    clock = group.clock
    if group._network is None:
        return 0
    networks = (reference() for reference in Network.__instances__())
    network = next((item for item in networks if item is not None and item.id == group._network), None)
    if network is not None and list(network.schedule) != SCHEDULE:
        raise refused("slot", f"the network of {group.name} has the schedule {network.schedule}", f"{SCHEDULE}")
    time = float(clock.variables["t"].get_value().item() if network is None else network.t_)
    try:
        if clock._old_dt is not None:
            check_dt(clock.dt_, clock._old_dt, time)
    except ValueError as error:
        found = f"the time of {group.name} is {time} s, no multiple of its new dt of {clock.dt}"
        raise refused("time", found, "a multiple") from error
    return int(clock._calc_timestep(time))
