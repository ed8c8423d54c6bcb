"""What is kept of the runs of one seed, to look at: a second of learning and of the test, small enough for each point.

A sweep keeps the same float64 numbers of each point. Spikes of 16 neurons in 5 ms are therefore one number, whose k-th
bit says whether neuron k fired.
"""

import numpy as np

NEURONS = 16
"""Whose spikes are kept: the first ones, which are as random as others."""

STEP = 0.005
"""Seconds between samples."""

REACH = 1.0
"""Seconds before and after the end of learning."""

RECORD = {"z": True, "y": True, "rate": True, "spikes": range(NEURONS)}
"""What is recorded of a run, of which scores see output, target and rate."""

NAMES = ("z", "y", "fired")


def times(start, stop, duration):
    """Return when traces are sampled, in seconds."""
    begin, end = max(float(start), float(stop) - REACH), min(float(duration), float(stop) + REACH)
    return begin + STEP * np.arange(max(1, round((end - begin) / STEP)))


def traces(run, start, stop, duration):
    """
    Return output, target and spikes around the end of learning.

    Parameters
    ----------
    run : xarray.Dataset
        Of `hetbrian.simulate` with `RECORD`.
    start, stop, duration : Quantity [second]
        Learning interval and end of the test.

    Returns
    -------
    dict of str to (tuple, ndarray, dict)
        ``z`` and ``y`` over (time, output), ``fired`` over (time,): the sum of 2**k over the neurons k that fired from
        that time to the next.
    """
    when = times(start, stop, duration)
    rows = np.minimum(np.searchsorted(run.time.values, when - 1e-9), run.sizes["time"] - 1)
    bins = np.floor((run.spike_time.values - when[0]) / STEP + 1e-6).astype(int)
    inside = (bins >= 0) & (bins < len(when))
    fired = np.zeros((len(when), NEURONS), bool)
    fired[bins[inside], run.spike_neuron.values[inside]] = True
    return {
        "z": (("time", "output"), run.z.values[rows], {"long_name": "output"}),
        "y": (("time", "output"), run.y.values[rows], {"long_name": "target"}),
        "fired": (("time",), fired @ 2.0 ** np.arange(NEURONS), {"long_name": "bits of the neurons that fired"}),
    }


def of_one_seed(dataset, seed, start, stop, duration):
    """
    Return a Dataset of a sweep with the traces of one seed.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of a sweep whose points have `traces` where the seed is this one, also while it runs.
    seed : int
        Root seed.
    start, stop, duration : Quantity [second]
        See `traces`.

    Returns
    -------
    xarray.Dataset
        ``z`` over the other axes and (time, output), ``fired`` over them and (time,), ``y`` over (time, output), in
        small types; unchanged if there are none yet.
    """
    if "z" not in dataset:
        return dataset
    kept = dataset[list(NAMES)].sel(seed=seed, drop=True)
    axes = [name for name in kept.y.dims if name not in ("time", "output")]
    y = kept.y.stack(point=axes).dropna("point", how="all")  # a network that diverged has none
    y = y.isel(point=0).drop_vars(["point", *axes])
    return (
        dataset.assign(
            z=kept.z.astype(np.float32),
            y=y.astype(np.float32),
            fired=kept.fired.fillna(0).astype(np.uint16),
        )
        .assign_attrs(learning_stop=float(stop))
        .assign_coords(time=("time", times(start, stop, duration), {"units": "s"}))
    )
