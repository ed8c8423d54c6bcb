"""FORCE side by side: plain Brian2 with network operations, our runtime, our C++ in double and float.

    python -m benchmarks force [--sizes 500,1000,2000] [--seconds 15] [--rounds 5] [--song WAV] [--out FOLDER]

The published setting of Nicola & Clopath (Izhikevich, 5 Hz sine, G = Q = 5000 pA, double exponential synapses, dt of
0.04 ms, an update every 0.8 ms); the middle third of the time is learning. The variants take turns, one after the
other on one thread, and each entry is a median over the rounds. Times are those of the run, without compilation, which
the first round measures by itself. A recording, if given, is learned for 100 s in C++ as `protocols.song` does (1000
neurons, 16 outputs), and its time is that of the whole call.
"""

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
VARIANTS = ("plain Brian2", "hetbrian cython", "hetbrian C++", "hetbrian C++, P float32", "hetbrian C++, all float32")


def one(variant, n_neurons, seconds, cache):
    """
    Return what one run of a variant took, in a process of its own.

    Parameters
    ----------
    variant : str
        One of `VARIANTS`, or the path of a recording.
    n_neurons : int
    seconds : float
        Simulated time.
    cache : path-like
        Where built programs are kept.

    Returns
    -------
    dict
        ``seconds`` of the run; for C++ also ``build`` and ``start``; rate and error.
    """
    command = [sys.executable, "-m", "benchmarks.force", "--one", variant, str(n_neurons), str(seconds)]
    said = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **THREADS, "HETBRIAN_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return json.loads(said.splitlines()[-1])


def _one(variant, n_neurons, seconds):
    import numpy as np
    from brian2 import get_device, ms, prefs, second

    times = {"start": seconds / 3 * second, "stop": seconds * 2 / 3 * second}
    if variant == "plain Brian2":
        from benchmarks.plain_force import train

        return train(n_neurons, seconds * second, **times)
    import hetbrian as hb
    from hetbrian.simulation.program import Program
    from models.force import force_network

    if variant.endswith("all float32"):
        prefs.core.default_float_dtype = np.float32
    options = {"n_neurons": n_neurons, "synapse": "double_exponential", **times}
    if "float32" in variant:
        options["dtype"] = "float32"
    if variant == "hetbrian cython":
        found: dict = {}

        def timed(rng, **parameters):
            network = force_network(rng, **parameters)
            run = network.run

            def measured(duration, **more):
                run(0 * second, **more)  # compiles
                began = time.perf_counter()
                run(duration, **more)
                found["seconds"] = time.perf_counter() - began

            network.run = measured
            return network

        run = hb.simulate(timed, seconds * second, device="cython", record=("z", "y", "spikes"), **options)
    else:
        with Program(force_network, 1 * ms, device="cpp_standalone", n_neurons=10) as first:
            first.run()  # what Python does once in a process is not part of a start
        began = time.perf_counter()
        with Program(force_network, seconds * second, device="cpp_standalone", **options) as program:
            found = {"build": time.perf_counter() - began}
            began = time.perf_counter()
            run = program.run({"force.initial_P": 2.0})
            total = time.perf_counter() - began
            found["seconds"] = get_device()._last_run_time
            found["start"] = total - found["seconds"]
    late = run.time.values >= seconds * 2 / 3
    error = (run.z.values - run.y.values)[late]
    found["rate"] = run.spike_time.size / n_neurons / seconds
    return {**found, "mse": float(np.mean(error**2))}


def _song(path, n_neurons, seconds):
    from brian2 import ms

    import hetbrian as hb
    from protocols import song

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
                found = one(variant, size, seconds, Path(folder) / "programs")
                if turn > 0:
                    found.pop("build", None)  # nothing was compiled
                rows.append({"size": size, "variant": variant, "round": turn, **found})
            for dtype, (steps, bound, bandwidth, arithmetic) in kernel(size, folder).items():
                found = {"steps": steps, "bound": bound, "bandwidth": bandwidth, "arithmetic": arithmetic}
                rows.append({"size": size, "variant": f"RLS {dtype}", "round": turn, **found})
        if song:
            one(song, 1000, 100, Path(folder) / "programs")  # compiles
            for turn in range(rounds):
                found = one(song, 1000, 100, Path(folder) / "programs")
                rows.append({"size": 1000, "variant": "song", "round": turn, **found})
    return rows


