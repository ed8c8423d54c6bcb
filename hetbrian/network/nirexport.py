"""Brian2 networks as NIR graphs, for tools and hardware that read them; what NIR has no primitive for is refused."""

import ast
import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy
from brian2 import (
    Network,
    NeuronGroup,
    PoissonGroup,
    PopulationRateMonitor,
    SpikeGeneratorGroup,
    StateMonitor,
    Synapses,
)
from brian2.core.namespace import get_local_namespace
from brian2.core.variables import Subexpression
from brian2.groups.neurongroup import Resetter, StateUpdater, Thresholder
from brian2.monitors import EventMonitor
from brian2.parsing.sympytools import str_to_sympy
from sympy.core.function import AppliedUndef

from hetbrian._support import optional
from hetbrian._support.arguments import checked, of
from hetbrian._support.checks import shown, whole
from hetbrian.network.nirgraph import NEURONS

IGNORED = (EventMonitor, PopulationRateMonitor, StateMonitor)
OF_EQUATIONS = (StateUpdater, Thresholder, Resetter)
SOURCES = (PoissonGroup, SpikeGeneratorGroup)
OF_TIME = frozenset({"t", "t_in_timesteps", "lastspike", "not_refractory", "xi"})
"""Names whose values change."""


@checked(
    network=of(Network, advice="write Network(neurons, synapses), say"),
    namespace=of(Mapping, advice="give every name that the objects do not define"),
    level=whole,
)
def to_nir(network: Network, *, namespace: Mapping[str, Any] | None = None, level: int = 0) -> Any:
    r"""
    Return a Brian2 network as a NIR graph.

    NeuronGroups become LIF, CubaLIF, IF, or their likes without spikes, whatever their equations look like: it is
    enough that v, and a current that synapses add to, are linear, that the threshold is ``v > ...`` and the reset
    ``v = ...`` of what does not change. Synapses become Linear (Affine where a current has a constant drive), with a
    Delay before it; SpikeGeneratorGroup and PoissonGroup become inputs. Groups that send to no other become outputs,
    those that no other reaches get an input. Monitors are left out. Values are in SI, each neuron its own. Not for
    Izhikevich neurons: no primitive of NIR is quadratic, has an adaptation, or resets to a part of the overshoot.

    As in snnTorch the signal of a spike is 1 for a time step and 0 else: where synapses add to v, r of a LIF is
    :math:`\tau/\Delta t`, and w_in of a CubaLIF is :math:`\tau_{syn}/\Delta t`, so that a spike adds the weight. NIR
    keeps neither the time step nor the method, and tools differ in when in a step a spike acts.

    Parameters
    ----------
    network : Network
        What runs in it now; initial values and spikes on their way are not kept.
    namespace : dict, optional
        Names that the objects do not define, by default those of the caller.
    level : int
        How far up the caller is.

    Returns
    -------
    nir.NIRGraph
        ``nir.write("FILE.nir", graph)`` writes it.

    Raises
    ------
    NotImplementedError
        If something has no primitive; the message names it.

    References
    ----------
    Pedersen et al. 2024, doi 10.1038/s41467-024-52259-9, table 1.

    Examples
    --------
    >>> from brian2 import ms, mV
    >>> neurons = NeuronGroup(2, "dv/dt = (-70*mV - v)/(20*ms) : volt", threshold="v > -50*mV", reset="v = -60*mV",
    ...                       method="exact", name="neurons", namespace={})
    >>> graph = to_nir(Network(neurons))
    >>> node = graph.nodes["neurons"]
    >>> type(node).__name__, node.tau.tolist(), node.v_reset.tolist()
    ('LIF', [0.02, 0.02], [-0.06, -0.06])
    """
    namespace = get_local_namespace(level=level + 2) if namespace is None else namespace  # beyond `checked`
    inner = {part.name for item in network.objects for part in item.contained_objects}
    objects = sorted((item for item in network.objects if item.name not in inner), key=lambda item: item.name)
    nodes: dict[str, Any] = {}
    jumps: dict[str, str] = {}
    drives: dict[str, np.ndarray] = {}
    steps = sorted({float(item.clock.dt) for item in objects if not isinstance(item, IGNORED)})
    if len(steps) > 1:
        raise _has_no_primitive(
            "the network", f"has the time steps {', '.join(f'{step:g} s' for step in steps)}", "take one"
        )
    for item in objects:
        if not item.active:
            raise _has_no_primitive(item.name, "is not active", "leave it out")
        if isinstance(item, SOURCES):
            nodes[item.name] = optional.nir.Input({"input": np.array([len(item)])})
        elif isinstance(item, NeuronGroup):
            nodes[item.name], jumps[item.name], drives[item.name] = _neurons(item, namespace)
        elif not isinstance(item, (*IGNORED, Synapses)):
            raise _has_no_primitive(item.name, f"is a {type(item).__name__}", "leave it out")
    edges: list[tuple[str, str]] = []
    joined = set()
    for item in objects:
        if isinstance(item, Synapses):
            for end, known in ((item.source, nodes), (item.target, jumps)):
                if end.name not in known:
                    raise _has_no_primitive(
                        item.name, f"connects {end.name}, which is no whole group here", "add that group"
                    )
            joined.add((item.source.name, item.target.name))
            found, chain = _synapses(item, jumps[item.target.name], drives.pop(item.target.name, 0.0), namespace)
            nodes |= found
            edges += itertools.pairwise(chain)
    for name, drive in drives.items():
        if np.any(drive):
            raise _has_no_primitive(
                name, "has a constant drive and no synapses", "give it some, whose Affine has the drive"
            )
    for name in jumps:  # what no other group reaches is an input, and what reaches none an output
        size = nodes[name].input_type["input"]
        if not any(target == name != source for source, target in joined):
            nodes[f"{name}_input"] = optional.nir.Input({"input": size})
            edges.append((f"{name}_input", name))
        if not any(source == name != target for source, target in joined):
            nodes[f"{name}_output"] = optional.nir.Output({"output": size})
            edges.append((name, f"{name}_output"))
    return optional.nir.NIRGraph(nodes, edges)


