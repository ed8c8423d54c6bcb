"""Run a Brian2 group and its torch module, and say where they part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from brian2 import BrianObject, Network, NeuronGroup, Quantity, SpikeMonitor, StateMonitor, Synapses, second
from brian2.core.namespace import get_local_namespace
from brian2.core.network import _get_all_objects

from hetbrian._support.arguments import checked, of, one_of, quantity
from hetbrian._support.checks import check_broadcast, count, integers, positive, shown, text, whole, whole_steps
from hetbrian._support.optional import torch
from hetbrian.network.shared import AllToAll
from hetbrian.torch.cell import Cell
from hetbrian.torch.export import to_torch


@dataclass(frozen=True)
class Difference:
    """
    How far a variable of Brian2 and torch are apart.

    Parameters
    ----------
    before, after : float
        Largest absolute difference up to the first differing spike, and in the whole run.
    scale : float
        Largest absolute value in Brian2 up to the first differing spike.
    unit : str
        Unit of all three.
    """

    before: float
    after: float
    scale: float
    unit: str

    @property
    def relative(self) -> float:
        """Float : difference up to the first differing spike, relative to the largest value."""
        return self.before / self.scale if self.scale else self.before


@dataclass(frozen=True)
class Comparison:
    """
    What `compare` found; print it for a table.

    A spiking network is chaotic: after the first differing spike the two are different runs, as are two
    runs of Brian2 whose sums have another order.

    Parameters
    ----------
    n_steps : int
        Number of time steps.
    dt : Quantity [second]
        Time step.
    n_spikes, n_spikes_torch : int
        Number of spikes in Brian2 and in torch.
    n_equal : int
        Number of Brian2's spikes before the first differing one.
    first_difference : Quantity [second] or None
        Time of the first spike that only one of them has.
    agreement : float
        Spikes that both have, same neuron and step, as a fraction of those that at least one has.
    variables : dict of str to Difference
        Difference of each state variable.
    """

    n_steps: int
    dt: Quantity
    n_spikes: int
    n_spikes_torch: int
    n_equal: int
    first_difference: Quantity | None
    agreement: float
    variables: dict[str, Difference]

    def __str__(self):
        duration = self.n_steps * self.dt
        said = f"all {self.n_spikes} spikes agree over {duration}"
        if self.first_difference is not None:
            said = (
                f"the first {self.n_equal} of {self.n_spikes} spikes agree, until {self.first_difference}; "
                f"over {duration} {100 * self.agreement:.3g} % of the spikes are the same "
                f"({self.n_spikes_torch} in torch)"
            )
        width = max([len("variable"), *map(len, self.variables)])
        lines = [said, f"{'variable':{width}}  max|difference| before  relative  in all     unit"]
        lines += [
            f"{name:{width}}  {item.before:<22.3g}  {item.relative:<8.2g}  {item.after:<9.3g}  {item.unit}"
            for name, item in self.variables.items()
        ]
        return "\n".join(lines)


@checked(
    group=of(NeuronGroup, advice="give the group itself"),
    module=of(Cell, advice="export one with to_torch"),
    duration=quantity(second, positive),
    others=of(Network, list, tuple, advice="give the rest of the network"),
    namespace=of(Mapping, advice="give every name that the objects do not define"),
    level=whole,
)
def compare(
    group: NeuronGroup,
    module: Cell,
    duration: Quantity,
    others: Network | Sequence[BrianObject] = (),
    *,
    namespace: dict | None = None,
    level: int = 0,
) -> Comparison:
    """
    Run a group in Brian2 and its module in torch from the same state and compare them.

    The Brian2 objects are left in the state in which they were. Not for standalone devices: see
    `compare_recorded`.

    Parameters
    ----------
    group : NeuronGroup
        The group, in the state in which it was exported.
    module : Cell
        What `hetbrian.torch.export.to_torch` made of it; in float64 to see more than rounding.
    duration : Quantity [second]
        How long to run, a multiple of the time step.
    others : Network or sequence of BrianObject
        The rest of the network: synapses, sources, gating variables, whatever sets the inputs.
    namespace : dict, optional
        Names that the objects do not define, by default those of the caller, as in Brian2's ``run``.
    level : int
        How many frames above the caller to look for names.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If the duration is no multiple of the time step, synapses, a source or a gate of the module are not among the
        others, or they belong to a network that is not given.
    DimensionMismatchError
        If the duration is no time.
    """
    namespace = get_local_namespace(level=level + 2) if namespace is None else namespace  # beyond `checked`
    n_steps = whole_steps(duration, group.clock.dt, "duration")
    for item in () if isinstance(others, Network) else (group, *others):
        if item._network is not None:  # Brian2 keeps them for it
            raise ValueError(
                f"{item.name} ran in a network already, expected that network as the others: pass it, compare(group, "
                "module, duration, network)."
            )
    network = others if isinstance(others, Network) else Network(group, *others)
    known = {item.name: item for item in _get_all_objects(network.objects)} | {None: group}
    for name in (*module.sources, *module.gates, *module.couplings):
        if name not in known:
            raise ValueError(f"the module needs {name!r}, expected it among the others: pass the rest of the network.")
    traced = {name: (known[owner], variable) for name, (owner, variable) in module.variables().items()}
    recorded = traced | {name: (group, name) for name in module.inputs}
    states = {name: StateMonitor(owner, variable, record=True) for name, (owner, variable) in recorded.items()}
    spiking = (None, *module.sources) if "spike" in group.events else tuple(module.sources)
    fired = {name: SpikeMonitor(known[name]) for name in spiking}
    monitors = [*states.values(), *fired.values()]
    network.add(monitors)
    owners = {item: item._network for item in _get_all_objects(network.objects)}
    network.store("hetbrian.torch.comparison")
    start = float(network.t)
    network.run(duration, namespace=namespace)
    values = {name: np.array(getattr(states[name], f"{variable}_")).T for name, (_, variable) in recorded.items()}
    final = {name: np.array(owner.variables[variable].get_value()) for name, (owner, variable) in traced.items()}
    given = {name: values.pop(name) for name in module.inputs}
    spikes: dict = {
        name: (np.rint((np.array(item.t_) - start) / float(group.clock.dt)).astype(int), np.array(item.i))
        for name, item in fired.items()
    }
    network.restore("hetbrian.torch.comparison")  # the monitors too: what they recorded has been copied
    network.remove(monitors)
    if network is not others:
        for item, owner in owners.items():
            item._network = owner  # so that another network may run it
    own = spikes.pop(None, ((), ()))
    return compare_recorded(module, n_steps, own, values, final=final, inputs=given, sources=spikes)


@checked(
    module=of(Cell, advice="export one with to_torch"),
    n_steps=count,
    spikes=of(tuple, list, advice="give time step and neuron of each spike"),
    traces=of(Mapping, advice="give arrays by name"),
    final=of(Mapping, advice="give arrays by name"),
    inputs=of(Mapping, advice="give arrays by name"),
    sources=of(Mapping, advice="give arrays by name"),
)
def compare_recorded(
    module: Cell,
    n_steps: int,
    spikes: tuple[npt.ArrayLike, npt.ArrayLike],
    traces: Mapping[str, np.ndarray],
    *,
    final: Mapping[str, np.ndarray] | None = None,
    inputs: Mapping[str, np.ndarray] | None = None,
    sources: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]] | None = None,
) -> Comparison:
    """
    Run a module and compare it with what was recorded in Brian2, on any device.

    Parameters
    ----------
    module : Cell
        What `hetbrian.torch.export.to_torch` made.
    n_steps : int
        Number of time steps.
    spikes : tuple of ndarray of int
        Time step and neuron of each spike.
    traces : dict of str to ndarray, shape (n_steps, neuron)
        State variables at the start of each step, as a StateMonitor records them, in SI units.
    final : dict of str to ndarray, shape (neuron,), optional
        State variables after the last step.
    inputs : dict of str to ndarray, shape (n_steps, neuron), optional
        Input variables in SI units.
    sources : dict of str to tuple of ndarray of int, optional
        Time step and neuron of each spike of each source.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If a recorded variable is none of the module.
    """
    final = final or {}
    if len(spikes) != 2:
        raise ValueError(f"spikes has {len(spikes)} parts, expected two: give time step and neuron of each spike.")
    variables = {name: module.dimension(name) for name in (*traces, *final, *module.inputs)}
    was_training = module.training
    module.eval()  # trained delays arrive whole, as in Brian2
    try:
        with torch.no_grad():
            output = module(
                n_steps,
                inputs={
                    name: torch.as_tensor(module.units.from_si(values, variables[name]))
                    for name, values in (inputs or {}).items()
                },
                spikes={
                    name: torch.as_tensor(_raster(events, n_steps, module.sources[name]), dtype=module.dtype)
                    for name, events in (sources or {}).items()
                },
                record=tuple(traces),
            )
    finally:
        module.train(was_training)
    raster = _raster(spikes, n_steps, module.neurons.size)
    fired = output.spikes.cpu().numpy() > 0.5
    differs = (raster != fired).any(axis=1)
    first = int(differs.argmax()) if differs.any() else n_steps
    found = {}
    for name in {**traces, **final}:
        rows = [*zip(range(n_steps), traces.get(name, ()), output.recorded.get(name, ()), strict=False)]
        rows += [(n_steps, final[name], output.state[name])] if name in final else []
        steps, theirs, ours = zip(*rows, strict=True)
        brian = module.units.from_si(np.array(theirs, dtype=float), variables[name])
        apart = np.abs(torch.stack(ours).double().cpu().numpy() - brian).max(axis=1)  # (step,)
        is_before = np.array(steps) <= first  # a spike changes the state only at the start of the next step
        found[name] = Difference(
            before=float(apart[is_before].max(initial=0.0)),
            after=float(apart.max()),
            scale=float(np.abs(brian[is_before]).max(initial=0.0)),
            unit=module.units.label(variables[name]),
        )
    dt = Quantity(module.units.to_si(module.dt, second.dim), dim=second.dim)
    return Comparison(
        n_steps=n_steps,
        dt=dt,
        n_spikes=int(raster.sum()),
        n_spikes_torch=int(fired.sum()),
        n_equal=int(raster[:first].sum()),
        first_difference=first * dt if first < n_steps else None,
        agreement=float((raster & fired).sum() / max(1, (raster | fired).sum())),
        variables=found,
    )


@checked(
    network=of(Network, advice="return Network(...) from the model"),
    duration=quantity(second, positive),
    group=text,
    precision=one_of("float64", "float32"),
)
def compare_model(
    network: Network,
    duration: Quantity,
    group: str = "neurons",
    inputs: Sequence[str] = (),
    precision: str = "float64",
) -> Comparison:
    """
    Export a group of a network and compare the two; what ``hetbrian compare`` does.

    Parameters
    ----------
    network : Network
        A network that has not run.
    duration : Quantity [second]
        How long to run.
    group : str
        Name of the group; its synapses and gating variable are found.
    inputs : sequence of str
        Variables that other objects set; torch is given what Brian2 had.
    precision : {"float64", "float32"}
        Of torch.

    Returns
    -------
    Comparison

    Raises
    ------
    TypeError
        If it is no Network.
    ValueError
        If the network has no such group or the precision is unknown; see `compare`.
    ExportError
        If the model cannot be exported.
    """
    known = {item.name: item for item in network.objects}
    if not isinstance(known.get(group), NeuronGroup):
        names = [name for name, item in sorted(known.items()) if isinstance(item, NeuronGroup)]
        raise ValueError(f"the network has no group {group!r}, expected {', '.join(names)}: name one with --group.")
    chosen = known[group]
    synapses = [
        item
        for _, item in sorted(known.items())
        if (isinstance(item, Synapses) and item.target is chosen) or isinstance(item, AllToAll)
    ]
    module = to_torch(chosen, synapses, inputs=inputs, dtype=getattr(torch, precision), namespace={})
    return compare(chosen, module, duration, network, namespace={})


def _raster(spikes, n_steps, size):
    """Return the steps and neurons of spikes as truth values, shape (step, neuron)."""
    steps, neurons = (integers(part, "spikes") for part in spikes)
    check_broadcast(steps=steps, neurons=neurons)
    for part, size_ in ((steps, n_steps), (neurons, size)):
        if part.size and not 0 <= part.min() <= part.max() < size_:
            raise ValueError(
                f"spikes has {shown(part)}, expected numbers from 0 to {size_ - 1}: check steps and neurons."
            )
    raster = np.zeros((n_steps, size), dtype=bool)
    raster[np.asarray(steps, dtype=int), np.asarray(neurons, dtype=int)] = True
    return raster
