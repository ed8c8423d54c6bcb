"""
One epoch of training: made-up events at the size of SHD, or the training samples of a data set of yours.

    python -m benchmarks training [--samples 8156] [--neurons 256] [--batch 128] [--threads 1] [--rounds 3]
    python -m benchmarks training --data-root FOLDER [--dataset shd] --neurons 128 --batch 64

SHD has 8156 samples of about 8000 spikes; of made-up events only their number matters. 700 channels are as many inputs,
100 bins of 10 ms, with random changes. What an epoch takes is what a training of two epochs takes longer than one of
one: median over rounds, CPU time beside wall time, and the peak memory of the whole process, with what it had before.
"""

import argparse
import itertools
import resource
import statistics
import time


def made_up(n_samples, n_events=8000, n_channels=700, n_classes=20):
    """Return recordings of random events."""
    import numpy as np

    from hetbrian.training.data.recordings import Recordings

    rng = np.random.default_rng(0)
    sizes = rng.poisson(n_events, n_samples)
    begin = np.concatenate([[0], np.cumsum(sizes)])
    times = np.empty(begin[-1], dtype=np.float32)
    for first, last in itertools.pairwise(begin):
        times[first:last] = np.sort(rng.random(last - first, dtype=np.float32))
    channels = rng.integers(0, n_channels, begin[-1], dtype=np.int32)
    labels = rng.integers(0, n_classes, n_samples)
    return Recordings(times, channels, begin, labels, None, (n_channels,), tuple(map(str, range(n_classes))))


def timed(function):
    """Return wall and CPU seconds of a call."""
    wall, cpu = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - wall, time.process_time() - cpu


def peak():
    """Return the peak memory of the process in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main(options):
    """Train one epoch and two, and print what the second took."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks training")
    parser.add_argument("--samples", type=int, default=8156)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--neurons", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dataset", default="shd")
    parser.add_argument("--data-root")
    chosen = parser.parse_args(options)
    import torch
    from brian2 import BrianLogger, ms

    from hetbrian.training import Preset, fit
    from hetbrian.training.data import Binning, load

    BrianLogger.log_level_error()
    torch.set_num_threads(chosen.threads)
    binning = Binning(100, 10 * ms, jitter=3.0, stretch=0.1, drop=0.1)
    recordings = load(chosen.dataset, "train", chosen.data_root) if chosen.data_root else made_up(chosen.samples)
    preset = Preset.STRONG.replace(n_hidden=chosen.neurons, batch_size=chosen.batch)

    def train(epochs, part=recordings):
        fit(preset.replace(epochs=epochs), binning, part, progress=False)

    before = peak()
    train(1, recordings.select(range(min(chosen.batch, len(recordings)))))  # compiles the time loop
    rounds = [(timed(lambda: train(2)), timed(lambda: train(1))) for _ in range(chosen.rounds)]
    wall, cpu = (statistics.median(two[at] - one[at] for two, one in rounds) for at in (0, 1))
    print(
        f"{len(recordings)} samples, {len(recordings.times)} events, {binning.n_inputs(recordings.shape)} inputs, "
        f"{chosen.neurons} neurons, batch {chosen.batch}, {chosen.threads} threads: an epoch takes {cpu:.1f} s of CPU "
        f"time, {wall:.1f} s in all; peak memory {peak():.2f} GB, {before:.2f} GB before the training"
    )
