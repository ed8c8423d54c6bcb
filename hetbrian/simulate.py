"""Run a network on a device with a seed and return a Dataset: the only place that does either."""

import gc
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import brian2
import numpy as np
from brian2 import Network, NetworkOperation, NeuronGroup, check_units, defaultclock, get_device, ms, prefs, second
from brian2.devices.device import all_devices, reset_device

from hetbrian import cuda
from hetbrian.guard import DivergenceError, Guard
from hetbrian.recording import Recorder
from hetbrian.standalone import build

DEVICES = ("runtime", "numpy", "cython", "cpp_standalone", "cuda_standalone")
"""``numpy`` and ``cython`` are the runtime device with that code generation target."""

STANDALONE_SEED = {
    "cpp_standalone": """
if (std::getenv("HETBRIAN_SEED"))
    for (auto &generator : brian::_random_generators)
        generator.seed(std::strtoul(std::getenv("HETBRIAN_SEED"), nullptr, 10));
""",
    "cuda_standalone": """
if (std::getenv("HETBRIAN_SEED"))
    random_number_buffer.set_seed(std::strtoull(std::getenv("HETBRIAN_SEED"), nullptr, 10));
""",
}

GUARD_INTERVAL = 10 * ms
"""About how often a run looks whether its potentials are finite, in whole time steps."""

STANDALONE_REPORT = r"""
fprintf(stderr, "\r%3.0f %% simulated, about %.0f s left   ", 100*completed,
        completed > 0 ? elapsed*(1 - completed)/completed : 0.0);
if (completed >= 1) fprintf(stderr, "\n");
"""


@check_units(duration=second, record_dt=second)
def simulate(
    model,
    duration,
    *,
    seed=0,
    record=("z", "y", "spikes"),
    record_dt=1 * ms,
    device="runtime",
    directory=None,
    progress=False,
    finish=None,
    **parameters,
):
    """
    Build a network on a device, run it and return what was recorded.

    Parameters
    ----------
    model : callable
        ``model(rng, **parameters)`` returns a brian2 Network. It is called after the device is set and
        draws every random number from ``rng``, so that all devices simulate the same network.
    duration : Quantity [second]
        Simulated time.
    seed : int
        Root seed.
    record : iterable of str, or dict of str to index
        Names of `hetbrian.recording.REGISTRY`; nothing else is monitored.
    record_dt : Quantity [second]
        Sampling interval of time series.
    device : {"runtime", "numpy", "cython", "cpp_standalone", "cuda_standalone"}
        Brian2 device; ``numpy`` and ``cython`` are the runtime device with that code generation target,
        ``runtime`` takes the one that ``prefs.codegen.target`` names.
    directory : path-like, optional
        Where the standalone project is generated and kept; by default a temporary folder.
    progress : bool
        Whether to show progress and the time left on stderr.
    finish : callable, optional
        ``finish(network)`` is called after the run, e.g. to save a trained readout.
    **parameters
        Passed to the model and kept as provenance.

    Returns
    -------
    xarray.Dataset
        See `hetbrian.recording`; attributes hold versions, seed, parameters, device and git revision.

    Raises
    ------
    ValueError
        If the duration is not positive or a name is unknown.
    DivergenceError
        If the state left the finite numbers; the message says when and which neuron.
    TypeError
        If the model does not return a Network.
    RuntimeError
        If the standalone device holds objects that were built outside the model, or CUDA cannot run here.
    NotImplementedError
        If the network holds a network operation and the device is standalone.
    """
    if not 0 < float(duration) < np.inf:
        raise ValueError(f"duration is {duration}, expected a positive time: give it in seconds.")
    if device not in DEVICES:
        raise ValueError(f"device is {device!r}, expected one of {', '.join(DEVICES)}: choose one of them.")
    if device == "cuda_standalone":
        cuda.require()
    is_standalone = device in STANDALONE_SEED
    with _device(device, directory) as folder:
        _seed(seed, device)
        network = model(np.random.default_rng(seed), **parameters)
        if not isinstance(network, Network):
            raise TypeError(
                f"model returned a {type(network).__name__}, expected a brian2 Network: return Network(...) from it."
            )
        for item in sorted(network, key=lambda item: item.name):
            if is_standalone and isinstance(item, NetworkOperation):
                raise NotImplementedError(
                    f"the network holds the network operation {item.name!r}, which {device} ignores; expected "
                    "Brian2 code: write it as run_regularly, or use device='runtime'."
                )
            if isinstance(item, NeuronGroup) and "v" in item.variables:
                steps = max(1, round(float(GUARD_INTERVAL / item.clock.dt)))
                network.add(Guard(item, every=steps * item.clock.dt, name=f"guard_{item.name}"))
        recorder = Recorder(network, record, record_dt)
        _run(network, duration, folder, progress)
        for item in sorted(network.objects, key=lambda item: item.name):
            if hasattr(item, "check"):
                item.check()
        if finish is not None:
            finish(network)
        return recorder.dataset(
            seed=seed,
            duration=float(duration),
            device=device,
            parameters={name: str(value) for name, value in parameters.items()},
            model=f"{model.__module__}.{getattr(model, '__qualname__', repr(model))}",
            **provenance(),
        )


def provenance():
    """
    Return the versions that a result depends on.

    Returns
    -------
    dict of str to str
        hetbrian, brian2, numpy and Python versions and the git revision of the working directory.
    """
    from hetbrian import __version__

    return {
        "hetbrian": __version__,
        "brian2": brian2.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "git_revision": _git_revision(),
    }


def _git_revision():
    """Return the revision of the checkout we run in, marked if it has changes, or 'none'."""
    try:
        said = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "none"
    return said.stdout.strip()


@contextmanager
def _device(name, directory):
    """Activate a device, yield its project folder, and give the user's device back afterwards."""
    previous_target, previous_dt = prefs.codegen.target, defaultclock.dt
    folder, previous = None, dict[str, object]()
    if name in ("runtime", "numpy", "cython"):
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
        previous = cuda.configure() if name == "cuda_standalone" else {}
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


def _seed(seed, device):
    """Seed Brian2's own random numbers; a standalone program reads the seed when it starts."""
    if device not in STANDALONE_SEED:
        brian2.seed(seed)
        return
    get_device().insert_code("main", STANDALONE_SEED[device])
    get_device().run_environment_variables["HETBRIAN_SEED"] = str(seed)


def _run(network, duration, folder, progress):
    """Run the network, in a project folder if it is standalone, and show progress if asked."""
    if folder is None:
        with _bar(progress) as report:
            try:
                network.run(duration, report=report, report_period=1 * second, namespace={})
            except brian2.BrianObjectException as error:
                if isinstance(error.__cause__, DivergenceError):
                    raise error.__cause__ from None
                raise
        return
    network.run(duration, report=STANDALONE_REPORT if progress else None, report_period=1 * second, namespace={})
    build(get_device(), folder)
    get_device().run(with_output=progress)


@contextmanager
def _bar(shown):
    """Yield Brian2's report callback for a progress bar with the time left, or None."""
    if not shown:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task("simulating", total=1.0)

        def report(elapsed, completed, start, duration):
            bar.update(task, completed=completed)

        yield report
