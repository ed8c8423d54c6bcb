"""Statements and equations of Brian2 as Python source for torch."""

import ast
import copy
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

from brian2 import second
from brian2.parsing.expressions import parse_expression_dimensions

from hetbrian.torch.limits import refused
from hetbrian.torch.names import Names
from hetbrian.torch.rendering import Hoister, Renamed, TorchRenderer, jumps, literal, off_grid
from hetbrian.torch.statements import names

TIME = frozenset(["t", "t_in_timesteps", "lastspike"])
"""What Brian2 counts in seconds."""

DIMENSIONS_OF_TIME = second.dim


def comparison(node: ast.expr) -> tuple[ast.expr, ast.expr, bool]:
    """
    Return the sides of a threshold, and whether equality is no spike.

    Parameters
    ----------
    node : ast.AST
        A comparison.

    Returns
    -------
    larger, smaller : ast.AST
        The larger side is above the smaller one where the comparison holds.
    strict : bool

    Raises
    ------
    ExportError
        If it is no comparison by >, >=, < or <=.
    """
    if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], (ast.Gt, ast.GtE, ast.Lt, ast.LtE)):
        found = f"the threshold has {ast.unparse(node)!r}, which has no distance to differentiate"
        raise refused("comparison", found, "comparisons by >, >=, < or <=")
    sides = [node.left, node.comparators[0]]
    if isinstance(node.ops[0], (ast.Lt, ast.LtE)):
        sides.reverse()
    return sides[0], sides[1], isinstance(node.ops[0], (ast.Gt, ast.Lt))


NOT_FLOAT = ("lastspike", "not_refractory")

CONDITION = "_condition"
"""What the threshold is assigned to, last in its slot."""


@dataclass(frozen=True)
class Moment:
    """
    An expression of time, which Brian2 counts in seconds: comparisons on the grid hang on its rounding.

    Parameters
    ----------
    node : ast.expr
        The expression, whose numbers are in SI.
    scale : float or None
        Unit of its value in SI divided by that of the module; None for truth values.
    """

    node: ast.expr
    scale: float | None


@dataclass(frozen=True)
class Source:
    """
    The code of one group, as text for torch and as assignments for other translations.

    Parameters
    ----------
    text : str
        Python source with functions ``prepare``, ``clock``, ``update``, ``threshold``, ``bound`` and ``reset_state``:
        ``prepare`` computes once per sequence what never changes, ``clock`` once per step what hangs on time alone, the
        others are one slot of the schedule each. They need ``ops`` (`hetbrian.torch.functions`), ``spike``, ``reset``
        and ``surrogate`` (`hetbrian.torch.surrogate`).
    functions : dict of str to str
        Their names in the text, which meet none of the user's.
    prepared : tuple of str
        Names of what ``prepare`` returns.
    constants : dict of str to number
        Constants.
    slots : dict of str to list of Assignment
        The assignments that use these names; ``thresholds`` without the condition.
    condition : ast.expr, optional
        The threshold.
    clock : dict of str to Moment
        What ``clock`` returns, by name.
    ages : dict of str to Moment
        What hangs on the last spike too, by name.
    si : dict of str to float
        Constants in SI.
    floats : tuple of str
        State variables that are real numbers.
    tables : tuple of str
        TimedArrays.
    """

    text: str
    functions: dict
    prepared: tuple
    constants: dict
    slots: dict
    condition: ast.expr | None
    clock: dict
    ages: dict
    si: dict
    floats: tuple
    tables: tuple


@dataclass
class Values:
    """
    The values of a group by name, for `module_source`.

    Parameters
    ----------
    constants : dict of str to tuple
        Number in the module's units and in SI, and unit, of each constant.
    parameters : sequence of str
        Names of parameters, TimedArrays included.
    tables : dict of str to tuple
        Step in seconds and subdivision of each TimedArray.
    scale : callable
        Gives the unit of a dimension in SI divided by that of the module.
    integers, booleans : set of str
        Names of whole numbers and of truth values, of the state too.
    """

    constants: dict
    parameters: list
    tables: dict
    scale: Any
    integers: set = field(default_factory=set)
    booleans: set = field(default_factory=set)


