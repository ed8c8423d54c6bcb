"""Activate a Brian2 device for a while, and leave everything as the user had it."""

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import brian2
from brian2 import defaultclock, get_device, prefs
from brian2.codegen.runtime.cython_rt.extension_manager import cython_extension_manager
from brian2.devices.device import all_devices, reset_device

from hetbrian._support.compiler import CompilerError
from hetbrian._support.scratch import temporary_folder
from hetbrian.simulation import cuda, standalone

FLAGS = "codegen.cpp.extra_compile_args_gcc"
"""Preference of Brian2 that changes while a program is built."""

ENVIRONMENT = (
    "HETBRIAN_PARENT", "HETBRIAN_RESULTS", "HETBRIAN_SEED", "HETBRIAN_WIRING", "LD_BIND_NOW", "OMP_WAIT_POLICY",
)  # fmt: skip
"""What building and running a program of ours leaves in the environment."""

VECTORISED = "--param=vect-max-version-for-alias-checks=1000"
"""
Flag for GCC, without which it leaves the state update of a model scalar that touches more than about five arrays: it
checks before a loop that arrays do not overlap, at most ten pairs of them. Results are the same, bit for bit.
"""


@contextmanager
def activated(name: str, directory: str | os.PathLike[str] | None) -> Iterator[Any]:
    """
    Activate a device, yield its project folder, and give the user's device and preferences back afterwards.

    Parameters
    ----------
    name : str
        One of `hetbrian.simulation.program.DEVICES`.
    directory : path-like or None
        Folder of a standalone project; None makes one that is removed afterwards.

    Yields
    ------
    Path or None
        The folder; None on the runtime device.

    Raises
    ------
    RuntimeError
        If a standalone device holds objects of the user already; within it, if Cython cannot compile code of a network.
    """
    previous = {key: prefs[key] for key in ("codegen.target", FLAGS)}
    with ExitStack() as stack:
        stack.callback(setattr, defaultclock, "dt", defaultclock.dt)
        stack.callback(prefs.update, previous)
        stack.callback(_set_environment, {key: os.environ.get(key) for key in ENVIRONMENT})
        if name not in standalone.SEED:
            brian2.set_device("runtime")
            stack.callback(reset_device)
            if name != "runtime":
                prefs.codegen.target = name
            stack.enter_context(_all_compiled())
            yield None
            return
        if any("_defaultclock_" not in array for array in _arrays(name)):
            raise RuntimeError(
                f"{name} holds Brian2 objects already, expected none, because simulate builds a project of its own: "
                "call get_device().reinit() after your run, or simulate before you build them."
            )
        if directory is None:
            directory = stack.enter_context(temporary_folder())
        if name == "cuda_standalone":
            previous.update({**cuda.configure(), **previous})
        elif VECTORISED not in prefs[FLAGS]:
            prefs[FLAGS] = [*prefs[FLAGS], VECTORISED]
        brian2.set_device(name, build_on_run=False)
        stack.callback(reset_device)
        stack.callback(get_device().reinit)
        yield Path(directory)


@contextmanager
def _all_compiled() -> Iterator[None]:
    """Refuse what Cython cannot compile: Brian2 prints its error and runs the network without that code."""
    own, create = vars(cython_extension_manager), cython_extension_manager.create_extension

    def created(code: str, *arguments: Any, **options: Any) -> Any:
        compiled = create(code, *arguments, **options)
        if compiled is None:
            raise CompilerError(
                "Cython could not compile code of the network (its error is printed above), expected code that it can: "
                "choose device='numpy', or another name for what it takes for its own."
            )
        return compiled

    before = own.get("create_extension")  # of another program that is open
    own["create_extension"] = created
    try:
        yield
    finally:
        own.pop("create_extension", None)
        if before is not None:
            own["create_extension"] = before


def _set_environment(values: dict[str, str | None]) -> None:
    """Set environment variables, or take them away."""
    for key, value in values.items():
        if value is None:
            os.environ.pop(key, None)
        else:
            os.environ[key] = value


def _arrays(name: str) -> Iterable[str]:
    """Return the names of the arrays of a standalone device, none if it is not there yet."""
    return all_devices[name].arrays.values() if name in all_devices else ()
