"""The fused time loop on a GPU: its CUDA source, its module, and launching it."""

import ctypes
from collections.abc import Sequence
from typing import Any

from hetbrian._support.compiler import CompilerError
from hetbrian._support.optional import torch
from hetbrian.torch.events import Events
from hetbrian.torch.fused.layout import REALS
from hetbrian.torch.fused.step import StepCode

THREADS = 512
"""Threads of a block: the more, the more weights are on their way at once, and the fewer registers each has."""

PARTS = 8
"""Threads that share the sum of a neuron at most, where there are few neurons: each part costs a barrier's sum."""


class GpuKernel:
    """
    Run sequences in CUDA, `hetbrian.torch.fused.cell.FusedCell`'s work on a GPU.

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
        as `hetbrian.torch.fused.gpu.CudaModule`.
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
        self.module = build(step.kernel("sequence.cu", threads=threads), kind, shared)

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
        spikes = values["spikes"]
        outside = [None] * len(self.step.layout.targets)
        for path, weight, item in zip(self.step.layout.pathways, values["weights"], events, strict=True):
            if item is not None:
                k = self.step.layout.targets.index(path.variable)
                outside[k] = torch.zeros_like(spikes) if outside[k] is None else outside[k]
                sent = torch.sparse.mm(_sparse(item, path.delay, weight), weight)
                outside[k][path.delay :] += sent.view_as(outside[k][path.delay :])
        self._launch("forward", values | {"outside": outside})

    def backward(self, values, events):
        """Run the adjoint of a sequence; arguments as those of `forward`."""
        spikes, paths = values["spikes"], self.step.layout.pathways
        weights, of_weights, of_current = (values[name] for name in ("weights", "of_weights_total", "of_current"))
        own = [weight.t().contiguous() if item is None else None for weight, item in zip(weights, events, strict=True)]
        of_arrived: dict = dict.fromkeys(self.step.layout.targets)
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


def shared_bytes(step: StepCode, size: int, itemsize: int, threads: int = THREADS) -> int:
    """
    Return how many bytes of shared memory a block of the larger kernel needs.

    Parameters
    ----------
    step : StepCode
        What a neuron does in a step.
    size : int
        Number of neurons.
    itemsize : int
        Bytes of a number.
    threads : int
        Threads of a block.

    Returns
    -------
    int
    """
    layout, partial = step.layout, max(size, threads)
    n_targets = max(1, len(layout.targets))
    forward = itemsize * ((len(layout.planes) + n_targets) * size + partial) + 4 * (size + (size + 31) // 32)
    backward = itemsize * ((len(layout.state) + n_targets + step.n_slots + 1) * size + partial)
    return max(forward, backward)


def compile_cuda(source: str, options: Sequence[str]) -> bytes:
    """
    Return the machine code of a CUDA source; no GPU and no CUDA toolkit are needed.

    Parameters
    ----------
    source : str
        CUDA C++.
    options : sequence of str
        Those of NVRTC, e.g. ``--gpu-architecture=sm_90``.

    Returns
    -------
    bytes

    Raises
    ------
    CompilerError
        If it cannot be compiled.
    """
    nvrtc = _bindings("nvrtc")
    error, program = nvrtc.nvrtcCreateProgram(source.encode(), b"sequence.cu", 0, [], [])
    _check(error)
    flags = [option.encode() for option in ("-std=c++17", *options)]
    (error,) = nvrtc.nvrtcCompileProgram(program, len(flags), flags)
    if int(error):
        _, size = nvrtc.nvrtcGetProgramLogSize(program)
        log = b" " * size
        nvrtc.nvrtcGetProgramLog(program, log)
        said = next((line for line in log.decode().splitlines() if "error" in line), str(error))
        raise CompilerError(f"no CUDA was compiled ({said}), expected code that NVRTC takes: use the plain module.")
    _, size = nvrtc.nvrtcGetCUBINSize(program)
    code = b" " * size
    _check(*nvrtc.nvrtcGetCUBIN(program, code))
    _check(*nvrtc.nvrtcDestroyProgram(program))
    return code


class CudaModule:
    """
    Kernels on the current GPU of torch.

    Parameters
    ----------
    source : str
        CUDA C++ with ``extern "C"`` kernels that take one struct.
    real : str
        ``float`` or ``double``, the macro ``REAL``.
    shared : int
        Bytes of shared memory of a block.

    Raises
    ------
    CompilerError
        If the source cannot be compiled, or the GPU has less shared memory.
    """

    def __init__(self, source, real, shared):
        self.driver, self.shared = _bindings("driver"), shared
        properties: Any = torch.cuda.get_device_properties()
        limit = properties.shared_memory_per_block_optin
        if shared > limit:
            raise CompilerError(
                f"the neurons' state takes {shared} bytes of shared memory, expected at most {limit} on this GPU: use "
                "fewer neurons, or the plain module."
            )
        architecture = f"--gpu-architecture=sm_{properties.major}{properties.minor}"
        torch.cuda.current_stream()  # makes sure that there is a context
        self.module = self._call("cuModuleLoadData", compile_cuda(source, [architecture, f"-DREAL={real}"]))
        self.kernels: dict = {}

    def launch(self, name, blocks, threads, arguments):
        """
        Start a kernel on torch's current stream.

        Parameters
        ----------
        name : str
            Its name.
        blocks, threads : int
            Number of blocks, and threads of each.
        arguments : ctypes.Structure
            What it takes; addresses in it must stay valid until the kernel has run.
        """
        if name not in self.kernels:
            kernel = self._call("cuModuleGetFunction", self.module, name.encode())
            attribute = self.driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
            self._call("cuFuncSetAttribute", kernel, attribute, self.shared)
            self.kernels[name] = kernel
        pointers = (ctypes.c_void_p * 1)(ctypes.addressof(arguments))
        sizes = (blocks, 1, 1, threads, 1, 1, self.shared)
        stream = torch.cuda.current_stream().cuda_stream
        self._call("cuLaunchKernel", self.kernels[name], *sizes, stream, ctypes.addressof(pointers), 0)

    def _call(self, function, *arguments):
        """Call a function of the driver and return what it gives."""
        return _check(*getattr(self.driver, function)(*arguments))


def _bindings(name):
    """Return a module of NVIDIA's Python bindings, which newer torch for CUDA brings along."""
    try:
        from cuda.bindings import driver, nvrtc
    except ImportError as error:
        raise CompilerError(
            f"NVIDIA's Python bindings are missing ({error}), expected cuda-bindings: pip install cuda-bindings."
        ) from error
    return {"driver": driver, "nvrtc": nvrtc}[name]


def _check(error, *results):
    """Return what a call gave, or raise what went wrong."""
    if int(error):
        raise RuntimeError(f"CUDA said {error.name}, expected success: run with CUDA_LAUNCH_BLOCKING=1 to see where.")
    return results[0] if results else None
