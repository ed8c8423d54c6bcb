"""Expressions of Brian2 as Python for torch, and what of them is computed elsewhere."""

import ast
import copy
from collections.abc import Iterator
from typing import Any

from brian2.parsing.rendering import NodeRenderer

from hetbrian.torch.statements import FUNCTIONS, names

HELPERS = {"abs": "absolute", "int": "integer"}
"""Names in `hetbrian.torch.functions` of Brian2 functions that Python has too."""

RANDOM = frozenset(["rand", "randn"])
"""Functions that give another value at every call, in the shape of the state."""

COMPOUND = (ast.BinOp, ast.UnaryOp, ast.Call, ast.Compare, ast.BoolOp)


def literal(value: bool | float, ops: str) -> str:
    """Return a number as Python, truth values, infinite and nan ones as those of `hetbrian.torch.functions`."""
    if isinstance(value, bool):
        return f"{ops}.exact({value})"
    text = repr(value)
    return text.replace("inf", f"{ops}.inf").replace("nan", f"{ops}.nan")


class TorchRenderer(NodeRenderer):
    """
    Render Brian2 expressions for torch.

    Parameters
    ----------
    tables : dict of str to tuple
        Step in seconds and subdivision of each TimedArray, and unit of a time in seconds, for ``lookup``.
    ops : str
        Name of `hetbrian.torch.functions`.
    like : str
        Name of a tensor with the dtype and shape of the state; empty to compute in float64.
    wrapped : iterable of str
        Names that become tensors of float64: whole numbers, and numbers, which then follow IEEE's rules, not Python's.
    booleans : iterable of str
        Names of truth values.
    fixed : iterable of str
        Names of what never changes.
    """

    def __init__(self, tables=(), *, ops="ops", like="", wrapped=(), booleans=(), fixed=()):
        super().__init__()
        self.tables, self.ops, self.like = dict(tables), ops, like
        self.wrapped, self.booleans, self.fixed = set(wrapped), set(booleans), set(fixed)

    def is_boolean(self, node):
        """Return whether an expression is a truth value."""
        is_not = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
        is_named = isinstance(node, ast.Name) and node.id in self.booleans
        is_literal = isinstance(node, ast.Constant) and isinstance(node.value, bool)
        return is_not or is_named or is_literal or isinstance(node, (ast.Compare, ast.BoolOp))

    def is_real(self, node):
        """Return whether an expression surely has the dtype of the state."""
        return not self.is_boolean(node) and not names(node) & self.wrapped

    def render_Name(self, node):
        """Return a name."""
        return f"{self.ops}.exact({node.id})" if node.id in self.wrapped - self.booleans else node.id

    def render_Constant(self, node):
        """Return a number, which may be infinite."""
        value = node.value
        return literal(float(value) if isinstance(value, float) or abs(value) > 2**53 else value, self.ops)

    def render_UnaryOp(self, node):
        """Return a sign or a negation."""
        if isinstance(node.op, ast.Not):
            return f"{self.ops}.negate({self.render_node(node.operand)})"
        return f"{'-' if isinstance(node.op, ast.USub) else ''}{self._operand(node.operand)}"

    def render_BoolOp(self, node):
        """Return conditions joined by and, or."""
        function = "both" if isinstance(node.op, ast.And) else "either_holds"
        text, *others = [self.render_node(value) for value in node.values]
        for other in others:
            text = f"{self.ops}.{function}({text}, {other})"
        return text

    def render_BinOp(self, node):
        """Return an operation; quotients and powers that may have poles pass no gradient where none arrives."""
        is_literal = isinstance(node.right, ast.Constant)
        if isinstance(node.op, ast.Div) and not is_literal and not names(node.right) <= self.fixed:
            return f"{self.ops}.divide({self._number(node.left)}, {self._number(node.right)})"
        if isinstance(node.op, ast.Pow) and not (is_literal and node.right.value in (2, 3, 4) and names(node.left)):
            left = self._number(node.left)
            left = left if names(node) else f"{self.ops}.exact({left})"
            return f"{self.ops}.power({left}, {self._number(node.right)})"
        is_chain = isinstance(node.left, ast.BinOp) and type(node.left.op) is type(node.op) in (ast.Add, ast.Mult)
        left = self._number(node.left) if is_chain else self._operand(node.left)
        right = repr(int(node.right.value)) if isinstance(node.op, ast.Pow) else self._operand(node.right)
        left = left if names(node) else f"{self.ops}.exact({left})"
        return f"{left} {self.expression_ops[type(node.op).__name__]} {right}"

    def render_Compare(self, node):
        """Return a comparison."""
        left, right = (f"({self.render_node(side)})" for side in (node.left, node.comparators[0]))
        left = left if names(node) else f"{self.ops}.exact{left}"
        return f"({left} {self.expression_ops[type(node.ops[0]).__name__]} {right})"

    def render_Call(self, node):
        """Return a call of `hetbrian.torch.functions`."""
        name = node.func.id
        given = [(self.render_node if name == "int" else self._number)(argument) for argument in node.args]
        if given and not names(node) - {name}:
            given[0] = f"{self.ops}.exact({given[0]})"
        if name in self.tables:
            step, subdivision, second = self.tables[name]
            given[0] = given[0] if second == 1 else f"({given[0]}) * {second!r}"
            return f"{self.ops}.lookup({', '.join([name, repr(step), repr(subdivision), *given])})"
        if name in RANDOM:
            given = [self.like]
        elif name == "int" and self.like:
            given.append(self.like)
        return f"{self.ops}.{HELPERS.get(name, name)}({', '.join(given)})"

    def _number(self, node):
        """Return an operand; truth values count as 0 and 1."""
        text = self.render_node(node)
        like = f", {self.like}" if self.like else ""
        return f"{self.ops}.integer({text}{like})" if self.is_boolean(node) else text

    def _operand(self, node):
        """Return an operand, in parentheses if it needs them."""
        text = self._number(node)
        is_simple = isinstance(node, (ast.Name, ast.Call)) or self.is_boolean(node)
        return text if is_simple or (isinstance(node, ast.Constant) and text[0] != "-") else f"({text})"


