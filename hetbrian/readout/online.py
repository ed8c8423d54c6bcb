"""Recursive least squares on arrays: the readable version of what FORCE does inside a network."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from hetbrian._support.allowed import FORGETTING, Allowed
from hetbrian._support.arguments import checked
from hetbrian._support.checks import choice, count, flag, numbers, shown

LEARNING = {
    "initial_P": Allowed("a finite number above 0", "1 to 10 is usual", low=0.0, high=np.inf, included=(False, False)),
    "forgetting": FORGETTING,
}
"""What the parameters of recursive least squares may be."""

RULES = ("prior", "posterior")
"""Whether the weights move before or after the update of P."""


def precision(value: Any, name: str) -> None:
    """Refuse what is no precision of floating-point numbers that kernels have."""
    try:
        known = value is not None and np.dtype(value) in (np.float64, np.float32)
    except (TypeError, ValueError):
        known = False
    if not known:
        raise ValueError(f"{name} = {shown(value)}, expected 'float64' or 'float32'; choose one of them")


def check_learning(initial_P: float, forgetting: float, rule: str, dtype: Any) -> None:
    """Refuse what no recursive least squares can start from."""
    LEARNING["initial_P"](initial_P, "initial_P")
    LEARNING["forgetting"](forgetting, "forgetting")
    choice(rule, "rule", RULES)
    precision(dtype, "dtype")


class RecursiveLeastSquares:
    """Learn a linear readout y = W x one sample at a time.

    With c = P x, P before the update, lambda the forgetting factor, and error e = W x - y before the update::

        P <- (P - c c^T / (lambda + x^T c)) / lambda
        W <- W - e k^T

    where the gain k is P x after the update of P, that is c/(lambda + x^T c), for ``rule="posterior"``:
    recursive least squares [1]_, whose weights solve the problem of `ridge` with gamma = 1/`initial_P` at
    every step. ``rule="prior"`` takes k = c instead, as the published script of [2]_ does. That is no least
    squares: its steps are longer by the factor lambda + x^T c, so while P is large it overshoots the target.

    Not for running inside a network: see `hetbrian.readout.force`, whose kernels are tested against this class.

    Parameters
    ----------
    n_features : int
        Number of inputs, without the bias.
    n_outputs : int
        Number k of outputs.
    initial_P : float, optional
        P(0) is this times the identity; the reciprocal of a ridge penalty.
    forgetting : float, optional
        Forgetting factor lambda per update, 0 < lambda <= 1.
    bias : bool, optional
        Append a constant input of 1; its weight is penalised like the others.
    rule : {"posterior", "prior"}, optional
        The gain, as above.
    dtype : {"float64", "float32"}, optional
        Type of `weights` and `P`, and of every product.

    Attributes
    ----------
    weights : ndarray, shape (output, feature) or, with bias, (output, feature + 1)
        Weights W, zero at first.
    P : ndarray, shape (feature, feature) or, with bias, one more each
        Running inverse of the penalised covariance of the inputs; symmetric to the last bit.
    n_updates : int
        How many samples were learnt.

    Raises
    ------
    ValueError
        If `n_features` or `n_outputs` is below 1, `initial_P` is not positive, `forgetting` is outside
        (0, 1], or `rule` or `dtype` is unknown.

    References
    ----------
    .. [1] Sussillo & Abbott (2009), doi:10.1016/j.neuron.2009.07.018, Eqs. 4 and 5.
    .. [2] Nicola & Clopath (2017), doi:10.1038/s41467-017-01827-3, scripts in ModelDB 190565.

    Examples
    --------
    >>> rls = RecursiveLeastSquares(n_features=1, n_outputs=1, initial_P=0.2)
    >>> rls.update([1.0], [2.0]).tolist(), rls.update([2.0], [4.0]).round(4).tolist()
    ([-2.0], [-3.3333])
    >>> rls.weights.round(12).tolist()  # as the ridge fit with gamma = 5
    [[1.0]]
    """

    @checked(
        n_features=count,
        n_outputs=count,
        bias=flag,
    )
    def __init__(
        self,
        n_features: int,
        n_outputs: int,
        initial_P: float = 1.0,
        forgetting: float = 1.0,
        bias: bool = False,
        rule: Literal["posterior", "prior"] = "posterior",
        dtype: Any = "float64",
    ) -> None:
        check_learning(initial_P, forgetting, rule, dtype)
        self.n_features = n_features
        self.n_outputs = n_outputs
        self.initial_P = initial_P
        self.forgetting = forgetting
        self.bias = bias
        self.rule = rule
        self.dtype = dtype
        n_inputs = n_features + bool(bias)
        self.weights = np.zeros((n_outputs, n_inputs), dtype=dtype)
        self.P = np.diag(np.full(n_inputs, initial_P, dtype=dtype))
        self.n_updates = 0

    def __repr__(self) -> str:
        return (
            f"RecursiveLeastSquares(n_features={self.n_features}, n_outputs={self.n_outputs}, "
            f"initial_P={self.initial_P}, forgetting={self.forgetting}, bias={self.bias}, "
            f"rule={self.rule!r}, dtype={np.dtype(self.dtype).name!r})"
        )

    def predict(self, activity: Any) -> np.ndarray:
        """Return the readout W x.

        Parameters
        ----------
        activity : array_like, shape (feature,) or (time, feature)
            Activity x, of one moment or of many.

        Returns
        -------
        ndarray, shape (output,) or (time, output)
            The readout.

        Raises
        ------
        ValueError
            If the last axis of `activity` is not `n_features` long, or an entry is not finite.
        """
        return self._inputs(activity) @ self.weights.T

    def update(self, activity: Any, target: Any) -> np.ndarray:
        """Learn one sample.

        Parameters
        ----------
        activity : array_like, shape (feature,)
            Activity x.
        target : array_like, shape (output,)
            Target y.

        Returns
        -------
        ndarray, shape (output,)
            The error W x - y before the update.

        Raises
        ------
        ValueError
            If a shape does not match, an entry is not finite, or `forgetting` is outside (0, 1].
        """
        x = self._inputs(activity)  # (input,)
        y = numbers(target, "target", dtype=self.dtype)
        if x.ndim != 1 or y.shape != (self.n_outputs,):
            raise ValueError(
                f"activity and target have shapes {np.shape(activity)} and {y.shape}, expected "
                f"({self.n_features},) and ({self.n_outputs},); give one sample at a time"
            )
        LEARNING["forgetting"].check("forgetting", self.forgetting)  # which may have been set since
        error = self.weights @ x - y  # (output,)
        Px = self.P @ x  # (input,)
        scale = self.forgetting + x @ Px
        gain = Px / scale if self.rule == "posterior" else Px  # (input,)
        self.weights -= np.outer(error, gain)
        self.P = (self.P - np.outer(Px, Px) / scale) / self.forgetting
        self.n_updates += 1
        return error

    def _inputs(self, activity: Any) -> np.ndarray:
        """Return the activity with its constant input, if there is one."""
        x = numbers(activity, "activity", dtype=self.dtype)
        if x.ndim not in (1, 2) or x.shape[-1] != self.n_features:
            raise ValueError(
                f"activity has shape {x.shape}, expected ({self.n_features},) or (time, {self.n_features}); "
                f"give one column a feature"
            )
        return np.concatenate([x, np.ones_like(x[..., :1])], axis=-1) if self.bias else x