def module_source(program, values, width=1.0, detach=False):
    """
    Return the code of a group.

    Parameters
    ----------
    program : Program
        The assignments.
    values : Values
        What it is given.
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
        If the group has no state.
    """
    floats = [name for name in program.state if name not in (*NOT_FLOAT, *values.integers, *values.booleans)]
    if not floats:
        raise refused("static", f"{program.name} has no variable that changes in time", "a differential equation")
    writer = _Writer(program, values)
    own = writer.own
    bodies = {
        "update": writer.assign("groups"),
        "threshold": writer.threshold(width),
        "bound": writer.assign("after_synapses"),
        "reset_state": writer.reset(detach),
    }
    fixed, clock = (dict(item.found.values()) for item in (writer.fixed, writer.clock))
    prepared = [*values.parameters, *fixed, own.timing]
    lines = [f'"""The time step of {program.name}."""', ""]
    lines += [f"{getattr(own, name)} = {name}" for name in HELPERS_OF_CODE if getattr(own, name) != name]
    lines += [
        f"{name} = {literal(value, own.ops)}  # {unit}" for name, (value, _, unit) in sorted(values.constants.items())
    ]
    lines += [
        "",
        "",
        f"def {own.prepare}({own.values}):",
        f"    {own.like} = {own.values}.value('_initial_{floats[0]}')",
    ]
    lines += [f"    {name} = {own.values}.value({name!r})" for name in values.parameters]
    for name, node in fixed.items():
        lines.append(f"    {name} = {own.ops}.settle({writer.prelude.render_node(node)}, {own.like})")
    timed = writer.timed()
    exact = [
        f"{own.values}.exact({name!r})"
        if name in values.parameters
        else f"{own.ops}.exact({literal(values.constants[name][1], own.ops)})"
        for name in timed
    ]
    lines += [f"    {own.timing} = {_tuple(exact)}", f"    return {_tuple(prepared)}"]
    lines += ["", "", f"def {own.clock}({own.step}, {own.timing}, {own.like}):"]
    lines += writer.moments(clock, timed)
    for slot, hoister in writer.ages.items():
        if hoister.found:
            lines += ["", "", f"def {own.ages}_{slot}({own.step}, {own.timing}, {own.like}, lastspike):"]
            lines += writer.moments(dict(hoister.found.values()), timed)
    groups = [
        (own.state, program.state),
        (own.linked, sorted(program.linked)),
        (own.prepared, prepared),
        (own.moments, [*clock]),
    ]
    for name, body in bodies.items():
        slot, spikes = SLOT_OF[name], f", {own.spikes}" if name == "reset_state" else ""
        head = [f"{_tuple(items)} = {argument}" for argument, items in groups if items]
        head += [f"{own.like} = {floats[0]}"]
        if writer.ages[slot].found:
            call = f"{own.ages}_{slot}({own.step}, {own.timing}, {own.like}, lastspike)"
            head.append(f"{_tuple([age for age, _ in writer.ages[slot].found.values()])} = {call}")
        arguments = ", ".join([own.step, own.state, own.linked, own.prepared, own.moments])
        result = _tuple(program.state)
        lines += ["", "", f"def {getattr(own, name)}({arguments}{spikes}):"]
        lines += [f"    {line}" for line in head + body]
        lines += [f"    return {own.spikes}, {result}" if name == "threshold" else f"    return {result}"]
    ages = {name: writer.moment(node) for items in writer.ages.values() for name, node in items.found.values()}
    return Source(
        text="\n".join(lines) + "\n",
        functions={name: getattr(own, name) for name in ("prepare", "clock", *bodies)},
        prepared=tuple(prepared),
        constants={name: value for name, (value, *_) in values.constants.items()},
        slots=writer.slots,
        condition=writer.condition,
        clock={name: writer.moment(node) for name, node in clock.items()},
        ages=ages,
        si={name: number for name, (_, number, _) in values.constants.items()},
        floats=tuple(floats),
        tables=tuple(values.tables),
    )


HELPERS_OF_CODE = ("ops", "spike", "reset", "surrogate")
"""What generated code is given."""

SLOT_OF = {"update": "groups", "threshold": "thresholds", "bound": "after_synapses", "reset_state": "resets"}
"""Brian2's slot of each function."""


