"""
A heterogeneous population in ten lines
=======================================

Three hundred Izhikevich neurons that differ in their background current. You keep writing Brian2: a population is a
``NeuronGroup``, and everything that Brian2 records and runs works with it.
"""

# %%
# The ten lines. A Lorentzian has heavy tails: a few neurons lie far out, as in the mean field of the model.

import matplotlib.pyplot as plt
import numpy as np
from brian2 import Network, SpikeMonitor, ms, pA, second

import hetbrian as hb

rng = np.random.default_rng(1)
currents = hb.Lorentzian(1100 * pA, half_width=100 * pA).draw(300, rng)
neurons = hb.population(300, hb.Izhikevich.FORCE, hb.single_exponential(20 * ms), eta=currents)
synapses = hb.recurrent(neurons, gain=500 * pA, rng=rng)
spikes = SpikeMonitor(neurons)
Network(neurons, synapses, spikes).run(0.5 * second)

# %%
# The same network without heterogeneity, for comparison. 1100 pA is above the rheobase, so that every neuron fires, and
# all of them do so together; with the spread a third of the currents lies below the rheobase, and every neuron has a
# rate of its own.

same = hb.population(300, hb.Izhikevich.FORCE, hb.single_exponential(20 * ms), eta=1100 * pA, name="same")
same_spikes = SpikeMonitor(same)
Network(same, hb.recurrent(same, gain=500 * pA, rng=rng, name="same_synapses"), same_spikes).run(0.5 * second)
rheobase = hb.Izhikevich.FORCE.rheobase
print(f"rheobase {rheobase / pA:.0f} pA, {np.mean(currents < rheobase):.0%} of the currents below it")
print(f"spikes: {same_spikes.num_spikes} without heterogeneity, {spikes.num_spikes} with")

# %%
# Neurons sorted by their current. `Gaussian`, `Uniform`, `LogNormal` and `Gamma` are drawn in the same way,
# ``.truncated(low, high)`` cuts the tails, ``g=`` and ``theta=`` make coupling and reset heterogeneous. ``eta=`` takes
# any array with units, your measured one too.

rank = np.argsort(np.argsort(currents))
figure, axes = plt.subplots(1, 2, figsize=(7, 3), sharex=True, sharey=True, layout="constrained")
for axis, monitor, order, title in (
    (axes[0], same_spikes, np.arange(300), "all alike"),
    (axes[1], spikes, rank, "Lorentzian background current"),
):
    axis.plot(monitor.t / ms, order[np.asarray(monitor.i)], ".", ms=2)
    axis.set(xlabel="time (ms)", title=title)
axes[0].set_ylabel("neuron, sorted by current")
plt.show()
