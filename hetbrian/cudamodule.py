"""Compile CUDA while a program runs, and launch it on torch's stream."""

import ctypes
from typing import Any

from hetbrian.extras import torch
from hetbrian.native import CompilerError


def compile_cuda(source, options):
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
