"""What cannot be exported: one list, by which the exporter refuses and from which docs/torch.md has its table."""

from dataclasses import dataclass


class ExportError(NotImplementedError):
    """The model has something that cannot be exported; the message names it and what to do instead."""


ROWS = {
    "groups": "NeuronGroup, with any number of outside spike sources",
    "methods": "exact (linear), euler, exponential_euler, heun, milstein, rk2, rk4",
    "equations": "sub-expressions, also shared; parameters: per neuron, shared, whole numbers, truth values; `xi`, "
    "`rand`, `randn` (torch's generator); any names",
    "numbers": "of every size that the precision holds, infinite and nan too",
    "functions": "Brian2's own; TimedArray of one or two dimensions at any time",
    "threshold": "comparisons by >, >=, <, <= and truth values, joined by and, or, not",
    "refractoriness": "a time, an expression, a condition; `unless refractory`",
    "reset": "any statements",
    "operations": "`run_regularly` in the slot after_synapses at the same time step",
    "synapses": "`on_pre` with lines `x_post += weight` of synaptic parameters and constants; dense or sparse; one "
    "delay or many, fixed or trained; several for a pair",
    "coupling": "AllToAll",
    "state": "values of now, at the time of the group's network; what is `active = False` does nothing",
    "device": "runtime",
    "fused cell": "groups with one comparison as threshold and dense synapses: refractoriness, delays, TimedArrays",
}
"""What is in, by row of the table."""


@dataclass(frozen=True)
class Limit:
    """
    One thing that is out.

    Parameters
    ----------
    row : str
        Row of the table, one of `ROWS`.
    what : str
        What it is, in Markdown.
    instead : str
        What to do instead.
    """

    row: str
    what: str
    instead: str


LIMITS = {
    "group": Limit(
        "groups",
        "Subgroup, PoissonGroup, SpikeGeneratorGroup, SpatialNeuron",
        "pass the whole group, and spike sources only as the source of synapses",
    ),
    "class": Limit(
        "groups",
        "classes of your own that replace something of Brian2's, such as `before_run`",
        "use Brian2's class, and write what yours does into the equations",
    ),
    "method": Limit("methods", "GSL", "choose one of them"),
    "static": Limit("equations", "no variable that changes in time", "add one"),
    "over dt": Limit("equations", "`constant over dt`", "remove the flag"),
    "linked": Limit(
        "equations",
        "linked variables but of AllToAll",
        "pass that group in synapses=, or copy the values into a parameter",
    ),
    "stage": Limit(
        "equations",
        "times of neurons that are compared within a step, as a stage of rk2 and rk4 does",
        "use euler, or compare timestep(...)",
    ),
    "units": Limit(
        "equations", "units and types that Brian2 refuses", "correct them, Brian2 would refuse them when it runs"
    ),
    "module name": Limit(
        "equations", "objects called like attributes of a dictionary of modules, such as `keys`", "rename the object"
    ),
    "precision": Limit(
        "numbers", "variables that Brian2 keeps in float32, in float64", "use dtype=torch.float32, or build without it"
    ),
    "range": Limit("numbers", "numbers beyond the precision, such as 1e-50 in float32", "use dtype=torch.float64"),
    "rounding": Limit("numbers", "`floor`, `ceil` of a quantity", "divide by a unit"),
    "function": Limit("functions", "your own functions, `poisson`", "write its expression into the equations"),
    "noise bound": Limit("functions", "random numbers with jacobian_bound", "clip the norm of the gradient instead"),
    "comparison": Limit("threshold", "==, !=", "write it as one"),
    "event": Limit("threshold", "custom events", "express it as threshold and reset"),
    "legacy": Limit("refractoriness", "`prefs.legacy.refractory_timing`", "set prefs.legacy.refractory_timing = False"),
    "shared": Limit("reset", "shared variables that change", "remove (shared)"),
    "slot": Limit("operations", "other slots, time steps or schedules", "write it into the equations or the reset"),
    "object": Limit(
        "synapses", "other objects than Synapses", "other objects have no counterpart in torch, run them in Brian2"
    ),
    "one delay": Limit(
        "synapses", "one delay for all, to be trained", "leave out delay=, and set synapses.delay after connect()"
    ),
    "pathway": Limit("synapses", "`on_post`, plasticity", "learning rules run in Brian2, not in torch"),
    "synaptic": Limit(
        "synapses", "synaptic differential equations, event-driven ones too", "put the equations into the neurons"
    ),
    "regular": Limit(
        "synapses",
        "`run_regularly` of synapses, their `constant over dt`",
        "train these weights in Brian2, not in torch",
    ),
    "summed": Limit("synapses", "`(summed)`", "write it as spikes' effect"),
    "on_pre": Limit("synapses", "other statements", "write plastic or nonlinear synapses as equations of the neurons"),
    "weight": Limit(
        "synapses",
        "weights that depend on neurons' variables, on how many synapses they have, on their delays, or on time",
        "copy its values into a synaptic parameter",
    ),
    "drawn": Limit(
        "synapses", "weights that are drawn anew at every spike", "draw them once into a synaptic parameter"
    ),
    "whole": Limit(
        "synapses", "real weights onto whole numbers, and weights onto truth values", "make the variable a real number"
    ),
    "end": Limit("synapses", "subgroups", "connect the group"),
    "target": Limit("coupling", "other groups that spike on each other", "export that group, or leave them out"),
    "gate": Limit("coupling", "other groups of which variables are linked", "use AllToAll, or export it on its own"),
    "clock": Limit("synapses", "another slot or time step", "use one clock and the default slot"),
    "unconnected": Limit("synapses", "none connected", "call connect() first"),
    "pending": Limit("state", "spikes that are on their way", "export before running, or after the last delay"),
    "time": Limit(
        "state", "a new dt of which the time is no multiple, clocks without dt", "choose a dt that divides the time"
    ),
    "device": Limit("device", "standalone", "call set_device('runtime') and build the group again"),
    "fused": Limit(
        "fused cell",
        "a gating variable, random numbers, whole-number state, `run_regularly`, sparse weights, several comparisons, "
        "times since the last spike that are compared on the grid",
        "use the plain module",
    ),
    "formula": Limit("fused cell", "surrogates without formula", "add one, or use the plain module"),
}
"""What is out, by the name under which it is refused."""


def refused(limit: str, found: str, expected: str) -> ExportError:
    """
    Return the error for something that is out.

    Parameters
    ----------
    limit : str
        One of `LIMITS`.
    found : str
        What was found, with its name.
    expected : str
        What was expected.

    Returns
    -------
    ExportError

    Examples
    --------
    >>> print(refused("over dt", "'u' of group is (constant over dt)", "a plain sub-expression"))
    'u' of group is (constant over dt), expected a plain sub-expression: remove the flag.
    """
    return ExportError(f"{found}, expected {expected}: {LIMITS[limit].instead}.")


def table() -> str:
    """
    Return the table of what is in and out, in Markdown.

    Returns
    -------
    str
    """
    lines = ["| | in | out: do this instead |", "|---|---|---|"]
    for row, inside in ROWS.items():
        out = "; ".join(f"{item.what}: {item.instead}" for item in LIMITS.values() if item.row == row)
        lines.append(f"| {row} | {inside} | {out} |")
    return "\n".join(lines)
