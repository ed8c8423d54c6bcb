"""Which Brian2 devices work on this machine, and why not."""

import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass

from hetbrian.simulation.cuda import diagnose


@dataclass(frozen=True)
class Finding:
    """
    One device and whether it works here.

    Parameters
    ----------
    device : str
        Name, with the code generation target in runtime mode.
    works : bool
        Whether a simulation would run.
    remark : str
        What it uses, or what is missing and how to get it.
    """

    device: str
    works: bool
    remark: str


def find_devices():
    """
    Return a finding for each device that hetbrian knows.

    Returns
    -------
    list of Finding
    """
    return [_numpy(), _cython(), _cpp_standalone(), _cuda_standalone()]


def _numpy():
    return Finding("runtime (numpy)", True, "no compiler needed; the slowest")


def _cython():
    missing = _missing_compiler(make=False)
    if missing:
        return Finding("runtime (cython)", False, missing)
    return Finding("runtime (cython)", True, "what runtime chooses by default; compiles once, then reads its cache")


def _cpp_standalone():
    missing = _missing_compiler(make=True)
    if missing:
        return Finding("cpp_standalone", False, missing)
    return Finding("cpp_standalone", True, "compiles each network (about 10 s); the fastest on a CPU")


def _cuda_standalone():
    parts = diagnose()
    missing = [part.fix for part in parts if not part.found]
    if missing:
        return Finding("cuda_standalone", False, "; ".join(missing))
    return Finding("cuda_standalone", True, "; ".join(part.found for part in parts))


def _missing_compiler(make):
    """Return what is missing to compile C++, or an empty string; a program is really compiled."""
    command = shlex.split(os.environ.get("CXX", "g++"))
    if shutil.which(command[0]) is None:
        return f"no C++ compiler {command[0]!r}: install one (Debian: apt install g++) or set CXX"
    if make and shutil.which("make") is None:
        return "no make: install it (Debian: apt install make)"
    program = "#include <cmath>\nint main() { return std::isfinite(1.0) ? 0 : 1; }"
    tried = subprocess.run(
        [*command, "-x", "c++", "-fsyntax-only", "-"], input=program, capture_output=True, text=True, check=False
    )
    if tried.returncode:
        said = tried.stderr.strip() or "it says nothing"
        return f"{command[0]} cannot compile a small program: {said.splitlines()[0]}"
    return ""
