"""
Run benchmarks.

    python -m benchmarks [batch|force|networks|page|rls|statistics|sweep|torch|training] [its options]
"""

import sys

from benchmarks import batch, force, networks, page, rls, statistics, sweep, torch_cell, training

BENCHMARKS = {
    "batch": batch.main,
    "force": force.main,
    "networks": networks.main,
    "rls": rls.main,
    "statistics": statistics.main,
    "sweep": sweep.main,
    "torch": torch_cell.main,
    "training": training.main,
}

if __name__ == "__main__":
    name, *options = sys.argv[1:] or ["all"]
    if name == "page":
        page.main(options)
    elif name in BENCHMARKS:
        BENCHMARKS[name](options)
    elif name == "all":
        for benchmark in BENCHMARKS.values():
            benchmark([])
    else:
        sys.exit(f"{name!r} is no benchmark, expected {', '.join(BENCHMARKS)}, page or nothing: choose one of them.")
