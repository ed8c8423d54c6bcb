"""The CUDA toolkit, curand and GPU of this machine, and brian2cuda's preferences that fit them."""

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brian2 import prefs

from hetbrian._support.cache import cache_folder

BACKEND = "devices.cuda_standalone.cuda_backend."
USUAL_ROOTS = ("/usr/local/cuda", "/opt/cuda")
COMPUTE_CAPABILITY = 9.0
"""For which GPU to compile where there is none: H100 and H200."""


@dataclass(frozen=True)
class Part:
    """
    Something that CUDA standalone needs.

    Parameters
    ----------
    name : str
        What it is.
    found : str
        Version or folder; empty if it is missing.
    fix : str
        How to get it, empty if it is there.
    """

    name: str
    found: str
    fix: str


@dataclass(frozen=True)
class GPU:
    """
    A GPU that the driver lists.

    Parameters
    ----------
    name : str
        Model.
    compute_capability : float
        For example 9.0.
    driver : str
        Version of the driver.
    """

    name: str
    compute_capability: float
    driver: str


def toolkit_root() -> Path | None:
    """
    Return the folder of the CUDA toolkit: that of ``bin/nvcc``.

    ``CUDA_PATH`` counts first, then the nvcc on the PATH, which is asked where it lives because it may be a
    wrapper script, then the usual folders.

    Returns
    -------
    pathlib.Path or None
    """
    candidates = [os.environ.get("CUDA_PATH", "")]
    if shutil.which("nvcc"):
        top = re.search(r"TOP=(\S+)", _output("nvcc", "--dryrun", "nothing.cu"))
        candidates.append(top.group(1) if top else "")
    for folder in (*candidates, *USUAL_ROOTS):
        if folder and Path(folder, "bin", "nvcc").exists():
            return Path(folder).resolve()
    return None


def curand_folders() -> tuple[Path, Path] | None:
    """
    Return where the header and the library of curand are: in the toolkit, else in NVIDIA's wheel.

    Returns
    -------
    tuple of pathlib.Path or None
        Folders of ``curand.h`` and of ``libcurand.so*``.
    """
    wheel = importlib.util.find_spec("nvidia")
    roots = [toolkit_root()]
    for place in (wheel and wheel.submodule_search_locations) or ():
        roots += sorted(Path(place).iterdir())
    for root in filter(None, roots):
        for library in ("lib64", "lib"):
            if (root / "include" / "curand.h").exists() and sorted((root / library).glob("libcurand.so*")):
                return root / "include", root / library
    return None


def gpus() -> list[GPU]:
    """
    Return the GPUs that programs started from here see, in the order of the driver.

    Returns
    -------
    list of GPU
        Empty without a driver. ``CUDA_VISIBLE_DEVICES`` selects if it holds numbers.
    """
    if not shutil.which("nvidia-smi"):
        return []
    said = _output("nvidia-smi", "--query-gpu=name,compute_cap,driver_version", "--format=csv,noheader")
    rows = [[word.strip() for word in line.split(",")] for line in said.splitlines()]
    found = [GPU(row[0], float(row[1]), row[2]) for row in rows if len(row) == 3 and re.fullmatch(r"[\d.]+", row[1])]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None or not re.fullmatch(r"[\d, ]*", visible):
        return found
    return [found[int(index)] for index in visible.split(",") if index.strip() and int(index) < len(found)]


def free_bytes() -> int | None:
    """
    Return how much memory of the GPU that programs take is free, None if the driver does not say.

    Returns
    -------
    int or None
    """
    listed = _output("nvidia-smi", "--query-gpu=memory.free", "--format=csv,noheader,nounits").split()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()
    index = int(visible) if visible.isdigit() else 0
    return int(listed[index]) * 2**20 if index < len(listed) and listed[index].isdigit() else None


