"""Heterogeneous Izhikevich networks that learn, in Brian2."""

from hetbrian.activity import exponential_activity, gaussian_activity
from hetbrian.checkpoint import load_state, save_state
from hetbrian.distribution import Constant, Distribution, Gamma, Gaussian, LogNormal, Lorentzian, Uniform
from hetbrian.drive import Drive, pulses, temporal_signal
from hetbrian.force import FORCE
from hetbrian.guard import DivergenceError, Guard
from hetbrian.network import (
    AllToAll,
    double_exponential,
    gating,
    population,
    random_weights,
    recurrent,
    single_exponential,
)
from hetbrian.neuron import Izhikevich
from hetbrian.program import Program
from hetbrian.readout import RecursiveLeastSquares, ridge
from hetbrian.recording import load, save
from hetbrian.ridgeregression import Ridge
from hetbrian.rls import RLS
from hetbrian.sampling import SampledMonitor
from hetbrian.simulate import simulate
from hetbrian.sound import resynthesise, sound
from hetbrian.target import Target, lorenz, ode_to_joy, product_of_sines, sine

__version__ = "0.1.0"