class _Writer:
    """Write the body of each function of a program."""

    def __init__(self, program, values):
        self.program, self.values = program, values
        temporary = {item.name for items in program.slots.values() for item in items}
        self.names = Names({*program.variables, *temporary})
        words = "values state linked prepared moments step spikes fired like timing ages prepare clock"
        self.own = SimpleNamespace(
            **{word: self.names.new(word) for word in (*HELPERS_OF_CODE, *words.split(), *SLOT_OF)}
        )
        static = {*values.constants, *values.parameters} - {*values.tables}
        self.fixed = Hoister(static, self._named("fixed"))
        timed = static | TIME | {"dt"}
        self.clock = Hoister(timed - {"lastspike"}, self._named("moment"), TIME | {*values.tables}, values.tables)
        self.ages = {
            slot: Hoister(timed, self._named("age"), ["lastspike"], values.tables) for slot in SLOT_OF.values()
        }
        ops, like, booleans = self.own.ops, self.own.like, set(values.booleans)
        second = values.scale(DIMENSIONS_OF_TIME)
        tables = {name: (*table, 1 / second) for name, table in values.tables.items()}
        exact = {name: (*table, 1) for name, table in values.tables.items()}
        self.renderer = TorchRenderer(
            tables, ops=ops, like=like, wrapped=values.integers, booleans=booleans, fixed=static
        )
        self.prelude = TorchRenderer(ops=ops, wrapped=static, booleans=booleans, fixed=static)
        self.si = TorchRenderer(exact, ops=ops, booleans=booleans, fixed=static)
        self.slots, self.condition = {}, None

    def _named(self, base):
        """Return what gives a name to an expression that is computed elsewhere."""

        def new(node):
            name = self.names.new(base)
            if self.si.is_boolean(node):
                for renderer in (self.renderer, self.prelude, self.si):
                    renderer.booleans.add(name)
            elif base == "fixed":
                self.renderer.fixed.add(name)
            return name

        return new

    def moment(self, node):
        """Return an expression of time with the unit of its value."""
        if self.si.is_boolean(node):
            return Moment(node, None)
        dimension = parse_expression_dimensions(ast.unparse(node), self.program.variables)
        return Moment(node, self.values.scale(dimension))

    def timed(self):
        """Return the names of what moments need in SI."""
        nodes = [node for item in (self.clock, *self.ages.values()) for _, node in item.found.values()]
        used = set().union({"dt"}, *map(names, nodes))
        return sorted(used & {*self.values.constants, *self.values.parameters})

    def moments(self, items, timed):
        """Return the body of a function that computes moments."""
        own = self.own
        lines = [f"{_tuple(timed)} = {own.timing}"] if items else []
        used = set().union(*map(names, items.values()))
        lines += [f"t_in_timesteps = {own.ops}.exact({own.step})"] if "t_in_timesteps" in used else []
        lines += [f"t = {own.ops}.exact({own.step}) * dt"] if "t" in used else []
        for name, node in items.items():
            scale = self.moment(node).scale
            factor = "" if scale in (None, 1) else f", {scale!r}"
            lines.append(f"{name} = {own.ops}.settle({self.si.render_node(node)}, {own.like}{factor})")
        return [f"    {line}" for line in (*lines, f"return {_tuple([*items])}")]

    def assign(self, slot):
        """Return the assignments of a slot; temporary names for what is computed elsewhere are left out."""
        own, lines = self.own, []
        aliases: dict[str, ast.expr] = {}
        shaped = {*self.program.state}  # what has one value a neuron, in the dtype of the state
        wide: set[str] = set()  # what may have another dtype
        self.slots[slot] = []
        hoisters = (self.ages[slot], self.clock, self.fixed)
        for item in self.program.slots.get(slot, []):
            is_state = item.name in self.program.state
            node = Renamed(aliases).visit(copy.deepcopy(item.value))
            aliases.pop(item.name, None)
            self._check_stages(node)
            if not is_state and item.name != CONDITION and any(hoister.fits(node) for hoister in hoisters):
                aliases[item.name] = node
                continue
            for hoister in hoisters:
                node = hoister.visit(node)
            self.slots[slot].append(replace(item, value=node))
            text = self.renderer.render_node(node)
            is_plain = self.renderer.is_real(node) and bool(names(node) & shaped) and not names(node) & wide
            if is_state:
                is_real = item.name not in (*NOT_FLOAT, *self.values.integers, *self.values.booleans)
                text = text if is_plain and is_real else f"{own.ops}.keep({text}, {item.name})"
            elif is_plain:
                shaped.add(item.name)
            elif self.renderer.is_boolean(node):
                self.renderer.booleans.add(item.name)
            else:
                wide.add(item.name)
            if item.guard:
                text = f"{own.ops}.where({item.guard}, {text}, {item.name})"
            lines.append(f"{item.name} = {text}")
        return lines

    def _check_stages(self, node):
        """Refuse a sum of t, part of dt and a neuron's time where one digit more decides: Brian2 adds in its order."""
        for part in jumps(node):
            used = off_grid(part)
            if {"t", "dt"} <= used and used & {*self.program.state, *self.values.parameters}:
                found = f"{ast.unparse(part)!r} compares times within a step"
                raise refused("stage", found, "those at its begin, since Brian2 adds them in an order of its own")

    def threshold(self, width):
        """Return the spikes, and the refractoriness that they begin."""
        own = self.own
        if self.program.condition is None:
            self.slots["thresholds"] = []
            return [f"{own.spikes} = {own.ops}.hard(False, {own.like})"]
        for node in ast.walk(self.program.condition):
            if isinstance(node, ast.Compare) and names(node) & {*self.program.state} - {"lastspike"}:
                comparison(node)  # refuses == in the user's own words
        lines = self.assign("thresholds")[:-1]  # without the condition itself, which has no surrogate
        self.condition = self.slots["thresholds"].pop().value
        changing = {*self.program.state, *self.program.linked} | {item.name for item in self.slots["thresholds"]}
        lines.append(f"{own.spikes} = {self._spikes(self.condition, changing, width)}")
        if self.program.is_refractory:
            seconds = f"{own.ops}.exact({self.values.constants['dt'][1]!r})"
            lines += [
                f"{own.spikes} = {own.spikes} * {own.ops}.hard(not_refractory, {own.like})",
                f"{own.fired} = {own.spikes} > 0.5",
                f"not_refractory = {own.ops}.both(not_refractory, {own.ops}.negate({own.fired}))",
                f"lastspike = {own.ops}.where({own.fired}, {own.ops}.exact({own.step}) * {seconds}, lastspike)",
            ]
        return lines

    def _spikes(self, node, changing, width):
        """
        Return a threshold as spikes with a surrogate derivative.

        ``a and b`` is a product, ``a or b`` is a + b - a b and ``not a`` is 1 - a, which are exact for 0 and 1. What
        does not depend on the state has no surrogate.
        """
        own = self.own
        if isinstance(node, ast.BoolOp):
            first, *others = [self._spikes(value, changing, width) for value in node.values]
            for other in others:
                first = f"{first} * {other}" if isinstance(node.op, ast.And) else f"{own.ops}.either({first}, {other})"
            return f"({first})"
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return f"(1 - {self._spikes(node.operand, changing, width)})"
        if not names(node) & changing or isinstance(node, ast.Name):
            return f"{own.ops}.hard({self.renderer.render_node(node)}, {own.like})"
        larger, smaller, strict = comparison(node)
        sides = ", ".join(f"{self.renderer.render_node(side)}" for side in (larger, smaller))
        return f"{own.spike}({sides}, {own.surrogate}, {own.like}, strict={strict}, width={width!r})"

    def reset(self, detach):
        """Return the reset, computed for all neurons and kept for those that spiked."""
        own, lines = self.own, self.assign("resets")
        changed = sorted({item.name for item in self.slots["resets"]} & {*self.program.state})
        old = {name: self.names.new(f"{name}_before") for name in changed}
        before = [f"{old[name]} = {name}" for name in changed]
        after = [f"{name} = {own.reset}({own.spikes}, {name}, {old[name]}, detach={detach})" for name in changed]
        return before + lines + after


def _tuple(items):
    """Return names as a tuple of Python."""
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
