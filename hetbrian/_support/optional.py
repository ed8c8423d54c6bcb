"""Optional packages, imported when they are asked for; what is missing says how to install it."""

import importlib
import importlib.util
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import bokeh as bokeh
    import brian2cuda as brian2cuda
    import dask as dask
    import distributed as distributed
    import lightning as lightning
    import nir as nir
    import sklearn as sklearn
    import soundfile as soundfile
    import tonic as tonic
    import torch as torch
    import xpplab as xpplab
    import zarr as zarr
    from dask.system import CPU_COUNT as CPU_COUNT
    from sklearn.datasets import load_digits as load_digits
    from tonic.download_utils import calculate_md5 as calculate_md5

NEEDED = {
    "torch": ("torch", "training and export", "torch"),
    "nir": ("nir", "NIR graphs", "nir"),
    "lightning": ("lightning", "training", "train"),
    "tonic": ("tonic.datasets", "data sets", "train"),
    "calculate_md5": ("tonic.download_utils:calculate_md5", "data sets", "train"),
    "load_digits": ("sklearn.datasets:load_digits", "data sets", "train"),
    "soundfile": ("soundfile", "recordings of speech", "train"),
    "sklearn": ("sklearn.pipeline", "the logistic baseline", "train"),
    "xpplab": ("xpplab", "continuation", "bifurcation"),
    "brian2cuda": ("brian2cuda.utils.gputools", "CUDA", "cuda"),
    "bokeh": ("bokeh.embed", "reports to ask", "sweep"),
    "dask": ("dask.config", "sweeps", "sweep"),
    "distributed": ("distributed", "sweeps", "sweep"),
    "zarr": ("zarr", "sweeps", "sweep"),
    "CPU_COUNT": ("dask.system:CPU_COUNT", "sweeps", "sweep"),
}
"""For each name a module, or one of its attributes, what needs it, and the extra that brings it."""


def missing(*names: str) -> list[str]:
    """Return which packages of `NEEDED` are not installed; none of them is imported."""
    return [name for name in names if not _is_there(_package(NEEDED[name][0]))]


def _package(module: str) -> str:
    return module.partition(".")[0]


def _is_there(package: str) -> bool:
    """Return whether a package is installed, whatever it needs itself."""
    return sys.modules.get(package, ...) is not None and importlib.util.find_spec(package) is not None


def __getattr__(name: str) -> Any:
    """Import a package of `NEEDED`, or say how to install it."""
    if name not in NEEDED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    source, purpose, extra = NEEDED[name]
    module, _, attribute = source.partition(":")
    try:
        whole = importlib.import_module(_package(module))  # a part of it may have been imported before
        found = importlib.import_module(module)
    except ImportError as error:
        lacking = _package(error.name or "") if isinstance(error, ModuleNotFoundError) else ""
        if lacking and not _is_there(lacking):  # the package, or one that it needs
            said, how = f"{lacking} is not installed, expected it for {purpose}", "pip install"
        else:  # of another version than this one takes
            said = f"{_package(module)} cannot be imported ({error}), expected a version that fits for {purpose}"
            how = "pip install --upgrade"
        raise ImportError(f"{said}: {how} 'hetbrian[{extra}]'.") from error
    return getattr(found, attribute) if attribute else whole
