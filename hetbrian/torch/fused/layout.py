"""How a cell's numbers lie in memory: which arrays, of which size, given in which order."""

import ctypes
from dataclasses import dataclass

from hetbrian._support.optional import torch
from hetbrian.torch.limits import refused
from hetbrian.torch.statements import names


@dataclass(frozen=True)
class Pathway:
    """
    Synapses of one delay onto one variable.

    Parameters
    ----------
    coupling : str
        Name of the synapses.
    source : str or None
        Name of the source, None for the neurons themselves.
    variable : str
        Variable that receives.
    delay : int
        Delay in time steps.
    guard : str, optional
        Boolean variable: where it is false, nothing is added.
    """

    coupling: str
    source: str | None
    variable: str
    delay: int
    guard: str | None


@dataclass(frozen=True)
class Layout:
    """
    What the kernel of a cell reads and writes, in order.

    Parameters
    ----------
    state : tuple of str
        State variables with an adjoint.
    is_refractory : bool
        Whether truth of ``not_refractory`` and time of ``lastspike`` follow.
    inputs : tuple of str
        What is given at every step: variables, and what hangs on time alone.
    of_inputs : tuple of str
        Those of them whose gradient is wanted.
    scalars, rows : tuple of str
        Fixed numbers, and fixed values of each neuron.
    trained : tuple of str
        Rows whose gradient is wanted.
    scales : dict of str to float
        For parameters with a unit, that in SI divided by that of the module.
    pathways : tuple of Pathway
        Synapses.
    """

    state: tuple
    is_refractory: bool
    inputs: tuple
    of_inputs: tuple
    scalars: tuple
    rows: tuple
    trained: tuple
    scales: dict
    pathways: tuple

    @property
    def planes(self) -> tuple[str, ...]:
        """Tuple of str : the state, and whether a neuron may spike."""
        return (*self.state, "not_refractory") if self.is_refractory else self.state

    @property
    def targets(self) -> tuple[str, ...]:
        """Tuple of str : the variables that receive, in the order of what arrives."""
        return tuple(dict.fromkeys(pathway.variable for pathway in self.pathways))

    def guard(self, name: str) -> str | None:
        """Return the boolean variable: where it is false, nothing is added to a variable."""
        return next((pathway.guard for pathway in self.pathways if pathway.variable == name), None)


def read_layout(cell, prepared):
    """
    Return what the kernel of a cell reads and writes.

    Parameters
    ----------
    cell : Cell
        The plain module.
    prepared : dict of str to Tensor or number
        What its neurons' ``prepare`` gave, by name.

    Returns
    -------
    Layout

    Raises
    ------
    ExportError
        If the cell has something that the kernel cannot do.
    """
    neurons = cell.neurons
    own = [name for name in neurons.names if name not in (*cell.inputs, "lastspike", "not_refractory")]
    unsupported = {
        "a gating variable": bool(cell.gates) or bool(neurons.linked),
        "sparse weights": any(coupling.is_sparse for coupling in cell.couplings.values()),
        "whole-number state": any(not getattr(neurons, f"_initial_{name}").is_floating_point() for name in own),
    }
    for what, is_there in unsupported.items():
        if is_there:
            raise refused("fused", f"the model has {what}", "none in the fused cell")
    source = neurons.source
    tensors = {name: value for name, value in prepared.items() if torch.is_tensor(value) and name not in source.tables}
    numbers = [name for name, value in tensors.items() if value.dim() == 0 and not value.requires_grad]
    rows = {name: value for name, value in tensors.items() if name not in numbers}
    trained = tuple(name for name, value in rows.items() if value.requires_grad)
    changing = [name for name, moment in source.clock.items() if names(moment.node) & {*trained} and moment.scale]
    return Layout(
        state=tuple(own),
        is_refractory=neurons.is_refractory,
        inputs=(*cell.inputs, *source.clock),
        of_inputs=(*cell.inputs, *changing),
        scalars=(*source.constants, *numbers),
        rows=tuple(rows),
        trained=trained,
        scales=neurons.scales,
        pathways=tuple(
            Pathway(coupling.name, coupling.source, variable, delay, coupling.guards.get(variable))
            for coupling in cell.couplings.values()
            for variable in coupling.variables
            for delay in coupling.delays
        ),
    )


REALS = {torch.float32: ("float", ctypes.c_float), torch.float64: ("double", ctypes.c_double)}
"""What ``real`` is, in C and in Python, for each precision that kernels have."""


TYPES = {"int": ctypes.c_int, "int64_t": ctypes.c_int64, "double": ctypes.c_double}
"""C types of other numbers."""


class Arguments:
    """
    Describe the struct that a kernel takes.

    Parameters
    ----------
    layout : Layout
        What the kernel reads and writes.

    Examples
    --------
    >>> from hetbrian.torch.fused.layout import Layout
    >>> arguments = Arguments(Layout(("v",), False, (), (), ("dt",), (), (), {}, ()))
    >>> arguments.pack({"T": 100, "scalars": [0.5]}, arguments.ctype(ctypes.c_float)).T
    100
    """

    def __init__(self, layout: Layout):
        n_states, n_inputs, n_paths = len(layout.state), len(layout.inputs), len(layout.pathways)
        n_targets = len(layout.targets)
        kinds = (
            ("int", None, "T B N threads"),  # time steps, copies, neurons, threads of the CPU
            ("int64_t", None, "first"),  # number of the first step
            ("double", None, "seconds"),  # time step
            ("real", None, "width"),
            ("real*", None, "rows start saved spikes final_state of_spikes of_state of_rows_total"),
            ("double*", None, "last"),
            ("real", len(layout.scalars), "scalars"),
            ("real*", n_states, "recorded of_recorded"),
            ("real*", n_inputs, "inputs of_inputs"),
            ("real*", n_paths, "weights transposed of_weights_total of_current"),
            ("int64_t*", n_paths, "begin"),
            ("int32_t*", n_paths, "index"),
            ("int64_t", n_paths, "n_source"),
            ("real*", n_targets, "outside of_arrived"),  # outside: what arrives from sources, if it is known before
        )
        self.fields = tuple((name, kind, size) for kind, size, names in kinds for name in names.split())

    def ctype(self, real):
        """Return the struct as a class of Python, with ``ctypes.c_float`` or ``ctypes.c_double`` as real."""
        kinds, members = TYPES | {"real": real}, []
        for name, kind, size in self.fields:
            member = kinds.get(kind, ctypes.c_void_p)
            members.append((name, member if size is None else member * max(1, size)))
        return type("Arguments", (ctypes.Structure,), {"_fields_": members})

    def pack(self, values, ctype):
        """
        Return the struct with values in it; what is not given is 0.

        Parameters
        ----------
        values : dict
            Numbers, tensors (or None) and lists of them by field. The tensors must outlive the struct.
        ctype : type
            What `ctype` gave.

        Returns
        -------
        ctypes.Structure
        """
        packed, members = ctype(), dict(ctype._fields_)
        for name, kind, size in self.fields:
            if name in values:
                item = values[name]
                cast = _address if kind.endswith("*") else lambda number: number
                setattr(packed, name, cast(item) if size is None else members[name](*map(cast, item)))
        return packed


def _address(tensor):
    """Return where a tensor's values are, None for no tensor and for one without values."""
    return None if tensor is None or not tensor.numel() else tensor.data_ptr()
