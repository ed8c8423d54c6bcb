"""Heterogeneous Izhikevich networks that learn, in Brian2."""

from importlib import import_module as _import_module
from typing import Any as _Any

from hetbrian._support.errors import DivergenceError
from hetbrian.analysis.activity import exponential_activity, gaussian_activity
from hetbrian.network import (
    AllToAll,
    Constant,
    Distribution,
    Drive,
    Gamma,
    Gaussian,
    Izhikevich,
    LogNormal,
    Lorentzian,
    Uniform,
    double_exponential,
    gating,
    population,
    pulses,
    random_weights,
    recurrent,
    single_exponential,
    temporal_signal,
)
from hetbrian.readout import (
    FORCE,
    RLS,
    RecursiveLeastSquares,
    Ridge,
    Target,
    lorenz,
    ode_to_joy,
    product_of_sines,
    resynthesise,
    ridge,
    sine,
    sound,
)
from hetbrian.simulation import Guard, Program, SampledMonitor, load, load_state, save, save_state, simulate

__version__ = "0.1.0"

__all__ = [
    "FORCE", "RLS", "AllToAll", "Constant", "Distribution", "DivergenceError", "Drive", "Gamma", "Gaussian", "Guard",
    "Izhikevich", "LogNormal", "Lorentzian", "Program", "RecursiveLeastSquares", "Ridge", "SampledMonitor", "Target",
    "Uniform", "double_exponential", "exponential_activity", "gating", "gaussian_activity", "load", "load_state",
    "lorenz", "ode_to_joy", "population", "product_of_sines", "pulses", "random_weights", "recurrent", "resynthesise",
    "ridge", "save", "save_state", "simulate", "sine", "single_exponential", "sound", "temporal_signal",
]  # fmt: skip
"""What ``from hetbrian import *`` brings; it needs no optional package."""

_LATE = {
    "Grid": "study", "Heterogeneity": "network", "MeanField": "analysis", "Preset": "training",
    "SharedAdaptation": "network", "equilibria": "analysis", "fuse": "torch", "limit_cycles": "analysis",
    "sweep": "study", "to_torch": "torch", "train": "training",
}  # fmt: skip
"""Names that are imported when they are asked for, with their rooms: most need torch, Lightning or Dask."""

_ROOMS = ("analysis", "codegen", "network", "plot", "published", "readout", "simulation", "study", "torch", "training")


def __getattr__(name: str) -> _Any:
    """Import a name of `_LATE`, or a room."""
    if name not in _LATE and name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = _import_module(f"{__name__}.{_LATE.get(name, name)}")
    return getattr(room, name) if name in _LATE else room


def __dir__() -> list[str]:
    return sorted({*__all__, *_LATE, *_ROOMS, *(name for name in globals() if name.startswith("__"))})
