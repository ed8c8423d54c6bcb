"""Generated CUDA code objects, compiled for the CPU and called from Python."""

import ctypes
import re
import subprocess
from pathlib import Path

import numpy as np

from tests.codegen.cuda_emulation.nvcc import FLAGS, THREADS, as_cpp

EMULATION = Path(__file__).parent
LIBRARY = ("-shared", "-fPIC", "-fno-gnu-unique")
"""A library of its own: each has its threads."""


class EmulatedCode:
    """
    A code object of a generated project, whose host and device arrays are NumPy arrays.

    Assign to ``code[name]`` before the first run, ``dev_array_...`` for the device and ``_array_...`` for
    the host; device memory that nobody assigned is a null pointer, and using it ends the process.

    Parameters
    ----------
    project : pathlib.Path
        Folder of the generated project.
    path : pathlib.Path
        Source of the code object.
    folder : pathlib.Path
        Where to compile.
    threads : int, optional
        Threads a block, instead of those in rls.cuh, so that few weights already need several passes.
    """

    def __init__(self, project, path, folder, threads=None):
        source = path.read_text()
        assert threads is None or len(THREADS.findall(source)) == 2
        source = as_cpp(source, threads)
        objects = (project / "objects.h").read_text()
        pointers = re.findall(r"^extern (\w+) \* ?(\w+);", objects, re.MULTILINE)
        declarations = "\n".join(f"{kind}* {pointer};" for kind, pointer in pointers)
        spaces = re.findall(r"^extern thrust::host_vector<(\w+)\*> (dev(\w+));", objects, re.MULTILINE)
        declarations += "".join(f"\n{kind}* {space}[1]; int current_idx{name} = 0;" for kind, space, name in spaces)
        pointers += [(kind, space) for kind, space, _ in spaces]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "objects.h").write_text(
            "#include <stdint.h>\ntypedef double randomNumber_t;\n"
            f'namespace brian {{ extern "C" {{\n{declarations}\n}} }}\n'
        )
        (folder / "code.cpp").write_text(source)
        library = folder / "code.so"
        command = ["g++", *FLAGS, *LIBRARY, "-I", folder, "-I", EMULATION, "-I", project]
        subprocess.run([*command, folder / "code.cpp", "-o", library], check=True)
        self.library = ctypes.CDLL(str(library))
        self.arrays = {}
        self.dtypes = {
            pointer: np.dtype({"float": "float32"}.get(kind, kind.removesuffix("_t"))) for kind, pointer in pointers
        }
        function = f"_run_{path.stem}"
        self.run = self.library[f"_Z{len(function)}{function}v"]

    def __setitem__(self, name, values):
        self.share(name, np.atleast_1d(np.array(values, dtype=self.dtypes[name])).ravel())

    def share(self, name, array):
        """Let the code work on the memory of an array itself, of the dtype that the code has."""
        assert array.dtype == self.dtypes[name] and array.flags.c_contiguous
        self.arrays[name] = array
        ctypes.c_void_p.in_dll(self.library, name).value = array.ctypes.data

    def __getitem__(self, name):
        return self.arrays[name]

    def count(self, what):
        """Return how many launches or copies there were."""
        return ctypes.c_int.in_dll(self.library, f"emulated_{what}").value

    @property
    def is_stopped(self):
        """Whether the code stopped the run."""
        return ctypes.POINTER(ctypes.c_bool).in_dll(self.library, "emulated_stop").contents.value
