"""Calls of the room published."""

from brian2 import ms, pA

from hetbrian import network, published, readout
from hetbrian.analysis import MeanField
from tests.fuzz.calls import Call
from tests.fuzz.of_networks import force, rng


def target(dt):
    return readout.sine(frequency=1 / (100 * dt), dt=dt, name="sine")


def drive(n_neurons, dt, rng):
    return network.pulses(
        amplitude=1 * pA, starts=[1] * ms, duration=1 * ms, sigma=1 * ms, span=9 * ms, resolution=dt, name="pulses"
    )


def saved():
    path, group = "right.npz", force(name="force")
    group.save(path)
    return path


LAWS = {
    "eta": 1000 * pA, "eta_half_width": 10 * pA, "g_half_width": 100 * pA, "theta": 0.3, "theta_half_width": 0.1,
    "reset": "residual",
}  # fmt: skip


def force_values(rng, n_neurons, n_outputs, recurrent_gain, feedback_gain, built_gain, **laws):
    return published.force_values(
        rng,
        n_neurons,
        n_outputs,
        recurrent_gain=recurrent_gain,
        feedback_gain=feedback_gain,
        built_gain=built_gain,
        **laws,
    )


GAINS = {"recurrent_gain": 2000 * pA, "feedback_gain": 2000 * pA}

PUBLISHED = {
    "ca3_network": lambda: Call(
        published.ca3_network,
        {"rng": rng(), "n_neurons": 4, "meanfield": MeanField.CA3, "v_peak": 100.0, "v_reset": -100.0,
         "draw": "random", "adaptation": "shared", "theta": 0.1, "reset": "residual", "start": [0.1, 0.0, 0.0, 0.1],
         "dt": 1e-3},
    ),
    "force_network": lambda: Call(
        published.force_network,
        {"rng": rng(), "n_neurons": 3, **GAINS, "probability": 0.5, "synapse": "double_exponential", **LAWS,
         "target": target, "drive": drive, "start": 1 * ms, "stop": 4 * ms, "every": 0.8 * ms, "initial_P": 2.0,
         "dtype": "float64", "readout": saved(), "dt": 0.1 * ms},
        says={"n_neurons": ("_P", "_weights"), "recurrent_gain": ("g_half_width",)},
    ),
    "force_values": lambda: Call(
        force_values,
        {"rng": rng(), "n_neurons": 3, "n_outputs": 2, **GAINS, "built_gain": 1000 * pA, "probability": 0.5, **LAWS},
        says={"recurrent_gain": ("g_half_width",)},
    ),
    "reservoir": lambda: Call(
        published.reservoir,
        {"rng": rng(), "onsets": [1.0, 2.0], "trial_length": 30.0, "n_neurons": 3, "eta": 0.12, "eta_half_width": 0.01,
         "g_half_width": 0.1, "theta": 0.1, "theta_half_width": 0.01, "reset": "residual", "amplitude": 0.6,
         "pulse_length": 20.0, "pulse_sigma": 2.0, "start": "zero", "pauses": True, "gating": "own",
         "settling_gain": 0.5, "tau_r": 10.0, "dt": 1e-3},
    ),
}  # fmt: skip