def configure(compute_capability: float | None = None, jobs: int | None = None) -> dict[str, Any]:
    """
    Set brian2cuda's preferences so that a project is generated, compiled and linked here, GPU or not.

    Without the toolkit a project is still generated, for another machine.

    Parameters
    ----------
    compute_capability : float, optional
        GPU to compile for, e.g. 8.6; by default the first one here, else `COMPUTE_CAPABILITY`.
    jobs : int, optional
        How many files to compile at once; by default as many as Brian2 chooses.

    Returns
    -------
    dict
        The preferences as they were: ``prefs.update(...)`` gives them back.

    Raises
    ------
    ImportError
        If brian2cuda is not installed.
    """
    from hetbrian._support.optional import brian2cuda  # registers the device and its preferences

    gputools = brian2cuda.utils.gputools
    root, curand, found = toolkit_root(), curand_folders(), gpus()
    capability = compute_capability or (found[0].compute_capability if found else COMPUTE_CAPABILITY)
    backend = {
        "detect_gpus": False,  # brian2cuda's own detection fails without a driver
        "gpu_id": 0,
        "compute_capability": float(capability),
        "cuda_path": str(root or USUAL_ROOTS[0]),  # brian2cuda would take the folder of a wrapper for it
        "detect_cuda": root is not None,
        "cuda_runtime_version": None if root else 13.0,
        # thrust of CUDA 13 needs C++17; the makefile says C++11, and the last one counts
        "extra_compile_args_nvcc": _with(prefs[BACKEND + "extra_compile_args_nvcc"], "-std=c++17"),
    }
    host = [flag for flag in prefs["codegen.cpp.extra_compile_args_gcc"] if not flag.startswith("-std=")]
    values = {BACKEND + name: value for name, value in backend.items()}
    values["codegen.cpp.extra_compile_args_gcc"] = [*host, "-std=c++17"]
    if jobs is not None:
        values["devices.cpp_standalone.extra_make_args_unix"] = [f"-j{jobs}"]
    if curand is not None and root not in curand[0].parents:
        include, library = curand
        folders = {"include_dirs": include, "library_dirs": _linkable(library), "runtime_library_dirs": library}
        for name, folder in folders.items():
            values[f"codegen.cpp.{name}"] = _with(prefs[f"codegen.cpp.{name}"], str(folder))
    previous = {name: prefs[name] for name in values}
    prefs.update(values)
    gputools.reset_cuda_installation()
    gputools.reset_gpu_selection()
    return previous


def diagnose() -> list[Part]:
    """
    Return what CUDA standalone needs to build and run here, and how to get what is missing.

    Returns
    -------
    list of Part
    """
    package = importlib.util.find_spec("brian2cuda")
    origin = package.origin if package else None
    root, curand, found = toolkit_root(), curand_folders(), gpus()
    release = re.search(r"release ([\d.]+)", _output(root / "bin" / "nvcc", "--version")) if root else None
    gpu = f"{found[0].name}, compute capability {found[0].compute_capability}" if found else ""
    fix = "use a machine with an NVIDIA GPU and install its driver, which brings nvidia-smi"
    limit = re.search(r"CUDA Version: (\d+)", _output("nvidia-smi")) if found else None
    if limit and release and int(limit.group(1)) < float(release.group(1)) // 1:
        fix = f"the driver {found[0].driver} ends at CUDA {limit.group(1)}: update it or use an older toolkit"
        gpu = ""
    parts = (
        ("brian2cuda", str(Path(origin).parent) if origin else "", "pip install 'hetbrian[cuda]'"),
        (
            "CUDA toolkit",
            f"{release.group(1)} in {root}" if release else "",
            "install it, or set CUDA_PATH to the folder that has bin/nvcc",
        ),
        ("curand", str(curand[1]) if curand else "", "pip install 'hetbrian[cuda]' brings it as a wheel for CUDA 13"),
        ("NVIDIA GPU", gpu, fix),
    )
    return [Part(name, there, "" if there else fix) for name, there, fix in parts]


def require() -> None:
    """
    Refuse CUDA standalone on a machine that cannot build and run it.

    Raises
    ------
    RuntimeError
        If a part is missing; the message names all of them and the fixes.
    """
    missing = [part for part in diagnose() if not part.found]
    if missing:
        names = " and ".join(part.name for part in missing)
        fixes = "; ".join(part.fix for part in missing)
        raise RuntimeError(f"cuda_standalone cannot run here, expected {names}: {fixes}.")


def _output(*command):
    """Return all that a command prints, also if it fails or hangs."""
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return said.stdout + said.stderr


def _with(values, value):
    """Return a list with a value at its end, once."""
    return [*(other for other in values if other != value), value]


def _linkable(library):
    """Return a folder whose ``libcurand.so`` links to the wheel's, which has only a numbered one."""
    folder = cache_folder() / "cuda"
    folder.mkdir(parents=True, exist_ok=True)
    target, link = sorted(library.glob("libcurand.so*"))[0], folder / "libcurand.so"
    if not link.exists() or link.resolve() != target.resolve():
        new = folder / f"libcurand.so.{os.getpid()}"
        new.symlink_to(target)
        os.replace(new, link)
    return folder