def report(rows):
    """Print the tables of `measure`: medians, and ratios to the plain script within a round."""
    from rich.console import Console
    from rich.table import Table

    def median(size, variant, key):
        values = [row[key] for row in rows if (row["size"], row["variant"]) == (size, variant) and key in row]
        return statistics.median(values) if values else float("nan")

    sizes = sorted({row["size"] for row in rows})
    table = Table("N", "variant", "run (s)", "times plain Brian2", "build (s)", "warm start (s)", "rate (Hz)", "mse")
    kernels = Table(
        "N", "kernel", "RLS steps/s", "bound by bandwidth", "of it", "bound by arithmetic", "of it", "bandwidth (GB/s)"
    )
    for size in sizes:
        plain = {row["round"]: row["seconds"] for row in rows if (row["size"], row["variant"]) == (size, VARIANTS[0])}
        for variant in VARIANTS:
            ours = {row["round"]: row["seconds"] for row in rows if (row["size"], row["variant"]) == (size, variant)}
            if not ours:
                continue
            ratios = [plain[turn] / ours[turn] for turn in ours if turn in plain]
            cells = [median(size, variant, key) for key in ("seconds", "build", "start", "rate", "mse")]
            ratio = f"{statistics.median(ratios):.1f} ({min(ratios):.1f}-{max(ratios):.1f})" if ratios else "-"
            texts = [f"{cell:.3g}" if cell == cell else "-" for cell in cells]
            table.add_row(str(size), variant, texts[0], ratio, *texts[1:])
        for name in ("RLS float64", "RLS float32"):
            found = [row for row in rows if (row["size"], row["variant"]) == (size, name)]
            if not found:
                continue
            cells = [f"{median(size, name, 'steps'):.0f}"]
            for bound in ("bound", "arithmetic"):
                share = statistics.median(row["steps"] / row[bound] for row in found)
                cells += [f"{median(size, name, bound):.0f}", f"{share:.0%}"]
            kernels.add_row(str(size), name, *cells, f"{median(size, name, 'bandwidth'):.0f}")
    Console(width=120).print(table, kernels)
    if any(row["variant"] == "song" for row in rows):
        cells = [median(1000, "song", key) for key in ("learning", "simulated", "seconds", "correlation")]
        print("song, N = 1000: {:.1f} s of learning, {:.1f} s in all, took {:.1f} s, correlation {:.3f}".format(*cells))


def draw(rows, path):
    """Draw run time against network size."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with pyplot.style.context(str(ROOT / "figures" / "hetbrian.mplstyle")):
        figure, axes = pyplot.subplots()
        for variant in VARIANTS:
            found = sorted({row["size"] for row in rows if row["variant"] == variant})
            times = [
                statistics.median(row["seconds"] for row in rows if (row["size"], row["variant"]) == (size, variant))
                for size in found
            ]
            axes.loglog(found, times, "o-", label=variant)
        sizes = sorted({row["size"] for row in rows})
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.minorticks_off()
        axes.set(xlabel="number of neurons", ylabel="time of the run (s)")
        axes.legend()
        figure.savefig(path)
        pyplot.close(figure)


def main(arguments=None):
    """Measure, print the tables, write rows and figure."""
    import argparse

    parser = argparse.ArgumentParser(prog="python -m benchmarks force", description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="500,1000,2000,4000")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--variants", default=";".join(VARIANTS))
    parser.add_argument("--out", type=Path, default=Path("out") / "benchmarks")
    parser.add_argument("--song", metavar="WAV")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.one:
        variant, size, seconds = chosen.one
        run = _one if variant in VARIANTS else _song
        print(json.dumps(run(variant, int(size), float(seconds)), default=float))
        return
    sizes = [int(size) for size in chosen.sizes.split(",")]
    rows = measure(sizes, chosen.seconds, chosen.rounds, chosen.variants.split(";"), chosen.song)
    report(rows)
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "force.json").write_text(json.dumps(rows, indent=1))
    draw(rows, chosen.out / "force.png")


if __name__ == "__main__":
    main()
