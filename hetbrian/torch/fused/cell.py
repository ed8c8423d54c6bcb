"""The fast cell: a whole sequence, forward and backward, in one compiled time loop."""

import warnings
from typing import Any

from hetbrian._support.compiler import CompilerError
from hetbrian._support.optional import torch
from hetbrian.torch.cell import Output
from hetbrian.torch.events import Events
from hetbrian.torch.fused.cpu import CpuKernel
from hetbrian.torch.fused.gpu import CudaModule, GpuKernel
from hetbrian.torch.fused.layout import REALS, read_layout
from hetbrian.torch.fused.step import StepCode
from hetbrian.torch.fused.workspace import Workspace


class FusedCell(torch.nn.Module):
    """
    A cell whose time loop is one C++ function, or CUDA kernel, generated from the same statements; `fuse` makes it.

    It shares the parameters of the plain module, and runs where they are. Input spikes are lists of
    events, recurrent spikes cost what their number costs, and on the CPU the only dense product is that
    of adjoints and recurrent weights.
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
        self._steps: dict = {}
        self._kernels: dict = {}
        self._notice = ""
        self._workspace = Workspace()
        self._step()

    def __getstate__(self):
        return {**self.__dict__, "_kernels": {}}

    def _step(self):
        """Return prepared values, and key and code of a step for the parameters that are trained now."""
        neurons = self.cell.neurons
        with torch.enable_grad():  # so that the kernel is the same without gradients
            prepared = dict(zip(neurons.source.prepared, neurons.prepare(), strict=True))
        trained = tuple(name for name, value in prepared.items() if getattr(value, "requires_grad", False))
        key = (trained, neurons.surrogate, neurons.detach, tuple(neurons.bounds.items()))
        if key not in self._steps:
            layout = read_layout(self.cell, prepared)
            self._steps[key] = StepCode(neurons.source, layout, neurons.surrogate, neurons.detach, neurons.bounds)
        return prepared, key, self._steps[key]

    def forward(self, n_steps=None, batch=None, *, inputs=None, spikes=None, record=(), state=None, first_step=None):
        """
        Run a sequence; arguments and result as those of `hetbrian.torch.cell.Cell.forward`.

        Where there is no compiler, and in other precisions than float32 and float64, the plain module runs, after a
        warning.

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
        with torch.cuda.device_of(self.cell.like()):
            prepared, key, step = self._step()
            kernel = self._kernel(key, step)
            if kernel is None:
                plain = {
                    name: item.to(self.cell.device).dense(self.cell.dtype) if isinstance(item, Events) else item
                    for name, item in (spikes or {}).items()
                }
                return self.cell(n_steps, batch, spikes=plain, **arguments)
            parts = (self.cell, step, prepared, kernel, self._workspace)
            return _Run(*parts, n_steps, batch, spikes=dict(spikes or {}), **arguments).output()

    def release(self):
        """Give back the memory that is kept for the next sequence of the same size."""
        self._workspace = Workspace()

    def _kernel(self, key, step):
        """Return the kernel, compiled if it is new, or None after a warning."""
        dtype, device = self.cell.dtype, self.cell.device
        key = (*key, dtype, device)
        problem = ""
        if device.type not in KERNELS or dtype not in REALS:
            problem = f"the cell is on {device} in {dtype}, expected float32 or float64 on the CPU or a CUDA GPU"
        elif key not in self._kernels:
            try:
                self._kernels[key] = KERNELS[device.type](step, dtype, self.cell.neurons.size)
            except CompilerError as error:
                problem = str(error).rstrip(".")
        if problem:
            if problem != self._notice:
                warnings.warn(f"{problem}: the plain module runs instead of the fused one.", stacklevel=3)
                self._notice = problem
            return None
        return self._kernels[key]


KERNELS = {
    "cpu": lambda step, dtype, size: CpuKernel(step, dtype),
    "cuda": lambda step, dtype, size: GpuKernel(step, dtype, size, CudaModule),
}
"""What runs sequences on each type of device."""


