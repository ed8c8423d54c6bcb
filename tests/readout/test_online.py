import doctest

import numpy as np
import pytest
from numpy.random import default_rng

from hetbrian.readout import online
from hetbrian.readout.offline import ridge
from hetbrian.readout.online import RecursiveLeastSquares

# 200 updates with a condition number of P below 100 lose some 1e-13; the rest is room for other libraries
SAME = 1e-8


def regression(n_outputs=1, n_samples=200, n_features=12, seed=0):
    """Return features, shape (time, feature), and a noisy linear target with an offset, (time, output)."""
    rng = default_rng(seed)
    features = rng.gamma(2.0, 0.5, (n_samples, n_features))
    weights = rng.normal(size=(n_features, n_outputs))
    return features, features @ weights + 3.0 + 0.1 * rng.normal(size=(n_samples, n_outputs))


def learnt(features, target, **options):
    rls = RecursiveLeastSquares(features.shape[1], target.shape[1], **options)
    for x, y in zip(features, target, strict=True):
        rls.update(x, y)
    return rls


def augmented_least_squares(features, target, gamma, bias, forgetting):
    """Minimise the same cost by an orthogonal factorisation of samples and penalty stacked as rows."""
    if bias:
        features = np.column_stack([features, np.ones(len(features))])
    n_samples, n_inputs = features.shape
    root = np.sqrt(forgetting) ** (n_samples - 1 - np.arange(n_samples))[:, np.newaxis]
    penalty = np.sqrt(gamma * forgetting**n_samples) * np.eye(n_inputs)
    rows = np.vstack([root * features, penalty])
    values = np.vstack([root * target, np.zeros((n_inputs, target.shape[1]))])
    return np.linalg.lstsq(rows, values)[0].T


def test_docstrings():
    result = doctest.testmod(online)
    assert result.attempted >= 3 and result.failed == 0


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("forgetting", [1.0, 0.98])
@pytest.mark.parametrize("bias", [False, True])
def test_rls_equals_ridge_equals_augmented_least_squares(bias, forgetting, n_outputs):
    features, target = regression(n_outputs)
    gamma = 0.7
    rls = learnt(features, target, initial_P=1 / gamma, bias=bias, forgetting=forgetting)
    by_ridge = ridge(features, target, gamma, bias=bias, forgetting=forgetting)
    by_lstsq = augmented_least_squares(features, target, gamma, bias, forgetting)
    assert rls.weights.shape == by_ridge.shape == (n_outputs, 12 + bias)
    assert rls.n_updates == 200
    assert np.abs(rls.weights - by_ridge).max() < SAME
    assert np.abs(rls.weights - by_lstsq).max() < SAME
    # and the prior matters at this size, so that a wrong power of the forgetting factor would show
    assert np.abs(ridge(features, target, gamma, bias, 1.0) - by_ridge).max() > 1e-4 or forgetting == 1


@pytest.mark.parametrize("forgetting", [1.0, 0.9])
def test_prior_fades_as_in_rls_for_short_records(forgetting):
    # ten samples: the penalty still decides, and a factor lambda too much would show in its first digits
    features, target = regression(2, n_samples=10)
    rls = learnt(features, target, initial_P=0.5, forgetting=forgetting)
    assert np.abs(rls.weights - ridge(features, target, 2.0, forgetting=forgetting)).max() < SAME


def test_P_is_the_inverse_of_the_penalised_covariance():
    features, target = regression()
    rls = learnt(features, target, initial_P=2.0, forgetting=0.98)
    recency = 0.98 ** np.arange(199, -1, -1)[:, np.newaxis]
    covariance = features.T @ (recency * features) + 0.98**200 / 2.0 * np.eye(12)
    assert np.abs(rls.P @ covariance - np.eye(12)).max() < SAME


