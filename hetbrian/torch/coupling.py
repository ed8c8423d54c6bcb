"""Synapses whose spikes add a weight to a variable, as a torch module."""

import ast
from collections.abc import Sequence

import numpy as np
from brian2 import NeuronGroup, Synapses, TimedArray
from brian2.core.variables import ArrayVariable, Constant
from brian2.groups.subgroup import Subgroup
from brian2.parsing.bast import brian_ast

from hetbrian._support.checks import choice
from hetbrian._support.optional import torch
from hetbrian.torch.checks import check_code
from hetbrian.torch.delays import NARROWEST, own_delays, read_delays, shares
from hetbrian.torch.integration import Hidden
from hetbrian.torch.limits import refused
from hetbrian.torch.module import Generated, number, tensor
from hetbrian.torch.names import Names
from hetbrian.torch.rendering import RANDOM, TorchRenderer, literal
from hetbrian.torch.statements import assignments, lines, names, owner_name, resolve

ALL = "all"
"""The synapses that are added together, whatever their delay, where delays are trained."""

DENSE = 4_000_000
"""Largest matrix, in elements, that is kept dense by default; larger ones only if most pairs are connected."""


class Coupling(Generated):
    """
    The synapses between two groups: weights of each synapse, delays in time steps.

    Every synapse keeps its own weight, also where several connect a pair; `read_coupling` makes it.

    Parameters
    ----------
    name : str
        Name of the synapses.
    code : str
        Python source of ``increments``, which gives what a spike adds to each of ``variables``.
    functions : dict of str to str
        Its name there.
    variables : sequence of str
        State variables that receive.
    source : str or None
        Name of the group that spikes, None for the exported group itself.
    target : str or None
        Gate that receives, None for the exported group itself.
    shape : tuple of int
        Number of source and target neurons.
    pre, post, delays : ndarray of int, shape (n_synapses,)
        Source and target neuron and delay in time steps.
    guards : dict of str to str
        Boolean state variables: where they are false, nothing is added.
    is_sparse : bool
        Whether to add synapse by synapse instead of multiplying matrices.
    dtype : torch.dtype
        Precision of weights that have no parameter.
    trained_delays : TrainedDelays, optional
        If the delays are trained: what is known of them, beside the parameter ``delay``.

    Attributes
    ----------
    n_source : int
        Number of source neurons.
    max_delay : int
        Longest delay in time steps.
    sigma : float
        Width of trained delays in time steps, see `hetbrian.torch.delays.shares`; in evaluation mode it counts as 0.
    """

    _zeros: torch.Tensor

    def __init__(
        self,
        name,
        code,
        functions,
        variables,
        *,
        source,
        target,
        shape,
        pre,
        post,
        delays,
        guards,
        is_sparse,
        dtype,
        trained_delays=None,
    ):
        super().__init__(name, code, functions=functions)
        self.variables, self.source, self.target, self.shape = tuple(variables), source, target, shape
        self.guards, self.is_sparse, self.trained_delays, self.sigma = guards, is_sparse, trained_delays, NARROWEST
        self.register_buffer("_zeros", torch.zeros(len(pre), dtype=dtype), persistent=False)
        pairs = pre.astype(np.int64) * shape[1] + post
        if trained_delays:
            self.delays, groups = tuple(range(trained_delays.longest + 1)), {ALL: np.arange(len(pre))}
        else:
            self.delays = tuple(int(delay) for delay in np.unique(delays))
            groups = {str(delay): np.flatnonzero(delays == delay) for delay in self.delays}
        self.n_source, self.max_delay = shape[0], max(self.delays, default=0)
        self.is_whole = len(groups) == 1 and np.array_equal(pairs, np.arange(shape[0] * shape[1]))
        for group, chosen in groups.items():
            self.register_buffer(f"_chosen_{group}", torch.as_tensor(chosen), persistent=False)
            self.register_buffer(f"_pairs_{group}", torch.as_tensor(pairs[chosen]), persistent=False)

    def steps(self):
        """
        Return the delays in time steps, as they are in evaluation.

        Returns
        -------
        Tensor of int64, shape (synapse,)
        """
        found = torch.zeros_like(self._zeros, dtype=torch.int64)
        if self.trained_delays:
            return found + self._shares(sigma=0.0).argmax(0)
        for delay in self.delays:
            found[getattr(self, f"_chosen_{delay}")] = delay
        return found

    def _shares(self, sigma):
        """Return how much of each weight arrives after how many steps, where delays are trained."""
        delays = self.value("delay").to(self._zeros.dtype) / self.trained_delays.step
        return shares(delays, self.trained_delays.longest, sigma)

    def prepare(self):
        """
        Return the weights of a sequence, with gradients to the parameters.

        Returns
        -------
        list of tuple
            Variable, delay and weights: a matrix of shape (source, target), or source, target and weight of
            each synapse if sparse.
        """
        prepared = []
        parts = self._shares(self.sigma if self.training else 0.0) if self.trained_delays else None
        for variable, values in zip(self.variables, self.call("increments", self), strict=True):
            values = self._zeros + values.to(self._zeros.dtype)  # constants become one weight a synapse
            for delay in self.delays:
                arriving = values if parts is None else values * parts[delay]
                prepared.append((variable, delay, self._weights(arriving, delay if parts is None else ALL)))
        return prepared

    def _weights(self, values, group):
        if self.is_whole and not self.is_sparse:
            return values.view(self.shape)
        pairs = getattr(self, f"_pairs_{group}")
        values = values[getattr(self, f"_chosen_{group}")]
        if self.is_sparse:
            return pairs // self.shape[1], pairs % self.shape[1], values
        matrix = values.new_zeros(self.shape[0] * self.shape[1])
        return matrix.index_add(0, pairs, values).view(self.shape)

    def deliver(self, state, spikes, prepared):
        """
        Add the weights of the spikes that arrive in this step to the state.

        Parameters
        ----------
        state : dict of str to Tensor
            State, changed in place.
        spikes : Tensor, shape (batch, source)
            Spikes that the source sends in this step.
        prepared : list of tuple
            What `prepare` gave.
        """
        sent = (*state[f"{self.name}.pending"], spikes)
        for variable, delay, weights in prepared:
            arriving = sent[-1 - delay]
            added = _Scatter.apply(arriving, *weights, self.shape[1]) if self.is_sparse else arriving @ weights
            key = variable if self.target is None else f"{self.target}.{variable}"
            guard = self.guards.get(variable)
            old = state[key]
            new = old + added.to(old.dtype)
            state[key] = new if guard is None else torch.where(state[guard], new, old)
        state[f"{self.name}.pending"] = sent[1:]

    def write_back(self, owner, units):
        """Set the trained parameters of the Synapses, in SI; delays within the time in which they arrive here."""
        if self.trained_delays:
            self.value("delay").data.clamp_(0, self.trained_delays.longest * self.trained_delays.step)
        super().write_back(owner, units)

    def targets(self, owner):
        """Return the variables of the Synapses that trained values are written to, by name."""
        return {**owner.variables, "delay": own_delays(owner)} if self.trained_delays else owner.variables


