"""Several networks in one program against as many programs, one after the other.

    python -m benchmarks batch [--neurons 500] [--networks 8] [--seconds 2] [--rounds 5] [--threads 1,2]

FORCE networks of other seeds (`hetbrian._gpu.networks`, C++, P in float32, half of the time is learning): alone, each
is a run of one program with the numbers of its seed; in one, they are a single run of a program of all, which learns
with one network on each thread. Rounds take turns. CPU seconds are those of this process and of its programs, wall
seconds those of the whole call, with drawing, writing and reading; programs are compiled before. Each network's weights
have to be the same in both, to the last bit.
"""

import argparse
import os
import resource
import time

import numpy as np
from brian2 import pA, prefs, second

import hetbrian as hb
from hetbrian._gpu.networks import force_network, force_networks

GAIN = 5000 * pA


def measured(work):
    """Return what work returns, and its wall and CPU seconds."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)

    def cpu():
        return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, whose))

    began, used = time.perf_counter(), cpu()
    found = work()
    return found, time.perf_counter() - began, cpu() - used


def run(n_neurons, n_networks, duration, threads):
    """Run all networks, alone without threads; return their weights, and wall and CPU seconds."""
    seeds, gains = range(n_networks), np.full(n_networks, GAIN / pA) * pA
    prefs.hetbrian.threads = threads or 1
    model, parameters = (force_networks, {"seeds": tuple(seeds), "gains": gains}) if threads else (force_network, {})
    learning = {"start": duration / 4, "stop": duration * 3 / 4, "dtype": "float32", "initial_P": "auto"}
    options = {"record": "weights", "device": "cpp_standalone", "n_neurons": n_neurons, **learning}
    with hb.Program(model, duration, **options, **parameters) as program:
        program.run(seed=n_networks)  # which reads the program from the disk
        return measured(lambda: [program.run(seed=seed).weights.values for seed in (seeds if not threads else (0,))])


def main(arguments):
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks batch")
    parser.add_argument("--neurons", type=int, default=500)
    parser.add_argument("--networks", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", default="1,2")
    options = parser.parse_args(arguments)
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    variants = {"one after the other": 0}
    variants |= {f"in one, threads: {count}": int(count) for count in options.threads.split(",")}
    expected, times = None, {name: [] for name in variants}
    for _ in range(options.rounds):
        for name, threads in variants.items():
            weights, *seconds = run(options.neurons, options.networks, options.seconds * second, threads)
            weights = np.concatenate(weights)
            expected = weights if expected is None else expected
            if not np.array_equal(weights, expected):
                raise RuntimeError(f"the networks {name} learnt other weights, expected the same: look for the reason.")
            times[name].append(seconds)
    alone, *others = times
    print(f"N = {options.neurons}, {options.networks} networks, {alone}: {_shown(times[alone])}")
    for name in others:
        ratios = np.array(times[alone]) / np.array(times[name])
        wall, cpu = (f"{np.median(ratio):.2f} times ({ratio.min():.2f}-{ratio.max():.2f})" for ratio in ratios.T)
        print(f"{name}: {_shown(times[name])}; {wall} as fast by wall seconds, {cpu} by CPU seconds")


def _shown(times):
    """Return the medians of wall and CPU seconds."""
    wall, cpu = np.median(times, axis=0)
    return f"{wall:.2f} s wall, {cpu:.2f} s CPU"
