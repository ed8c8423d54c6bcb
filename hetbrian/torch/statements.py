"""What one time step of a group does: ordered assignments, from Brian2's own machinery."""

import ast
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from brian2 import Clock, NeuronGroup, SpatialNeuron, TimedArray, prefs
from brian2.codegen.translation import analyse_identifiers, make_statements
from brian2.core.functions import Function
from brian2.core.variables import ArrayVariable, AuxiliaryVariable, Subexpression
from brian2.devices.device import RuntimeDevice, get_device
from brian2.groups.group import CodeRunner, Group
from brian2.groups.neurongroup import Resetter, StateUpdater, SubexpressionUpdater, Thresholder
from brian2.parsing.expressions import parse_expression_dimensions
from brian2.synapses.synapses import Synapses
from brian2.units.fundamentalunits import DIMENSIONLESS, DimensionMismatchError
from brian2.utils.stringtools import deindent, get_identifiers

from hetbrian.torch.checks import check_code, said
from hetbrian.torch.integration import Hidden, hidden_parts, update_code
from hetbrian.torch.limits import refused
from hetbrian.torch.names import Names

FUNCTIONS = frozenset(
    """
    exp log log10 expm1 log1p exprel sqrt sin cos tan sinh cosh tanh arcsin arccos arctan
    abs sign floor ceil clip int timestep rand randn
    """.split()
)
"""Brian2's functions that can be exported."""

SCHEDULE = ["start", "groups", "thresholds", "synapses", "resets", "end"]
"""Brian2's order of slots within a step, that of the exported step too."""

