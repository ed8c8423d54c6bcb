"""What the compiled time loop of a cell reads and writes, in order."""

from dataclasses import dataclass

from hetbrian.statements import ExportError


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
        Variables that are given at every step.
    scalars, rows : tuple of str
        Fixed numbers, and fixed values of each neuron.
    trained : tuple of str
        Rows whose gradient is wanted.
    tables : tuple of str
        TimedArrays.
    pathways : tuple of Pathway
        Synapses.
    """

    state: tuple
    is_refractory: bool
    inputs: tuple
    scalars: tuple
    rows: tuple
    trained: tuple
    tables: tuple
    pathways: tuple


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
    unsupported = {
        "a gating variable": bool(cell.gates) or bool(neurons.linked),
        "sparse weights": any(coupling.is_sparse for coupling in cell.couplings.values()),
    }
    own = [name for name in neurons.names if name not in (*cell.inputs, "lastspike", "not_refractory")]
    unsupported["whole-number state"] = not all(
        getattr(neurons, f"_initial_{name}").is_floating_point() for name in own
    )
    for what, is_there in unsupported.items():
        if is_there:
            raise ExportError(f"the model has {what}, expected none in the fused cell: use the plain module.")
    tables = tuple(neurons.source.tables)
    tensors = {name: value for name, value in prepared.items() if hasattr(value, "dim") and name not in tables}
    return Layout(
        state=tuple(own),
        is_refractory=neurons.is_refractory,
        inputs=tuple(cell.inputs),
        scalars=(*neurons.source.constants, *(name for name in prepared if name not in (*tensors, *tables))),
        rows=tuple(tensors),
        trained=tuple(name for name, value in tensors.items() if value.requires_grad),
        tables=tables,
        pathways=tuple(
            Pathway(coupling.name, coupling.source, variable, delay, coupling.guards.get(variable))
            for coupling in cell.couplings.values()
            for variable in coupling.variables
            for delay in coupling.delays
        ),
    )
