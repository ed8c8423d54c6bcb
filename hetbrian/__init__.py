"""Heterogeneous Izhikevich networks that learn, in Brian2."""

from importlib import import_module as _import_module
from typing import Any as _Any

__version__ = "0.1.0"

__all__ = [
    "FORCE", "RLS", "AllToAll", "Constant", "Distribution", "DivergenceError", "Drive", "Gamma", "Gaussian", "Guard",
    "Izhikevich", "LogNormal", "Lorentzian", "Program", "RecursiveLeastSquares", "Ridge", "SampledMonitor", "Target",
    "Uniform", "double_exponential", "exponential_activity", "gating", "gaussian_activity", "load", "load_state",
    "lorenz", "ode_to_joy", "population", "product_of_sines", "pulses", "random_weights", "recurrent", "resynthesise",
    "ridge", "save", "save_state", "simulate", "sine", "single_exponential", "sound", "temporal_signal",
]  # fmt: skip
"""What ``from hetbrian import *`` brings; it needs no optional package."""

_NAMES = {
    "_support.errors": "DivergenceError",
    "analysis": "MeanField equilibria limit_cycles",
    "analysis.activity": "exponential_activity gaussian_activity",
    "network": "AllToAll Constant Distribution Drive Gamma Gaussian Heterogeneity Izhikevich LogNormal Lorentzian "
    "SharedAdaptation Uniform double_exponential gating population pulses random_weights recurrent "
    "single_exponential temporal_signal",
    "readout": "FORCE RLS RecursiveLeastSquares Ridge Target lorenz ode_to_joy product_of_sines resynthesise ridge "
    "sine sound",
    "simulation": "Guard Program SampledMonitor load load_state save save_state simulate",
    "study": "Grid sweep",
    "torch": "fuse to_torch",
    "training": "Preset train",
}  # fmt: skip
"""Public names by their rooms. Each is imported when it is asked for: Brian2 takes a second, and most need more."""

_PLACES = {name: room for room, names in _NAMES.items() for name in names.split()}

_ROOMS = ("analysis", "codegen", "network", "plot", "published", "readout", "simulation", "study", "torch", "training")


def __getattr__(name: str) -> _Any:
    """Import a public name, or a room."""
    if name not in _PLACES and name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _ROOMS:
        return _import_module(f"{__name__}.{name}")
    found = getattr(_import_module(f"{__name__}.{_PLACES[name]}"), name)
    globals()[name] = found  # and is found at once from now on
    return found


def __dir__() -> list[str]:
    return sorted({*_PLACES, *_ROOMS, *(name for name in globals() if name.startswith("__"))})