class Hoister(ast.NodeTransformer):
    """
    Replace maximal sub-expressions by names, so that they are computed elsewhere.

    What never changes is computed once, e.g. ``exp(-dt/tau)``; what depends on time alone once a step. Gradients
    still flow through them.

    Parameters
    ----------
    known : iterable of str
        Names that such an expression may have.
    new : callable
        Returns a name for an expression.
    needed : iterable of str, optional
        Names of which it must have one; by default compound expressions without are taken too.
    functions : iterable of str
        Functions that it may call.
    """

    def __init__(self, known, new, needed=None, functions=()):
        self.known, self.new = known, new
        self.needed = None if needed is None else frozenset(needed)
        self.functions = (FUNCTIONS - RANDOM) | {*functions}
        self.found: dict[str, tuple[str, ast.AST]] = {}

    def fits(self, node: ast.AST) -> bool:
        """Return whether an expression can be computed elsewhere."""
        calls = {ast.unparse(item.func) for item in ast.walk(node) if isinstance(item, ast.Call)}
        used = names(node) - calls
        is_needed = self.needed is None or bool((used | calls) & self.needed)
        return is_needed and used <= self.known and calls <= self.functions

    def visit(self, node: Any) -> Any:
        """Return an expression with names in it."""
        is_sign = isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant)
        is_candidate = (isinstance(node, COMPOUND) and not is_sign) or (self.needed and isinstance(node, ast.Name))
        if is_candidate and self.fits(node):
            text = ast.unparse(node)
            if text not in self.found:
                self.found[text] = (self.new(node), node)
            return ast.Name(self.found[text][0], ast.Load())
        if isinstance(node, ast.Call):
            node.args = [self.visit(item) for item in node.args]
            return node
        return self.generic_visit(node)


class Renamed(ast.NodeTransformer):
    """Put expressions in the place of temporary names."""

    def __init__(self, aliases):
        self.aliases = aliases

    def visit_Name(self, node):
        """Return what stands for a name."""
        return copy.deepcopy(self.aliases.get(node.id, node))


def jumps(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts of an expression whose value jumps where a time is a whole number of steps, if it has times."""
    for part in ast.walk(node):
        is_call = isinstance(part, ast.Call) and ast.unparse(part.func) in ("int", "floor", "ceil", "sign")
        if is_call or isinstance(part, ast.Compare) or isinstance(getattr(part, "op", None), (ast.Mod, ast.FloorDiv)):
            yield part


def off_grid(node: ast.AST) -> set[str]:
    """Return the names in an expression but for those in whole time steps, ``timestep(...)``."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "timestep":
        return set()
    own = {node.id} if isinstance(node, ast.Name) else set()
    return own.union(*map(off_grid, ast.iter_child_nodes(node)))
