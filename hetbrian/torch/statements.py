"""What one time step of a group does: ordered assignments, from Brian2's own machinery."""

import ast
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from brian2 import NeuronGroup, Quantity, SpatialNeuron, TimedArray, second
from brian2.codegen.translation import make_statements
from brian2.core.functions import Function
from brian2.core.variables import ArrayVariable, AuxiliaryVariable, Constant, Subexpression
from brian2.devices.device import RuntimeDevice, get_device
from brian2.groups.group import CodeRunner, Group
from brian2.groups.neurongroup import Resetter, StateUpdater, SubexpressionUpdater, Thresholder
from brian2.parsing.expressions import parse_expression_dimensions
from brian2.synapses.synapses import Synapses
from brian2.units.fundamentalunits import DIMENSIONLESS
from brian2.utils.stringtools import get_identifiers

FUNCTIONS = frozenset(
    """
    exp log log10 expm1 log1p exprel sqrt sin cos tan sinh cosh tanh arcsin arccos arctan
    abs sign floor ceil clip int timestep rand randn
    """.split()
)
"""Brian2's functions that can be exported."""

REFRACTORY = "_refractory"
"""Name of the refractory period, which Brian2 writes into its code as a number of seconds."""

SLOTS = {StateUpdater: "groups", Thresholder: "thresholds", Resetter: "resets"}


class ExportError(NotImplementedError):
    """The model has something that cannot be exported; the message names it and what to do instead."""


def check_known(argument: str, name: str, known: Iterable[str], what: str, advice: str = "check the name") -> None:
    """Refuse a name in an argument that is none of the known ones."""
    if name not in known:
        raise ValueError(f"{argument} has {name!r}, expected {what} among {', '.join(known) or 'none'}: {advice}.")


@dataclass(frozen=True)
class Assignment:
    """
    One assignment of Brian2 code.

    Parameters
    ----------
    name : str
        What is assigned to, a state variable or a temporary one.
    value : ast.expr
        The value, in Brian2's syntax, without sub-expressions.
    guard : str, optional
        A boolean variable: where it is false, the value stays (``unless refractory``).
    """

    name: str
    value: ast.expr
    guard: str | None = None


@dataclass(frozen=True)
class Program:
    """
    What a group does in a time step, by slot of Brian2's schedule.

    Parameters
    ----------
    name : str
        Name of the group.
    size : int
        Number of neurons.
    variables : dict of str to Variable or Function
        Every name in the assignments that is not a temporary one.
    state : tuple of str
        Variables that are assigned to, sorted.
    linked : dict of str to tuple of str
        Names of another group's variables: that group and its name for it.
    slots : dict of str to list of Assignment
        ``groups``, ``thresholds``, ``after_synapses`` and ``resets``.
    condition : ast.expr, optional
        Threshold.
    is_refractory : bool
        Whether a spike makes a neuron refractory.
    guards : dict of str to str
        For variables that only change where a boolean one is true (unless refractory), that one.
    """

    name: str
    size: int
    variables: dict
    state: tuple
    linked: dict = field(default_factory=dict)
    slots: dict = field(default_factory=dict)
    condition: ast.expr | None = None
    is_refractory: bool = False
    guards: dict = field(default_factory=dict)


def check_group(group: NeuronGroup) -> None:
    """
    Refuse what has no place in an exported time step.

    Parameters
    ----------
    group : NeuronGroup
        The group.

    Raises
    ------
    ExportError
        If it is no NeuronGroup, or has something that cannot be exported.
    """
    if not isinstance(get_device(), RuntimeDevice):
        raise ExportError(
            "the active device is standalone, which holds no values to export; expected the runtime device: call "
            "set_device('runtime') and build the group again."
        )
    if not isinstance(group, NeuronGroup) or isinstance(group, SpatialNeuron):
        raise ExportError(
            f"a {type(group).__name__} cannot be exported, expected a NeuronGroup: pass the whole group, and spike "
            "sources only as the source of synapses."
        )
    events = sorted(set(group.events) - {"spike"})
    if events:
        raise ExportError(
            f"{group.name} has the custom event {events[0]!r}, expected spikes only: express it as threshold and reset."
        )
    choice = group.state_updater.method_choice
    if isinstance(choice, str) and choice.startswith("gsl"):
        raise ExportError(
            f"{group.name} has the method {choice!r}, which is no Brian2 code; expected exact, euler, "
            "exponential_euler, heun, rk2 or rk4: choose one of them."
        )
    for item in group.contained_objects:
        if isinstance(item, SubexpressionUpdater):
            name = _target(item.abstract_code.splitlines()[0])
            raise ExportError(
                f"{name!r} of {group.name} is (constant over dt), expected a plain sub-expression: remove the flag."
            )
        slot = SLOTS.get(type(item), "after_synapses" if type(item) is CodeRunner else item.when)
        is_known = type(item) in SLOTS or type(item) is CodeRunner or isinstance(item, Synapses)
        if not is_known or item.when != slot or item.clock is not group.clock:
            raise ExportError(
                f"{group.name} holds {item.name!r} in the slot {item.when!r}, expected Brian2's default slots, one "
                "time step and no run_regularly but in after_synapses: write it into the equations or the reset."
            )


