"""
One epoch of training at the size of SHD: 8156 samples of about 8000 spikes, 700 channels, 100 bins, 256 neurons.

The events are made up: only their number matters. Reports time and the peak memory of the whole process.
Run it as ``python -m benchmarks training``; ``--samples 800`` takes a tenth of the time.
"""

import argparse
import itertools
import resource
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


def main(options):
    """Train one epoch and print what it took."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks training")
    parser.add_argument("--samples", type=int, default=8156)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=128)
    chosen = parser.parse_args(options)
    import torch
    from brian2 import BrianLogger, ms

    from hetbrian.training import Preset, fit
    from hetbrian.training.data import Binning

    BrianLogger.log_level_error()
    torch.set_num_threads(chosen.threads)
    binning, recordings = Binning(100, 10 * ms, jitter=3.0, stretch=0.1, drop=0.1), made_up(chosen.samples)
    preset = Preset.STRONG.replace(n_hidden=256, epochs=1, batch_size=chosen.batch)
    fit(preset, binning, recordings.select(range(chosen.batch)), progress=False)  # compiles the time loop
    start = time.perf_counter()
    fit(preset, binning, recordings, progress=False)
    took = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{chosen.samples} samples, {len(recordings.times)} events, {chosen.threads} threads: ", end="")
    print(f"{took:.1f} s an epoch, peak memory {peak:.2f} GB")
