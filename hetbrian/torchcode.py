"""Write the assignments of a time step as Python source for torch."""

import ast

from brian2.utils.stringtools import get_identifiers

from hetbrian.rendering import ThresholdRenderer, TorchRenderer
from hetbrian.statements import ExportError

RESERVED = frozenset("ops spike reset surrogate values_ state_ linked_ prepared_ step_ spikes_ fired_ like_".split())
"""Names of the generated code, which no variable may have."""

NOT_FLOAT = ("lastspike", "not_refractory")


def module_source(program, constants, parameters, tables, integers=(), width=1.0, detach=False):
    """
    Return Python source with functions ``prepare``, ``update``, ``threshold``, ``bound`` and ``reset_state``.

    ``prepare`` computes once per sequence what never changes, the others are one slot of the schedule each. They
    need ``ops`` (`hetbrian.torchops`), ``spike``, ``reset`` and ``surrogate`` (`hetbrian.surrogate`).

    Parameters
    ----------
    program : Program
        The assignments.
    constants : dict of str to tuple
        Number and unit of each constant.
    parameters : sequence of str
        Names that ``prepare`` reads from the module, TimedArrays included.
    tables : dict of str to tuple
        Step and subdivision of each TimedArray.
    integers : sequence of str
        State variables that are whole numbers or truth values.
    width : float
        Distance from the threshold that counts as 1.
    detach : bool
        Whether gradients do not flow to the spikes through the reset.

    Returns
    -------
    str

    Raises
    ------
    ExportError
        If a variable has a name that the generated code needs, or the group has no state.
    """
    for name in sorted({*program.variables} & RESERVED):
        raise ExportError(
            f"{program.name} has a variable {name!r}, a name of the generated code; expected another: rename it."
        )
    floats = [name for name in program.state if name not in (*NOT_FLOAT, *integers)]
    if not floats:
        raise ExportError(
            f"{program.name} has no variable that changes in time, expected a differential equation: add one."
        )
    source = _Source(program, TorchRenderer({*constants, *parameters} - {*tables}, tables))
    bodies = {
        "update": source.assign("groups"),
        "threshold": source.threshold(width),
        "bound": source.assign("after_synapses"),
        "reset_state": source.reset(detach),
    }
    prelude = source.renderer.prelude
    prepared = [*parameters, *prelude.values()]
    lines = [f'"""The time step of {program.name}."""', ""]
    lines += [f"{name} = {value!r}  # {unit}" for name, (value, unit) in sorted(constants.items())]
    lines += ["", "", "def prepare(values_):"]
    lines += [f"    {name} = values_.{name}" for name in parameters]
    lines += [f"    {name} = {text}" for text, name in prelude.items()]
    lines += [f"    return {_tuple(prepared)}"]
    groups = [("state_", program.state), ("linked_", sorted(program.linked)), ("prepared_", prepared)]
    for name, body in bodies.items():
        used = get_identifiers("\n".join(body))
        head = [f"{_tuple(names)} = {argument}" for argument, names in groups if names]
        head += ["t = step_ * dt"] if "t" in used else []
        head += ["t_in_timesteps = step_"] if "t_in_timesteps" in used else []
        head += [f"like_ = {floats[0]}"] if "like_" in used else []
        spikes = ", spikes_" if name == "reset_state" else ""
        result = _tuple(program.state)
        lines += ["", "", f"def {name}(step_, state_, linked_, prepared_{spikes}):"]
        lines += [f"    {line}" for line in head + body]
        lines += [f"    return spikes_, {result}" if name == "threshold" else f"    return {result}"]
    return "\n".join(lines) + "\n"


class _Source:
    """Write the body of each function of a program."""

    def __init__(self, program, renderer):
        self.program, self.renderer = program, renderer

    def assign(self, slot):
        """Return the assignments of a slot; temporary names for what is fixed move to the prelude."""
        lines, shaped = [], {*self.program.state}  # what has one value a neuron
        self.renderer.aliases = {}
        for item in self.program.slots.get(slot, []):
            is_state = item.name in self.program.state
            node = ast.parse(item.expression.strip(), mode="eval").body
            text = self.renderer.render_node(node)
            self.renderer.aliases.pop(item.name, None)
            if not is_state and self.renderer.is_static(node):
                self.renderer.aliases[item.name] = text
                continue
            if self._names(node) & shaped:
                shaped.add(item.name)
            elif is_state:
                text = f"ops.fill({text}, {item.name})"
            if item.guard:
                text = f"ops.where({item.guard}, {text}, {item.name})"
            lines.append(f"{item.name} = {text}")
        return lines

    def threshold(self, width):
        """Return the spikes, and the refractoriness that they begin."""
        if self.program.condition is None:
            return ["spikes_ = ops.hard(False, like_)"]
        lines = self.assign("thresholds")[:-1]  # without the condition itself, which has no surrogate
        changing = {*self.program.state, *self.program.linked} | {line.split(" = ")[0] for line in lines}
        node = ast.parse(self.program.condition.strip(), mode="eval").body
        lines.append(f"spikes_ = {ThresholdRenderer(self.renderer, changing, width).render(node)}")
        if self.program.is_refractory:
            lines += [
                "spikes_ = spikes_ * ops.hard(not_refractory, like_)",
                "fired_ = spikes_ > 0.5",
                "not_refractory = not_refractory & ops.negate(fired_)",
                "lastspike = ops.where(fired_, ops.fill(t, lastspike), lastspike)",
            ]
        return lines

    def reset(self, detach):
        """Return the reset, computed for all neurons and kept for those that spiked."""
        lines = self.assign("resets")
        changed = sorted({line.split(" = ")[0] for line in lines} & {*self.program.state})
        before = [f"{name}_before = {name}" for name in changed]
        after = [f"{name} = reset(spikes_, {name}, {name}_before, detach={detach})" for name in changed]
        return before + lines + after

    @staticmethod
    def _names(node):
        return {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}


def _tuple(names):
    """Return names as a tuple of Python."""
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"