def read_group(
    group: NeuronGroup, namespace: Mapping, *, targets: Iterable[str] = (), owners: Iterable[NeuronGroup] = ()
) -> Program:
    """
    Return the program of a group.

    Parameters
    ----------
    group : NeuronGroup
        The group.
    namespace : dict
        Names that the group does not define, as in ``Network.run``.
    targets : iterable of str
        Variables that synapses add to.
    owners : iterable of NeuronGroup
        Groups of one neuron whose variables may be linked.

    Returns
    -------
    Program

    Raises
    ------
    ExportError
        If the group has something that cannot be exported.
    KeyError
        If a name is unknown.
    """
    group.state_updater.update_abstract_code(namespace)
    update, extra = group.state_updater.abstract_code, {}
    if isinstance(group._refractory, Quantity):
        literal = f"timestep({float(group._refractory)}, dt)"
        if literal not in update:
            raise ExportError(
                f"{group.name} has Brian2's legacy refractory timing, expected the default: "
                "set prefs.legacy.refractory_timing = False."
            )
        update = update.replace(literal, f"timestep({REFRACTORY}, dt)")
        extra[REFRACTORY] = Constant(REFRACTORY, value=float(group._refractory), dimensions=second.dim)
    condition = group.events.get("spike")
    regular = [item for item in group.contained_objects if type(item) is CodeRunner]
    code = {
        "groups": update,
        "thresholds": f"_condition = {condition}" if condition else "",
        "after_synapses": "\n".join(
            item.abstract_code for item in sorted(regular, key=lambda item: (item.order, item.name))
        ),
        "resets": group.event_codes.get("spike") or "",
    }
    variables = resolve(group, "\n".join(code.values()), namespace, extra)
    for name in targets:
        variables.setdefault(name, group.variables[name])
    guards = {
        name: variable.conditional_write.name
        for name, variable in variables.items()
        if getattr(variable, "conditional_write", None) is not None
    }
    slots = {
        # a reset sets its variables although the neuron has just become refractory
        slot: assignments(text, variables, {} if slot == "resets" else guards)
        for slot, text in code.items()
    }
    slots["groups"] = _without_guard(slots["groups"], variables)
    is_refractory = group._refractory is not False
    stored = {name for name, item in variables.items() if isinstance(item, ArrayVariable)}
    written = {item.name for items in slots.values() for item in items} & stored | set(targets)
    written |= {"not_refractory", "lastspike"} if is_refractory else set()
    for name in written - set(variables):
        variables[name] = group.variables[name]
    linked = _linked(group, variables, {owner.name: owner for owner in owners})
    for name in sorted(written):
        if variables[name].scalar:
            raise ExportError(
                f"{name!r} of {group.name} is a shared variable that changes during a run, expected one value a "
                "neuron: remove (shared)."
            )
    names = (group.name, len(group), variables, tuple(sorted(written)), linked)
    return Program(*names, slots, parse(condition) if condition else None, is_refractory, guards)


def resolve(group: Group, code: str, namespace: Mapping, extra: Mapping | None = None) -> dict:
    """
    Return the variables of every name in Brian2 code, those in sub-expressions included.

    Parameters
    ----------
    group : Group
        Whose code it is.
    code : str
        Code.
    namespace : dict
        Names that the group does not define.
    extra : dict, optional
        Further variables.

    Returns
    -------
    dict of str to Variable or Function

    Raises
    ------
    ExportError
        If a function cannot be exported or a name is one that generated code needs.
    KeyError
        If a name is unknown.
    """
    extra = extra or {}
    temporary = {_target(line) for line in code.splitlines() if line.strip()} - set(group.variables)
    used = [item.expr.identifiers for item in group.equations.values() if item.expr is not None]
    unknown = get_identifiers(code).union(*used) - temporary - set(extra)
    found = group.resolve_all(unknown | {"dt", "t"}, namespace, user_identifiers=set())
    for name, item in sorted(found.items()):
        if isinstance(item, Function) and not isinstance(item, TimedArray) and name not in FUNCTIONS:
            raise ExportError(
                f"the function {name!r} of {group.name} cannot be exported, expected a TimedArray or one of "
                f"{', '.join(sorted(FUNCTIONS))}: write its expression into the equations."
            )
    return found | extra


