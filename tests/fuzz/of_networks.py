"""Calls of the rooms network, codegen, readout and simulation."""

import numpy as np
from brian2 import Clock, Hz, Network, NeuronGroup, kHz, ms, mV, nS, pA, pF, second

from hetbrian import network, readout, simulation
from hetbrian.network import Izhikevich
from tests.fuzz.calls import Call

CA3 = Izhikevich.CA3.dimensionless()


def rng():
    return np.random.default_rng(1)


def neurons(synapse=None, **options):
    synapse = network.single_exponential() if synapse is None else synapse
    return network.population(3, Izhikevich.FORCE, synapse, feedback=True, clock=Clock(0.1 * ms), **options)


def coupled():
    return network.population(3, CA3, network.gating(), clock=Clock(0.1 * ms), adaptation="shared")


def force(**options):
    return readout.FORCE(neurons(), "sin(5*Hz*t)", np.ones(3) * pA, start=0 * ms, stop=2 * ms, **options)


def model(rng):
    group = NeuronGroup(2, "dv/dt = -v/tau : 1\ntau : second", clock=Clock(0.1 * ms), namespace={}, name="neurons")
    group.v, group.tau = 1, 10 * ms
    return Network(group)


def program():
    return simulation.Program(model, 2 * ms, device="numpy", record="v")


def reused(**arguments):
    with simulation.reused(**arguments) as found:
        return found.run()


def ridge(fitted=False, **options):
    made = readout.Ridge(**options)
    return made.fit(FEATURES, TARGET) if fitted else made


def saved():
    path, group = "right.npz", force(name="force")
    group.save(path)
    return path


def state():
    path, found = "right.npz", Network(force(name="force"), neurons(name="others"))
    simulation.save_state(found, path)
    return path


FEATURES, TARGET = np.random.default_rng(2).random((12, 2)), np.linspace(0.1, 1, 12)
LAWS = network.Heterogeneity(eta=network.Gaussian(900 * pA, 10 * pA), g=1.0, theta=network.Uniform(0.1, 0.3))
GAUSS, SET = network.Gaussian(2.0, 0.5), Izhikevich.FORCE
DATASET = {"a": ("x", [1.0, 2.0])}
SIGNAL = {"dt": 1 * ms, "name": "signal*"}


def dataset():
    import xarray

    return xarray.Dataset(DATASET)


