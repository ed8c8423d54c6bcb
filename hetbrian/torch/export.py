"""From Brian2 equations to a torch module: the same update, in the same order within a step."""

import ast
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from brian2 import NeuronGroup, Quantity, TimedArray, second
from brian2.core.functions import Function
from brian2.core.namespace import get_local_namespace
from brian2.core.variables import ArrayVariable, Constant
from brian2.groups.group import Group
from brian2.input.timedarray import _find_K
from brian2.parsing.expressions import parse_expression_dimensions
from brian2.synapses.synapses import Synapses
from brian2.units.fundamentalunits import fail_for_dimension_mismatch

from hetbrian._support.arguments import checked, of, quantity
from hetbrian._support.checks import choice, flag, positive, shown, whole
from hetbrian._support.optional import torch
from hetbrian.torch.cell import Cell
from hetbrian.torch.classes import check_class
from hetbrian.torch.coupling import check_synapses, read_coupling, receivers
from hetbrian.torch.limits import refused
from hetbrian.torch.module import exact, number, tensor
from hetbrian.torch.population import Population
from hetbrian.torch.range import check_range
from hetbrian.torch.source import Values, comparison, module_source
from hetbrian.torch.start import first_step
from hetbrian.torch.statements import check_group, read_group
from hetbrian.torch.surrogate import SuperSpike, Surrogate
from hetbrian.torch.units import COHERENT, UnitSystem


def _names(value: Any, name: str) -> None:
    """Refuse what is neither a name nor several."""
    several = (value,) if isinstance(value, str) else value
    if not isinstance(several, (list, tuple, set, frozenset)) or not all(isinstance(item, str) for item in several):
        raise TypeError(f"{name} is {shown(value)}, expected names of variables: write ('eta',), say.")


def _objects(value: Any, name: str) -> None:
    """Refuse what is neither a group nor several."""
    if not isinstance(value, (Synapses, NeuronGroup, list, tuple)):
        raise TypeError(f"{name} is {shown(value)}, expected Synapses or AllToAll: give them in a list.")