def assignments(code: str, variables: dict, guards: dict[str, str] | None = None) -> list[Assignment]:
    """
    Return Brian2 code as assignments, in the order in which Brian2 runs them.

    Parameters
    ----------
    code : str
        Abstract code.
    variables : dict of str to Variable or Function
        Every name in it that is not a temporary one.
    guards : dict of str to str, optional
        Boolean variable that guards the assignment to a variable.

    Returns
    -------
    list of Assignment
    """
    if not code.strip():
        return []
    found = []
    for statement in itertools.chain(*make_statements(code, variables, np.float64, optimise=False)):
        expression = statement.expr
        _refuse_rounding(expression, variables)
        if statement.op not in ("=", ":="):  # e.g. +=
            expression = f"{statement.var} {statement.op[:-1]} ({expression})"
        found.append(Assignment(statement.var, parse(expression), (guards or {}).get(statement.var)))
    return found


def _refuse_rounding(expression, variables):
    """Refuse to round a quantity, whose whole part depends on its unit."""
    for node in ast.walk(parse(expression)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("floor", "ceil"):
            argument = ast.unparse(node.args[0])
            known = {name: item for name, item in variables.items() if hasattr(item, "dim") or callable(item)}
            if get_identifiers(argument) <= set(known):
                dimension = parse_expression_dimensions(argument, known)
                if dimension is not DIMENSIONLESS:
                    raise ExportError(
                        f"{ast.unparse(node)!r} rounds a quantity in SI units, expected a number: divide by a unit."
                    )


def _without_guard(items, variables):
    """
    Return assignments with 1 in the place of int(guard) in values that are kept only where the guard is true.

    There it is 1, so that nothing changes but the gradient: a value that is thrown away may be 0/0 (exponential
    Euler divides by int(not_refractory)), and 0 times its derivative is not 0.
    """
    found = []
    needed: dict = {}  # for each temporary name the guards of all that depends on it, None for no guard
    for item in reversed(items):
        kept = {item.guard} if item.guard or item.name in variables else needed.get(item.name, {None})
        for name in names(item.value):
            needed[name] = needed.get(name, set()) | kept
        is_sure = len(kept) == 1 and None not in kept
        found.append(replace(item, value=_True(*kept).visit(item.value)) if is_sure else item)
    return found[::-1]


class _True(ast.NodeTransformer):
    """Put 1 in the place of int(guard)."""

    def __init__(self, guard):
        self.call = f"int({guard})"

    def visit_Call(self, node):
        return ast.Constant(1) if ast.unparse(node) == self.call else self.generic_visit(node)


def parse(expression: str) -> ast.expr:
    """Return an expression of Brian2 as the nodes of its syntax."""
    return ast.parse(expression.strip(), mode="eval").body


def names(node: ast.AST) -> set[str]:
    """Return the names in an expression, those of functions included."""
    return {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}


def _target(line):
    """Return the name that a line of code assigns to."""
    node = ast.parse(line.strip()).body[0]
    assert isinstance(node, (ast.Assign, ast.AugAssign))
    return ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)


def _linked(group, variables, owners):
    """Return the linked variables, checked: only of groups of one neuron that are exported too."""
    found = {}
    for name, variable in variables.items():
        if not isinstance(variable, (ArrayVariable, Subexpression)) or isinstance(variable, AuxiliaryVariable):
            continue
        owner = getattr(variable, "owner", None)
        if owner is None or owner.name in (group.name, group.clock.name):
            continue
        if owner.name not in owners:
            raise ExportError(
                f"{name!r} of {group.name} is linked to {owner.name}, expected a variable of its own or of an "
                f"AllToAll that is exported too: pass {owner.name} in synapses=, or copy the values into a parameter."
            )
        found[name] = (owner.name, variable.name)
    return found
