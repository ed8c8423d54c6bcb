"""The neurons that NIR has, and which equations each is in Brian2."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Neuron:
    """
    Hold one of NIR's neurons as Brian2 writes it.

    Parameters
    ----------
    equations : str
        Of the variables that change, for Euler's method. ``bias`` is the constant part of the input, and ``x`` the
        spikes of this step: it is 0 after the next one.
    receives : str
        Variable that spikes change.
    fires : bool
        Whether it has threshold and reset.
    """

    equations: str
    receives: str
    fires: bool


_LEAKY = "dv/dt = (v_leak - v + r*(bias + x))/tau : 1\ndx/dt = -x/dt : 1"
_PERFECT = "dv/dt = r*(bias + x)/second : 1\ndx/dt = -x/dt : 1"
_CURRENT = "dv/dt = (v_leak - v + r*I)/tau_mem : 1\ndI/dt = (w_in*bias - I)/tau_syn : 1"

NEURONS = {
    "LIF": Neuron(_LEAKY, "x", True),
    "LI": Neuron(_LEAKY, "x", False),
    "IF": Neuron(_PERFECT, "x", True),
    "I": Neuron(_PERFECT, "x", False),
    "CubaLIF": Neuron(_CURRENT, "I", True),
    "CubaLI": Neuron(_CURRENT, "I", False),
}
"""By the name of NIR's class."""

OF_FIRING = ("v_threshold", "v_reset")
"""Parameters of neurons that fire."""
