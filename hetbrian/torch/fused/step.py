"""Write what one neuron does in a time step, forwards and backwards, as C for the kernels of the fused cell."""

import math
from collections.abc import Mapping
from typing import Any

import jinja2

from hetbrian.torch.fused.layout import Arguments, Layout, Pathway
from hetbrian.torch.fused.tape import ZERO, Tape, Value, literal
from hetbrian.torch.source import Source, threshold_margin
from hetbrian.torch.statements import ExportError, parse
from hetbrian.torch.surrogate import Surrogate

TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader(__package__, "kernels"),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
"""The kernels, in which the code of a step is missing."""


class StepCode:
    """
    Hold the bodies of a kernel's loops over neurons ``n``.

    Of every step a kernel keeps the state before the reset, from which the backward pass computes the
    rest again, and of that only the variables on which an adjoint depends.

    Parameters
    ----------
    source : Source
        The assignments of the neurons.
    layout : Layout
        Names in the order of the arrays.
    surrogate : Surrogate
        Derivative of the spike.
    detach : bool
        Whether gradients do not flow to the spikes through the reset.
    bounds : dict of str to float
        Largest derivative of a state variable's update by its own value.

    Attributes
    ----------
    update, reset, adjoint_reset, adjoint_update : str
        C.
    kept : tuple of str
        The variables that are kept, in order.
    arguments : Arguments
        What a kernel takes.

    Raises
    ------
    ExportError
        If the model has something that the kernels cannot do.
    """

    def __init__(self, source: Source, layout: Layout, surrogate: Surrogate, detach: bool, bounds: Mapping[str, float]):
        if source.condition is None:
            raise ExportError("the group has no threshold, expected one for the fused cell: use the plain module.")
        if not surrogate.formula:
            raise ExportError(
                f"{type(surrogate).__name__} has no formula, expected its derivative in Brian2's syntax for the fused "
                "cell: add one, or use the plain module."
            )
        self.margin, self.is_strict = threshold_margin(source.condition)
        if source.slots["after_synapses"]:
            raise ExportError("the group has run_regularly, expected none in the fused cell: use the plain module.")
        self.source, self.layout, self.bounds = source, layout, bounds
        self.arguments = Arguments(layout)
        self._of_kept: dict[Value, str] = {}
        adjoints = [self._adjoint_reset(detach), self._adjoint_update(surrogate)]
        needed = {self._of_kept[value] for tape in adjoints for value in tape.alive() & self._of_kept.keys()}
        self.kept = tuple(name for name in layout.planes if name in needed)
        self.adjoint_reset, self.adjoint_update = (tape.code() for tape in adjoints)
        self.update, self.reset = self._update().code(), self._reset().code()

    @property
    def n_slots(self) -> int:
        """Int : steps for which the adjoint of a spike waits at most."""
        return 1 + max([0, *(pathway.delay for pathway in self.layout.pathways if not pathway.source)])

    @property
    def paths(self) -> list[tuple[int, Pathway, int]]:
        """List of tuple : number, pathway and number of its target."""
        return [(j, path, self.layout.targets.index(path.variable)) for j, path in enumerate(self.layout.pathways)]

    def kernel(self, name: str, **options: Any) -> str:
        """Return the source of a kernel, a file of ``kernels`` that is given this step and options."""
        return TEMPLATES.get_template(name).render(step=self, layout=self.layout, **options)

    def _fixed(self, tape, ago=""):
        """Return what a neuron does not change in this step or, ``_before``, in the one before; and its rows alone."""
        rows = {name: tape.new(f"rows[{j}*(size_t)N + n]") for j, name in enumerate(self.layout.rows)}
        time = {"t": literal(f"time{ago}"), "t_in_timesteps": literal(f"real(step{ago})")}
        return {name: literal(f"c_{name}") for name in self.layout.scalars} | time | rows, rows

    def _load(self, tape, row, name):
        """Append the load of a variable that was kept."""
        value = tape.new(f"{row}[KEPT_{name}*BN + n]")
        self._of_kept[value] = name
        return value

    def _advance(self, tape, start):
        """Append update and threshold; return start and variables after them, what is given, and the margin."""
        fixed, rows = self._fixed(tape)
        inputs = {name: tape.new(f"inputs[{j}][at + n]") for j, name in enumerate(self.layout.inputs)}
        known = tape.run(self.source.slots["groups"], fixed | inputs | start)
        given = {name: start[name] for name in self.layout.state} | inputs
        given |= {name: rows[name] for name in self.layout.trained}
        for name, limit in self.bounds.items():
            known[name] = tape.bound(known[name], start[name], limit, [*given.values()])
        known = tape.run(self.source.slots["thresholds"], known)
        return known, given, tape.value(self.margin, known)

    def _update(self):
        """Return update, threshold and refractoriness of a neuron; the state of the row is replaced."""
        layout, tape = self.layout, Tape(self.source.tables)
        start = {name: tape.new(f"state[{k}*N + n]") for k, name in enumerate(layout.planes)}
        if layout.is_refractory:
            start["lastspike"] = tape.new("last_row[n]")
        known, _, margin = self._advance(tape, start)
        fired = tape.new("{margin} > 0" if self.is_strict else "{margin} >= 0", margin=margin)
        if layout.is_refractory:
            waits = known["not_refractory"]
            fired = tape.new("{fired} && {waits} != 0", fired=fired, waits=waits)
            left = tape.new("{waits} != 0 && !{fired} ? real(1) : real(0)", waits=waits, fired=fired)
            tape.store(f"state[{len(layout.state)}*N + n]", left)
            tape.store("last_row[n]", tape.new("{fired} ? time : {last}", fired=fired, last=start["lastspike"]))
        tape.store("spikes_row[n]", tape.new("{fired} ? real(1) : real(0)", fired=fired))
        for k, name in enumerate(layout.state):
            tape.store(f"state[{k}*N + n]", known[name])
        return tape

    def _reset(self):
        """Return synapses and reset of a neuron: what is kept, and the state of the next step."""
        layout, tape = self.layout, Tape(self.source.tables)
        fired = tape.new("spikes_row[n] != 0")
        planes = {name: tape.new(f"state[{k}*N + n]") for k, name in enumerate(layout.planes)}
        for j, name in enumerate(layout.targets):
            arrived = tape.new(f"arrived[{j}*N + n]")
            if layout.guard(name):
                arrived = tape.new("{open} != 0 ? {a} : real(0)", open=planes["not_refractory"], a=arrived)
            planes[name] = tape.new("{a} + {b}", a=planes[name], b=arrived)
        for name in self.kept:
            tape.store(f"saved_row[KEPT_{name}*BN + n]", planes[name])
        before = {name: planes[name] for name in layout.state}
        after = tape.run(self.source.slots["resets"], self._fixed(tape)[0] | before)
        for k, name in enumerate(layout.state):
            tape.store(f"state[{k}*N + n]", _chosen(tape, fired, after[name], before[name]))
        return tape

    def _adjoint_reset(self, detach):
        """Return the adjoint of synapses and reset of a neuron."""
        layout, tape = self.layout, Tape(self.source.tables)
        fixed, rows = self._fixed(tape)
        fired = tape.new("spikes[at + n] != 0")
        before = {name: self._load(tape, "after", name) for name in layout.state}
        adjoints = {name: tape.new(f"G[{k}*NB + n]") for k, name in enumerate(layout.state)}
        after = tape.run(self.source.slots["resets"], fixed | before)
        seeds, of_spike = [], literal("0")
        for name, adjoint in adjoints.items():
            if after[name] is not before[name]:
                seeds.append((after[name], tape.new("{z} ? {g} : 0", kind="real", z=fired, g=adjoint)))
                adjoints[name] = tape.new("{z} ? 0 : {g}", kind="real", z=fired, g=adjoint)
                if not detach:
                    change = tape.change(after[name], before[name])
                    of_spike = tape.new("{sum} + {g}*{change}", sum=of_spike, g=adjoint, change=change)
        tape.store("of_spike[n]", of_spike)
        names = (*layout.state, *layout.trained)
        found = dict(zip(names, tape.adjoints(seeds, [(before | rows)[name] for name in names]), strict=True))
        for k, name in enumerate(layout.state):
            found[name] = tape.new("{a} + {b}", kind="real", a=found[name], b=adjoints[name])
            tape.store(f"G[{k}*NB + n]", found[name])
        for j, name in enumerate(layout.targets):
            arrived = found[name]
            if layout.guard(name):
                is_open = self._load(tape, "after", "not_refractory")
                arrived = tape.new("{open} != 0 ? {g} : 0", open=is_open, g=arrived)
            tape.store(f"incoming[{j}*NB + n]", arrived)
        return self._store_gradients(tape, found)

    def _adjoint_update(self, surrogate):
        """Return the adjoint of threshold and update of a neuron."""
        layout, tape = self.layout, Tape(self.source.tables)
        fixed, _ = self._fixed(tape, "_before")
        before = {name: self._load(tape, "before", name) for name in layout.state}
        after = tape.run(self.source.slots["resets"], fixed | before)
        start = {name: _chosen(tape, literal("was"), after[name], before[name]) for name in layout.state}
        if layout.is_refractory:
            start["not_refractory"] = self._load(tape, "before", "not_refractory")
            start["lastspike"] = tape.new("last_before[n]")
        kept = {name: self._load(tape, "after", name) for name in layout.state if name not in layout.targets}
        known, given, margin = self._advance(tape, start)
        for name, value in kept.items():  # what no synapse changed is as it was kept: no need to compute it again
            if known[name].operands and known[name] is not start[name]:
                known[name].form = "{kept}"
                known[name].operands["kept"] = value
        x = tape.new("{margin}/width", kind="real", margin=margin)
        names = {"x": x, "slope": literal(f"real({surrogate.slope!r})"), "pi": literal(f"real({math.pi!r})")}
        slope = tape.value(parse(surrogate.formula), names)
        of_spike = tape.new("of_spikes[at + n] + sent[n] + of_spike[n]")
        if layout.is_refractory:
            of_spike = tape.new("{waits} != 0 ? {g} : 0", waits=known["not_refractory"], g=of_spike)
        of_margin = tape.new("{g}*{slope}/width", kind="real", g=of_spike, slope=slope)
        seeds = [(known[name], tape.new(f"G[{k}*NB + n]")) for k, name in enumerate(layout.state)]
        seeds.append((margin, of_margin))
        found = dict(zip(given, tape.adjoints(seeds, [*given.values()]), strict=True))
        for k, name in enumerate(layout.state):
            tape.store(f"G[{k}*NB + n]", found[name])
        for j, name in enumerate(layout.inputs):
            tape.store(f"of_inputs[{j}][at + n]", found[name])
        return self._store_gradients(tape, found)

    def _store_gradients(self, tape, found: Mapping[str, Value]):
        for name in self.layout.trained:
            if found[name] is not ZERO:
                tape.store(f"of_rows[{self.layout.rows.index(name)}*(size_t)N + n]", found[name], "+=")
        return tape


def _chosen(tape, fired, new, old):
    """Append a variable after the reset of those that fired."""
    return old if new is old else tape.new("{z} ? real({new}) : {old}", kind="real", z=fired, new=new, old=old)
