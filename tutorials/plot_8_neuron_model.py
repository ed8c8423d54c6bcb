"""
Add your own neuron model
=========================

Models are Brian2 equations. A function ``model(rng, ...)`` that returns a ``Network`` is all that `simulate`,
`Program`, sweeps, FORCE and the torch export ask for; this page builds one for the adaptive exponential neuron (Brette
& Gerstner 2005) with a heterogeneous threshold.
"""

# %%
# The model
# ---------
# Numbers are data with a source; the equations are written once. Three habits keep a model the same everywhere: one
# named clock, a complete ``namespace``, and every random number drawn from ``rng``.

import matplotlib.pyplot as plt
import numpy as np
import torch
from brian2 import Clock, Network, NeuronGroup, SpikeMonitor, ms, mV, nA, nS, pA, pF, second

import hetbrian as hb
from hetbrian.torch.comparison import compare
from hetbrian.torch.export import to_torch

NUMBERS = {  # Brette & Gerstner 2005, doi 10.1152/jn.00686.2005
    "C": 281 * pF,
    "g_L": 30 * nS,
    "E_L": -70.6 * mV,
    "slope": 2 * mV,
    "tau_w": 144 * ms,
    "a": 4 * nS,
    "b": 80.5 * pA,
    "v_peak": 0 * mV,
    "tau_s": 20 * ms,
    "ms": ms,
}

EQUATIONS = """
dv/dt = (g_L*(E_L - v) + g_L*slope*exp((v - v_t)/slope) - w + current + I_feedback)/C : volt
dw/dt = (a*(v - E_L) - w)/tau_w : amp
dr/dt = -r/tau_s : 1     # filtered spikes per ms, for readouts
current : amp
I_feedback : amp         # what FORCE may drive
v_t : volt (constant)    # heterogeneous threshold
"""


def model(rng, n_neurons=60, spread=2 * mV, currents=0.8 * nA):
    """Return uncoupled adaptive exponential neurons with a spread of the threshold."""
    neurons = NeuronGroup(
        n_neurons,
        EQUATIONS,
        threshold="v > v_peak",
        reset="v = E_L; w += b; r += ms/tau_s",
        method="euler",
        namespace=NUMBERS,
        clock=Clock(0.05 * ms, name="clock"),
        order=0,
        name="neurons",
    )
    neurons.v, neurons.current = NUMBERS["E_L"], currents
    neurons.v_t = hb.Gaussian(-50.4 * mV, spread).draw(n_neurons, rng)
    return Network(neurons)


# %%
# What works with it
# ------------------
# A run on any device, with a guard that stops when a potential is not finite any more; values of a built program; the
# torch twin.

run = hb.simulate(model, 0.5 * second, device="numpy", record={"v": [0, 1, 2], "spikes": True})
network = model(np.random.default_rng(0))
print(compare(network["neurons"], to_torch(network["neurons"], dtype=torch.float64, width=2 * mV), 50 * ms))

# %%
# Rates against the current, for neurons that are alike and for those that are not:

levels = np.linspace(0.4, 1.2, 60) * nA
curves = {}
for spread in (0 * mV, 4 * mV):
    network = model(np.random.default_rng(1), spread=spread, currents=levels)
    spikes = SpikeMonitor(network["neurons"], name="spikes")
    network.add(spikes)
    network.run(1 * second, namespace={})
    curves[f"{spread / mV:.0f} mV"] = np.asarray(spikes.count / second)

figure, axes = plt.subplots(1, 2, figsize=(7, 3), layout="constrained")
for neuron in range(3):
    axes[0].plot(run.time * 1000, run.v.isel(neuron=neuron) + 90 * neuron, lw=0.8)
axes[0].set(xlabel="time (ms)", ylabel="potential (mV), each 90 mV higher", title="three thresholds")
for label, rates in curves.items():
    axes[1].plot(levels / nA, rates, "o-", ms=3, lw=0.8, label=label)
axes[1].set(xlabel="current (nA)", ylabel="rate (Hz)", title="60 neurons", ylim=(-2, 75))
axes[1].legend(title="spread of the threshold")
plt.show()

# %%
# To train it, add `FORCE` as in :ref:`sphx_glr_tutorials_plot_2_force.py`: the variables have the names that it looks
# for. To keep it, put it into a file of its own with a docstring that names the source of its numbers, and a test:
# CONTRIBUTING.md says which.
