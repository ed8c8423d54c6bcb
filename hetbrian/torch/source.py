"""Statements and equations of Brian2 as Python source for torch."""

import ast
import copy
from collections.abc import Iterable
from dataclasses import dataclass, replace

from brian2.parsing.rendering import NodeRenderer

from hetbrian.torch.statements import FUNCTIONS, ExportError, names

HELPERS = {"abs": "absolute", "int": "integer"}
"""Names in `hetbrian.torch.functions` of Brian2 functions that Python has too."""


NEEDS_STATE = ("int", "rand", "randn")
"""Functions that take their dtype, and random numbers their shape, from the state."""


class TorchRenderer(NodeRenderer):
    """
    Render Brian2 expressions for torch.

    Parameters
    ----------
    tables : dict of str to tuple
        Step and subdivision of each TimedArray, for ``lookup``.
    """

    expression_ops = NodeRenderer.expression_ops | {"And": "&", "Or": "|"}

    def __init__(self, tables=()):
        super().__init__()
        self.tables = dict(tables)

    def render_UnaryOp(self, node):
        """Return a sign or a negation."""
        if isinstance(node.op, ast.Not):
            return f"ops.negate({self.render_node(node.operand)})"
        return super().render_UnaryOp(node)

    def render_Call(self, node):
        """Return a call of `hetbrian.torch.functions`."""
        name, arguments = node.func.id, [self.render_node(argument) for argument in node.args]
        if name in self.tables:
            step, subdivision = self.tables[name]
            return f"ops.lookup({', '.join([name, repr(step), repr(subdivision), *arguments])})"
        if name in NEEDS_STATE:
            arguments.append("like_")
        return f"ops.{HELPERS.get(name, name)}({', '.join(arguments)})"


class Hoister(ast.NodeTransformer):
    """
    Replace what never changes during a run by names, so that it is computed once.

    Maximal sub-expressions of ``static`` names go to ``prelude``, e.g. ``exp(-dt/tau)``; gradients still flow
    through them.

    Parameters
    ----------
    static : iterable of str
        Parameters and constants.
    renderer : TorchRenderer
        Of the prelude.
    """

    def __init__(self, static: Iterable[str], renderer: TorchRenderer):
        self.static, self.renderer = frozenset(static), renderer
        self.prelude: dict[str, str] = {}

    def is_static(self, node: ast.AST) -> bool:
        """Return whether an expression has the same value at every step."""
        calls = {ast.unparse(item.func) for item in ast.walk(node) if isinstance(item, ast.Call)}
        fixed = self.static | {*self.prelude.values()}
        return names(node) - calls <= fixed and calls <= FUNCTIONS - set(NEEDS_STATE)

    def visit(self, node: ast.AST) -> ast.AST:
        """Return an expression with names of the prelude in it."""
        is_compound = isinstance(node, (ast.BinOp, ast.UnaryOp, ast.Call, ast.Compare, ast.BoolOp))
        if is_compound and names(node) and self.is_static(node):
            text = self.renderer.render_node(node)
            return ast.Name(self.prelude.setdefault(text, f"fixed_{len(self.prelude)}"))
        return self.generic_visit(node)


class _Renamed(ast.NodeTransformer):
    """Put expressions in the place of temporary names."""

    def __init__(self, aliases):
        self.aliases = aliases

    def visit_Name(self, node):
        return copy.deepcopy(self.aliases.get(node.id, node))


def threshold_margin(node: ast.expr) -> tuple[ast.expr, bool]:
    """
    Return what a comparison compares with 0, and whether equality is no spike.

    Parameters
    ----------
    node : ast.AST
        A comparison.

    Returns
    -------
    margin : ast.AST
        Larger minus smaller side: at least 0 where the comparison holds.
    strict : bool

    Raises
    ------
    ExportError
        If it is no comparison by >, >=, < or <=.
    """
    if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], (ast.Gt, ast.GtE, ast.Lt, ast.LtE)):
        raise ExportError(
            f"the threshold has {ast.unparse(node)!r}, which has no distance to differentiate; expected comparisons by "
            ">, >=, < or <=: write it as one."
        )
    sides = [node.left, node.comparators[0]]
    if isinstance(node.ops[0], (ast.Lt, ast.LtE)):
        sides.reverse()
    return ast.BinOp(sides[0], ast.Sub(), sides[1]), isinstance(node.ops[0], (ast.Gt, ast.Lt))


