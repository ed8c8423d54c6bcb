"""What is called: every public function, class and method of the rooms, with right arguments."""

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

ROOMS = (
    "analysis",
    "codegen",
    "network",
    "plot",
    "published",
    "readout",
    "simulation",
    "study",
    "torch",
    "training",
    "training.data",
)


@dataclass(frozen=True)
class Call:
    """
    A function with right arguments.

    ``fixed`` are arguments that stay as they are, ``says`` other words by which errors name an argument, ``slow`` says
    that a right call takes more than half a second.
    """

    function: Callable[..., Any]
    arguments: dict[str, Any] = field(default_factory=dict)
    fixed: tuple[str, ...] = ()
    says: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def right(self):
        """Return a right value of each argument that may be malformed; defaults where none is given."""
        found = {}
        for name, parameter in inspect.signature(self.function).parameters.items():
            if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL) or name in self.fixed:
                continue
            default = None if parameter.default is parameter.empty else parameter.default
            found[name] = self.arguments.get(name, default)
        return found | {name: value for name, value in self.arguments.items() if name not in self.fixed}

    def may_be_none(self, name):
        """Return whether None is the default of an argument."""
        parameter = inspect.signature(self.function).parameters.get(name)
        return parameter is not None and parameter.default is None


def public():
    """Return the names of everything public that can be called: ``room.name`` and ``room.Class.method``."""
    found = []
    for room in ROOMS:
        module = importlib.import_module(f"hetbrian.{room}")
        for name in module.__all__:
            item = getattr(module, name)
            if not callable(item):
                continue
            found.append(f"{room}.{name}")
            if inspect.isclass(item):
                found += [f"{room}.{name}.{method}" for method in _methods(item, module)]
    return found


def _methods(item, module):
    """Return the public methods of a class, and those of hetbrian's bases that are not public themselves."""
    known = {value for name in module.__all__ if inspect.isclass(value := getattr(module, name))}
    owners = [item, *(base for base in item.__mro__ if base.__module__.startswith("hetbrian.") and base not in known)]
    return sorted(
        {key for owner in owners for key, value in vars(owner).items() if not key.startswith("_") and _is_method(value)}
    )


def _is_method(value):
    return inspect.isfunction(value) or isinstance(value, (classmethod, staticmethod))