class _Scatter(torch.autograd.Function):
    """Sum the weights of the synapses whose source spiked; nothing of the size of the synapses is kept."""

    @staticmethod
    def forward(ctx, spikes, pre, post, weights, n_target):
        ctx.save_for_backward(spikes, pre, post, weights)
        shape = (*spikes.shape[:-1], n_target)
        return spikes.new_zeros(shape).index_add(-1, post, spikes[..., pre] * weights)

    @staticmethod
    def backward(ctx, gradient):
        spikes, pre, post, weights = ctx.saved_tensors
        arrived = gradient[..., post]
        of_spikes = torch.zeros_like(spikes).index_add(-1, pre, arrived * weights)
        of_weights = (arrived * spikes[..., pre]).reshape(-1, len(weights)).sum(0)
        return of_spikes, None, None, of_weights, None


def receivers(synapses: Synapses) -> dict[str, str]:
    """
    Return the variables that synapses add to.

    Parameters
    ----------
    synapses : Synapses
        The synapses.

    Returns
    -------
    dict of str to str
        Variable of the target, and the expression of what is added to it, as Brian2 code.

    Raises
    ------
    ExportError
        If on_pre does anything but add to variables of the target.
    """
    (pathway,) = synapses._pathways
    found = {}
    for line in lines(pathway.code):
        name = getattr(getattr(line, "target", None), "id", "")
        name = name.removesuffix("_post") if name.endswith("_post") or name not in synapses.equations else ""
        is_sum = isinstance(line, ast.AugAssign) and isinstance(line.op, (ast.Add, ast.Sub))
        if not is_sum or name not in synapses.target.variables or name in found:
            text = f"on_pre of {synapses.name} has {ast.unparse(line)!r}"
            raise refused("on_pre", text, "variable_post += weight, one line for each variable")
        value = ast.unparse(line.value)
        found[name] = value if isinstance(line.op, ast.Add) else f"-({value})"
    return found


