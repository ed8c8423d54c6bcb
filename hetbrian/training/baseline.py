"""What a spiking network has to beat: logistic regression on spike counts, and recurrent units that do not spike."""

import dataclasses
import itertools
import warnings

import numpy as np

from hetbrian._support.arguments import checked, of
from hetbrian._support.checks import count, stream_seed
from hetbrian._support.optional import torch
from hetbrian.training.data.binning import Binning
from hetbrian.training.data.recordings import Recordings

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)
"""Inverse strengths of the penalty among which cross-validation chooses."""


def pooled_counts(recordings: Recordings, binning: Binning) -> np.ndarray:
    """
    Return the root of how many events each input of the network has in each sample, without time.

    Parameters
    ----------
    recordings : Recordings
    binning : Binning
        Its pooling and merging, and the time after which events are left out.

    Returns
    -------
    ndarray, shape (sample, input)
    """
    events = [binning.events(recordings, [sample]) for sample in range(len(recordings))]
    return np.sqrt([np.bincount(item.index.numpy(), minlength=item.shape[2]) for item in events])


@checked(
    training=of(Recordings, advice="load them, or make one"),
    test=of(Recordings, advice="load them, or make one"),
    binning=of(Binning, advice="give the bins"),
)
def logistic_accuracy(training: Recordings, test: Recordings, binning: Binning) -> float:
    """
    Return the test accuracy of logistic regression on spike counts.

    The penalty is chosen by cross-validation among the training samples, over whole speakers or subjects if known.

    Parameters
    ----------
    training, test : Recordings
        Samples.
    binning : Binning
        How the network's inputs are pooled.

    Returns
    -------
    float

    Raises
    ------
    ImportError
        If scikit-learn is not installed.
    """
    from hetbrian._support.optional import sklearn

    model = sklearn.pipeline.make_pipeline(
        sklearn.preprocessing.StandardScaler(), sklearn.linear_model.LogisticRegression(max_iter=200)
    )
    selection = sklearn.model_selection
    folds = selection.StratifiedKFold(3) if training.groups is None else selection.GroupKFold(3)
    search = selection.GridSearchCV(model, {"logisticregression__C": PENALTIES}, cv=folds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # strong optimisers are not needed to choose a penalty
        search.fit(pooled_counts(training, binning), training.labels, groups=training.groups)
    return float(search.score(pooled_counts(test, binning), test.labels))


def shuffled(recordings: Recordings, rng: np.random.Generator) -> Recordings:
    """
    Return recordings in which the times of each sample are dealt out anew among its events.

    How often each channel fires stays, and how many events there are at each time; what is lost is which channel
    fires when.

    Parameters
    ----------
    recordings : Recordings
    rng : Generator
        Deals them.

    Returns
    -------
    Recordings
    """
    channels = np.concatenate(
        [rng.permutation(recordings.channels[slice(*ends)]) for ends in itertools.pairwise(recordings.begin)]
    )
    times = np.asarray(recordings.times[recordings.begin[0] : recordings.begin[-1]])
    return dataclasses.replace(recordings, times=times, channels=channels, begin=recordings.begin - recordings.begin[0])


@checked(
    training=of(Recordings, advice="load them, or make one"),
    test=of(Recordings, advice="load them, or make one"),
    binning=of(Binning, advice="give the bins"),
    n_hidden=count,
    epochs=count,
    batch_size=count,
    seed=stream_seed,
)
def gru_accuracy(
    training: Recordings,
    test: Recordings,
    binning: Binning,
    *,
    n_hidden: int = 64,
    epochs: int = 25,
    batch_size: int = 64,
    seed: int = 0,
) -> float:
    """
    Return the test accuracy of gated recurrent units that read the binned events.

    The mean over time of a linear readout decides. Training is by Adam at a rate of 0.003 that falls to nothing, with
    the random changes of the binning; the last epoch is tested.

    Parameters
    ----------
    training, test : Recordings
        Samples.
    binning : Binning
        As for the network.
    n_hidden : int
        Units.
    epochs, batch_size : int
        Passes through the samples, and how many there are in a step.
    seed : int
        Draws weights, the order of the samples and their changes.

    Returns
    -------
    float

    References
    ----------
    Cho et al. 2014, https://doi.org/10.48550/arXiv.1406.1078
    """
    of_weights, of_samples = np.random.default_rng([seed, 5]).spawn(2)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(of_weights.integers(2**31)))
        units = torch.nn.GRU(binning.n_inputs(training.shape), n_hidden)
        readout = torch.nn.Linear(n_hidden, len(training.classes))
    n_steps = epochs * -(-len(training) // batch_size)
    optimiser = torch.optim.Adam([*units.parameters(), *readout.parameters()], lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, n_steps)

    def outputs(recordings, samples, rng=None):
        return readout(units(binning.events(recordings, samples, rng).dense())[0]).mean(0)

    for _ in range(epochs):
        order = of_samples.permutation(len(training))
        for samples in np.array_split(order, -(-len(order) // batch_size)):
            labels = torch.from_numpy(np.asarray(training.labels[samples], dtype=np.int64))
            loss = torch.nn.functional.cross_entropy(outputs(training, samples, of_samples), labels)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_([*units.parameters(), *readout.parameters()], 1.0)
            optimiser.step()
            schedule.step()
    with torch.no_grad():
        parts = np.array_split(np.arange(len(test)), -(-len(test) // batch_size))
        decisions = np.concatenate([outputs(test, samples).argmax(1).numpy() for samples in parts])
    return float((decisions == test.labels).mean())
