"""Build a generated project, or find the program that the same sources gave before."""

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

SOURCES = (".cpp", ".h", ".cu", ".cuh", "makefile")


def cache_folder():
    """
    Return where built programs are kept: ``HETBRIAN_CACHE``, or hetbrian below the user's cache folder.

    Returns
    -------
    Path
    """
    chosen = os.environ.get("HETBRIAN_CACHE")
    return Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "hetbrian"


def build(device, folder):
    """
    Generate the project of the active standalone device and put its program into the folder.

    The generated sources do not hold parameters, weights, targets or seeds, which are read from
    files at the start: networks that differ in those only share one program. Two processes may
    build the same one at once.

    Parameters
    ----------
    device : brian2.devices.cpp_standalone.CPPStandaloneDevice
        The device, after ``network.run``.
    folder : path-like
        Project folder.

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
    kept = cache_folder() / fingerprint(folder)
    if kept.exists():
        shutil.copy2(kept, folder / "main")
        return False
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


def fingerprint(folder):
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


def toolchain():
    """Return the compiler's version and what -march=native means here, as text."""
    compiler = shlex.split(os.environ.get("CXX", "g++"))
    version = subprocess.run([*compiler, "--version"], capture_output=True, text=True, check=False).stdout
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            processor = next((line for line in file if line.startswith(("flags", "Features"))), "")
    except OSError:
        processor = platform.processor()
    return version + processor
