"""What is stopped: a command, what it promises to keep, and what it has to give in the end."""

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray

from hetbrian.simulation.record import load
from hetbrian.simulation.record import save as save_dataset

SWEPT = """
import numpy as np
from hetbrian.study.grid import Grid
from hetbrian.study.sweeps import sweep

def point(kind, seed):
    if seed == 3:
        raise ArithmeticError(f"seed {seed} of {kind}")
    rng = np.random.default_rng(seed)
    return {"x": rng.random(), "trace": ("time", rng.random(4))}

def compute():
    return sweep(point, Grid(kind=("a", "b"), seed=range(6)))
"""

BUILT = """
from brian2 import Clock, Network, NeuronGroup, ms, prefs
import hetbrian as hb

def network(rng):
    equations = "dv/dt = (1 - v)/(10*ms) : 1"
    v = NeuronGroup(5, equations, method="euler", clock=Clock(0.1*ms, name="clock"), namespace={}, name="neurons")
    v.v = rng.random(5)
    return Network(v)

def compute():
    prefs.codegen.cpp.extra_compile_args_gcc = ["-w", "-O0", "-std=c++17"]
    return hb.simulate(network, 20*ms, device="cpp_standalone", record=("neurons.v",))
"""

SAVED = """
import numpy as np
import xarray
from brian2 import Network, ms, pA, prefs
import hetbrian as hb

def compute(number=5):
    prefs.codegen.target = "numpy"
    neurons = hb.population(20, hb.Izhikevich.FORCE, hb.single_exponential(), feedback=True, name="neurons")
    force = hb.FORCE(neurons, "sin(2*pi*5*Hz*t)", 100*pA*np.ones(20), name="force")
    network = Network(neurons, force)
    open("promised", "w").close()
    for version in range(number):
        network.run(1*ms)
        hb.save_state(network, "state.npz")
        force.save("readout.npz")
        hb.save(xarray.Dataset({"version": ("a", np.full(1000, version))}), "dataset.nc")
        with open("promised", "a") as file:
            file.write(f"{version}\\n")
    return xarray.Dataset({"weights": ("weight", force.weights.ravel()), "v": ("neuron", neurons.v_[:])})
"""

FITTED = """
import numpy as np
from brian2 import ms
from hetbrian.training.data.binning import Binning
from hetbrian.training.data.recordings import Recordings
from hetbrian.training.experiment import fit
from hetbrian.training.preset import Preset

def recordings(n, seed):
    rng, k = np.random.default_rng(seed), 30
    times = np.sort(rng.random((n, k)).astype(np.float32)*0.2, axis=1).ravel()
    return Recordings(times=times, channels=rng.integers(0, 8, n*k).astype(np.int32), begin=np.arange(n + 1)*k,
                      labels=np.arange(n) % 2, groups=None, shape=(8,), classes=("a", "b"))

def compute():
    preset = Preset.STRONG.replace(n_hidden=8, epochs=3, batch_size=8)
    return fit(preset, Binning(20, 10*ms), recordings(16, 0), validation=recordings(8, 1), test=recordings(8, 2),
               folder="training", progress=False, is_fused=False)
"""


def _dataset(folder):
    """Return the variables of the Dataset that was written."""
    (path,) = (path for path in (folder / "o").glob("*.nc"))
    found = load(path)
    return {name: (item.dims, item.values.tobytes(), str(item.attrs)) for name, item in found.variables.items()}


def _tree(folder):
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "lock")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _points(folder):
    """Return the points of a sweep that are kept, and what came of them."""
    with (
        contextlib.suppress(sqlite3.OperationalError),
        closing(sqlite3.connect(f"file:{folder}/o/sweep/points.sqlite?mode=ro", uri=True)) as database,
    ):
        return dict(database.execute("SELECT point, record FROM points").fetchall())
    return {}


def _versions(folder):
    """Refuse a file that is not whole, or older than what was saved."""
    path = folder / "promised"
    promised = len(path.read_text().split()) if path.exists() else 0
    for name in ("dataset.nc", "state.npz", "readout.npz"):
        if promised or (folder / name).exists():
            version = _version(folder / name)
            assert version >= promised, f"{name} holds version {version} after {promised} was saved"


def _version(path):
    if path.suffix == ".nc":
        return int(load(path).version.values[-1]) + 1
    with np.load(path) as file:
        values = {key: file[key] for key in file.files}
    return round(float(values["time"]) / 1e-3) if "time" in values else int(values["n_updates"][0])


def _epochs(folder):
    """Return the rows of the history, which a checkpoint holds too."""
    path = folder / "training" / "last.ckpt"
    if not path.exists():
        return 0
    import torch

    return torch.load(path, weights_only=True)["epoch"] + 1


def _results(folder):
    """Write what a report is made of."""
    for name in ("first", "second"):
        (folder / "out" / name).mkdir(parents=True)
        data = xarray.Dataset({"x": ("seed", np.arange(3.0))}, {"seed": [0, 1, 2]}, {"gain": json.dumps({"a": name})})
        save_dataset(data, folder / "out" / name / f"{name}.nc")
        (folder / "out" / name / f"{name}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(5000))
    (folder / "r.html").write_text("an older report")


def _page(folder):
    text = (folder / "r.html").read_text()
    assert text == "an older report" or text.rstrip().endswith("</html>"), "half a page"
    return text


@dataclass(frozen=True)
class Job:
    """
    Something that is stopped.

    Parameters
    ----------
    arguments : list of str
        The command.
    prepare : callable
        ``prepare(folder)`` writes its files.
    kept : callable
        ``kept(folder)`` returns what must be there, or more of it, after the next start; it raises for half a file.
    result : callable
        ``result(folder)`` returns what has to be the same as without a stop.
    sentence : str
        How what it says to Ctrl-C begins.
    """

    arguments: list[str]
    prepare: Callable[[Path], object]
    kept: Callable[[Path], object]
    result: Callable[[Path], object]
    sentence: str = "Stopped; nothing unfinished was written."


def _protocol(text):
    return lambda folder: (folder / "job.py").write_text(text)


JOBS = {
    "save": Job(["run", "job.py", "--out", "o"], _protocol(SAVED), _versions, _dataset),
    "report": Job(["report", "out", "--out", "r.html"], _results, _page, _page),
    "sweep": Job(
        ["run", "job.py", "--out", "o", "--workers", "0"],
        _protocol(SWEPT),
        _points,
        lambda folder: (_tree(folder / "o" / "sweep"), _dataset(folder)),
        "Stopped; ",
    ),
    "fit": Job(["run", "job.py", "--out", "o"], _protocol(FITTED), _epochs, _dataset, "Stopped; "),
    "build": Job(["run", "job.py", "--out", "o"], _protocol(BUILT), lambda folder: None, _dataset),
}
JOBS["processes"] = Job(  # of a sweep
    ["run", "job.py", "--out", "o", "--workers", "1"],
    *(getattr(JOBS["sweep"], name) for name in ("prepare", "kept", "result", "sentence")),
)