RESERVED = frozenset("ops spike reset surrogate values_ state_ linked_ prepared_ step_ spikes_ fired_ like_".split())
"""Names of the generated code, which no variable may have."""


NOT_FLOAT = ("lastspike", "not_refractory")


@dataclass(frozen=True)
class Source:
    """
    The code of one group, as text for torch and as assignments for other translations.

    Parameters
    ----------
    text : str
        Python source with functions ``prepare``, ``update``, ``threshold``, ``bound`` and ``reset_state``:
        ``prepare`` computes once per sequence what never changes, the others are one slot of the schedule each.
        They need ``ops`` (`hetbrian.torch.functions`), ``spike``, ``reset`` and ``surrogate``
        (`hetbrian.torch.surrogate`).
    prepared : tuple of str
        Names of what ``prepare`` returns.
    constants : dict of str to number
        Constants.
    slots : dict of str to list of Assignment
        The assignments that use these names; ``thresholds`` without the condition.
    condition : ast.expr, optional
        The threshold.
    tables : dict of str to tuple
        Step and subdivision of each TimedArray.
    """

    text: str
    prepared: tuple
    constants: dict
    slots: dict
    condition: ast.expr | None
    tables: dict


def module_source(program, constants, parameters, tables, integers=(), width=1.0, detach=False):
    """
    Return the code of a group.

    Parameters
    ----------
    program : Program
        The assignments.
    constants : dict of str to tuple
        Number and unit of each constant.
    parameters : sequence of str
        Names that ``prepare`` reads from the module, TimedArrays included.
    tables : dict of str to tuple
        Step and subdivision of each TimedArray.
    integers : sequence of str
        State variables that are whole numbers or truth values.
    width : float
        Distance from the threshold that counts as 1.
    detach : bool
        Whether gradients do not flow to the spikes through the reset.

    Returns
    -------
    Source

    Raises
    ------
    ExportError
        If a variable has a name that the generated code needs, or the group has no state.
    """
    for name in sorted({*program.variables} & RESERVED):
        raise ExportError(
            f"{program.name} has a variable {name!r}, a name of the generated code; expected another: rename it."
        )
    floats = [name for name in program.state if name not in (*NOT_FLOAT, *integers)]
    if not floats:
        raise ExportError(
            f"{program.name} has no variable that changes in time, expected a differential equation: add one."
        )
    renderer = TorchRenderer(tables)
    writer = _Writer(program, Hoister({*constants, *parameters} - {*tables}, renderer), renderer)
    bodies = {
        "update": writer.assign("groups"),
        "threshold": writer.threshold(width),
        "bound": writer.assign("after_synapses"),
        "reset_state": writer.reset(detach),
    }
    prelude = writer.hoister.prelude
    prepared = [*parameters, *prelude.values()]
    lines = [f'"""The time step of {program.name}."""', ""]
    lines += [f"{name} = {value!r}  # {unit}" for name, (value, unit) in sorted(constants.items())]
    lines += ["", "", "def prepare(values_):"]
    lines += [f"    {name} = values_.{name}" for name in parameters]
    lines += [f"    {name} = {text}" for text, name in prelude.items()]
    lines += [f"    return {_tuple(prepared)}"]
    groups = [("state_", program.state), ("linked_", sorted(program.linked)), ("prepared_", prepared)]
    for name, body in bodies.items():
        head = [f"{_tuple(items)} = {argument}" for argument, items in groups if items]
        head += ["t, t_in_timesteps = step_ * dt, step_", f"like_ = {floats[0]}"]
        spikes = ", spikes_" if name == "reset_state" else ""
        result = _tuple(program.state)
        lines += ["", "", f"def {name}(step_, state_, linked_, prepared_{spikes}):"]
        lines += [f"    {line}" for line in head + body]
        lines += [f"    return spikes_, {result}" if name == "threshold" else f"    return {result}"]
    values = {name: value for name, (value, _) in constants.items()}
    return Source("\n".join(lines) + "\n", tuple(prepared), values, writer.slots, writer.condition, tables)


