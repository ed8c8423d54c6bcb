"""What Brian2 groups hold."""

import re
from typing import Any

import numpy as np
from brian2.core.variables import ArrayVariable
from brian2.parsing.statements import parse_statement
from brian2.utils.stringtools import get_identifiers


def own_arrays(group: Any) -> dict[str, ArrayVariable]:
    """Return the arrays of a group that are its own, by name: neither linked nor those of another group."""
    return {
        name: variable
        for name, variable in group.variables.items()
        if isinstance(variable, ArrayVariable) and owner_name(variable) == group.name
    }


def owner_name(variable: Any) -> str | None:
    """Return the name of the group that a variable belongs to, None if that is gone."""
    try:
        return getattr(variable.owner, "name", None)
    except ReferenceError:
        return None


def assigned(code: str | None) -> set[str]:
    """Return the names that statements of Brian2 code assign to."""
    lines = (line.partition("#")[0] for line in (code or "").splitlines())
    statements = [part for line in lines for part in re.split(";", line) if get_identifiers(part)]
    return {parse_statement(part)[0] for part in statements}


def looked_at(variable: ArrayVariable) -> np.ndarray:
    """
    Return the value of a variable without being noticed: what is only checked does not become part of a program.

    Parameters
    ----------
    variable : ArrayVariable

    Returns
    -------
    ndarray

    Raises
    ------
    NotImplementedError
        If only a standalone program that runs knows it.
    """
    device = variable.device
    try:
        return np.asarray(type(device).get_value(device, variable))
    except FileNotFoundError:
        raise NotImplementedError("the results of the run before are gone") from None
