"""Render Brian2 expressions and thresholds for torch, what never changes apart."""

import ast

from brian2.parsing.rendering import NodeRenderer

from hetbrian.statements import FUNCTIONS, ExportError

HELPERS = {"abs": "absolute", "int": "integer"}
"""Names in `hetbrian.torchops` of Brian2 functions that Python has too."""

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
        """Return a call of `hetbrian.torchops`."""
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

    def __init__(self, static, renderer):
        self.static, self.renderer = frozenset(static), renderer
        self.prelude, self.aliases = {}, {}

    def is_static(self, node):
        """Return whether an expression has the same value at every step."""
        calls = {ast.unparse(item.func) for item in ast.walk(node) if isinstance(item, ast.Call)}
        fixed = self.static | {*self.aliases, *self.prelude.values()}
        return names(node) - calls <= fixed and calls <= FUNCTIONS - set(NEEDS_STATE)

    def visit(self, node):
        """Return an expression with names of the prelude in it."""
        if isinstance(node, ast.Name):
            return self.aliases.get(node.id, node)
        is_compound = isinstance(node, (ast.BinOp, ast.UnaryOp, ast.Call, ast.Compare, ast.BoolOp))
        if is_compound and names(node) and self.is_static(node):
            text = self.renderer.render_node(_Renamed(self.aliases).visit(node))
            return ast.Name(self.prelude.setdefault(text, f"fixed_{len(self.prelude)}"))
        if isinstance(node, ast.Call):
            return ast.Call(node.func, [self.visit(argument) for argument in node.args], [])
        return self.generic_visit(node)


class _Renamed(ast.NodeTransformer):
    """Put names of the prelude in the place of temporary names."""

    def __init__(self, aliases):
        self.aliases = aliases

    def visit_Name(self, node):
        return self.aliases.get(node.id, node)


def names(node):
    """Return the names in an expression, those of functions included."""
    return {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}


class ThresholdRenderer:
    """
    Render a threshold as spikes with a surrogate derivative.

    ``a and b`` is a product, ``a or b`` is a + b - a b and ``not a`` is 1 - a, which are exact for 0 and 1. What does
    not depend on the state has no surrogate.

    Parameters
    ----------
    renderer : TorchRenderer
        Of the expressions in it.
    changing : set of str
        Names that depend on the state.
    width : float
        Distance from the threshold that counts as 1.
    """

    def __init__(self, renderer, changing, width):
        self.renderer, self.changing, self.width = renderer, changing, width

    def render(self, node):
        """Return an expression for 0 or 1."""
        if isinstance(node, ast.BoolOp):
            first, *others = [self.render(value) for value in node.values]
            for other in others:
                first = f"{first} * {other}" if isinstance(node.op, ast.And) else f"ops.either({first}, {other})"
            return f"({first})"
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return f"(1 - {self.render(node.operand)})"
        if not names(node) & self.changing or isinstance(node, ast.Name):
            return f"ops.hard({self.renderer.render_node(node)}, like_)"
        margin, strict = threshold_margin(node)
        return f"spike({self.renderer.render_node(margin)}, surrogate, strict={strict}, width={self.width!r})"


def threshold_margin(node):
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
