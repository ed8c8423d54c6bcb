"""Which samples a classification is trained and tested on: the paper's data sets, recordings, or made-up ones."""

from dataclasses import dataclass

import numpy as np
from brian2 import ms

from hetbrian._support.checks import choice
from hetbrian.training.data import BINNINGS, Binning, is_original, splits
from hetbrian.training.data.datasets import data_root, speaker_names
from hetbrian.training.data.recordings import of_samples

DATASETS = ("nmnist", "dvs128", "shd", "ssc")
"""The paper's, by temporal complexity, in its order."""

TOYS = ("counts", "order")
"""Two made-up sets: classes differ in how often channels fire, or only in when. Also by temporal complexity."""

SPEECH = Binning(100, 5 * ms, pool=10, jitter=5.0, shift=20, stretch=0.2, drop=0.1)
"""Of single words without the silence around them; with 10 ms or with 35 inputs accuracies are lower."""


@dataclass(frozen=True)
class Recorded:
    """
    Hold where a set of real recordings lies and how it is divided.

    Parameters
    ----------
    layout : str
        One of `DATASETS`, as which it is read.
    folder : str
        Where it lies, in the folder of data sets.
    binning : Binning
        Of preset strong.
    folds : int
        Into so many groups its speakers are divided, each of which is tested once; 0 for the test samples it has.
    test_share : float
        Share of the training samples that is tested, if it has none.
    epochs : int
        Passes that are enough under preset strong.
    """

    layout: str
    folder: str
    binning: Binning
    folds: int = 0
    test_share: float = 0.0
    epochs: int = 10_000


RECORDED = {
    "nmnist_1000": Recorded("nmnist", "nmnist_1000", BINNINGS["strong"]["nmnist"], test_share=0.2),
    "fsdd_split": Recorded("shd", "fsdd", SPEECH, epochs=25),
    "fsdd": Recorded("shd", "fsdd", SPEECH, folds=6, epochs=25),
    "commands": Recorded("ssc", "commands", SPEECH, folds=4),
}
"""Real recordings that can be had where the paper's sets cannot, see docs/data.md: a thousand samples of N-MNIST; the
Free Spoken Digit Dataset as its authors divide it, where voices are known, and with each speaker left out once; and
nine words of Speech Commands by 96 speakers, a quarter of whom are left out."""


def folds(name):
    """
    Return the parts of a data set that are trained and tested apart.

    Parameters
    ----------
    name : str
        Of `DATASETS`, `TOYS` or `RECORDED`.

    Returns
    -------
    tuple of str
        Its name, with the number of each fold after a slash if there are any.
    """
    number = RECORDED[name].folds if name in RECORDED else 0
    return tuple(f"{name}/{k}" for k in range(1, number + 1)) or (name,)


def toy(name, rng, n_samples=60, n_channels=20, n_classes=3):
    """
    Return made-up recordings of 0.2 s.

    Parameters
    ----------
    name : {"counts", "order"}
        Whether classes differ in the channels that fire, or only in the order in which all of them do.
    rng : Generator
        Draws the samples; the classes are always the same.
    n_samples, n_channels, n_classes : int
        Sizes.

    Returns
    -------
    Recordings
    """
    of_class = np.random.default_rng(7)
    labels = np.arange(n_samples) % n_classes
    if name == "counts":
        rates = of_class.uniform(0, 6, (n_classes, n_channels))[labels]
        counts = rng.poisson(rates)
        samples = [np.repeat(np.arange(n_channels), row) for row in counts]
        times = [rng.uniform(0, 0.2, len(row)) for row in samples]
    else:
        onsets = np.array([of_class.permutation(n_channels) for _ in range(n_classes)]) / n_channels * 0.16
        samples = [np.repeat(np.arange(n_channels), 3) for _ in labels]
        times = [onsets[k][row] + rng.uniform(0, 0.03, len(row)) for k, row in zip(labels, samples, strict=True)]
    return of_samples(times, samples, labels, (n_channels,), tuple(str(k) for k in range(n_classes)))


def recordings(name, root, held_out, test_share, seed):
    """
    Return training, validation and test samples.

    Parameters
    ----------
    name : str
        Of `DATASETS` or `TOYS`, or one of the `folds` of `RECORDED`. The last have no validation samples: they are few,
        and the last epoch counts.
    root : str
        Folder of the data sets.
    held_out, test_share : float
        Shares of the training samples, see `hetbrian.training.data.splits`.
    seed : int
        Draws them.

    Returns
    -------
    training, validation, test : Recordings
        Validation is None without any.
    """
    if name in TOYS:
        of_training, of_test = np.random.default_rng(3).spawn(2)
        training, test = toy(name, of_training), toy(name, of_test)
        if not held_out:
            return training, None, test
        return *training.split(held_out, np.random.default_rng([seed, 2])), test
    if name in DATASETS:
        return splits(name, root, held_out=held_out, test_share=test_share, seed=seed)
    set_name, _, fold = name.partition("/")
    recorded = RECORDED[choice(set_name, "a data set", (*DATASETS, *TOYS, *RECORDED))]
    place = data_root(root or None) / recorded.folder
    speakers = _group(recorded, place, int(fold)) if fold else ()
    return splits(
        recorded.layout, place, held_out=0.0, test_share=recorded.test_share, test_speakers=speakers, seed=seed
    )


def _group(recorded, place, fold):
    """Return who is tested in a fold: speakers are drawn, unless each is one."""
    names = speaker_names(recorded.layout, place)
    if len(names) != recorded.folds:
        names = np.random.default_rng(recorded.folds).permutation(names).tolist()
    return names[fold - 1 :: recorded.folds]


def binned(name, preset):
    """
    Return how recordings become events.

    Parameters
    ----------
    name : str
        As in `recordings`.
    preset : {"paper", "strong"}
        Settings.

    Returns
    -------
    Binning
    """
    if name in TOYS:
        return Binning(20, 10 * ms)
    of_sets = BINNINGS[choice(preset, "preset", BINNINGS)]
    if name in DATASETS:
        return of_sets[name]
    recorded = RECORDED[name.partition("/")[0]]
    return recorded.binning if preset == "strong" else of_sets[recorded.layout]


def enough_epochs(name, preset, most):
    """
    Return how many passes are made.

    Parameters
    ----------
    name, preset : str
        As in `binned`.
    most : int
        What the preset says.

    Returns
    -------
    int
    """
    recorded = RECORDED.get(name.partition("/")[0])
    return most if recorded is None or preset != "strong" else min(most, recorded.epochs)


def is_published(name, root, test_share):
    """
    Return whether samples are those of the paper.

    Parameters
    ----------
    name, root, test_share
        As in `recordings`.

    Returns
    -------
    bool
    """
    return name in DATASETS and not test_share and is_original(name, root)
