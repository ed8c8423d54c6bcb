"""The fast cell: a whole sequence, forward and backward, in one compiled time loop."""

import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from hetbrian._support.arguments import checked, of
from hetbrian._support.checks import count, whole
from hetbrian._support.compiler import CompilerError
from hetbrian._support.optional import torch
from hetbrian.torch.cell import NAMES, Cell, Output
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

    @checked(
        cell=of(Cell, advice="export one with to_torch"),
    )
    def __init__(self, cell: Cell):
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

    @checked(
        n_steps=count,
        batch=count,
        inputs=of(Mapping, advice="give tensors by name"),
        spikes=of(Mapping, advice="give tensors by name"),
        record=NAMES,
        state=of(Mapping, advice="give tensors by name"),
        first_step=partial(whole, least=0),
    )
    def forward(
        self,
        n_steps: int | None = None,
        batch: int | None = None,
        *,
        inputs: Mapping[str, torch.Tensor] | None = None,
        spikes: Mapping[str, Events | torch.Tensor] | None = None,
        record: Sequence[str] = (),
        state: dict | None = None,
        first_step: int | None = None,
    ) -> Output:
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
        cell, inputs, spikes = self.cell, dict(inputs or {}), dict(spikes or {})
        n_steps, n_copies = cell.check(n_steps, batch, inputs, spikes, record, state)
        if n_copies is None:  # as a batch of one
            inputs = {name: value.unsqueeze(1) for name, value in inputs.items()}
            spikes = {name: torch.as_tensor(value).unsqueeze(1) for name, value in spikes.items()}
            state = state and {name: _each(value, lambda item: item.unsqueeze(0)) for name, value in state.items()}
            output = self(n_steps, 1, inputs=inputs, spikes=spikes, record=record, state=state, first_step=first_step)
            recorded = {name: value.squeeze(1) for name, value in output.recorded.items()}
            after = {name: _each(value, lambda item: item.squeeze(0)) for name, value in output.state.items()}
            return Output(output.spikes.squeeze(1), recorded, after)
        with torch.cuda.device_of(cell.like()):
            prepared, key, step = self._step()
            kernel = self._kernel(key, step)
            arguments = (inputs, spikes, record, state, first_step)
            if kernel is not None:
                return _Run(cell, step, prepared, kernel, self._workspace, n_steps, n_copies, *arguments).output()
            options = {"record": record, "state": state, "first_step": first_step}
            return cell(n_steps, n_copies, inputs=inputs, spikes=spikes, **options)

    def release(self) -> None:
        """Give back the memory that is kept for the next sequence of the same size."""
        self._workspace = Workspace()

    def _kernel(self, key, step):
        """Return the kernel, compiled if it is new, or None after a warning."""
        dtype, device = self.cell.dtype, self.cell.device
        key = (*key, dtype, device)
        try:
            if device.type not in KERNELS or dtype not in REALS:
                raise CompilerError(f"the cell is on {device} in {dtype}, expected float32 or float64 on a CPU or GPU.")
            if key not in self._kernels:
                self._kernels[key] = KERNELS[device.type](step, dtype, self.cell.neurons.size)
            return self._kernels[key]
        except CompilerError as error:
            if str(error) != self._notice:
                self._notice = str(error)
                said = self._notice.rstrip(".")
                warnings.warn(f"{said}: the plain module runs instead of the fused one.", stacklevel=3)
            return None


KERNELS = {
    "cpu": lambda step, dtype, size: CpuKernel(step, dtype),
    "cuda": lambda step, dtype, size: GpuKernel(step, dtype, size, CudaModule),
}
"""What runs sequences on each type of device."""


@checked(
    cell=of(Cell, advice="export one with to_torch"),
)
def fuse(cell: Cell) -> FusedCell:
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


def _each(value, function):
    """Return a function of a tensor, or of each of a tuple of them."""
    return tuple(function(item) for item in value) if isinstance(value, tuple) else function(value)


