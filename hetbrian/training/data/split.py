"""Which samples are trained on, which are held out to choose by, and which are tested."""

from collections.abc import Sequence
from os import PathLike

import numpy as np

from hetbrian._support.allowed import Allowed
from hetbrian._support.arguments import checked
from hetbrian._support.checks import choice, file_path, stream_seed, text
from hetbrian.training.data.datasets import load, speaker_names
from hetbrian.training.data.originals import known
from hetbrian.training.data.recordings import Recordings, joined

SHARE = Allowed("at least 0 and below 1", "give 0.1, say", low=0.0, high=1.0, included=(True, False))


@checked(
    name=text,
    root=file_path,
    held_out=SHARE,
    test_share=SHARE,
    seed=stream_seed,
)
def splits(
    name: str,
    root: str | PathLike[str] | None = None,
    *,
    held_out: float = 0.1,
    test_share: float = 0.0,
    test_speakers: Sequence[str] = (),
    seed: int = 0,
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
    test_speakers : sequence of str
        Speakers or subjects, by name or number, that are tested in place of the test samples; all others train. One
        after the other in turn this leaves each out once.
    seed : int
        Draws them.

    Returns
    -------
    training, validation, test : Recordings
        Validation is None without any.

    Raises
    ------
    ValueError
        If a speaker is unknown, nobody is left to train on, or speakers are named beside a share.
    """
    if test_speakers:
        if test_share:
            raise ValueError(
                f"test_share is {test_share} beside test_speakers {', '.join(test_speakers)}, expected one of them: "
                "leave one out."
            )
        training, test = _without(name, root, test_speakers)
        if not held_out:
            return training, None, test
        return *training.split(held_out, np.random.default_rng([seed, 2])), test
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


def _without(name, root, speakers):
    """Return all samples but those of some speakers, and theirs."""
    whole = joined([load(name, split, root) for split in known(name, "train").sources])
    if whole.groups is None:
        raise ValueError(
            f"test_speakers is given for {name}, which does not say whose a sample is, expected a data set that does: "
            "use test_share."
        )
    names = speaker_names(name, root) or [str(number) for number in range(max(whole.groups) + 1)]
    there = {names[number]: number for number in np.unique(whole.groups)}
    for speaker in speakers:
        choice(speaker, "a speaker of the test", there)
    is_test = np.isin(whole.groups, [there[speaker] for speaker in speakers])
    if is_test.all():
        raise ValueError(f"test_speakers are all of {', '.join(there)}, expected some left to train on: name fewer.")
    return whole.select(np.flatnonzero(~is_test)), whole.select(np.flatnonzero(is_test))
