import doctest

import numpy as np
import pytest
from numpy.random import default_rng

from hetbrian.readout import offline
from hetbrian.readout.offline import Ridge, ridge
from hetbrian.readout.online import RecursiveLeastSquares

GAMMAS = (0.03, 0.3, 3.0, 30.0)
# a condition number of 1e4 at most (gamma = 0.03 and singular values below 20) leaves 1e-12; the rest is room for
# other libraries
SAME = 1e-9


def trials(n_trials=5, n_samples=30, n_features=12, n_outputs=2, seed=0):
    """Return features and target of all trials, one below the other, and the label of each sample."""
    rng = default_rng(seed)
    features = rng.gamma(2.0, 0.5, (n_trials * n_samples, n_features))
    target = features @ rng.normal(size=(n_features, n_outputs)) + rng.normal(size=(len(features), n_outputs))
    return features, target, np.repeat(np.arange(n_trials), n_samples)


def left_out(features, target, trial, gamma, folds, bias=False):
    """Return the mean square error of folds that were fitted without them, one fit after the other."""
    total = 0.0
    for fold in folds:
        out = np.isin(trial, fold)
        weights = ridge(features[~out], target[~out], gamma, bias=bias)
        inputs = np.column_stack([features, np.ones(len(features))]) if bias else features
        total += np.sum((inputs[out] @ weights.T - target[out]) ** 2)
    return total / target.size


def test_docstrings():
    result = doctest.testmod(offline)
    assert result.attempted >= 3 and result.failed == 0


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("n_features", [12, 200])  # fewer and more features than samples
def test_one_penalty_gives_the_closed_form(n_features, bias):
    features, target, _ = trials(n_features=n_features)
    readout = Ridge(0.7, bias=bias).fit(features, target)
    inputs = np.column_stack([features, np.ones(len(features))]) if bias else features
    expected = np.linalg.solve(inputs.T @ inputs + 0.7 * np.eye(inputs.shape[1]), inputs.T @ target).T
    assert np.abs(readout.weights - expected).max() < SAME
    assert np.abs(readout.predict(features) - inputs @ expected.T).max() < 1e3 * SAME
    assert readout.chosen_gamma == 0.7


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("n_features", [12, 200])
@pytest.mark.parametrize(
    ("n_folds", "folds"), [(None, [[0], [1], [2], [3], [4]]), (2, [[0, 2, 4], [1, 3]]), (3, [[0, 3], [1, 4], [2]])]
)
def test_errors_are_those_of_fitting_every_fold_anew(n_folds, folds, n_features, bias):
    features, target, trial = trials(n_features=n_features)
    readout = Ridge(GAMMAS, n_folds=n_folds, bias=bias).fit(features, target, trial)
    expected = [left_out(features, target, trial, gamma, folds, bias) for gamma in GAMMAS]
    np.testing.assert_allclose(readout.errors, expected, rtol=1e-8)  # SAME, relative to errors of order 1
    assert readout.chosen_gamma == GAMMAS[int(np.argmin(expected))]
    # and the weights are those of the chosen penalty on all trials
    assert np.abs(readout.weights - ridge(features, target, readout.chosen_gamma, bias=bias)).max() < SAME


def test_the_best_penalty_is_neither_end_of_the_path():
    features, target, trial = trials(n_features=40, n_samples=10)
    readout = Ridge(10.0 ** np.arange(-4, 6)).fit(features, target, trial)
    assert 1e-4 < readout.chosen_gamma < 1e5


def test_one_decomposition_serves_all_penalties_and_folds(monkeypatch):
    import scipy.linalg

    calls = []
    svd = scipy.linalg.svd
    monkeypatch.setattr(scipy.linalg, "svd", lambda *args, **options: calls.append(1) or svd(*args, **options))
    features, target, trial = trials()
    Ridge(GAMMAS).fit(features, target, trial)
    assert calls == [1]


def test_labels_and_order_of_trials_do_not_matter():
    features, target, trial = trials()
    readout = Ridge(GAMMAS).fit(features, target, trial)
    order = default_rng(1).permutation(len(trial))
    names = np.array(["e", "a", "d", "c", "b"])[trial]
    other = Ridge(GAMMAS).fit(features[order], target[order], names[order])
    np.testing.assert_allclose(other.errors, readout.errors, rtol=1e-9)
    assert np.abs(other.weights - readout.weights).max() < SAME


