"""FORCE and recursive least squares as a Brian2 network operation: the version to read, and to change."""

from typing import Any

import numpy as np
from brian2 import NetworkOperation
from numpy.typing import NDArray

from hetbrian.readout.online import RecursiveLeastSquares


class ReadoutOperation(NetworkOperation):
    r"""
    What `FORCE` does in a time step: :math:`z = \Phi r`, :math:`I_{feedback} = E z`, and `learn` if it is due.

    The generated code of every device is tested against it. It runs with ``FORCE(..., reference=True)``, after
    the target y of the step was computed; `learn` is where the rule stands. To try another one, derive a class and
    give it: ``FORCE(..., reference=MyOperation)``. Not for standalone devices, which ignore network operations, and
    not quick: each update copies P.

    Parameters
    ----------
    force : FORCE
        The readout, whose variables it reads and writes.

    Attributes
    ----------
    force : FORCE
        The readout.
    rls : RecursiveLeastSquares
        The rule on arrays; its weights are those of the readout.

    Examples
    --------
    The least mean squares rule instead, for a readout without bias:

    >>> class LeastMeanSquares(ReadoutOperation):
    ...     def learn(self, activity, target):
    ...         error = self.rls.predict(activity) - target
    ...         self.rls.weights -= 0.01 * np.outer(error, activity)
    """

    def __init__(self, force: Any) -> None:
        self.force = force
        names = ("_activity", "_feedback", "_encoder", "_weights", "_is_due", "z", "y", "n_updates")
        self._arrays = {name: force.variables[name].get_value() for name in names if name in force.variables}
        self.rls = RecursiveLeastSquares(
            len(force.source), len(force), bias=force.bias, rule=force.rule, dtype=force.variables["_P"].dtype
        )
        self._share_weights()
        super().__init__(self.step, clock=force.clock, when="end", order=1, name=f"{force.name}_operation")

    def step(self) -> None:
        """Do one time step."""
        arrays = self._arrays
        r, z = arrays["_activity"], arrays["z"]
        z[:] = self.rls.predict(r)
        if self.force.has_feedback:
            arrays["_feedback"][:] = z @ arrays["_encoder"].reshape(len(z), -1)
        if arrays["_is_due"][0]:
            self.force.check_sample(self.force.clock.variables["t"].get_value()[0])
            self.learn(r, arrays["y"])
            arrays["_weights"][:] = self.rls.weights.ravel()  # which a rule may have made anew
            self._share_weights()
            arrays["n_updates"][0] += 1
        if self.force.is_random:
            self.force.tick(self.force.clock.variables["timestep"].get_value()[0])

    def _share_weights(self) -> None:
        """Let the rule on arrays see the memory of the readout's weights, which the user may set."""
        self.rls.weights = self._arrays["_weights"].reshape(self.rls.weights.shape)

    def learn(self, activity: NDArray[np.float64], target: NDArray[np.float64]) -> None:
        """
        Move the weights, and P, by one sample.

        Parameters
        ----------
        activity : ndarray, shape (n_neurons,)
            r of this step.
        target : ndarray, shape (n_outputs,)
            y of this step.
        """
        force, rls = self.force, self.rls
        rls.P, rls.forgetting = force.P.astype(rls.dtype), force.variables["forgetting"].get_value()[0]
        rls.update(activity, target)
        force.restore({"_P": rls.P.ravel(), "_gain": np.zeros(1)})  # nothing pending