class _Writer:
    """Write the body of each function of a program."""

    def __init__(self, program, hoister, renderer):
        self.program, self.hoister, self.renderer = program, hoister, renderer
        self.slots, self.condition = {}, None

    def assign(self, slot):
        """Return the assignments of a slot; temporary names for what is fixed move to the prelude."""
        lines: list[str] = []
        aliases: dict[str, ast.expr] = {}
        shaped = {*self.program.state}  # what has one value a neuron
        self.slots[slot] = []
        for item in self.program.slots.get(slot, []):
            is_state = item.name in self.program.state
            node = _Renamed(aliases).visit(copy.deepcopy(item.value))
            is_fixed = not is_state and self.hoister.is_static(node)
            node = self.hoister.visit(node)
            aliases.pop(item.name, None)
            if is_fixed:
                aliases[item.name] = node
                continue
            self.slots[slot].append(replace(item, value=node))
            text = self.renderer.render_node(node)
            if names(node) & shaped:
                shaped.add(item.name)
            elif is_state:
                text = f"ops.fill({text}, {item.name})"
            if item.guard:
                text = f"ops.where({item.guard}, {text}, {item.name})"
            lines.append(f"{item.name} = {text}")
        return lines

    def threshold(self, width):
        """Return the spikes, and the refractoriness that they begin."""
        if self.program.condition is None:
            self.slots["thresholds"] = []
            return ["spikes_ = ops.hard(False, like_)"]
        for node in ast.walk(self.program.condition):
            if isinstance(node, ast.Compare) and names(node) & {*self.program.state}:
                threshold_margin(node)  # refuses == in the user's own words
        lines = self.assign("thresholds")[:-1]  # without the condition itself, which has no surrogate
        self.condition = self.slots["thresholds"].pop().value
        changing = {*self.program.state, *self.program.linked} | {item.name for item in self.slots["thresholds"]}
        lines.append(f"spikes_ = {self._spikes(self.condition, changing, width)}")
        if self.program.is_refractory:
            lines += [
                "spikes_ = spikes_ * ops.hard(not_refractory, like_)",
                "fired_ = spikes_ > 0.5",
                "not_refractory = not_refractory & ops.negate(fired_)",
                "lastspike = ops.where(fired_, ops.fill(t, lastspike), lastspike)",
            ]
        return lines

    def _spikes(self, node, changing, width):
        """
        Return a threshold as spikes with a surrogate derivative.

        ``a and b`` is a product, ``a or b`` is a + b - a b and ``not a`` is 1 - a, which are exact for 0 and 1. What
        does not depend on the state has no surrogate.
        """
        if isinstance(node, ast.BoolOp):
            first, *others = [self._spikes(value, changing, width) for value in node.values]
            for other in others:
                first = f"{first} * {other}" if isinstance(node.op, ast.And) else f"ops.either({first}, {other})"
            return f"({first})"
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return f"(1 - {self._spikes(node.operand, changing, width)})"
        if not names(node) & changing or isinstance(node, ast.Name):
            return f"ops.hard({self.renderer.render_node(node)}, like_)"
        margin, strict = threshold_margin(node)
        return f"spike({self.renderer.render_node(margin)}, surrogate, strict={strict}, width={width!r})"

    def reset(self, detach):
        """Return the reset, computed for all neurons and kept for those that spiked."""
        lines = self.assign("resets")
        changed = sorted({item.name for item in self.slots["resets"]} & {*self.program.state})
        before = [f"{name}_before = {name}" for name in changed]
        after = [f"{name} = reset(spikes_, {name}, {name}_before, detach={detach})" for name in changed]
        return before + lines + after


def _tuple(items):
    """Return names as a tuple of Python."""
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
