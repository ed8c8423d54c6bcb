"""Stop a run whose state is not finite any more, and say when and where."""

import numpy as np
from brian2 import Quantity, ms, second
from brian2.groups.group import Group

from hetbrian._support.checks import check_units, whole_steps
from hetbrian._support.errors import DivergenceError
from hetbrian.codegen.group import NativeGroup, check_per_neuron


class Guard(NativeGroup):
    """
    Stop the run as soon as a variable of a group is not finite.

    In runtime mode the run ends with a `DivergenceError`; a standalone run stops at that time,
    keeps what it recorded, and `check` raises the error.

    Parameters
    ----------
    source : Group
        The group to watch.
    variable : str
        Its per-neuron variable.
    every : Quantity [second]
        How often to look; a multiple of the time step.
    name : str
        Name of the object.

    Raises
    ------
    ValueError
        If the variable is unknown or ``every`` not a multiple of the time step.
    NotImplementedError
        If hetbrian has no code for the active device.
    """

    @check_units(every=second)
    def __init__(self, source: Group, variable: str = "v", every: Quantity = 10 * ms, name: str = "guard*") -> None:
        check_per_neuron(source, variable, "one of its own: check the name")
        steps = whole_steps(every, source.clock.dt, "every")
        super().__init__(source, 1, order=2, namespace={}, name=name)
        self.variable = variable
        self.variables.add_reference("_watched", source, variable)
        self._add_scalar("every", steps, dtype=np.int32, constant=True)
        self._add_scalar("neuron", -1, dtype=np.int32, read_only=True)
        self._add_scalar("time", 0 * second, read_only=True)
        self._add_runner("guard", suffix="check")
        self._enable_group_attributes()

    def check(self) -> None:
        """Raise `DivergenceError` if the watched variable was found not to be finite, or is not now."""
        neuron, time = (self.variables[name].get_value().item() for name in ("neuron", "time"))
        finite = np.isfinite(self.variables["_watched"].get_value())
        if neuron < 0 and not finite.all():
            neuron, time = int(np.argmin(finite)), self._clock.variables["t"].get_value().item()
        if neuron >= 0:
            raise DivergenceError(
                f"{self.variable} of neuron {neuron} is not finite at t = {time:g} s, expected finite values: "
                "reduce the gains or the time step."
            )
