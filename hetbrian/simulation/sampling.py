"""Record every n-th time step without a second clock."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from brian2 import Quantity, StateMonitor, second
from brian2.groups.group import Group

from hetbrian._support.arguments import checked, of, quantity
from hetbrian._support.checks import choice, integers, object_name, positive, shown, text, whole, whole_steps
from hetbrian.codegen.interval import Repeated
from hetbrian.codegen.runner import NativeRunner


def _names(value: Any, name: str) -> None:
    """Refuse what is neither a name nor several."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, (list, tuple, set)) or not names or not all(isinstance(item, str) for item in names):
        raise TypeError(f"{name} is {shown(value)}, expected names of variables: write 'v', or ('v', 'w').")


def _indices(value: Any, name: str) -> None:
    """Refuse what chooses no elements."""
    if not isinstance(value, (bool, np.bool_)) and integers(value, name).ndim > 1:
        raise ValueError(f"{name} is {shown(value)}, expected True or indices: give them in one list.")


class SampledMonitor(Repeated, NativeRunner, StateMonitor):
    """
    A StateMonitor that runs on its source's clock and keeps every n-th step.

    A StateMonitor with a time step of its own has its own clock, and Brian2's standalone code runs
    coinciding ticks of two clocks in the wrong order once t > 64 s, because it compares times to
    1e-14 s. Read it as any StateMonitor. Not for synapses.

    Parameters
    ----------
    source : Group
        What to record from.
    variables : str or sequence of str
        Names of its variables.
    record : bool or sequence of int
        Indices to record, or True for all.
    every : Quantity [second]
        Sampling interval, a multiple of the source's time step; the first sample is at step 0.
    when, order
        Slot of the schedule; by default after FORCE (orders 0 and 1) and the guards (2) of the same step.
    name : str
        Name of the object.

    Raises
    ------
    ValueError
        If ``every`` is not a multiple of the time step.
    DimensionMismatchError
        If ``every`` is not a time.
    """

    @checked(
        source=of(Group, advice="give the group to record from"),
        variables=_names,
        record=_indices,
        every=quantity(second, positive),
        when=text,
        order=whole,
        name=object_name,
    )
    def __init__(
        self,
        source: Group,
        variables: str | Sequence[str],
        record: bool | Sequence[int],
        every: Quantity,
        when: str = "end",
        order: int = 3,
        name: str = "sampledmonitor*",
    ) -> None:
        whole_steps(every, source.clock.dt, "every")
        for variable in [variables] if isinstance(variables, str) else variables:
            choice(variable, "variables", source.variables)
        chosen = np.zeros(0) if isinstance(record, bool) else np.asarray(record)
        if chosen.size and not 0 <= chosen.min() <= chosen.max() < len(source):
            raise ValueError(f"record is {shown(record)}, expected indices below {len(source)}: it has no more.")
        StateMonitor.__init__(self, source, variables, record, clock=source.clock, when=when, order=order, name=name)
        self.template = "sampled"
        self._repeat(every)
