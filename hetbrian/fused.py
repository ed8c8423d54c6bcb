"""The fast cell: a whole sequence, forward and backward, in one compiled time loop."""

import ctypes
import warnings
from typing import Any

from hetbrian.cell import Output
from hetbrian.events import Events
from hetbrian.extras import torch
from hetbrian.fusedcode import kernel_source
from hetbrian.layout import read_layout
from hetbrian.native import CompilerError, library
from hetbrian.workspace import Workspace


class FusedCell(torch.nn.Module):
    """
    A cell whose time loop is one C++ function, generated from the same statements; `fuse` makes it.

    It shares the parameters of the plain module. Input spikes are lists of events, recurrent spikes
    cost what their number costs, and the only dense product is that of adjoints and recurrent weights.
    Results differ from the plain module by the rounding of sums; where a network is chaotic, spikes
    of long float32 sequences will differ as they do between two libraries.

    Parameters
    ----------
    cell : Cell
        The plain module.

    Raises
    ------
    ExportError
        If the model has something that the kernel cannot do, e.g. a gating variable.
    """

    def __init__(self, cell):
        super().__init__()
        self.cell: Any = cell
        self._sources: dict = {}
        self._kernels: dict = {}
        self._notice = ""
        self._workspace = Workspace()
        self._source()

    def __getstate__(self):
        return {**self.__dict__, "_kernels": {}}

    def _source(self):
        """Return prepared values, and layout, C++ source and kept variables for the parameters that are trained now."""
        neurons = self.cell.neurons
        with torch.enable_grad():  # so that the kernel is the same without gradients
            prepared = dict(zip(neurons.source.prepared, neurons.prepare(), strict=True))
        trained = tuple(name for name, value in prepared.items() if getattr(value, "requires_grad", False))
        key = (trained, neurons.surrogate, neurons.detach, tuple(neurons.bounds.items()))
        if key not in self._sources:
            layout = read_layout(self.cell, prepared)
            source, kept = kernel_source(neurons.source, layout, neurons.surrogate, neurons.detach, neurons.bounds)
            self._sources[key] = layout, kept, source
        return prepared, *self._sources[key]

    def forward(self, n_steps=None, batch=None, *, inputs=None, spikes=None, record=(), state=None, first_step=None):
        """
        Run a sequence; arguments and result as those of `hetbrian.cell.Cell.forward`.

        On another device than the CPU, and without a compiler, the plain module runs, after a warning.

        Parameters
        ----------
        n_steps, batch, inputs, record, first_step
            As there.
        spikes : dict of str to Events or Tensor, shape (time, batch, source neuron), optional
            Spikes of every source; tensors with other values than 0 and 1 are refused.
        state : dict of str to Tensor, optional
            Where to start; no spikes may be on their way.

        Returns
        -------
        Output

        Raises
        ------
        ValueError
            If arguments do not fit.
        """
        arguments = {"inputs": inputs, "record": record, "state": state, "first_step": first_step}
        kernel = self._kernel()
        if kernel is None:
            plain = {
                name: item.dense(self.cell.dtype).to(self.cell.device) if isinstance(item, Events) else item
                for name, item in (spikes or {}).items()
            }
            return self.cell(n_steps, batch, spikes=plain, **arguments)
        return _Run(self.cell, kernel, self._workspace, n_steps, batch, spikes=dict(spikes or {}), **arguments).output()

    def release(self):
        """Give back the memory that is kept for the next sequence of the same size."""
        self._workspace = Workspace()

    def _kernel(self):
        """Return what a run needs, compiled if it is new, or None after a warning."""
        prepared, layout, kept, source = self._source()
        kind = {torch.float32: "float", torch.float64: "double"}.get(self.cell.dtype)
        problem = ""
        if self.cell.device.type != "cpu" or kind is None:
            problem = f"the cell is on {self.cell.device} in {self.cell.dtype}, expected float32 or float64 on the CPU"
        elif (source, kind) not in self._kernels:
            try:
                self._kernels[source, kind] = library(source, [f"REAL={kind}"])
            except CompilerError as error:
                problem = str(error).rstrip(".")
        if problem:
            if problem != self._notice:
                warnings.warn(f"{problem}: the plain module runs instead of the fused one.", stacklevel=3)
                self._notice = problem
            return None
        return prepared, layout, kept, self._kernels[source, kind]


def fuse(cell):
    """
    Return a fast module with the parameters of a cell.

    Parameters
    ----------
    cell : Cell
        What `hetbrian.export.to_torch` made.

    Returns
    -------
    FusedCell

    Raises
    ------
    ExportError
        If the model has something that the kernel cannot do.
    """
    return FusedCell(cell)