@pytest.mark.parametrize("rule", ["posterior", "prior"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_P_stays_symmetric_and_shrinks(rule, dtype):
    features, target = regression()
    rls = RecursiveLeastSquares(12, 1, initial_P=2.0, rule=rule, dtype=dtype)
    for x, y in zip(features, target, strict=True):
        rls.update(x, y)
        assert (rls.P == rls.P.T).all()
    assert rls.P.dtype == rls.weights.dtype == np.dtype(dtype)
    eigenvalues = np.linalg.eigvalsh(rls.P.astype(float))
    assert eigenvalues.min() > 0 and eigenvalues.max() <= 2.0


def test_prior_gain_is_the_published_rule():
    features, target = regression(3)
    rls = RecursiveLeastSquares(12, 3, initial_P=2.0, rule="prior")
    Phi, P = np.zeros((12, 3)), 2.0 * np.eye(12)
    for x, y in zip(features, target, strict=True):
        r, z = x[:, np.newaxis], Phi.T @ x
        c = P @ r
        Phi = Phi - c @ (z - y)[np.newaxis, :]
        P = P - c @ c.T / (1 + r.T @ c)
        # the same operations in another order: rounding only
        np.testing.assert_allclose(rls.update(x, y), z - y, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(rls.weights, Phi.T, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(rls.P, P, rtol=0, atol=1e-13)


def test_prior_gain_is_not_least_squares():
    features, target = regression(seed=3)
    gamma = 0.5
    by_ridge = ridge(features, target, gamma)
    posterior = learnt(features, target, initial_P=1 / gamma)
    prior = learnt(features, target, initial_P=1 / gamma, rule="prior")
    assert np.abs(prior.P - posterior.P).max() == 0  # P follows the same recursion
    assert np.abs(posterior.weights - by_ridge).max() < SAME
    assert np.abs(prior.weights - by_ridge).max() > 1e-2
    # its first step overshoots: x^T P(0) x = |x|^2/gamma times the error instead of a fraction of it
    x, y = features[0], target[0]
    first = RecursiveLeastSquares(12, 1, initial_P=1 / gamma, rule="prior")
    first.update(x, y)
    assert first.predict(x)[0] == pytest.approx(y[0] * (x @ x) / gamma, rel=1e-12)  # rounding


def test_error_is_a_priori_and_predict_takes_many_samples():
    features, target = regression(2)
    rls = learnt(features[:50], target[:50], bias=True)
    before = rls.predict(features[50])
    assert (rls.update(features[50], target[50]) == before - target[50]).all()
    assert np.abs(rls.predict(features[50]) - target[50]).max() < np.abs(before - target[50]).max()
    many = rls.predict(features)
    assert many.shape == (200, 2)
    # a matrix product sums in another order than a vector product
    np.testing.assert_allclose(many, features @ rls.weights[:, :-1].T + rls.weights[:, -1], rtol=1e-12)
    np.testing.assert_allclose(many[7], rls.predict(features[7]), rtol=1e-12)


def test_bias_is_a_constant_input_and_penalised():
    features, target = regression()
    with_column = np.column_stack([features, np.ones(200)])
    assert (ridge(features, target, 0.3, bias=True) == ridge(with_column, target, 0.3)).all()
    # a constant target of 2 and no other drive: T = 4 samples give 2 * 4/(4 + gamma)
    weights = ridge(np.zeros((4, 1)), np.full(4, 2.0), gamma=1.0, bias=True)
    np.testing.assert_allclose(weights, [[0.0, 1.6]], rtol=1e-15)  # rounding of one division


def test_single_precision_follows_double():
    features, target = regression(2)
    single, double = (learnt(features, target, dtype=dtype) for dtype in ("float32", "float64"))
    # 200 updates, each rounding at 6e-8 of weights of order 1, with a condition number of P of about 40
    assert np.abs(single.weights - double.weights).max() < 5e-4
    assert np.abs(single.weights - double.weights).max() > 1e-9  # products were taken in single precision
    assert single.update(features[0], target[0]).dtype == np.float32


def test_ridge_without_penalty_is_least_squares():
    features, target = regression(2)
    expected = np.linalg.lstsq(features, target)[0].T
    assert np.abs(ridge(features, target, 0.0) - expected).max() < SAME
    assert ridge(features, target[:, 0], 0.0).shape == (1, 12)


def test_repr_rebuilds():
    rls = RecursiveLeastSquares(3, 2, initial_P=0.1, forgetting=0.98, bias=True, rule="prior", dtype=np.float32)
    copy = eval(repr(rls))
    assert repr(copy) == repr(rls) and (copy.P == rls.P).all() and copy.weights.shape == (2, 4)


ONES = np.ones((4, 2))
NAN = np.array([[1.0, np.nan]] * 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((ONES, ONES[:, 0], -1.0), "gamma is -1.0, expected 0 or more"),
        ((ONES, ONES[:, 0], np.nan), "gamma is nan, expected one finite number"),
        ((ONES, ONES[:3, 0], 1.0), r"shapes \(4, 2\) and \(3, 1\), expected \(time, feature\)"),
        ((ONES[:, 0], ONES[:, 0], 1.0), r"shapes \(4,\) and \(4, 1\), expected \(time, feature\)"),
        ((ONES, np.ones((4, 1, 1)), 1.0), r"shapes \(4, 2\) and \(4, 1, 1\), expected"),
        ((ONES[:0], ONES[:0], 1.0), "expected no empty axis"),
        ((ONES[:, :0], ONES, 1.0), "expected no empty axis"),
        ((NAN, ONES, 1.0), "features has NaN or infinite entries"),
        ((ONES, NAN, 1.0), "target has NaN or infinite entries"),
        ((ONES, ONES, 1.0, False, 0.0), "forgetting is 0.0, expected 0 < forgetting <= 1"),
        ((ONES, ONES, 1.0, False, 1.1), "forgetting is 1.1, expected 0 < forgetting <= 1"),
        ((ONES, ONES, 0.0), "gamma = 0.0 leaves the equations of 2 inputs and 4 samples singular"),
        ((np.zeros((4, 2)), ONES, 0.0), "gamma = 0.0 leaves the equations"),
        ((np.eye(3)[:2], ONES[:2], 0.0, True), "gamma = 0.0 leaves the equations of 4 inputs and 2 samples"),
    ],
)
def test_ridge_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        ridge(*arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_features": 0}, "n_features is 0, expected an integer of at least 1"),
        ({"n_outputs": 0}, "n_outputs is 0, expected an integer of at least 1"),
        ({"initial_P": 0.0}, "initial_P is 0.0, expected a finite number above 0"),
        ({"initial_P": np.nan}, "initial_P is nan, expected a finite number above 0"),
        ({"forgetting": 0}, "forgetting is 0, expected 0 < forgetting <= 1"),
        ({"forgetting": np.nan}, "forgetting is nan, expected 0 < forgetting <= 1"),
        ({"rule": "kalman"}, "rule is 'kalman', expected prior, posterior"),
        ({"dtype": "int32"}, "dtype = 'int32', expected 'float64' or 'float32'"),
    ],
)
def test_rls_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        RecursiveLeastSquares(**{"n_features": 2, "n_outputs": 1, **options})


@pytest.mark.parametrize(
    ("activity", "target", "message"),
    [
        ([1.0], [1.0], r"activity has shape \(1,\), expected \(2,\) or \(time, 2\)"),
        (1.0, [1.0], r"activity has shape \(\), expected"),
        (ONES, [1.0], r"shapes \(4, 2\) and \(1,\), expected \(2,\) and \(1,\); give one sample at a time"),
        ([1.0, 2.0], 1.0, r"shapes \(2,\) and \(\), expected \(2,\) and \(1,\)"),
        ([1.0, np.nan], [1.0], "activity has NaN or infinite entries"),
        ([1.0, 2.0], [np.inf], "target has NaN or infinite entries"),
    ],
)
def test_update_refuses(activity, target, message):
    rls = RecursiveLeastSquares(2, 1)
    with pytest.raises(ValueError, match=message):
        rls.update(activity, target)
    assert rls.n_updates == 0 and (rls.weights == 0).all()