def _has_no_primitive(name, what, instead):
    """Return the error for what NIR does not have."""
    known = ", ".join([*NEURONS, "Linear", "Affine", "Delay"])
    return NotImplementedError(f"{name} {what}, expected what NIR has a primitive for ({known}): {instead}.")


def _neurons(group, namespace):
    """Return the node of a group, what spikes change in it, and the constant input, which NIR has outside."""
    others = [part.name for part in group.contained_objects if not isinstance(part, OF_EQUATIONS)]
    if others:
        raise _has_no_primitive(group.name, f"has {', '.join(others)}", "leave out what runs regularly")
    if group._refractory is not False:
        raise _has_no_primitive(group.name, "is refractory", "leave refractoriness out")
    if set(group.events) - {"spike"}:
        raise _has_no_primitive(group.name, f"has the events {', '.join(sorted(group.events))}", "leave only the spike")
    slopes = {name: str_to_sympy(item.code, group.variables)
              for name, item in group.equations.get_substituted_expressions(group.variables)}  # fmt: skip
    v, current = _roles(group, slopes)
    changing = OF_TIME | slopes.keys()

    def value(expression, what):
        return _values(group, expression, changing, namespace, len(group), what)

    def parts(name):
        """Return the coefficients of the variables that change, and the rest."""
        slope = slopes[name]
        of = {str(symbol): symbol for symbol in slope.free_symbols}
        linear = {other: sympy.diff(slope, of[other]) if other in of else sympy.Integer(0) for other in slopes}
        rest = slope.subs({of[other]: 0 for other in slopes if other in of})
        said = f"d{name}/dt = {slope}, which is not linear in {' and '.join(slopes)} and constant else"
        return {other: value(item, said) for other, item in linear.items()}, value(rest, said)

    dt, zeros = float(group.clock.dt), np.zeros(len(group))
    by_itself, rest = parts(v)
    leak = by_itself[v]
    by_input, bias, tau_syn = zeros + 1 / dt, zeros, zeros + dt  # a spike adds its weight to v
    if current is not None:
        own, drive = parts(current)
        if not np.all(own[current] < 0):
            raise _has_no_primitive(
                group.name, f"has d{current}/dt = {slopes[current]}, which does not decay", "let it decay"
            )
        by_input, bias, tau_syn = by_itself[current], drive * dt, -1 / own[current]
    is_current = not np.allclose(tau_syn, dt, rtol=1e-9, atol=0)  # and not what arrived in this step
    if np.all(leak < 0):
        tau = -1 / leak
        found, kind = {"tau": tau, "r": by_input * tau, "v_leak": rest * tau}, "LI"
        if is_current:
            found, kind = found | {"tau_mem": found.pop("tau"), "tau_syn": tau_syn, "w_in": tau_syn / dt}, "CubaLI"
    elif not np.any(leak) and not is_current:
        found, kind, bias = {"r": by_input}, "I", bias + rest / by_input
    else:
        raise _has_no_primitive(
            group.name, f"has d{v}/dt = {slopes[v]}, which does not decay", "choose an equation that does"
        )
    if group.events:
        kind += "F"
        found["v_threshold"] = value(_threshold(group, v), f"the threshold {group.events['spike']!r}")
        found["v_reset"] = value(_reset(group, v), f"the reset {group.event_codes.get('spike', '')!r}")
    return getattr(optional.nir, kind)(**found), current or v, bias