class _Run:
    """One sequence: the tensors in the order of the kernel's arguments."""

    def __init__(self, cell, kernel, workspace, n_steps, batch, *, inputs, spikes, record, state, first_step):
        self.cell, (self.prepared, self.layout, self.kept, self.library) = cell, kernel
        self.workspace = workspace
        inputs = dict(inputs or {})
        dense = {name: item for name, item in spikes.items() if not isinstance(item, Events)}
        shapes = {name: _Shape(item.shape) if isinstance(item, Events) else item for name, item in spikes.items()}
        self.n_steps, batch = cell.check(n_steps, batch, inputs, shapes, record, state)
        self.is_single, self.batch = batch is None, batch or 1
        self.record = record
        self.waits: Any = None
        self.last: Any = None
        self.first_step = cell.first_step if first_step is None else first_step
        start = cell.initial_state(batch) if state is None else state
        self.start = {name: self._batched(value) for name, value in start.items() if not name.endswith(".pending")}
        for name, values in start.items():
            if name.endswith(".pending") and any(bool(value.any()) for value in values):
                raise ValueError(
                    f"{name!r} has spikes on their way, expected none at the start of a fused sequence: use the plain "
                    "module to go on from there."
                )
        self.inputs = {name: self._batched(value, 1).to(cell.dtype).contiguous() for name, value in inputs.items()}
        self.dense = {name: self._batched(value, 1).to(cell.dtype) for name, value in dense.items()}
        self.events = {
            name: item if isinstance(item, Events) else self._events(self.dense[name]) for name, item in spikes.items()
        }

    def _events(self, spikes):
        """Return events as `Events.from_dense`, in one pass through the spikes."""
        spikes = spikes.detach().contiguous()
        n_rows = spikes[..., 0].numel()
        begin = torch.empty(n_rows + 1, dtype=torch.int64)
        index = torch.empty(spikes.numel() + 16, dtype=torch.int32)  # pages that are not written cost nothing
        sizes = ctypes.c_int64(n_rows), ctypes.c_int(spikes.shape[-1])
        self.library.collect(*sizes, *map(_pointer, (spikes, begin, index)))
        count = int(begin[-1])
        # the other says what is wrong
        return Events.from_dense(spikes) if count < 0 else Events(begin, index[:count].clone(), tuple(spikes.shape))

    def _batched(self, value, axis=0):
        return value.unsqueeze(axis) if self.is_single else value

    def output(self):
        """Run the sequence and return it like the plain module does."""
        cell, layout = self.cell, self.layout
        like = self.start[layout.state[0]]
        shape = (self.batch, cell.neurons.size)
        rows = [torch.as_tensor(self.prepared[name]).to(like.dtype).expand(shape[1]) for name in layout.rows]
        weights = {}
        for coupling in cell.couplings.values():
            for variable, delay, matrix in coupling.prepare():
                weights[coupling.name, variable, delay] = matrix
        tensors = [
            torch.stack([self.start[name].expand(shape) for name in layout.state]),
            torch.stack(rows) if rows else like.new_zeros(1, shape[1]),
            *(self.inputs[name] for name in layout.inputs),
            *(weights[path.coupling, path.variable, path.delay].contiguous() for path in layout.pathways),
            *(self.dense.get(path.source, like.new_zeros(0)) for path in layout.pathways),
        ]
        spikes, final, *recorded = _Sequence.apply(self, *tensors)
        state = {name: final[k] for k, name in enumerate(layout.state)}
        if layout.is_refractory:
            state |= {"not_refractory": self.waits > 0.5, "lastspike": self.last}
        state |= {name: value[-1] for name, value in self.inputs.items()}
        found = {name: values for name, values in zip(layout.state, recorded, strict=True) if values.numel()}
        found |= {name: self.inputs[name] for name in self.record if name in self.inputs}
        if self.is_single:
            spikes = spikes.squeeze(1)
            found = {name: values.squeeze(1) for name, values in found.items()}
            state = {name: values.squeeze(0) for name, values in state.items()}
        return Output(spikes, {name: found[name] for name in self.record}, state | self._pending(spikes))

    def _pending(self, spikes):
        """Return the spikes that are still on their way."""
        found = {}
        for coupling in self.cell.couplings.values():
            sent = spikes
            if coupling.source is not None and coupling.max_delay:
                sent = self.events[coupling.source].dense(spikes.dtype)
                sent = sent.squeeze(1) if self.is_single else sent
            late = [sent[step] for step in range(max(0, self.n_steps - coupling.max_delay), self.n_steps)]
            early = [torch.zeros_like(sent[0])] * (coupling.max_delay - len(late))
            found[f"{coupling.name}.pending"] = (*early, *late)
        return found


class _Shape:
    """Stand in for a tensor where only its shape is checked."""

    def __init__(self, shape):
        self.shape = shape