class _Run:
    """One sequence: the tensors in the order of the kernel's arguments."""

    def __init__(self, cell, step, prepared, kernel, workspace, n_steps, batch, inputs, spikes, record, state, first):
        self.cell, self.kept, self.layout = cell, step.kept, step.layout
        self.prepared, self.kernel, self.workspace = prepared, kernel, workspace
        self.n_steps, self.batch, self.record = n_steps, batch, record
        self.first_step = cell.first_step if first is None else first
        self.start = cell.initial_state(batch) if state is None else state
        self.waits: Any = None
        self.last: Any = None
        for name, values in self.start.items():
            if name.endswith(".pending") and any(bool(value.any()) for value in values):
                raise ValueError(
                    f"{name!r} has spikes on their way, expected none at the start of a fused sequence: use the plain "
                    "module to go on from there."
                )
        self.inputs = {name: value.to(cell.dtype).contiguous() for name, value in inputs.items()}
        self.dense = {name: item.to(cell.dtype) for name, item in spikes.items() if not isinstance(item, Events)}
        self.events = {
            name: kernel.events(self.dense[name]) if name in self.dense else item.to(cell.device)
            for name, item in spikes.items()
        }
        self.arriving = [self.events.get(path.source) for path in self.layout.pathways]  # None for the neurons' own
        known = prepared | cell.neurons.source.constants
        for name, values in zip(cell.neurons.source.clock, self._clock(), strict=True):
            values = values.to(cell.dtype)
            self.inputs[name] = (
                values.expand(n_steps, cell.neurons.size).unsqueeze(1).expand(-1, batch, -1).contiguous()
            )
        self.numbers = {  # what the kernel reads beside tensors that autograd knows, by its field
            "T": n_steps,
            "B": batch,
            "N": cell.neurons.size,
            "first": self.first_step,
            "seconds": cell.neurons.source.si["dt"],
            "width": cell.neurons.width,
            "scalars": [float(known[name]) for name in self.layout.scalars],
        }

    def _clock(self):
        """Return what hangs on time alone, of shape (time, neuron or 1), with gradients to parameters."""
        steps = torch.arange(self.first_step, self.first_step + self.n_steps, device=self.cell.device).unsqueeze(1)
        return self.cell.neurons.clock(steps, [*self.prepared.values()])

    def output(self):
        """Run the sequence and return it like the plain module does."""
        cell, layout = self.cell, self.layout
        like = self.start[layout.state[0]]
        shape = (self.batch, cell.neurons.size)
        rows = [torch.as_tensor(self.prepared[name]).to(like.dtype).expand(shape[1]) for name in layout.rows]
        weights = {
            (coupling.name, variable, delay): matrix
            for coupling in cell.couplings.values()
            for variable, delay, matrix in coupling.prepare()
        }
        spikes, final, *recorded = _Sequence.apply(
            self,
            torch.stack([self.start[name].expand(shape) for name in layout.state]),
            torch.stack(rows) if rows else like.new_zeros(1, shape[1]),
            *(self.inputs[name] for name in layout.inputs),
            *(weights[path.coupling, path.variable, path.delay].contiguous() for path in layout.pathways),
            *(self.dense.get(path.source, like.new_zeros(0)) for path in layout.pathways),
        )
        state = dict(zip(layout.state, final, strict=True)) | {name: self.inputs[name][-1] for name in cell.inputs}
        if layout.is_refractory:
            state |= {"not_refractory": self.waits > 0.5, "lastspike": self.last}
        found = dict(zip(layout.state, recorded, strict=True)) | self.inputs
        return Output(spikes, {name: found[name] for name in self.record}, state | self._pending(spikes))

    def split(self, tensors):
        """Return the inputs, weights and spikes of sources among what `_Sequence` is given."""
        n_inputs, n_paths = len(self.layout.inputs), len(self.layout.pathways)
        return tensors[:n_inputs], tensors[n_inputs : n_inputs + n_paths], tensors[n_inputs + n_paths :]

    def _pending(self, spikes):
        """Return the spikes that are still on their way."""
        found = {}
        for coupling in self.cell.couplings.values():
            sent, delay = spikes, coupling.max_delay
            if coupling.source is not None and delay:
                sent = self.events[coupling.source].dense(spikes.dtype)
            late = sent[max(0, self.n_steps - delay) :] if delay else sent[:0]
            early = sent.new_zeros(delay - len(late), *sent.shape[1:])
            found[f"{coupling.name}.pending"] = torch.cat([early, late]).unbind(0)
        return found


