"""Heterogeneous Izhikevich networks that learn, in Brian2."""

from hetbrian._support.errors import DivergenceError
from hetbrian.analysis.activity import exponential_activity, gaussian_activity
from hetbrian.network import (
    AllToAll,
    Constant,
    Distribution,
    Drive,
    Gamma,
    Gaussian,
    Izhikevich,
    LogNormal,
    Lorentzian,
    Uniform,
    double_exponential,
    gating,
    population,
    pulses,
    random_weights,
    recurrent,
    single_exponential,
    temporal_signal,
)
from hetbrian.readout import (
    FORCE,
    RLS,
    RecursiveLeastSquares,
    Ridge,
    Target,
    lorenz,
    ode_to_joy,
    product_of_sines,
    resynthesise,
    ridge,
    sine,
    sound,
)
from hetbrian.simulation import Guard, Program, SampledMonitor, load, load_state, save, save_state, simulate

__version__ = "0.1.0"
