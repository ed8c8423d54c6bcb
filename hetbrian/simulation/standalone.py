"""Keep numbers out of a generated project, build it, or find the program that the same sources gave before."""

import hashlib
import os
import shutil
import tempfile
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Clock

from hetbrian._support.cache import cache_folder
from hetbrian._support.compiler import toolchain

SOURCES = (".cpp", ".h", ".cu", ".cuh", "makefile")


SEED = {
    "cpp_standalone": """
if (std::getenv("HETBRIAN_SEED"))
    for (auto &generator : brian::_random_generators)
        generator.seed(std::strtoul(std::getenv("HETBRIAN_SEED"), nullptr, 10));
""",
    "cuda_standalone": """
if (std::getenv("HETBRIAN_SEED"))
    random_number_buffer.set_seed(std::strtoull(std::getenv("HETBRIAN_SEED"), nullptr, 10));
""",
}
"""Code of a program that seeds Brian2's random numbers when it starts, for each standalone device."""


def externalise(device: Any) -> None:
    """
    Let the program read from files what Brian2 would write into its sources: every initial value that is one number.

    Brian2 keeps arrays in files already. Afterwards networks that differ only in numbers have the same
    sources: parameters, learning times, weights, targets. Clocks come in the order of their names, as Brian2
    keeps them in a set.

    Parameters
    ----------
    device : brian2.devices.cpp_standalone.CPPStandaloneDevice
        The device, after ``network.run`` and before `build`; its clocks and its queue of initialisations are
        put in order and rewritten.
    """
    variables = {name: variable for variable, name in device.arrays.items()}
    clocks = {name for name, variable in variables.items() if isinstance(variable.owner, Clock)}
    device.clocks = dict.fromkeys(sorted(device.clocks, key=lambda clock: clock.name))
    groups = groupby(device.main_queue, key=lambda entry: isinstance(entry[1][0], str) and entry[1][0] in clocks)
    device.main_queue[:] = [
        entry
        for is_of_clocks, entries in groups
        for entry in (sorted(entries, key=lambda entry: entry[1][0]) if is_of_clocks else entries)
    ]
    for position, (kind, arguments) in enumerate(device.main_queue):
        if kind not in ("set_by_constant", "set_by_single_value"):
            continue
        name, variable = arguments[0], variables.get(arguments[0])
        if variable is None or variable.dynamic or name.endswith("space"):  # an event space, which holds no numbers
            continue
        if kind == "set_by_constant":
            value = np.full(variable.size, arguments[1], dtype=variable.dtype)
            entry = ("set_by_array", (name, device.static_array(name, value), False))
        else:
            _, item, text = arguments
            try:
                value = np.array([float(text.replace(" ", ""))]).astype(variable.dtype)
            except ValueError:
                continue  # true or false
            index, value = (
                device.static_array(f"_index_{name}", np.array([item])),
                device.static_array(f"_value_{name}", value),
            )
            entry = ("set_array_by_array", (name, index, value))
        device.main_queue[position] = entry


def build(device: Any, folder: str | os.PathLike[str], is_compiled: bool = True) -> bool:
    """
    Generate the project of the active standalone device and put its program into the folder.

    The generated sources do not hold parameters, weights, targets or seeds (see `externalise`), which are
    read from files at the start: networks that differ in those only share one program. Two processes may
    build the same one at once.

    Parameters
    ----------
    device : brian2.devices.cpp_standalone.CPPStandaloneDevice
        The device, after ``network.run``.
    folder : path-like
        Project folder.
    is_compiled : bool
        Whether there shall be a program; else only its sources.

    Returns
    -------
    bool
        Whether the program had to be compiled.

    Raises
    ------
    RuntimeError
        If the compiler fails; Brian2 has printed what it said.
    """
    folder = Path(folder)
    device.build(directory=str(folder), compile=False, run=False, with_output=False)
    if not is_compiled:
        return False
    kept = cache_folder() / fingerprint(folder)
    if kept.exists():
        shutil.copy2(kept, folder / "main")
        return False
    for stale in folder.rglob("*.o"):  # the makefiles do not know which headers an object depends on
        stale.unlink()
    device.compile_source(str(folder), "unix", debug=False, clean=False)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=kept.parent)
        os.close(handle)
        shutil.copy2(folder / "main", temporary)
        os.replace(temporary, kept)
    except OSError:
        pass  # a cache that cannot be written costs time, not results
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
    """
    found = hashlib.sha256(toolchain().encode())
    for path in sorted(folder.rglob("*")):
        if path.name.endswith(SOURCES) and "static_arrays" not in path.parts:
            found.update(str(path.relative_to(folder)).encode())
            found.update(path.read_bytes())
    return found.hexdigest()[:32]
