"""What Brian2 groups hold."""

from typing import Any

from brian2.core.variables import ArrayVariable


def own_arrays(group: Any) -> dict[str, ArrayVariable]:
    """Return the arrays of a group that are its own, by name: neither linked nor those of another group."""
    return {
        name: variable
        for name, variable in group.variables.items()
        if isinstance(variable, ArrayVariable) and getattr(variable.owner, "name", None) == group.name
    }
