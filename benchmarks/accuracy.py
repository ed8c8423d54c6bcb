"""
Test accuracy with and without heterogeneity beside logistic regression on spike counts, over several seeds.

Results are written line by line. ``--test-share 0.2`` takes the test samples from the training samples, for a set of
which only these are there; no epoch is chosen then, and the split is the same for every seed. Run it as
``python -m benchmarks accuracy nmnist --data-root FOLDER --out FILE``.
"""

import argparse
import json

CONDITIONS = {"homogeneous": {"trainable": ()}, "heterogeneous": {"het": ("eta", "g", "theta")}}
"""Only weights are trained, or the preset's neuronal parameters too, with eta, g, theta drawn at the start."""


def main(options):
    """Train every condition with every seed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks accuracy")
    parser.add_argument("name")
    parser.add_argument("--data-root")
    parser.add_argument("--test-share", type=float, default=0.0)
    parser.add_argument("--held-out", type=float, default=0.15)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", default="accuracy.jsonl")
    chosen = parser.parse_args(options)
    import numpy as np
    from brian2 import BrianLogger

    from hetbrian.baseline import logistic_accuracy
    from hetbrian.datasets import load
    from hetbrian.experiment import BINNINGS, splits
    from hetbrian.fit import fit
    from hetbrian.preset import Preset

    BrianLogger.log_level_error()
    binning = BINNINGS["strong"][chosen.name]
    whole = load(chosen.name, "train", chosen.data_root)
    with open(chosen.out, "a", encoding="utf-8") as file:

        def say(**values):
            print(json.dumps(values), file=file, flush=True)

        for seed in range(1, chosen.seeds + 1):
            if chosen.test_share:
                training, test = whole.split(chosen.test_share, np.random.default_rng(100))
                validation = None
            else:
                training, validation, test = splits(chosen.name, chosen.data_root, held_out=chosen.held_out, seed=seed)
            for condition, changes in CONDITIONS.items():
                preset = Preset.STRONG.replace(epochs=chosen.epochs, **changes)
                result = fit(preset, binning, training, validation=validation, test=test, seed=seed, progress=False)
                say(condition=condition, seed=seed, accuracy=float(result.test_accuracy))
        say(condition="logistic", accuracy=logistic_accuracy(training if chosen.test_share else whole, test, binning))