@checked(
    group=of(Group, advice="give the group itself"),
    synapses=_objects,
    trainable=_names,
    inputs=_names,
    units=of(UnitSystem, advice="give COHERENT or SI"),
    dtype=of(torch.dtype, advice="give torch.float32, say"),
    surrogate=of(Surrogate, advice="give SuperSpike(), say"),
    detach_reset=flag,
    jacobian_bound=of(Mapping, advice="write {'v': 1.0}, say"),
    longest_delay=quantity(second, positive),
    sparse=flag,
    namespace=of(Mapping, advice="give every name that the objects do not define"),
    level=whole,
)
def to_torch(
    group: NeuronGroup,
    synapses: Synapses | NeuronGroup | Iterable[Synapses | NeuronGroup] = (),
    *,
    trainable: str | Iterable[str] = (),
    inputs: str | Iterable[str] = (),
    units: UnitSystem = COHERENT,
    dtype: torch.dtype = torch.float32,
    surrogate: Surrogate | None = None,
    width: Quantity | float | None = None,
    detach_reset: bool = False,
    jacobian_bound: Mapping[str, float] | None = None,
    longest_delay: Quantity | None = None,
    sparse: bool | None = None,
    namespace: Mapping[str, Any] | None = None,
    level: int = 0,
) -> Cell:
    r"""
    Return a NeuronGroup and its synapses as a torch module with the same time step.

    Brian2 itself turns the equations into statements (state updater, order within the step); only
    their last translation, to torch instead of C++, is ours. Values are those that the objects have
    now, in coherent units (mV, ms, pA, nS, pF), because in SI units the conductances and currents
    of neurons are below the epsilon of Adam and their squares leave float32.

    Not for plasticity, GSL methods, several clocks or groups that spike on each other: whatever has no
    counterpart raises an `ExportError`. Export before running: spikes that are still on their
    way through delays are not taken over.

    Parameters
    ----------
    group : NeuronGroup
        The group.
    synapses : Synapses, AllToAll or sequence of them
        Everything that targets the group: Synapses whose on_pre adds weights to its variables, from
        itself or from a source whose spikes the module is then given, and the gating variable.
    trainable : str or sequence of str
        Parameters to be trained: of the group (``"eta"``), one value a neuron also if it is a
        constant of the namespace or an initial value (``"v"``); of synapses ``"name.variable"``, and
        ``"name.delay"``. In training a synapse's weight arrives around its delay, with a standard deviation of
        ``module.couplings["name"].sigma`` time steps, so that the delay has a gradient; in evaluation
        (``module.eval()``) it arrives after the nearest number of steps, as in Brian2.
    inputs : str or sequence of str
        Parameters of the group that are given anew in every step.
    units : UnitSystem
        Unit system of the module.
    dtype : torch.dtype
        Precision.
    surrogate : Surrogate, optional
        Derivative of the spike, by default `SuperSpike`.
    width : Quantity, or float if the threshold has no unit, optional
        Distance from the threshold that counts as x = 1 for the surrogate, by default one unit (1 mV).
    detach_reset : bool
        Whether gradients do not flow to the spikes through the reset.
    jacobian_bound : dict of str to float, optional
        For state variables by name, the largest absolute value of the derivative of the update by the variable
        itself, e.g. ``{"v": 1}``. The derivative of a quadratic neuron is above 1 on the upswing of each spike, and
        its gradient grows without limit; with a bound it stays finite, and is biased.
    longest_delay : Quantity [second], optional
        What trained delays are kept below.
    sparse : bool, optional
        Whether to add synapse by synapse instead of multiplying matrices; by default for large, mostly
        empty matrices.
    namespace : dict, optional
        Names that the objects do not define, by default those of the caller, as in Brian2's ``run``.
    level : int
        How many frames above the caller to look for names.

    Returns
    -------
    Cell

    Raises
    ------
    ExportError
        If the model has something that cannot be exported; the message says what to do instead.
    ValueError
        If a name in ``trainable``, ``inputs`` or ``jacobian_bound`` is unknown, a bound is not positive, or the longest
        delay is missing, shorter than one that is there, or without delays that are trained.
    DimensionMismatchError
        If the width has another unit than the threshold, or the longest delay is no time.
    KeyError
        If the equations have a name that nobody defines.

    Examples
    --------
    >>> from brian2 import NeuronGroup, mV, ms
    >>> equations, names = "dv/dt = -v/tau : volt", {"tau": 10 * ms, "top": 5 * mV}
    >>> leaky = NeuronGroup(2, equations, threshold="v > top", reset="v = 0*volt", method="exact", namespace=names)
    >>> leaky.v = [1, 8] * mV
    >>> module = to_torch(leaky, dtype=torch.float64)
    >>> module(2).spikes
    tensor([[0., 1.],
            [0., 0.]], dtype=torch.float64)
    """
    namespace = get_local_namespace(level=level + 2) if namespace is None else namespace  # beyond `checked`
    trainable, inputs = ((item,) if isinstance(item, str) else tuple(item) for item in (trainable, inputs))
    items = [synapses] if isinstance(synapses, (Synapses, NeuronGroup)) else list(synapses)
    gates = [item for item in items if isinstance(item, NeuronGroup)]
    for item in (group, *gates):
        check_class(item)
        check_group(item)
    incoming = _incoming(group, items, gates)
    targets: dict = {item.name: set() for item in (group, *gates)}
    for item in incoming:
        check_class(item)
        check_synapses(item, group, gates)
        targets[item.target.name] |= set(receivers(item))
    parameters = {name: item.flags for name, item in group.equations.items() if item.type == "parameter"}
    for name in inputs:
        choice(name, "inputs", sorted(name for name, flags in parameters.items() if "shared" not in flags))
    program = read_group(group, namespace, targets=sorted(targets[group.name] | set(inputs)), owners=gates)
    own, of_synapses = _split(trainable, [item.name for item in incoming])
    settings = {"surrogate": surrogate or SuperSpike(), "detach": detach_reset, "units": units, "dtype": dtype}
    bounds = dict(jacobian_bound or {})
    neurons = _population(group, program, width=_width(program, width, units), trainable=own, bounds=bounds, **settings)
    modules = []
    for gate in gates:
        found = read_group(gate, namespace, targets=sorted(targets[gate.name]))
        if gate.order <= group.order or found.condition is not None or len(gate) != 1:
            expected = f"one neuron without threshold that is updated after {group.name}"
            raise refused("gate", f"{gate.name} is no gating variable", expected)
        modules.append(_population(gate, found, width=1.0, trainable=(), **settings))
    couplings = []
    if longest_delay is not None and not any("delay" in names for names in of_synapses.values()):
        raise ValueError(
            f"longest_delay is {longest_delay} and no delays are trained, expected both or none: put "
            "'synapses.delay' into trainable."
        )
    for item in incoming:
        options = {"units": units, "dtype": dtype, "trainable": of_synapses[item.name], "is_sparse": sparse}
        options["longest"] = longest_delay
        guards = program.guards if item.target is group else {}
        couplings.append(read_coupling(item, group, namespace, guards=guards, **options))
    dt = float(units.from_si(float(group.clock.dt), program.variables["dt"].dim))
    return Cell(neurons, modules, couplings, inputs, dt, units, first_step(group))


def _incoming(group, items, gates):
    """Return all synapses, those in gates included, in the order in which Brian2 runs them."""
    found = [item for item in items if isinstance(item, Synapses)]
    for owner in (group, *gates):
        found += [item for item in owner.contained_objects if isinstance(item, Synapses) and item not in found]
    for item in items:
        if not isinstance(item, (Synapses, NeuronGroup)) or item is group:
            found_ = f"synapses has {getattr(item, 'name', item)!r} ({type(item).__name__})"
            raise refused("object", found_, "Synapses or AllToAll")
    for item in (*found, *gates):
        if item.name in dir(torch.nn.ModuleDict()):
            raise refused("module name", f"{item.name!r} is a name that torch modules need", "another")
    found = [item for item in found if item.active and all(path.active for path in item._pathways)]
    return sorted(found, key=lambda item: [(path.order, path.name) for path in item._pathways])