SLOTS = {StateUpdater: "groups", Thresholder: "thresholds", Resetter: "resets"}


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
        raise refused(
            "device", "the active device is standalone, which holds no values to export", "the runtime device"
        )
    if not isinstance(group, NeuronGroup) or isinstance(group, SpatialNeuron):
        raise refused("group", f"a {type(group).__name__} cannot be exported", "a NeuronGroup")
    events = sorted(set(group.events) - {"spike"})
    if events:
        raise refused("event", f"{group.name} has the custom event {events[0]!r}", "spikes only")
    choice = group.state_updater.method_choice
    if isinstance(choice, str) and choice.startswith("gsl"):
        known = "exact, euler, exponential_euler, heun, rk2 or rk4"
        raise refused("method", f"{group.name} has the method {choice!r}, which is no Brian2 code", known)
    if not isinstance(group.clock, Clock):
        raise refused("time", f"{group.name} has a {type(group.clock).__name__}", "a Clock with one dt")
    if group._refractory is not False and prefs.legacy.refractory_timing:
        raise refused("legacy", f"{group.name} has Brian2's legacy refractory timing", "the default")
    for item in group.contained_objects:
        if isinstance(item, SubexpressionUpdater):
            name = ast.unparse(lines(item.abstract_code)[0].targets[0])
            raise refused("over dt", f"{name!r} of {group.name} is (constant over dt)", "a plain sub-expression")
        slot = SLOTS.get(type(item), "after_synapses" if type(item) is CodeRunner else item.when)
        is_known = type(item) in SLOTS or type(item) is CodeRunner or isinstance(item, Synapses)
        if item.active and (not is_known or item.when != slot or item.clock is not group.clock):
            raise refused(
                "slot",
                f"{group.name} holds {item.name!r} in the slot {item.when!r}",
                "Brian2's default slots, one time step and no run_regularly but in after_synapses",
            )
    schedule = prefs.core.network.default_schedule
    if list(schedule) != SCHEDULE:
        raise refused("slot", f"prefs.core.network.default_schedule is {schedule}", f"Brian2's own {SCHEDULE}")


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
    hidden = hidden_parts(group, namespace)
    code = group_code(group, namespace, hidden)
    condition = code.pop("condition")
    variables = resolve(group, code, namespace, hidden)
    for slot in ("thresholds", "after_synapses", "resets"):
        check_code(group, code[slot], variables, namespace)
    for name in targets:
        variables.setdefault(name, group.variables[name])
    guards = {
        name: variable.conditional_write.name
        for name, variable in variables.items()
        if getattr(variable, "conditional_write", None) is not None
    }
    slots = {
        # a reset sets its variables although the neuron has just become refractory
        slot: assignments(text, variables, {} if slot == "resets" else guards, hidden)
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
            found = f"{name!r} of {group.name} is a shared variable that changes during a run"
            raise refused("shared", found, "one value a neuron")
    names = (group.name, len(group), variables, tuple(sorted(written)), linked)
    return Program(*names, slots, parse(condition) if condition else None, is_refractory, guards)


def group_code(group: NeuronGroup, namespace: Mapping, hidden: Hidden) -> dict[str, str]:
    """
    Return Brian2's code of a group by slot, and its threshold as ``condition``; what is not active has none.

    Parameters
    ----------
    group : NeuronGroup
        The group.
    namespace : dict
        Names that the group does not define.
    hidden : Hidden
        Takes what sympy shall not see of the update.

    Returns
    -------
    dict of str to str
    """
    thresholder, resetter = (items.get("spike") for items in (group.thresholder, group.resetter))
    try:
        update = update_code(group, namespace, hidden) if group.state_updater.active else ""
        analyse_identifiers(group.state_updater.abstract_code, group.variables, recursive=True)
        if thresholder is not None:
            thresholder.update_abstract_code(namespace)
    except (DimensionMismatchError, TypeError) as error:
        raise refused("units", f"Brian2 refuses {group.name} ({said(error)})", "units and types that fit") from error
    condition = group.events["spike"] if thresholder is not None and thresholder.active else None
    regular = [item for item in group.contained_objects if type(item) is CodeRunner and item.active]
    regular.sort(key=lambda item: (item.order, item.name))
    return {
        "groups": update,
        "thresholds": f"_condition = {condition}" if condition else "",
        "after_synapses": "\n".join(deindent(item.abstract_code) for item in regular),
        "resets": group.event_codes.get("spike") or "" if resetter is not None and resetter.active else "",
        "condition": condition or "",
    }


def resolve(group: Group, code: Mapping[str, str], namespace: Mapping, hidden: Hidden) -> dict:
    """
    Return the variables of every name in Brian2 code, those in sub-expressions included.

    Parameters
    ----------
    group : Group
        Whose code it is.
    code : dict of str to str
        Code by slot.
    namespace : dict
        Names that the group does not define.
    hidden : Hidden
        What stands for parts of the code.

    Returns
    -------
    dict of str to Variable or Function

    Raises
    ------
    ExportError
        If a function cannot be exported.
    KeyError
        If a name is unknown.
    """
    found_names = [item.expr.identifiers for item in group.equations.values() if item.expr is not None]
    temporary = set()
    for text in code.values():
        for line in lines(text):
            target = _target(line)
            temporary |= {target} - set(group.variables)
            found_names.append(names(hidden.restored(line)))
    found = group.resolve_all(set().union(*found_names) - temporary | {"dt", "t"}, namespace, user_identifiers=set())
    for name, item in sorted(found.items()):
        if isinstance(item, Function) and not isinstance(item, TimedArray) and name not in FUNCTIONS:
            known = f"a TimedArray or one of {', '.join(sorted(FUNCTIONS))}"
            raise refused("function", f"the function {name!r} of {group.name} cannot be exported", known)
    return found


def assignments(
    code: str, variables: dict, guards: dict[str, str] | None = None, hidden: Hidden | None = None
) -> list[Assignment]:
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
    hidden : Hidden, optional
        What stands for parts of the code.

    Returns
    -------
    list of Assignment
    """
    hidden = hidden or Hidden(Names({*variables, *get_identifiers(code)}))
    texts = []
    for line in lines(code):
        line.value = parse(hidden.numbers(ast.unparse(line.value)))
        texts.append(ast.unparse(line))
    if not texts:
        return []
    found = []
    known = variables | hidden.variables
    text = "\n".join(texts)
    try:
        make_statements(text, known, np.float64, optimise=True)  # as Brian2 does, for its last checks of types
        statements = itertools.chain(*make_statements(text, known, np.float64, optimise=False))
    except TypeError as error:
        told = "; ".join(ast.unparse(hidden.restored(line)) for line in lines(text))
        raise refused("units", f"Brian2 refuses {told!r} ({said(error)})", "units and types that fit") from error
    for statement in statements:
        value = hidden.restored(parse(statement.expr))
        _refuse_rounding(value, variables)
        if statement.op not in ("=", ":="):  # e.g. +=
            value = parse(f"{statement.var} {statement.op[:-1]} ({ast.unparse(value)})")
        found.append(Assignment(statement.var, value, (guards or {}).get(statement.var)))
    return found


def _refuse_rounding(expression, variables):
    """Refuse to round a quantity, whose whole part depends on its unit."""
    for node in ast.walk(expression):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("floor", "ceil"):
            argument = ast.unparse(node.args[0])
            known = {name: item for name, item in variables.items() if hasattr(item, "dim") or callable(item)}
            if get_identifiers(argument) <= set(known):
                dimension = parse_expression_dimensions(argument, known)
                if dimension is not DIMENSIONLESS:
                    raise refused("rounding", f"{ast.unparse(node)!r} rounds a quantity in SI units", "a number")


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


def lines(code: str) -> list:
    """Return the assignments of Brian2 code, without comments, as nodes of its syntax."""
    return ast.parse(deindent(code).strip()).body


def _target(line):
    """Return the name to which a line of code assigns."""
    return ast.unparse(line.targets[0] if isinstance(line, ast.Assign) else line.target)


def _linked(group, variables, owners):
    """Return the linked variables, checked: only of groups of one neuron that are exported too."""
    found = {}
    for name, variable in variables.items():
        if not isinstance(variable, (ArrayVariable, Subexpression)) or isinstance(variable, AuxiliaryVariable):
            continue
        owner = owner_name(variable)
        is_own = owner in (None, group.name, group.clock.name)
        if is_own and (name == variable.name or name not in group._linked_variables):
            continue
        if owner not in owners:
            found_ = f"{name!r} of {group.name} is linked to {owner or 'a group that is gone'}"
            raise refused("linked", found_, "a variable of its own or of an AllToAll that is exported too")
        found[name] = (owner, variable.name)
    return found


def owner_name(variable) -> str | None:
    """Return the name of the group that has a variable, None if it has no owner; of one that is gone, empty text."""
    try:
        return getattr(getattr(variable, "owner", None), "name", None)
    except ReferenceError:
        return ""
