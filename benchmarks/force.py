"""FORCE side by side: plain Brian2, loops by hand, other libraries, and ours on each device with either RLS kernel.

    python -m benchmarks force [--sizes 500,1000,2000,4000] [--duration 15] [--rounds 5] [--variants A;B] [--song WAV]
                               [--json FILE] [--out FOLDER]

The published setting of Nicola & Clopath (Izhikevich, 5 Hz sine, G = Q = 5000 pA, double exponential synapses, dt of
0.04 ms, an update every 0.8 ms); the middle third of the time is learning. The variants take turns, one after the
other on one thread, and each entry is a median over the rounds. Times are those of the run, without compilation, which
the first round measures by itself; those of our C++ are of the whole call and the whole process, with reading and
writing.
Numba, JAX and BrainPy take part where they are installed (``pip install 'hetbrian[bench]'``). A recording, if given, is
learned for 100 s in C++ as `hetbrian.published.protocols.song` does (1000 neurons, 16 outputs), and its time is that of
the whole call.
"""

import importlib
import importlib.util
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import page
from benchmarks.setting import DT

ROOT = Path(__file__).parents[1]
PLAIN, BY_HAND = "plain Brian2", "C++ by hand"
PEERS = {
    PLAIN: ("benchmarks.plain_force", "float64"),
    "numba by hand": ("benchmarks.numba_force", "float64"),
    "numba by hand, P float32": ("benchmarks.numba_force", "float32"),
    "JAX scan by hand": ("benchmarks.jax_force", "float64"),
    "JAX scan by hand, float32": ("benchmarks.jax_force", "float32"),
    "BrainPy ForceTrainer, float32": ("benchmarks.brainpy_force", "float32"),
    BY_HAND: ("benchmarks.cpp_force", "float64"),
    f"{BY_HAND}, P float32": ("benchmarks.cpp_force", "float32"),
}
"""Module and precision of what we are compared with."""

OURS = (
    "hetbrian Cython",
    "hetbrian C++, dense",
    "hetbrian C++, dense, P float32",
    "hetbrian C++",
    "hetbrian C++, P float32",
    "hetbrian C++, all float32",
)
"""Ours; ``dense`` is the RLS kernel that reads all of P."""

VARIANTS = (*PEERS, *OURS)

NEEDED = {"numba": "numba", "JAX": "jax", "BrainPy": "brainpy"}
"""Library of the variants that begin with a word."""


def available(variant):
    """Return whether the library that a variant needs is installed."""
    library = NEEDED.get(variant.split()[0])
    return library is None or importlib.util.find_spec(library) is not None


def one(variant, n_neurons, seconds, folder):
    """
    Return what one run of a variant took, in a process of its own.

    Parameters
    ----------
    variant : str
        One of `VARIANTS`, or the path of a recording.
    n_neurons : int
    seconds : float
        Simulated time.
    folder : path-like
        Where built programs are kept.

    Returns
    -------
    dict
        ``seconds`` and ``cpu`` of the run; for C++ also ``build``; rate and error.
    """
    command = [sys.executable, "-m", "benchmarks.force", "--one", variant, str(n_neurons), str(seconds), str(folder)]
    said = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "HETBRIAN_CACHE": str(Path(folder) / "programs")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return json.loads(said.splitlines()[-1])


def _one(variant, n_neurons, seconds, folder):
    if variant in PEERS:
        module, dtype = PEERS[variant]
        start, stop, last = (20 * round(seconds * part / DT / 20e-3) for part in (1 / 3, 2 / 3, 1))
        more = {"folder": folder} if variant.startswith(BY_HAND) else {}
        return importlib.import_module(module).train(n_neurons, last, start, stop, dtype, **more)
    import numpy as np
    from brian2 import ms, prefs, second

    import hetbrian as hb
    from hetbrian.published import force_network
    from hetbrian.readout import force
    from hetbrian.simulation.program import Program

    if variant.endswith("all float32"):
        prefs.core.default_float_dtype = np.float32
    if "dense" in variant:
        force.filter_states = lambda *_: ()
    times = {"start": seconds / 3 * second, "stop": seconds * 2 / 3 * second}
    options = {"n_neurons": n_neurons, "synapse": "double_exponential", **times}
    if "float32" in variant:
        options["dtype"] = "float32"
    if variant == "hetbrian Cython":
        found: dict = {}

        def timed(rng, **parameters):
            network = force_network(rng, **parameters)
            run = network.run

            def measured(duration, **more):
                run(0 * second, **more)  # compiles
                began, cpu = time.perf_counter(), time.process_time()
                run(duration, **more)
                found["seconds"], found["cpu"] = time.perf_counter() - began, time.process_time() - cpu

            network.run = measured
            return network

        run = hb.simulate(timed, seconds * second, device="cython", record=("z", "y", "spikes"), **options)
    else:
        with Program(force_network, 1 * ms, device="cpp_standalone", n_neurons=10) as first:
            first.run()  # what Python does once in a process is not part of a start
        began = time.perf_counter()
        with Program(force_network, seconds * second, device="cpp_standalone", **options) as program:
            found = {"build": time.perf_counter() - began}
            began, cpu = time.perf_counter(), _cpu_of_children()
            run = program.run({"force.initial_P": 2.0})
            found["seconds"], found["cpu"] = time.perf_counter() - began, _cpu_of_children() - cpu
    late = run.time.values >= seconds * 2 / 3
    error = (run.z.values - run.y.values)[late]
    found["rate"] = run.spike_time.size / n_neurons / seconds
    return {**found, "mse": float(np.mean(error**2))}


