"""The update of a group as Brian2's state updaters write it, with numbers and functions kept whole."""

import ast
from collections.abc import Iterable, Mapping
from typing import Any

from brian2 import NeuronGroup
from brian2.core.variables import AuxiliaryVariable, Constant
from brian2.equations.codestrings import Expression
from brian2.equations.equations import DIFFERENTIAL_EQUATION, SUBEXPRESSION, Equations, SingleEquation
from brian2.stateupdaters.base import StateUpdateMethod, UnsupportedEquationsException
from brian2.utils.stringtools import get_identifiers

from hetbrian.torch.names import Names


class Hidden:
    """
    Put names in the place of parts of expressions, which sympy then leaves as they are.

    Sympy makes ``3.7e-44*exp(100*v)`` of ``exp((v - 1)/0.01)``, and ``v**3 - 3*e*v**2 ...`` of ``(v - e)**3``. Both
    are the same in float64, and lost in float32.

    Parameters
    ----------
    names : Names
        Gives names that the model does not have.
    timed : iterable of str
        Names of what depends on time. What depends on it alone stays as it is: it is computed in float64, and in
        comparisons on the grid Brian2's own rounding counts.
    changing : iterable of str
        Names of what depends on the state.

    Attributes
    ----------
    variables : dict of str to Variable
        What stands for each name in Brian2's code generation.

    Examples
    --------
    >>> hidden = Hidden(Names())
    >>> text = hidden.numbers("exp((v - 1.5)/0.01)**2.0 + 0.0*w")
    >>> text, ast.unparse(hidden.restored(ast.parse(text, mode="eval").body))
    ('exp((v - part) / part_1) ** 2.0 + 0.0 * w', 'exp((v - 1.5) / 0.01) ** 2.0 + 0.0 * w')
    """

    def __init__(self, names: Names, timed: Iterable[str] = (), changing: Iterable[str] = ()):
        self._names, self._timed, self._changing = names, frozenset(timed), frozenset(changing)
        self._of_text: dict[str, str] = {}
        self._parts: dict[str, ast.expr] = {}
        self.variables: dict[str, Any] = {}

    def is_of_time(self, node: ast.AST) -> bool:
        """Return whether an expression depends on time alone."""
        used = {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}
        return bool(used & self._timed) and not used & self._changing

    def name(self, node: ast.expr) -> ast.expr:
        """Return what stands for a part, the same for the same text."""
        text = ast.unparse(node)
        if text not in self._of_text:
            name = self._of_text[text] = self._names.new("part")
            self._parts[name] = node
            self.variables[name] = (
                Constant(name, value=node.value)
                if isinstance(node, ast.Constant)
                else AuxiliaryVariable(name, dtype=float, scalar=False)
            )
        return ast.Name(self._of_text[text], ast.Load())

    def numbers(self, text: str) -> str:
        """Return an expression without its decimal numbers, but for zeros and exponents."""
        return ast.unparse(_Numbers(self).visit(ast.parse(text.strip(), mode="eval").body))

    def others(self, text: str, name: str) -> str:
        """Return an expression with one name for each part that does not depend on a variable, and each function."""
        return ast.unparse(_Others(self, name).visit(ast.parse(text.strip(), mode="eval").body))

    def restored(self, node: ast.expr) -> ast.expr:
        """Return an expression with its parts in their places."""
        return _Restored(self._parts).visit(node)


class _Numbers(ast.NodeTransformer):
    def __init__(self, hidden):
        self.hidden = hidden

    def visit(self, node):
        return node if self.hidden.is_of_time(node) else super().visit(node)

    def visit_BinOp(self, node):
        node.left = self.visit(node.left)
        exponent = node.right.operand if isinstance(node.right, ast.UnaryOp) else node.right
        if not (isinstance(node.op, ast.Pow) and isinstance(exponent, ast.Constant)):
            node.right = self.visit(node.right)
        return node

    def visit_Constant(self, node):
        return self.hidden.name(node) if isinstance(node.value, float) and node.value else node