def fuse(cell):
    """
    Return a fast module with the parameters of a cell.

    Parameters
    ----------
    cell : Cell
        What `hetbrian.torch.export.to_torch` made.

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

    def __init__(
        self, cell, step, prepared, kernel, workspace, n_steps, batch, *, inputs, spikes, record, state, first_step
    ):
        self.cell, self.kept, self.layout = cell, step.kept, step.layout
        self.prepared, self.kernel, self.workspace = prepared, kernel, workspace
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
            name: item.to(cell.device) if isinstance(item, Events) else kernel.events(self.dense[name])
            for name, item in spikes.items()
        }

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

    def numbers(self):
        """Return what the kernel reads beside tensors that autograd knows, by its field."""
        neurons, tables = self.cell.neurons, [self.prepared[name] for name in self.layout.tables]
        return {
            "T": self.n_steps,
            "B": self.batch,
            "N": neurons.size,
            "first": self.first_step,
            "width": neurons.width,
            "scalars": [
                float(self.prepared[name] if value is None else value)
                for name in self.layout.scalars
                for value in [neurons.source.constants.get(name)]
            ],
            "tables": tables,
            "shapes": [size for value in tables for size in (len(value), value[0].numel())],
        }

    def arriving(self):
        """Return the events of each pathway, None for the neurons' own spikes."""
        return [self.events.get(path.source) for path in self.layout.pathways]

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
        saved = run.workspace.empty((steps + 1, len(run.kept), *shape), start)
        last = None
        if layout.is_refractory:
            start = torch.cat([start, run.start["not_refractory"].to(start.dtype).expand(1, *shape)])
            last = start.new_empty((steps + 1, *shape), dtype=torch.float64)
            last[0] = run.start["lastspike"]
        planes = (*layout.state, "not_refractory")
        for k, name in enumerate(run.kept):
            saved[0, k] = start[planes.index(name)]
        spikes = run.workspace.empty((steps, *shape), start)
        final = torch.empty_like(start)
        recorded = [start.new_empty((steps, *shape) if name in run.record else (0,)) for name in layout.state]
        results = {"saved": saved, "last": last, "spikes": spikes, "final_state": final, "recorded": recorded}
        values = run.numbers() | {"start": start, "rows": rows, "inputs": inputs, "weights": weights}
        run.kernel.forward(values | results, run.arriving())
        run.waits, run.last = final[-1], None if last is None else last[-1]
        ctx.run = run
        ctx.save_for_backward(rows, saved, last, spikes, *others)
        ctx.mark_non_differentiable(*(values for values in recorded if not values.numel()))
        return spikes, final[: len(layout.state)].clone(), *recorded

    @staticmethod
    def backward(ctx, of_spikes, of_final, *of_recorded):
        run, layout = ctx.run, ctx.run.layout
        rows, saved, last, spikes, *others = ctx.saved_tensors
        n_inputs, n_paths = len(layout.inputs), len(layout.pathways)
        inputs, weights = others[:n_inputs], others[n_inputs : n_inputs + n_paths]
        needs = ctx.needs_input_grad[3:]
        wanted = needs[n_inputs : n_inputs + n_paths]
        of_traces = [
            value.contiguous() if name in run.record else None
            for name, value in zip(layout.state, of_recorded, strict=True)
        ]
        results: dict = {
            "of_state": of_final.contiguous().clone(),
            "of_rows_total": torch.zeros_like(rows),
            "of_inputs": [torch.empty_like(value) for value in inputs],
            "of_weights_total": [
                torch.zeros_like(item) if is_wanted else None for item, is_wanted in zip(weights, wanted, strict=True)
            ],
            # the adjoint of what a source adds in each step, only if its spikes are trained too
            "of_current": [
                torch.empty_like(spikes) if is_wanted else None for is_wanted in needs[n_inputs + n_paths :]
            ],
        }
        values = run.numbers() | {"rows": rows, "saved": saved, "last": last, "spikes": spikes, "inputs": inputs}
        values |= {"weights": weights, "of_spikes": of_spikes.contiguous(), "of_recorded": of_traces}
        run.kernel.backward(values | results, run.arriving())
        of_sources = []
        for path, weight, current in zip(layout.pathways, weights, results["of_current"], strict=True):
            of_source = None
            if current is not None:
                arrived = torch.zeros_like(current)
                arrived[: len(current) - path.delay] = current[path.delay :]
                of_source = arrived @ weight.t()
            of_sources.append(of_source)
        of_start = (results["of_state"], results["of_rows_total"])
        return None, *of_start, *results["of_inputs"], *results["of_weights_total"], *of_sources
