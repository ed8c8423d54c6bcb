"""Ridge regression whose penalty is given, or chosen by cross-validation over trials from one decomposition."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from hetbrian._support.allowed import FORGETTING
from hetbrian._support.arguments import array, checked
from hetbrian._support.checks import flag, not_negative, numbers, shown


@checked(
    features=array(),
    target=array(),
    gamma=not_negative,
    bias=flag,
    forgetting=FORGETTING,
)
def ridge(features: Any, target: Any, gamma: float, bias: bool = False, forgetting: float = 1.0) -> np.ndarray:
    """Fit a linear readout y = W x with a penalty on the squared weights.

    Solve (S^T L S + gamma lambda^T I) W^T = S^T L y, where row t of S is the activity x(t), t = 0 ... T - 1,
    and the diagonal matrix L holds the recency lambda^(T-1-t). The penalty fades like a sample older than all
    others, which makes the solution equal to `RecursiveLeastSquares` with ``initial_P = 1/gamma``, for every
    lambda. The bias is penalised like any other weight, because recursive least squares does so too: centre
    features and target where that matters.

    Not for activities so collinear that S^T S + gamma I is singular in double precision: raise gamma there.

    Parameters
    ----------
    features : array_like, shape (time, feature)
        Activity S.
    target : array_like, shape (time,) or (time, output)
        Target y.
    gamma : float
        Penalty, 0 or more.
    bias : bool, optional
        Append a constant input of 1.
    forgetting : float, optional
        Forgetting factor lambda per sample, 0 < lambda <= 1.

    Returns
    -------
    ndarray, shape (output, feature) or, with bias, (output, feature + 1)
        Weights W.

    Raises
    ------
    ValueError
        If shapes do not match or are empty, an entry is not finite, `gamma` is negative, `forgetting` is
        outside (0, 1], or the equations are singular.

    References
    ----------
    .. [1] Hoerl & Kennard (1970), doi:10.1080/00401706.1970.10488634, Eq. 2.1.

    Examples
    --------
    >>> ridge([[1.0], [2.0]], [2.0, 4.0], gamma=5.0).tolist()  # 10/(5 + 5)
    [[1.0]]
    """
    from scipy.linalg import LinAlgError, LinAlgWarning, solve

    features, target = np.asarray(features, dtype=float), np.asarray(target, dtype=float)
    target = target[:, np.newaxis] if target.ndim == 1 else target
    if features.ndim != 2 or target.ndim != 2 or len(features) != len(target):
        raise ValueError(
            f"features and target have shapes {features.shape} and {target.shape}, expected (time, feature) "
            f"and (time, output) with the same time; transpose or cut them"
        )
    if features.size == 0 or target.size == 0:
        raise ValueError(
            f"features and target have shapes {features.shape} and {target.shape}, expected no empty axis; "
            f"give at least one sample, feature and output"
        )
    if bias:
        features = np.column_stack([features, np.ones(len(features))])
    n_samples, n_inputs = features.shape
    recency = forgetting ** np.arange(n_samples - 1, -1, -1)  # (time,)
    weighted = recency[:, np.newaxis] * features  # (time, input)
    covariance = features.T @ weighted + gamma * forgetting**n_samples * np.eye(n_inputs)  # (input, input)
    with warnings.catch_warnings():
        warnings.simplefilter("error", LinAlgWarning)
        try:
            return solve(covariance, weighted.T @ target, assume_a="pos").T
        except (LinAlgError, LinAlgWarning) as error:
            raise ValueError(
                f"gamma = {gamma} leaves the equations of {n_inputs} inputs and {n_samples} samples "
                f"singular, expected independent inputs; raise gamma"
            ) from error


def _folds_at_least(value: Any, name: str) -> None:
    """Refuse what is no number of folds."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 2:
        raise ValueError(f"{name} = {shown(value)}, expected at least 2; leave it out for one fold per trial")


