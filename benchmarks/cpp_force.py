"""FORCE as a hand-written C++ loop with the package's own RLS kernel: what a whole run can cost."""

import subprocess
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import setting

ROOT = Path(__file__).parents[1]
FLAGS = "-w -O3 -ffast-math -fno-finite-math-only -march=native -std=c++11".split()  # Brian2's


def program(folder, dtype):
    """Return the compiled loop for a precision of P."""
    path = Path(folder) / f"by_hand_{dtype}"
    if not path.exists():
        kind = {"float64": "double", "float32": "float"}[dtype]
        include = f"-I{ROOT / 'hetbrian' / 'codegen' / 'kernels'}"
        source = ROOT / "benchmarks" / "by_hand.cpp"
        subprocess.run(["g++", *FLAGS, include, f"-DTYPE={kind}", source, "-o", path], check=True)
    return path


def train(n_neurons, n_steps, start, stop, dtype="float64", seed=0, folder=None):
    """
    Train the network.

    Parameters
    ----------
    n_neurons, n_steps, start, stop : int
        Size, and time steps in all and of learning.
    dtype : str
        Precision of P.
    seed : int
    folder : path-like, optional
        Where the compiled loop is kept.

    Returns
    -------
    dict
        See `benchmarks.setting.result`, and ``learning``, the CPU seconds of the RLS steps.
    """
    v, encoder, pre, post, omega = setting.drawn(n_neurons, seed)
    first = np.searchsorted(pre, np.arange(n_neurons + 1)).astype(np.int32)
    arrays = (v, encoder, first, post.astype(np.int32), omega / (setting.TAU_R * setting.TAU_D))
    with tempfile.TemporaryDirectory() as temporary:
        network, output = Path(temporary) / "network", Path(temporary) / "output"
        network.write_bytes(b"".join(array.tobytes() for array in (*arrays, setting.target(n_steps))))
        command = [program(folder or temporary, dtype), network, *map(str, (n_neurons, n_steps, start, stop)), output]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        seconds, cpu, learning, n_spikes = map(float, said.split())
        found = setting.result(seconds, cpu, np.fromfile(output), n_spikes, n_neurons, stop)
    return found | {"learning": learning}