def _cpu_of_children():
    """Return the CPU seconds of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _song(path, n_neurons, seconds, _):
    from brian2 import ms

    import hetbrian as hb
    from hetbrian.published.protocols import song

    period = float(hb.sound(path, n_bands=16, dt=0.04 * ms).period)
    began = time.perf_counter()
    found = song.compute(path, n_neurons=n_neurons, presentations=math.ceil(seconds / period), device="cpp_standalone")
    return {
        "seconds": time.perf_counter() - began,
        "learning": found.attrs["learning_seconds"],
        "simulated": found.attrs["duration"],
        "correlation": float(found.correlation.mean()),
    }


def kernel(n_neurons, folder):
    """Return RLS steps per second, its two bounds and the bandwidth, of both precisions, measured in turn."""
    program = Path(folder) / "rls"
    if not program.exists():
        flags = "-w -O3 -ffast-math -fno-finite-math-only -march=native -std=c++11".split()  # Brian2's
        include = f"-I{ROOT / 'hetbrian' / 'codegen' / 'kernels'}"
        subprocess.run(["g++", *flags, include, ROOT / "benchmarks" / "rls.cpp", "-o", program], check=True)
    said = subprocess.run([program, str(n_neurons), "2"], capture_output=True, text=True, check=True).stdout
    return {line.split()[0]: [float(word) for word in line.split()[2:]] for line in said.splitlines()}


def measure(sizes, seconds, rounds, variants=VARIANTS, song=None):
    """
    Return every measurement: rows of size, variant, round and what `one` and `kernel` found.

    Parameters
    ----------
    sizes : iterable of int
    seconds : float
    rounds : int
    variants : iterable of str
    song : path-like, optional
        A recording to learn.

    Returns
    -------
    list of dict
    """
    from rich.console import Console
    from rich.progress import track

    rows = []
    points = [(size, turn) for size in sizes for turn in range(rounds)]
    with tempfile.TemporaryDirectory() as folder:
        for size, turn in track(points, "measuring", console=Console(stderr=True), transient=True):
            for variant in variants:
                found = one(variant, size, seconds, folder)
                if turn > 0:
                    found.pop("build", None)  # nothing was compiled
                rows.append({"size": size, "variant": variant, "round": turn, **found})
            for dtype, (steps, bound, bandwidth, arithmetic) in kernel(size, folder).items():
                found = {"steps": steps, "bound": bound, "bandwidth": bandwidth, "arithmetic": arithmetic}
                rows.append({"size": size, "variant": f"RLS {dtype}", "round": turn, **found})
        if song:
            one(song, 1000, 100, folder)  # compiles
            for turn in range(rounds):
                found = one(song, 1000, 100, folder)
                rows.append({"size": 1000, "variant": "song", "round": turn, **found})
    return rows


def tables(rows):
    """
    Return the tables of `measure`: medians, and ratios of CPU times within a round.

    Parameters
    ----------
    rows : list of dict

    Returns
    -------
    dict of str to (list of str, list of list of str)
        Header and rows by name.
    """

    def median(size, variant, key):
        values = [row[key] for row in rows if (row["size"], row["variant"]) == (size, variant) and key in row]
        return f"{statistics.median(values):.3g}" if values else "-"

    def ratios(size, variant, other):
        cpu = [
            {row["round"]: row["cpu"] for row in rows if (row["size"], row["variant"]) == (size, name)}
            for name in (other, variant)
        ]
        return [cpu[0][turn] / cpu[1][turn] for turn in cpu[1] if turn in cpu[0]]

    runs, kernels = [], []
    for size in sorted({row["size"] for row in rows}):
        for variant in VARIANTS:
            if median(size, variant, "cpu") == "-":
                continue
            by_hand = f"{BY_HAND}, P float32" if "float32" in variant else BY_HAND
            found = [ratios(size, variant, other) for other in (PLAIN, by_hand)]
            times, share = (statistics.median(values) if values else None for values in found)
            cells = [median(size, variant, key) for key in ("seconds", "cpu", "build", "rate", "mse")]
            times = f"{times:.3g} ({min(found[0]):.3g}-{max(found[0]):.3g})" if times else "-"
            runs.append([str(size), variant, *cells[:2], times, f"{share:.0%}" if share else "-", *cells[2:]])
        for name in ("RLS float64", "RLS float32"):
            of = [row for row in rows if (row["size"], row["variant"]) == (size, name)]
            if not of:
                continue
            cells = [median(size, name, "steps")]
            for bound in ("bound", "arithmetic"):
                share = statistics.median(row["steps"] / row[bound] for row in of)
                cells += [median(size, name, bound), f"{share:.0%}"]
            kernels.append([str(size), name, *cells, median(size, name, "bandwidth")])
    header = ["N", "variant", "run (s)", "CPU (s)", "times plain Brian2", "C++ by hand over it"]
    header += ["build (s)", "rate (Hz)", "mse"]
    dense = ["N", "dense kernel", "steps/s", "bound by bandwidth", "of it", "by arithmetic", "of it", "GB/s"]
    found = {"force": (header, runs), "dense": (dense, kernels)}
    song = [row for row in rows if row["variant"] == "song"]
    if song:
        cells = [median(1000, "song", key) for key in ("learning", "simulated", "seconds", "correlation")]
        found["song"] = (["learning (s)", "simulated (s)", "took (s)", "correlation"], [cells])
    return found


def draw(rows, path):
    """Draw run time against network size."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with pyplot.style.context(str(ROOT / "hetbrian" / "plot" / "hetbrian.mplstyle")):
        figure, axes = pyplot.subplots()
        for variant in VARIANTS:
            found = sorted({row["size"] for row in rows if row["variant"] == variant})
            if not found:
                continue
            times = [
                statistics.median(row["seconds"] for row in rows if (row["size"], row["variant"]) == (size, variant))
                for size in found
            ]
            axes.loglog(found, times, "o--" if "float32" in variant else "o-", label=variant)
        sizes = sorted({row["size"] for row in rows})
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.minorticks_off()
        axes.set(xlabel="number of neurons", ylabel="time of the run (s)")
        from_slow_to_fast = sorted(axes.get_lines(), key=lambda line: -line.get_ydata()[0])
        figure.legend(handles=from_slow_to_fast, loc="outside right upper")
        figure.savefig(path)
        pyplot.close(figure)


