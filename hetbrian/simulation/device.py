"""Activate a Brian2 device for a while, and leave everything as the user had it."""

import gc
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import brian2
from brian2 import defaultclock, get_device, prefs
from brian2.devices.device import all_devices, reset_device

from hetbrian.simulation import cuda, standalone

FLAGS = ("codegen.cpp.extra_compile_args_gcc", "codegen.cpp.extra_link_args")
"""Preferences of Brian2 that change while a program is built."""

VECTORISED = "--param=vect-max-version-for-alias-checks=1000"
"""
Flag for GCC, without which it leaves the state update of a model scalar that touches more than about five arrays: it
checks before a loop that arrays do not overlap, at most ten pairs of them. Results are the same, bit for bit.
"""


@contextmanager
def activated(name, directory):
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
        If a standalone device holds objects of the user already.
    """
    previous_target, previous_dt = prefs.codegen.target, defaultclock.dt
    previous = {name: prefs[name] for name in FLAGS}
    folder = None
    if name not in standalone.SEED:
        brian2.set_device("runtime")
        if name != "runtime":
            prefs.codegen.target = name
    else:
        gc.collect()  # objects of an earlier run would keep their names, and the sources would differ
        if any("_defaultclock_" not in array for array in _arrays(name)):
            raise RuntimeError(
                f"{name} holds Brian2 objects already, expected none, because simulate builds a project of its own: "
                "call get_device().reinit() after your run, or simulate before you build them."
            )
        folder = Path(directory) if directory else Path(tempfile.mkdtemp(prefix="hetbrian_"))
        if name == "cuda_standalone":
            previous = {**cuda.configure(), **previous}
        elif VECTORISED not in prefs[FLAGS[0]]:
            prefs[FLAGS[0]] = [*prefs[FLAGS[0]], VECTORISED]
        brian2.set_device(name, build_on_run=False)
    try:
        yield folder
    finally:
        prefs.codegen.target = previous_target
        prefs.update(previous)
        if folder is not None:
            get_device().reinit()
            os.environ.pop("HETBRIAN_SEED", None)
            if directory is None:
                shutil.rmtree(folder, ignore_errors=True)
        reset_device()
        defaultclock.dt = previous_dt


def _arrays(name):
    """Return the names of the arrays of a standalone device, none if it is not there yet."""
    return all_devices[name].arrays.values() if name in all_devices else ()
