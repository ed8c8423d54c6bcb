"""What a sweep costs beside its points, and what a second worker gives.

    python -m benchmarks sweep [--points 10000] [--reopened 100000] [--rounds 3]

Overhead: seconds per point of a sweep of points that return at once, on one worker, without the start of the workers;
peak memory of the client. Reopening: seconds of the processor and memory that a finished sweep takes to open, beside a
loop that parses the same records and keeps them, in a process of their own. Workers: points per second of fig4 SMALL
(one seed) on two workers over one, in turn; the programs are compiled before. Needs two idle cores.
"""

import argparse
import contextlib
import json
import os
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hetbrian.study.grid import Grid
from hetbrian.study.outcomes import outcome
from hetbrian.study.store import Store
from hetbrian.study.sweeps import sweep


def nothing(number):
    """Return a number."""
    return {"x": float(number)}


def overhead(n_points):
    """Return seconds per point and the peak memory of this process in bytes."""
    stamps = []
    with tempfile.TemporaryDirectory() as folder:

        def first(dataset):
            stamps.append((time.perf_counter(), int((dataset.status > 0).sum())))

        sweep(nothing, Grid(number=range(n_points)), folder=Path(folder) / "s", workers=1, watch=first)
    seconds = time.perf_counter() - stamps[0][0]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return seconds / (n_points - stamps[0][1]), peak


def store(folder, n_points):
    """Return the store of a sweep of points that return a number."""
    return Store(folder, Grid(number=range(n_points)), {"point": "benchmarks.sweep.nothing"})


def spent(task):
    """Return seconds of the processor and bytes beyond the peak before."""
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    kept = task()
    seconds = time.process_time() - start
    del kept
    return seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024


def reopen(folder, n_points):
    """Print as JSON what reopening and a loop over the same records take; the one with less memory is the first."""

    def opened():
        with store(folder, n_points) as found:
            return found.dataset()

    def parsed():
        with contextlib.closing(sqlite3.connect(Path(folder) / "points.sqlite")) as database:
            rows = database.execute("SELECT point, record FROM points").fetchall()
            return {index: json.loads(text) for index, text in rows}

    print(json.dumps([spent(opened), spent(parsed)]))


def reopening(n_points, rounds):
    """Return medians of seconds and bytes of reopening, and of the loop."""
    with tempfile.TemporaryDirectory() as folder:
        with store(folder, n_points) as new:
            for first in range(0, n_points, 1000):
                some = range(first, min(first + 1000, n_points))
                new.add({number: outcome(nothing(number)) for number in some})
            new.export()
        code = f"from benchmarks.sweep import reopen; reopen({folder!r}, {n_points})"
        found = [
            json.loads(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)
            for _ in range(rounds)
        ]
    return [[statistics.median(round_[which][what] for round_ in found) for what in (0, 1)] for which in (0, 1)]


def n_points(path):
    """Return how many points are in a store, which may be being made."""
    if not path.exists():
        return 0
    with contextlib.closing(sqlite3.connect(path)) as database, contextlib.suppress(sqlite3.OperationalError):
        return database.execute("SELECT count(*) FROM points").fetchone()[0]
    return 0


def throughput(workers, folder, options=()):
    """Return points per second of fig4 SMALL, from the first finished point to the last."""
    out = Path(folder) / f"{workers}_{time.monotonic_ns()}"
    command = [sys.executable, "-m", "hetbrian", "run", "fig4", "--small", "--n_seeds", "1", *options]
    process = subprocess.Popen(
        [*command, "--workers", str(workers), "--out", str(out)],
        cwd=Path(__file__).parents[1],
        stdout=subprocess.DEVNULL,
    )
    times = []
    count = 0
    while process.poll() is None:
        now = n_points(out / "sweep" / "points.sqlite")
        if now > count:
            times.append((time.perf_counter(), now))
            count = now
        time.sleep(0.02)
    (begin, first), (end, last) = times[0], times[-1]
    return (last - first) / (end - begin)


def main(arguments):
    """Run both and print them."""
    parser = argparse.ArgumentParser(prog="benchmarks sweep")
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--reopened", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    per_point, peak = overhead(options.points)
    print(f"overhead: {per_point * 1e3:.2f} ms per point, client at most {peak / 1e6:.0f} MB, {options.points} points")
    (seconds, memory), (loop, records) = reopening(options.reopened, options.rounds)
    print(
        f"reopening {options.reopened} points: {seconds:.2f} s of the processor, {memory / 1e6:.0f} MB; a loop that "
        f"parses the records: {loop:.2f} s, {records / 1e6:.0f} MB",
        flush=True,
    )
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    with tempfile.TemporaryDirectory() as folder:
        throughput(1, folder, ["--recurrent_gains", "(3000,)*pA", "--feedback_gains", "(9000,)*pA"])  # compiles
        ratios = []
        for _ in range(options.rounds):
            one, two = throughput(1, folder), throughput(2, folder)
            ratios.append(two / one)
            print(f"fig4 SMALL: {one:.3f} points/s with one worker, {two:.3f} with two", flush=True)
    print(json.dumps({"ratio": statistics.median(ratios), "ratios": ratios}))