def main(arguments=None):
    """Measure, print the tables, write rows and figure."""
    import argparse

    parser = argparse.ArgumentParser(prog="python -m benchmarks force", description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="500,1000,2000,4000")
    parser.add_argument("--duration", type=float, default=15, help="simulated seconds")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--variants", default=";".join(VARIANTS))
    parser.add_argument("--json", type=Path, help="file for every measurement")
    parser.add_argument("--out", type=Path, default=Path("out") / "benchmarks")
    parser.add_argument("--song", metavar="WAV")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.one:
        variant, size, seconds, folder = chosen.one
        run = _one if variant in VARIANTS else _song
        print(json.dumps(run(variant, int(size), float(seconds), folder), default=float))
        return
    variants = chosen.variants.split(";")
    if unknown := set(variants) - set(VARIANTS):
        parser.error(f"--variants has {min(unknown)!r}, expected some of {'; '.join(VARIANTS)}: choose some of them.")
    for variant in variants:
        if not available(variant):
            print(f"{variant}: not installed, left out (pip install 'hetbrian[bench]').", file=sys.stderr)
    sizes = [int(size) for size in chosen.sizes.split(",")]
    rows = measure(sizes, chosen.duration, chosen.rounds, [name for name in variants if available(name)], chosen.song)
    page.show(tables(rows))
    chosen.out.mkdir(parents=True, exist_ok=True)
    path = chosen.json or chosen.out / "force.json"
    path.write_text(json.dumps(rows, indent=1))
    draw(rows, chosen.out / "force.png")


if __name__ == "__main__":
    main()