NETWORK = {
    "AllToAll": lambda: Call(
        network.AllToAll, {"neurons": coupled(), "parameters": CA3, "method": "euler", "name": "gating"}
    ),
    "Constant": lambda: Call(network.Constant, {"value": 3 * pA}),
    "Distribution": lambda: Call(lambda size: GAUSS.quantiles(size), {"size": 4}),
    "Distribution.draw": lambda: Call(GAUSS.draw, {"size": 4, "rng": rng()}),
    "Distribution.quantiles": lambda: Call(GAUSS.quantiles, {"size": 4}),
    "Distribution.truncated": lambda: Call(GAUSS.truncated, {"low": 1.0, "high": 3.0}),
    "Distribution.fit": lambda: Call(network.Distribution.fit, {"values": TARGET}),
    "Drive": lambda: Call(network.Drive, {"expression": "x", "namespace": {"x": 1}}),
    "Empirical": lambda: Call(network.Empirical, {"values": TARGET, "interpolate": True}),
    "Gamma": lambda: Call(network.Gamma, {"mean": 2 * pA, "shape": 1.0}),
    "Gaussian": lambda: Call(network.Gaussian, {"mean": 2 * pA, "standard_deviation": 1 * pA}),
    "Heterogeneity": lambda: Call(network.Heterogeneity, {"eta": 2 * pA, "g": 1.0, "theta": 0.1}),
    "Heterogeneity.lorentzian": lambda: Call(
        network.Heterogeneity.lorentzian,
        {"eta": 2 * pA, "g": 1.0, "theta": 0.1, "eta_half_width": 1 * pA, "g_half_width": 0.1, "theta_half_width": 0.1,
         "bounds": {"theta": (0.0, 1.0)}, "cut": 4.0},
    ),
    "Heterogeneity.draw": lambda: Call(LAWS.draw, {"n_neurons": 4, "rng": rng()}),
    "Heterogeneity.quantiles": lambda: Call(LAWS.quantiles, {"n_neurons": 4, "rng": rng()}),
    "Heterogeneity.values": lambda: Call(LAWS.values, {"n_neurons": 4, "rng": rng(), "name": "neurons"}),
    "Izhikevich": lambda: Call(
        Izhikevich,
        {"C": 250 * pF, "k": 2.5 * nS / mV, "v_r": -60 * mV, "v_t": -20 * mV, "v_peak": 30 * mV, "v_reset": -65 * mV,
         "beta": -2 * nS, "tau_w": 100 * ms, "w_jump": 200 * pA, "eta": 1000 * pA, "g": 1.0, "E": 0 * mV,
         "tau_s": 4 * ms, "s_jump": 1.2, "source": "me"},
    ),
    "Izhikevich.equations": lambda: Call(SET.equations, {"coupling": "current", "adaptation": "own"}),
    "Izhikevich.replace": lambda: Call(lambda C, s_jump: SET.replace(C=C, s_jump=s_jump), {"C": 1 * pF, "s_jump": 1.0}),
    "Izhikevich.dimensional": lambda: Call(CA3.dimensional, {"like": Izhikevich.CA3}),
    "LogNormal": lambda: Call(network.LogNormal, {"median": 2 * pA, "sigma": 1.0}),
    "Lorentzian": lambda: Call(network.Lorentzian, {"centre": 2 * pA, "half_width": 1 * pA}),
    "Reset": lambda: Call(
        network.Reset,
        {"name": "mine", "statement": "v = v_reset", "highest_theta": 0.5, "depends_on_dt": False, "mean": print},
    ),
    "Reset.of": lambda: Call(network.Reset.of, {"rule": "residual"}, says={"rule": ("reset",)}),
    "Reset.check": lambda: Call(network.Reset.of("residual").check, {"theta": np.array([0.1, 0.2])}),
    "Reset.mean_potential": lambda: Call(
        network.Reset.of("residual").mean_potential, {"neuron": CA3, "theta": np.array([0.1, 0.2]), "dt": 0.01}
    ),
    "Reset.theta_below_threshold": lambda: Call(network.Reset.of("retain").theta_below_threshold, {"neuron": CA3}),
    "SharedAdaptation": lambda: Call(
        network.SharedAdaptation, {"neurons": coupled(), "parameters": CA3, "method": "euler", "name": "adaptation"}
    ),
    "Synapse": lambda: Call(
        network.Synapse,
        {"kind": "x", "coupling": "current", "equations": "I_syn = 0*amp : amp", "namespace": {}, "on_pre": "",
         "on_spike": ""},
    ),
    "Truncated": lambda: Call(network.Truncated, {"distribution": GAUSS, "low": 1.0, "high": 3.0}),
    "Uniform": lambda: Call(network.Uniform, {"low": 2 * pA, "high": 3 * pA}),
    "double_exponential": lambda: Call(network.double_exponential, {"tau_r": 2 * ms, "tau_d": 20 * ms}),
    "gating": lambda: Call(network.gating, {"tau_r": 2 * ms}),
    "population": lambda: Call(
        network.population,
        {"n_neurons": 3, "parameters": SET, "synapse": network.single_exponential(), "eta": np.ones(3) * pA,
         "g": np.ones(3), "theta": np.array([0, 0.1, 0.2]), "v": np.ones(3) * mV, "drive": network.Drive("0*amp", {}),
         "clock": Clock(0.1 * ms)},
    ),
    "pulses": lambda: Call(
        network.pulses,
        {"amplitude": 1 * pA, "starts": np.array([1, 3]) * ms, "duration": 1 * ms, "sigma": 1 * ms, "span": 20 * ms,
         "resolution": 1 * ms},
    ),
    "random_weights": lambda: Call(
        network.random_weights, {"n_neurons": 4, "gain": 2 * pA, "probability": 0.5, "rng": rng()}
    ),
    "recurrent": lambda: Call(
        network.recurrent, {"neurons": neurons(), "gain": 2 * pA, "probability": 0.5, "rng": rng()}
    ),
    "single_exponential": lambda: Call(network.single_exponential, {"tau_d": 2 * ms}),
    "temporal_signal": lambda: Call(
        network.temporal_signal,
        {"n_pulses": 4, "period": 2 * ms, "n_neurons": 3, "amplitude": 80 * pA, "dt": 0.1 * ms, "rng": rng()},
        says={"dt": ("time step", "time steps")},
    ),
}  # fmt: skip