class _Sequence(torch.autograd.Function):
    @staticmethod
    def forward(ctx, run, start, rows, *others):
        layout, steps = run.layout, run.n_steps
        n_inputs, n_paths = len(layout.inputs), len(layout.pathways)
        inputs, weights = others[:n_inputs], others[n_inputs : n_inputs + n_paths]
        shape = start.shape[1:]
        saved = run.workspace.empty((steps + 1, len(run.kept), *shape), start.dtype)
        last = None
        if layout.is_refractory:
            start = torch.cat([start, run.start["not_refractory"].to(start.dtype).expand(1, *shape)])
            last = torch.empty((steps + 1, *shape), dtype=torch.float64)
            last[0] = run.start["lastspike"]
        planes = (*layout.state, "not_refractory")
        for k, name in enumerate(run.kept):
            saved[0, k] = start[planes.index(name)]
        spikes = run.workspace.empty((steps, *shape), start.dtype)
        final = torch.empty_like(start)
        recorded = [start.new_empty((steps, *shape) if name in run.record else (0,)) for name in layout.state]
        scalars = start.new_tensor([_number(run, name) for name in layout.scalars])
        begin, index = _lists(run)
        run.library.forward(
            *_sizes(steps, shape),
            ctypes.c_int64(run.first_step),
            _pointer(scalars),
            *_tables(run),
            *map(_pointer, (rows, start, saved, last, spikes, final)),
            *map(_pointers, (recorded, inputs, weights, begin, index)),
        )
        run.waits, run.last = final[-1], None if last is None else last[-1]
        ctx.run = run
        ctx.save_for_backward(rows, saved, last, spikes, scalars, *others)
        ctx.mark_non_differentiable(*(values for values in recorded if not values.numel()))
        return spikes, final[: len(layout.state)].clone(), *recorded

    @staticmethod
    def backward(ctx, of_spikes, of_final, *of_recorded):
        run, layout = ctx.run, ctx.run.layout
        rows, saved, last, spikes, scalars, *others = ctx.saved_tensors
        n_inputs, n_paths = len(layout.inputs), len(layout.pathways)
        inputs, weights = others[:n_inputs], others[n_inputs : n_inputs + n_paths]
        needs = ctx.needs_input_grad[3:]
        of_spikes = of_spikes.contiguous()  # held here until the kernel has read it: a sum gives an expanded one
        of_state = of_final.contiguous().clone()
        of_rows = torch.zeros_like(rows)
        of_inputs = [torch.empty_like(value) for value in inputs]
        wanted = needs[n_inputs : n_inputs + n_paths]
        of_weights = [
            torch.zeros_like(item) if is_wanted else None for item, is_wanted in zip(weights, wanted, strict=True)
        ]
        # the adjoint of what a source adds in each step, only if its spikes are trained too
        of_current = [torch.empty_like(spikes) if is_wanted else None for is_wanted in needs[n_inputs + n_paths :]]
        transposed = [
            None if path.source else item.t().contiguous() for path, item in zip(layout.pathways, weights, strict=True)
        ]
        of_traces = [
            value.contiguous() if name in run.record else None
            for name, value in zip(layout.state, of_recorded, strict=True)
        ]
        begin, index = _lists(run)
        n_source = torch.tensor([len(item) for item in weights] or [0])
        kind = ctypes.c_float if spikes.dtype == torch.float32 else ctypes.c_double
        run.library.backward(
            *_sizes(len(spikes), spikes.shape[1:]),
            ctypes.c_int64(run.first_step),
            kind(run.cell.neurons.width),
            _pointer(scalars),
            *_tables(run),
            *map(_pointer, (rows, saved, last, spikes)),
            *map(_pointers, (inputs, transposed, begin, index)),
            *map(_pointer, (n_source, of_spikes)),
            _pointers(of_traces),
            *map(_pointer, (of_state, of_rows)),
            *map(_pointers, (of_inputs, of_weights, of_current)),
        )
        of_sources = []
        for path, weight, current in zip(layout.pathways, weights, of_current, strict=True):
            of_source = None
            if current is not None:
                arrived = torch.zeros_like(current)
                arrived[: len(current) - path.delay] = current[path.delay :]
                of_source = arrived @ weight.t()
            of_sources.append(of_source)
        return None, of_state, of_rows, *of_inputs, *of_weights, *of_sources


def _number(run, name):
    value = run.cell.neurons.source.constants.get(name)
    return float(run.prepared[name] if value is None else value)


def _tables(run):
    """Return pointers to the values of the TimedArrays, and their rows and columns."""
    values = [run.prepared[name] for name in run.layout.tables]
    shapes = [size for value in values for size in (len(value), value[0].numel())]
    return _pointers(values), (ctypes.c_int64 * (len(shapes) + 1))(*shapes)


def _lists(run):
    """Return begin and index of the events of each pathway, None for the neurons' own spikes."""
    events = [run.events.get(path.source) for path in run.layout.pathways]
    return [item and item.begin for item in events], [item and item.index for item in events]


def _sizes(steps, shape):
    return [ctypes.c_int(size) for size in (steps, *shape, torch.get_num_threads())]


def _pointer(tensor):
    return ctypes.c_void_p(None if tensor is None else tensor.data_ptr())


def _pointers(tensors):
    """Return an array of pointers; it ends with one that is null, as arrays of length 0 do not exist in C."""
    addresses = [None if item is None or not item.numel() else item.data_ptr() for item in tensors]
    return (ctypes.c_void_p * (len(addresses) + 1))(*addresses, None)