def read_coupling(synapses, group, namespace, *, guards, units, dtype, trainable=(), is_sparse=None, longest=None):
    """
    Return synapses as a torch module.

    Parameters
    ----------
    synapses : Synapses
        Synapses whose on_pre adds a weight to variables of the target.
    group : NeuronGroup
        The exported group.
    namespace : dict
        Names that the synapses do not define.
    guards : dict of str to str
        Boolean state variables of the target that guard others.
    units : UnitSystem
        Unit system of the weights.
    dtype : torch.dtype
        Their precision.
    trainable : iterable of str
        Synaptic variables to be trained, and ``delay``.
    is_sparse : bool, optional
        Whether to add synapse by synapse; by default if the matrix would be large and mostly empty.
    longest : Quantity [second], optional
        Longest delay, if delays are trained.

    Returns
    -------
    Coupling

    Raises
    ------
    ExportError
        If the synapses do anything else.
    """
    (pathway,) = synapses._pathways
    added = receivers(synapses)
    written, expected = names(ast.parse(pathway.code.strip())), "variables of the synapses and constants"
    if "delay" in written:
        raise refused("weight", f"on_pre of {synapses.name} uses 'delay'", expected)
    taken = {*namespace, *synapses.variables, *synapses.namespace, *written}
    free = Names(taken)
    sums = {name: free.new(f"added_{name}") for name in added}
    code = "\n".join(f"{sums[name]} = {value}" for name, value in added.items())
    hidden = Hidden(free)
    variables = resolve(synapses, {"on_pre": pathway.code}, namespace, hidden)
    check_code(synapses, pathway.code, variables, namespace)
    items = assignments(code, variables, hidden=hidden)
    used = {name for item in items for name in names(item.value)}
    if used & RANDOM:
        raise refused(
            "drawn", f"on_pre of {synapses.name} has {min(used & RANDOM)}()", "the same weight at every spike"
        )
    constants, arrays = {}, {}
    for name in sorted(used & set(variables)):
        variable = variables[name]
        if isinstance(variable, Constant) or name == "dt":
            value = number(variable)
            own = value if isinstance(value, bool) else float(units.from_si(float(value), variable.dim))
            constants[name] = (own, units.label(variable.dim))
        elif isinstance(variable, TimedArray):
            raise refused("weight", f"on_pre of {synapses.name} uses the TimedArray {name!r}", expected)
        elif isinstance(variable, ArrayVariable) and owner_name(variable) != synapses.name:
            raise refused("weight", f"on_pre of {synapses.name} uses {name!r} of {owner_name(variable)}", expected)
        elif isinstance(variable, ArrayVariable):
            if not variable.scalar and synapses.variables.indices[name] != "_idx":  # such as N_incoming
                raise refused("weight", f"on_pre of {synapses.name} uses {name!r}, one value a neuron", expected)
            arrays[name] = variable
    _check_targets(synapses, items, sums, variables)
    ops, values, function = (free.new(word) for word in ("ops", "values", "increments"))
    booleans = [name for name in (*constants, *arrays) if variables[name].is_boolean]
    static = {*constants, *arrays, *(item.name for item in items)}
    renderer = TorchRenderer(ops=ops, wrapped={*constants, *arrays}, booleans=booleans, fixed=static)
    code_lines = [f"{ops} = ops"] if ops != "ops" else []
    code_lines += [f"{name} = {literal(value, ops)}  # {unit}" for name, (value, unit) in constants.items()]
    code_lines += ["", "", f"def {function}({values}):"] + [f"    {name} = {values}.value({name!r})" for name in arrays]
    for item in items:
        code_lines.append(f"    {item.name} = {renderer.render_node(item.value)}")
        if renderer.is_boolean(item.value):
            renderer.booleans.add(item.name)
    code_lines += [f"    return ({''.join(f'{ops}.exact({name}), ' for name in sums.values())})"]
    shape = (len(synapses.source), len(synapses.target))
    count = len(synapses)
    delay = np.broadcast_to(np.asarray(pathway.variables["delay"].get_value()), (count,))
    trained = read_delays(synapses, longest, group.clock.dt, units) if "delay" in trainable else None
    coupling = Coupling(
        synapses.name,
        "\n".join(code_lines) + "\n",
        {"increments": function},
        added,
        source=None if synapses.source is group else synapses.source.name,
        target=None if synapses.target is group else synapses.target.name,
        shape=shape,
        pre=np.array(synapses.variables["_synaptic_pre"].get_value()),
        post=np.array(synapses.variables["_synaptic_post"].get_value()),
        delays=np.floor(delay / float(group.clock.dt) + 0.5).astype(int),  # as Brian2's spike queue rounds
        guards=guards,
        is_sparse=shape[0] * shape[1] > max(DENSE, 2 * count) if is_sparse is None else is_sparse,
        dtype=dtype,
        trained_delays=trained,
    )
    if trained:
        arrays["delay"] = own_delays(synapses)
    for name, variable in arrays.items():
        is_trainable = name in trainable
        coupling.store(name, tensor(variable, units, dtype), dimension=variable.dim, is_trainable=is_trainable)
    for name in sorted(trainable):
        choice(f"{synapses.name}.{name}", "trainable", [f"{synapses.name}.{item}" for item in (*arrays, "delay")])
    return coupling


