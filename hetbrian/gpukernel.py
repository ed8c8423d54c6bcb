"""The time loop of a cell on a GPU: one CUDA kernel each way, sparse products by torch before and after."""

import ctypes

from hetbrian.arguments import REALS
from hetbrian.cudacode import THREADS, cuda_source, shared_bytes
from hetbrian.events import Events
from hetbrian.extras import torch

PARTS = 8
"""Threads that share the sum of a neuron at most, where there are few neurons: each part costs a barrier's sum."""


class GpuKernel:
    """
    Run sequences in CUDA, `hetbrian.fused.FusedCell`'s work on a GPU.

    A kernel takes all steps without coming back to Python. What outside spikes add does not depend on
    the neurons: it is one sparse product for the whole sequence, before; and the gradients of all
    weights are products of spikes and adjoints, afterwards.

    Parameters
    ----------
    step : StepCode
        What a neuron does in a step.
    dtype : torch.dtype
        ``float32`` or ``float64``.
    size : int
        Number of neurons.
    build : callable
        What makes a module of a CUDA source, the name of the real numbers and the bytes of shared memory,
        as `hetbrian.cudamodule.CudaModule`.
    threads : int
        Threads of a block.

    Raises
    ------
    CompilerError
        If the kernels cannot be compiled, or the GPU has too little shared memory.
    """

    def __init__(self, step, dtype, size, build, threads=THREADS):
        kind, real = REALS[dtype]
        self.step, self.size, self.threads = step, size, threads
        self.arguments, self.ctype = step.arguments, step.arguments.ctype(real)
        shared = shared_bytes(step, size, ctypes.sizeof(real), threads)
        self.module = build(cuda_source(step, threads), kind, shared)

    def forward(self, values, events):
        """
        Run a sequence.

        Parameters
        ----------
        values : dict
            Numbers and tensors by their field in `hetbrian.arguments.Arguments`; results are written into them.
        events : list of Events or None
            Spikes of the source of each pathway, None for the neurons' own.
        """
        spikes = values["spikes"]
        outside = [None] * len(self.step.targets)
        for path, weight, item in zip(self.step.layout.pathways, values["weights"], events, strict=True):
            if item is not None:
                k = self.step.targets.index(path.variable)
                outside[k] = torch.zeros_like(spikes) if outside[k] is None else outside[k]
                sent = torch.sparse.mm(_sparse(item, path.delay, weight), weight)
                outside[k][path.delay :] += sent.view_as(outside[k][path.delay :])
        self._launch("forward", values | {"outside": outside})

    def backward(self, values, events):
        """Run the adjoint of a sequence; arguments as those of `forward`."""
        spikes, paths = values["spikes"], self.step.layout.pathways
        weights, of_weights, of_current = (values[name] for name in ("weights", "of_weights_total", "of_current"))
        own = [weight.t().contiguous() if item is None else None for weight, item in zip(weights, events, strict=True)]
        of_arrived: dict = dict.fromkeys(self.step.targets)
        for path, *wanted in zip(paths, of_weights, of_current, strict=True):
            if any(item is not None for item in wanted) and of_arrived[path.variable] is None:
                of_arrived[path.variable] = torch.empty_like(spikes)
        # each copy sums up for itself, so that the order of the sums is always the same
        of_rows = spikes.new_zeros(spikes.shape[1], *values["rows"].shape)
        given = {"transposed": own, "of_arrived": list(of_arrived.values()), "of_rows_total": of_rows}
        self._launch("backward", values | given)
        values["of_rows_total"] += of_rows.sum(0)
        for path, item, of_weight, current in zip(paths, events, of_weights, of_current, strict=True):
            arrived = of_arrived[path.variable]
            if current is not None:
                current.copy_(arrived)
            if of_weight is not None and item is None:
                sent = spikes[: max(0, len(spikes) - path.delay)]
                of_weight += sent.flatten(0, 1).t() @ arrived[path.delay :].flatten(0, 1)
            elif of_weight is not None:
                arrived = arrived[path.delay :].flatten(0, 1)
                of_weight += torch.sparse.mm(_sparse(item, path.delay, arrived).t(), arrived)

    def events(self, spikes):
        """Return events as `Events.from_dense`."""
        return Events.from_dense(spikes)

    def _launch(self, kernel, values):
        packed = self.arguments.pack(values, self.ctype)
        threads = min(self.threads, PARTS * 32 * -(-self.size // 32))
        self.module.launch(kernel, values["spikes"].shape[1], threads, packed)


def _sparse(events, delay, like):
    """Return events as a sparse matrix, shape (time*batch, source), without those that arrive after the last step."""
    n_steps, batch, size = events.shape
    n_rows = max(0, n_steps - delay) * batch
    rows = torch.repeat_interleave(torch.arange(n_rows, device=like.device), events.begin[: n_rows + 1].diff())
    places = torch.stack([rows, events.index[: len(rows)].long()])
    ones = like.new_ones(len(rows))
    return torch.sparse_coo_tensor(places, ones, (n_rows, size), check_invariants=False)  # Events checked them
