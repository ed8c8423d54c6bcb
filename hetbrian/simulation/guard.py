"""Stop a run whose state is not finite any more, and say when and where."""

import numpy as np
from brian2 import check_units, ms, second
from brian2.core.variables import ArrayVariable, Variables
from brian2.groups.group import Group

from hetbrian._support.checks import whole_steps
from hetbrian._support.errors import DivergenceError
from hetbrian.codegen.codeobjects import native_class
from hetbrian.codegen.runner import NativeRunner


class Guard(Group):
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

    add_to_magic_network = True

    @check_units(every=second)
    def __init__(self, source, variable="v", every=10 * ms, name="guard*"):
        native_class()
        watched = source.variables.get(variable)
        if not isinstance(watched, ArrayVariable) or watched.size != len(source):
            raise ValueError(
                f"{source.name} has no variable {variable!r} of one value a neuron, expected one of its own: "
                "check the name."
            )
        steps = whole_steps(every, source.clock.dt, "every")
        Group.__init__(self, clock=source.clock, when="end", order=2, name=name)
        self.source, self.variable = source, variable
        self.codeobj_class, self.namespace = None, {}
        variables = self.variables = Variables(self)
        variables.add_constant("N", value=1)
        variables.add_arange("i", size=1, constant=True, read_only=True)
        variables.add_constant("_n_source", value=len(source))
        variables.create_clock_variables(self._clock)
        variables.add_reference("_watched", source, variable)
        variables.add_array("every", size=1, scalar=True, constant=True, dtype=np.int32, values=steps)
        variables.add_array("neuron", size=1, scalar=True, dtype=np.int32, read_only=True, values=-1)
        variables.add_array("time", size=1, scalar=True, dimensions=second.dim, read_only=True)
        runner = NativeRunner(self, "guard", clock=self._clock, when="end", order=2, name=f"{self.name}_check")
        self.contained_objects.append(runner)
        self._enable_group_attributes()

    def __len__(self):
        return 1

    def check(self):
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