READOUT = {
    "FORCE": lambda: Call(
        readout.FORCE,
        {"source": neurons(), "target": "sin(5*Hz*t)", "encoder": np.ones(3) * pA, "start": 1 * ms, "stop": 2 * ms,
         "every": 1 * ms, "n_outputs": 1, "namespace": {}, "rng": rng()},
        says={"n_outputs": ("outputs",)},
    ),
    "FORCE.run_value": lambda: Call(
        lambda weights: force().run_value("weights", weights), {"weights": np.ones((1, 3))}
    ),
    "FORCE.save": lambda: Call(force().save, {"path": "new.npz"}),
    "FORCE.load": lambda: Call(force().load, {"path": saved(), "learn": False}),
    "RLS": lambda: Call(
        readout.RLS,
        {"source": neurons(), "target": "sin(5*Hz*t)", "start": 1 * ms, "stop": 2 * ms, "every": 1 * ms,
         "n_outputs": 1, "namespace": {}, "rng": rng()},
    ),
    "RecursiveLeastSquares": lambda: Call(readout.RecursiveLeastSquares, {"n_features": 2, "n_outputs": 1}),
    "RecursiveLeastSquares.predict": lambda: Call(
        readout.RecursiveLeastSquares(2, 1).predict, {"activity": np.array([0.1, 0.2])}
    ),
    "RecursiveLeastSquares.update": lambda: Call(
        readout.RecursiveLeastSquares(2, 1).update, {"activity": np.array([0.1, 0.2]), "target": np.array([0.1])}
    ),
    "Ridge": lambda: Call(readout.Ridge, {"gamma": 0.1, "n_folds": 3, "bias": True}),
    "Ridge.fit": lambda: Call(
        ridge(gamma=(0.1, 1.0)).fit, {"features": FEATURES, "target": TARGET, "trial": np.arange(12) // 4},
        says={"features": ("record",)},
    ),
    "Ridge.predict": lambda: Call(ridge(fitted=True).predict, {"features": FEATURES}),
    "Target": lambda: Call(
        readout.Target, {"values": TARGET[:, None], "dt": 1 * ms, "output_names": ["x"], "name": "target*"}
    ),
    "Target.expression": lambda: Call(readout.Target(TARGET[:, None], 1 * ms).expression, {"output": "i"}),
    "Target.samples": lambda: Call(readout.Target(TARGET[:, None], 1 * ms).samples, {"times": np.arange(3) * ms}),
    "lorenz": lambda: Call(
        readout.lorenz, {"duration": 0.1 * second, "time_scale": 1 * second, "initial": (1.0, 1.0, 1.0), **SIGNAL}
    ),
    "ode_to_joy": lambda: Call(readout.ode_to_joy, {"quarter": 0.5 * second, "bars": 1, **SIGNAL}),
    "product_of_sines": lambda: Call(readout.product_of_sines, {"frequencies": np.array([4, 6]) * Hz, **SIGNAL}),
    "resynthesise": lambda: Call(
        readout.resynthesise,
        {"envelopes": np.ones((20, 3)), "dt": 1 * ms, "low": 0.5 * kHz, "high": 8 * kHz, "dynamic_range": 40.0,
         "rate": 44.1 * kHz},
    ),
    "ridge": lambda: Call(
        readout.ridge, {"features": FEATURES, "target": TARGET, "gamma": 0.1, "bias": False, "forgetting": 1.0}
    ),
    "sine": lambda: Call(readout.sine, {"frequency": 5 * Hz, "amplitude": 1.0, "phase": 0.0, **SIGNAL}),
    "sound": lambda: Call(
        readout.sound,
        {"path": wave(), "n_bands": 3, "dt": 1 * ms, "low": 0.5 * kHz, "high": 2 * kHz, "smoothing": 10 * ms},
    ),
}  # fmt: skip


def wave(path="right.wav"):
    from scipy.io import wavfile

    wavfile.write(path, 8000, (1000 * np.sin(np.arange(800))).astype(np.int16))
    return path


RUN = {"duration": 2 * ms, "seed": 1, "record": "v", "record_dt": 1 * ms, "device": "numpy", "parameters": {}}

SIMULATION = {
    "Guard": lambda: Call(
        simulation.Guard,
        {"source": neurons(), "variable": "v", "every": 1 * ms, "name": "guard*", "highest_rate": 1 * kHz},
    ),
    "Program": lambda: Call(simulation.Program, {"model": model, **RUN}),
    "Program.run": lambda: Call(
        program().run, {"values": {"neurons.tau": 5 * ms}, "seed": 1, "noise": 1, "finish": lambda network: None}
    ),
    "Program.holds": lambda: Call(program().holds, {"seed": 1}),
    "SampledMonitor": lambda: Call(
        simulation.SampledMonitor,
        {"source": neurons(), "variables": "v", "record": True, "every": 1 * ms, "when": "end", "order": 3},
    ),
    "load": lambda: Call(simulation.load, {"path": netcdf()}),
    "load_state": lambda: Call(
        simulation.load_state, {"network": Network(force(name="force"), neurons(name="others")), "path": state()}
    ),
    "reused": lambda: Call(reused, {"model": model, "duration": 2 * ms, "record": "v", "device": "numpy"}),
    "save": lambda: Call(simulation.save, {"dataset": dataset(), "path": "new.nc"}),
    "save_state": lambda: Call(simulation.save_state, {"network": Network(neurons()), "path": "new.npz"}),
    "simulate": lambda: Call(
        simulation.simulate, {"model": model, **RUN, "values": {"neurons.tau": 5 * ms}, "finish": lambda network: None}
    ),
}


def netcdf(path="right.nc"):
    simulation.save(dataset(), path)
    return path
