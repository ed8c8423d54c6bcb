"""Write what one neuron does in a time step, forwards and backwards, as C for the kernels of the fused cell."""

import ast
import math
from collections.abc import Mapping
from typing import Any

import jinja2

from hetbrian.torch.fused.layout import Arguments, Layout, Pathway
from hetbrian.torch.fused.tape import ZERO, Tape, Value, as_number, literal
from hetbrian.torch.limits import refused
from hetbrian.torch.rendering import jumps, off_grid
from hetbrian.torch.source import Moment, Source, comparison
from hetbrian.torch.statements import names, parse
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
            raise refused("fused", "the group has no threshold", "one for the fused cell")
        if not surrogate.formula:
            found = f"{type(surrogate).__name__} has no formula"
            raise refused("formula", found, "its derivative in Brian2's syntax for the fused cell")
        self.larger, self.smaller, self.is_strict = comparison(source.condition)
        if source.slots["after_synapses"]:
            raise refused("fused", "the group has run_regularly", "none in the fused cell")
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

    def _fixed(self, tape, at="at"):
        """Return what a neuron does not change in a step: everything, its rows alone, and what it is given."""
        rows = {name: tape.new(f"rows[{j}*(size_t)N + n]") for j, name in enumerate(self.layout.rows)}
        inputs = {name: tape.new(f"inputs[{j}][{at} + n]") for j, name in enumerate(self.layout.inputs)}
        return {name: literal(f"c_{name}") for name in self.layout.scalars} | inputs | rows, rows, inputs

    def _age(self, tape, moment: Moment, lastspike, fixed):
        """Append what hangs on the time of the last spike, in seconds and double."""
        if any("lastspike" in off_grid(part) for part in jumps(moment.node)):  # the compiler may round otherwise
            found = f"{ast.unparse(moment.node)!r} compares times on the grid"
            raise refused("fused", found, "timestep(...) in the fused cell")
        known = {"t": literal("time"), "dt": literal("seconds"), "t_in_timesteps": literal("double(step)")}
        known["lastspike"] = lastspike
        for name in names(moment.node) & fixed.keys():
            known.setdefault(name, self._in_si(tape, name, fixed[name]))
        value = tape.value(moment.node, known, "double")
        if moment.scale is None:
            return value
        return tape.apply("real", tape.apply(ast.Mult, value, literal(as_number(moment.scale, "double"))))

    def _in_si(self, tape, name, value):
        """Append a parameter or constant in SI."""
        if name in self.source.si:
            return literal(as_number(self.source.si[name], "double"))
        return tape.apply(ast.Div, value, literal(as_number(self.layout.scales.get(name, 1.0), "double")))

    def _load(self, tape, row, name):
        """Append the load of a variable that was kept."""
        value = tape.new(f"{row}[KEPT_{name}*BN + n]")
        self._of_kept[value] = name
        return value

    def _advance(self, tape, start):
        """Append update and threshold; return start and variables after them, what is given, and the margin."""
        fixed, rows, inputs = self._fixed(tape)
        wanted = {name: inputs[name] for name in self.layout.of_inputs}
        ages = {
            name: self._age(tape, moment, start["lastspike"], fixed)
            for name, moment in self.source.ages.items()
            if self._is_used(name)
        }
        known = tape.run(self.source.slots["groups"], fixed | start | ages)
        given = {name: start[name] for name in self.layout.state} | wanted
        given |= {name: rows[name] for name in self.layout.trained}
        for name, limit in self.bounds.items():
            known[name] = tape.bound(known[name], start[name], limit, [*given.values()])
        known = tape.run(self.source.slots["thresholds"], known)
        return known, given, tape.value(self.larger, known), tape.value(self.smaller, known)

    def _is_used(self, age):
        """Return whether update or threshold need what hangs on the last spike; the reset's is none of the kernel."""
        nodes = [item.value for slot in ("groups", "thresholds") for item in self.source.slots[slot]]
        return any(age in names(node) for node in (*nodes, self.source.condition))

    def _update(self):
        """Return update, threshold and refractoriness of a neuron; the state of the row is replaced."""
        layout, tape = self.layout, Tape()
        start = {name: tape.new(f"state[{k}*N + n]") for k, name in enumerate(layout.planes)}
        if layout.is_refractory:
            start["lastspike"] = tape.new("last_row[n]")
        known, _, larger, smaller = self._advance(tape, start)
        fired = tape.new("{a} > {b}" if self.is_strict else "{a} >= {b}", a=larger, b=smaller)
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
        layout, tape = self.layout, Tape()
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
        layout, tape = self.layout, Tape()
        fixed, rows, inputs = self._fixed(tape)
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
        wanted = (*layout.state, *layout.trained, *layout.of_inputs)
        values = [(rows | inputs | before)[name] for name in wanted]
        found = dict(zip(wanted, tape.adjoints(seeds, values), strict=True))
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
        layout, tape = self.layout, Tape()
        fixed, *_ = self._fixed(tape, "at_before")
        before = {name: self._load(tape, "before", name) for name in layout.state}
        after = tape.run(self.source.slots["resets"], fixed | before)
        start = {name: _chosen(tape, literal("was"), after[name], before[name]) for name in layout.state}
        if layout.is_refractory:
            start["not_refractory"] = self._load(tape, "before", "not_refractory")
            start["lastspike"] = tape.new("last_before[n]")
        kept = {name: self._load(tape, "after", name) for name in layout.state if name not in layout.targets}
        known, given, larger, smaller = self._advance(tape, start)
        margin = tape.apply(ast.Sub, larger, smaller)
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
        of_margin = tape.new(
            "{margin} == {margin} ? {g}*{slope}/width : 0", kind="real", margin=margin, g=of_spike, slope=slope
        )
        seeds = [(known[name], tape.new(f"G[{k}*NB + n]")) for k, name in enumerate(layout.state)]
        seeds.append((margin, of_margin))
        found = dict(zip(given, tape.adjoints(seeds, [*given.values()]), strict=True))
        for k, name in enumerate(layout.state):
            tape.store(f"G[{k}*NB + n]", found[name])
        return self._store_gradients(tape, found)

    def _store_gradients(self, tape, found: Mapping[str, Value]):
        for name in self.layout.trained:
            if found[name] is not ZERO:
                tape.store(f"of_rows[{self.layout.rows.index(name)}*(size_t)N + n]", found[name], "+=")
        for name in self.layout.of_inputs:
            if found[name] is not ZERO:
                tape.store(f"of_inputs[{self.layout.inputs.index(name)}][at + n]", found[name], "+=")
        return tape


def _chosen(tape, fired, new, old):
    """Append a variable after the reset of those that fired."""
    return old if new is old else tape.new("{z} ? real({new}) : {old}", kind="real", z=fired, new=new, old=old)
