"""Online ridge regression as a Brian2 object."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import NeuronGroup, Quantity, TimedArray, ms, second

from hetbrian._support.allowed import Allowed
from hetbrian._support.arguments import checked
from hetbrian.codegen.interval import Law
from hetbrian.readout.force import FORCE

GAMMA = Allowed("a finite number above 0", "P starts at 1/gamma", low=0.0, high=np.inf, included=(False, False))
"""What a ridge penalty may be."""


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
    every : Quantity [second], or Distribution of times
        Interval between two samples, a multiple of the time step, or the law of random ones, as `FORCE`.
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
    largest_output : float
        As `FORCE`.
    rng : numpy.random.Generator, optional
        Where random intervals come from.
    networks : int
        As `FORCE`: networks of the same size that the source consists of, each with weights of its own.

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

    @checked(
        gamma=GAMMA,
    )
    def __init__(
        self,
        source: NeuronGroup,
        target: TimedArray | str,
        *,
        gamma: float = 1e-3,
        start: Quantity = 0 * second,
        stop: Quantity = np.inf * second,
        every: Quantity | Law = 1 * ms,
        bias: bool = False,
        n_outputs: int | None = None,
        activity: str = "r",
        namespace: Mapping[str, Any] | None = None,
        name: str = "rls*",
        largest_output: float = 1000.0,
        rng: np.random.Generator | None = None,
        networks: int = 1,
    ) -> None:
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
            largest_output=largest_output,
            rng=rng,
            networks=networks,
        )
