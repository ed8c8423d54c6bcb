"""Delays that are trained: a synapse's weight shared out among time steps around its delay."""

from dataclasses import dataclass

from brian2 import Quantity, Synapses, second
from brian2.core.variables import ArrayVariable

from hetbrian._support.optional import torch
from hetbrian.torch.limits import refused
from hetbrian.torch.units import UnitSystem

NARROWEST = 0.5
"""Standard deviation of delays that are trained, in time steps, unless it is set."""


def shares(delays, longest, sigma):
    r"""
    Return how much of each synapse's weight arrives after how many time steps.

    .. math:: a_{kj} = \exp(-(k - d_j)^2/2\sigma^2) \Big/ \sum_{k'} \exp(-(k' - d_j)^2/2\sigma^2)

    which has a gradient by the delay d also where it is a whole number of steps; for sigma = 0 all arrives after the
    nearest number of steps, as in Brian2.

    Parameters
    ----------
    delays : Tensor, shape (synapse,)
        In time steps; what is beyond 0 or the longest is taken as that, and has its gradient.
    longest : int
        Longest delay in time steps.
    sigma : float
        Standard deviation in time steps.

    Returns
    -------
    Tensor, shape (longest + 1, synapse)

    References
    ----------
    Hammouamri, Khalfaoui-Hassani & Masquelier 2024, doi 10.48550/arXiv.2306.17670, section 3.2.

    Examples
    --------
    >>> shares(torch.tensor([0.0, 1.4]), 2, 0.0).tolist()
    [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
    >>> [round(share, 2) for share in shares(torch.tensor([1.0]), 2, 0.5)[:, 0].tolist()]
    [0.11, 0.79, 0.11]
    """
    delays = delays + (delays.clamp(0, longest) - delays).detach()  # at an end it can still go back
    steps = torch.arange(longest + 1, device=delays.device).unsqueeze(1)
    if not sigma:
        return ((delays + 0.5).floor() == steps).to(delays.dtype)
    return torch.softmax(-((steps - delays) ** 2) / (2 * sigma**2), 0)


@dataclass(frozen=True)
class TrainedDelays:
    """
    What delays are trained within.

    Parameters
    ----------
    longest : int
        Longest delay in time steps.
    step : float
        Time step in the unit of the delays.
    """

    longest: int
    step: float


def read_delays(synapses: Synapses, longest: Quantity | None, dt: Quantity, units: UnitSystem) -> TrainedDelays:
    """
    Return within what the delays of synapses are trained.

    Parameters
    ----------
    synapses : Synapses
        With a delay each.
    longest : Quantity [second]
        Longest delay.
    dt : Quantity [second]
        Time step.
    units : UnitSystem
        Unit system of the module.

    Returns
    -------
    TrainedDelays

    Raises
    ------
    ExportError
        If there is one delay for all.
    ValueError
        If the longest is not given, shorter than a time step, or than a delay that is there.
    """
    if longest is None:
        raise ValueError(
            f"longest_delay is None, expected a time, as the delays of {synapses.name} are trained: give 20*ms, say."
        )
    variable = own_delays(synapses)
    steps, found = int(float(longest) / float(dt) + 0.5), Quantity(variable.get_value().max(), dim=second.dim)
    if steps < 1 or found > steps * dt:
        raise ValueError(
            f"longest_delay is {longest}, expected a time step of {dt} or more and no less than {found}, the longest "
            f"delay of {synapses.name}: give a longer time."
        )
    return TrainedDelays(steps, float(units.from_si(float(dt), second.dim)))


def own_delays(synapses: Synapses) -> ArrayVariable:
    """
    Return the variable of Brian2 that holds the delay of each of the synapses.

    Parameters
    ----------
    synapses : Synapses
        With one pathway.

    Returns
    -------
    ArrayVariable

    Raises
    ------
    ExportError
        If there is one delay for all.
    """
    (pathway,) = synapses._pathways
    if pathway.variables["delay"].scalar:
        raise refused("one delay", f"{synapses.name} has one delay for all its synapses", "a delay each to train them")
    return pathway.variables["delay"]