def _roles(group, slopes):
    """Return the potential and, if there is one, the current: what changes and does not hang on the other."""
    if len(slopes) == 1:
        return next(iter(slopes)), None
    if len(slopes) == 2:
        for current, v in (sorted(slopes), sorted(slopes, reverse=True)):
            needs = {name: {str(symbol) for symbol in slopes[name].free_symbols} for name in slopes}
            if v not in needs[current] and current in needs[v]:
                return v, current
    said = "; ".join(f"d{name}/dt = {slope}" for name, slope in slopes.items()) or "no equation"
    raise _has_no_primitive(
        group.name, f"has {said}", "let one variable decay, or a potential and a current that drives it"
    )


def _values(owner, expression, changing, namespace, size, what):
    """Return the values of an expression of what does not change, shape (size,)."""
    shared = {symbol: owner.variables.get(str(symbol)) for symbol in expression.free_symbols}
    inner = {symbol: item.expr for symbol, item in shared.items() if isinstance(item, Subexpression)}
    if inner:
        expression = expression.subs({symbol: str_to_sympy(code, owner.variables) for symbol, code in inner.items()})
        return _values(owner, expression, changing, namespace, size, what)
    names = {str(symbol) for symbol in expression.free_symbols}
    if names & changing or expression.atoms(AppliedUndef):
        raise _has_no_primitive(owner.name, f"has {what}", "write what changes out of it")
    variables = owner.resolve_all(names, namespace, user_identifiers=set())
    symbols = sorted(expression.free_symbols, key=str)
    found = sympy.lambdify(symbols, expression, "numpy")(*(variables[str(symbol)].get_value() for symbol in symbols))
    return np.array(np.broadcast_to(found, size), dtype=float)


def _threshold(group, v):
    """Return what v has to be above."""
    code = group.events["spike"]
    tree = ast.parse(code.strip(), mode="eval").body
    match tree:
        case ast.Compare(left=ast.Name(id=name), ops=[ast.Gt()], comparators=[limit]) if name == v:
            return str_to_sympy(ast.unparse(limit), group.variables)
    raise _has_no_primitive(group.name, f"has the threshold {shown(code)}", f"write '{v} > ...'")


def _reset(group, v):
    """Return what v is set to."""
    code = group.event_codes.get("spike", "")
    match ast.parse(code.strip()).body:
        case [ast.Assign(targets=[ast.Name(id=name)], value=value)] if name == v:
            return str_to_sympy(ast.unparse(value), group.variables)
    raise _has_no_primitive(group.name, f"has the reset {shown(code)}", f"write '{v} = ...'")


def _synapses(synapses, jumps, bias, namespace):
    """Return the nodes between two groups, and the names from source to target."""
    name = synapses.name
    others = [part.name for part in synapses.contained_objects if part is not getattr(synapses, "pre", None)]
    if others or synapses.summed_updaters or not hasattr(synapses, "pre"):
        raise _has_no_primitive(name, f"has {', '.join(others) or 'no on_pre'}", "leave only on_pre")
    code = synapses.pre.code
    match ast.parse(code.strip()).body:
        case [ast.AugAssign(target=ast.Name(id=changed), op=ast.Add(), value=value)] if changed == f"{jumps}_post":
            weight = str_to_sympy(ast.unparse(value), synapses.variables)
        case _:
            raise _has_no_primitive(name, f"has on_pre {shown(code)}", f"write '{jumps}_post += weight'")
    sides = {item for item in synapses.variables if item.endswith(("_pre", "_post"))} | {"i", "j"}
    changing = OF_TIME | sides | set(synapses.target.variables)
    own = set(synapses.equations.names)
    pre, post = np.array(synapses.i), np.array(synapses.j)
    values = _values(synapses, weight, changing - own, namespace, len(pre), f"on_pre {code!r}")
    matrix = np.zeros((len(synapses.target), len(synapses.source)))
    np.add.at(matrix, (post, pre), values)
    found = {name: optional.nir.Affine(matrix, bias) if np.any(bias) else optional.nir.Linear(matrix)}
    chain = [synapses.source.name, name, synapses.target.name]
    delay = np.broadcast_to(np.array(synapses.pre.delay), len(pre))
    if np.any(delay):
        of_source = np.zeros(len(synapses.source))
        of_source[pre] = delay
        if np.any(of_source[pre] != delay):
            raise _has_no_primitive(name, "has several delays from one neuron", "give each source neuron one delay")
        found[f"{name}_delay"] = optional.nir.Delay(of_source)
        chain.insert(1, f"{name}_delay")
    return found, chain
