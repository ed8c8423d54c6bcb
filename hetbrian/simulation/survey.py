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


def find_devices() -> list[Finding]:
    """
    Return a finding for each device that hetbrian knows.

    Returns
    -------
    list of Finding
    """
    cython, standalone, parts = compiler.missing(), compiler.missing(make=True), diagnose()
    return [
        Finding("runtime (numpy)", True, "no compiler needed; the slowest"),
        _finding(
            "runtime (cython)",
            cython,
            "what runtime chooses by default; compiles once, then reads its cache",
        ),
        _finding("cpp_standalone", standalone, "compiles each network (about 10 s); the fastest on a CPU"),
        _finding(
            "cuda_standalone",
            "; ".join(part.fix for part in parts if not part.found),
            "; ".join(part.found for part in parts),
        ),
    ]


def _finding(device: str, missing: str, remark: str) -> Finding:
    return Finding(device, not missing, missing or remark)
