"""NIR graphs, as other tools write them, as Brian2 networks."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from brian2 import Clock, Network, NeuronGroup, Quantity, SpikeGeneratorGroup, Synapses, ms, second

from hetbrian._support.arguments import checked, quantity
from hetbrian._support.checks import positive, shown
from hetbrian.network.nirgraph import NEURONS, OF_FIRING

PASSED = ("Affine", "Delay", "Flatten", "Input", "Linear", "Output", "Scale")
"""Nodes between neurons, inputs and outputs of subgraphs among them."""


def a_graph(value: object, name: str) -> None:
    """Refuse what is no NIR graph."""
    if _kind(value) != "NIRGraph":
        raise TypeError(f"{name} is {shown(value)}, expected a NIRGraph: read one with nir.read.")


def _kind(node: object) -> str:
    """Return the name of a node's class, so that the package is needed by those who have a graph only."""
    return type(node).__name__


@dataclass(frozen=True)
class Signal:
    """
    Hold what arrives somewhere: spikes of sources with weights and delays, and a constant.

    Parameters
    ----------
    parts : list of (str, ndarray, ndarray)
        Source, weights of shape (target, source), and delays in s of shape (source,).
    bias : ndarray, shape (target,), or float
    """

    parts: list[tuple[str, np.ndarray, np.ndarray]]
    bias: Any = 0.0

    def merged(self) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """Return the parts, those of one source and delay added up."""
        found: dict[tuple[str, bytes], tuple[str, np.ndarray, np.ndarray]] = {}
        for source, weight, delay in self.parts:
            key = source, delay.tobytes()
            found[key] = (source, found[key][1] + weight if key in found else weight, delay)
        return list(found.values())

    def to(self, key: str, size: int) -> "Signal":
        """Return it, if the node that it goes to has the size for it."""
        for source, weight, _ in self.parts:
            if len(weight) != size:
                raise ValueError(
                    f"node {key!r} takes {size} values and gets {len(weight)} from {source!r}, expected as many: "
                    "correct the weights."
                )
        return self

    def times(self, weight: np.ndarray, bias: Any = 0.0) -> "Signal":
        """Return the signal behind a linear map."""
        parts = [(source, weight @ before, delay) for source, before, delay in self.parts]
        carried = weight @ np.broadcast_to(self.bias, weight.shape[1])
        return Signal(parts, carried + bias)


