"""Whether the event-driven RLS kernel changes what networks learn: errors of many seeds with both kernels.

    python -m benchmarks statistics [--size 1000] [--duration 15] [--seeds 20] [--json FILE]

A chaotic network magnifies rounding, so that single runs differ after some seconds; their statistics must not. Networks
of `hetbrian.published.models.force` with double exponential synapses in C++, the same seeds with both kernels, and
two-sample tests of Mann & Whitney and of Kolmogorov & Smirnov on the logarithm of the error.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks import page

KERNELS = ("dense", "event")
MEASURES = {"mse_first_second": "first second", "mse": "whole test", "mse_shifted": "after the best shift"}


def errors(kernel, size, duration, seeds):
    """Return the scores of every seed with a kernel, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.statistics", "--one", kernel]
    command += ["--size", str(size), "--duration", str(duration), "--seeds", str(seeds)]
    said = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True).stdout
    return json.loads(said.splitlines()[-1])


def _errors(kernel, size, duration, seeds):
    from brian2 import second

    import hetbrian as hb
    from hetbrian.published import force_network
    from hetbrian.published.protocols.common.force import score
    from hetbrian.readout import force

    if kernel == "dense":
        force.filter_states = lambda *_: ()
    start, stop = duration / 3 * second, duration * 2 / 3 * second
    found = []
    for seed in range(1, seeds + 1):
        options = {"n_neurons": size, "synapse": "double_exponential", "start": start, "stop": stop}
        run = hb.simulate(
            force_network, duration * second, seed=seed, device="cpp_standalone", record=("z", "y", "rate"), **options
        )
        scores = score(run, start, stop, [1.0])
        found.append({"kernel": kernel, "size": size, "seed": seed, **{name: scores[name] for name in MEASURES}})
    return found


def tables(rows):
    """
    Return the table of `errors` of both kernels.

    Parameters
    ----------
    rows : list of dict

    Returns
    -------
    dict of str to (list of str, list of list of str)
        Header and rows by name.
    """
    import numpy as np
    from scipy.stats import ks_2samp, mannwhitneyu

    lines = []
    for name, text in MEASURES.items():
        logs = [np.log10([row[name] for row in rows if row["kernel"] == kernel]) for kernel in KERNELS]
        quartiles = [np.quantile(values, (0.5, 0.25, 0.75)) for values in logs]
        cells = [f"{middle:.2f} ({low:.2f} to {high:.2f})" for middle, low, high in quartiles]
        tests = [test(*logs).pvalue for test in (mannwhitneyu, ks_2samp)]
        lines.append([text, *cells, *(f"{p:.2f}" for p in tests), str(len(logs[0]))])
    header = ["log10 mean square error", *(f"{kernel}: median (quartiles)" for kernel in KERNELS)]
    return {"statistics": ([*header, "p, Mann & Whitney", "p, Kolmogorov & Smirnov", "seeds of each"], lines)}


def main(arguments=None):
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks statistics", description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--duration", type=float, default=15)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", choices=KERNELS, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.one:
        print(json.dumps(_errors(chosen.one, chosen.size, chosen.duration, chosen.seeds)))
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    rows = [row for kernel in KERNELS for row in errors(kernel, chosen.size, chosen.duration, chosen.seeds)]
    page.show(tables(rows))
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
