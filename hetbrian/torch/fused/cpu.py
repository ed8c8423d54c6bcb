"""The fused time loop on a CPU: its C++ source, and calling it."""

import ctypes

from hetbrian._support.compiler import library
from hetbrian._support.optional import torch
from hetbrian.torch.events import Events
from hetbrian.torch.fused.layout import REALS
from hetbrian.torch.fused.step import read_kernel


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
        self.library = library(cpp_source(step), [f"REAL={kind}"])

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


def cpp_source(step):
    """
    Return the C++ source of functions ``forward``, ``backward`` and ``collect``.

    Parameters
    ----------
    step : StepCode
        What a neuron does in a step.

    Returns
    -------
    str
    """
    paths = list(enumerate(step.layout.pathways))
    parts = {
        "HEADER": read_kernel("sequence.h"),
        "N_PATHWAYS": str(max(1, len(paths))),
        "GATHER_SOURCES": [line for j, path in paths if path.source for line in _gather(step, j, path)],
        "GATHER_OWN": [line for j, path in paths if not path.source for line in _gather(step, j, path)],
        "ADJOINT_WEIGHTS": [line for j, path in paths for line in _scatter(step, j, path)],
        "ADJOINT_SPIKES": [line for j, path in paths if not path.source for line in _product(step, j, path)],
    }
    return step.fill("sequence.cpp", parts)


def _gather(step, j, pathway):
    """Return the lines that add the weights of the events that arrive."""
    sum_ = f"arrived + {step.targets.index(pathway.variable)}*N"
    d = pathway.delay
    if pathway.source:
        at = f"(size_t)(t - {d})*B + b"
        return [
            f"if (t >= {d}) add_rows({sum_}, weights[{j}], index[{j}] + begin[{j}][{at}], "
            f"begin[{j}][{at} + 1] - begin[{j}][{at}], N);"
        ]
    return [
        f"if (t >= {d}) {{",
        f"    const int count = active(spikes + at - (size_t){d}*BN, N, list.data());",
        f"    add_rows({sum_}, weights[{j}], list.data(), count, N);",
        "}",
    ]


def _scatter(step, j, pathway):
    """Return the lines that note which row of adjoints belongs to the weights of which events."""
    k, d = step.targets.index(pathway.variable), pathway.delay
    if pathway.source:
        at = f"(size_t)(t - {d})*B + b"
        events = f"index[{j}] + begin[{j}][{at}], begin[{j}][{at} + 1] - begin[{j}][{at}]"
    else:
        events = f"list.data(), active(spikes + at - (size_t){d}*BN, N, list.data())"
    return [
        f"if (of_current[{j}]) memcpy(of_current[{j}] + at, incoming + {k}*NB, N*sizeof(real));",
        f"if (of_weights[{j}] && t >= {d}) sorted[{j}].insert(first_row + {k}*ROWS + r, {events});",
    ]


def _product(step, j, pathway):
    """Return the lines that carry the adjoint of the input back to the spikes that caused it."""
    d, k = pathway.delay, step.targets.index(pathway.variable)
    into = f"of_sent + (size_t)((t - {d}) % SLOTS)*NB"
    call = f"({into}{{}}, chunk_row + {k}*NB{{}}, transposed[{j}], N, N);"
    return [
        f"if (t >= {d}) {{",
        f"    if (R == ROWS) multiply<ROWS>{call.format('', '')}",
        f"    else for (int r = 0; r < R; r++) multiply<1>{call.format(' + r*N', ' + r*N')}",
        "}",
    ]
