"""
A sweep on two machines
=======================

A grid of networks, computed by two workers of a Dask scheduler. Here all three are processes of this machine; on a
cluster they are the same commands on other hosts (:doc:`/sweeps`). It needs ``pip install 'hetbrian[sweep]'``.
"""

# %%
# The sweep
# ---------
# A file with ``point``, which computes one point, and ``compute``, which returns the sweep: this file is one. ``draw``
# is what the command line draws, at the end and, with ``--watch``, while it runs.

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from brian2 import Clock, Network, ms, pA, second

import hetbrian as hb
from hetbrian.study.grid import Grid
from hetbrian.study.sweeps import sweep


def model(rng, eta_half_width):
    """Return a hundred neurons below their rheobase, with a spread of the background current."""
    currents = hb.Lorentzian(1000 * pA, eta_half_width).draw(100, rng)
    clock = Clock(0.1 * ms, name="clock")
    neurons = hb.population(100, hb.Izhikevich.FORCE, hb.single_exponential(), eta=currents, clock=clock)
    return Network(neurons, hb.recurrent(neurons, 500 * pA, rng=rng))


def point(eta_half_width, seed):
    """Return the rate of one network and how many of its neurons fire."""
    run = hb.simulate(model, 0.4 * second, seed=seed, device="numpy", record="spikes", eta_half_width=eta_half_width)
    return {
        "rate": ((), run.sizes["spike"] / (100 * 0.4), {"units": "Hz"}),
        "active": len(np.unique(run.spike_neuron)) / 100,
    }


def compute(n_seeds=3):
    """Return the sweep over half widths and seeds."""
    return sweep(point, Grid(eta_half_width=((0, 20, 50, 100, 200), pA), seed=range(n_seeds)))


def draw(dataset, axes=None):
    """Draw rates and fractions against the half width."""
    if axes is None:
        _, axes = plt.subplots(1, 2, figsize=(7, 3), layout="constrained")
    labels = {"rate": ("rate (Hz)", "how fast"), "active": ("fraction of neurons that fire", "how many")}
    for axis, (name, (label, title)) in zip(axes, labels.items(), strict=True):
        values = dataset[name].transpose("eta_half_width", "seed")
        axis.plot(dataset.eta_half_width, values, "o-", ms=3, label=[f"seed {seed}" for seed in dataset.seed.values])
        axis.set(xlabel="half width of the background current (pA)", ylabel=label, title=title)
    axes[0].legend()
    return axes


# %%
# Two workers
# -----------
# The three commands, as you would type them in three terminals, the second one twice::
#
#     dask scheduler --port 8786
#     dask worker tcp://localhost:8786 --nthreads 1
#     hetbrian run plot_6_two_machines.py --scheduler tcp://localhost:8786
#
# Workers need hetbrian, not this file: its text travels with each task. Stop anything at any time; the same command
# goes on with the points that are missing.


def start(*arguments):
    """Start a process of Dask, quietly."""
    command = [sys.executable, "-m", "dask", *arguments, "--scheduler-file", "scheduler.json"]
    command += ["--dashboard-address", "127.0.0.1:0"]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    folder = Path(tempfile.mkdtemp())
    file = folder / "scheduler.json"  # the scheduler writes its address, and workers look for it
    processes = [start("scheduler", "--host", "127.0.0.1", "--port", "0")]
    processes += [start("worker", "--nthreads", "1") for _ in range(2)]
    while not file.exists():
        time.sleep(0.1)
    address = json.loads(file.read_text())["address"]
    run = ["run", str(Path(sys.argv[0]).resolve()), "--scheduler", address, "--out", folder / "out"]
    done = subprocess.run([sys.executable, "-m", "hetbrian", *run], cwd=folder, capture_output=True, text=True)
    print(done.stderr)
    for process in processes:
        process.terminate()
        process.wait()

# %%
# The Dataset
# -----------
# Beside the figure the folder holds the Dataset over the grid, with units, and ``status``, which tells what failed. A
# line is a seed: without heterogeneity nothing fires at 1000 pA, which is below the rheobase.

if __name__ == "__main__":
    dataset = hb.load(folder / "out" / "plot_6_two_machines.nc")
    print(dataset.rate.dims, dataset.rate.shape, f"{int((dataset.status == 1).sum())} points done")
    draw(dataset)
    shutil.rmtree(folder)
    plt.show()