@checked(graph=a_graph, dt=quantity(second, positive))
def from_nir(graph: Any, dt: Quantity = 0.1 * ms) -> Network:
    r"""
    Return a NIR graph as a Brian2 network, which runs on every device and can be exported with `to_torch`.

    LIF, CubaLIF, IF and their likes without spikes become NeuronGroups with one value a neuron for each parameter
    (without units but for time constants, in s), inputs SpikeGeneratorGroups, what is between them (Linear, Affine,
    Scale, Delay, Flatten) Synapses from source to target, with the entries that are not 0. Euler's method; neurons
    start at ``v_leak``, currents at 0, as NIR says nothing of it.

    NIR does not say what a spike is in discrete time. As in snnTorch its signal is here 1 for one time step and 0
    else, so that it adds :math:`R W \Delta t/\tau` to v in the step after it, or
    :math:`w_{in} W \Delta t/\tau_{syn}` to the current at once: give the time step of the tool that wrote the graph,
    0.1 ms for snnTorch's.

    Parameters
    ----------
    graph : nir.NIRGraph
        Subgraphs are taken apart.
    dt : Quantity [second]
        Time step.

    Returns
    -------
    brian2.Network
        Objects bear the names of the nodes, with ``_`` for what Brian2's names cannot have, those of Synapses
        ``SOURCE_to_TARGET``.

    Raises
    ------
    NotImplementedError
        If the graph has a node that is none of these, a delay behind weights, or neurons without spikes that send.
    ValueError
        If a node has no size, or nothing reaches an input of it.

    References
    ----------
    Pedersen et al. 2024, doi 10.1038/s41467-024-52259-9, table 1.

    Examples
    --------
    >>> import nir
    >>> two = np.ones(2)
    >>> lif = nir.LIF(tau=0.01 * two, r=100 * two, v_leak=0 * two, v_threshold=two, v_reset=0 * two)
    >>> nodes = {"input": nir.Input({"input": np.array([3])}), "weights": nir.Linear(np.full((2, 3), 0.6)),
    ...          "lif": lif, "output": nir.Output({"output": np.array([2])})}
    >>> graph = nir.NIRGraph(nodes, [("input", "weights"), ("weights", "lif"), ("lif", "output")])
    >>> network = from_nir(graph)
    >>> len(network["lif"]), float(network["input_to_lif"].weight[0])
    (2, 0.6)
    """
    nodes, edges = _flat(graph)
    clock = Clock(dt, name="clock")
    names = _names(nodes)
    groups: dict[str, Any] = {}
    for key, node in nodes.items():
        if key in graph.nodes and _kind(node) == "Input":
            size = int(np.prod(next(iter(node.input_type.values()))))
            groups[key] = SpikeGeneratorGroup(size, [], [] * ms, clock=clock, order=-1, name=names[key])
        elif _kind(node) in NEURONS:
            groups[key] = _neurons(key, node, clock, names[key])
        elif _kind(node) not in PASSED:
            raise NotImplementedError(
                f"node {key!r} is {_kind(node)}, expected {', '.join([*NEURONS, *PASSED])}: Brian2 objects are "
                "made of these only."
            )
    arriving = _Arriving(nodes, edges, {key: len(group) for key, group in groups.items()})
    objects = list(groups.values())
    for key, node in nodes.items():
        if _kind(node) not in NEURONS:
            continue
        signal, kind = arriving.at(key).to(key, len(groups[key])), NEURONS[_kind(node)]
        groups[key].bias = np.broadcast_to(signal.bias, len(groups[key]))
        values = _values(key, node)
        # a current begins at once, so that v has it in the next step, as x
        jump = values["w_in"] * float(dt) / values["tau_syn"] if kind.receives == "I" else np.ones(len(groups[key]))
        for source, weight, delay in signal.merged():
            name = _free(f"{names[source]}_to_{names[key]}", [item.name for item in objects])
            weights = jump[:, None] * weight
            objects.append(_synapses(groups[source], groups[key], kind.receives, weights, delay, clock, name))
    return Network(*objects)


def _flat(graph, prefix=""):
    """Return all nodes by name and all edges, those of subgraphs too, whose inputs and outputs hand on."""
    nodes, edges = {}, []
    begins: dict[str, str] = {}
    ends: dict[str, str] = {}
    for name, node in graph.nodes.items():
        key = f"{prefix}{name}"
        if _kind(node) != "NIRGraph":
            nodes[key] = node
            begins[name] = ends[name] = key
            continue
        inner, more = _flat(node, f"{key}.")
        nodes |= inner
        edges += more
        for kind, where in (("Input", begins), ("Output", ends)):
            doors = [f"{key}.{item}" for item, part in node.nodes.items() if _kind(part) == kind]
            if len(doors) != 1:
                raise NotImplementedError(
                    f"subgraph {key!r} has {len(doors)} nodes {kind}, expected one: divide it into graphs."
                )
            where[name] = doors[0]
    return nodes, edges + [(ends[source], begins[target]) for source, target in dict.fromkeys(map(tuple, graph.edges))]


def _names(nodes: Iterable[str]) -> dict[str, str]:
    """Return names that Brian2 takes, each another."""
    found: dict[str, str] = {}
    for key in nodes:
        name = re.sub(r"\W", "_", key, flags=re.ASCII)
        found[key] = _free(name if name[0].isalpha() else f"node_{name}", found.values())
    return found


def _free(name: str, taken: Iterable[str]) -> str:
    """Return a name that is not taken."""
    known, number, free = set(taken), 1, name
    while free in known:
        number += 1
        free = f"{name}_{number}"
    return free


def _values(key, node):
    """Return the parameters of a neuron's node, each of shape (neuron,)."""
    values = {
        item.name: np.asarray(getattr(node, item.name)) for item in fields(node) if item.name in _parameters(node)
    }
    shapes = {value.shape for value in values.values()}
    if len(shapes) != 1 or () in shapes:
        raise ValueError(
            f"node {key!r} has parameters of shape {', '.join(map(str, sorted(shapes)))}, expected one value a neuron: "
            "write arrays of its size."
        )
    return {name: value.ravel().astype(float) for name, value in values.items()}