def _labels(trial: Any) -> np.ndarray:
    """Return labels of trials, which are numbers or texts."""
    if isinstance(labels := trial, (list, tuple)) and all(isinstance(item, str) for item in trial):
        return np.asarray(labels)
    labels = trial if isinstance(trial, np.ndarray) and trial.dtype.kind == "U" else numbers(trial, "trial")
    return np.asarray(labels)


class Ridge:
    r"""Fit a linear readout y = W x, with one penalty or the best of several.

    The weights are those of `ridge`. With several penalties, the trials are divided into folds and each
    penalty is scored by predicting every fold from the others. All of it costs one singular value
    decomposition :math:`S = U \Sigma V^T` of the features: with the hat matrix
    :math:`H = U \Sigma^2 (\Sigma^2 + \gamma)^{-1} U^T`, the error of a fold f that was left out is

    .. math:: e_{(-f)} = (1 - H_{ff})^{-1} (y - H y)_f .

    Fold by trial, not by sample: neighbouring samples of a smooth activity are nearly the same, so that a
    sample left out alone is no test. Not for online learning: see `hetbrian.readout.force.RLS`.

    Parameters
    ----------
    gamma : float or sequence of float
        Penalty, 0 or more, or several above 0 to choose from.
    n_folds : int, optional
        Number of folds, at least 2; by default one per trial (leave one out). Trial k in order of its label
        belongs to fold k modulo `n_folds`.
    bias : bool, optional
        Append a constant input of 1, penalised like the others.

    Attributes
    ----------
    weights : ndarray, shape (output, feature) or, with bias, (output, feature + 1)
        Weights W.
    chosen_gamma : float
        The penalty of `weights`.
    errors : ndarray, shape (gamma,)
        Mean square error of the predicted folds for each penalty; only if there were several.

    Raises
    ------
    ValueError
        If a penalty is negative or not finite, there is none, one of several is 0, or `n_folds` is below 2.

    References
    ----------
    .. [1] Hastie, Tibshirani & Friedman (2009), doi:10.1007/978-0-387-84858-7, Sections 3.4.1 and 7.10.
    .. [2] Golub, Heath & Wahba (1979), doi:10.1080/00401706.1979.10489751, for folds of one sample.

    Examples
    --------
    >>> x = np.array([[1.0], [2.0], [3.0], [4.0]])
    >>> readout = Ridge(gamma=(0.01, 100.0)).fit(x, 2 * x, trial=[0, 0, 1, 1])
    >>> readout.chosen_gamma, readout.predict([[5.0]]).round(2).tolist()
    (0.01, [[10.0]])
    """

    @checked(n_folds=_folds_at_least, bias=flag)
    def __init__(self, gamma: Any = 1e-3, n_folds: int | None = None, bias: bool = False) -> None:
        gammas = np.atleast_1d(numbers(gamma, "gamma", may_be_infinite=True))
        if gammas.ndim != 1 or gammas.size == 0 or not ((gammas >= 0) & (gammas < np.inf)).all():
            raise ValueError(f"gamma = {gamma}, expected finite numbers, 0 or more; give e.g. 1e-3")
        if gammas.size > 1 and not gammas.all():
            raise ValueError(f"gamma = {gamma}, expected numbers above 0 to choose from; leave the 0 out")
        self.gamma = gamma
        self.n_folds = n_folds
        self.bias = bias

    def __repr__(self) -> str:
        return f"Ridge(gamma={self.gamma!r}, n_folds={self.n_folds}, bias={self.bias})"

    @checked(
        features=array(),
        target=array(),
    )
    def fit(self, features: Any, target: Any, trial: Any = None) -> Ridge:
        """Fit the weights, choosing the penalty if there are several.

        Parameters
        ----------
        features : array_like, shape (time, feature)
            Activity of all training trials, one below the other.
        target : array_like, shape (time,) or (time, output)
            Target at the same times.
        trial : array_like, shape (time,), optional
            Label of the trial of each sample, needed to choose among several penalties.

        Returns
        -------
        Ridge
            This readout, fitted.

        Raises
        ------
        ValueError
            If there is no sample or they are more or fewer than those of `target`, an entry is not finite, or
            several penalties meet fewer than two trials or fewer trials than folds.
        """
        features, target = np.asarray(features, dtype=float), np.asarray(target, dtype=float)
        if features.ndim != 2 or features.shape[1] == 0:
            raise ValueError(f"features has shape {features.shape}, expected (time, feature); stack the trials")
        if len(features) == 0:
            raise ValueError("features has no sample, expected at least one training trial; record one")
        if target.ndim not in (1, 2) or len(target) != len(features):
            raise ValueError(
                f"target has shape {target.shape} and the record {len(features)} samples, expected (time,) or "
                f"(time, output) with as many; cut the target or record longer"
            )
        gammas = np.atleast_1d(np.asarray(self.gamma, dtype=float))
        if gammas.size == 1:
            self.chosen_gamma = float(gammas[0])
            self.weights = ridge(features, target, self.chosen_gamma, bias=self.bias)
            return self
        fold = self._folds(trial, len(features), gammas.size)
        inputs, wanted = self._inputs(features), target.reshape(len(target), -1)
        from scipy.linalg import solve, svd

        u, sigma, vt = svd(inputs, full_matrices=False)  # (time, mode), (mode,), (mode, input)
        projected = u.T @ wanted  # (mode, output)
        self.errors = np.zeros(gammas.size)
        for n, gamma in enumerate(gammas):
            shrink = sigma**2 / (sigma**2 + gamma)  # (mode,)
            residual = wanted - u @ (shrink[:, np.newaxis] * projected)
            for rows in fold:
                part = u[rows]
                kept = np.eye(len(part)) - (part * shrink) @ part.T  # 1 - H, positive definite for gamma > 0
                self.errors[n] += np.sum(solve(kept, residual[rows], assume_a="pos") ** 2) / wanted.size
        self.chosen_gamma = float(gammas[np.argmin(self.errors)])
        scale = sigma / (sigma**2 + self.chosen_gamma)
        self.weights = (vt.T @ (scale[:, np.newaxis] * projected)).T
        return self

    @checked(
        features=array(),
    )
    def predict(self, features: Any) -> np.ndarray:
        """Return the readout W x.

        Parameters
        ----------
        features : array_like, shape (time, feature)
            Activity.

        Returns
        -------
        ndarray, shape (time, output)

        Raises
        ------
        ValueError
            If it is not fitted yet, the number of features is another, or an entry is not finite.
        """
        if not hasattr(self, "weights"):
            raise ValueError("the readout has no weights, expected a fitted one; call fit first")
        features = np.asarray(features, dtype=float)
        n_features = self.weights.shape[1] - bool(self.bias)
        if features.ndim != 2 or features.shape[1] != n_features:
            raise ValueError(f"features has shape {features.shape}, expected (time, {n_features}); use those of fit")
        return self._inputs(features) @ self.weights.T

    def _inputs(self, features: np.ndarray) -> np.ndarray:
        """Return the features with their constant input, if there is one."""
        return np.column_stack([features, np.ones(len(features))]) if self.bias else features

    def _folds(self, trial: Any, n_samples: int, n_gammas: int) -> list[np.ndarray]:
        """Return the samples of each fold."""
        trial = np.zeros(n_samples) if trial is None else _labels(trial)
        if trial.shape != (n_samples,):
            raise ValueError(f"trial has shape {trial.shape}, expected ({n_samples},); give one label a sample")
        labels, number = np.unique(trial, return_inverse=True)
        n_folds = len(labels) if self.n_folds is None else self.n_folds
        if len(labels) < max(2, n_folds):
            raise ValueError(
                f"trial holds {len(labels)} trials, expected at least {max(2, n_folds)} to choose among "
                f"{n_gammas} penalties; record more, or give one gamma"
            )
        return [np.flatnonzero(number % n_folds == fold) for fold in range(n_folds)]
