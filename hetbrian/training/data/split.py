"""Which samples are trained on, which are held out to choose by, and which are tested."""

from os import PathLike

import numpy as np

from hetbrian._support.allowed import Allowed
from hetbrian._support.arguments import checked
from hetbrian._support.checks import file_path, stream_seed, text
from hetbrian.training.data.datasets import load
from hetbrian.training.data.recordings import Recordings

SHARE = Allowed("at least 0 and below 1", "give 0.1, say", low=0.0, high=1.0, included=(True, False))


@checked(
    name=text,
    root=file_path,
    held_out=SHARE,
    test_share=SHARE,
    seed=stream_seed,
)
def splits(
    name: str, root: str | PathLike[str] | None = None, *, held_out: float = 0.1, test_share: float = 0.0, seed: int = 0
) -> tuple[Recordings, Recordings | None, Recordings]:
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