def _parameters(node):
    """Return the names of the parameters of a neuron's node."""
    kind = NEURONS[_kind(node)]
    known = {item.name for item in fields(node)}
    return [name for name in ("tau", "tau_mem", "tau_syn", "r", "v_leak", "w_in", *OF_FIRING)
            if name in known and (kind.fires or name not in OF_FIRING)]  # fmt: skip


def _neurons(key, node, clock, name):
    """Return the NeuronGroup of a node."""
    kind, values = NEURONS[_kind(node)], _values(key, node)
    units = {item: "second" if item.startswith("tau") else "1" for item in values}
    lines = [kind.equations, *(f"{item} : {unit}" for item, unit in units.items()), "bias : 1"]
    spiking = {"threshold": "v > v_threshold", "reset": "v = v_reset"} if kind.fires else {}
    n = len(values["r"])
    group = NeuronGroup(n, "\n".join(lines), method="euler", clock=clock, order=0, namespace={}, name=name, **spiking)
    for item, value in values.items():
        group.variables[item].set_value(value)
    if "v_leak" in values:
        group.v = values["v_leak"]
    return group


class _Arriving:
    """What arrives at each node, found by going back along the edges."""

    def __init__(self, nodes, edges, sizes):
        self.nodes, self.sizes = nodes, sizes
        self.before: dict[str, list[str]] = {key: [] for key in nodes}
        for source, target in edges:
            self.before[target].append(source)
        self.seen: dict[str, Signal] = {}
        self.open: list[str] = []

    def at(self, key: str) -> Signal:
        """Return the sum of what the nodes before send."""
        parts: list[tuple[str, np.ndarray, np.ndarray]] = []
        bias: Any = 0.0
        for source in self.before[key]:
            signal = self.sent(source)
            parts += signal.parts
            bias = bias + signal.bias
        return Signal(parts, bias)

    def sent(self, key: str) -> Signal:
        """Return what a node sends."""
        node = self.nodes[key]
        kind = _kind(node)
        if key in self.sizes:
            if kind in NEURONS and not NEURONS[kind].fires:
                raise NotImplementedError(
                    f"node {key!r} is {kind} and sends its potential, expected spikes: in Brian2 synapses carry no "
                    "potentials, so end the graph there."
                )
            return Signal([(key, np.eye(self.sizes[key]), np.zeros(self.sizes[key]))])
        if key in self.open:
            raise ValueError(f"node {key!r} is in a circle without neurons, expected one in it: correct the edges.")
        if key not in self.seen:
            self.open.append(key)
            self.seen[key] = self._through(key, node, self.at(key))
            self.open.pop()
        return self.seen[key]

    def _through(self, key, node, signal):
        """Return what a node that is no neuron makes of a signal."""
        if _kind(node) == "Delay":
            return self._delayed(key, np.ravel(node.delay), signal)
        if _kind(node) == "Scale":
            return signal.to(key, node.scale.size).times(np.diag(np.ravel(node.scale)))
        if _kind(node) not in ("Affine", "Linear"):
            return signal
        weight = np.asarray(node.weight, dtype=float)
        if weight.ndim != 2:
            raise NotImplementedError(
                f"node {key!r} has weights of {weight.ndim} dimensions, expected 2, (target, source): flatten them."
            )
        return signal.to(key, weight.shape[1]).times(weight, node.bias if _kind(node) == "Affine" else 0.0)

    def _delayed(self, key, delay, signal):
        """Return a signal later: synapses have one delay for each of their sources' neurons here."""
        is_one = np.ptp(delay) == 0
        if not is_one and any(np.any(weight != np.diag(np.diag(weight))) for _, weight, _ in signal.parts):
            raise NotImplementedError(
                f"node {key!r} has several delays behind weights, expected one, or delays of a source: put it before "
                "the weights."
            )
        later = delay[0] if is_one else delay
        return Signal([(source, weight, before + later) for source, weight, before in signal.parts], signal.bias)


def _synapses(source, target, receives, weight, delay, clock, name):
    """Return Synapses with the weights, shape (target, source), that are not 0."""
    pre, post = np.nonzero(weight.T)
    on_pre = f"{receives}_post += weight"
    synapses = Synapses(source, target, "weight : 1", on_pre=on_pre, clock=clock, namespace={}, name=name)
    synapses.connect(i=pre, j=post)
    synapses.weight = weight[post, pre]
    if np.any(delay):
        synapses.delay = delay[pre] * second
    return synapses
