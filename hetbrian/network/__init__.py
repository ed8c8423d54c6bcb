"""What is simulated: the neuron, its reset, how neurons differ, synapses, drives, as Brian2 objects."""

from hetbrian.network.connections import random_weights, recurrent
from hetbrian.network.distribution import Distribution
from hetbrian.network.drive import Drive, pulses, temporal_signal
from hetbrian.network.empirical import Empirical
from hetbrian.network.fit import Fit
from hetbrian.network.heterogeneity import Heterogeneity
from hetbrian.network.laws import Constant, Gamma, Gaussian, LogNormal, Lorentzian, Uniform
from hetbrian.network.neuron import Izhikevich
from hetbrian.network.populations import population
from hetbrian.network.reset import Reset
from hetbrian.network.shared import AllToAll, SharedAdaptation
from hetbrian.network.synapses import Synapse, double_exponential, gating, single_exponential
from hetbrian.network.truncated import Truncated

__all__ = [
    "AllToAll", "Constant", "Distribution", "Drive", "Empirical", "Fit", "Gamma", "Gaussian", "Heterogeneity",
    "Izhikevich", "LogNormal", "Lorentzian", "Reset", "SharedAdaptation", "Synapse", "Truncated", "Uniform",
    "double_exponential", "gating", "population", "pulses", "random_weights", "recurrent", "single_exponential",
    "temporal_signal",
]  # fmt: skip
