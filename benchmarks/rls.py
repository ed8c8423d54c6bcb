"""A step of recursive least squares: the event-driven kernel beside the dense one and the product of BLAS.

    python -m benchmarks rls [--sizes 500,1000,2000,4000] [--rates 55,150] [--rounds 3] [--json FILE]

One thread, CPU time, medians over cycles of 96 updates, one kernel after the other on the same activity: exponentials
of 20 ms, an update every 0.8 ms. The product that writes the updates into P is compared with BLAS on the same one
(ssyrk and dsyrk of SciPy), which leaves the other half of P as it was, while ours writes both.
"""

import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks import page

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before SciPy is imported

ROOT = Path(__file__).parents[1]
FLAGS = "-w -O3 -ffast-math -fno-finite-math-only -march=native -std=c++11".split()  # Brian2's
CAPACITY = 96


def program(folder):
    """Return the compiled benchmark."""
    path, source = Path(folder) / "event_rls", ROOT / "benchmarks" / "event_rls.cpp"
    if not path.exists():
        include = f"-I{ROOT / 'hetbrian' / 'codegen' / 'kernels'}"
        subprocess.run(["g++", *FLAGS, include, source, "-o", path], check=True)
    return path


def blas(size, dtype, repeats=7):
    """Return multiply-adds per second of BLAS in the product that writes the waiting updates into P."""
    import numpy as np
    from scipy.linalg.blas import dsyrk, ssyrk

    syrk = ssyrk if dtype == "float32" else dsyrk
    updates = np.asfortranarray(np.random.default_rng(1).standard_normal((size, CAPACITY)).astype(dtype))
    P, took = np.zeros((size, size), dtype, order="F"), []
    for _ in range(repeats + 1):
        began = time.thread_time()
        syrk(-1e-6, updates, beta=1.0, c=P, overwrite_c=True)
        took.append(time.thread_time() - began)
    return size**2 / 2 * CAPACITY / statistics.median(took[1:])


def measure(sizes, rates, rounds):
    """
    Return a row for every round, size, rate and precision.

    Parameters
    ----------
    sizes : iterable of int
    rates : iterable of float
        Of the spikes (Hz).
    rounds : int

    Returns
    -------
    list of dict
        Seconds a step, ``dense`` and ``event``; multiply-adds per second of the product, ``product`` and ``blas``;
        relative ``difference`` of the weights.
    """
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(rounds):
            for size in sizes:
                floor = {dtype: blas(size, dtype) for dtype in ("float64", "float32")}
                for rate in rates:
                    command = [program(folder), str(size), str(rate), "12" if size < 4000 else "5"]
                    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                    for line in said.splitlines():
                        dtype, _, *numbers = line.split()
                        dense, event, product, difference = map(float, numbers)
                        found = {"dense": dense, "event": event, "product": product, "blas": floor[dtype]}
                        row = {"round": turn, "size": size, "rate": rate, "dtype": dtype}
                        rows.append({**row, **found, "difference": difference})
    return rows


def tables(rows):
    """
    Return the table of `measure`: medians over the rounds; ratios are of one round.

    Parameters
    ----------
    rows : list of dict

    Returns
    -------
    dict of str to (list of str, list of list of str)
        Header and rows by name.
    """
    header = ["Hz", "N", "P", "dense (us)", "event (us)", "times as fast", "product (G/s)", "of BLAS"]
    header += ["largest difference of weights"]
    cells = []
    for rate, size, dtype in sorted({(row["rate"], row["size"], row["dtype"]) for row in rows}):
        found = [row for row in rows if (row["rate"], row["size"], row["dtype"]) == (rate, size, dtype)]
        dense, event = (f"{1e6 * statistics.median(row[key] for row in found):.1f}" for key in ("dense", "event"))
        ratios = [row["dense"] / row["event"] for row in found]
        ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
        product = f"{1e-9 * statistics.median(row['product'] for row in found):.0f}"
        share = f"{statistics.median(row['product'] / row['blas'] for row in found):.0%}"
        difference = f"{max(row['difference'] for row in found):.0e}"
        cells.append([f"{rate:g}", str(size), dtype, dense, event, ratio, product, share, difference])
    return {"rls": (header, cells)}


def main(arguments=None):
    """Measure and print the table."""
    import argparse

    parser = argparse.ArgumentParser(prog="python -m benchmarks rls", description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="500,1000,2000,4000")
    parser.add_argument("--rates", default="55,150")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args(arguments)
    sizes, rates = ([float(word) for word in words.split(",")] for words in (chosen.sizes, chosen.rates))
    rows = measure([int(size) for size in sizes], rates, chosen.rounds)
    page.show(tables(rows))
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
