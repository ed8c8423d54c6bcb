"""The C++ compiler of this machine: which it is, and a library from source, compiled once."""

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from hetbrian._support.cache import cache_folder

FLAGS = ("-std=c++17", "-O3", "-march=native", "-ffast-math", "-fno-finite-math-only", "-fopenmp", "-fPIC", "-w")
"""Infinities stay exact, so that a state that left the finite numbers is seen."""


class CompilerError(RuntimeError):
    """There is no C++ compiler, or it failed; the message holds what it said."""


def library(source, definitions=()):
    """
    Return the library of a C++ source, from the cache if the same was compiled before.

    Two processes may compile the same one at once: each writes a file of its own and puts it in place whole.

    Parameters
    ----------
    source : str
        C++ source with ``extern "C"`` functions.
    definitions : sequence of str
        Macros, e.g. ``REAL=float``.

    Returns
    -------
    ctypes.CDLL

    Raises
    ------
    CompilerError
        If it cannot be compiled.
    """
    flags = [*FLAGS, *(f"-D{definition}" for definition in definitions)]
    if os.uname().machine in ("x86_64", "AMD64"):
        flags.append("-mprefer-vector-width=512")
    try:
        key = hashlib.sha256("\n".join([toolchain(), *flags, source]).encode()).hexdigest()[:32]
    except OSError as error:
        raise CompilerError(_advice(str(error))) from error
    folder = cache_folder()
    kept = folder / f"{key}.so"
    if not kept.exists():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _compile(source, flags, kept)
        except OSError as error:
            raise CompilerError(_advice(str(error))) from error
    return ctypes.CDLL(str(kept))


def _compile(source, flags, kept):
    """Compile and link apart: linking with -ffast-math would flush denormal numbers in the whole process."""
    with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
        code, object_, result = (Path(folder) / f"sequence{suffix}" for suffix in (".cpp", ".o", ".so"))
        code.write_text(source)
        for arguments in (
            [*command(), *flags, "-c", str(code), "-o", str(object_)],
            [*command(), "-shared", "-fopenmp", str(object_), "-o", str(result)],
        ):
            done = subprocess.run(arguments, capture_output=True, text=True, check=False)
            if done.returncode:
                raise CompilerError(_advice(next((line for line in done.stderr.splitlines() if "error" in line), "")))
        os.replace(result, kept)


def _advice(said):
    return f"no C++ was compiled ({said or 'the compiler said nothing'}), expected g++: install it, or set CXX to one."


def command() -> list[str]:
    """Return how the C++ compiler is called: what ``CXX`` says, else g++."""
    return shlex.split(os.environ.get("CXX", "g++"))


def missing_compiler() -> str:
    """Return what is missing to compile C++, or an empty string; a program is really compiled."""
    if shutil.which(command()[0]) is None:
        return f"no C++ compiler {command()[0]!r}: install one (Debian: apt install g++) or set CXX"
    program = "#include <cmath>\nint main() { return std::isfinite(1.0) ? 0 : 1; }"
    options = ["-x", "c++", "-fsyntax-only", "-"]
    tried = subprocess.run([*command(), *options], input=program, capture_output=True, text=True, check=False)
    said = tried.stderr.strip() or "it says nothing"
    return f"{command()[0]} cannot compile a small program: {said.splitlines()[0]}" if tried.returncode else ""


def toolchain():
    """Return the compiler's version and what -march=native means here, as text."""
    version = subprocess.run([*command(), "--version"], capture_output=True, text=True, check=False).stdout
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            processor = next((line for line in file if line.startswith(("flags", "Features"))), "")
    except OSError:
        processor = platform.processor()
    return version + processor