def _check_targets(synapses, items, sums, variables):
    """Refuse to add what the target cannot hold."""
    kinds = {item.name: item.value for item in items}
    for name, total in sums.items():
        target = synapses.target.variables[name]
        if target.is_boolean or (
            target.is_integer and brian_ast(ast.unparse(kinds[total]), variables).dtype == "float"
        ):
            raise refused("whole", f"on_pre of {synapses.name} adds to {name!r}, no real number", "a real number")


def check_synapses(synapses: Synapses, group: NeuronGroup, gates: Sequence[NeuronGroup]) -> None:
    """
    Refuse synapses that cannot be exported.

    Parameters
    ----------
    synapses : Synapses
        The synapses.
    group : NeuronGroup
        The exported group.
    gates : sequence of NeuronGroup
        Groups of one neuron that are exported too.

    Raises
    ------
    ExportError
        If there is anything but one on_pre pathway of spikes to the group.
    """
    name, pathways = synapses.name, synapses._pathways
    if synapses.equations.diff_eq_names or synapses.event_driven is not None:
        raise refused("synaptic", f"{name} has synaptic differential equations", "weights")
    if synapses.summed_updaters:
        raise refused("summed", f"{name} has a (summed) variable", "on_pre that adds to a variable")
    if len(pathways) != 1 or pathways[0].prepost != "pre" or pathways[0].event != "spike":
        found = f"{name} has pathways {', '.join(item.objname for item in pathways) or 'none'}"
        raise refused("pathway", found, "one on_pre")
    for item in synapses.contained_objects:
        if item not in pathways and item.active:
            raise refused("regular", f"{name} holds {item.name!r}, which changes its weights", "weights that stay")
    for end in (synapses.source, synapses.target):
        if isinstance(end, Subgroup):
            raise refused("end", f"{name} connects the subgroup {end.name}", "whole groups")
    if synapses.target is not group and synapses.target not in gates:
        raise refused("target", f"{name} targets {synapses.target.name}", group.name)
    if pathways[0].when != "synapses" or pathways[0].clock.dt != group.clock.dt:
        found = f"{name} runs in the slot {pathways[0].when!r} every {pathways[0].clock.dt}"
        raise refused("clock", found, f"'synapses' every {group.clock.dt}")
    if not len(synapses):
        raise refused("unconnected", f"{name} has no synapses", "some")
    if _is_waiting(pathways[0].queue):
        raise refused("pending", f"{name} has spikes on their way", "none")


def _is_waiting(queue) -> bool:
    """Return whether a queue of Brian2 holds spikes that have not arrived."""
    state = queue._full_state()
    if len(state) == 3:  # of Python: time, synapses by delay, how many of them are meant
        return bool(np.any(state[2]))
    return any(len(spikes) for spikes in state[1])
