"""Which Brian2 devices work on this machine, and why not."""

from dataclasses import dataclass

from hetbrian._support import compiler
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
    missing = compiler.missing()
    if missing:
        return Finding("runtime (cython)", False, missing)
    return Finding("runtime (cython)", True, "what runtime chooses by default; compiles once, then reads its cache")


def _cpp_standalone():
    missing = compiler.missing(make=True)
    if missing:
        return Finding("cpp_standalone", False, missing)
    return Finding("cpp_standalone", True, "compiles each network (about 10 s); the fastest on a CPU")


def _cuda_standalone():
    parts = diagnose()
    missing = [part.fix for part in parts if not part.found]
    if missing:
        return Finding("cuda_standalone", False, "; ".join(missing))
    return Finding("cuda_standalone", True, "; ".join(part.found for part in parts))
