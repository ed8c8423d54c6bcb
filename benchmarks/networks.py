"""Networks a minute through a sweep: other values of one network, and other seeds.

    python -m benchmarks networks [--sizes 500,1000] [--points 120] [--rounds 3] [--workers 2] [--json FILE]

Each point simulates a FORCE network of 3 s, a third of which is learning (`hetbrian.published.models.force`, C++, P in
float32), and returns its error. "values": all points have one seed and differ in their heterogeneity; "seeds": each has
connections, potentials and an encoder of its own, as values; "models": so has each, because its model is called again,
``seed=``. Rounds take turns; the programs are compiled before. Wall and CPU
seconds go from the first point of a worker to its last, without its start; CPU seconds are those of the workers with
their programs, and of this process. Where others use the machine too, they say what two idle cores would give.
"""

import argparse
import json
import os
import resource
import statistics
import time

import numpy as np
from brian2 import pA, second

from hetbrian.published.models.force import force_network, force_values
from hetbrian.simulation.reuse import reused
from hetbrian.study.grid import Grid
from hetbrian.study.sweeps import sweep

GAIN = 5000 * pA
DURATION = 3 * second
"""Simulated time, whose middle third is learning."""


def point(number, seed, n_neurons, built=0, **drawn):
    """Return the mean square error of a network in its last second, and its rate."""
    heterogeneity = {"eta_half_width": (number % 50) * pA} | drawn
    options = {"n_neurons": n_neurons, "start": DURATION / 3, "stop": 2 * DURATION / 3, "dtype": "float32"}
    values = force_values(
        np.random.default_rng(seed),
        n_neurons,
        recurrent_gain=GAIN,
        feedback_gain=GAIN,
        built_gain=GAIN,
        **heterogeneity,
    )
    kept = {"record": ("z", "y", "rate"), "device": "cpp_standalone", "recurrent_gain": GAIN}
    with reused(force_network, DURATION, seed=built, **kept, **options) as program:
        run = program.run(values)
    late = run.time.values >= float(2 * DURATION / 3)
    found = {"mse": float(((run.z - run.y).values[late] ** 2).mean()), "rate": float(run.rate.values[late].mean())}
    return found | {"worker": os.getpid(), "cpu": cpu_seconds(), "wall": time.time()}


def of_seed(seed, n_neurons):
    """Return the point of a seed, with connections and potentials of its own."""
    return point(seed, seed, n_neurons, probability=0.1)


def of_model(seed, n_neurons):
    """Return the point of a seed, of which the model is called."""
    return point(seed, seed, n_neurons, built=seed)


def of_values(number, n_neurons):
    """Return the point of a heterogeneity."""
    return point(number, 0, n_neurons)


KINDS = {"values": (of_values, "number"), "seeds": (of_seed, "seed"), "models": (of_model, "seed")}
"""Point of a sweep, and what it goes over."""


def cpu_seconds():
    """Return the CPU seconds of this process and of those that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def measured(kind, n_neurons, n_points, workers):
    """Return wall and CPU seconds of a point of a sweep."""
    function, name = KINDS[kind]
    client = []

    def watch(dataset):
        client.append((resource.getrusage(resource.RUSAGE_SELF).ru_utime, int((dataset.status > 0).sum())))

    grid = Grid(**{name: range(100, 100 + n_points)})
    found = sweep(function, grid, parameters={"n_neurons": n_neurons}, workers=workers, watch=watch)
    here = (resource.getrusage(resource.RUSAGE_SELF).ru_utime - client[0][0]) / (n_points - client[0][1])
    cpu = wall = 0.0
    for worker in np.unique(found.worker):
        own = found.where(found.worker == worker, drop=True)
        steps = max(1, own.worker.size - 1)
        cpu += float(own.cpu.max() - own.cpu.min()) / steps / np.unique(found.worker).size
        wall += steps / float(own.wall.max() - own.wall.min())
    return {"wall": 1 / wall, "cpu": cpu + here, "client": here}


def main(arguments):
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(prog="benchmarks networks")
    parser.add_argument("--sizes", default="500,1000")
    parser.add_argument("--points", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json")
    options = parser.parse_args(arguments)
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    cases = [(int(size), kind) for size in options.sizes.split(",") for kind in KINDS]
    for n_neurons in dict(cases):
        sweep(of_seed, Grid(seed=(0,)), parameters={"n_neurons": n_neurons}, workers=0)  # compiles
    rounds = [
        {case: measured(case[1], case[0], options.points, options.workers) for case in cases}
        for _ in range(options.rounds)
    ]
    found = []
    for n_neurons, kind in cases:
        times = {key: [each[n_neurons, kind][key] for each in rounds] for key in ("wall", "cpu", "client")}
        cpu, wall = statistics.median(times["cpu"]), statistics.median(times["wall"])
        found.append({"n_neurons": n_neurons, "kind": kind, "a_minute": 60 / wall, "of_cores": 120 / cpu, **times})
        print(
            f"N = {n_neurons}, other {kind}: {60 / wall:.0f} networks a minute on {options.workers} workers, "
            f"{1e3 * cpu:.0f} ms of CPU each ({1e3 * min(times['cpu']):.0f}-{1e3 * max(times['cpu']):.0f}), of which "
            f"{1e3 * statistics.median(times['client']):.0f} in the process that started it; "
            f"so {120 / cpu:.0f} a minute on two idle cores"
        )
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)
