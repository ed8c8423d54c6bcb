"""A data set, a preset and a seed: what ``hetbrian train`` and the protocols run."""

import numpy as np
from brian2 import ms

from hetbrian.binning import Binning
from hetbrian.datasets import load
from hetbrian.fit import fit
from hetbrian.preset import Preset

PRESETS = {"paper": Preset.PAPER, "strong": Preset.STRONG}
"""Settings by name."""

BINNINGS = {
    "paper": {
        # 2000 steps of 0.5 ms for every set; its cameras are not pooled
        "nmnist": Binning(2000, 0.5 * ms),
        "dvs128": Binning(2000, 0.5 * ms),
        "shd": Binning(2000, 0.5 * ms),
        "ssc": Binning(2000, 0.5 * ms),
    },
    "strong": {
        "nmnist": Binning(60, 5 * ms, pool=2, shift=2, stretch=0.1, drop=0.1),
        "dvs128": Binning(75, 20 * ms, pool=4, merge=True, shift=8, stretch=0.1, drop=0.1),
        "shd": Binning(100, 10 * ms, pool=2, jitter=5.0, shift=20, stretch=0.2, drop=0.1),
        "ssc": Binning(100, 10 * ms, pool=2, jitter=5.0, shift=20, stretch=0.2, drop=0.1),
    },
}
"""Time steps, pooling and random changes by preset and data set."""


def choose(known, name, value):
    """
    Return what a name stands for.

    Parameters
    ----------
    known : dict
        By name.
    name : str
        What is chosen, for the error.
    value : str
        The choice.

    Raises
    ------
    ValueError
        If there is no such thing.
    """
    if value not in known:
        raise ValueError(f"{name} is {value!r}, expected {', '.join(known)}: choose one of them.")
    return known[value]


def splits(name, root=None, *, held_out=0.1, test_share=0.0, seed=0):
    """
    Return training, validation and test samples of a data set.

    Validation samples are those that the data set names, else whole speakers or subjects, else a share of each
    class, taken from the training samples. The test samples decide nothing.

    Parameters
    ----------
    name : str
        Data set.
    root : path-like, optional
        Folder with the data sets.
    held_out : float
        Share of the training samples (or speakers) for validation; 0 for none.
    test_share : float
        Share of the training samples that is tested in place of the test samples, for a copy without them.
    seed : int
        Draws them.

    Returns
    -------
    training, validation, test : Recordings
        Validation is None without any.
    """
    training = load(name, "train", root)
    if test_share:
        training, test = training.split(test_share, np.random.default_rng([seed, 4]))
    else:
        test = load(name, "test", root)
    if not held_out:
        return training, None, test
    if name == "ssc":
        return training, load(name, "validation", root), test
    return *training.split(held_out, np.random.default_rng([seed, 2])), test


def train(name, root=None, *, preset, binning, seed=0, held_out=0.1, test_share=0.0, **options):
    """
    Train on a data set.

    Parameters
    ----------
    name : str
        Data set: nmnist, dvs128, shd or ssc.
    root : path-like, optional
        Folder with the data sets.
    preset : Preset
        Settings.
    binning : Binning
        How recordings become events, see `BINNINGS`.
    seed : int
        Sets everything that is drawn.
    held_out, test_share : float
        Shares for validation and test, see `splits`.
    **options
        Of `hetbrian.fit.fit`.

    Returns
    -------
    xarray.Dataset
        See `hetbrian.fit.fit`.
    """
    training, validation, test = splits(name, root, held_out=held_out, test_share=test_share, seed=seed)
    result = fit(preset, binning, training, validation=validation, test=test, seed=seed, **options)
    return result.assign_attrs(dataset=name)
