import gc
import os
import signal

import pytest
from brian2 import defaultclock, prefs, set_device, start_scope
from brian2.devices.device import get_device, reset_device


@pytest.fixture(autouse=True)
def brian2_as_it_was():
    """Run a test on the runtime device with the numpy target, and give the next one the defaults back."""
    before, dt = {name: prefs[name] for name in prefs}, defaultclock.dt
    prefs.codegen.target = "numpy"  # nothing to compile: most networks here are small and short
    start_scope()
    yield
    prefs.update({name: value for name, value in before.items() if prefs[name] != value})
    while get_device().__class__.__name__ != "RuntimeDevice":
        get_device().reinit()
        reset_device()
    set_device("runtime")
    defaultclock.dt = dt


@pytest.fixture(autouse=True, scope="session")
def programs(tmp_path_factory):
    """Keep programs for the processes of this session only, so that no test finds those of older templates."""
    base = tmp_path_factory.getbasetemp()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HETBRIAN_CACHE", str((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "programs"))
        yield


@pytest.fixture(autouse=True, scope="session")
def hangup():
    """Hear the end of a terminal, which nohup has a process ignore and its children too."""
    if hasattr(signal, "SIGHUP"):
        before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
        yield
        signal.signal(signal.SIGHUP, before)
    else:
        yield


@pytest.fixture(autouse=True, scope="session")
def frozen():
    """
    Leave what the tests import out of garbage collection.

    Brian2 collects garbage before every run, which takes 0.4 s with torch and the like in memory, in thousands of runs.
    """
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