def _population(group, program, *, width, trainable, surrogate, detach, units, dtype, bounds=None):
    """Return a group's module: values sorted into constants, parameters, TimedArrays and initial state."""

    def scale(dimension):
        return float(units.from_si(1.0, dimension))

    constants, values, tables = {}, {}, {}
    for name, variable in sorted(program.variables.items()):  # sorted: optimisers and DDP go by position
        if name in (*program.state, *program.linked, "t", "t_in_timesteps"):
            continue
        if isinstance(variable, TimedArray):
            subdivision = _find_K(float(group.clock.dt), variable.dt)
            tables[name] = (variable.dt / subdivision, subdivision)
        elif isinstance(variable, Constant) or name == "dt":
            value = number(variable)
            own = value if isinstance(value, bool) else float(units.from_si(value, variable.dim))
            constants[name] = (own, float(value), units.label(variable.dim))
        elif isinstance(variable, ArrayVariable):
            values[name] = tensor(variable, units, dtype)
    dimensions = {name: item.dim for name, item in program.variables.items() if not isinstance(item, Function)}
    for name in trainable:
        if name in constants and name not in ("dt", "N"):
            values[name] = torch.full((len(group),), constants.pop(name)[0], dtype=dtype)
        elif name not in program.state and (name not in values or not values[name].is_floating_point()):
            known = sorted({*program.state, *values, *constants} - {"dt", "N", "i", "lastspike", "not_refractory"})
            raise ValueError(
                f"trainable has {name!r}, expected parameters of {group.name} among {', '.join(known)} or variables of "
                "synapses as 'synapses.variable': check the name."
            )
    initial = {name: tensor(program.variables[name], units, dtype) for name in program.state}
    if "lastspike" in initial:
        initial["lastspike"] = exact(program.variables["lastspike"])
    kinds = {name: value.dtype for name, value in (values | initial).items()}
    integers = {name for name, kind in kinds.items() if kind == torch.int64}
    booleans = {name for name, kind in kinds.items() if kind == torch.bool}
    booleans |= {name for name, (value, *_) in constants.items() if isinstance(value, bool)}
    given = Values(constants, [*values, *tables], tables, scale, integers, booleans)
    source = module_source(program, given, width, detach)
    _check_bounds(program, bounds or {}, [*integers, *booleans, "lastspike"])
    module = Population(program, source, surrogate, width, detach, bounds)
    for name in values:
        module.store(name, values[name], dimension=dimensions[name], is_trainable=name in trainable)
        if name not in trainable and values[name].is_floating_point():
            variable = program.variables[name]
            module.keep_exact(name, exact(variable), scale(variable.dim))
    for name in tables:
        table = program.variables[name]
        exact_values = torch.as_tensor(np.array(table.values, dtype=float))
        module.store(name, units.from_si(exact_values, table.dim).to(dtype))
        module.keep_exact(name, exact_values, scale(table.dim))
    for name, value in initial.items():
        module.store(f"_initial_{name}", value, dimension=dimensions[name], is_trainable=name in trainable)
    check_range(module, dtype)
    return module


def _check_bounds(program, bounds, others):
    """Refuse bounds of what is no state variable with a derivative, and of noise, which would be drawn twice."""
    for name, limit in bounds.items():
        choice(name, "jacobian_bound", [item for item in program.state if item not in others])
        if not limit > 0:
            raise ValueError(f"jacobian_bound of {name!r} is {limit!r}, expected more than 0: give a bound such as 1.")
        if {"rand", "randn"} & set(program.variables):
            raise refused("noise bound", f"{program.name} has random numbers", "none with jacobian_bound")


def _split(trainable, synapses):
    """Return the names of the group, and those of each Synapses."""
    own = tuple(name for name in trainable if "." not in name)
    of_synapses: dict = {name: [] for name in synapses}
    for name in set(trainable) - set(own):
        owner, _, variable = name.partition(".")
        choice(owner, f"the synapses of {name!r} in trainable", synapses)
        of_synapses[owner].append(variable)
    return own, of_synapses


def _width(program, width, units):
    """Return the width of the surrogate in the unit system."""
    if width is None or program.condition is None:
        return 1.0
    comparisons = [node for node in ast.walk(program.condition) if isinstance(node, ast.Compare)]
    larger, smaller, _ = comparison(comparisons[0]) if comparisons else (ast.Constant(0), ast.Constant(0), True)
    margin = ast.unparse(ast.BinOp(larger, ast.Sub(), smaller))
    dimension = parse_expression_dimensions(margin, program.variables)
    threshold = ast.unparse(program.condition)
    message = (
        f"width has the wrong unit, expected {units.label(dimension)} as in the threshold {threshold!r}: multiply by it"
    )
    fail_for_dimension_mismatch(width, Quantity(1, dim=dimension), message)
    if not float(width) > 0:
        raise ValueError(f"width is {width}, expected more than 0: give a distance from the threshold.")
    return float(units.from_si(float(width), dimension))