class _Others(ast.NodeTransformer):
    def __init__(self, hidden, name):
        self.hidden, self.name = hidden, name

    def visit(self, node):
        is_compound = isinstance(node, (ast.BinOp, ast.UnaryOp, ast.Call, ast.Compare, ast.BoolOp))
        if not is_compound or self.hidden.is_of_time(node):
            return node
        is_free = all(item.id != self.name for item in ast.walk(node) if isinstance(item, ast.Name))
        return self.hidden.name(node) if is_free or isinstance(node, ast.Call) else self.generic_visit(node)


class _Restored(ast.NodeTransformer):
    def __init__(self, parts):
        self.parts = parts

    def visit_Name(self, node):
        part = self.parts.get(node.id)
        return node if part is None else self.visit(ast.parse(ast.unparse(part), mode="eval").body)


def hidden_parts(group: NeuronGroup, namespace: Mapping, tables: Iterable[str] = ()) -> Hidden:
    """
    Return what hides parts of a group's code.

    Parameters
    ----------
    group : NeuronGroup
        The group.
    namespace : dict
        Names that the group does not define.
    tables : iterable of str
        TimedArrays.

    Returns
    -------
    Hidden
    """
    texts = [item.expr.code for item in group.equations.values() if item.expr is not None]
    code = [*map(str, group.events.values()), *group.event_codes.values()]
    names = Names(
        {*group.variables, *namespace, *(group.namespace or {}), *get_identifiers("\n".join([*texts, *code]))}
    )
    timed, changing = {"t", "t_in_timesteps", "lastspike", *tables}, {*group.equations.diff_eq_names, "not_refractory"}
    changing |= {"rand", "randn", *group.equations.stochastic_variables}
    for item in group.equations.ordered:
        if item.type == SUBEXPRESSION:
            timed |= {item.varname} if item.identifiers & timed else set()
            changing |= {item.varname} if item.identifiers & changing else set()
    return Hidden(names, timed, changing)


def update_code(group: NeuronGroup, namespace: Mapping, hidden: Hidden) -> str:
    """
    Return a group's update as Brian2 code, checked by Brian2 and with hidden parts.

    Linear equations, which are solved by algebra, keep their numbers: equal ones must be seen to be equal, and what
    is solved has no functions of the state.

    Parameters
    ----------
    group : NeuronGroup
        The group.
    namespace : dict
        Names that the group does not define.
    hidden : Hidden
        Takes the parts.

    Returns
    -------
    str
    """
    updater = group.state_updater
    updater.update_abstract_code(namespace)
    if not group.equations.diff_eq_names:
        return updater.abstract_code
    names = group.equations.names | group.equations.identifiers | {"dt"}
    variables = group.resolve_all(names, namespace, user_identifiers=set())
    method, plain = _method(updater, group.equations, variables)
    if method in ("exact", "linear", "independent"):
        return updater.abstract_code
    equations = Equations([_without_numbers(item, hidden) for item in group.equations.values()])
    if method == "exponential_euler":
        whole = [item for item in equations.values() if item.type != DIFFERENTIAL_EQUATION]
        for name, expression in equations.get_substituted_expressions(variables | hidden.variables):
            of_name = hidden.others(expression.code, name)
            whole.append(_with_code(equations[name], of_name))
        equations = Equations(whole)
    code = StateUpdateMethod.apply_stateupdater(
        equations, variables | hidden.variables, method, method_options=updater.method_options
    )
    return updater.abstract_code.removesuffix(plain) + code


def _method(updater, equations, variables):
    """Return the method that Brian2 chooses, and its code."""
    choice, options = updater.method_choice, updater.method_options
    for method in (choice,) if isinstance(choice, str) or callable(choice) else choice:
        try:
            return method, StateUpdateMethod.apply_stateupdater(equations, variables, method, method_options=options)
        except UnsupportedEquationsException:
            continue
    raise AssertionError(f"Brian2 found a method in {choice}, and now it does not")


def _without_numbers(equation, hidden):
    return equation if equation.expr is None else _with_code(equation, hidden.numbers(equation.expr.code))


def _with_code(equation, code):
    """Return an equation with another right side."""
    expression = Expression(code)
    return SingleEquation(
        equation.type, equation.varname, equation.dim, equation.var_type, expr=expression, flags=equation.flags
    )
