"""What a simulated time may be: positive, and a number of time steps that can be counted."""

import numpy as np
from brian2 import Network, Quantity, second

from hetbrian._support.allowed import Allowed

DURATION = Allowed("a positive time", "give it in seconds", low=0.0, high=np.inf, included=(False, False), unit=second)
"""What a simulated time may be."""

MOST_STEPS = 2**53
"""Beyond so many time steps a float cannot count them."""


def check_steps(network: Network, time: Quantity | float, name: str = "duration", least: int = 1) -> None:
    """Refuse a time, in seconds if it has no unit, that no clock, or not every clock, of the network can count."""
    steps = [float(time) / float(item.clock.dt) for item in network.sorted_objects]
    if steps and (max(steps) < least - 1e-6 or max(steps) > MOST_STEPS):
        raise ValueError(
            f"{name} is {time}, {max(steps):.3g} time steps, expected at least {least} and at most "
            f"{MOST_STEPS}, which a number can count: change it."
        )
