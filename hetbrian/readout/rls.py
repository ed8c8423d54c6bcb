"""Online ridge regression as a Brian2 object."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import NeuronGroup, Quantity, TimedArray, ms, second

from hetbrian._support.checks import check_units
from hetbrian.readout.force import FORCE


class RLS(FORCE):
    r"""
    A linear readout z = W r that learns a target by recursive least squares while the network runs.

    After samples at times :math:`t_1 \dots t_n` its weights minimise

    .. math:: \sum_k |W r(t_k) - y(t_k)|^2 + \gamma |W|^2

    as those of `hetbrian.readout.offline.Ridge` with one penalty. It is `FORCE` without encoder, with the rule of
    textbook least squares and P(0) = 1/gamma. Not for driving the network with its output: see `FORCE`.

    Parameters
    ----------
    source : NeuronGroup
        The population, with a filtered activity r: exponential synapses, or ``gating(tau_r)``.
    target : Target, TimedArray or str
        As `FORCE`.
    gamma : float
        Ridge penalty, more than 0.
    start, stop : Quantity [second]
        The readout learns at times start <= t < stop.
    every : Quantity [second]
        Interval between two samples, a multiple of the time step.
    bias : bool
        Whether the readout also sees a constant 1.
    n_outputs : int, optional
        Number of outputs, needed only if ``target`` is code for more than one.
    activity : str
        Name of r in the source.
    namespace : dict, optional
        Names that the target's code uses.
    name : str
        Name of the group.

    Raises
    ------
    ValueError
        If gamma is not positive, or as `FORCE`.
    DimensionMismatchError
        If a time has the wrong unit.
    NotImplementedError
        If hetbrian has no code for the active device.

    References
    ----------
    Haykin (2014), Adaptive Filter Theory, Table 10.1, with lambda = 1 and delta = gamma.
    """

    @check_units(start=second, stop=second, every=second)
    def __init__(
        self,
        source: NeuronGroup,
        target: TimedArray | str,
        *,
        gamma: float = 1e-3,
        start: Quantity = 0 * second,
        stop: Quantity = np.inf * second,
        every: Quantity = 1 * ms,
        bias: bool = False,
        n_outputs: int | None = None,
        activity: str = "r",
        namespace: Mapping[str, Any] | None = None,
        name: str = "rls*",
    ) -> None:
        if not 0 < gamma < np.inf:
            raise ValueError(f"gamma is {gamma}, expected a finite number above 0: P starts at 1/gamma.")
        super().__init__(
            source,
            target,
            start=start,
            stop=stop,
            every=every,
            initial_P=1 / gamma,
            rule="posterior",
            bias=bias,
            n_outputs=n_outputs,
            activity=activity,
            namespace=namespace,
            name=name,
        )