def test_leaving_trials_out_sees_what_leaving_samples_out_does_not():
    # smooth features and a target that differs from trial to trial: neighbours tell a left-out sample
    rng = default_rng(3)
    time = np.linspace(0, 1, 50)
    features = np.concatenate(
        [np.sin(2 * np.pi * (rng.uniform(1, 4, 30) * time[:, np.newaxis] + rng.random(30))) for _ in range(4)]
    )
    target = np.concatenate([np.sin(2 * np.pi * (3 * time + rng.random())) for _ in range(4)])
    by_trial = Ridge(GAMMAS).fit(features, target, np.repeat(range(4), 50))
    by_sample = Ridge(GAMMAS).fit(features, target, np.arange(200))
    assert by_sample.errors.min() < 0.5 * by_trial.errors.min()


def test_equals_recursive_least_squares():
    features, target, _ = trials()
    rls = RecursiveLeastSquares(12, 2, initial_P=1 / 0.3)
    for x, y in zip(features, target, strict=True):
        rls.update(x, y)
    assert np.abs(Ridge(0.3).fit(features, target).weights - rls.weights).max() < SAME


def test_repr_rebuilds():
    readout = Ridge((0.1, 1.0), n_folds=3, bias=True)
    assert repr(eval(repr(readout))) == repr(readout) == "Ridge(gamma=(0.1, 1.0), n_folds=3, bias=True)"


ONES = np.ones((4, 2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gamma": -1.0}, "gamma = -1.0, expected finite numbers, 0 or more; give e.g. 1e-3"),
        ({"gamma": np.nan}, "gamma = nan, expected finite numbers"),
        ({"gamma": ()}, r"gamma = \(\), expected finite numbers"),
        ({"gamma": (1.0, -1.0)}, r"gamma = \(1.0, -1.0\), expected finite numbers"),
        ({"gamma": (0.0, 1.0)}, r"gamma = \(0.0, 1.0\), expected numbers above 0 to choose from; leave the 0 out"),
        ({"n_folds": 1}, "n_folds = 1, expected at least 2; leave it out for one fold per trial"),
    ],
)
def test_refuses_options(options, message):
    with pytest.raises(ValueError, match=message):
        Ridge(**options)


@pytest.mark.parametrize(
    ("options", "arguments", "message"),
    [
        ({}, (ONES[:0], ONES[:0]), "features has no sample, expected at least one training trial; record one"),
        ({}, (ONES, np.ones((5, 1))), r"target has shape \(5, 1\) and the record 4 samples, .* cut the target or rec"),
        ({}, (ONES, np.ones(3)), r"target has shape \(3,\) and the record 4 samples"),
        ({}, (ONES, np.ones((4, 1, 1))), r"target has shape \(4, 1, 1\)"),
        ({}, (ONES[0], ONES[0]), r"features has shape \(2,\), expected \(time, feature\); stack the trials"),
        ({}, (ONES[:, :0], ONES), r"features has shape \(4, 0\), expected \(time, feature\)"),
        ({}, (np.where(np.eye(4, 2), np.nan, 1.0), ONES), "features has NaN or infinite entries"),
        ({}, (ONES, np.full(4, np.inf)), "target has NaN or infinite entries"),
        ({"gamma": GAMMAS}, (ONES, ONES), "trial holds 1 trials, expected at least 2 to choose among 4 penalties"),
        (
            {"gamma": GAMMAS, "n_folds": 3},
            (ONES, ONES, [0, 0, 1, 1]),
            "trial holds 2 trials, expected at least 3 to choose among 4 penalties; record more, or give one gamma",
        ),
        ({"gamma": GAMMAS}, (ONES, ONES, [0, 1]), r"trial has shape \(2,\), expected \(4,\); give one label a sample"),
    ],
)
def test_fit_refuses(options, arguments, message):
    with pytest.raises(ValueError, match=message):
        Ridge(**options).fit(*arguments)


def test_predict_refuses():
    readout = Ridge()
    with pytest.raises(ValueError, match="the readout has no weights, expected a fitted one; call fit first"):
        readout.predict(ONES)
    readout.fit(ONES, ONES)
    with pytest.raises(ValueError, match=r"features has shape \(4, 1\), expected \(time, 2\); use those of fit"):
        readout.predict(ONES[:, :1])
    with pytest.raises(ValueError, match="features has NaN or infinite entries"):
        readout.predict(ONES * np.nan)
