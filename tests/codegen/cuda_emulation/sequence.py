"""The CUDA time loop of a cell, compiled for the CPU."""

import ctypes
import hashlib
import subprocess

from tests.codegen.cuda_emulation.emulate import EMULATION, LIBRARY
from tests.codegen.cuda_emulation.nvcc import FLAGS

SHARED = "extern __shared__ double memory[];"
LAUNCHERS = """
extern "C" void start_forward(const Arguments& given, unsigned blocks, unsigned size) {
    emulation::Launch(blocks, size)([](const auto& given) { forward(given); }, given);
}
extern "C" void start_backward(const Arguments& given, unsigned blocks, unsigned size) {
    emulation::Launch(blocks, size)([](const auto& given) { backward(given); }, given);
}
"""


def emulated(folder, backwards=False):
    """Return what builds modules in a folder, in the place of `hetbrian.torch.fused.gpu.CudaModule`."""
    return lambda source, real, shared: EmulatedModule(folder, source, real, shared, backwards)


class EmulatedModule:
    """Kernels whose threads are coroutines; shared memory has exactly the size that was asked for, then a guard."""

    def __init__(self, folder, source, real, shared, backwards):
        assert SHARED in source
        self.words, self.backwards = -(-shared // 8), backwards
        source = source.replace(SHARED, f'extern "C" {{ double memory[{self.words + 64}]; }}')
        path = folder / f"sequence_{hashlib.sha256((source + real).encode()).hexdigest()[:16]}.cpp"
        path.write_text(f'#include "cuda_emulation.h"\n{source}{LAUNCHERS}')
        library = path.with_suffix(".so")
        command = ["g++", *FLAGS, *LIBRARY, f"-DREAL={real}", "-I", EMULATION]
        subprocess.run([*command, path, "-o", library], check=True)
        self.library, self.launches = ctypes.CDLL(str(library)), []

    def launch(self, name, blocks, threads, arguments):
        memory = (ctypes.c_double * (self.words + 64)).in_dll(self.library, "memory")
        memory[:] = [float("nan")] * len(memory)  # what nobody has written spoils every result
        ctypes.c_int.in_dll(self.library, "emulated_backwards").value = self.backwards
        address = arguments if isinstance(arguments, ctypes.c_void_p) else ctypes.byref(arguments)
        self.library[f"start_{name}"](address, blocks, threads)
        assert all(value != value for value in memory[self.words :]), "shared memory overflowed"
        self.launches.append((name, blocks, threads))
