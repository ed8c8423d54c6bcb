"""What linear filter of spikes an activity is, found in the equations of its group."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from brian2 import DEFAULT_FUNCTIONS, Function, NeuronGroup
from brian2.utils.stringtools import get_identifiers

LARGEST = 2
"""States of a filter that the kernels follow."""


def filter_states(group: NeuronGroup, activity: str) -> tuple[str, ...]:
    r"""
    Return the states of the filter that an activity is between spikes, the activity first.

    ``dr/dt = -r/tau`` is one of one state, ``dr/dt = -r/tau_r + h``, ``dh/dt = -h/tau_d`` one of two. Whether it is
    linear in them, `step_matrix` finds out.

    Parameters
    ----------
    group : NeuronGroup
        The population.
    activity : str
        Name of the variable.

    Returns
    -------
    tuple of str
        One or two names; none if the activity depends on other variables, differs in its filter from neuron to
        neuron, is random or stands still while a neuron is refractory.

    Examples
    --------
    >>> from brian2 import NeuronGroup
    >>> group = NeuronGroup(2, "dr/dt = -r/tau_r + h : 1\ndh/dt = -h/tau_d : Hz\nx : 1")
    >>> filter_states(group, "r"), filter_states(group, "x")
    (('r', 'h'), ())
    """
    equations = getattr(group, "equations", None)
    if equations is None or activity not in equations.diff_eq_names:
        return ()
    expressions = dict(equations.get_substituted_expressions())
    states = [activity]
    for state in states:  # grows meanwhile
        used = get_identifiers(str(expressions[state]))
        states += sorted(used & equations.diff_eq_names - set(states))
        variable = (used - set(states)) & (set(group.variables) | equations.stochastic_variables)
        if variable or equations[state].flags or len(states) > LARGEST:
            return ()
    dtypes = {group.variables[state].dtype for state in states}
    return tuple(states) if len(dtypes) == 1 else ()


def step_matrix(group: NeuronGroup, states: Sequence[str], run_namespace: dict[str, Any]) -> np.ndarray | None:
    """
    Return how a filter's states change in one time step without a spike, as the group's state updater computes it.

    Parameters
    ----------
    group : NeuronGroup
        The population, prepared for a run.
    states : sequence of str
        What `filter_states` found.
    run_namespace : dict
        Names that the group does not know.

    Returns
    -------
    ndarray, shape (n_states, n_states), or None
        None if the change is not linear, or has no fixed value.
    """
    code = group.state_updater.abstract_code
    constants = _constants(group, code, run_namespace)
    if not states or constants is None or not set(states) <= _assigned(code):
        return None
    size = len(states)
    columns = [_step(code, constants, dict(zip(states, unit, strict=True))) for unit in np.eye(size)]
    mixed = np.arange(2.0, 2 + size)
    found = [*columns, _step(code, constants, dict(zip(states, mixed, strict=True)))]
    if any(column is None for column in found):
        return None
    matrix = np.array(columns).T  # (new state, old state)
    is_linear = np.isfinite(matrix).all() and np.allclose(matrix @ mixed, found[-1], rtol=1e-9, atol=0)
    return matrix if is_linear else None


def _assigned(code):
    """Return the names that code assigns to."""
    return {line.partition("=")[0].strip() for line in code.splitlines()}


def _constants(group, code, run_namespace):
    """Return the values of the names that are none of the group's variables, or None if one has no fixed value."""
    names = get_identifiers(code) - set(group.variables) - _assigned(code) - set(DEFAULT_FUNCTIONS)
    try:
        found = group.resolve_all(names, run_namespace, user_identifiers=set())
    except KeyError:
        return None
    values = {name: function.pyfunc for name, function in DEFAULT_FUNCTIONS.items() if function.stateless}
    for name, variable in found.items():
        if not isinstance(variable, Function) and getattr(variable, "size", 1) == 1:
            values[name] = float(variable.get_value())
    return values | {"dt": float(group.clock.dt)}


def _step(code, constants, values):
    """Return the states after a step, or None if they depend on anything else."""
    known = {**constants, **values}
    for line in code.splitlines():
        name, _, expression = (part.strip() for part in line.partition("="))
        if get_identifiers(expression) <= known.keys():
            known[name] = eval(expression, {"__builtins__": {}}, known)  # Brian2's own code, in Python's syntax
        else:
            known.pop(name, None)
    return [known[name] for name in values] if known.keys() >= values.keys() else None
