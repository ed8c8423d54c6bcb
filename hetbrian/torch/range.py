"""Whether the precision of a module holds its numbers."""

import ast
import copy
import math

from hetbrian._support.optional import torch
from hetbrian.torch.limits import refused


def check_range(module, dtype: torch.dtype) -> None:
    """
    Refuse numbers that become 0 or infinite in the precision of a module.

    Parameters
    ----------
    module : Population
        A group's module.
    dtype : torch.dtype
        Precision.

    Raises
    ------
    ExportError
        If a constant, a number in the equations, a parameter, an initial value, or what is computed from them once,
        leaves the precision.
    """
    source, tiny, huge = module.source, torch.finfo(dtype).tiny, torch.finfo(dtype).max
    conditions = [] if source.condition is None else [source.condition]
    nodes = [item.value for items in source.slots.values() for item in items] + conditions
    numbers: dict = {}
    for item in (item for node in nodes for item in ast.walk(node)):
        if isinstance(item, ast.Name) and item.id in source.constants:
            numbers[item.id] = source.constants[item.id]
        elif isinstance(item, ast.Constant) and not isinstance(item.value, bool):
            numbers[repr(item.value)] = float(item.value)  # type: ignore[arg-type]
    fits = f"0 or {tiny:.2g} to {huge:.2g} in {dtype}"
    for name, value in numbers.items():
        if math.isfinite(value) and value and not tiny <= abs(value) <= huge:
            raise refused("range", f"{name!r} of {module.name} is {value!r} in the units of the module", fits)
    twin = copy.deepcopy(module).double()
    for name in module.scales:  # in the precision of Brian2
        twin.value(name).data = getattr(module, f"_exact_{name}").view(torch.float64) * module.scales[name]
    pairs = zip(source.prepared[:-1], module.prepare(), twin.prepare(), strict=False)
    for name, ours, theirs in pairs:
        if name not in source.tables and ours.is_floating_point():
            is_lost = theirs.isfinite() & (theirs != 0) & ~((ours.abs() >= tiny) & ours.isfinite())
            if is_lost.any():
                value = float(theirs[is_lost].flatten()[0])
                raise refused("range", f"{name!r} of {module.name} is {value:.6g} in the units of the module", fits)
