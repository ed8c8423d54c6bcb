"""What machine this is, and what of it is missing for the checks."""

import importlib.metadata
import importlib.util
import os
import platform
import re
from typing import Any

from hetbrian._support import compiler
from hetbrian._support.errors import MissingDevice
from hetbrian._support.provenance import provenance
from hetbrian.simulation import cuda

TORCH = "torch with CUDA"
"""What the checks of the fused cell need, by the name in `missing`."""


def missing() -> dict[str, str]:
    """
    Return what the checks need and this machine lacks, with how to get it.

    Returns
    -------
    dict of str to str
        Names as in `hetbrian.simulation.cuda.diagnose`, `TORCH` and "C++ compiler".
    """
    found = {part.name: part.fix for part in cuda.diagnose() if not part.found}
    said = compiler.missing(make=True)
    return found | ({"C++ compiler": said} if said else {}) | ({TORCH: without} if (without := _torch()) else {})


def refuse() -> None:
    """
    Refuse a machine without a GPU.

    Raises
    ------
    MissingDevice
        One sentence with all that is missing.
    """
    lacking = missing()
    if "NVIDIA GPU" in lacking:
        fixes = "; ".join(lacking.values())
        raise MissingDevice(f"there is no GPU to check here, expected {' and '.join(lacking)}: {fixes}.")


def described() -> dict[str, Any]:
    """
    Return what a record says of the machine.

    Returns
    -------
    dict
        Card, driver, versions, processor and cores.
    """
    found = [f"{gpu.name}, compute capability {gpu.compute_capability}" for gpu in cuda.gpus()]
    drivers = sorted({gpu.driver for gpu in cuda.gpus()})
    parts = {part.name: part.found for part in cuda.diagnose()}
    versions = {name: _version(name) for name in ("brian2cuda", "torch", "lightning", "cuda-bindings")}
    return {
        "card": ", ".join(found) or "none",
        "driver": ", ".join(drivers) or "none",
        "CUDA toolkit": parts["CUDA toolkit"].partition(" ")[0] or "none",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": platform.platform(),
        **provenance(),
        **versions,
    }


def _torch() -> str:
    """Return what is wrong with torch, or an empty string."""
    if importlib.util.find_spec("torch") is None:
        return "pip install torch, a build with CUDA"
    try:
        import torch
    except (ImportError, OSError) as error:  # a library of it is missing or of another version
        return f"torch is there and cannot be imported ({error}): install it anew"
    if torch.version.cuda is None:
        return f"torch {torch.__version__} is built without CUDA: install one with it"
    return "" if torch.cuda.is_available() else f"torch {torch.__version__} finds no GPU"


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def _processor():
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            named = re.search(r"^model name\s*: (.+)$", file.read(), re.MULTILINE)
    except OSError:
        named = None
    return named[1] if named else platform.processor()
