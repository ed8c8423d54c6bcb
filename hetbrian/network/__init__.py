"""What is simulated: the neuron, its reset, how neurons differ, synapses, drives, as Brian2 objects."""

from hetbrian.network.connections import random_weights, recurrent
from hetbrian.network.distribution import (
    Constant,
    Distribution,
    Gamma,
    Gaussian,
    LogNormal,
    Lorentzian,
    Truncated,
    Uniform,
)
from hetbrian.network.drive import Drive, pulses, temporal_signal
from hetbrian.network.neuron import Izhikevich
from hetbrian.network.populations import population
from hetbrian.network.shared import AllToAll, SharedAdaptation
from hetbrian.network.synapses import Synapse, double_exponential, gating, single_exponential

__all__ = [
    "AllToAll", "Constant", "Distribution", "Drive", "Gamma", "Gaussian", "Izhikevich", "LogNormal", "Lorentzian",
    "SharedAdaptation", "Synapse", "Truncated", "Uniform", "double_exponential", "gating", "population", "pulses",
    "random_weights", "recurrent", "single_exponential", "temporal_signal",
]  # fmt: skip
