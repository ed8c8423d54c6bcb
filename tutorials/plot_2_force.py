"""
FORCE-train your own group, then the same in C++
================================================

Any ``NeuronGroup`` learns, not only ours: all that `FORCE` asks for is a variable with the filtered spikes of each
neuron and, if the output is to drive the network, one for the feedback current. Here the leaky integrate-and-fire
network of Nicola & Clopath (2017), written in plain Brian2, learns a sine.
"""

# %%
# Your group
# ----------
# A spike adds to ``r``, which decays: that is the activity that the readout weighs. ``drive`` is what the output
# drives.

import time

import matplotlib.pyplot as plt
import numpy as np
from brian2 import Clock, Hz, Network, NeuronGroup, Synapses, ms, second

import hetbrian as hb

EQUATIONS = """
dv/dt = (-v + bias + current + drive)/tau_m : 1 (unless refractory)
dcurrent/dt = -current/tau_s : 1
dr/dt = -r/tau_s : 1
drive : 1
bias : 1 (constant)
"""


def model(rng, n_neurons=300, gain=2.0, feedback=10.0):
    """Return a network of spiking neurons that learns a 5 Hz sine."""
    clock = Clock(0.1 * ms, name="clock")
    names = {"tau_m": 10 * ms, "tau_s": 20 * ms, "ms": ms}
    neurons = NeuronGroup(
        n_neurons,
        EQUATIONS,
        threshold="v > -40",
        reset="v = -65; r += ms/tau_s",
        refractory=2 * ms,
        method="euler",
        clock=clock,
        namespace=names,
        name="neurons",
    )
    neurons.v = rng.uniform(-65, -40, n_neurons)
    neurons.bias = hb.Lorentzian(-40, half_width=1).draw(n_neurons, rng)
    synapses = Synapses(neurons, neurons, "w : 1", on_pre="current_post += w", clock=clock, name="recurrent")
    pairs = rng.choice(n_neurons**2, n_neurons**2 // 10, replace=False)  # a tenth of them, for every seed
    synapses.connect(i=pairs // n_neurons, j=pairs % n_neurons)
    synapses.w = gain * rng.standard_normal(pairs.size) / (0.1 * np.sqrt(n_neurons))
    force = hb.FORCE(
        neurons,
        hb.sine(frequency=5 * Hz, dt=0.1 * ms, name="target"),
        feedback * rng.uniform(-1, 1, n_neurons),
        feedback="drive",
        start=0.5 * second,
        stop=2 * second,
        every=2 * ms,
        name="force",
    )
    return Network(neurons, synapses, force)


# %%
# Run it
# ------
# `simulate` builds the network on a device, records ``z`` (the output), ``y`` (the target) and spikes, and returns an
# xarray Dataset. Learning begins at 0.5 s and ends at 2 s; then the network is on its own.

runs = {}
for device in ("numpy", "cpp_standalone"):
    started = time.perf_counter()
    runs[device] = hb.simulate(model, 3 * second, seed=1, device=device)
    print(f"{device}: {runs[device].sizes['spike']} spikes, {time.perf_counter() - started:.1f} s")

# %%
# The same in C++
# ---------------
# Nothing but the name of the device changed. The first run compiles; the program is kept, so that another seed, gain or
# target starts at once, as long as the number of synapses stays the same:

started = time.perf_counter()
again = hb.simulate(model, 3 * second, seed=2, device="cpp_standalone")
print(f"another seed: {time.perf_counter() - started:.1f} s")

# %%
# Both devices fire the same spikes until sums in another order have moved the first one (:doc:`/devices`): compare
# statistics after that, not spikes.

both = [runs[device].spike_time.values for device in runs]
same = min(map(len, both))
apart = np.flatnonzero(both[0][:same] != both[1][:same])
print("first difference:", f"{both[0][apart[0]]:.3f} s" if apart.size else "none")

# %%
# Before, while and after learning; with N = 2000, fifteen seconds and five of learning the error is far smaller, and
# C++ takes seconds for it.

figure, axes = plt.subplots(2, 1, figsize=(7, 4), sharex=True, sharey=True, layout="constrained")
for axis, (device, run) in zip(axes, runs.items(), strict=True):
    axis.axvspan(0.5, 2, color="0.93", lw=0)
    axis.plot(run.time, run.y.isel(output=0), color="0.6", lw=3, label="target")
    axis.plot(run.time, run.z.isel(output=0), lw=1, label="output")
    axis.set(ylabel="output", title=device, ylim=(-2, 2))
axes[0].legend(loc="upper left", ncols=2)
axes[1].set_xlabel("time (s); it learns in the grey interval")
plt.show()
