"""A CUDA toolkit and a driver that are emulated: whole projects are compiled for the CPU, and run there."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from tests.codegen.cuda_emulation.nvcc import FLAGS

HERE = Path(__file__).parent

HEADERS = ("cuda", "curand", "curand_kernel", "cuda_profiler_api")
OF_THRUST = (
    "host_vector",
    "device_vector",
    "unique",
    "system_error",
    "sort",
    "reduce",
    "execution_policy",
    "count",
    "copy",
)
"""What projects include; all that they use of it is in toolkit.h, which comes before each source."""

DRIVER = """#!/bin/sh
case "$*" in
*memory.free*) echo 512 ;;
*query-gpu*) echo "emulated card, 9.0, 0.0" ;;
*) echo "CUDA Version: 13.0" ;;
esac
"""


def toolkit(folder: Path) -> dict[str, str]:
    """
    Make a folder as that of a toolkit, with ``bin/nvcc`` and ``bin/nvidia-smi``.

    Parameters
    ----------
    folder : Path
        Where to make it.

    Returns
    -------
    dict of str to str
        ``CUDA_PATH`` and what comes first on the ``PATH`` of those who use it.
    """
    for part in ("bin", "include/thrust", "lib64"):
        (folder / part).mkdir(parents=True)
    for name in (*HEADERS, *(f"thrust/{name}" for name in OF_THRUST)):
        (folder / "include" / f"{name}.h").touch()
    for name in ("cuda_emulation.h", "toolkit.h"):
        shutil.copy(HERE / name, folder / "include")
    (folder / "lib64" / "libcurand.so").touch()
    compiler = shlex.join([sys.executable, str(HERE / "nvcc.py"), str(folder)])
    for name, text in (("nvcc", f'#!/bin/sh\nexec {compiler} "$@"\n'), ("nvidia-smi", DRIVER)):
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    header = folder / "include" / "toolkit.h"
    subprocess.run(["g++", *FLAGS, "-x", "c++-header", header, "-o", f"{header}.gch"], check=True)
    return {"CUDA_PATH": str(folder), "PATH": str(folder / "bin")}