class _Sequence(torch.autograd.Function):
    @staticmethod
    def forward(ctx, run, start, rows, *others):
        layout, steps, shape = run.layout, run.n_steps, start.shape[1:]
        inputs, weights, _ = run.split(others)
        saved = run.workspace.empty((steps + 1, len(run.kept), *shape), start)
        last = None
        if layout.is_refractory:
            start = torch.cat([start, run.start["not_refractory"].to(start.dtype).expand(1, *shape)])
            last = start.new_empty((steps + 1, *shape), dtype=torch.float64)
            last[0] = run.start["lastspike"]
        for k, name in enumerate(run.kept):
            saved[0, k] = start[layout.planes.index(name)]
        spikes = run.workspace.empty((steps, *shape), start)
        final = torch.empty_like(start)
        recorded = [start.new_empty((steps, *shape) if name in run.record else (0,)) for name in layout.state]
        results = {"saved": saved, "last": last, "spikes": spikes, "final_state": final, "recorded": recorded}
        values = run.numbers | {"start": start, "rows": rows, "inputs": inputs, "weights": weights}
        run.kernel.forward(values | results, run.arriving)
        run.waits, run.last = final[-1], None if last is None else last[-1]
        ctx.run = run
        ctx.save_for_backward(rows, saved, last, spikes, *others)
        ctx.mark_non_differentiable(*(values for values in recorded if not values.numel()))
        return spikes, final[: len(layout.state)].clone(), *recorded

    @staticmethod
    def backward(ctx, of_spikes, of_final, *of_recorded):
        run, layout = ctx.run, ctx.run.layout
        rows, saved, last, spikes, *others = ctx.saved_tensors
        inputs, weights, _ = run.split(others)
        _, needs_weights, needs_sources = run.split(ctx.needs_input_grad[3:])
        of_traces = [
            value.contiguous() if name in run.record else None
            for name, value in zip(layout.state, of_recorded, strict=True)
        ]
        results: dict = {
            "of_state": of_final.contiguous().clone(),
            "of_rows_total": torch.zeros_like(rows),
            "of_inputs": [
                torch.zeros_like(value) if name in layout.of_inputs else None
                for name, value in zip(layout.inputs, inputs, strict=True)
            ],
            "of_weights_total": [
                torch.zeros_like(item) if is_wanted else None
                for item, is_wanted in zip(weights, needs_weights, strict=True)
            ],
            # the adjoint of what a source adds in each step, only if its spikes are trained too
            "of_current": [torch.empty_like(spikes) if is_wanted else None for is_wanted in needs_sources],
        }
        values = run.numbers | {"rows": rows, "saved": saved, "last": last, "spikes": spikes, "inputs": inputs}
        values |= {"weights": weights, "of_spikes": of_spikes.contiguous(), "of_recorded": of_traces}
        run.kernel.backward(values | results, run.arriving)
        of_sources = []
        for path, weight, current in zip(layout.pathways, weights, results["of_current"], strict=True):
            if current is not None:
                sent = torch.zeros_like(current)
                sent[: len(current) - path.delay] = current[path.delay :]
                current = sent @ weight.t()
            of_sources.append(current)
        of_start = (results["of_state"], results["of_rows_total"])
        return None, *of_start, *results["of_inputs"], *results["of_weights_total"], *of_sources
