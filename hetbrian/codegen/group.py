"""A group whose work is one of our templates, on the clock of the group it reads."""

from typing import Any

import numpy as np
from brian2.core.variables import ArrayVariable, Variables
from brian2.groups.group import Group
from brian2.units.fundamentalunits import DIMENSIONLESS

from hetbrian.codegen.codeobjects import native_class
from hetbrian.codegen.runner import NativeRunner


def check_per_neuron(source: Any, name: str, expected: str) -> None:
    """Refuse a variable that a template could not read as one array, with a value for each neuron of the source."""
    variable = source.variables.get(name)
    is_plain = isinstance(variable, ArrayVariable) and source.variables.indices[name] == "_idx"
    if not is_plain or variable.size != len(source):
        raise ValueError(f"{source.name} has no variable {name!r} of one value a neuron, expected {expected}.")


class NativeGroup(Group):
    """
    A group of a few elements that reads arrays of another one; abstract: see `FORCE` and `Guard`.

    Parameters
    ----------
    source : Group
        What it reads; the two share a clock.
    size : int
        Number of its elements.
    order : int
        Its order in the slot ``end``.
    namespace : dict
        Names that its code uses.
    name : str
        Name of the group.

    Raises
    ------
    NotImplementedError
        If hetbrian has no code for the active device.
    """

    add_to_magic_network = True

    def __init__(self, source: Any, size: int, order: int, namespace: dict[str, Any], name: str) -> None:
        native_class()
        Group.__init__(self, clock=source.clock, when="end", order=order, name=name)
        self.source, self.codeobj_class, self.namespace = source, None, namespace
        self.add_dependency(source)
        self.variables = Variables(self)
        self.variables.add_constant("N", value=size)
        self.variables.add_constant("_n_source", value=len(source))
        self.variables.add_arange("i", size=size, constant=True, read_only=True)
        self.variables.create_clock_variables(self._clock)

    def __len__(self) -> int:
        return self.variables["N"].get_value()

    def _add_scalar(self, name: str, value: Any = None, dtype: Any = np.float64, **options: Any) -> None:
        """Add a variable that all elements share, in the unit of its value."""
        options["dimensions"] = getattr(value, "dim", DIMENSIONLESS)
        options |= {} if value is None else {"values": np.asarray(value).item()}
        self.variables.add_array(name, size=1, scalar=True, dtype=dtype, **options)

    def _add_runner(self, template: str, code: str = "", **options: Any) -> None:
        """Add the code object that does its work in each time step."""
        when, order, name = self.when, self.order, f"{self.name}_{options.pop('suffix')}"
        runner = NativeRunner(
            self, template, code=code, clock=self._clock, when=when, order=order, name=name, **options
        )
        self.contained_objects.append(runner)
