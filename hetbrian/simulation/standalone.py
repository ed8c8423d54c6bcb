"""Build a generated project, or find the program that the same sources gave before."""

import contextlib
import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

from hetbrian._support.cache import cache_folder, keep
from hetbrian._support.compiler import toolchain
from hetbrian._support.sealed import used
from hetbrian.simulation import cudaclocks, make, objects

SOURCES = (".cpp", ".h", ".cu", ".cuh", "makefile")


SEED = {
    "cpp_standalone": """
hetbrian::end_with_parent();
if (std::getenv("HETBRIAN_SEED"))
    for (auto &generator : brian::_random_generators)
        generator.seed(std::strtoul(std::getenv("HETBRIAN_SEED"), nullptr, 10));
""",
    "cuda_standalone": """
if (std::getenv("HETBRIAN_SEED"))
    random_number_buffer.set_seed(std::strtoull(std::getenv("HETBRIAN_SEED"), nullptr, 10));
""",
}
"""Code with which a program starts, for each standalone device: it seeds Brian2's random numbers, if it is told to."""


def build(device: Any, folder: str | os.PathLike[str], is_compiled: bool = True, is_cuda: bool = False) -> bool:
    """
    Generate the project of the active standalone device and put its program into the folder.

    The generated sources do not hold parameters, weights, targets or seeds, which are read from files at the start
    (see `hetbrian.simulation.externals`): networks that differ in those only share one program. Two processes may build
    the same one at once.

    Parameters
    ----------
    device : brian2.devices.cpp_standalone.CPPStandaloneDevice
        The device, after ``network.run``.
    folder : path-like
        Project folder.
    is_compiled : bool
        Whether there shall be a program; else only its sources.
    is_cuda : bool
        Whether it is a program for a GPU.

    Returns
    -------
    bool
        Whether the program had to be compiled.

    Raises
    ------
    CompilerError
        If there is no compiler, or it fails.
    """
    folder = Path(folder)
    if is_compiled:
        toolchain()  # an error, if there is none: Brian2 would remember that it knows no option, for later programs too
    device.build(directory=str(folder), compile=False, run=False, with_output=False)
    if is_cuda:
        cudaclocks.mend(folder)
    else:
        make.simplify(folder)
    if not is_compiled:
        return False
    known = fingerprint(folder)
    kept = cache_folder() / (known or "unknown")  # which nobody keeps
    with used(kept) as is_whole:
        if is_whole:
            shutil.copyfile(kept, folder / "main")
            (folder / "main").chmod(0o700)  # whatever became of the permissions there
            return False
    for stale in folder.rglob("*.o"):  # the makefile of CUDA does not know which headers an object depends on
        stale.unlink()
    make.make(folder, is_cuda)
    with contextlib.suppress(OSError):  # a cache that cannot be written costs time, not results
        if known:
            keep(folder / "main", kept)
    return True


def fingerprint(folder: Path) -> str:
    """
    Return a hash of everything that the program depends on: sources, makefile, compiler and processor.

    Parameters
    ----------
    folder : Path
        Project folder.

    Returns
    -------
    str
        Empty if it depends on files outside of the project, see `hetbrian.simulation.objects.headers`.
    """
    found = hashlib.sha256(objects.tools().encode())
    files = [
        path for path in sorted(folder.rglob("*")) if path.name.endswith(SOURCES) and "static_arrays" not in path.parts
    ]
    for path in files:
        found.update(str(path.relative_to(folder)).encode())
        found.update(path.read_bytes())
    sources = [path for path in files if path.name != "makefile"]
    return "" if objects.headers(sources, folder) is None else found.hexdigest()[:32]
