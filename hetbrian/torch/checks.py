"""What Brian2 refuses before a run, as one sentence."""

import ast
from collections.abc import Mapping

from brian2.codegen.translation import analyse_identifiers
from brian2.core.variables import AuxiliaryVariable
from brian2.equations.equations import check_subexpressions
from brian2.equations.unitcheck import check_units_statements
from brian2.groups.group import Group
from brian2.units.fundamentalunits import DimensionMismatchError
from brian2.utils.stringtools import deindent

from hetbrian.torch.limits import refused


def check_code(group: Group, code: str, variables: Mapping, namespace: Mapping) -> None:
    """
    Refuse what Brian2 would refuse before a run.

    Parameters
    ----------
    group : Group
        Whose code it is.
    code : str
        Statements.
    variables : dict of str to Variable or Function
        Every name in it.
    namespace : dict
        Names that the group does not define.

    Raises
    ------
    ExportError
        If units do not fit.
    """
    try:
        group.equations.check_units(group, run_namespace=namespace)
        check_subexpressions(group, group.equations, namespace)
        plain = ast.unparse(ast.parse(deindent(code).strip()))  # without comments
        check_units_statements(plain, dict(variables))
        known = {"_condition": AuxiliaryVariable("_condition", dtype=bool)}  # the types of new names are inferred
        analyse_identifiers(plain, {**group.variables, **known}, recursive=True)
    except (DimensionMismatchError, SyntaxError, ValueError, TypeError) as error:
        raise refused("units", f"Brian2 refuses {group.name} ({said(error)})", "units and types that fit") from error


def said(error: Exception) -> str:
    """Return the first line of an error, without its last full stop."""
    return str(error).splitlines()[0].rstrip(".")
