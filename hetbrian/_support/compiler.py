"""The C++ compiler of this machine: which it is, and a library from source, compiled once."""

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from hetbrian._support.cache import cache_folder, keep
from hetbrian._support.scratch import temporary_folder
from hetbrian._support.sealed import hold, is_whole, seal_of

FLAGS = ("-std=c++17", "-O3", "-march=native", "-ffast-math", "-fno-finite-math-only", "-fopenmp", "-fPIC", "-w")
"""Infinities stay exact, so that a state that left the finite numbers is seen."""


class CompilerError(RuntimeError):
    """There is no C++ compiler, or it failed; the message holds what it said."""


def command() -> list[str]:
    """Return what compiles C++ here, ``CXX`` or g++, as the beginning of a command."""
    return shlex.split(os.environ.get("CXX", "")) or ["g++"]


def missing(make: bool = False) -> str:
    """
    Return what is missing to compile C++, or an empty string; a program is really compiled.

    Parameters
    ----------
    make : bool
        Whether ``make`` is needed too.

    Returns
    -------
    str
    """
    compiler = command()
    if shutil.which(compiler[0]) is None:
        return f"no C++ compiler {compiler[0]!r}: install one (Debian: apt install g++) or set CXX"
    if make and shutil.which("make") is None:
        return "no make: install it (Debian: apt install make)"
    program = "#include <cmath>\nint main() { return std::isfinite(1.0) ? 0 : 1; }"
    tried = subprocess.run(
        [*compiler, "-x", "c++", "-fsyntax-only", "-"], input=program, capture_output=True, text=True, check=False
    )
    said = tried.stderr.strip() or "it says nothing"
    return f"{compiler[0]} cannot compile a small program: {said.splitlines()[0]}" if tried.returncode else ""


def library(source: str, definitions: Sequence[str] = ()) -> ctypes.CDLL:
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
        kept = cache_folder() / f"{key}.so"
        hold(seal_of(kept))
        if not is_whole(kept):
            _compile(source, flags, kept)
            hold(seal_of(kept))
    except OSError as error:
        raise CompilerError(_advice(str(error))) from error
    return ctypes.CDLL(str(kept))


def _compile(source: str, flags: list[str], kept: Path) -> None:
    """Compile and link apart: linking with -ffast-math would flush denormal numbers in the whole process."""
    compiler = command()
    with temporary_folder(kept.parent) as folder:
        code, object_, result = (folder / f"sequence{suffix}" for suffix in (".cpp", ".o", ".so"))
        code.write_text(source)
        for step in (
            [*compiler, *flags, "-c", str(code), "-o", str(object_)],
            [*compiler, "-shared", "-fopenmp", str(object_), "-o", str(result)],
        ):
            done = subprocess.run(step, capture_output=True, text=True, check=False)
            if done.returncode:
                raise CompilerError(_advice(next((line for line in done.stderr.splitlines() if "error" in line), "")))
        keep(result, kept)


def _advice(said: str) -> str:
    return f"no C++ was compiled ({said or 'the compiler said nothing'}), expected g++: install it, or set CXX to one."


def toolchain() -> str:
    """Return the compiler's version and what -march=native means here, as text; `CompilerError` if there is none."""
    try:
        version = subprocess.run([*command(), "--version"], capture_output=True, text=True, check=False).stdout
    except OSError as error:
        raise CompilerError(_advice(str(error))) from error
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            processor = next((line for line in file if line.startswith(("flags", "Features"))), "")
    except OSError:
        processor = platform.processor()
    return version + processor
