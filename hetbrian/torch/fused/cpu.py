"""The fused time loop on a CPU: its C++ source, and calling it."""

import ctypes

from hetbrian._support.compiler import library
from hetbrian._support.optional import torch
from hetbrian.torch.events import Events
from hetbrian.torch.fused.layout import REALS


class CpuKernel:
    """
    Run sequences in C++, `hetbrian.torch.fused.cell.FusedCell`'s work on the CPU.

    Parameters
    ----------
    step : StepCode
        What a neuron does in a step.
    dtype : torch.dtype
        ``float32`` or ``float64``.

    Raises
    ------
    CompilerError
        If there is no compiler, or it failed.
    """

    def __init__(self, step, dtype):
        kind, real = REALS[dtype]
        self.arguments, self.ctype = step.arguments, step.arguments.ctype(real)
        self.library = library(step.kernel("sequence.cpp"), [f"REAL={kind}"])

    def forward(self, values, events):
        """
        Run a sequence.

        Parameters
        ----------
        values : dict
            Numbers and tensors by their field in `hetbrian.torch.fused.layout.Arguments`; results are written
            into them.
        events : list of Events or None
            Spikes of the source of each pathway, None for the neurons' own.
        """
        self._call("forward", values, events)

    def backward(self, values, events):
        """Run the adjoint of a sequence; arguments as those of `forward`."""
        own = [item is None for item in events]
        transposed = [
            weight.t().contiguous() if is_own else None for weight, is_own in zip(values["weights"], own, strict=True)
        ]
        n_source = [len(weight) for weight in values["weights"]]
        self._call("backward", values | {"transposed": transposed, "n_source": n_source}, events)

    def _call(self, function, values, events):
        lists = {
            "begin": [item and item.begin for item in events],
            "index": [item and item.index for item in events],
            "threads": torch.get_num_threads(),
        }
        self.library[function](ctypes.byref(self.arguments.pack(values | lists, self.ctype)))

    def events(self, spikes):
        """Return events as `Events.from_dense`, in one pass through the spikes."""
        spikes = spikes.detach().contiguous()
        n_rows = spikes[..., 0].numel()
        begin = torch.empty(n_rows + 1, dtype=torch.int64)
        index = torch.empty(spikes.numel() + 16, dtype=torch.int32)  # pages that are not written cost nothing
        pointers = (ctypes.c_void_p(item.data_ptr()) for item in (spikes, begin, index))
        self.library.collect(ctypes.c_int64(n_rows), ctypes.c_int(spikes.shape[-1]), *pointers)
        count = int(begin[-1])
        # the other says what is wrong
        return Events.from_dense(spikes) if count < 0 else Events(begin, index[:count].clone(), tuple(spikes.shape))
