"""Logistic regression on spike counts: what a network has to beat before its time steps count for anything."""

import warnings

import numpy as np

from hetbrian._support.arguments import checked, of
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
