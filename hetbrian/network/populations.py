"""Populations of heterogeneous neurons, as Brian2 NeuronGroups with complete namespaces."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from brian2 import Clock, DimensionMismatchError, Equations, NeuronGroup, Quantity, amp, defaultclock, get_dimensions
from brian2.core.functions import DEFAULT_FUNCTIONS
from brian2.core.namespace import DEFAULT_UNITS
from brian2.equations.codestrings import Expression
from brian2.equations.equations import PARAMETER, SingleEquation
from brian2.units.fundamentalunits import get_unit_for_display
from brian2.utils.stringtools import get_identifiers

from hetbrian._support.allowed import Allowed, LimitedNeurons
from hetbrian._support.arguments import checked, of, texts
from hetbrian._support.checks import choice, count, did_you_mean, flag, object_name, text
from hetbrian.network.drive import Drive
from hetbrian.network.neuron import THRESHOLD, Izhikevich
from hetbrian.network.reset import Reset
from hetbrian.network.synapses import Synapse

FINITE = Allowed("finite values", "check its distribution", -np.inf, np.inf, included=(False, False), element="neuron")
"""What parameters and potentials must be."""


NAMES = texts("names of variables: write ('v',), say")


@checked(
    n_neurons=count,
    held=NAMES,
    own=NAMES,
    parameters=of(Izhikevich, advice="give a parameter set, as Izhikevich.FORCE"),
    synapse=of(Synapse, advice="call what makes it, as single_exponential()"),
    drive=of(Drive, advice="call what makes it, with its numbers"),
    feedback=flag,
    method=text,
    clock=of(Clock, advice="make one with the time step"),
    name=object_name,
)
def population(
    n_neurons: int,
    parameters: Izhikevich,
    synapse: Synapse,
    *,
    eta: Quantity | npt.ArrayLike | None = None,
    g: Quantity | npt.ArrayLike | None = None,
    theta: npt.ArrayLike = 0.0,
    v: Quantity | npt.ArrayLike | None = None,
    drive: Drive | None = None,
    reset: str | Reset = "residual",
    adaptation: str = "own",
    feedback: bool = False,
    held: Sequence[str] = (),
    own: Sequence[str] = (),
    method: str = "euler",
    clock: Clock | None = None,
    name: str = "neurons",
) -> NeuronGroup:
    """
    Return a heterogeneous Izhikevich population (Eqs. 1-2) as a Brian2 NeuronGroup.

    Not for the coupling itself: add `AllToAll` or `recurrent`, and `SharedAdaptation` if w is shared.

    Parameters
    ----------
    n_neurons : int
        Number of neurons.
    parameters : Izhikevich
        Parameter set.
    synapse : Synapse
        How the neurons are coupled: ``gating()``, ``single_exponential()`` or ``double_exponential()``.
    eta : Quantity [amp, or 1 if dimensionless], shape () or (n_neurons,), optional
        Background current, by default ``parameters.eta``.
    g : Quantity [siemens or 1], shape () or (n_neurons,), optional
        Coupling, by default ``parameters.g``. For current synapses the gain of the neuron's row.
    theta : float, shape () or (n_neurons,)
        Reset coefficient.
    v : Quantity [volt, or 1], shape () or (n_neurons,), optional
        Initial potential, by default ``parameters.v_r``; w starts at 0.
    drive : Drive, optional
        External current: Brian2 code (``expression``) and every name it uses (``namespace``).
    reset : {"residual", "capped", "retain", "mirror"} or Reset
        Reset rule, by name or one of your own.
    adaptation : {"own", "shared"}
        Whether every neuron has a recovery current w of its own (Eq. 1), or all read the one of a
        `SharedAdaptation`.
    feedback : bool
        Whether the neurons receive ``I_feedback``, which `FORCE` writes.
    held : sequence of str
        Variables, v and w say, that stand still in the step after a spike of their neuron, where its ``awake`` is 0:
        what a script does that resets a neuron instead of integrating it. Only with ``method="euler"``.
    own : sequence of str
        Parameters beside eta, g and theta of which each neuron has its own, C and tau_w, say, or a time constant of the
        synapse; variables of the group that start at the value of the set.
    method : str
        Brian2's integration method.
    clock : Clock, optional
        By default Brian2's defaultclock.
    name : str
        Name of the group.

    Returns
    -------
    NeuronGroup
        With state v, w, the synapse's variables and the parameters eta, g, theta.

    Raises
    ------
    ValueError
        If n_neurons < 1, an array has the wrong length or is not finite, theta is outside the
        range of the reset rule, the rule or the adaptation is unknown, the statement of a rule has a name that
        the neurons do not know, or variables are held that have no equation, or with another method than Euler's, or
        a parameter that each neuron should have is none.
    TypeError
        If the parameters, the synapse or the drive are something else, such as ``single_exponential`` without ().
    DimensionMismatchError
        If a parameter has the wrong unit.

    References
    ----------
    Zhang & Cui 2025, doi 10.3389/fncom.2025.1661070, Eqs. 1-2.

    Examples
    --------
    >>> from brian2 import pA
    >>> from hetbrian.network import Izhikevich, single_exponential
    >>> neurons = population(3, Izhikevich.FORCE, single_exponential(), eta=[900, 1000, 1100] * pA)
    >>> print(neurons.eta[2])
    1.1 nA
    """
    rule = Reset.of(reset)
    on_spike = (
        rule.statement,
        "w += w_jump" if adaptation == "own" else "",
        synapse.on_spike,
        "awake = 0" * bool(held),
    )
    unit = "1" if parameters.is_dimensionless else "amp"
    nothing = "0" if parameters.is_dimensionless else "0*amp"
    inputs = f"I_ext = {drive.expression if drive else nothing} : {unit}\n"
    inputs += f"I_feedback : {unit}" if feedback else f"I_feedback = {nothing} : {unit}"
    equations = (
        parameters.equations(synapse.coupling, adaptation)
        + Equations(synapse.equations.replace("{current}", unit))
        + Equations(inputs)
    )
    namespace = {**parameters.namespace, **synapse.namespace}
    for key in own:
        choice(key, "an entry of own", namespace)
    given = {key: namespace.pop(key) for key in own}
    equations += Equations(
        [SingleEquation(PARAMETER, key, get_dimensions(item), flags=["constant"]) for key, item in given.items()]
    )
    group = LimitedNeurons(
        n_neurons,
        _held(equations, held, method) if held else equations,
        threshold=THRESHOLD,
        reset="\n".join(filter(None, on_spike)),
        method=method,
        namespace={
            **namespace,
            "amp": amp,
            **(drive.namespace if drive else {}),
        },
        clock=defaultclock if clock is None else clock,
        order=0,
        name=name,
    )
    _check_names(rule, group)
    group.add_attribute("synapse")
    group.synapse = synapse
    group.allowed = {"eta": FINITE, "g": FINITE, "theta": rule.allowed}
    values = {"eta": eta, "g": g, "theta": theta, "v": parameters.v_r if v is None else v}
    for key in ("eta", "g"):
        values[key] = getattr(parameters, key) if values[key] is None else values[key]
    for key, value in {**values, **given}.items():
        setattr(group, key, _per_neuron(key, value, group))
    if held:
        group.awake = 1
    return group


def _held(equations, names, method):
    """Return the equations with some variables that stand still in the step after a spike."""
    moving = sorted(equations.diff_eq_names)
    if method != "euler" or not set(names) <= set(moving):
        raise ValueError(
            f"held is {', '.join(names)} and method {method!r}, expected some of {', '.join(moving)} and "
            "'euler', whose step is one: leave the others out."
        )
    found = [
        SingleEquation(item.type, name, item.dim, item.var_type, Expression(f"awake*({item.expr})"), item.flags)
        if name in names
        else item
        for name, item in equations.items()
    ]
    return Equations(found) + Equations("dawake/dt = (1 - awake)/dt : 1  # 0 in the step after a spike")


def _check_names(rule, group):
    """Refuse a reset statement with names that the neurons do not know."""
    known = {*group.variables, *group.namespace, *DEFAULT_FUNCTIONS, *DEFAULT_UNITS}
    for name in sorted(get_identifiers(rule.statement) - known - {"and", "or", "not", "True", "False"}):
        advice = did_you_mean(name, known - set(DEFAULT_UNITS), "write its value")
        raise ValueError(
            f"the statement {rule.statement!r} of the reset rule {rule.name!r} has {name!r}, expected names that the "
            f"neurons know{advice}"
        )


def _per_neuron(name, value, group):
    """Return a value for a variable of a group, checked: unit, length, finite (what the group allows it checks)."""
    variable, n = group.variables[name], len(group)
    if getattr(value, "dim", group.variables["theta"].dim) is not variable.dim:
        raise DimensionMismatchError(
            f"{name} has the wrong unit, expected {get_unit_for_display(variable.dim)}: multiply by it",
            getattr(value, "dim", group.variables["theta"].dim),
            variable.dim,
        )
    if np.shape(value) not in ((), (n,)):
        raise ValueError(f"{name} has shape {np.shape(value)}, expected one value or ({n},): draw {n} values.")
    FINITE.check(name, value)
    return value
